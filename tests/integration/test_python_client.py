#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A client that has nothing of ours but the .proto files and docs/protocol.md, against a real daemon."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import REQUEST, Client, Failed  # noqa: E402
from daemon import PATIENCE, Daemon, wait_until  # noqa: E402

class PythonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.stop() == 0, "batond did not stop cleanly"

    def open(self, address=None, **options):
        client = Client(address or self.daemon.path, **options)
        self.addCleanup(client.socket.close)
        return client

    def assert_fails(self, reason, call, *args, **fields):
        with self.assertRaises(Failed) as caught:
            call(*args, **fields)
        self.assertEqual(caught.exception.reason, "REASON_" + reason)
        self.assertTrue(caught.exception.text)
        return caught.exception

    def waiters(self, client, kind, name):
        return client.call("Daemon.Inspect", kind=kind, name=name).object.waiters

    def test_a_lock_excludes_and_its_tokens_rise(self):
        ann, bob = self.open(), self.open()
        first = ann.call("Mutex.Lock", name="db").token
        failed = self.assert_fails("DEADLINE", bob.call, "Mutex.Lock", timeout=0.05, name="db")
        self.assertEqual(failed.status, "STATUS_DEADLINE_EXCEEDED")
        self.assertTrue(bob.call("Mutex.Lock", name="db", no_wait=True).would_block)
        ann.call("Mutex.Unlock", name="db", token=first)
        second = bob.call("Mutex.Lock", name="db").token
        self.assertGreater(second, first)
        self.assert_fails("STALE_TOKEN", ann.call, "Mutex.Unlock", name="db", token=first)
        self.assertTrue(ann.call("Mutex.Check", name="db", token=second).holds)
        bob.call("Mutex.Unlock", name="db", token=second)
        self.assert_fails("UNLOCK_OF_UNLOCKED", bob.call, "Mutex.Unlock", name="db", token=second)

    def test_a_dead_holders_lock_passes_on_abandoned(self):
        ann, bob = self.open(), self.open()
        ann.call("Mutex.Lock", name="dead")
        waiting = bob.start("Mutex.Lock", timeout=PATIENCE, name="dead")
        wait_until(lambda: self.waiters(bob, "mutex", "dead") == 1, "a waiter is seen")
        ann.socket.close()
        self.assertTrue(bob.wait(waiting).abandoned)

    def test_a_cancelled_call_leaves_its_queue(self):
        ann, bob = self.open(), self.open()
        token = ann.call("Mutex.Lock", name="cancel").token
        waiting = bob.start("Mutex.Lock", name="cancel")
        wait_until(lambda: self.waiters(ann, "mutex", "cancel") == 1, "a waiter is seen")
        bob.cancel(waiting)
        self.assert_fails("CANCELLED", bob.wait, waiting)
        self.assertEqual(self.waiters(ann, "mutex", "cancel"), 0)
        ann.call("Mutex.Unlock", name="cancel", token=token)

    def test_messages_come_in_order_then_the_end(self):
        ann, bob = self.open(), self.open()
        self.assertTrue(ann.call("Channel.Make", name="jobs", capacity=3).created)
        for number in range(3):
            ann.call("Channel.Send", name="jobs", value=b"%d" % number)
        self.assertTrue(ann.call("Channel.Send", name="jobs", value=b"full", no_wait=True).would_block)
        ann.call("Channel.Close", name="jobs")
        self.assert_fails("SEND_ON_CLOSED", ann.call, "Channel.Send", name="jobs", value=b"x")
        self.assertEqual([bob.call("Channel.Receive", name="jobs").value for _ in range(3)], [b"0", b"1", b"2"])
        self.assertTrue(bob.call("Channel.Receive", name="jobs").closed)

    def test_an_unbuffered_send_meets_its_receiver(self):
        ann, bob = self.open(), self.open()
        ann.call("Channel.Make", name="meet")
        sending = ann.start("Channel.Send", name="meet", value=b"\0\xff" * 50000)
        wait_until(lambda: self.waiters(bob, "chan", "meet") == 1, "a waiter is seen")
        self.assertEqual(bob.call("Channel.Receive", name="meet").value, b"\0\xff" * 50000)
        ann.wait(sending)

    def test_an_unacknowledged_message_goes_back_to_its_place(self):
        ann, bob = self.open(), self.open()
        ann.call("Channel.Make", name="back", capacity=2)
        for value in (b"one", b"two"):
            ann.call("Channel.Send", name="back", value=value)
        self.assertEqual(bob.call("Channel.Receive", name="back").value, b"one")
        bob.socket.close()  # without having told that it read the reply
        wait_until(lambda: ann.call("Channel.Length", name="back").length == 2, "the message is back")
        self.assertEqual(ann.call("Channel.Receive", name="back").value, b"one")

    def test_a_work_queue_redelivers_what_was_refused(self):
        ann = self.open()
        ann.call("Channel.Make", name="queue", capacity=1)
        ann.call("Channel.Send", name="queue", value=b"job")
        first = ann.call("Channel.Receive", name="queue", manual_ack=True)
        ann.call("Channel.Nack", name="queue", token=first.token)
        second = ann.call("Channel.Receive", name="queue", manual_ack=True)
        self.assertEqual((second.value, first.attempt, second.attempt), (b"job", 0, 1))
        self.assert_fails("STALE_TOKEN", ann.call, "Channel.Ack", name="queue", token=first.token)
        ann.call("Channel.Ack", name="queue", token=second.token)
        ann.call("Channel.Close", name="queue")
        self.assertTrue(ann.call("Channel.Receive", name="queue").closed)

    def test_a_session_with_a_ttl_outlives_its_connection(self):
        ann = self.open(self.daemon.tcp, ttl=PATIENCE)
        token = ann.call("Mutex.Lock", name="kept").token
        ann.socket.close()
        bob = self.open()
        self.assertTrue(bob.call("Mutex.Check", name="kept", token=token).holds)
        bob.call("Session.Close", session=ann.session.session, secret=ann.session.secret)
        self.assertFalse(bob.call("Mutex.Check", name="kept", token=token).holds)

    def test_tcp_wants_a_ttl(self):
        self.assert_fails("TTL_REQUIRED", self.open, self.daemon.tcp)

    def test_what_cannot_be_understood_is_answered(self):
        ann = self.open()
        self.assert_fails("NOT_MADE", ann.call, "Channel.Send", name="never/made", value=b"")
        self.assert_fails("BAD_NAME", ann.call, "Mutex.Lock", name="two words")
        for method, body, reason in ((0x0401, b"\x0a\xff", "BAD_REQUEST"), (0x7F7F, b"", "UNKNOWN_METHOD")):
            ann.last_call += 1
            ann.started[ann.last_call] = None  # it will not be OK
            ann._write(REQUEST, body, method, ann.last_call)
            self.assert_fails(reason, ann.wait, ann.last_call)
        ann.call("Daemon.Ping", payload=b"still there")
        ann.socket.sendall(b"\xff" * 40)
        with self.assertRaisesRegex(ConnectionError, "length|kind|flags"):
            ann.wait(-1)
        self.open().call("Daemon.Ping", payload=b"others too")


if __name__ == "__main__":
    unittest.main()
