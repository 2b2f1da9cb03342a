#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton sem: so many at a time, in order, for as long as their sessions live.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2154,SC2317 # quoted for inner shells; set by eval; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# start NAME WHO [OPTION...]: a holder that writes "WHO" to the log once it holds, until WHO's file appears.
start() {
    local name=$1 who=$2
    shift 2
    "$BATON" sem acquire "$@" "$name" -- \
        sh -c "echo $who >>'$folder/log'; until [ -e '$folder/go-$who' ]; do sleep 0.01; done" 2>>"$folder/messages" &
    eval "pid_$who=$!"
}
let_go() { touch "$folder/go-$1"; eval "wait \$pid_$1"; }
log_is() { [ "$(sort "$folder/log" | tr '\n' ' ')" = "$1" ]; }
is_taken() { [ "$(field 3 "$1" sem)" = "taken $2" ]; }
waits() { has_waiters "$1" sem "$2"; }
: >"$folder/log"

# making
exits 3 "never made" "$BATON" sem acquire a true
says 'baton: sem "a": never made, or deleted'
exits 0 "made" "$BATON" sem make a 3
exits 0 "made again" "$BATON" sem make a 3
exits 3 "made again with another number" "$BATON" sem make a 4
says 'baton: sem "a": made with 3 permits, not 4'
exits 3 "--of another number" "$BATON" sem acquire --of 4 a true
exits 2 "no permits at all" "$BATON" sem make z 0
exits 2 "more than there are" "$BATON" sem acquire --count 4 a true
says 'baton: sem "a": 4 permits of 3 can never be had'
prints made "--of makes it" "$BATON" sem acquire --of 1 b echo made
check "it stays" is_taken b 0/1
exits 7 "CMD's exit status" "$BATON" sem acquire a -- sh -c 'exit 7'
prints "a 1" "what CMD finds" "$BATON" sem acquire a -- \
    sh -c "'$BATON' sem check a \$BATON_TOKEN && echo \$BATON_NAME 1"

# so many at a time
start a x1 --count 2
start a x2
until_true is_taken a 3/3
exits 1 "never more than there are" "$BATON" sem acquire -n a true
exits 9 "-w -E" "$BATON" sem acquire -w 20ms -E 9 a true
exits 124 "-t" "$BATON" -t 20ms sem acquire a true
equal "inspect" "$(baton inspect sem a | tail -n +2 | cut -f 1)" "$(printf 'holder\nholder')"
prints '{"kind":"sem","name":"a","state":"taken","holders":2,"waiters":0,"used":3,"size":3}' "JSON" "$BATON" -o json ls sem a

# in order
start a x3 --count 3
until_true waits a 1
start a x4
until_true waits a 2
let_go x2
exits 1 "who wants few does not pass who waits for many" "$BATON" sem acquire -n a true
check "nor does one that waits" waits a 2
let_go x1
until_true log_is "x1 x2 x3 "
let_go x3
until_true log_is "x1 x2 x3 x4 "
"$BATON" -t 300ms sem acquire --count 3 a true 2>/dev/null &
until_true waits a 1
start a x5
until_true is_taken a 2/3
check "when it gives up those behind it come in" log_is "x1 x2 x3 x4 x5 "
let_go x4
let_go x5
until_true is_taken a 0/3

# never more than there are, by count
baton sem make many 3
for i in $(seq 12); do
    "$BATON" sem acquire many -- sh -c "echo + >>'$folder/count'; sleep 0.02; echo - >>'$folder/count'" &
done
wait_all() { for i in $(jobs -p); do [ "$i" = "$daemon" ] || wait "$i"; done; }
wait_all
equal "at most three at a time" "$(awk '{ n += $1 == "+" ? 1 : -1; if (n > m) m = n } END { print m <= 3, n, NR }' \
    "$folder/count")" "1 0 24"

# death
start a x6 --count 3
until_true is_taken a 3/3
kill -9 "$pid_x6"
wait "$pid_x6" 2>/dev/null
exits 0 "kill -9 of baton gives its permits back" "$BATON" -t 20s sem acquire --count 3 a true
prints "" "a holder's death is not told" "$BATON" sem acquire a -- sh -c 'echo $BATON_ABANDONED'

# tokens
BATON_SESSION=$(baton session open --pid $$)
export BATON_SESSION
token=$(baton sem acquire --count 2 a)
second=$(baton sem acquire a)
check "all are out" is_taken a 3/3
check "tokens rise" [ "$second" -gt "$token" ]
exits 0 "check" "$BATON" sem check a "$token"
exits 0 "released by token" "$BATON" sem release a "$token"
check "all of that token" is_taken a 1/3
exits 3 "a stale token" "$BATON" sem release a "$token"
check "changes nothing" is_taken a 1/3
exits 1 "it holds nothing" "$BATON" sem check a "$token"
exits 0 "the session ends" "$BATON" session close
unset BATON_SESSION
until_true is_taken a 0/3

# deleting
start a x7
until_true is_taken a 1/3
"$BATON" sem acquire --count 3 a true 2>"$folder/deleted" &
waiter=$!
until_true waits a 1
exits 0 "rm" "$BATON" sem rm a
wait $waiter
equal "a waiter's status" $? 3
equal "and message" "$(cat "$folder/deleted")" 'baton: sem "a": deleted'
wait "$pid_x7"
equal "who holds permits of a deleted one loses them" $? 121
exits 3 "it is gone" "$BATON" sem rm a

finish
