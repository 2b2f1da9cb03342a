#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""baton top: the screen on a terminal, which is given back as it was, and rows elsewhere."""
import atexit
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

PATIENCE = 20
BUILD = os.environ.get("BATON_BUILD") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build")
BATON = os.path.realpath(os.environ.get("BATON", os.path.join(BUILD, "baton")))
BATOND = os.path.realpath(os.environ.get("BATOND", os.path.join(BUILD, "batond")))


class Screen:
    """`baton top` on a pseudo-terminal of ROWS by COLUMNS."""

    def __init__(self, *arguments, rows=24, columns=100):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen([BATON, "top", *arguments], stdin=self.slave, stdout=self.slave,
                                        start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.text = ""

    def expect(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.text, re.DOTALL)):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], (pattern, self.text[-1000:])
            self.text += os.read(self.master, 65536).decode()
        self.text = self.text[match.end():]
        return match

    def press(self, key):
        os.write(self.master, key.encode())

    def ends(self, status):
        assert self.process.wait(PATIENCE) == status, self.process.returncode
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is as it was"
        self.expect(re.escape("\033[?1049l"))
        os.close(self.master)
        os.close(self.slave)


def output(*arguments):
    return subprocess.run([BATON, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                          timeout=PATIENCE).stdout.decode()


def hold(name):
    """A process that holds NAME until its standard input ends."""
    return subprocess.Popen([BATON, "lock", name, "--", "cat"], stdin=subprocess.PIPE)


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def rows_elsewhere():
    """Rows: one of the daemon, then the objects, those that most wait for first."""
    rows = [line.split("\t") for line in output("top").splitlines()]
    assert rows[0][0] == "batond", rows
    assert [row[:2] for row in rows[1:]] == [["mutex", "wanted"], ["mutex", "held"], ["chan", "jobs"]], rows
    assert rows[3] == ["chan", "jobs", "open", "0", "0", "1", "4"], rows
    rounds = [json.loads(line) for line in output("-o", "json", "top", "--rounds", "2", "-d", "10ms").splitlines()]
    assert [row["kind"] for row in rounds] == ["batond", "mutex", "mutex", "chan"] * 2, rounds
    assert rounds[1]["waiters"] == 1 and rounds[0]["blocked"] == 1, rounds


def screen():
    """Paints again and again, sorts, follows the terminal's size, and q leaves."""
    top = Screen("-d", "50ms")
    top.expect(r"batond \S+  pid \d+  up ")
    top.expect("mutex    wanted .*mutex    held .*chan     jobs .*open 1/4")
    top.expect("batond .* calls/s")
    top.press("s")
    top.press("s")
    top.expect(r"by name\).*chan     jobs.*mutex    held")
    fcntl.ioctl(top.master, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 60, 0, 0))
    os.kill(top.process.pid, signal.SIGWINCH)
    top.expect(r"STATE     \033\[K\033\[m\s+chan     jobs[^\n]*\033\[H")
    top.press("q")
    top.ends(0)


def interrupted():
    """^C ends it by the signal, and the terminal is given back."""
    top = Screen()
    top.expect("KIND")
    top.press("\x03")
    top.ends(-signal.SIGINT)


def the_daemon_goes(daemon):
    """When the daemon goes it says so, on the terminal as it was before."""
    top = Screen("-d", "20ms")
    top.expect("KIND")
    daemon.kill()
    daemon.wait()
    top.ends(3)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BATON_SERVER"] = f"unix:{folder}/sock"
        for name in "BATON_SESSION", "BATON_TIMEOUT", "BATON_CTX":
            os.environ.pop(name, None)
        daemon = subprocess.Popen([BATOND, "--listen", os.environ["BATON_SERVER"], "--state", folder,
                                   "--log-level", "warning"])
        atexit.register(daemon.kill)
        until(lambda: subprocess.run([BATON, "-q", "-t", "1s", "ping"], check=False).returncode == 0)
        output("chan", "make", "jobs", "--cap", "4")
        output("chan", "send", "jobs", "one")
        held = [hold("held"), hold("wanted")]
        until(lambda: output("ls", "mutex").count("locked") == 2)
        waiting = hold("wanted")
        until(lambda: output("ls", "mutex", "wanted").split("\t")[4] == "1\n")
        for test in rows_elsewhere, screen, interrupted:
            test()
            print(f"ok {test.__name__}")
        for process in *held, waiting:
            process.communicate()
        the_daemon_goes(daemon)
        print("ok the_daemon_goes")


main()
