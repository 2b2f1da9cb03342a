#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Time that goes wrong: a daemon that is stopped and continued, timeouts at the edges, ttls too short to be kept."""
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import REQUEST, REQUEST_HEADER, Client, Failed  # noqa: E402
from daemon import Daemon, wait_until  # noqa: E402
from baton.v1 import mutex_pb2  # noqa: E402


class Beating:
    """Keeps clients alive, as the library does, from a thread of its own."""

    def __init__(self, clients, period):
        self.clients, self.period, self.ended = clients, period, threading.Event()
        self.thread = threading.Thread(target=self.beat)

    def beat(self):
        while not self.ended.wait(self.period):
            for client in self.clients:
                client.ping()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def reason_of(call, *arguments, **fields):
    try:
        call(*arguments, **fields)
    except Failed as failed:
        return failed.reason
    return "OK"


def daemon_stopped(daemon):
    """A daemon that was stopped for longer than the ttl ends no session whose client lives, the others all."""
    ttl = 2
    living = [Client(daemon.tcp, ttl=ttl) for _ in range(8)] + [Client(daemon.path, ttl=ttl) for _ in range(8)]
    dead = Client(daemon.tcp, ttl=ttl)
    with Client(daemon.path) as other:
        with Beating(living, ttl / 3):
            tokens = [client.call("Mutex.Lock", name=f"living{i}").token for i, client in enumerate(living)]
            dead.call("Mutex.Lock", name="dead")
            dead.socket.close()
            for seconds in (ttl * 1.25, ttl * 2):
                daemon.process.send_signal(signal.SIGSTOP)
                time.sleep(seconds)
                daemon.process.send_signal(signal.SIGCONT)
                for i, token in enumerate(tokens):
                    assert other.call("Mutex.Check", name=f"living{i}", token=token).holds, f"{i} lost its lock"
            assert other.call("Mutex.Lock", name="dead", timeout=60).abandoned
            for i, token in enumerate(tokens):
                assert other.call("Mutex.Check", name=f"living{i}", token=token).holds, f"{i} lost its lock"
    for client in living:
        client.socket.close()


def silent_while_stopped(daemon):
    """Who could not be heard because the daemon did not run has its whole ttl from when it runs again."""
    ttl = 1.5
    one = Client(daemon.path, ttl=ttl)
    token = one.call("Mutex.Lock", name="silent").token
    with Client(daemon.path) as other:
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(ttl * 1.5)
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGCONT)
        assert other.call("Mutex.Check", name="silent", token=token).holds
        assert other.call("Mutex.Lock", name="silent", timeout=60).abandoned
        assert time.monotonic() - began >= ttl * 0.9, "its ttl was not given anew"
    one.socket.close()


def timeouts_at_the_edges(daemon):
    """1 us is over at once, 0 and the longest never; a lock that is free is granted under each."""
    def lock(client, timeout_us):
        client.last_call += 1
        client.started[client.last_call] = mutex_pb2.MutexLockResponse
        body = mutex_pb2.MutexLockRequest(name="edge").SerializeToString()
        client.socket.sendall(REQUEST_HEADER.pack(REQUEST_HEADER.size + len(body), REQUEST, 0, 0x0401, client.last_call,
                                                  client.last_reply, timeout_us, 0, 0) + body)
        return client.last_call

    with Client(daemon.path) as client:
        for timeout_us in (0, 10_000_000, 1 << 62, (1 << 63) // 1000, (1 << 64) - 1):
            token = client.wait(lock(client, timeout_us)).token
            client.call("Mutex.Unlock", name="edge", token=token)
        token = client.call("Mutex.Lock", name="edge").token
        assert reason_of(client.wait, lock(client, 1)) == "REASON_DEADLINE"
        waiting = [lock(client, timeout_us) for timeout_us in (0, (1 << 63) // 1000, (1 << 63) - 1, (1 << 64) - 1)]
        wait_until(lambda: client.call("Daemon.List", kind="mutex", pattern="edge").objects[0].waiters == 4,
                   "they wait")
        for call in waiting:
            client.cancel(call)
            assert reason_of(client.wait, call) == "REASON_CANCELLED"
        client.call("Mutex.Unlock", name="edge", token=token)


def ttl_too_short(daemon):
    """A ttl that nobody could keep is raised: else the daemon would always be late, and renew every session."""
    with Client(daemon.path) as other:
        short = Client(daemon.path, ttl=0.000001)
        assert short.session.ttl_us >= 100_000, short.session.ttl_us
        gone = Client(daemon.tcp, ttl=0.5)
        gone.call("Mutex.Lock", name="short")
        gone.socket.close()
        with Beating([short], 0.02):
            assert other.call("Mutex.Lock", name="short", timeout=60).abandoned
        short.socket.close()


def main():
    with Daemon() as daemon:
        for test in (daemon_stopped, silent_while_stopped, timeouts_at_the_edges, ttl_too_short):
            test(daemon)
            print(f"ok {test.__name__}")
        assert daemon.stop() == 0


main()
