#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton lock with several names, and with options that last as long as the lock: --fifo, --lock-delay.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2154,SC2317 # quoted for inner shells; set by eval; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# start WHO WORD...: a holder that writes "WHO" to the log once it holds, until WHO's file appears.
start() {
    local who=$1
    shift
    "$BATON" lock "$@" -- sh -c "echo $who >>'$folder/log'; until [ -e '$folder/go-$who' ]; do sleep 0.01; done" \
        2>>"$folder/messages" &
    eval "pid_$who=$!"
}
let_go() { touch "$folder/go-$1"; eval "wait \$pid_$1"; }
log_is() { [ "$(tr '\n' ' ' <"$folder/log")" = "$1" ]; }
: >"$folder/log"

# several names
prints "a b c" "several names: all of them" "$BATON" lock a b c -- sh -c 'echo $BATON_NAME'
check "and they are free again" is_absent a
prints yes "one token for all" "$BATON" lock a b -- sh -c \
    "'$BATON' mutex check a \$BATON_TOKEN && '$BATON' mutex check b \$BATON_TOKEN && echo yes"
start h b
until_true has_holder b
exits 1 "or none" "$BATON" lock -n a b -- true
check "none is left" is_absent a
exits 1 "-w" "$BATON" lock -w 50ms a b -- true
check "nor then" is_absent a
start m a b
until_true has_waiters a mutex 1
exits 0 "and meanwhile the free one is free" "$BATON" lock -n a true
let_go h
until_true log_is "h m "
exits 1 "then it is held" "$BATON" lock -n a true
let_go m
exits 2 "a name twice" "$BATON" lock a a -- true
exits 2 "a name that is none" "$BATON" lock a b=c -- true
exits 7 "CMD's status" "$BATON" lock b a -- sh -c 'exit 7'
BATON_SESSION=$(baton session open --pid $$)
export BATON_SESSION
token=$(baton mutex lock a b --)
exits 0 "in a session" "$BATON" mutex check b "$token"
exits 0 "each can be unlocked alone" "$BATON" mutex unlock a "$token"
exits 0 "and the other stays" "$BATON" mutex check b "$token"
exits 0 "until it is unlocked too" "$BATON" mutex unlock b "$token"
unset BATON_SESSION

# among busy single lockers
busy() { while [ ! -e "$folder/enough" ]; do "$BATON" lock "$1" sleep 0.01; done; }
for name in x x y y; do busy $name & done
exits 0 "several names among busy single ones are granted" "$BATON" -t 20s lock x y -- true
touch "$folder/enough"

# strict order
: >"$folder/log"
start f1 --fifo f
until_true has_holder f
for i in 2 3 4; do
    start f$i f
    until_true has_waiters f mutex $((i - 1))
done
exits 1 "who asks for none takes what is" "$BATON" lock -n f true
for i in 1 2 3 4; do let_go f$i; done
check "--fifo: in the order in which they came" log_is "f1 f2 f3 f4 "
start g1 g
until_true has_holder g
exits 3 "options come with the first call" "$BATON" lock --fifo g true
says 'baton: mutex "g": it is there, with another fifo'
let_go g1

# a delay behind a dead holder
start d1 --lock-delay 400ms d
until_true has_holder d
kill -9 "$pid_d1"
wait "$pid_d1" 2>/dev/null
until_true is_free d
exits 1 "--lock-delay: a dead holder keeps all out" "$BATON" lock -n d true
prints 1 "for so long, and then it is abandoned" "$BATON" -t 20s lock d -- sh -c 'echo $BATON_ABANDONED'
exits 2 "more than an hour" "$BATON" lock --lock-delay 2h e true

finish
