#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton chan make, close, len, cap, rm, send, recv: answers, exit statuses, messages.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# make, len, cap
prints "" "make" "$BATON" chan make jobs --cap 3
prints "" "make again" "$BATON" chan make jobs --cap 3
exits 3 "make with another capacity" "$BATON" chan make jobs --cap 4
check "the message names it" grep -q '^baton: chan "jobs": ' "$ERR"
prints 3 "cap" "$BATON" chan cap jobs
prints 0 "len" "$BATON" chan len jobs
prints '{"value":3}' "cap as JSON" "$BATON" -o json chan cap jobs
name=$(baton chan make)
check "a generated name" [ -n "$name" ]
prints 0 "it is a channel" "$BATON" chan cap "$name"
prints '{"name":"j2","created":true}' "make as JSON" "$BATON" chan make j2 -o json
exits 3 "len of what was never made" "$BATON" chan len none
check "it says which" grep -q '^baton: chan "none": ' "$ERR"

# types, and closing with the last sender
prints "" "make with a type" "$BATON" chan make typed --cap 3 --type int
exits 3 "made again with another type" "$BATON" chan make typed --cap 3 --type text
says 'baton: chan "typed": made with type "int", not "text"'
exits 0 "a message of the type" "$BATON" chan send typed 1 --type int
exits 0 "one that says none" "$BATON" chan send typed 2
exits 2 "one of another type" "$BATON" chan send typed 3 --type text
check "both are named" grep -q 'chan "typed": its type is "int", not "text"' "$ERR"
prints 2 "it was not sent" "$BATON" chan len typed
prints "" "make with --auto-close" "$BATON" chan make auto --auto-close --cap 9
mkfifo "$folder/slow"
"$BATON" chan send auto <"$folder/slow" &
exec 7>"$folder/slow"
until_true has_holder auto chan
exits 0 "one of two senders ends" "$BATON" chan send auto one
echo two >&7
exec 7>&-
wait $!
prints "one
two" "with the last sender it is closed" "$BATON" -t 20s chan range auto

# send: values, lines, NULs, whole
prints "" "values" "$BATON" chan send jobs one "two words" -- -3
prints 3 "they are there" "$BATON" chan len jobs
prints "one
two words
-3" "received in order" "$BATON" chan recv jobs --count 3
printf 'a\n\nb' | baton chan send jobs
prints 'a

b' "lines, the last without an end" "$BATON" chan recv jobs --count 3
printf 'x\ny\0z' | baton chan send jobs -0
printf 'x\ny\0z\0' >"$folder/expected"
exits 0 "NULs" "$BATON" chan recv jobs -0 --count 2
check "exact bytes" cmp "$OUT" "$folder/expected"
head -c 100000 /dev/urandom >"$folder/blob"
baton chan send jobs --whole <"$folder/blob"
exits 0 "whole" "$BATON" chan recv jobs --raw
check "exact bytes, raw" cmp "$OUT" "$folder/blob"
baton chan send jobs --whole </dev/null
prints "" "an empty message" "$BATON" chan recv jobs --raw
printf 'l1\nl2\n' | baton chan send jobs -
prints 'l1
l2' "- is standard input" "$BATON" chan recv jobs --count 2
baton chan send jobs -- -
prints - "- behind -- is data" "$BATON" chan recv jobs
exits 2 "- stands alone" "$BATON" chan send jobs a -

# how messages are written
printf 'tab\there\\ \377' | baton chan send jobs --whole
prints 'tab\there\\ \xff' "text is escaped" "$BATON" chan recv jobs
printf '\377' | baton chan send jobs --whole
baton chan send jobs 'say "hi"'
prints '{"value_base64":"/w=="}
{"value":"say \"hi\""}' "JSON" "$BATON" -o json chan recv jobs --count 2

