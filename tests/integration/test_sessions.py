#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How sessions live and end: by connection, ttl, process, parent; and in which order they give back what they had."""
import array
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import Client, Failed  # noqa: E402
from daemon import Daemon, wait_until  # noqa: E402


def lock(client, name, timeout=60):
    return client.call("Mutex.Lock", name=name, timeout=timeout)


def unlock(client, name, token):
    client.call("Mutex.Unlock", name=name, token=token)


def reason_of(call, *arguments, **fields):
    try:
        call(*arguments, **fields)
    except Failed as failed:
        return failed.reason
    except ConnectionError as error:
        return str(error)
    return "OK"


def waiters(client, kind, name):
    rows = client.call("Daemon.List", kind=kind, pattern=name).objects
    return rows[0].waiters if rows else 0


def connection_ends(daemon):
    """ttl 0: the lock passes on as abandoned, an unacknowledged message goes back to its place, waiters leave."""
    with Client(daemon.path) as other:
        one = Client(daemon.path)
        held = lock(one, "c/lock")
        other.call("Channel.Make", name="c/chan", capacity=4)
        for value in (b"1", b"2", b"3"):
            other.call("Channel.Send", name="c/chan", value=value)
        one.call("Channel.Receive", name="c/chan", manual_ack=True)
        one.start("Mutex.Lock", name="c/other")
        other.call("Channel.Make", name="c/empty")
        one.start("Channel.Receive", name="c/empty")
        wait_until(lambda: waiters(other, "chan", "c/empty") == 1, "the receiver waits")
        assert one.call("Channel.Receive", name="c/chan").value == b"2"  # no frame follows that would acknowledge it
        one.socket.close()
        granted = lock(other, "c/lock")
        assert granted.abandoned and granted.token > held.token
        unlock(other, "c/lock", granted.token)
        assert not lock(other, "c/lock").abandoned, "the mark goes with the first grant"
        wait_until(lambda: waiters(other, "chan", "c/empty") == 0, "the receiver is gone")
        wait_until(lambda: other.call("Channel.Length", name="c/chan").length == 3, "the messages are back")
        got = [other.call("Channel.Receive", name="c/chan", manual_ack=True) for _ in range(3)]
        assert [m.value for m in got] == [b"1", b"2", b"3"], got
        assert [m.attempt for m in got] == [1, 1, 0], got
        assert lock(other, "c/other").abandoned


def acknowledged_is_gone(daemon):
    """A plain receive whose reply was acknowledged stays received."""
    with Client(daemon.path) as other:
        other.call("Channel.Make", name="a", capacity=4)
        other.call("Channel.Send", name="a", value=b"x")
        with Client(daemon.path) as one:
            assert one.call("Channel.Receive", name="a").value == b"x"
        deliveries = lambda: other.call("Daemon.List", kind="chan", pattern="a").objects[0].deliveries  # noqa: E731
        wait_until(lambda: deliveries() == 0, "the delivery is settled")
        assert other.call("Channel.Length", name="a").length == 0


def silence_ends(daemon):
    """ttl > 0: a session lives on without a connection until its ttl, never less, and can be attached to again."""
    ttl = 0.6
    with Client(daemon.path) as other:
        one = Client(daemon.tcp, ttl=ttl)
        lock(one, "ttl")
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        one.ping()
        one.socket.close()
        granted = lock(other, "ttl")
        passed = time.clock_gettime(time.CLOCK_BOOTTIME) - began
        assert granted.abandoned
        assert passed >= ttl * 0.99, f"the lock passed on after {passed} s, before its holder's ttl"
        unlock(other, "ttl", granted.token)

        one = Client(daemon.tcp, ttl=30)
        token = lock(one, "kept").token
        one.socket.close()
        attached = attach(socket.create_connection(daemon.tcp), one)
        assert attached.call("Mutex.Check", name="kept", token=token).holds
        assert reason_of(attached.call, "Mutex.Lock", name="kept", timeout=0.05) == "REASON_DEADLINE"
        unlock(attached, "kept", token)
        attached.call("Session.Close")
        assert reason_of(Client, daemon.tcp, ttl=0) == "REASON_TTL_REQUIRED"


