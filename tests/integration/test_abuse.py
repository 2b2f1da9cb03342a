#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Peers that break the protocol, vanish, or never read: the daemon goes on serving the others and keeps nothing."""
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from baton.v1 import connection_pb2, mutex_pb2, session_pb2, status_pb2  # noqa: E402
from client import GOAWAY, HELLO, HELLO_REPLY, REPLY, REPLY_HEADER, REQUEST, REQUEST_HEADER, Client, Failed  # noqa: E402
from daemon import Daemon, wait_until  # noqa: E402

HELLO_BODY = connection_pb2.ClientHello(protocol=1, client="abuse").SerializeToString()


def frame(kind, body=b"", method=0, call=0, length=None, flags=0, last_reply=0, timeout_us=0):
    length = REQUEST_HEADER.size + len(body) if length is None else length
    return REQUEST_HEADER.pack(length, kind, flags, method, call, last_reply, timeout_us, 0, 0) + body


def connect(address):
    tcp = isinstance(address, tuple)
    peer = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX, socket.SOCK_STREAM)
    peer.connect(address)
    peer.settimeout(60)
    return peer


def read_all(peer):
    """All frames up to the end: (kind, status, call, body)."""
    data = b""
    try:
        while more := peer.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    frames = []
    while len(data) >= REPLY_HEADER.size:
        length, kind, _, status, call, _ = REPLY_HEADER.unpack(data[:REPLY_HEADER.size])
        frames.append((kind, status, call, data[REPLY_HEADER.size:length]))
        data = data[length:]
    assert data == b"", "the daemon's last frame is whole"
    return frames


def refused(address, data, what):
    """DATA is answered with GOAWAY and the end."""
    with connect(address) as peer:
        peer.sendall(data)
        frames = read_all(peer)
    assert frames and frames[-1][0] == GOAWAY, f"{what}: {frames}"
    text = status_pb2.Error.FromString(frames[-1][3]).text
    assert text, what
    return frames


def serves(daemon):
    """Another client is served."""
    with Client(daemon.path) as client:
        token = client.call("Mutex.Lock", name="serves", timeout=60).token
        client.call("Mutex.Unlock", name="serves", token=token)


