#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton lock: exit statuses, what CMD finds, how long the lock is held, nesting, what is refused.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# hold NAME: a lock that is held until $folder/go-NAME appears; its job's pid in $holder.
hold() {
    "$BATON" lock "$1" -- sh -c "until [ -e '$folder/go-$1' ]; do sleep 0.01; done" &
    holder=$!
    until_true has_holder "$1"
}
let_go() { touch "$folder/go-$1"; wait "$holder"; }

# CMD and its exit status
prints hello "CMD's output" "$BATON" lock a echo hello
exits 7 "CMD's exit status" "$BATON" lock a -- sh -c 'exit 7'
exits 137 "CMD killed" "$BATON" lock a -- sh -c 'kill -9 $$'
exits 127 "CMD not found" "$BATON" lock a no-such-command
check "it is said" grep -q 'no-such-command' "$ERR"
exits 126 "CMD not executable" "$BATON" lock a /etc/passwd
prints "a b" "-c" "$BATON" lock a -c 'echo a b'
prints hello "standard input" sh -c "echo hello | '$BATON' lock a cat"
check "the lock is free again" is_absent a

# what CMD finds
prints "n $BATON_SERVER yes" "name, server, token" "$BATON" lock n -- \
    sh -c "echo \$BATON_NAME \$BATON_SERVER \$('$BATON' mutex check n \$BATON_TOKEN && echo yes)"
prints "" "not abandoned" "$BATON" lock n -- sh -c 'echo $BATON_ABANDONED'
prints "" "not even where an outer one was" env BATON_ABANDONED=1 "$BATON" lock n -- sh -c 'echo $BATON_ABANDONED'
first=$(baton lock n -- sh -c 'echo $BATON_TOKEN')
second=$(baton lock m -- sh -c 'echo $BATON_TOKEN')
check "tokens rise" [ "$second" -gt "$first" ]
exits 1 "an old token holds nothing" "$BATON" mutex check n "$first"
says "baton: mutex \"n\": token $first does not hold it"
prints "$folder unix:$folder/sock" "a relative address becomes absolute" \
    sh -c "cd '$folder' && '$BATON' -s unix:sock lock n -- sh -c 'echo \$PWD \$BATON_SERVER'"

# waiting
hold a
exits 1 "-n" "$BATON" lock -n a true
says 'baton: mutex "a": would block'
exits 9 "-n -E 9" "$BATON" lock -n -E 9 a true
exits 1 "-w 0" "$BATON" lock -w 0 a true
exits 1 "-w" "$BATON" lock -w 50ms a true
says 'baton: mutex "a": not granted within 50ms'
exits 75 "-w -E 75" "$BATON" lock -w 0.05 -E 75 a true
exits 124 "-t" "$BATON" -t 50ms lock -w 10s a true
exits 1 "-w before -t" "$BATON" -t 10s lock -w 50ms a true
exits 124 "-t 0" "$BATON" -t 0 lock a true
exits 1 "-v" "$BATON" lock -v -w 200ms a true
check "-v says whom it waits for" grep -Eq "waits for pid $holder \\(sh\\), session [0-9]+, which has it since" "$ERR"
equal "one holder, no waiter left" "$(baton ls mutex a | cut -f 4,5)" "$(printf '1\t0')"
let_go a
exits 0 "-v, free" "$BATON" lock -v a true
check "-v says how long it took" grep -Eq 'locked after .*, token [0-9]+' "$ERR"

# -t bounds the wait and not the run
exits 5 "-t does not bound CMD" "$BATON" -t 100ms lock a -- sh -c 'sleep 0.3; exit 5'

# what CMD leaves behind holds the lock, unless -o
"$BATON" lock a -- sh -c "(until [ -e '$folder/bg' ]; do sleep 0.01; done) >/dev/null 2>&1 & exit 3" &
left=$!
until_true has_holder a
sleep 0.2
check "held while a descendant runs" has_holder a
touch "$folder/bg"
wait $left
equal "then CMD's exit status" $? 3
check "then it is free" is_absent a
exits 4 "-o: CMD alone" "$BATON" lock -o a -- sh -c "(sleep 5; :) >/dev/null 2>&1 & echo \$! >'$folder/left'; exit 4"
check "-o: free at once" is_absent a
check "-o: the descendant lives on" kill -0 "$(cat "$folder/left")"
kill "$(cat "$folder/left")"
exits 0 "a daemonised descendant counts too" "$BATON" lock a -- sh -c "setsid sh -c 'sleep 0.2; touch $folder/daemonised' >/dev/null 2>&1 & :"
check "it had ended before" [ -e "$folder/daemonised" ]

# what was there before is not waited for
exits 5 "a script's background job is none of its" timeout 20 bash -c "sleep 1000 & echo \$! >'$folder/job'; exec '$BATON' lock a -- sh -c 'exit 5'"
check "and lives on" kill "$(cat "$folder/job")"

# the descriptor that CMD inherits
inherited() { "$BATON" lock "$@" a -- sh -c 'ls -l /proc/self/fd' | grep -c socket; }
equal "CMD inherits the connection" "$(inherited)" 1
equal "-o: it does not" "$(inherited -o)" 0

# nesting: sessions are children, siblings wait
prints inner "nested" "$BATON" lock a "$BATON" lock b echo inner
check "both are free" is_absent '*'
exits 1 "an inner one of the same name waits in vain" "$BATON" lock a "$BATON" lock -n a true
"$BATON" lock a -- sh -c "'$BATON' lock b -- sleep 100; touch '$folder/inner-ended'; until [ -e '$folder/go-a2' ]; do sleep 0.01; done" 2>/dev/null &
outer=$!
until_true has_holder b
inner=$(baton inspect mutex b | awk '$1 == "holder" { print $4 }')
kill -9 "$inner"
until_true is_free b
check "the inner one's death frees b" is_free b
check "and not a" has_holder a
until_true [ -e "$folder/inner-ended" ]
touch "$folder/go-a2"
wait $outer
check "the outer one goes on and ends" is_absent a

# BATON_SESSION holds for its own server alone
mkdir "$folder/two"
"$BATOND" --procs "$PROCS" --listen "unix:$folder/two/sock" 2>>"$folder/daemon.log" &
other=$!
until_true "$BATON" -s "unix:$folder/two/sock" ping
exits 0 "another server, not a child session there" "$BATON" lock a "$BATON" -s "unix:$folder/two/sock" lock a true
kill $other
wait $other 2>/dev/null

# several locks at once do not disturb each other
for i in 1 2 3 4 5 6 7 8; do
    "$BATON" lock "p$i" true &
    started[i]=$!
done
bad=0
for i in 1 2 3 4 5 6 7 8; do wait "${started[i]}" || bad=$((bad + 1)); done
equal "eight at once" $bad 0
finish