def attach(connected, former):
    """A client on the socket CONNECTED, attached to a new lane of FORMER's session."""
    client = Client.__new__(Client)
    client.socket = connected
    client.last_call = client.last_reply = 0
    client.started, client.answers, client.notices = {}, {}, []
    from baton.v1 import connection_pb2
    client._write(1, connection_pb2.ClientHello(protocol=1, client="again").SerializeToString())
    opened = client.start("Session.Attach", session=former.session.session, secret=former.session.secret,
                          incarnation=former.incarnation if hasattr(former, "incarnation") else 0)
    client._read_frame()
    client.wait(opened)
    client.last_reply = 0
    client.session = former.session
    return client


def heartbeats_keep(daemon):
    """Signs of life keep a session; those of a child keep its parent."""
    ttl = 0.5
    parent = Client(daemon.tcp, ttl=ttl)
    lock(parent, "beat")
    child = Client(daemon.tcp, ttl=ttl, parent=parent.session.session, parent_secret=parent.session.secret)
    for _ in range(12):
        child.ping()
        time.sleep(ttl / 5)  # what is awaited is that nothing happens
    with Client(daemon.path) as other:
        assert reason_of(lock, other, "beat", 0.01) == "REASON_DEADLINE", "the parent lives while its child is heard"
        wait_until(lambda: reason_of(lock, other, "beat", 1) == "OK", "silence ends both")
    assert reason_of(parent.call, "Daemon.Ping") != "OK"
    parent.socket.close()
    child.socket.close()


def children_end(daemon):
    """A child ends with its parent; the parent does not with its child."""
    with Client(daemon.path) as other:
        parent = Client(daemon.path)
        child = Client(daemon.path, parent=parent.session.session, parent_secret=parent.session.secret)
        lock(parent, "p")
        lock(child, "q")
        child.socket.close()
        assert lock(other, "q").abandoned
        assert reason_of(lock, other, "p", 0.01) == "REASON_DEADLINE"
        child = Client(daemon.path, parent=parent.session.session, parent_secret=parent.session.secret)
        lock(child, "r")
        blocked = child.start("Mutex.Lock", name="p")
        wait_until(lambda: waiters(other, "mutex", "p") == 1, "the child waits")
        parent.call("Session.Close")
        assert lock(other, "r").abandoned and lock(other, "p").abandoned
        assert reason_of(child.wait, blocked) == "REASON_SESSION_ENDED"
        assert reason_of(Client, daemon.path, parent=parent.session.session,
                         parent_secret=parent.session.secret) == "REASON_SESSION_UNKNOWN"
        with Client(daemon.path) as alive:
            assert reason_of(Client, daemon.path, parent=alive.session.session,
                             parent_secret=b"x" * 16) == "REASON_SESSION_UNKNOWN", "a wrong secret"
            assert reason_of(Client, daemon.path, parent=alive.session.session,
                             parent_secret=b"") == "REASON_SESSION_UNKNOWN", "no secret"


