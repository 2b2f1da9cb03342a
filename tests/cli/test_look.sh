#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton ls, inspect, ping, status.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

prints "" "ping" "$BATON" ping
prints "" "ls of nothing" "$BATON" ls
baton chan make jobs --cap 16
baton chan send jobs a b c
baton chan make jobs2
"$BATON" lock db --label nightly -- sleep 1000 2>/dev/null &
holder=$!
until_true has_holder db
"$BATON" lock db true 2>/dev/null &
waiter=$!
until_true has_waiters db mutex 1

prints "$(printf 'chan\tjobs\topen 3/16\t0\t0\nchan\tjobs2\topen 0/0\t0\t0\nmutex\tdb\tlocked\t1\t1')" "ls" "$BATON" ls
prints "$(printf 'chan\tjobs\topen 3/16\t0\t0\nchan\tjobs2\topen 0/0\t0\t0')" "ls KIND" "$BATON" ls chan
prints "$(printf 'chan\tjobs2\topen 0/0\t0\t0')" "ls PATTERN" "$BATON" ls 'j*2'
prints "$(printf 'mutex\tdb\tlocked\t1\t1')" "ls KIND PATTERN" "$BATON" ls mutex '*'
prints '{"kind":"mutex","name":"db","state":"locked","holders":1,"waiters":1}' "ls as JSON" "$BATON" -o json ls mutex
prints '{"kind":"chan","name":"jobs","state":"open","holders":0,"waiters":0,"length":3,"capacity":16,"closed":false,"deliveries":0}' \
    "a channel has more to say" "$BATON" -o json ls chan jobs
exits 2 "a kind that is none" "$BATON" ls mutx '*'

exits 0 "inspect" "$BATON" inspect mutex db
equal "the object first" "$(head -n 1 "$OUT")" "$(printf 'mutex\tdb\tlocked\t1\t1')"
check "the holder, with label and pid" grep -Eq "^holder	[0-9]+	nightly	$holder	$(id -u)	" "$OUT"
check "the waiter, by its CMD's name" grep -Eq "^waiter	[0-9]+	true	$waiter	" "$OUT"
exits 0 "inspect as JSON" "$BATON" inspect mutex db -o json
check "each line is an object" /usr/bin/python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$OUT"
exits 1 "inspect of what is not there" "$BATON" inspect mutex nobody
exits 0 "inspect of a channel" "$BATON" inspect chan jobs

exits 0 "status" "$BATON" status
check "a line for each" grep -qx "$(printf 'version\t%s' "$(cat "$source_folder/VERSION")")" "$OUT"
check "its pid" grep -qx "$(printf 'pid\t%s' "$daemon")" "$OUT"
check "its holds" grep -qx "$(printf 'holds\t1')" "$OUT"
exits 0 "status as JSON" "$BATON" status -o json
check "one object" /usr/bin/python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["pid"] == int(sys.argv[2])' "$OUT" "$daemon"

# more than a page of objects
names=$(seq 1 "$(scaled 1500)")
for name in $names; do echo "$name"; done | xargs -P 4 -n 50 sh -c "for n; do '$BATON' chan make \"many/\$n\"; done" sh
equal "all of many are listed" "$(baton ls chan 'many/*' | wc -l)" "$(scaled 1500)"
check "in order" sh -c "'$BATON' ls | cut -f 1,2 | LC_ALL=C sort -c"

kill $waiter $holder
wait $waiter $holder 2>/dev/null

# TCP
baton ping
address=tcp:127.0.0.1:$(/usr/bin/python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$BATOND" --procs "$PROCS" --listen "$address" --insecure 2>"$folder/tcp.log" &
tcp=$!
until_true "$BATON" -s "$address" -t 1s ping
exits 0 "ping over TCP" "$BATON" -s "$address" ping
exits 3 "lock over TCP, CMD's status" "$BATON" -s "$address" lock x -- sh -c 'exit 3'
prints hello "messages over TCP" sh -c "'$BATON' -s $address chan send q --make 1 hello; '$BATON' -s $address chan recv q"
exits 2 "--ttl 0 over TCP" "$BATON" -s "$address" lock --ttl 0 x true
exits 2 "--pid over TCP" "$BATON" -s "$address" session open --pid $$
exits 0 "session open over TCP" "$BATON" -s "$address" session open
kill $tcp
wait $tcp 2>/dev/null
exits 3 "nobody listens" "$BATON" -s "$address" ping
check "it says so" grep -q "^baton: no daemon: cannot connect to $address: " "$ERR"
finish
