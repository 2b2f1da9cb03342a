#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_guards.sh - the daemon keeps its promises in every mode of guarding stacks, with more blocked calls than a slab has
# stacks.
. "$BATON_SOURCE/tests/lib/shell.sh"

blocked=300

# $1: the mode; $2: what the daemon calls it, where the kernel has it.
try() {
	local waiters=() said
	batond --procs "${TEST_PROCS:-1}" --stack-guard "$1" --listen "unix:$PWD/$1" --log-level warning &
	daemon=$!
	export BATON_SERVER=unix:$PWD/$1
	eventually baton -q ping
	said=$(baton status | sed -n 's/^guard\t//p')
	[ "$said" = "$2" ] || [ "$1" = install ] || fail "$1: the daemon says $said"
	baton chan make jobs || fail "$1: make"
	for ((i = 0; i < blocked; i++)); do
		baton chan recv jobs >>"$1.received" &
		waiters+=($!)
	done
	eventually waiting "$blocked"
	seq "$blocked" | baton chan send jobs || fail "$1: send"
	wait "${waiters[@]}" || fail "$1: a receiver"
	seq "$blocked" | cmp - <(sort -n "$1.received") || fail "$1: not each message once"
	kill "$daemon" && wait "$daemon" || fail "$1: the daemon ended with $?"
}

waiting() {
	[ "$(baton status | sed -n 's/^blocked\t//p')" = "$1" ]
}

try install "guard markers"
try mprotect "guard pages"
try slab "slab guards and canaries"
