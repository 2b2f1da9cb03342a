#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton once: one caller's CMD runs, the others wait and get its value; CMDs that fail, runners that die, how long it lasts.
# shellcheck source=tests/cli/lib.sh disable=SC1010,SC2016,SC2119,SC2317 # once do; quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

runs() { [ "$(field 3 "$1" once)" = running ]; }
waits() { until_true [ -e "$folder/$1" ]; }

# gate NAME: CMD that notes that it ran, then waits for go-NAME.
gate() { printf "echo ran >>'%s/ran-%s'; until [ -e '%s/go-%s' ]; do sleep 0.01; done" "$folder" "$1" "$folder" "$1"; }
times() { wc -l <"$folder/ran-$1" | tr -d ' '; }

# one runs, all get the value
for i in $(seq 20); do
    "$BATON" once do --capture a -- sh -c "$(gate a); printf 'one\ntwo\n'" >"$folder/a$i" &
    callers[i]=$!
done
until_true has_waiters a once 19
equal "one holder" "$(field 4 a once)" 1
exits 1 "--try" "$BATON" once do --try a true
says 'baton: once "a": would block'
exits 1 "-w" "$BATON" once do -w 50ms a true
exits 7 "-w -E" "$BATON" once do -w 50ms -E 7 a true
exits 124 "-t" "$BATON" -t 50ms once do a true
exits 1 "get while it runs" "$BATON" once get a
exits 1 "reset while it runs changes nothing" "$BATON" once reset a
check "it still runs" runs a
touch "$folder/go-a"
bad=0
for i in $(seq 20); do
    wait "${callers[i]}" || bad=$((bad + 1))
    [ "$(od -An -c "$folder/a$i")" = "$(printf 'one\ntwo\n' | od -An -c)" ] || bad=$((bad + 1))
done
equal "every caller gets the value" $bad 0
equal "of all who call one runs" "$(times a)" 1
prints "$(printf 'one\ntwo')" "a later caller gets the value at once" "$BATON" -t 0 once do --capture a -- sh -c 'echo ran again'
prints "" "without --capture nothing is written" "$BATON" once do a -- echo again
prints "$(printf 'one\ntwo')" "get" "$BATON" once get a
prints '{"value":"one\ntwo\n"}' "get, JSON" "$BATON" -o json once get a
prints "$(printf 'once\ta\tdone\t0\t0')" "ls" "$BATON" ls once

# reset
exits 0 "reset" "$BATON" once reset a
exits 1 "reset of what is not done" "$BATON" once reset a
says 'baton: once "a": not done'
exits 1 "get of what is not done" "$BATON" once get a
check "an idle once is forgotten" is_absent a once
prints three "the next caller runs again" "$BATON" once do --capture a -- echo three
baton once reset a

# any bytes, and much
prints '{"value_base64":"AP8="}' "bytes" sh -c "'$BATON' -o json once do --capture b -- printf '\\000\\377'"
exits 0 "a value of a megabyte" "$BATON" once do --capture big -- head -c 1000000 /dev/zero
equal "is whole" "$(wc -c <"$OUT" | tr -d ' ')" 1000000
equal "for all" "$("$BATON" once do --capture big true | wc -c | tr -d ' ')" 1000000
exits 3 "more than 16 MiB is no value" "$BATON" once do --capture huge -- head -c 17000000 /dev/zero
check "it is said" grep -q "CMD's output cannot be the value: File too large" "$ERR"
exits 1 "and it is not done" "$BATON" once get huge
prints '' "no output is a value" "$BATON" once do --capture empty true
exits 0 "an empty one" "$BATON" once get empty

# failure
"$BATON" once do f -- sh -c "$(gate f); exit 5" &
first=$!
until_true runs f
"$BATON" once do --capture f -- sh -c 'echo second' >"$folder/second" &
second=$!
"$BATON" once do --capture f -- sh -c 'echo third' >"$folder/third" &
third=$!
until_true has_waiters f once 2
touch "$folder/go-f"
wait $first
equal "CMD's exit status" $? 5
wait $second && wait $third
equal "a CMD that fails makes the next caller run" "$(sort -u "$folder/second" "$folder/third" | wc -l | tr -d ' ')" 1
baton once reset f

# death
"$BATON" once do d -- sh -c "echo \$\$ >'$folder/cmd-d'; exec sleep 1000" 2>/dev/null &
first=$!
waits cmd-d
"$BATON" once do --capture d -- sh -c 'echo ${BATON_ABANDONED:-0} $BATON_NAME' >"$folder/second" &
second=$!
until_true has_waiters d once 1
{ kill -9 $first && wait $first; } 2>/dev/null
wait $second
equal "a runner that dies makes the next caller run" $? 0
equal "which is told" "$(cat "$folder/second")" "1 d"
until_true sh -c "! kill -0 $(cat "$folder/cmd-d") 2>/dev/null" # its CMD goes with it

# tokens are those of locks: they rise over all
one=$(baton once do t1 -c 'echo $BATON_TOKEN' --capture)
two=$(baton lock t -- sh -c 'echo $BATON_TOKEN')
three=$(baton once do t2 -c 'echo $BATON_TOKEN' --capture)
check "tokens rise" [ "$one" -lt "$two" ] && check "over all kinds" [ "$two" -lt "$three" ]

# --keep
exits 0 "--keep" "$BATON" once do --keep 1h --capture k1 -- echo kept
prints kept "while it is kept" "$BATON" once get k1
exits 0 "--keep, not for long" "$BATON" once do --keep 100ms --capture k -- echo kept
until_true sh -c "! '$BATON' once get k"
prints anew "then the next caller runs anew" "$BATON" once do --capture k -- echo anew

# an operator ends the run: CMD is ended, and the next caller runs
"$BATON" once do o -- sleep 1000 2>"$folder/lost" &
first=$!
until_true runs o
"$BATON" once do --capture o -- echo next >"$folder/next" &
second=$!
until_true has_waiters o once 1
baton session kill "$(baton inspect once o | awk '$1 == "holder" { print $2 }')"
wait $first
equal "the lost run's status" $? 121
wait $second
equal "the next caller's value" "$(cat "$folder/next")" next

# signals
"$BATON" once do s -- sh -c "$(gate s)" &
first=$!
until_true runs s
"$BATON" once do s true &
second=$!
until_true has_waiters s once 1
kill -INT $second
kill -TERM $second
wait $second
check "a signal ends the wait" [ $? -gt 128 ]
check "which leaves nothing behind" has_waiters s once 0
touch "$folder/go-s"
wait $first
exits 2 "without CMD" "$BATON" once do x
finish
