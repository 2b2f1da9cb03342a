#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton cond: waiting under a mutex, signals and broadcasts, TEST, times, deaths that pass a signal on, enclosing holds.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

on_cond() { has_waiters "$1" cond "$2"; }
is_held() { has_holder "$1"; }

# hold NAME: a lock that is held until $folder/go-NAME appears; its job's pid in $holder.
hold() {
    "$BATON" lock "$1" -- sh -c "until [ -e '$folder/go-$1' ]; do sleep 0.01; done" &
    holder=$!
    until_true is_held "$1"
}
let_go() { touch "$folder/go-$1"; wait "$holder"; rm "$folder/go-$1"; }

# wait gives the mutex back, and has it again
exits 0 "a signal that nobody waits for" "$BATON" cond signal c
"$BATON" cond wait c --mutex m -- sh -c 'baton() { '"'$BATON'"' "$@"; }; baton mutex check m $BATON_TOKEN && echo "$BATON_NAME held"' >"$folder/one" &
one=$!
until_true on_cond c 1
check "a wait unlocks the mutex" is_free m
hold m
exits 0 "signal" "$BATON" cond signal c
until_true has_waiters m mutex 1
check "woken, it waits for the mutex" on_cond c 0
let_go m
wait $one
equal "and runs CMD under it" "$(cat "$folder/one")" "m held"
check "then the mutex is free" is_absent m
check "a cond that nobody waits on is forgotten" is_absent c cond

# order
for i in 1 2 3; do
    "$BATON" cond wait o --mutex m -- sh -c "echo $i >>'$folder/order'" &
    started[i]=$!
    until_true on_cond o "$i"
done
baton cond signal o
wait "${started[1]}"
equal "a signal wakes the longest waiter" "$(cat "$folder/order")" 1
check "and no other" on_cond o 2
baton cond broadcast o
wait "${started[2]}" "${started[3]}"
equal "a broadcast wakes all" "$(sort "$folder/order" | tr '\n' ' ')" "1 2 3 "

# --until
exits 4 "TEST that holds already: no wait" "$BATON" -t 10s cond wait u --mutex m --until true -- sh -c 'exit 4'
"$BATON" cond wait u --mutex m --until "echo x >>'$folder/tests'; [ -e '$folder/ready' ]" -- echo ready >"$folder/until" &
one=$!
until_true on_cond u 1
baton cond broadcast u
until_true sh -c "[ \$(wc -l <'$folder/tests') = 2 ]"
until_true on_cond u 1
check "it waits again while TEST fails" on_cond u 1
baton lock m -- sh -c "touch '$folder/ready'; '$BATON' cond signal u"
wait $one
equal "until TEST succeeds" "$(cat "$folder/until")" ready
equal "TEST runs under the mutex" "$(baton cond wait u --mutex m --until "'$BATON' mutex check m \$BATON_TOKEN" -- echo yes)" yes
exits 127 "TEST that cannot be run" "$BATON" cond wait u --mutex m --until no-such-command -- true
check "leaves the mutex free" is_absent m

# times
exits 124 "-t" "$BATON" -t 100ms cond wait t --mutex m -- echo CMD
says 'baton: cond "t": context deadline exceeded'
equal "CMD does not run then" "$(cat "$OUT")" ""
exits 124 "-t with TEST" "$BATON" -t 100ms cond wait t --mutex m --until false
exits 0 "when -t runs out TEST is looked at once more" "$BATON" -t 200ms cond wait t --mutex m --until "[ -e '$folder/tried' ] || { touch '$folder/tried'; false; }"
hold m
exits 1 "-n" "$BATON" cond wait -n t --mutex m
says 'baton: mutex "m": would block'
exits 124 "-t bounds the locking too" "$BATON" -t 50ms cond wait t --mutex m
let_go m
"$BATON" -t 300ms cond wait t --mutex m 2>/dev/null &
one=$!
until_true on_cond t 1
hold m
until_true has_waiters m mutex 1
check "a wait that times out waits for the mutex again" kill -0 $one
let_go m
wait $one
equal "before it gives up" $? 124
exits 2 "without --mutex" "$BATON" cond wait t

# death passes the signal on
for i in 1 2; do
    "$BATON" cond wait d --mutex m -- sh -c "echo $i >>'$folder/woken'" 2>/dev/null &
    started[i]=$!
    until_true on_cond d "$i"
done
hold m
baton cond signal d
until_true has_waiters m mutex 1
{ kill -9 "${started[1]}" && wait "${started[1]}"; } 2>/dev/null
until_true on_cond d 0
let_go m
wait "${started[2]}"
equal "who is signalled and dies passes the signal on" "$(cat "$folder/woken")" 2
for i in 1 2; do
    "$BATON" cond wait e --mutex m -- sh -c "echo $i >>'$folder/ended'" 2>/dev/null &
    started[i]=$!
    until_true on_cond e "$i"
done
kill -TERM "${started[1]}"
wait "${started[1]}"
equal "a signal ends the wait" $? 143
check "and leaves the others waiting" on_cond e 1
baton cond signal e
wait "${started[2]}"
equal "the next signal is for the next" "$(cat "$folder/ended")" 2

# an enclosing hold
prints "0 held" "inside baton lock the hold stays, under a new token" "$BATON" lock h -- \
    sh -c "('$BATON' inspect cond x >/dev/null; until [ -n \"\$('$BATON' ls cond x)\" ]; do sleep 0.01; done; '$BATON' cond signal x) &
           '$BATON' cond wait x --mutex h; printf '%s ' \$?; wait
           '$BATON' mutex check h \$BATON_TOKEN || echo held"
check "and baton lock releases it" is_absent h
prints "1 2 " "twice, and CMD finds the new token" "$BATON" lock h -- sh -c "
    (until [ -e '$folder/twice' ]; do '$BATON' cond signal x; sleep 0.01; done) &
    for i in 1 2; do '$BATON' cond wait x --mutex h -- sh -c \"'$BATON' mutex check h \\\$BATON_TOKEN && printf '\$i '\"; done; touch '$folder/twice'; wait"
check "it is free" is_absent h
"$BATON" lock h -- sh -c "'$BATON' cond wait x --mutex h; sleep 100" 2>"$folder/lost" &
one=$!
until_true on_cond x 1
kill -9 "$(baton inspect cond x | awk '$1 == "waiter" { print $4 }')"
wait $one
equal "a wait that dies without the mutex leaves the enclosing lock lost" $? 121
check "it is said" grep -q 'lost while CMD ran' "$folder/lost"
exits 0 "in a session that was opened by hand" "$BATON" session run -- sh -c "
    token=\$('$BATON' mutex lock s)
    (until [ -n \"\$('$BATON' ls cond x)\" ]; do sleep 0.01; done; '$BATON' cond signal x) &
    new=\$('$BATON' cond wait x --mutex s)
    wait
    ! '$BATON' mutex check s \$token 2>/dev/null && '$BATON' mutex unlock s \$new"
finish
