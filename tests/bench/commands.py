# SPDX-License-Identifier: MIT
"""W6, memory and waking, and W8, commands: rows that are not operations per second of the client."""
import os
import subprocess

CONNECTIONS = 10000


def line(work, via, ours, peer, figure, ratio, bar, verdict, digits=2):
    """One line of the table; what is less the better has the ratio turned round."""
    def text(value, places):
        return "-" if value is None else f"{value:.{places}f}"
    return (work, via, "pinned", text(ours, digits), peer, text(figure, digits), text(ratio, 2), "-", "-", text(bar, 2),
            verdict(ratio, bar), "-")


def block(park, server, driver, *arguments):
    """What the client's "block" says of a fresh server: KB a connection, KB a wait, ms until all are awake."""
    park.stop(server)
    running = park.get(server)
    if running is None:
        return None
    command = [*park.prefix, park.client, "bench", "-d", driver, "-a", running.addresses["unix"], "-s", str(running.pid),
               "-w", "block", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        print(f"failed: W6 {driver} {arguments}: {done.stderr.strip()}")
        return None
    fields = done.stdout.split("\t")
    return {"connection": float(fields[6]), "wait": float(fields[7]), "wake": float(fields[8])}


def part(ours, figure):
    return figure / ours if ours and figure else None


def memory_lines(park, quick, verdict):
    """One run each: resident memory of a fresh server does not vary as times do."""
    connections = CONNECTIONS // 5 if quick else CONNECTIONS
    count = f"{connections:,}"
    idle = block(park, "baton", "baton", "-c", connections, "-b", 100) or {}
    shared = block(park, "baton", "baton", "-c", 1, "-n", CONNECTIONS) or {}
    theirs = block(park, "redis", "redis", "-c", connections) or {}
    kilobytes, waits = idle.get("connection"), shared.get("wait")
    return [
        line(f"W6 KB a connection, {count}", "unix", kilobytes, "limit", 0.9, part(kilobytes, 0.9), 1.0, verdict),
        line(f"W6 KB a connection, {count}", "unix", kilobytes, "redis", theirs.get("connection"),
             part(kilobytes, theirs.get("connection")), None, verdict),
        line(f"W6 KB a blocked call, {CONNECTIONS:,} on 1", "unix", waits, "limit", 4.6, part(waits, 4.6), 1.0, verdict),
        line(f"W6 ms to wake {count}", "unix", idle.get("wake"), "redis", theirs.get("wake"),
             part(idle.get("wake"), theirs.get("wake")), 1.0, verdict)]


def turns(park, seconds, command, environment=None):
    """How often a second COMMAND (words; "+" begins another of the same turn) runs to its end; None if it cannot."""
    done = subprocess.run([*park.prefix, park.client, "spawn", command[0], str(seconds), *command], capture_output=True,
                          text=True, timeout=120, check=False, cwd=park.folder, env=os.environ | (environment or {}))
    return float(done.stdout.split("\t")[2]) if done.returncode == 0 else None


def spawn_lines(park, seconds, verdict):
    servers = {name: park.get(name) for name in ("baton", "redis", "etcd")}
    baton = os.path.join(os.environ["BATON_BUILD"], "baton")
    if servers["baton"] is None:
        return []
    ours = turns(park, seconds, [baton, "lock", "f", "true"], {"BATON_SERVER": servers["baton"].addresses["unix"]})
    peers = {"flock f true": (turns(park, seconds, ["flock", "f", "true"]), 1.0)}
    if servers["redis"] is not None:
        client = ["redis-cli", "-s", servers["redis"].addresses["unix"].removeprefix("unix:")]
        words = [*client, "SET", "k", "v", "NX", "+", *client, "DEL", "k"]
        peers["redis-cli SET NX + DEL"] = (turns(park, seconds, words), 5.0)
    if servers["etcd"] is not None:
        words = ["etcdctl", "--endpoints", servers["etcd"].addresses["tcp"], "lock", "x", "true"]
        peers["etcdctl lock x true"] = (turns(park, seconds, words, {"ETCDCTL_API": "3"}), 5.0)
    return [line("W8 baton lock f true", "unix", ours, peer, figure, part(figure, ours), bar, verdict, 0)
            for peer, (figure, bar) in peers.items()]
