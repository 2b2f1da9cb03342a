#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton ctx: trees of contexts, what their ends reach, values, sessions, and CMDs that run under one.
# shellcheck source=tests/cli/lib.sh disable=SC1010,SC2016,SC2119,SC2317 # ctx done; quoted for inner shells; some are called by name
. "$(dirname "$0")/lib.sh"
start_daemon

is_live() {
    baton -q ctx err "$1" >/dev/null
    [ $? = 1 ]
}
ended() { [ "$(baton ctx err "$1")" = "$2" ]; }
has_ctx_waiter() { [ "$(field 5 "$1" ctx)" -ge 1 ]; }
row_of() { baton ctx tree | grep -c -- "$1"; }
no_process() { ! kill -0 "$1" 2>/dev/null; }

# making, ids and names
id=$(baton ctx new root)
check "an id is printed" grep -Eqx '@[0-9a-f]{16}' <<<"$id"
check "it lives" is_live root
check "its id leads to it as its name does" is_live "$id"
exits 3 "a name that lives is taken" "$BATON" ctx new root
says 'baton: ctx "root": a context of this name lives'
exits 2 "names of ids are not for people" "$BATON" ctx new @mine
exits 2 "nor is the root's" "$BATON" ctx new background
exits 2 "the root never ends" "$BATON" ctx cancel todo
exits 3 "a name never made" "$BATON" ctx cancel nobody
prints "$(baton -o json ctx new other | grep -o '@[0-9a-f]*' | head -1)" "json has the id" \
    sh -c "'$BATON' -o json ctx tree other | sed -n 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/p'"

# values: the nearest wins
child=$(baton ctx new --parent root --value color=blue --value size=1=2)
grandchild=$(baton ctx new --parent "$child")
exits 0 "values" "$BATON" ctx new valued --value color=red --value "text=two words"
prints blue "a value of an ancestor" "$BATON" ctx value "$grandchild" color
prints 1=2 "a value with = in it" "$BATON" ctx value "$grandchild" size
under=$(baton ctx new --parent valued --value color=green)
prints green "the nearest value wins" "$BATON" ctx value "$under" color
prints "two words" "others come from above" "$BATON" ctx value "$under" text
exits 1 "no such value" "$BATON" ctx value root color

# a cancel reaches what is below, in whatever process
baton chan make q
"$BATON" --ctx "$grandchild" chan recv q 2>"$folder/recv.err" &
receiver=$!
BATON_CTX=$child "$BATON" lock m -- sleep 100 &
holder=$!
until_true has_holder m
BATON_CTX=$child "$BATON" lock m -- true 2>"$folder/lock.err" &
locker=$!
BATON_CTX=other "$BATON" lock m -- true &
stranger=$!
"$BATON" ctx done root &
waiter=$!
until_true has_waiters m mutex 2
until_true has_waiters q chan 1
until_true has_ctx_waiter root
exits 0 "cancel" "$BATON" ctx cancel root --cause "build aborted"
wait $receiver
equal "a call bound to a context below ends" $? 125
equal "with the cause" "$(cat "$folder/recv.err")" 'baton: chan "q": context canceled: build aborted'
wait $locker
equal "so does a wait for a lock" $? 125
wait $waiter
equal "done ends" $? 0
check "a lock already held stays held" has_holder m
check "a call bound to another context waits on" has_waiters m mutex 1
kill "$holder"
wait "$holder"
wait $stranger
equal "and is granted" $? 0
check "the cause is seen from below" ended "$grandchild" "$(printf 'context canceled\tbuild aborted')"
exits 125 "nothing is granted below it any more, even where it would not wait" "$BATON" --ctx "$child" lock m -- true
says 'baton: mutex "m": context canceled: build aborted'
exits 0 "what gives back or changes goes on" "$BATON" --ctx "$child" wg add g 0
exits 0 "a second cancel changes nothing" "$BATON" ctx cancel root --cause other
check "nor the cause" ended root "$(printf 'context canceled\tbuild aborted')"
born=$(baton ctx new --parent "$child")
check "born cancelled under a cancelled parent" ended "$born" "$(printf 'context canceled\tbuild aborted')"
check "the ended stay visible" test "$(row_of "$grandchild")" = 1
new=$(baton ctx new root)
check "a name whose context has ended goes to a new one" is_live root
check "and the old one keeps its id" ended "$id" "$(printf 'context canceled\tbuild aborted')"
check "an id is never used again" test "$new" != "$id"
exits 0 "rm" "$BATON" ctx rm root
exits 125 "its id is gone" "$BATON" ctx done "$new"
says "baton: ctx \"$new\": context gone"
exits 125 "a call under an id that is gone is cancelled" "$BATON" --ctx "$new" chan recv q
says 'baton: chan "q": context canceled: context gone'

