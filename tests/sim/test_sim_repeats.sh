#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_sim_repeats.sh - a seed repeats its run exactly: the traces of two processes are the same bytes, though their
# addresses are not; another seed's is another.
. "$BATON_SOURCE/tests/lib/shell.sh"

simulation=$BATON_BUILD/tests/sim/sim_daemon

trace() { # seed file
	"$simulation" --first "$1" --trace "$2" >/dev/null || fail "seed $1"
	[ -s "$2" ] || fail "seed $1 left no trace"
}

for seed in 1 2 3 4 5 6 7 8; do
	trace $seed once
	trace $seed again
	cmp once again || fail "two runs of seed $seed differ"
	[ $seed -eq 1 ] || ! cmp -s once former || fail "seeds $((seed - 1)) and $seed are the same"
	mv once former
done
