#!/bin/bash
# SPDX-License-Identifier: MIT
#
# a singleton: however many processes ask for the instance, it is made once, and all have the same. (Go: once.Do.)
# shellcheck source=tests/lib/shell.sh disable=SC1010,SC2016,SC2119 # once do; quoted for inner shells
. "$BATON_SOURCE/tests/lib/shell.sh"
start_batond

instance() { baton once do --capture instance -- sh -c 'echo made >>makings; echo "config of $$"'; }
for i in $(seq 20); do
	instance >"instance.$i" &
	askers[i]=$!
done
for i in $(seq 20); do wait "${askers[i]}" || fail "asker $i"; done
[ "$(cat makings)" = made ] || fail "made $(wc -l <makings) times"
[ "$(cat instance.* | sort -u | wc -l)" = 1 ] || fail "not all have the same: $(cat instance.*)"
[ "$(instance)" = "$(cat instance.1)" ] || fail "a later one has another"
