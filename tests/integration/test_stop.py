#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""SIGTERM in the middle of everything: verdicts and goodbyes are written out, the exit status is 0, and in time."""
import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from baton.v1 import connection_pb2  # noqa: E402
from client import HELLO, Client, Failed  # noqa: E402
from daemon import Daemon, wait_until  # noqa: E402

LONG = ("--stop-timeout", "600s")  # nothing here waits for its end


def goodbye(client):
    """Reads to the end; what the GOAWAY said."""
    try:
        client.wait(0)
    except ConnectionError as error:
        return str(error)


def idle_clients():
    """Clients that do nothing hold nothing up; each is told."""
    with Daemon(*LONG) as daemon:
        clients = [Client(daemon.path) for _ in range(10)] + [Client(daemon.tcp, ttl=60) for _ in range(10)]
        clients[0].call("Mutex.Lock", name="held")
        assert daemon.stop() == 0
        for client in clients:
            assert goodbye(client) == "the daemon is stopping"
            client.socket.close()


def busy_clients():
    """Calls that come and wait while it stops are all answered, or the connection's end says that they are not."""
    with Daemon(*LONG) as daemon:
        outcomes = []

        def work(number):
            client = Client(daemon.path)
            name = f"busy{number % 2}"
            client.call("Channel.Make", name=name, capacity=number % 2)
            try:
                while True:
                    waiting = [client.start("Channel.Receive", name=name, manual_ack=True) for _ in range(20)]
                    client.start("Channel.Send", name=name, value=b"x" * (number * 100))
                    token = client.start("Mutex.Lock", name=f"busy{number % 4}")
                    for call in waiting:
                        client.cancel(call)
                    client.call("Mutex.Unlock", name=f"busy{number % 4}", token=client.wait(token).token)
            except Failed as failed:
                outcomes.append(failed.reason)
            except (BrokenPipeError, ConnectionResetError):  # written behind the end: the goodbye is there to be read
                outcomes.append(goodbye(client))
            except ConnectionError as error:
                outcomes.append(str(error))
            client.socket.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        with Client(daemon.path) as client:
            wait_until(lambda: client.call("Daemon.Status").calls > 5000, "they are at it")
            daemon.process.send_signal(signal.SIGTERM)
            daemon.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert daemon.process.wait(60) == 0
        wrong = set(outcomes) - {"REASON_SHUTTING_DOWN", "the daemon is stopping"}
        assert len(outcomes) == 16 and not wrong, outcomes


def who_does_not_read():
    """A client with a full socket holds the stop up for no longer than its timeout; a second signal changes nothing."""
    with Daemon("--stop-timeout", "1s") as daemon:
        deaf = Client(daemon.path)
        for _ in range(700):
            deaf.start("Daemon.Ping", payload=bytes(1024))
        with Client(daemon.path) as client:
            wait_until(lambda: client.call("Daemon.Status").calls >= 700, "its calls are run")
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not os.path.exists(daemon.path), "it stops")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGINT)
        assert daemon.process.wait(60) == 0
        assert time.monotonic() - began >= 1, "it waits for who might still read"
        deaf.socket.close()


def many_sessions():
    """Tens of thousands of sessions are listed in order of their ids, each once, and hold a stop up for no time."""
    with Daemon(*LONG) as daemon, Client(daemon.path) as client:
        bare = Client.__new__(Client)
        bare.socket = socket.socket(socket.AF_UNIX)
        bare.socket.connect(daemon.path)
        bare.last_call = bare.last_reply = 0
        bare.started, bare.answers, bare.notices = {}, {}, []
        bare._write(HELLO, connection_pb2.ClientHello(protocol=1).SerializeToString())
        bare._read_frame()
        opened = {client.session.session}
        for _ in range(400):
            calls = [bare.start("Session.Open", ttl_us=600_000_000, detached=True) for _ in range(100)]
            opened |= {bare.wait(call).session for call in calls}
        listed, after, more = [], 0, True
        while more:
            page = bare.call("Session.List", after=after, limit=999)
            listed += [row.session for row in page.sessions]
            after, more = listed[-1], page.more
        assert listed == sorted(opened)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10, f"the stop took {time.monotonic() - began:.1f} s"
        bare.socket.close()


def main():
    for test in (idle_clients, busy_clients, who_does_not_read, many_sessions):
        began = time.monotonic()
        test()
        print(f"ok {test.__name__} in {time.monotonic() - began:.2f} s")


main()
