# SPDX-License-Identifier: MIT
"""The rows of the bench: what is measured, on whom, and what ratio each is to reach.

W-numbers: W1 locks at depth 1, W2 locks with 32 in flight a connection, W3 hand-offs of one lock, W4 channels, W5
ping-pong of two processes, W6 memory and waking, W8 commands.
"""
from dataclasses import dataclass, field

PINNED, FREE = "pinned", "free"


@dataclass
class Row:
    work: str
    via: str
    mode: str
    arguments: list  # of the client, behind driver, address and server
    peers: dict      # driver: the ratio to reach, None: shown without a bar
    raw: str         # the driver of the limit
    share: float | None = None  # of raw to reach
    best: float | None = None   # the ratio to the best of `peers` to reach, instead of one for each
    ours: tuple = field(default=("baton", "libbaton"))


def locks(mode):
    for via, counts in (("unix", (1, 16, 64)), ("tcp", (1, 16, 64))):
        for count in counts:
            if mode == FREE and count == 64:
                continue
            row = Row(f"W1 locks, {count} conn", via, mode, ["-w", "lock", "-c", count], {}, "raw")
            pinned = {"redis": 1.25, "memcached": 1.0} if via == "unix" else {"redis": 1.1}
            yield with_bars(row, pinned, 0.80 if via == "unix" else 0.85,
                            free={"redis": 1.5} if count == 1 else None)
        for count in (1, 16):
            row = Row(f"W2 locks q32, {count} conn", via, mode, ["-w", "lock", "-c", count, "-q", 32], {}, "raw")
            yield with_bars(row, {"redis": 3.0, "memcached": 1.0} if via == "unix" else {"redis": 3.0}, 0.40)


def hand_offs(mode):
    for via in ("unix", "tcp"):
        row = Row("W3 hand-offs, 16 conn", via, mode, ["-w", "contend", "-c", 16], {}, "raw-token")
        yield with_bars(row, {"redis-blpop": 1.1} | ({"etcd": 20.0} if via == "tcp" and mode == PINNED else {}), 0.80)


def channels(mode):
    for pairs in (1, 8):
        sides = ["-w", "chan", "-p", pairs, "-k", pairs]
        what = f"{pairs}-{pairs}"
        for size, label in ((64, "64 B"), (16384, "16 KiB")):
            row = Row(f"W4 channel {label} {what}", "unix", mode, [*sides, "-z", size], {}, "raw")
            yield with_bars(row, {"redis": 1.25}, 0.70)
            row = Row(f"W4 channel q32 {label} {what}", "unix", mode, [*sides, "-q", 32, "-z", size], {}, "raw")
            yield with_bars(row, {"redis": 2.0 if size == 64 else 1.5}, 0.60 if size == 64 else 0.75)
        row = Row(f"W4 channel q32 64 B {what}", "tcp", mode, [*sides, "-q", 32, "-z", 64], {}, "raw")
        yield with_bars(row, {"redis": 2.0, "nats": 1.0 if pairs == 8 else None}, 0.60)


def ping_pong(mode):
    for via, ratio in (("unix", 1.3), ("tcp", 1.1)):
        row = Row("W5 ping-pong", via, mode, ["-w", "ping"], {}, "raw")
        yield with_bars(row, {"redis": ratio}, 0.75, free={"redis": 1.5})


def with_bars(row, pinned, share, free=None):
    """Bound to one CPU each peer has its ratio and raw its share; on free ones the best peer is the bar."""
    if row.mode == PINNED:
        row.peers, row.share = pinned, share
    elif free is not None:
        row.peers = {peer: free.get(peer, 1.0) for peer in pinned}
    else:
        row.peers, row.best = pinned, 1.0
    return row


def all_rows():
    for mode in (PINNED, FREE):
        for make in (locks, hand_offs, channels, ping_pong):
            yield from make(mode)


# What the plan has and the daemon has not yet, or what is not measured here yet.
NOT_YET = ("W3 in FIFO mode: fairness and p99", "W4 batches of 64 in one call", "select over 8 channels",
           "context-bound calls", "rwmutex", "semaphore", "atomic add", "map store/load")
