#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""baton lock in a terminal: ^C, ^Z, fg, bg, jobs and pipelines are the shell's, as with flock(1).

Types into an interactive bash on a pseudo-terminal of its own, and reads what comes. CMDs are bash too: dash starts its
commands by vfork(2), and a ^Z that comes between that and exec(2) leaves it stuck.
"""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 20
BUILD = os.environ.get("BATON_BUILD") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build")
BATON = os.path.realpath(os.environ.get("BATON", os.path.join(BUILD, "baton")))
BATOND = os.path.realpath(os.environ.get("BATOND", os.path.join(BUILD, "batond")))
CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x04", "\x1a", "\x1c"


class Failed(Exception):
    """A check failed."""


def eventually(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"never: {what}")
        time.sleep(0.01)


class Terminal:
    """An interactive shell and what it has written so far."""

    def __init__(self, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"],
                       {**environment, "PS1": "READY> ", "TERM": "dumb", "HISTFILE": ""})
        self.text = ""
        self.expect("READY> ")
        self.run("stty -echo")
        self.run("set -b")

    def send(self, keys):
        os.write(self.fd, keys.encode())

    def expect(self, pattern):
        """Reads until PATTERN has come; what stands before and in it is taken. Returns the match."""
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.text)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise Failed(f"never came: {pattern!r}; there is: {self.text!r}")
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError as error:
                raise Failed(f"the shell has gone; there is: {self.text!r}") from error
        self.text = self.text[match.end():]
        return match

    def start(self, command):
        """Types a command and does not wait for its end."""
        self.text = ""
        self.send(command + "\n")

    def run(self, command):
        """Types a command and waits for the next prompt. Returns what it wrote."""
        self.start(command)
        return self.expect(r"(?s)(.*?)READY> ").group(1)

    def status(self):
        """The exit status of the last command."""
        return int(re.search(r"=(\d+)=", self.run("echo =$?=")).group(1))

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Daemon:
    """A daemon of the test's own."""

    def __init__(self, folder):
        self.environment = {**os.environ, "BATON_SERVER": f"unix:{folder}/sock",
                            "PATH": f"{os.path.dirname(BATON)}:{os.environ['PATH']}"}
        for name in ("BATON_SESSION", "BATON_TIMEOUT"):
            self.environment.pop(name, None)
        self.process = subprocess.Popen([BATOND, "--procs", os.environ.get("TEST_PROCS", "1"), "--listen",
                                         f"unix:{folder}/sock"], stderr=subprocess.DEVNULL)
        eventually("the daemon answers", lambda: self.tool("-q", "-t", "1s", "ping").returncode == 0)

    def tool(self, *arguments):
        return subprocess.run([BATON, *arguments], env=self.environment, capture_output=True, text=True, check=False)

    def row(self, name):
        """state, holders, waiters of a mutex."""
        row = self.tool("ls", "mutex", name).stdout.strip().split("\t")
        return (int(row[3]), int(row[4])) if len(row) == 5 else (0, 0)

    def holders(self, name):
        return self.row(name)[0]

    def waiters(self, name):
        return self.row(name)[1]

    def pid_of(self, role, name):
        for line in self.tool("inspect", "mutex", name).stdout.splitlines():
            if line.startswith(role + "\t"):
                return int(line.split("\t")[3])
        raise Failed(f"{name} has no {role}")

    def pid_of_holder(self, name):
        return self.pid_of("holder", name)

    def close(self):
        self.process.kill()
        self.process.wait()


def state_of(pid):
    """R, S, T (stopped) and so on; "" if it has gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_foreground(pid):
    """Whether it is baton by now, no longer the shell about to become it, and has the terminal."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            name, _, rest = file.read().rpartition(")")
    except OSError:
        return False
    return name.endswith("(baton") and rest.split()[2] == rest.split()[5]


