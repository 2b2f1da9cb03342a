# SPDX-License-Identifier: MIT
"""The rows of the runtime's bench: which work, which of its figures, on how many Ps, and at most how many times Go's.

A work is named as in main.c and go/main.go. Figures that are times are those of the clock, or of CPU with FIGURE=cpu.
"""
from dataclasses import dataclass

BOTH = (1, 2)


@dataclass
class Row:
    name: str
    work: str
    figure: str
    unit: str
    procs: int
    bar: float
    theirs: tuple = ()  # another work and figure of Go's to compare with


def on(procs, name, work, bars, figure="wall", unit="ns", theirs=()):
    """One row for each number of Ps; BARS is one bar for all or one for each."""
    for i, count in enumerate(procs):
        yield Row(name, work, figure, unit, count, bars[i] if isinstance(bars, tuple) else bars, theirs)


def timed_rows():
    yield from on(BOTH, "yield, 2 coroutines", "yield-2", 0.30)
    yield from on(BOTH, "yield, 1000 coroutines", "yield-1000", 0.40)
    yield from on(BOTH, "spawn and exit, batches of 1000", "spawn-batches", 0.15)
    yield from on(BOTH, "unbuffered hop", "hop", 0.25)
    yield from on(BOTH, "message, capacity 128, 1 to 1", "messages-1", 0.60)
    yield from on(BOTH, "message, capacity 128, 8 to 8", "messages-8", 0.80)
    yield from on(BOTH, "select of 2, blocking", "select-2", 0.20)
    yield from on(BOTH, "select of 8, blocking", "select-8", 0.15)
    yield from on(BOTH, "mutex, uncontended", "mutex", 1.05)
    yield from on(BOTH, "mutex, 8 coroutines", "mutex-8", 1.0)
    yield from on(BOTH, "mutex, 8 that yield inside", "mutex-8-yielding", 0.5)
    yield from on(BOTH, "RWMutex, read lock", "read-lock", 1.05)
    yield from on((2,), "RWMutex, 8 readers", "read-lock-8", 0.5)
    yield from on(BOTH, "cond hop", "cond-hop", 0.35)
    yield from on(BOTH, "map load, hit", "map-load", 0.6)
    yield from on(BOTH, "once, done", "once", 1.05)
    yield from on(BOTH, "context: cancel a tree of 73", "cancel-tree", 0.4)
    yield from on(BOTH, "context: timeout and cancel", "timeout-cancel", 0.3)
    yield from on(BOTH, "timer: start and stop", "timer", 0.25)


def great_rows(many):
    """Works of MANY coroutines ("1M"), which measure themselves."""
    yield from on(BOTH, f"spawn {many}, total", "spawn-all", 0.15, unit="ms")
    yield from on(BOTH, f"park {many}, cold", "parked", (1.7, 1.1), "cold")
    yield from on(BOTH, f"park {many}, pooled stacks", "parked", 0.3, "pooled")
    yield from on(BOTH, f"wake {many}", "parked", 0.5, "wake")
    yield from on(BOTH, "memory of a parked coroutine", "parked", 1.6, "bytes", "B")
    yield from on((1,), "memory of a queued coroutine", "queued", 0.06, "bytes", "B", ("parked", "bytes"))
    yield from on(BOTH, f"{many} sleepers, CPU each", "sleepers", (0.9, 1.6), "cpu")
    yield from on(BOTH, f"{many} sleepers, mean lateness", "sleepers", 0.5, "late-us", "us")


def echo_rows():
    for via in ("tcp", "unix"):
        yield from on(BOTH, f"{via} echo, 64 connections, CPU", f"echo-{via}", 0.75, "cpu")


def all_rows(many):
    yield from timed_rows()
    yield from great_rows(many)
    yield from echo_rows()
