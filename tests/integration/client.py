# SPDX-License-Identifier: MIT
"""A whole baton client: docs/protocol.md put into Python. It needs the standard library, Debian's python3-protobuf, and
the messages that `protoc --python_out` makes of proto/baton/v1/*.proto.

    with Client("/run/baton/baton.sock") as baton:
        token = baton.call("Mutex.Lock", name="db", timeout=2).token
        baton.call("Mutex.Unlock", name="db", token=token)

One thread per client. A receive is acknowledged with the next frame, or by acknowledge().
"""
import contextlib
import socket
import struct

from baton.v1 import channel_pb2, connection_pb2, daemon_pb2, mutex_pb2, select_pb2, session_pb2, status_pb2

REQUEST_HEADER = struct.Struct("<IBBHQQQII")  # length kind flags method call last_reply timeout_us task context
REPLY_HEADER = struct.Struct("<IBBHQQ")  # length kind flags status call number
HELLO, REQUEST, CANCEL, ACK, PING = 1, 2, 3, 4, 5
HELLO_REPLY, REPLY, PONG, GOAWAY, NOTICE = 1, 2, 5, 6, 7
MODULES = {"Session": session_pb2, "Daemon": daemon_pb2, "Channel": channel_pb2, "Mutex": mutex_pb2,
           "Select": select_pb2}


class Failed(Exception):
    """What the daemon answered that is not OK: its status and reason by name, and the text for people."""

    def __init__(self, status, error):
        self.status = status_pb2.Status.Name(status)
        self.reason = status_pb2.Reason.Name(error.reason)
        self.text = error.text
        super().__init__(f"{self.status} {self.reason}: {self.text}")


class Client:
    """A connection, and a session of its own on it: what it locks and takes goes back when it is closed."""

    def __init__(self, address, ttl=0, label="client.py", **session):
        """ADDRESS: a Unix socket's path, or a (host, port) pair, which needs a TTL in seconds."""
        tcp = isinstance(address, tuple)
        self.socket = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(address)
        self.last_call = self.last_reply = 0
        self.started = {}  # calls without an answer: id to the class of the response
        self.answers = {}  # answers that nobody asked for yet: id to response or Failed
        self.notices = []
        hello = connection_pb2.ClientHello(protocol=1, client="client.py")
        self._write(HELLO, hello.SerializeToString())
        opened = self.start("Session.Open", ttl_us=int(ttl * 1e6), label=label, **session)
        kind, *_, body = self._read_frame()
        if kind != HELLO_REPLY:
            raise ConnectionError("no hello")
        self.daemon = connection_pb2.DaemonHello.FromString(body)
        self.session = self.wait(opened)

    def call(self, method, timeout=0, **fields):
        """Makes the call METHOD ("Channel.Send") with FIELDS and returns its response. TIMEOUT in seconds, 0: none."""
        return self.wait(self.start(method, timeout, **fields))

    def start(self, method, timeout=0, **fields):
        """Sends a call and returns its id, for wait() or cancel(). Calls may be answered in any order."""
        service, verb = method.split(".")
        module = MODULES[service]
        prefix = "" if service == "Daemon" else service
        request = getattr(module, f"{prefix}{verb}Request")(**fields)
        self.last_call += 1
        self.started[self.last_call] = getattr(module, f"{prefix}{verb}Response")
        number = status_pb2.Method.Value(f"METHOD_{service}_{verb}".upper())
        self._write(REQUEST, request.SerializeToString(), number, self.last_call, -int(-timeout * 1e6 // 1))
        return self.last_call

    def wait(self, call):
        """The response to the call, or an exception: Failed if the daemon refused it."""
        while call not in self.answers:
            self._take(*self._read_frame())
        answer = self.answers.pop(call)
        if isinstance(answer, Failed):
            raise answer
        return answer

    def cancel(self, call):
        """Asks for the call's end; wait() tells what became of it."""
        self._write(CANCEL, call=call)

    def acknowledge(self):
        """Tells which replies were read, now and not with the next call."""
        self._write(ACK)

    def ping(self):
        """A sign of life; a session with a ttl needs one every third of it."""
        self._write(PING, call=self.last_call)

    def _write(self, kind, body=b"", method=0, call=0, timeout_us=0):
        length = REQUEST_HEADER.size + len(body)
        header = REQUEST_HEADER.pack(length, kind, 0, method, call, self.last_reply, timeout_us, 0, 0)
        self.socket.sendall(header + body)

    def _read(self, length):
        data = bytearray()
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionError("the daemon closed the connection")
            data += more
        return bytes(data)

    def _read_frame(self):
        length, kind, _, status, call, number = REPLY_HEADER.unpack(self._read(REPLY_HEADER.size))
        return kind, status, call, number, self._read(length - REPLY_HEADER.size)

    def _take(self, kind, status, call, number, body):
        if kind == REPLY:
            self.last_reply = max(self.last_reply, number)
            response = self.started.pop(call)
            failed = status != status_pb2.STATUS_OK
            self.answers[call] = (
                Failed(status, status_pb2.Error.FromString(body)) if failed else response.FromString(body))
        elif kind == NOTICE:
            self.notices.append(connection_pb2.Notice.FromString(body))
        elif kind == GOAWAY:
            raise ConnectionError(status_pb2.Error.FromString(body).text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):  # the daemon may have gone first
            self.acknowledge()
        self.socket.close()
