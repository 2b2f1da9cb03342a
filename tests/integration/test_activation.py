#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""batond as systemd starts it: sockets passed down, readiness, watchdog and stop told, an orderly stop."""
import os
import signal
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import Client, Failed  # noqa: E402
from daemon import PATIENCE, wait_until  # noqa: E402


def start(listener, **environment):
    """Starts batond with LISTENER as systemd's first socket; its process id."""
    pid = os.fork()
    if pid == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        environment.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execvpe("batond", ["batond", "--procs", os.environ.get("TEST_PROCS", "1"), "--log-level", "warning"], {**os.environ, **environment})
    return pid


class Activation(unittest.TestCase):
    def setUp(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("baton.sock")
        self.listener.listen(64)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind("notify")
        self.notify.settimeout(PATIENCE)
        self.start()

    def start(self, **environment):
        self.pid = start(self.listener, NOTIFY_SOCKET=os.path.abspath("notify"), **environment)
        self.status = None

    def tearDown(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.listener.close()
        self.notify.close()
        os.unlink("baton.sock")
        os.unlink("notify")

    def heard(self, *expected):
        """Waits until each of EXPECTED was told."""
        missing = set(expected)
        while missing:
            missing -= set(self.notify.recv(4096).decode().split("\n"))

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def test_it_serves_the_socket_it_is_given_and_tells_how_it_is(self):
        self.heard("READY=1")
        with Client("baton.sock") as ann:
            ann.call("Daemon.Ping", payload=b"x")
        self.assertEqual(self.stop(), 0)
        self.heard("STOPPING=1")
        self.assertTrue(os.path.exists("baton.sock"), "the socket file is systemd's to remove")

    def test_it_feeds_the_watchdog(self):
        self.heard("READY=1")
        self.assertEqual(self.stop(), 0)
        self.start(WATCHDOG_USEC="300000")
        self.heard("READY=1")
        self.heard("WATCHDOG=1")
        self.heard("WATCHDOG=1")
        self.assertEqual(self.stop(), 0)

    def test_a_client_may_come_before_the_daemon_is_ready(self):
        with Client("baton.sock") as ann:
            ann.call("Daemon.Ping", payload=b"x")
        self.assertEqual(self.stop(), 0)

    def test_a_stop_ends_blocked_calls_with_a_reason(self):
        self.heard("READY=1")
        with Client("baton.sock") as ann, Client("baton.sock") as bob:
            ann.call("Mutex.Lock", name="m")
            waiting = bob.start("Mutex.Lock", name="m")
            wait_until(lambda: ann.call("Daemon.Inspect", kind="mutex", name="m").object.waiters == 1, "bob waits")
            os.kill(self.pid, signal.SIGTERM)
            with self.assertRaises(Failed) as caught:
                bob.wait(waiting)
            self.assertEqual(caught.exception.reason, "REASON_SHUTTING_DOWN")
            with self.assertRaisesRegex(ConnectionError, "stopping"):
                ann.wait(-1)
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.assertEqual(self.status, 0)


if __name__ == "__main__":
    unittest.main()
