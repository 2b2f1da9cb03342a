#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Peers that keep to the framing and mean harm all the same: what they do is theirs alone to bear."""
import array
import contextlib
import os
import re
import resource
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from baton.v1 import channel_pb2, connection_pb2  # noqa: E402
from client import HELLO, REQUEST, REQUEST_HEADER, Client, Failed  # noqa: E402
from daemon import Daemon, wait_until  # noqa: E402

HELLO_BODY = connection_pb2.ClientHello(protocol=1, client="hostile").SerializeToString()


class Bare(Client):
    """A connection without a session."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.last_call = self.last_reply = 0
        self.started, self.answers, self.notices = {}, {}, []
        self._write(HELLO, HELLO_BODY)
        self._read_frame()


def reason_of(call, *arguments, **fields):
    try:
        call(*arguments, **fields)
    except Failed as failed:
        return failed.reason
    return "OK"


def serves(daemon):
    with Client(daemon.path) as client:
        token = client.call("Mutex.Lock", name="serves", timeout=60).token
        client.call("Mutex.Unlock", name="serves", token=token)


def chain_of_children(daemon):
    """Thousands of sessions, each the child of the one before: the end of the first ends them all."""
    with Bare(daemon.path) as client:
        before = client.call("Daemon.Status").sessions
        root = parent = client.call("Session.Open", ttl_us=600_000_000, detached=True)
        for _ in range(5000):
            parent = client.call("Session.Open", ttl_us=600_000_000, detached=True, parent=parent.session,
                                 parent_secret=parent.secret)
        client.call("Session.Close", session=root.session, secret=root.secret)
        assert client.call("Daemon.Status").sessions == before


def child_closes_its_parent(daemon):
    """A session that ends by its own call through its parent's end gets its reply before the connection closes."""
    with Client(daemon.path) as parent:
        opened = parent.session
        child = Client(daemon.path, parent=opened.session, parent_secret=opened.secret)
        child.call("Session.Close", session=opened.session, secret=opened.secret)
        child.socket.close()


def blocks_on_while_it_is_killed(daemon):
    """A session that goes on sending calls that wait, over several connections, ends all the same."""
    with Client(daemon.path) as operator:
        operator.call("Channel.Make", name="flood")
        victim = Client(daemon.path)
        lanes = [victim] + [attached(daemon.path, victim.session) for _ in range(3)]
        for _ in range(2000):
            victim.start("Channel.Receive", name="flood")
        wait_until(lambda: operator.call("Daemon.Status").blocked == 2000, "all wait")
        threads = [threading.Thread(target=flood, args=(lane,)) for lane in lanes]
        for thread in threads:
            thread.start()
        wait_until(lambda: operator.call("Daemon.Status").blocked > 4000, "more come")
        operator.call("Session.Kill", session=victim.session.session)
        for lane in lanes:
            lane.socket.shutdown(socket.SHUT_RDWR)  # else it takes 10 s until the daemon cuts off who does not read
        for thread in threads:
            thread.join()
        assert operator.call("Daemon.List", pattern="flood").objects[0].waiters == 0
        assert operator.call("Daemon.Status").blocked == 0
        operator.call("Channel.Delete", name="flood")
        for lane in lanes:
            lane.socket.close()


def attached(path, session):
    client = Bare(path)
    client.call("Session.Attach", session=session.session, secret=session.secret)
    return client


def flood(client):
    """Sends calls that wait until the daemon closes the connection."""
    try:
        while True:
            for _ in range(16):
                client.start("Channel.Receive", name="flood")
    except OSError:
        pass


def peak_kilobytes(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1))


def hello_of_unknown_fields(daemon):
    """A hello as long as a frame may be, of millions of unknown fields, costs no more than a call of that length."""
    body = HELLO_BODY + b"\x78\x01" * (8 << 20)
    before = peak_kilobytes(daemon)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(daemon.path)
        peer.sendall(REQUEST_HEADER.pack(REQUEST_HEADER.size + len(body), HELLO, 0, 0, 0, 0, 0, 0, 0) + body)
        assert peer.recv(1), "an answer"
    grown = peak_kilobytes(daemon) - before
    assert grown < 300 << 10, f"a hello of {len(body) >> 10} kB took {grown} kB"


def nul_in_a_name(daemon):
    """A name with a NUL in it is no other name."""
    with Client(daemon.path) as client:
        client.call("Mutex.Lock", name="a")
        client.call("Channel.Make", name="a")
        for method in ("Mutex.Lock", "Mutex.Check", "Channel.Make", "Channel.Send", "Channel.Delete"):
            assert reason_of(client.call, method, name="a\0b", timeout=1) == "REASON_BAD_REQUEST", method
        assert reason_of(client.call, "Daemon.Inspect", kind="mutex", name="a\0b") == "REASON_BAD_REQUEST"
        assert reason_of(client.call, "Session.Open", label="\0") != "OK"
        client.call("Channel.Send", name="a", value=b"\0", no_wait=True)
        client.call("Channel.Delete", name="a")


