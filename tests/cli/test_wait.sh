#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Blocked commands: -t ends them with 124 and never early, a signal ends them by that signal, and neither leaves anything
# behind. The waiter is seen in baton ls before, and is not there after.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon
baton chan make empty
baton chan make full --cap 1
baton chan send full x
"$BATON" lock held -- sleep 1000 2>/dev/null &
holder=$!
until_true has_holder held

# waits_200ms NAME KIND OBJECT COMMAND...
waits_200ms() {
    local name=$1 kind=$2 object=$3 before after seen=0 status
    shift 3
    for _ in $(seq 20); do # on a loaded machine the 200 ms may be over before one has looked
        before=$(now_ms)
        "$BATON" -t 200ms "$@" >"$OUT" 2>"$ERR" &
        local waiter=$!
        while kill -0 $waiter 2>/dev/null && [ $seen = 0 ]; do
            ! has_waiters "$object" "$kind" 1 || seen=1
        done
        status=0
        wait $waiter || status=$?
        after=$(now_ms)
        [ $seen = 0 ] || break
    done
    equal "$name is seen to wait" $seen 1
    equal "$name exits 124" $status 124
    # /proc/uptime counts in 10 ms: one step may hide.
    check "$name is never early ($((after - before)) ms)" [ $((after - before)) -ge 190 ]
    check "$name: the message names it" grep -q "^baton: $kind \"$object\": context deadline exceeded" "$ERR"
    equal "$name leaves no waiter" "$(field 5 "$object" "$kind")" 0
}
waits_200ms recv chan empty chan recv empty
waits_200ms range chan empty chan range empty
waits_200ms "range with CMD" chan empty chan range empty -- cat
waits_200ms send chan full chan send full y
waits_200ms lock mutex held lock held true

exits 124 "BATON_TIMEOUT" env BATON_TIMEOUT=50ms "$BATON" chan recv empty
exits 124 "-t over BATON_TIMEOUT" env BATON_TIMEOUT=100s "$BATON" -t 50ms chan recv empty
exits 124 "-t 0" "$BATON" -t 0 chan recv empty
prints x "-t 0 where there is something" "$BATON" -t 0 chan recv full
exits 0 "-t 0 send" "$BATON" -t 0 chan send full x
exits 124 "-t 0 send where there is no room" "$BATON" -t 0 chan send full y
exits 124 "waiting for standard input counts" sh -c "sleep 1 | '$BATON' -t 100ms chan send full -"

# ends_by SIGNAL NAME KIND OBJECT COMMAND...: as ^C and its like end it; bash reports 128+n for a signal's death, and so
# would an exit: python tells which.
ends_by() {
    local signal=$1 name=$2 kind=$3 object=$4 status=0
    shift 4
    # Background jobs of scripts are born with INT and QUIT ignored.
    /usr/bin/python3 -c 'import signal, subprocess, sys
usual = lambda: [signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGQUIT)]
sys.exit(100 if subprocess.Popen(sys.argv[1:], preexec_fn=usual).wait() == -signal.Signals["SIG'"$signal"'"] else 1)' \
        sh -c 'echo $$ >"$0"; exec "$@"' "$folder/pid" "$BATON" "$@" >"$OUT" 2>"$ERR" &
    local waiter=$!
    until_true has_waiters "$object" "$kind" 1 || failed "$name is seen to wait"
    kill "-$signal" "$(cat "$folder/pid")"
    wait $waiter || status=$?
    equal "$name dies of $signal" $status 100
    equal "$name leaves no waiter" "$(field 5 "$object" "$kind")" 0
}
ends_by INT recv chan empty chan recv empty
ends_by TERM range chan empty chan range empty
ends_by INT "range with CMD" chan empty chan range empty -- cat
ends_by INT send chan full chan send full a b c
check "it says how many were sent" grep -q '^baton: chan "full": interrupted; 0 sent$' "$ERR"
ends_by HUP lock mutex held lock held true
ends_by USR1 "lock, by USR1" mutex held lock held true
ends_by QUIT "lock, by QUIT" mutex held lock held true
equal "no CMD of theirs ran" "$(cat "$OUT")" ""

# SIGKILL: the daemon sees it go
"$BATON" chan recv empty 2>/dev/null &
waiter=$!
until_true has_waiters empty chan 1
kill -9 $waiter
until_true has_waiters empty chan 0
equal "kill -9 leaves no waiter" "$(field 5 empty chan)" 0

# an ignored signal stays ignored
sh -c "trap '' HUP; exec '$BATON' chan recv empty" >"$OUT" 2>"$ERR" &
waiter=$!
until_true has_waiters empty chan 1
kill -HUP $waiter
sleep 0.1
check "nohup(1) works" has_waiters empty chan 1
kill $waiter
wait $waiter 2>/dev/null

# stopped and continued while it waits
"$BATON" chan recv empty >"$OUT" 2>"$ERR" &
waiter=$!
until_true has_waiters empty chan 1
kill -STOP $waiter
kill -CONT $waiter
baton chan send empty late
wait $waiter
equal "a stopped one goes on" "$(cat "$OUT")" late

# a grant that races with a signal is given back: the lock is free in the end, however it went
hits=0
for i in $(seq "$(scaled 20)"); do
    "$BATON" lock race -- sleep 0.01 &
    first=$!
    "$BATON" lock race -- true 2>/dev/null &
    second=$!
    sleep "0.00$((i % 10))"
    kill -INT $second 2>/dev/null && hits=$((hits + 1))
    wait $first $second 2>/dev/null
done
check "interrupted grants ($hits) are given back" "$BATON" lock -n race true

# the daemon goes: all are told
kill "$daemon"
wait $holder
equal "a holder exits 121" $? 121
finish
