#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton session open, run, close, ls, kill; locks in a session without CMD.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

is_gone() { ! baton session ls | cut -f 1 | grep -qx "$1"; }

# open: lives as long as the caller
id=$(sh -c "'$BATON' session open; echo" | cut -d . -f 1)
until_true is_gone "$id"
check "a session ends with the shell that opened it" is_gone "$id"
BATON_SESSION=$(baton session open --label mine)
export BATON_SESSION
id=${BATON_SESSION%%.*}
check "ID.SECRET" grep -Eqx '[0-9]+\.[0-9a-f]{32}' <<<"$BATON_SESSION"
check "ls has it, with its label" sh -c "'$BATON' session ls | grep -q '^$id	mine	'"

# locks in it
exits 0 "bare lock" "$BATON" mutex lock db
token=$(cat "$OUT")
check "prints the token" grep -Eqx '[0-9]+' "$OUT"
exits 0 "it holds" "$BATON" mutex check db "$token"
exits 1 "others wait" "$BATON" lock -n db true
exits 1 "bare -n" "$BATON" mutex lock -n db
exits 124 "bare with -t" "$BATON" -t 50ms mutex lock db
exits 3 "unlock with another token" "$BATON" mutex unlock db 5
check "it says which" grep -q '^baton: mutex "db": ' "$ERR"
exits 0 "it still holds" "$BATON" mutex check db "$token"
exits 0 "unlock" "$BATON" mutex unlock db "$token"
exits 1 "then it does not" "$BATON" mutex check db "$token"
exits 3 "unlock of unlocked mutex" "$BATON" mutex unlock db "$token"
check "in Go's words" grep -q 'unlock of unlocked mutex' "$ERR"
exits 0 "the short form" "$BATON" lock db
token=$(cat "$OUT")
exits 2 "options for CMD without CMD" "$BATON" lock --ttl 5s other
exits 3 "a token that cannot be printed" sh -c "'$BATON' lock other >/dev/full"
check "leaves no lock" "$BATON" lock -n other true
exits 0 "JSON" "$BATON" -o json lock other
check "token and mark" grep -Eqx '\{"token":[0-9]+,"abandoned":false\}' "$OUT"

# a CMD's session is its child
prints "$id" "a hold's session is a child" "$BATON" lock x -- \
    sh -c "'$BATON' -o json session ls | sed -n 's/.*\"pid\":'\$PPID',.*\"parent\":\([0-9]*\),.*/\1/p'"

# another server does not know it
exits 2 "it holds for BATON_SERVER alone" env BATON_SERVER=unix:/elsewhere "$BATON" -s "unix:$folder/sock" lock y

# close: what it holds is released, and children end
"$BATON" lock below -- sh -c "trap 'exit 0' TERM; touch '$folder/below'; while :; do sleep 0.01; done" 2>"$folder/below.err" &
holder=$!
until_true [ -e "$folder/below" ]
exits 0 "close" "$BATON" session close
wait $holder
equal "a lock below is lost: 121" $? 121
check "it is gone" is_gone "$id"
exits 3 "a session that is over" "$BATON" lock db
check "it says so" grep -qi 'session' "$ERR"
unset BATON_SESSION
exits 0 "what it held is free" "$BATON" lock -n db true

# run
exits 4 "run" "$BATON" session run --label job -- sh -c "'$BATON' session ls | grep -q '	job	' && '$BATON' lock r && exit 4"
exits 0 "what was locked in it is free" "$BATON" lock -n r true
exits 0 "run, -c" "$BATON" session run -c "'$BATON' lock r"
exits 2 "run without CMD" "$BATON" session run
equal "no session is left" "$(baton session ls | wc -l)" 0

# --pid
sleep 1000 &
lived=$!
session=$(baton session open --pid $lived)
BATON_SESSION=$session baton mutex lock p >/dev/null
exits 1 "--pid: held" "$BATON" lock -n p true
kill $lived
wait $lived 2>/dev/null
exits 0 "free once that process has gone" "$BATON" -t 10s lock p true
exits 3 "--pid of nobody" "$BATON" session open --pid 2147483647

# --ttl: lives on without anybody, and so long
session=$(sh -c "'$BATON' session open --ttl 1s")
exits 0 "--ttl: used in time" env BATON_SESSION="$session" "$BATON" mutex lock t
exits 1 "held" "$BATON" lock -n t true
exits 0 "free when the ttl has run out" "$BATON" -t 10s lock t true
exits 2 "--ttl 0" "$BATON" session open --ttl 0

# kill
session=$(baton session open)
BATON_SESSION=$session baton mutex lock k >/dev/null
exits 0 "kill" "$BATON" session kill "${session%%.*}"
exits 0 "what it held is free" "$BATON" lock -n k true
exits 3 "kill of nobody" "$BATON" session kill 1
finish
