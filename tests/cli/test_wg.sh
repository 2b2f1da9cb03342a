#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton wg: the counter and who waits for it, rounds, CMDs that are done or die, what a session's end takes off.
# shellcheck source=tests/cli/lib.sh disable=SC1010,SC2016,SC2119,SC2317 # wg done; quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

counter() { baton -o json ls wg "$1" | sed -n 's/.*"counter":\([0-9]*\).*/\1/p'; }
counts() { [ "$(counter "$1")" = "$2" ]; }
has_shares() { [ "$(field 4 "$1" wg)" = "$2" ]; }

# the counter
exits 0 "a group that nobody added to is at zero" "$BATON" wg wait a
exits 0 "add" "$BATON" wg add a
exits 0 "add 2" "$BATON" wg add a 2
equal "the counter" "$(counter a)" 3
exits 0 "done" "$BATON" wg done a
exits 3 "below zero is an error" "$BATON" wg add a -3
says 'baton: wg "a": negative WaitGroup counter'
equal "and changes nothing" "$(counter a)" 2
exits 3 "so many are refused" "$BATON" wg add a 2147483647
equal "and change nothing" "$(counter a)" 2
exits 0 "add -2" "$BATON" wg add a -2
check "a group at zero is forgotten" is_absent a wg
exits 3 "done at zero" "$BATON" wg done a
says 'baton: wg "a": negative WaitGroup counter'
exits 2 "no number" "$BATON" wg add a two

# waiting
baton wg add b 2
exits 1 "--try" "$BATON" wg wait --try b
says 'baton: wg "b": would block'
exits 124 "-t" "$BATON" -t 50ms wg wait b
exits 124 "-t 0" "$BATON" -t 0 wg wait b
for i in 1 2 3; do
    "$BATON" wg wait b &
    started[i]=$!
done
until_true has_waiters b wg 3
baton wg done b
check "one is not all" has_waiters b wg 3
baton wg done b
bad=0
for i in 1 2 3; do wait "${started[i]}" || bad=$((bad + 1)); done
equal "a wait ends when all are done" $bad 0
exits 0 "at zero --try does not block" "$BATON" wg wait --try b
exits 0 "nor does -t 0" "$BATON" -t 0 wg wait b

# rounds: what is added right behind the end of one holds nobody up who waited in it
for i in $(seq "$(scaled 10)"); do
    baton wg add r
    "$BATON" wg wait r &
    first=$!
    until_true has_waiters r wg 1
    baton wg done r
    baton wg add r
    wait $first || failed "round $i: who waited in a round is released whatever comes after"
    baton wg done r
done
check "who waited in a round is released whatever comes after" is_absent r wg

# run
exits 7 "run: CMD's exit status" "$BATON" wg run c -- sh -c 'exit 7'
check "done although CMD failed" is_absent c wg
exits 137 "CMD killed" "$BATON" wg run c -- sh -c 'kill -9 $$'
exits 0 "done although CMD was killed: nothing is lost" "$BATON" wg wait c
prints "c -" "what CMD finds" "$BATON" wg run c -- sh -c 'echo $BATON_NAME ${BATON_TOKEN:--}'
exits 2 "run without CMD" "$BATON" wg run c
"$BATON" wg run c -- sh -c "(until [ -e '$folder/c' ]; do sleep 0.01; done) >/dev/null 2>&1 & exit 0" &
left=$!
until_true counts c 1
sleep 0.1
check "what CMD leaves behind counts" counts c 1
touch "$folder/c"
wait $left
check "until it is gone" is_absent c wg

# --added
exits 3 "--added: there is none" "$BATON" wg run --added d true
baton wg add d 3
for i in 1 2 3; do "$BATON" wg run --added d -- sh -c "until [ -e '$folder/d$i' ]; do sleep 0.01; done" & done
until_true has_shares d 3
equal "--added adds none" "$(counter d)" 3
exits 0 "inspect" "$BATON" -o json inspect wg d
equal "inspect shows who has a share" "$(grep -c '"role":"holder","session":[0-9]*,"label":"sh".*"count":1' "$OUT")" 3
"$BATON" wg wait d &
waiter=$!
until_true has_waiters d wg 1
touch "$folder/d1" "$folder/d2"
until_true counts d 1
check "the wait goes on" has_waiters d wg 1
touch "$folder/d3"
wait $waiter
equal "until all that were added are done" $? 0

# death
"$BATON" wg run e -- sleep 1000 2>/dev/null &
one=$!
"$BATON" wg run e -- sleep 1000 2>/dev/null &
two=$!
"$BATON" wg run e -- sh -c "until [ -e '$folder/e' ]; do sleep 0.01; done" &
until_true counts e 3
"$BATON" wg wait e 2>"$folder/told" &
waiter=$!
"$BATON" wg wait --ignore-lost e 2>"$folder/ignored" &
ignoring=$!
until_true has_waiters e wg 2
{ kill -9 $one $two && wait $one $two; } 2>/dev/null
until_true counts e 1
touch "$folder/e"
wait $waiter
equal "kill -9 of baton: its 1 comes off, and the wait says so" "$?" 1
equal "by the number" "$(cat "$folder/told")" 'baton: wg "e": 2 lost: done by the end of their sessions'
wait $ignoring
equal "--ignore-lost" "$?" 0
equal "--ignore-lost says nothing" "$(cat "$folder/ignored")" ""
exits 1 "who waits later is told too" "$BATON" wg wait e
exits 0 "another round" "$BATON" wg run e true
exits 0 "begins anew" "$BATON" wg wait e

# whose share a done takes: the session's own, else an unbound one, else the oldest
"$BATON" wg run f -- sh -c "until [ -e '$folder/f' ]; do sleep 0.01; done" 2>"$folder/paid" &
running=$!
until_true has_shares f 1
baton wg add f
exits 0 "a done takes what is unbound" "$BATON" wg done f
check "before a session's" has_shares f 1
exits 0 "then a session's" "$BATON" wg done f
check "which then has none" is_absent f wg
touch "$folder/f"
wait $running
equal "so that its own done is one too many" "$?" 121
check "it is said" grep -q 'negative WaitGroup counter' "$folder/paid"

# a signal ends the wait
baton wg add g
"$BATON" wg wait g &
waiter=$!
until_true has_waiters g wg 1
kill -TERM $waiter
wait $waiter
equal "TERM ends a wait" $? 143
until_true has_waiters g wg 0
check "which leaves nothing behind" has_waiters g wg 0
baton wg done g
finish