def foreground(pid):
    """Waits until the terminal's keys go to the group of PID: a shell that is told "fg" says so before it does it."""
    eventually("it is in the foreground", lambda: is_foreground(pid))


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(child) for child in file.read().split()]


# ---- the tests -------------------------------------------------------------------------------------------------------


def test_interrupt_ends_cmd_and_baton(terminal, daemon):
    terminal.start("baton lock x sleep 1000")
    eventually("held", lambda: daemon.holders("x") == 1)
    terminal.send(CTRL_C)
    terminal.expect("READY> ")
    assert terminal.status() == 130
    assert daemon.holders("x") == 0


def test_interrupt_ends_a_loop_of_the_shell(terminal, daemon):
    terminal.start("for i in 1 2 3; do baton lock x sleep 1000; done")
    eventually("held", lambda: daemon.holders("x") == 1)
    terminal.send(CTRL_C)
    terminal.expect("READY> ")
    assert daemon.holders("x") == 0


def test_cmd_that_catches_the_interrupt_gets_it_once(terminal, daemon):
    terminal.start("baton lock x -- bash -c 'trap \"echo caught; n=\\$((n + 1))\" INT; echo on; "
                   "until [ \"$n\" = 2 ]; do sleep 0.02; done; exit 3'")
    terminal.expect("on")
    for _ in range(2):
        assert daemon.holders("x") == 1
        terminal.send(CTRL_C)
        terminal.expect("caught")
    rest = terminal.expect(r"(?s)(.*?)READY> ").group(1)
    assert "caught" not in rest
    assert terminal.status() == 3


def test_keys_at_any_moment(terminal, daemon):
    """However early they come, while CMD is being started too, none is lost."""
    for i in range(20 * int(os.environ.get("TEST_SCALE", "1"))):
        terminal.start("echo on; baton lock x sleep 1000; echo =$?=")
        terminal.expect("on\r\n")
        eventually("it has begun", lambda: any(map(is_foreground, children_of(terminal.pid))))
        time.sleep(i % 10 * 0.0007)
        terminal.send(CTRL_C)
        terminal.expect("READY> ")
        terminal.start("baton lock x -- bash -c 'echo in; exec sleep 1000'")
        if i % 2 == 0:
            terminal.expect("in\r\n")
        else:
            eventually("held", lambda: daemon.holders("x") == 1)
        terminal.send(CTRL_Z)
        terminal.expect("Stopped")
        terminal.expect("READY> ")
        terminal.run("kill -9 %1; wait")
        eventually("free", lambda: daemon.holders("x") == 0)


def test_quit(terminal, daemon):
    terminal.run("ulimit -c 0")
    terminal.start("baton lock x sleep 1000")
    eventually("held", lambda: daemon.holders("x") == 1)
    terminal.send(CTRL_BACKSLASH)
    terminal.expect("READY> ")
    assert terminal.status() == 131


def test_stop_and_foreground(terminal, daemon):
    terminal.start("baton lock x cat")
    eventually("held", lambda: daemon.holders("x") == 1)
    holder = daemon.pid_of_holder("x")
    for _ in range(3):
        terminal.send(CTRL_Z)
        terminal.expect("Stopped")
        terminal.expect("READY> ")
        assert daemon.holders("x") == 1
        assert state_of(holder) == "T"
        assert all(state_of(child) == "T" for child in children_of(holder))
        terminal.start("fg")
        foreground(holder)
        terminal.send("hello\n")
        terminal.expect("hello")
    terminal.send(CTRL_D)
    terminal.expect("READY> ")
    assert terminal.status() == 0
    assert daemon.holders("x") == 0


