#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 of batond under twenty holders, and a start again: no two commands overlap, tokens rise.

Each command takes a flock(2) of its own for its lock's name: a second one that finds it taken says so. The commands ignore
SIGTERM, so that only the end of --kill-after ends them, and whoever comes next must wait for it.
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from daemon import Daemon, wait_until  # noqa: E402

NAMES = [f"restart/{i}" for i in range(20)]
ROUNDS = 2
HOLD = """
trap '' TERM
exec 9>>"$1.flock"
flock -n 9 || echo "overlap in $BATON_NAME" >>overlaps
echo "$BATON_TOKEN" >>"$1.tokens"
$2
"""


def lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def errors():
    return [lines(f"{i}.errors")[-20:] for i in range(len(NAMES))]


def lock(daemon, index, end):
    """Starts `baton lock` of one name; half of them over TCP, with a ttl."""
    server = f"tcp:127.0.0.1:{daemon.tcp[1]}" if index % 2 else f"unix:{daemon.path}"
    ttl = ["--ttl", "2s"] if index % 2 else []
    return subprocess.Popen(
        ["baton", "-s", server, "lock", "--kill-after", "700ms", *ttl, NAMES[index], "--", "sh", "-c", HOLD, "sh",
         str(index), end], stderr=open(f"{index}.errors", "a", encoding="utf-8"))


def main():
    os.mkdir("state")
    daemon = Daemon("--state", "state")
    with daemon:
        for number in range(1, ROUNDS + 1):
            holders = [lock(daemon, i, "exec sleep 600") for i in range(len(NAMES))]
            wait_until(lambda: all(len(lines(f"{i}.tokens")) == 2 * number - 1 for i in range(len(NAMES))),
                       "all twenty hold")
            daemon.process.kill()
            daemon.process.wait()
            daemon.start()
            began = time.monotonic()
            followers = [lock(daemon, i, "true") for i in range(len(NAMES))]
            statuses = [follower.wait(60) for follower in followers]
            assert not any(statuses), f"every follower is granted its lock: {statuses} {errors()}"
            print(f"round {number}: followers done {time.monotonic() - began:.2f} s after the restart")
            assert all(holder.wait(60) == 121 for holder in holders), "a holder says that its lock was lost"
            assert not os.path.exists("overlaps"), lines("overlaps")
        for i in range(len(NAMES)):
            tokens = [int(token) for token in lines(f"{i}.tokens")]
            assert len(tokens) == 2 * ROUNDS and tokens == sorted(set(tokens)), tokens

        # After an orderly stop with nothing held there is nothing to wait for.
        assert daemon.stop() == 0
        daemon.start()
        began = time.monotonic()
        assert lock(daemon, 0, "true").wait(60) == 0
        print(f"after a clean stop: {time.monotonic() - began:.2f} s")
        assert daemon.stop() == 0


main()
