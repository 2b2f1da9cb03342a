#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton select: its cases, what it prints, what CMD gets, what becomes of messages and locks when something fails.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

row() { printf '%s' "$1"; for word in "${@:2}"; do printf '\t%s' "$word"; done; }
deliveries() { baton -o json inspect chan "$1" | head -1 | grep -o '"deliveries":[0-9]*' | cut -d: -f2; }
is_drained() { [ "$(baton chan len "$1")" = 0 ] && [ "$(deliveries "$1")" = 0 ]; }

baton chan make jobs --cap 9
baton chan make other
baton chan make room --cap 9

# one case of several
baton chan send jobs one
prints "$(row recv jobs one)" "a message" "$BATON" select --recv other --recv jobs
check "a message that was printed is taken" until_true is_drained jobs
prints "$(row send room)" "a send" "$BATON" select --recv other --send room=hello=you
prints "hello=you" "what was sent" "$BATON" chan recv room
baton chan send jobs 'a	b'
prints '{"case":"recv","name":"jobs","value":"a\tb"}' "a message as JSON" "$BATON" -o json select --recv jobs
exits 1 "default" "$BATON" select --recv jobs --send other=x --default
equal "default is printed" "$(cat "$OUT")" "default"
says ""
prints "$(row after 10ms)" "a timer" "$BATON" select --recv jobs --after 10ms --after 1h
exits 124 "-t ends it" "$BATON" -t 50ms select --recv jobs
exits 124 "without a case it waits until -t" "$BATON" -t 50ms select
exits 124 "-t 0 does not wait" "$BATON" -t 0 select --recv jobs
exits 3 "a name never made fails the select before it waits" "$BATON" select --recv jobs --recv never-made
check "it says which" grep -q '^baton: chan "never-made": ' "$ERR"
exits 2 "no value" "$BATON" select --send jobs
exits 2 "no name" "$BATON" select --send =x
exits 2 "a lock without CMD or session" "$BATON" select --lock m

# a select waits for whatever comes first
"$BATON" select --recv other --recv jobs --send other=out >"$folder/first" &
until_true has_waiters other chan 2
prints out "another process takes what it sends" "$BATON" chan recv other
wait $!
equal "and it says so" "$(cat "$folder/first")" "$(row send other)"
check "its other cases have left" has_waiters jobs chan 0

# what is waited for besides channels
prints "$(row wg crew)" "a wait group at zero" "$BATON" select --wg crew --recv other
baton wg add crew 1
"$BATON" select --wg crew --recv other >"$folder/zero" &
until_true has_waiters crew wg 1
baton wg done crew
wait $!
equal "and one that reaches it" "$(cat "$folder/zero")" "$(row wg crew)"
"$BATON" once do init --capture -- printf ready >/dev/null
prints "$(row once init ready)" "a once that is done" "$BATON" select --once init --recv other
ctx=$("$BATON" ctx new build --detach)
"$BATON" select --done build --recv other >"$folder/ended" &
until_true has_waiters other chan 1
baton ctx cancel "$ctx" --cause "no more"
wait $!
equal "a context that ends" "$(cat "$folder/ended")" "$(row done build "no more")"
exits 3 "a context never made" "$BATON" select --done never-made

# closed
baton chan make over --cap 1
baton chan close over
prints "$(row closed over)" "a closed channel" "$BATON" select --recv over --recv other
exits 3 "a send on a closed channel is ready, and its error" "$BATON" select --send over=x --recv other
says 'baton: chan "over": send on closed channel'

# CMD
baton chan send jobs work
prints "recv jobs work" "CMD has the case in its environment, the message as its input" \
    "$BATON" select --recv jobs -- sh -c 'read -r line; echo "$BATON_CASE $BATON_NAME $line"'
check "and the message is taken" until_true is_drained jobs
baton chan send jobs again
exits 7 "CMD fails" "$BATON" select --recv jobs -- sh -c 'exit 7'
prints again "and the message is back" "$BATON" chan recv jobs
exits 1 "default runs no CMD" "$BATON" select --recv jobs --default -- echo ran
equal "default is printed instead" "$(cat "$OUT")" "default"
prints "$(printf 'after \ninput')" "a timer leaves CMD its input" \
    "$BATON" select --after 1ms -c 'echo "$BATON_CASE $BATON_NAME"; cat' <<<input

# locks
prints "lock m held" "a lock is held while CMD runs" \
    "$BATON" select --lock m --recv other -- sh -c 'echo "$BATON_CASE $BATON_NAME held"; ! "$0" lock m -n -- true 2>/dev/null' "$BATON"
check "and free then" baton lock m -n -- true
mkfifo "$folder/go"
"$BATON" lock m -- sh -c "read -r x <$folder/go" &
holder=$!
until_true has_holder m
"$BATON" select --lock m --recv other -- echo got >"$folder/got" &
until_true has_waiters m mutex 1
echo >"$folder/go"
wait $holder $!
equal "a select is handed the lock" "$(cat "$folder/got")" got
export BATON_SESSION
BATON_SESSION=$("$BATON" session open)
exits 0 "inside BATON_SESSION the token is printed" "$BATON" select --lock m
token=$(cut -f 3 "$OUT")
equal "with case and name" "$(cut -f 1,2 "$OUT")" "$(row lock m)"
check "the session has it" baton mutex check m "$token"
baton mutex unlock m "$token"
unset BATON_SESSION

# whatever kills it, nothing is lost
"$BATON" select --recv jobs --recv other -- sleep 100 &
selecting=$!
until_true has_waiters jobs chan 1
baton chan send jobs survives
until_true [ "$(deliveries jobs)" = 1 ]
kill -9 $selecting
wait $selecting 2>/dev/null
prints survives "after kill -9 the message is back" "$BATON" -t 10s chan recv jobs
"$BATON" select --recv jobs --send other=x &
selecting=$!
until_true has_waiters other chan 1
kill $selecting
wait $selecting 2>/dev/null
equal "a signal ends it" $? 143
check "and it has left both queues" until_true eval 'has_waiters jobs chan 0 && has_waiters other chan 0'
finish
