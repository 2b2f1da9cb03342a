#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Locks that are lost or in doubt while CMD runs: CMD gets a TERM, then a KILL; baton exits 121.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# run NAME SCRIPT OPTION...: CMD is that script; $holder is baton.
run() {
    local name=$1 script=$2
    shift 2
    "$BATON" lock "$@" "$name" -- sh -c "$script" 2>"$folder/$name.err" &
    holder=$!
    until_true [ -e "$folder/$name.on" ]
}
session_of() { baton inspect mutex "$1" | awk '$1 == "holder" { print $2 }'; }
token_of() { baton -o json inspect mutex "$1" | sed -n 's/.*"role":"holder".*"token":\([0-9]*\).*/\1/p'; }
obedient() { echo "trap 'echo term >\"$folder/$1.term\"; exit 0' TERM; touch '$folder/$1.on'; while :; do sleep 0.01; done"; }
stubborn() { echo "trap '' TERM; echo \$\$ >'$folder/$1.pid'; touch '$folder/$1.on'; while :; do sleep 0.01; done"; }

# the session is killed by an operator
run a "$(obedient a)"
exits 0 "session kill" "$BATON" session kill "$(session_of a)"
wait $holder
equal "the session is killed: 121" $? 121
check "CMD got a TERM" [ -e "$folder/a.term" ]
check "it is said" grep -q '^baton: mutex "a": lost while CMD ran, which is ended: ' "$folder/a.err"
until_true is_free a
check "the lock is free" is_free a

# TERM is not enough
run b "$(stubborn b)" --kill-after 100ms
baton session kill "$(session_of b)"
wait $holder
equal "KILL after --kill-after: 121" $? 121
check "CMD is dead" sh -c "! kill -0 $(cat "$folder/b.pid") 2>/dev/null"

# so are the processes below it, whatever group they are in
run c "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo \$\$ >\"$folder/c.pid\"; while :; do sleep 0.01; done' & until [ -s '$folder/c.pid' ]; do sleep 0.01; done; touch '$folder/c.on'; wait; wait" --kill-after 100ms
baton session kill "$(session_of c)"
wait $holder
equal "with a process in another group: 121" $? 121
check "that is dead too" sh -c "! kill -0 $(cat "$folder/c.pid") 2>/dev/null"

# another unlocks it by its token
run d "$(obedient d)"
exits 0 "unlock by another" "$BATON" session run -- "$BATON" mutex unlock d "$(token_of d)"
wait $holder
equal "unlocked by another: 121" $? 121
check "CMD got a TERM" [ -e "$folder/d.term" ]

# the daemon is killed
run e "$(obedient e)"
stop_daemon -KILL
wait $holder
equal "the daemon is killed: 121" $? 121
check "CMD got a TERM" [ -e "$folder/e.term" ]

# doubt: a ttl, and a daemon that does not answer
rm -f "$folder/sock"
start_daemon --log-level error
run f "$(obedient f)" --ttl 3s
began=$(now_ms)
kill -STOP "$daemon"
wait $holder
status=$?
took=$(($(now_ms) - began))
kill -CONT "$daemon"
equal "in doubt: 121" $status 121
check "CMD got a TERM" [ -e "$folder/f.term" ]
check "it is said" grep -q '^baton: mutex "f": in doubt' "$folder/f.err"
check "before the ttl could run out, and not at once ($took ms)" [ $took -ge 900 ] && [ $took -le 3000 ]

run g "$(stubborn g)" --ttl 3s
began=$(now_ms)
kill -STOP "$daemon"
until_true sh -c "! kill -0 $(cat "$folder/g.pid")"
took=$(($(now_ms) - began))
kill -CONT "$daemon"
wait $holder
equal "in doubt, TERM not enough: 121" $? 121
check "KILL before the ttl could run out ($took ms)" [ $took -le 3000 ]

# a ttl with a daemon that answers: nothing happens
exits 5 "a run longer than its ttl" "$BATON" lock --ttl 300ms h -- sh -c 'sleep 1; exit 5'

# range's CMDs are ended too when the session is lost
baton chan make jobs --cap 5
baton chan send jobs one
"$BATON" chan range jobs -- sh -c "trap 'touch $folder/range.term; exit 1' TERM; touch '$folder/range.on'; while :; do sleep 0.01; done" 2>/dev/null &
ranger=$!
until_true [ -e "$folder/range.on" ]
baton session kill "$(baton -o json session ls | sed -n 's/.*"session":\([0-9]*\),.*"pid":'$ranger',.*/\1/p')"
wait $ranger
equal "range, session killed: 3" $? 3
check "its CMD got a TERM" [ -e "$folder/range.term" ]
prints one "its message went back" "$BATON" -t 5s chan recv jobs
finish