# deadlines
parent=$(baton ctx new --timeout 200ms)
late=$(baton ctx new --parent "$parent" --timeout 1h)
exits 124 "a deadline ends what waits below" "$BATON" --ctx "$late" chan recv q
says 'baton: chan "q": context deadline exceeded'
exits 0 "a deadline is never later than the parent's" "$BATON" ctx done "$late"
check "and says so" ended "$late" "$(printf 'context deadline exceeded\tcontext deadline exceeded')"
past=$(baton ctx new --deadline 2020-01-01T00:00:00Z)
check "a deadline that has passed" ended "$past" "$(printf 'context deadline exceeded\tcontext deadline exceeded')"
future=$(baton ctx new --deadline "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%S.5+00:00)")
check "a deadline to come" is_live "$future"
exits 2 "what is no time" "$BATON" ctx new --deadline tomorrow
exits 124 "-t bounds a wait for the end" "$BATON" -t 50ms ctx done "$future"

# sessions
session=$(baton session open --ttl 1h)
owned=$(BATON_SESSION=$session baton ctx new)
detached=$(BATON_SESSION=$session baton ctx new --detach)
outside=$(baton ctx new)
BATON_SESSION=$session baton session close
check "a session's end cancels its contexts" ended "$owned" "$(printf 'context canceled\tsession ended')"
check "but not one that is detached" is_live "$detached"
check "nor one made outside of any" is_live "$outside"

# CMD under a context
"$BATON" ctx run --name outer -- "$BATON" ctx run -- "$BATON" ctx run -- \
    sh -c 'echo $$ $BATON_CTX >"$0/started"; sleep 100 & echo $! >"$0/left"; sleep 100' "$folder" 2>"$folder/run.err" &
outer=$!
until_true test -s "$folder/left"
read -r inner innermost <"$folder/started"
equal "three deep" "$(baton ctx tree outer | wc -l)" 3
equal "CMD finds the innermost id" "$(baton ctx tree outer | tail -1 | cut -f 2)" "$innermost"
baton ctx cancel outer --cause stop
wait $outer
equal "one cancel ends three wrappers" $? 125
check "CMD is gone" no_process "$inner"
check "what it left behind is gone" no_process "$(cat "$folder/left")"
check "the cause is said" grep -q "context canceled: stop, which ends CMD" "$folder/run.err"
exits 7 "CMD's own status is the answer" "$BATON" ctx run -- sh -c 'exit 7'
exits 124 "a timeout ends CMD" "$BATON" ctx run --timeout 100ms -- sleep 100
exits 125 "under a context that has ended CMD is ended at once" "$BATON" --ctx "$past" ctx run --parent "$born" -- sleep 100
exits 125 "a CMD that ignores TERM is killed" "$BATON" ctx run --name stubborn --kill-after 100ms -- \
    sh -c 'trap "" TERM; "$0" ctx cancel stubborn; sleep 100 & wait; while :; do sleep 0.05; done' "$BATON"
id=$("$BATON" ctx run -- sh -c 'echo $BATON_CTX')
check "the context ends with CMD" ended "$id" "$(printf 'context canceled\tcontext canceled')"
"$BATON" ctx run --name killed -- sleep 100 &
killed=$!
until_true is_live killed
kill -9 $killed
wait $killed 2>/dev/null
until_true ended killed "$(printf 'context canceled\tsession ended')"
check "kill -9 of baton ends the context" ended killed "$(printf 'context canceled\tsession ended')"
prints ok "values reach CMD" "$BATON" ctx run --value k=ok -- sh -c '"$0" ctx value "$BATON_CTX" k' "$BATON"
prints background "BATON_CTX holds for BATON_SERVER alone" \
    env BATON_CTX="$past" sh -c '"$0" -s "$BATON_SERVER" ctx run --parent background -- echo background' "$BATON"

# looking
"$BATON" ctx done "$outside" &
last=$!
until_true has_ctx_waiter "$outside"
check "inspect shows who waits for the end" grep -q waiter <(baton inspect ctx "$outside")
baton ctx cancel "$outside"
wait $last
finish
