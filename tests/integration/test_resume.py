#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Lanes that outlive their connection: what a client sends again after a break takes effect exactly once."""
import os
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import HELLO, REQUEST, Client, Failed  # noqa: E402
from daemon import Daemon, wait_until  # noqa: E402

SCALE = float(os.environ.get("TEST_SCALE", "1"))


class Returning(Client):
    """A client that comes back: it keeps what it sent until it is answered."""

    def __init__(self, path, ttl=60):
        self.path, self.frames = path, {}
        super().__init__(path, ttl=ttl)

    def _write(self, kind, body=b"", method=0, call=0, timeout_us=0):
        if kind == REQUEST:
            self.frames[call] = (body, method, timeout_us)
        try:
            super()._write(kind, body, method, call, timeout_us)
        except OSError:
            pass  # it will be sent again

    def _take(self, kind, status, call, number, body):
        self.frames.pop(call, None)
        super()._take(kind, status, call, number, body)

    def cut(self):
        self.socket.close()

    def come_back(self, lane=None, again=True):
        """Takes the lane up over a new connection; AGAIN: and sends what was not answered."""
        from baton.v1 import connection_pb2
        waiting, self.frames = self.frames, {}
        classes = {call: self.started.pop(call) for call in waiting}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(self.path)
        self._write(HELLO, connection_pb2.ClientHello(protocol=1, client="again").SerializeToString())
        attached = self.start("Session.Attach", session=self.session.session, secret=self.session.secret,
                              lane=lane or self.session.lane, last_reply=self.last_reply)
        self._read_frame()
        if again:
            for call, (body, method, timeout_us) in sorted(waiting.items()):
                self.started[call] = classes[call]
                self._write(REQUEST, body, method, call, timeout_us)
        return self.wait(attached)

    def leave(self):
        self.call("Session.Close")
        self.socket.close()


def failure(call, *arguments, **fields):
    try:
        call(*arguments, **fields)
    except Failed as failed:
        return failed.reason
    return "OK"


def row(client, kind, name):
    rows = client.call("Daemon.List", kind=kind, pattern=name).objects
    return rows[0] if rows else None


def waiters(client, name):
    return row(client, "mutex", name).waiters


def done_and_not_heard(daemon, other):
    """A call that was done when its reply was lost is answered again, and not done again."""
    one = Returning(daemon.path)
    other.call("Channel.Make", name="r/done", capacity=8)
    sent = one.start("Channel.Send", name="r/done", value=b"x")
    wait_until(lambda: row(other, "chan", "r/done").length == 1, "the message is in")
    one.cut()
    one.come_back()
    one.wait(sent)
    assert other.call("Channel.Length", name="r/done").length == 1
    one.call("Channel.Send", name="r/done", value=b"y")
    assert other.call("Channel.Length", name="r/done").length == 2
    one.leave()


def never_came(daemon, other):
    """A call of which the daemon saw nothing is done when it comes."""
    one = Returning(daemon.path)
    one.cut()
    sent = one.start("Mutex.Lock", name="r/new")
    one.come_back()
    token = one.wait(sent).token
    assert other.call("Mutex.Check", name="r/new", token=token).holds
    one.leave()


def waits_on(daemon, other):
    """A call that waits keeps its place over a break, and is answered over the new connection."""
    token = other.call("Mutex.Lock", name="r/wait").token
    one = Returning(daemon.path)
    locked = one.start("Mutex.Lock", name="r/wait")
    wait_until(lambda: waiters(other, "r/wait") == 1, "it waits")
    one.cut()
    one.come_back()
    one.call("Daemon.Ping")
    assert waiters(other, "r/wait") == 1, "once, not twice"
    other.call("Mutex.Unlock", name="r/wait", token=token)
    assert other.call("Mutex.Check", name="r/wait", token=one.wait(locked).token).holds
    one.leave()


def granted_while_away(daemon, other):
    """What was granted while the client was away is told to it when it comes back."""
    token = other.call("Mutex.Lock", name="r/away").token
    one = Returning(daemon.path)
    locked = one.start("Mutex.Lock", name="r/away")
    wait_until(lambda: waiters(other, "r/away") == 1, "it waits")
    one.cut()
    other.call("Mutex.Unlock", name="r/away", token=token)
    wait_until(lambda: row(other, "mutex", "r/away").holders == 1, "it is granted")
    one.come_back()
    token = one.wait(locked).token
    assert other.call("Mutex.Check", name="r/away", token=token).holds
    one.call("Mutex.Unlock", name="r/away", token=token)
    one.leave()


def cancel_after_return(daemon, other):
    """CANCEL over the new connection ends a call that was sent over the former."""
    token = other.call("Mutex.Lock", name="r/cancel").token
    one = Returning(daemon.path)
    locked = one.start("Mutex.Lock", name="r/cancel")
    wait_until(lambda: waiters(other, "r/cancel") == 1, "it waits")
    one.cut()
    one.come_back()
    one.cancel(locked)
    assert failure(one.wait, locked) == "REASON_CANCELLED"
    other.call("Mutex.Unlock", name="r/cancel", token=token)
    one.leave()


