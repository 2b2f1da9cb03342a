#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton rlock and wlock: who shares, whose turn it is, what the death of a holder leaves, tokens, options.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2154,SC2317 # quoted for inner shells; set by eval; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# start rlock|wlock NAME WHO [OPTION...]: a holder that writes "WHO" to the log once it holds, until WHO's file appears.
start() {
    local verb=$1 name=$2 who=$3
    shift 3
    "$BATON" "$verb" "$@" "$name" -- sh -c "echo $who >>'$folder/log'; until [ -e '$folder/go-$who' ]; do sleep 0.01; done" \
        2>>"$folder/messages" &
    eval "pid_$who=$!"
}
let_go() { touch "$folder/go-$1"; eval "wait \$pid_$1"; }
log_is() { [ "$(sort "$folder/log" | tr '\n' ' ')" = "$1" ]; }
has_holders() { [ "$(field 4 "$1" rwmutex)" = "$2" ]; }
waits() { has_waiters "$1" rwmutex "$2"; }
: >"$folder/log"

# sharing
start rlock a r1
start rlock a r2
until_true has_holders a 2
until_true log_is "r1 r2 " || failed "readers share"
exits 1 "a writer waits for the last reader" "$BATON" wlock -n a true
equal "read-locked" "$(field 3 a rwmutex)" read-locked
let_go r1
exits 1 "and not only for one" "$BATON" wlock -n a true
let_go r2
check "nobody at it: it is forgotten" is_absent a rwmutex
start wlock a w1
until_true has_holders a 1
exits 1 "a writer is alone: no reader" "$BATON" rlock -n a true
exits 1 "a writer is alone: no writer" "$BATON" wlock -n a true
exits 9 "-E" "$BATON" rlock -w 20ms -E 9 a true
exits 124 "-t" "$BATON" -t 20ms wlock a true
let_go w1

# turns
: >"$folder/log"
start rlock b r3
until_true has_holders b 1
start wlock b w2
until_true waits b 1
exits 1 "a waiting writer holds off new readers" "$BATON" rlock -n b true
start rlock b r4
until_true waits b 2
start rlock b r5
until_true waits b 3
start wlock b w3
until_true waits b 4
equal "holders, then waiters in order" "$(baton inspect rwmutex b | tail -n +2 | cut -f 1 | tr '\n' ,)" \
    "reader,waiting writer,waiting reader,waiting reader,waiting writer,"
let_go r3
until_true log_is "r3 w2 "
check "the last reader lets in the longest-waiting writer" waits b 3
let_go w2
until_true log_is "r3 r4 r5 w2 "
check "a writer's unlock lets in every waiting reader" has_holders b 2
let_go r4
let_go r5
until_true log_is "r3 r4 r5 w2 w3 "
let_go w3

# a writer that gives up
: >"$folder/log"
start rlock c r6
until_true has_holders c 1
"$BATON" -t 300ms wlock c true 2>/dev/null &
until_true waits c 1
start rlock c r7
until_true has_holders c 2
check "when the last waiting writer gives up the readers behind it come in" log_is "r6 r7 "
let_go r6
let_go r7

# strict order
: >"$folder/log"
start wlock d w4 --fifo
until_true has_holders d 1
start wlock d w5
until_true waits d 1
start rlock d r8
until_true waits d 2
let_go w4
until_true log_is "w4 w5 "
check "--fifo: a reader does not pass the writer before it" waits d 1
let_go w5
let_go r8
start rlock d r9
until_true has_holders d 1
exits 3 "options come with the first call" "$BATON" rlock --fifo d true
says 'baton: rwmutex "d": it is there, with another fifo'
let_go r9

# death
: >"$folder/log"
start wlock e w6
until_true has_holders e 1
kill -9 "$pid_w6"
wait "$pid_w6" 2>/dev/null
until_true has_holders e 0
prints 1 "a dead writer is told to a reader" "$BATON" rlock e -- sh -c 'echo $BATON_ABANDONED'
prints 1 "and to the next writer" "$BATON" wlock e -- sh -c 'echo $BATON_ABANDONED'
prints "" "once" "$BATON" wlock e -- sh -c 'echo $BATON_ABANDONED'
start rlock e r10
until_true has_holders e 1
kill -9 "$pid_r10"
wait "$pid_r10" 2>/dev/null
prints "" "a dead reader is not told" "$BATON" wlock e -- sh -c 'echo $BATON_ABANDONED'
start rlock f r11 --lock-delay 400ms
until_true has_holders f 1
kill -9 "$pid_r11"
wait "$pid_r11" 2>/dev/null
until_true has_holders f 0
exits 1 "--lock-delay: a dead holder keeps all out" "$BATON" rlock -n f true
exits 0 "for so long" "$BATON" -t 20s wlock f true

# tokens, in a session
BATON_SESSION=$(baton session open --pid $$)
export BATON_SESSION
token=$(baton rwmutex lock g)
exits 0 "check" "$BATON" rwmutex check g "$token"
exits 0 "a writer becomes a reader" "$BATON" rwmutex downgrade g "$token"
second=$(baton rwmutex rlock -n g)
check "and others may read" [ -n "$second" ]
exits 1 "no writer came between" "$BATON" wlock -n g true
exits 3 "a reader cannot be downgraded" "$BATON" rwmutex downgrade g "$second"
exits 0 "unlock by token" "$BATON" rwmutex unlock g "$token"
exits 3 "twice" "$BATON" rwmutex unlock g "$token"
says 'baton: rwmutex "g": the token holds nothing any more'
exits 0 "the other reader is still there" "$BATON" rwmutex check g "$second"
exits 0 "until it unlocks" "$BATON" rwmutex unlock g "$second"
exits 3 "nobody has it" "$BATON" rwmutex unlock g "$second"
says 'baton: rwmutex "g": Unlock of unlocked RWMutex'
first=$(baton rwmutex lock h)
baton rwmutex unlock h "$first"
check "tokens rise over readers and writers" [ "$(baton rwmutex rlock h)" -gt "$first" ]
unset BATON_SESSION

# one name space with mutexes
start rlock i r12
until_true has_holders i 1
exits 3 "a name in use as an RWMutex is no mutex" "$BATON" lock -n i true
says 'baton: mutex "i": the name is in use as a rwmutex'
let_go r12
exits 0 "until it is forgotten" "$BATON" lock i -- sh -c "'$BATON' rlock -n i true; [ \$? = 3 ]"

finish