# --try, full, empty
exits 1 "recv --try on an empty one" "$BATON" chan recv jobs --try
says 'baton: chan "jobs": would block'
exits 1 "send --try on a full one" "$BATON" chan send jobs --try 1 2 3 4 5
says 'baton: chan "jobs": would block; 3 sent'
prints '1
2
3' "the first three were sent" "$BATON" chan recv jobs --count 3
exits 1 "recv --try of more than there is" sh -c "'$BATON' chan send jobs 1; '$BATON' chan recv jobs --try --count 2"
equal "what is there is taken" "$(cat "$OUT")" 1
says 'baton: chan "jobs": would block; 1 of 2 taken'

# --make
prints "" "send --make" "$BATON" chan send made --make 5 x
prints x "recv --make of the same" "$BATON" chan recv made --make 5
exits 3 "--make with another capacity" "$BATON" chan recv made --make 6

# close
baton chan send jobs last
prints "" "close" "$BATON" chan close jobs
exits 3 "close of closed channel" "$BATON" chan close jobs
says 'baton: chan "jobs": close of closed channel'
exits 3 "send on closed channel" "$BATON" chan send jobs x y
says 'baton: chan "jobs": send on closed channel; 0 sent'
prints last "what is in it can be received" "$BATON" chan recv jobs
exits 1 "closed and drained" "$BATON" chan recv jobs
says 'baton: chan "jobs": closed'
exits 1 "quietly" "$BATON" -q chan recv jobs
says ''
prints "" "range over a closed one" "$BATON" chan range jobs

# rm
prints "" "rm" "$BATON" chan rm jobs
exits 3 "it is gone" "$BATON" chan recv jobs
exits 3 "rm again" "$BATON" chan rm jobs
exits 3 "recv of what was never made" "$BATON" chan recv none
exits 3 "send to what was never made" "$BATON" chan send none x

# an unbuffered send ends when it is received
baton chan make u
baton chan send u hello &
sender=$!
until_true has_waiters u chan 1
prints hello "unbuffered" "$BATON" chan recv u
wait $sender
equal "the sender has ended" $? 0
baton chan recv u >"$folder/got" 2>"$folder/closed" &
receiver=$!
until_true has_waiters u chan 1
baton chan close u
wait $receiver
equal "close wakes a receiver with 1" $? 1

# the window: a sender may stand in the queue several times, and what is sent is always the first so many
baton chan make w --cap 2
seq 100 | baton chan send w 2>"$folder/w.err" &
sender=$!
until_true has_any_waiter w chan
baton chan recv w --count 50 >"$folder/w.out"
until_true has_any_waiter w chan
baton chan close w
wait $sender
equal "a sender blocked at close" $? 3
baton chan range w >>"$folder/w.out"
sent=$(sed -n 's/.*; \([0-9]*\) sent$/\1/p' "$folder/w.err")
equal "as many as it says were sent, the first" "$(cat "$folder/w.out")" "$(seq "$sent")"
# by hand, inside a session
exits 2 "take needs a session" "$BATON" chan take hands
baton chan make hands --cap 3
baton chan send hands one two
export BATON_SESSION
BATON_SESSION=$("$BATON" session open)
exits 0 "take" "$BATON" chan take hands
equal "it prints delivery and message" "$(cut -f 2,3 "$OUT")" "$(printf '1\tone')"
token=$(cut -f 1 "$OUT")
prints "" "nack" "$BATON" chan nack hands "$token" --delay 2s
exits 3 "a stale token" "$BATON" chan ack hands "$token"
exits 0 "take the next" "$BATON" chan take hands
prints "" "ack" "$BATON" chan ack hands "$(cut -f 1 "$OUT")"
exits 0 "take what comes back" "$BATON" -t 20s chan take hands
equal "it is the second delivery" "$(cut -f 2,3 "$OUT")" "$(printf '2\tone')"
exits 1 "take --try of what is out" "$BATON" chan take hands --try
baton session close
unset BATON_SESSION
prints one "with the session it goes back" "$BATON" -t 20s chan recv hands
finish