def former_is_closed(daemon, other):
    """Who takes a lane up ends its former connection, and what that still sends is not heeded."""
    del other
    one = Returning(daemon.path)
    former = one.socket
    one.come_back()
    assert former.recv(1) == b""
    one.call("Daemon.Ping")
    former.close()
    one.leave()


def message_once(daemon, other):
    """A message whose reply was lost comes again with it, and is received once."""
    other.call("Channel.Make", name="r/once", capacity=8)
    for value in b"a", b"b":
        other.call("Channel.Send", name="r/once", value=value)
    one = Returning(daemon.path)
    received = one.start("Channel.Receive", name="r/once")
    wait_until(lambda: row(other, "chan", "r/once").deliveries == 1, "it is out")
    one.cut()
    one.come_back()
    first = one.wait(received)
    assert (first.value, first.attempt) == (b"a", 0), first
    one.acknowledge()
    wait_until(lambda: row(other, "chan", "r/once").deliveries == 0, "it is acknowledged")
    one.cut()
    one.come_back()
    assert one.call("Channel.Receive", name="r/once").value == b"b"
    one.leave()


def acknowledged_is_forgotten(daemon, other):
    """An id whose outcome was acknowledged is not run anew."""
    one = Returning(daemon.path)
    other.call("Channel.Make", name="r/old", capacity=8)
    sent = one.start("Channel.Send", name="r/old", value=b"x")
    frame = one.frames[sent]
    one.wait(sent)
    one.call("Daemon.Ping")
    one.started[sent] = type(one.session)
    one._write(REQUEST, frame[0], frame[1], sent)
    assert failure(one.wait, sent) == "REASON_BAD_CALL_ID"
    assert other.call("Channel.Length", name="r/old").length == 1
    one.leave()


def silent_lane_ends(daemon, other):
    """A lane that nobody takes up again within the ttl ends, though its session lives on."""
    token = other.call("Mutex.Lock", name="r/silent").token
    ttl = 0.5
    one = Returning(daemon.path, ttl=ttl)
    beating = Returning(daemon.path, ttl=60)
    child = Client(daemon.path, ttl=ttl, parent=one.session.session, parent_secret=one.session.secret)
    locked = one.start("Mutex.Lock", name="r/silent")
    wait_until(lambda: waiters(other, "r/silent") == 1, "it waits")
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    one.cut()

    def is_gone():
        child.ping()  # the session is heard
        time.sleep(ttl / 10)
        return waiters(other, "r/silent") == 0

    wait_until(is_gone, "the silent lane has ended")
    assert time.clock_gettime(time.CLOCK_BOOTTIME) - began >= ttl * 0.99
    assert failure(one.come_back) == "REASON_LANE_GONE"
    one.socket.close()
    assert locked
    other.call("Mutex.Unlock", name="r/silent", token=token)
    child.socket.close()
    beating.leave()


def without_ttl(daemon, other):
    """A lane of a session that ends with its connections cannot be taken up."""
    del other
    one = Returning(daemon.path, ttl=0)
    two = Returning(daemon.path, ttl=0)
    two.session, two.last_reply = one.session, 0
    assert failure(two.come_back) == "REASON_LANE_GONE"
    two.socket.close()
    one.socket.close()


def cut_often(daemon, other):
    """With the connection cut at any moment, hundreds of times, every send takes effect once and in order."""
    cuts = int(300 * SCALE)
    count = 0
    chance = random.Random(1)
    other.call("Channel.Make", name="r/often", capacity=1 << 20)
    one = Returning(daemon.path)
    for _ in range(cuts):
        batch = [one.start("Channel.Send", name="r/often", value=b"%d" % (count + i)) for i in range(20)]
        count += len(batch)
        cutter = threading.Timer(chance.random() * 0.002, one.socket.shutdown, [socket.SHUT_RDWR])
        cutter.start()
        for call in batch:
            while call not in one.answers:
                try:
                    one.wait(call)
                    break
                except (ConnectionError, OSError):
                    one.cut()
                    one.come_back()
        cutter.cancel()
        cutter.join()
    assert other.call("Channel.Length", name="r/often").length == count
    for i in range(count):
        assert other.call("Channel.Receive", name="r/often").value == b"%d" % i
    one.leave()


def main():
    with Daemon() as daemon, Client(daemon.path) as other:
        for test in (done_and_not_heard, never_came, waits_on, granted_while_away, cancel_after_return,
                     former_is_closed, message_once, acknowledged_is_forgotten, silent_lane_ends, without_ttl,
                     cut_often):
            test(daemon, other)
            print(f"ok {test.__name__}")
        wait_until(lambda: other.call("Session.List").sessions[1:] == [], "only one session is left")


main()