def framing(daemon):
    for address in (daemon.path, daemon.tcp):
        refused(address, b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: everything\r\n\r\n", "garbage")
        refused(address, frame(HELLO, HELLO_BODY) + frame(REQUEST, length=0xffffffff), "a length of 4 GiB")
        refused(address, frame(HELLO, HELLO_BODY) + frame(REQUEST, length=3), "a length below the header's")
        refused(address, frame(HELLO, HELLO_BODY) + frame(77), "an unknown kind")
        refused(address, frame(HELLO, HELLO_BODY) + frame(REQUEST, flags=1), "flags")
        refused(address, frame(REQUEST, method=0x0201, call=1), "no hello")
        refused(address, frame(HELLO, HELLO_BODY) * 2, "two hellos")
        refused(address, frame(HELLO, b"\xff\xff\xff"), "an undecodable hello")
        refused(address, frame(HELLO), "protocol version 0")
        serves(daemon)
    before = refused(daemon.path, frame(HELLO, HELLO_BODY) + frame(REQUEST, method=0x0201, call=9) + frame(99), "order")
    assert [f[0] for f in before] == [HELLO_REPLY, REPLY, GOAWAY], "calls read before the broken frame are answered"


def truncated(daemon):
    """Every cut of a good stream, then the end: nothing is left."""
    opening = session_pb2.SessionOpenRequest().SerializeToString()
    lock = mutex_pb2.MutexLockRequest(name="cut").SerializeToString()
    stream = frame(HELLO, HELLO_BODY) + frame(REQUEST, opening, 0x0101, 1) + frame(REQUEST, lock, 0x0401, 2)
    for cut in range(len(stream)):
        with connect(daemon.path) as peer:
            peer.sendall(stream[:cut])
    with connect(daemon.path) as peer:  # one byte at a time
        for i in range(len(stream)):
            peer.sendall(stream[i:i + 1])
        with Client(daemon.path) as client:
            wait_until(lambda: client.call("Daemon.List", kind="mutex").objects, "the lock is there")
    serves(daemon)


def statuses(daemon):
    """What can be framed is answered with a status, and the connection goes on."""
    with Client(daemon.path) as client:
        def status(method, body):
            client.last_call += 1
            client.started[client.last_call] = session_pb2.SessionCloseResponse
            client._write(REQUEST, body, method, client.last_call)
            try:
                client.wait(client.last_call)
            except Failed as failed:
                return failed.status, failed.reason
            return "OK"

        assert status(0x7777, b"") == ("STATUS_UNIMPLEMENTED", "REASON_UNKNOWN_METHOD")
        assert status(0, b"") == ("STATUS_UNIMPLEMENTED", "REASON_UNKNOWN_METHOD")
        assert status(0x0401, b"\x0a\xff\xff\xff\xff") == ("STATUS_INVALID_ARGUMENT", "REASON_BAD_REQUEST")
        assert status(0x0401, b"\x0a\x02\xc3\x28") == ("STATUS_INVALID_ARGUMENT", "REASON_BAD_NAME")
        assert status(0x0401, b"") == ("STATUS_INVALID_ARGUMENT", "REASON_BAD_NAME")
        unknown = b"".join(b"\xfa\x3f\x04abcd" for _ in range(100000))  # field 1023, 100,000 times
        assert status(0x0201, unknown) in ("OK", ("STATUS_INVALID_ARGUMENT", "REASON_BAD_REQUEST"))
        assert status(0x0201, b"\xfa\x3f\x04abcd") == "OK", "an unknown field is ignored"
        for bad in ("", "-x", "a b", "a=b", "a\nb", "x" * 256, "\u00a0"):
            try:
                client.call("Mutex.Lock", name=bad)
                raise AssertionError(f"{bad!r} was taken for a name")
            except Failed as failed:
                assert failed.reason == "REASON_BAD_NAME", failed
        client.last_call = 0
        try:
            client.call("Daemon.Ping")
            raise AssertionError("a call id came twice")
        except Failed as failed:
            assert failed.reason == "REASON_BAD_CALL_ID", failed


def never_reads(daemon):
    """A peer that asks and never reads is not read from, then cut; others are served meanwhile."""
    ask = frame(REQUEST, b"\x0a\x80\x08" + bytes(1024), 0x0201, 1)
    with connect(daemon.path) as peer:
        peer.settimeout(1)
        sent = 0
        try:
            peer.sendall(frame(HELLO, HELLO_BODY))
            while sent < 64 << 20:
                sent += peer.send(ask * 32)
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 64 << 20, "the daemon took 64 MiB of calls whose answers nobody read"
        serves(daemon)
        peer.settimeout(60)
        wait_until(lambda: cut(peer), "a peer that does not read is cut")
    serves(daemon)


def cut(peer):
    try:
        peer.send(b"\0")
    except (BrokenPipeError, ConnectionResetError):
        return True
    except (TimeoutError, BlockingIOError):
        return False
    return False


def slow_reader(daemon):
    """One that reads late gets everything: backpressure loses nothing."""
    count = 4000
    with connect(daemon.path) as peer:
        data = frame(HELLO, HELLO_BODY)
        for i in range(count):
            data += frame(REQUEST, b"\x0a\x80\x08" + bytes(1024), 0x0201, i + 1)
        if os.fork() == 0:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            os._exit(0)
        time.sleep(0.3)
        frames = read_all(peer)
        os.wait()
    assert [f[2] for f in frames if f[0] == REPLY] == list(range(1, count + 1)), len(frames)


def end_frees_the_lock(daemon):
    """Data and the end in one go, by close and by shutdown: the holder's lock is freed."""
    opening = session_pb2.SessionOpenRequest(ttl_us=0).SerializeToString()
    lock = mutex_pb2.MutexLockRequest(name="gone").SerializeToString()
    stream = frame(HELLO, HELLO_BODY) + frame(REQUEST, opening, 0x0101, 1) + frame(REQUEST, lock, 0x0401, 2)
    with Client(daemon.path) as watcher:
        for i in range(50):
            for shut in (False, True):
                peer = connect(daemon.path)
                peer.sendall(stream)
                if shut:
                    peer.shutdown(socket.SHUT_WR)
                    read_all(peer)
                peer.close()
                token = watcher.call("Mutex.Lock", name="gone", timeout=30).token
                watcher.call("Mutex.Unlock", name="gone", token=token)
        opening = session_pb2.SessionOpenRequest(ttl_us=300000).SerializeToString()
        stream = frame(HELLO, HELLO_BODY) + frame(REQUEST, opening, 0x0101, 1) + frame(REQUEST, lock, 0x0401, 2)
        for shut in (False, True):
            peer = connect(daemon.tcp)
            peer.sendall(stream)
            if shut:
                peer.shutdown(socket.SHUT_WR)
                read_all(peer)
            peer.close()
            token = watcher.call("Mutex.Lock", name="gone", timeout=30).token
            watcher.call("Mutex.Unlock", name="gone", token=token)


LEAK_KB = 256  # 26 bytes a connection at full scale


def opened_and_dropped(daemon):
    """Thousands of connections opened and dropped: a second round adds nothing to memory, no descriptor is left."""
    count = int(10000 * float(os.environ.get("TEST_SCALE", "1")))
    opening = session_pb2.SessionOpenRequest().SerializeToString()
    lock = mutex_pb2.MutexLockRequest(name="d").SerializeToString()
    starts = (b"", frame(HELLO, HELLO_BODY)[:13], frame(HELLO, HELLO_BODY),
              frame(HELLO, HELLO_BODY) + frame(REQUEST, opening, 0x0101, 1),
              frame(HELLO, HELLO_BODY) + frame(REQUEST, opening, 0x0101, 1) + frame(REQUEST, lock, 0x0401, 2),
              random.Random(1).randbytes(200))

    def quiet():
        with Client(daemon.path) as client:
            token = client.call("Mutex.Lock", name="d", timeout=60).token  # takes the mark of its dead holders away
            client.call("Mutex.Unlock", name="d", token=token)
            status = client.call("Daemon.Status")
            return status.connections == 1 and status.sessions == 1 and status.objects == objects

    def one_round():
        open_ones = []
        for i in range(count):
            peer = connect(daemon.path if i % 4 else daemon.tcp)
            peer.sendall(starts[i % len(starts)])
            open_ones.append(peer)
            if len(open_ones) == 500:
                for one in open_ones:
                    one.close()
                open_ones = []
        for one in open_ones:
            one.close()
        wait_until(quiet, "all connections are gone")

    with Client(daemon.path) as client:
        objects = client.call("Daemon.Status").objects
    descriptors = daemon.descriptors()
    one_round()
    memory = [daemon.kilobytes()]
    leak_kb = LEAK_KB
    if "thread" in os.environ.get("TEST_SANITIZE", ""):
        leak_kb = sys.maxsize  # ThreadSanitizer's notes of what was accessed grow too
    # Pools grow with the most that was there at once, which is chance; what leaks grows with every round.
    while len(memory) < 3 or memory[-1] - memory[-2] > leak_kb or memory[-2] - memory[-3] > leak_kb:
        assert len(memory) < 16, f"each round adds memory: {memory} kB"
        one_round()
        memory.append(daemon.kilobytes())
    print(f"memory after rounds of {count} connections: {memory} kB")
    wait_until(lambda: daemon.descriptors() <= descriptors, "no descriptor is left over")


def main():
    with Daemon() as daemon:
        for test in (framing, truncated, statuses, slow_reader, end_frees_the_lock, opened_and_dropped, never_reads):
            test(daemon)
            serves(daemon)
            print(f"ok {test.__name__}")
        assert daemon.stop() == 0, "an orderly stop"


main()
