#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_gdb.sh - gdb's commands for coroutines show where each stands. Skipped where there is no gdb, or none that may trace.
. "$BATON_SOURCE/tests/lib/shell.sh"

program=$BATON_BUILD/tests/examples/co_unbuffered_deadlock

in_gdb() { # command...: when the program is found to be deadlocked
	local options=()
	for command; do options+=(-ex "$command"); done
	timeout 60 gdb -q -batch -nx -ex 'set debuginfod enabled off' -x "$BATON_SOURCE/scripts/batond-gdb.py" \
		-ex 'break co_fatal_deadlock' -ex run "${options[@]}" "$program" >gdb.out 2>&1 </dev/null
}

said() { # pattern
	grep -Eq -- "$1" gdb.out || fail "no $1 in: $(cat gdb.out)"
}

command -v gdb >/dev/null || skip "needs gdb"
[ -z "${TEST_SANITIZE:-}" ] || skip "a sanitizer's runtime does not like to be traced"
[ -x "$program" ] || skip "needs $program"
timeout 60 gdb -q -batch -nx -ex 'break co_fatal_deadlock' -ex run "$program" >gdb.out 2>&1 </dev/null
grep -q '^Breakpoint 1, \|hit Breakpoint 1, ' gdb.out || skip "gdb may not trace here: $(tail -2 gdb.out)"

in_gdb 'info coroutines'
said '^goroutine 1 \[chan send\]: main$'

in_gdb 'coroutine 1 bt'
said '^goroutine 1 \[chan send\]: main$'
if nm "$program" | grep -q co_machine_start; then # not the portable switch
	said '^#0 +0x[0-9a-f]+ in co_wait_park(_within)? at '
	said '^#1 +0x[0-9a-f]+ in wait_for_peer at '
	said ' in co_machine_start at '
fi

in_gdb 'coroutine 77 bt'
said 'no coroutine 77'
