# SPDX-License-Identifier: MIT
"""A batond of a test's own: on a Unix socket and a free TCP port, in the test's folder; ended by pid."""
import os
import re
import signal
import socket
import subprocess
import time

PATIENCE = 60  # seconds that anything may take which will happen


def wait_until(condition, what, patience=PATIENCE):
    """Returns CONDITION()'s first true answer; fails naming WHAT when there is none in time."""
    deadline = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still not: {what}")
        time.sleep(0.002)


class Daemon:
    def __init__(self, *arguments, folder=".", tcp=True, stderr=None):
        """STDERR: a descriptor for its log in place of a file in FOLDER."""
        self.stderr = stderr
        self.path = os.path.abspath(os.path.join(folder, "baton.sock"))
        self.log = os.path.abspath(os.path.join(folder, "batond.log"))
        self.arguments = ["batond", "--procs", os.environ.get("TEST_PROCS", "1"), *arguments]
        if tcp:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.tcp = probe.getsockname()
            self.arguments += ["--listen", f"tcp:127.0.0.1:{self.tcp[1]}"]
        self.arguments += ["--listen", f"unix:{self.path}"]  # the last: where it answers, all do
        self.start()

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stderr=self.stderr or log)
        wait_until(self.answers, "batond answers")

    def answers(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise AssertionError(f"batond ended with {self.process.returncode}: {log.read()[-2000:]}")
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.path) == 0

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kilobytes(self):
        """Its resident memory that is its own."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"RssAnon:\s+(\d+)", status.read()).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL if self.process.poll() is None else signal.SIGTERM)