def test_stop_and_background(terminal, daemon):
    terminal.start("baton lock x -- bash -c 'until [ -e done ]; do sleep 0.02; done; exit 5'")
    eventually("held", lambda: daemon.holders("x") == 1)
    holder = daemon.pid_of_holder("x")
    terminal.send(CTRL_Z)
    terminal.expect("Stopped")
    terminal.expect("READY> ")
    terminal.run("bg")
    eventually("it runs again", lambda: all(state_of(p) in "RSD" for p in (holder, *children_of(holder))))
    assert daemon.holders("x") == 1
    terminal.start("touch done; wait %1; echo =$?=")
    assert terminal.expect(r"=(\d+)=").group(1) == "5"
    terminal.expect("READY> ")
    terminal.run("rm done")
    assert daemon.holders("x") == 0


def test_background_job(terminal, daemon):
    terminal.run("baton lock x -- sleep 1000 &")
    eventually("held", lambda: daemon.holders("x") == 1)
    assert "Running" in terminal.run("jobs")
    terminal.start("fg")
    foreground(daemon.pid_of_holder("x"))
    terminal.send(CTRL_C)
    terminal.expect("READY> ")
    assert daemon.holders("x") == 0


def test_background_job_that_reads_is_stopped(terminal, daemon):
    terminal.run("baton lock x cat &")
    terminal.expect("Stopped")
    assert daemon.holders("x") == 1
    terminal.start("fg")
    terminal.expect("baton lock x cat")
    terminal.send("typed\n")
    terminal.expect("typed")
    terminal.send(CTRL_D)
    terminal.expect("READY> ")
    assert daemon.holders("x") == 0


def test_kill_of_a_job(terminal, daemon):
    terminal.run("baton lock x -- sleep 1000 &")
    eventually("held", lambda: daemon.holders("x") == 1)
    terminal.run("kill %1")
    terminal.start("wait %1; echo =$?=")
    assert terminal.expect(r"=(\d+)=").group(1) == "143"
    terminal.expect("READY> ")
    eventually("free", lambda: daemon.holders("x") == 0)


def test_cmd_that_stops_itself(terminal, daemon):
    """As an editor does, after it has put the terminal back."""
    terminal.start("baton lock x -- bash -c 'kill -STOP $$; echo went on; exit 4'")
    terminal.expect("Stopped")
    terminal.expect("READY> ")
    assert daemon.holders("x") == 1
    terminal.start("fg")
    terminal.expect("went on")
    terminal.expect("READY> ")
    assert terminal.status() == 4


def test_continue_sent_to_baton_alone(terminal, daemon):
    terminal.start("baton lock x -- bash -c 'until [ -e done ]; do sleep 0.02; done'")
    eventually("held", lambda: daemon.holders("x") == 1)
    holder = daemon.pid_of_holder("x")
    terminal.send(CTRL_Z)
    terminal.expect("Stopped")
    os.kill(holder, signal.SIGCONT)
    eventually("CMD goes on", lambda: all(state_of(p) in "RSD" for p in (holder, *children_of(holder))))
    terminal.expect("READY> ")
    terminal.run("touch done; wait; rm done")
    assert daemon.holders("x") == 0


def test_process_sent_signal_is_passed_on(terminal, daemon):
    terminal.start("baton lock x -- bash -c 'trap \"echo usr1\" USR1; echo on; until [ -e done ]; do sleep 0.02; done'")
    terminal.expect("on")
    os.kill(daemon.pid_of_holder("x"), signal.SIGUSR1)
    terminal.expect("usr1")
    open(os.path.join(daemon.folder, "done"), "w", encoding="utf-8").close()
    terminal.expect("READY> ")
    terminal.run("rm done")


def test_stop_and_interrupt_while_waiting(terminal, daemon):
    terminal.run("baton lock x -- sleep 1000 &")
    eventually("held", lambda: daemon.holders("x") == 1)
    terminal.start("baton lock x true")
    eventually("waits", lambda: daemon.waiters("x") == 1)
    terminal.send(CTRL_Z)
    terminal.expect("Stopped")
    terminal.expect("READY> ")
    terminal.start("fg %2")
    foreground(daemon.pid_of("waiter", "x"))
    assert daemon.waiters("x") == 1
    terminal.send(CTRL_C)
    terminal.expect("READY> ")
    assert terminal.status() == 130
    eventually("no waiter is left", lambda: daemon.waiters("x") == 0)
    terminal.run("kill %1; wait")


