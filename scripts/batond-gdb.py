# SPDX-License-Identifier: MIT
#
# batond-gdb.py - coroutines for gdb, in a running process or in a core file:
#
#     info coroutines       each coroutine's number, state, what it waits for, where it was started
#     coroutine ID bt       where it stands; ID `all`: every one
#
# It is installed where gdb loads it by itself for batond; else `source scripts/batond-gdb.py`.

import gdb

STATES = ("free", "runnable", "running", "waiting")
FRAMES_MAX = 64
WORD = 8
# Where the frame pointer and the address to go on at lie in a stack at rest: runtime/switch_frame.c.
REST = {"i386:x86-64": (1, 0), "aarch64": (10, 11)}


def number(value):
    """A scalar, atomic or not."""
    return int(value.cast(gdb.lookup_type("unsigned long")))


def text(value):
    """A C string, atomic or not; "" where it is NULL."""
    return gdb.Value(number(value)).cast(gdb.lookup_type("char").pointer()).string() if number(value) else ""


def coroutines():
    """All coroutines, each as a struct co."""
    chunks = gdb.parse_and_eval("('runtime/coroutine.c'::pool).chunks")
    at = number(chunks)
    while at:
        block = gdb.Value(at).cast(chunks.type.unqualified()).dereference()
        records = block["records"]
        low, high = records.type.range()
        for i in range(low, high + 1):
            if number(records[i]["state"]):
                yield records[i]
        at = number(block["next"])


def wait(coroutine):
    """What it does, as the runtime's own reports have it."""
    state = STATES[number(coroutine["state"])]
    return text(coroutine["reason"]) or state if state == "waiting" else state


def machine_of(coroutine):
    """The M that runs it; None: nobody."""
    runtime = gdb.parse_and_eval("co_runtime")
    for i in range(int(runtime["proc_count"])):
        if int(runtime["ms"][i]["current"]) == int(coroutine.address):
            return runtime["ms"][i]
    return None


def frames(coroutine):
    """The addresses of its calls, the innermost first."""
    words = gdb.lookup_type("unsigned long").pointer()
    architecture = gdb.selected_inferior().architecture().name()
    if not int(coroutine["stack"]) or architecture not in REST:
        return
    machine = coroutine["fiber"]["machine"]
    if "stack_pointer" not in [field.name for field in machine.type.fields()]:
        return  # the portable switch
    at_frame, at_address = REST[architecture]
    rest = machine["stack_pointer"].cast(words)
    frame, address = int(rest[at_frame]), int(rest[at_address])
    for _ in range(FRAMES_MAX):
        if not address:
            return
        yield address
        if not frame or frame % WORD:
            return
        record = gdb.Value(frame).cast(words)
        frame, address = int(record[0]), int(record[1])


def head(coroutine):
    return f"goroutine {number(coroutine['id'])} [{wait(coroutine)}]: {text(coroutine['site'])}"


def describe(address):
    """A line for the call that returns to ADDRESS."""
    block = gdb.decode_line(f"*{address - 1:#x}")[1]
    function = gdb.execute(f"info symbol {address - 1:#x}", to_string=True).split(" + ")[0].split(" in section")[0]
    where = f" at {block[0].symtab.filename}:{block[0].line}" if block and block[0].symtab else ""
    return f"{address:#018x} in {function.strip()}{where}"


class InfoCoroutines(gdb.Command):
    """Lists the coroutines of a program that runs on baton's runtime."""

    def __init__(self):
        super().__init__("info coroutines", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        del argument, from_tty
        for coroutine in coroutines():
            print(head(coroutine))


class Coroutine(gdb.Command):
    """coroutine ID bt: shows where the coroutine stands. ID is a number of `info coroutines`, or all."""

    def __init__(self):
        super().__init__("coroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        del from_tty
        words = argument.split()
        if len(words) not in (1, 2) or words[1:] not in ([], ["bt"]):
            raise gdb.GdbError("usage: coroutine ID bt")
        found = False
        for coroutine in coroutines():
            if words[0] != "all" and str(number(coroutine["id"])) != words[0]:
                continue
            found = True
            self.show(coroutine)
        if not found and words[0] != "all":
            raise gdb.GdbError(f"no coroutine {words[0]}")

    @staticmethod
    def show(coroutine):
        print(head(coroutine))
        machine = machine_of(coroutine)
        if machine is not None:
            print(f"    it runs: pthread {int(machine['thread']):#x}, see `info threads`")
            return
        for i, address in enumerate(frames(coroutine)):
            print(f"#{i:<3} {describe(address)}")


InfoCoroutines()
Coroutine()
