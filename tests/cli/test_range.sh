#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton chan range: printing; running CMD for each message; repeating, giving up; nothing lost when it is killed.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

fill() { # CHANNEL MESSAGE...
    local name=$1
    shift
    baton chan make "$name" --cap 1000
    [ $# = 0 ] || baton chan send "$name" -- "$@"
}

# printing
fill a one two three
baton chan close a
prints 'one
two
three' "prints until closed" "$BATON" chan range a
exits 0 "a closed and drained one" "$BATON" chan range a
fill raw x y
baton chan close raw
prints xy "--raw" "$BATON" chan range raw --raw

# CMD
fill b one 'two words'
baton chan close b
prints 'got one
got two words' "the message and a newline on standard input" "$BATON" chan range b -- sh -c 'read -r line; echo "got $line"'
fill b2 one
baton chan close b2
exits 0 "--raw: exact bytes" "$BATON" chan range b2 --raw -- cat
equal "no newline" "$(od -An -c "$OUT" | tr -d ' \n')" one
fill b3 one two
baton chan close b3
prints 'arg one
arg two' "--arg, and nothing on standard input" "$BATON" chan range b3 --arg -- sh -c 'cat; echo arg "$1"' sh
fill b4 big
head -c 300000 /dev/zero | tr '\0' x | baton chan send b4 --whole
baton chan close b4
prints '4
300001' "a message longer than a pipe" "$BATON" chan range b4 -- sh -c 'sleep 0.1; wc -c'
fill env m
baton chan close env
prints "env 1 yes" "BATON_NAME, BATON_DELIVERY, a session to work in" "$BATON" chan range env -- \
    sh -c "echo \$BATON_NAME \$BATON_DELIVERY \$('$BATON' lock x echo yes)"

# -P
fill p 1 2 3 4 5 6
baton chan close p
: >"$folder/running"
cat >"$folder/worker" <<'END'
#!/bin/sh
# Notes how many run at a time.
mkdir "$1/job.$$"; ls -d "$1"/job.* | wc -l >>"$1/counts"; sleep 0.1; rmdir "$1/job.$$"
END
chmod +x "$folder/worker"
exits 0 "-P 3" "$BATON" chan range p -P 3 -- "$folder/worker" "$folder"
equal "three at a time" "$(sort -n "$folder/counts" | tail -1)" 3
equal "each once" "$(wc -l <"$folder/counts")" 6

# failing: comes back with a higher BATON_DELIVERY, while the others go on
fill r bad good
baton chan close r
prints 'bad 1
good 1
bad 2
bad 3' "a failed message comes back" "$BATON" chan range r -- \
    sh -c 'read -r m; echo "$m $BATON_DELIVERY"; [ "$m" = good ] || [ "$BATON_DELIVERY" = 3 ]'

# giving up
fill g bad good
baton chan close g
exits 123 "given up: 123" "$BATON" chan range g --retries 1 -- sh -c 'read -r m; echo "$m"; [ "$m" = good ]'
equal "so often" "$(cat "$OUT")" 'bad
good
bad'
says 'baton: chan "g": gave up after 2 deliveries (exit status 1), dropped: bad'
fill h poison
baton chan close h
fill dead
exits 123 "--dead" "$BATON" chan range h --retries 0 --dead dead -- sh -c 'kill -9 $$'
says 'baton: chan "h": gave up after 1 deliveries (signal 9), sent to dead: poison'
prints poison "it is in the other channel" "$BATON" chan recv dead
fill i poison
exits 3 "--dead that is no channel" "$BATON" chan range i --retries 0 --dead nowhere -- false
check "the message names that one" grep -q '^baton: chan "nowhere"' "$ERR"
prints poison "and the message is not lost" "$BATON" -t 5s chan recv i
printf 'a\0b' | baton chan send i --whole
baton chan close i
exits 123 "a NUL is no argument" "$BATON" chan range i --arg -- true
fill j m
exits 127 "CMD not found takes nothing" "$BATON" chan range j -- no-such-command
exits 126 "CMD not executable takes nothing" "$BATON" chan range j -- /etc/passwd
prints 1 "it is still there" "$BATON" chan len j

# killed while CMD runs: CMD dies, the message goes back to its place
fill k first second
"$BATON" chan range k -- sh -c "echo \$\$ >'$folder/k.pid'; exec sleep 1000" &
worker=$!
until_true [ -s "$folder/k.pid" ]
kill -9 $worker
wait $worker 2>/dev/null
cmd_is_gone() { ! kill -0 "$(cat "$folder/k.pid")" 2>/dev/null; }
until_true cmd_is_gone
check "CMD dies with it" cmd_is_gone
prints 'first
second' "the message is back in its place" "$BATON" -t 5s chan recv k --count 2

# killed while a message is delayed
fill l bad
"$BATON" chan range l -- sh -c "echo x >>'$folder/l.runs'; exit 1" &
worker=$!
until_true [ -s "$folder/l.runs" ]
kill -9 $worker
wait $worker 2>/dev/null
prints bad "a delayed message goes back too" "$BATON" -t 5s chan recv l

# TERM: passed on; the message goes back; baton dies of it
fill m one
"$BATON" chan range m -- sh -c "trap 'echo term >$folder/m.term; exit 1' TERM; echo >'$folder/m.on'; while :; do sleep 0.01; done" &
worker=$!
until_true [ -e "$folder/m.on" ]
kill -TERM $worker
wait $worker 2>/dev/null
equal "TERM ends it" $? 143
check "CMD heard of it" [ -e "$folder/m.term" ]
prints one "its message went back" "$BATON" -t 5s chan recv m

# TERM with a CMD that ends well: its message is taken
fill n one two
"$BATON" chan range n -- sh -c "trap 'exit 0' TERM; echo >'$folder/n.on'; while :; do sleep 0.01; done" &
worker=$!
until_true [ -e "$folder/n.on" ]
kill -TERM $worker
wait $worker 2>/dev/null
prints two "a message that CMD took is taken" "$BATON" -t 5s chan recv n
prints 0 "nothing else is left" "$BATON" chan len n

# several workers share, each message once
fill s
seq 200 | baton chan send s
baton chan close s
for i in 1 2 3 4; do "$BATON" chan range s -P 2 -- cat >"$folder/s.$i" & pids[i]=$!; done
wait "${pids[@]}"
equal "four workers, each message once" "$(cat "$folder"/s.* | sort -n)" "$(seq 200)"

# a reader that goes: the messages it has not seen are there
fill t
seq 1000 | baton chan send t
"$BATON" chan range t 2>/dev/null | head -n 1 >"$folder/t.out"
check "a dead reader ends it" [ "$(cat "$folder/t.out")" = 1 ]
fill v
"$BATON" chan range v | true &
piped=$!
check "even while nothing comes" until_true sh -c "! kill -0 $piped"
finish