def process_ends(daemon):
    """A session of a process lives over connections, and ends with the process."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    pidfd = os.pidfd_open(pid)

    class Passing(Client):
        """Sends the pidfd along with the first bytes of each frame of Session.Open."""

        def _write(self, kind, body=b"", method=0, call=0, timeout_us=0):
            if method == 0x0101:
                self.socket.sendmsg([b""], [])
                sending = self.socket
                self.socket = Sender(sending)
                super()._write(kind, body, method, call, timeout_us)
                self.socket = sending
            else:
                super()._write(kind, body, method, call, timeout_us)

    class Sender:
        def __init__(self, inner):
            self.inner = inner

        def sendall(self, data):
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
            assert self.inner.sendmsg([data], rights) == len(data)

    one = Passing(daemon.path, of_process=True)
    token = lock(one, "proc").token
    one.socket.close()
    with Client(daemon.path) as other:
        assert reason_of(lock, other, "proc", 0.05) == "REASON_DEADLINE"
        fresh = socket.socket(socket.AF_UNIX)
        fresh.connect(daemon.path)
        again = attach(fresh, one)
        assert again.call("Mutex.Check", name="proc", token=token).holds
        again.socket.close()
        os.kill(pid, signal.SIGKILL)
        assert lock(other, "proc").abandoned
    os.waitpid(pid, 0)
    os.close(pidfd)
    assert reason_of(Client, daemon.path, of_process=True) == "REASON_BAD_REQUEST", "no pidfd came"


def killed_by_operator(daemon):
    """Session.Kill: holds are released, the client is told, its blocked calls end."""
    with Client(daemon.path) as operator:
        victim = Client(daemon.path, label="the victim")
        lock(victim, "k")
        operator.call("Channel.Make", name="k")
        blocked = victim.start("Channel.Receive", name="k")
        wait_until(lambda: waiters(operator, "chan", "k") == 1, "the victim waits")
        rows = operator.call("Session.List").sessions
        row, = [r for r in rows if r.label == "the victim"]
        assert (row.blocked, row.holds, row.lanes, row.pid) == (1, 1, 1, os.getpid()), row
        operator.call("Session.Kill", session=row.session)
        assert lock(operator, "k").abandoned
        assert reason_of(victim.wait, blocked) in ("REASON_SESSION_ENDED", "the session has ended")
        assert any(n.kind == 2 for n in victim.notices) or reason_of(victim.call, "Daemon.Ping") != "OK"
        victim.socket.close()
        assert reason_of(operator.call, "Session.Kill", session=row.session) == "REASON_SESSION_UNKNOWN"


def order_within_a_lane(daemon):
    """Calls start in the order sent: what is sent behind a blocked receive runs, and in order."""
    with Client(daemon.path) as client:
        client.call("Channel.Make", name="o", capacity=100)
        first = client.start("Mutex.Lock", name="o")
        blocked = client.start("Mutex.Lock", name="o")
        ids = [client.start("Channel.Send", name="o", value=b"%d" % i) for i in range(100)]
        got = [client.start("Channel.Receive", name="o") for _ in range(100)]
        token = client.wait(first).token
        for call in ids:
            client.wait(call)
        assert [int(client.wait(call).value) for call in got] == list(range(100))
        assert blocked in client.started, "the second lock still waits"
        client.cancel(blocked)
        assert reason_of(client.wait, blocked) == "REASON_CANCELLED"
        client.cancel(blocked)
        client.cancel(12345678)
        unlock(client, "o", token)
        assert reason_of(unlock, client, "o", token) == "REASON_UNLOCK_OF_UNLOCKED"


def stop_in_order(daemon):
    """SIGTERM: blocked calls get UNAVAILABLE, clients a GOAWAY, the exit status is 0."""
    clients = [Client(daemon.path) for _ in range(20)]
    clients[0].call("Channel.Make", name="s")
    blocked = [client.start("Channel.Receive", name="s") for client in clients]
    wait_until(lambda: waiters(clients[0], "chan", "s") == 20, "all wait")
    daemon.process.send_signal(signal.SIGTERM)
    for client, call in zip(clients, blocked):
        assert reason_of(client.wait, call) == "REASON_SHUTTING_DOWN"
        assert reason_of(client.wait, 999) == "the daemon is stopping"
    for client in clients:
        client.socket.close()
    assert daemon.stop() == 0
    assert not os.path.exists(daemon.path), "the socket file is taken away"


def main():
    with Daemon() as daemon:
        for test in (connection_ends, acknowledged_is_gone, silence_ends, heartbeats_keep, children_end, process_ends,
                     killed_by_operator, order_within_a_lane, stop_in_order):
            test(daemon)
            print(f"ok {test.__name__}")


main()