def test_pipeline(terminal, daemon):
    """CMD is in the shell's group for the pipeline, so a pager has the terminal and ^C reaches all."""
    output = terminal.run("seq 5 | baton lock x -- sed 's/^/line /' | cat")
    assert "line 5" in output
    terminal.start("baton lock x -- bash -c 'while :; do echo y; sleep 0.01; done' | cat >/dev/null")
    eventually("held", lambda: daemon.holders("x") == 1)
    terminal.send(CTRL_Z)
    terminal.expect("Stopped")
    terminal.expect("READY> ")
    terminal.start("fg")
    foreground(daemon.pid_of_holder("x"))
    terminal.send(CTRL_C)
    terminal.expect("READY> ")
    eventually("free", lambda: daemon.holders("x") == 0)


def test_pager(terminal, daemon):
    pager = "less" if shutil.which("less") else "more"
    terminal.run("seq 1000 >numbers; export TERM=vt100")
    for command in (f"baton lock x cat numbers | {pager}", f"baton lock x {pager} numbers"):
        terminal.start(command)
        terminal.expect(r"\b10\s")
        terminal.send("q")
        terminal.expect("READY> ")
        eventually("free", lambda: daemon.holders("x") == 0)


def test_hangup_of_the_terminal(terminal, daemon):
    terminal.start("baton lock x -- sleep 1000")
    eventually("held", lambda: daemon.holders("x") == 1)
    holder = daemon.pid_of_holder("x")
    eventually("CMD is there", lambda: children_of(holder))
    child = children_of(holder)[0]
    terminal.close()
    eventually("CMD has gone", lambda: state_of(child) in ("", "Z"))
    eventually("free", lambda: daemon.holders("x") == 0)


def test_send_does_not_read_the_terminal_by_accident(terminal, daemon):
    daemon.tool("chan", "make", "jobs", "--cap", "5")
    assert "VALUE is missing" in terminal.run("baton chan send jobs")
    assert terminal.status() == 2
    terminal.start("baton chan send jobs -")
    terminal.send("typed\n" + CTRL_D)
    terminal.expect("READY> ")
    assert terminal.status() == 0
    assert daemon.tool("chan", "recv", "jobs", "--try").stdout == "typed\n"


def test_interrupt_of_a_worker(terminal, daemon):
    daemon.tool("chan", "make", "jobs", "--cap", "5")
    daemon.tool("chan", "send", "jobs", "one")
    terminal.start("baton chan range jobs -- bash -c 'echo on; exec sleep 1000'")
    terminal.expect("on")
    terminal.send(CTRL_C)
    terminal.expect("READY> ")
    assert terminal.status() == 130
    assert daemon.tool("chan", "recv", "jobs", "--try").stdout == "one\n"


def main():
    failures = 0
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    wanted = sys.argv[1:]
    for name, test in tests:
        if wanted and name not in wanted:
            continue
        folder = tempfile.mkdtemp()
        daemon = terminal = None
        previous = os.getcwd()
        try:
            os.chdir(folder)
            daemon = Daemon(folder)
            daemon.folder = folder
            terminal = Terminal(daemon.environment)
            test(terminal, daemon)
            print(f"ok - {name[5:].replace('_', ' ')}", flush=True)
        except (Failed, AssertionError) as error:
            failures += 1
            line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0
            print(f"not ok - {name[5:].replace('_', ' ')} (line {line}): {error}", flush=True)
        finally:
            os.chdir(previous)
            if terminal is not None:
                try:
                    terminal.close()
                except OSError:
                    pass
            if daemon is not None:
                daemon.close()
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{failures} failed" if failures else "all passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