def descriptors_in_flight(daemon):
    """Descriptors that nobody asked for are closed: a peer's own would hide its end for ever."""
    before = daemon.descriptors()
    own = []
    for i in range(200):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(daemon.path)
        sent = [peer.fileno()] * (1 + i % 40)
        peer.sendmsg([b"\x30"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", sent))])
        if i % 2:
            own.append(peer)
        else:
            peer.close()
    wait_until(lambda: daemon.descriptors() <= before + len(own), "no passed descriptor is kept")
    for peer in own:
        peer.close()
    wait_until(lambda: daemon.descriptors() <= before, "the connections are gone")


def never_acknowledges(daemon):
    """A lane that reads and never acknowledges is cut at a bound; its messages are back."""
    count = 100_001
    with Client(daemon.path) as other:
        other.call("Channel.Make", name="never", capacity=count)
        one = Client(daemon.path)
        send = channel_pb2.ChannelSendRequest(name="never", value=b"m").SerializeToString()
        receive = channel_pb2.ChannelReceiveRequest(name="never").SerializeToString()
        frames = bytearray()
        for call in range(1, 2 * count + 1):
            body, method = (send, 0x0302) if call <= count else (receive, 0x0303)
            length = REQUEST_HEADER.size + len(body)
            frames += REQUEST_HEADER.pack(length, REQUEST, 0, method, call + 1, 0, 0, 0, 0) + body
        writer = threading.Thread(target=write_all, args=(one.socket, frames))
        writer.start()
        while one.socket.recv(1 << 16):
            pass
        writer.join()
        one.socket.close()
        wait_until(lambda: other.call("Channel.Length", name="never").length == count, "all messages are back")
        assert other.call("Channel.Receive", name="never").attempt == 1
        other.call("Channel.Delete", name="never")


def write_all(to, data):
    with contextlib.suppress(OSError):
        to.sendall(data)


def newline_in_a_label(daemon):
    """A label does not make lines of the log."""
    forged = "x\nbatond: error: forged"
    client = Client(daemon.tcp, ttl=0.2, label=forged)
    wait_until(lambda: 'label="x?batond: error: forged"' in log_of(daemon), "its expiry is logged")
    assert "\nbatond: error: forged" not in log_of(daemon)
    client.socket.close()


def log_of(daemon):
    with open(daemon.log, encoding="utf-8") as log:
        return log.read()


def log_that_nobody_reads():
    """A full pipe for a log holds nobody up."""
    os.mkdir("full")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with Daemon("--log-level", "debug", folder="full", stderr=writing) as daemon:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        for _ in range(100):
            serves(daemon)
        assert daemon.stop() == 0
    os.close(reading)
    os.close(writing)


def out_of_descriptors():
    """More connections than descriptors: who is connected is served, and the rest as soon as there is room."""
    os.mkdir("few")
    with Daemon(folder="few", tcp=False) as daemon:
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        with Client(daemon.path) as client:
            waiting = []
            for _ in range(100):
                peer = socket.socket(socket.AF_UNIX)
                peer.connect(daemon.path)
                length = REQUEST_HEADER.size + len(HELLO_BODY)
                peer.sendall(REQUEST_HEADER.pack(length, HELLO, 0, 0, 0, 0, 0, 0, 0) + HELLO_BODY)
                waiting.append(peer)
            wait_until(lambda: daemon.descriptors() == 40, "no descriptor is left")
            token = client.call("Mutex.Lock", name="few", timeout=60).token
            client.call("Mutex.Unlock", name="few", token=token)
            for peer in waiting:
                peer.settimeout(60)
                assert peer.recv(1), "its turn comes"
                peer.close()
        assert daemon.stop() == 0


def main():
    out_of_descriptors()
    print("ok out_of_descriptors")
    log_that_nobody_reads()
    print("ok log_that_nobody_reads")
    with Daemon() as daemon:
        for test in (chain_of_children, child_closes_its_parent, blocks_on_while_it_is_killed, hello_of_unknown_fields,
                     nul_in_a_name, descriptors_in_flight, newline_in_a_label,
                     never_acknowledges):
            test(daemon)
            serves(daemon)
            print(f"ok {test.__name__}")
        assert daemon.stop() == 0, "an orderly stop"


main()
