#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What baton says of itself, what it says of wrong command lines, and what it says where no daemon is.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"

for noun in chan mutex session lock ls inspect ping status; do
    exits 0 "the list has $noun" sh -c "'$BATON' | grep -q '^  $noun '"
done
exits 0 "a noun lists its verbs" "$BATON" chan
for verb in make send recv range take ack nack close len cap rm; do
    check "chan lists $verb" grep -q "^  baton chan $verb" "$OUT"
done
exits 0 "--help" "$BATON" --help
check "--help has the global options" grep -q -- '-t DURATION' "$OUT"
exits 0 "help of a command" "$BATON" lock --help
check "it has the command's options" grep -q -- '--kill-after D' "$OUT"
prints "baton $(cat "$source_folder/VERSION")" "--version" "$BATON" --version
check "the manual page is the table's" sh -c "'$BATON' --man | diff - '$source_folder/docs/baton.1'"
check "man takes it" sh -c "! command -v man >/dev/null || '$BATON' --man | man -l --warnings - 2>&1 >/dev/null | ( ! grep . )"

exits 2 "a typo" "$BATON" chan sned x
says 'baton: chan: no verb "sned"; did you mean "send"?'
exits 2 "an unknown option" "$BATON" chan recv x --cuont 2
says 'baton: chan recv: no option "--cuont"; did you mean "--count"?'
exits 2 "a name that is none" "$BATON" lock a=b true
says "baton: lock: the name \"a=b\" has a '=' in it"
exits 2 "a missing argument" "$BATON" chan len
exits 2 "several names" "$BATON" rlock a b -- true
exits 2 "bare lock without a session" "$BATON" lock a
exits 2 "unlock without a session" "$BATON" mutex unlock a 5
exits 2 "session close without a session" "$BATON" session close
exits 2 "both -c and CMD" "$BATON" lock a -c true true
exits 2 "BATON_TIMEOUT" env BATON_TIMEOUT=soon "$BATON" ping
exits 2 "an address that is none" "$BATON" -s somewhere ping
exits 2 "--ttl and --pid" "$BATON" session open --ttl 5s --pid 1
exits 2 "-P without CMD" "$BATON" chan range x -P 2
exits 2 "--arg and --raw" "$BATON" chan range x --arg --raw -- true
exits 2 "--raw and JSON" "$BATON" chan recv x --raw -o json
exits 2 "-0 with a VALUE" "$BATON" chan send x -0 y
exits 2 "a kind that is none" "$BATON" inspect mutx a
says 'baton: inspect: no kind "mutx"; did you mean "mutex"?'
exits 2 "-q leaves usage" "$BATON" -q chan sned x
check "it is said in spite of -q" grep -q . "$ERR"

exits 3 "no daemon" "$BATON" -s "unix:$folder/none" ping
check "how to start one as a service" grep -q 'systemctl start batond' "$ERR"
check "how to start one by hand" grep -q "batond --listen unix:$folder/none" "$ERR"
equal "one line" "$(wc -l <"$ERR")" 1
exits 3 "no daemon, quiet" "$BATON" -q -s "unix:$folder/none" ping
equal "nothing is said" "$(cat "$ERR")" ""
exits 3 "no daemon, lock" "$BATON" -s "unix:$folder/none" lock a touch "$folder/ran"
check "CMD did not run" [ ! -e "$folder/ran" ]
exits 127 "range's CMD is looked for first" "$BATON" -s "unix:$folder/none" chan range x -- no-such-command
exits 2 "a list cannot be written" sh -c "'$BATON' ls mutx x >/dev/full"
exits 3 "help cannot be written" sh -c "'$BATON' --help >/dev/full"
finish
