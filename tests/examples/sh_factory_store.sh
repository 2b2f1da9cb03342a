#!/bin/bash
# SPDX-License-Identifier: MIT
#
# a factory's store of room for three: producers wait while it is full, consumers while it is empty, each on a condition of
# its own, in a loop. (Go: sync.Cond.)
# shellcheck source=tests/lib/shell.sh disable=SC2016,SC2119 # quoted for inner shells
. "$BATON_SOURCE/tests/lib/shell.sh"
start_batond

max=3 workers=4 rounds=3
echo 0 >count

produce() {
	baton -t 60s cond wait not-full --mutex store --until "[ \$(cat count) -lt $max ]" -- \
		sh -c 'n=$(($(cat count) + 1)); echo $n >count; echo "+1 $n" >>log; baton cond signal not-empty'
}
consume() {
	baton -t 60s cond wait not-empty --mutex store --until '[ $(cat count) -gt 0 ]' -- \
		sh -c 'n=$(($(cat count) - 1)); echo $n >count; echo "-1 $n" >>log; baton cond signal not-full'
}
for _ in $(seq $workers); do
	(for _ in $(seq $rounds); do produce || exit 1; done) &
	started+=($!)
	(for _ in $(seq $rounds); do consume || exit 1; done) &
	started+=($!)
done
for pid in "${started[@]}"; do wait "$pid" || fail "a worker"; done
[ "$(cat count)" = 0 ] || fail "$(cat count) are left"
[ "$(wc -l <log)" = $((2 * workers * rounds)) ] || fail "the log has $(wc -l <log) lines"
awk -v max=$max '{ n += $1; if (n != $2 || n < 0 || n > max) exit 1 }' log || fail "the store was not: $(cat log)"
[ -z "$(baton ls cond)" ] || fail "somebody waits: $(baton ls cond)"
