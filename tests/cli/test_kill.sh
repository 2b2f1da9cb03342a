#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill -9 of `baton lock` alone, again and again, while another waits: the old CMD is dead before the next starts, the
# next starts within 100 ms of that, and knows that the last holder died. 40 times; TEST_SCALE=10 for 400.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon
rounds=$(scaled 40)

# What each CMD does: note the time of its start, look whether it is alone in here, and stay. Its mark is a lock of the
# kernel on a descriptor, which goes with the process: on the highest, since the kernel lets the last one go first, and the
# daemon must not see the end of the connection before.
cat >"$folder/cmd" <<'END'
#!/bin/bash
now=$(date +%s.%N)
exec 200>>"$1/mark"
flock -n 200 || echo "$2" >>"$1/overlap"
echo "$now ${BATON_ABANDONED:--} $BATON_TOKEN $$" >"$1/start.$2.new"
mv "$1/start.$2.new" "$1/start.$2"
exec sleep 1000
END
chmod +x "$folder/cmd"

# Kills the holder and tells when its CMD was gone, as seen by its pidfd.
cat >"$folder/killer" <<'END'
import os, select, signal, sys, time
holder, command = map(int, sys.argv[1:])
fd = os.pidfd_open(command)
os.kill(holder, signal.SIGKILL)
select.select([fd], [], [], 20)
print(time.time())
END

start() { "$BATON" lock x -- "$folder/cmd" "$folder" "$1" 2>/dev/null & }

start 0
holder=$!
until_true [ -e "$folder/start.0" ] || failed "the first starts"
read -r _ _ token command <"$folder/start.0"
abandoned=0 risen=0
: >"$folder/took"
for i in $(seq "$rounds"); do
    start "$i"
    next=$!
    until_true has_waiters x mutex 1 || failed "round $i: the next waits"
    gone=$(/usr/bin/python3 "$folder/killer" "$holder" "$command")
    wait "$holder" 2>/dev/null
    until_true [ -e "$folder/start.$i" ] || { failed "round $i: the next starts"; break; }
    read -r began mark now_token command <"$folder/start.$i"
    [ "$mark" != 1 ] || abandoned=$((abandoned + 1))
    [ "$now_token" -le "$token" ] || risen=$((risen + 1))
    token=$now_token
    awk -v a="$gone" -v b="$began" 'BEGIN { printf "%d\n", (b - a) * 1000 }' >>"$folder/took"
    holder=$next
done 2>/dev/null
kill -9 "$holder"
wait "$holder" 2>/dev/null
check "no two CMDs at once ($rounds rounds)" [ ! -e "$folder/overlap" ]
equal "each knew that the last holder died" $abandoned "$rounds"
equal "tokens rise" $risen "$rounds"
# From one CMD's death to the next one's start. A loaded machine may be slow now and then, not always.
usual=$(sort -n "$folder/took" | sed -n "$((rounds / 2 + 1))p")
slowest=$(sort -n "$folder/took" | tail -n 1)
echo "# hand-over: usually $usual ms, at most $slowest ms"
check "the next starts within 100 ms" [ "$usual" -le 100 ]
check "even at worst it starts soon" [ "$slowest" -le 5000 ]

# A CMD that ran with a child of its own: that keeps the lock until it has gone too.
"$BATON" lock y -- sh -c "sleep 1000 & echo \$! >'$folder/grandchild'; wait" 2>/dev/null &
holder=$!
until_true [ -s "$folder/grandchild" ]
until_true has_holder y
kill -9 $holder
wait $holder 2>/dev/null
sleep 0.2
check "held while a process below runs" has_holder y
kill "$(cat "$folder/grandchild")"
until_true is_free y
prints 1 "then free, and abandoned" "$BATON" lock y -- sh -c 'echo $BATON_ABANDONED'

# -o: the descriptor is not inherited
"$BATON" lock -o z -- sh -c "sleep 1000 & echo \$! >'$folder/free'; wait" 2>/dev/null &
holder=$!
until_true [ -s "$folder/free" ]
kill -9 $holder
wait $holder 2>/dev/null
until_true is_free z
check "-o: free though a process below runs" sh -c "kill -0 $(cat "$folder/free")"
kill "$(cat "$folder/free")"
finish
