#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Output that cannot be written: the messages go back, in their places.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon
baton chan make jobs --cap 5000

baton chan send jobs one two three
exits 3 "recv into /dev/full" sh -c "'$BATON' chan recv jobs >/dev/full"
check "it says why" grep -q 'baton: standard output: No space left on device' "$ERR"
prints 3 "the message is back" "$BATON" chan len jobs
exits 3 "range into /dev/full" sh -c "'$BATON' chan range jobs >/dev/full"
prints 3 "all are back" "$BATON" chan len jobs
prints 'one
two
three' "in order" "$BATON" chan recv jobs --count 3
baton chan send jobs one
exits 3 "a closed standard output" sh -c "'$BATON' chan recv jobs >&-"
prints one "gives it back" "$BATON" -t 5s chan recv jobs

# A pipe whose reader goes: what was written before is gone, nothing else. All of them are more than a pipe takes.
messages() { seq -f "%05.0f with some words behind it, so that a pipe does not take all of them" 5000; }
messages | baton chan send jobs
python3 - "$BATON" <<'END' >"$folder/read"
import os, subprocess, sys
ends = os.pipe()
child = subprocess.Popen([sys.argv[1], "chan", "range", "jobs"], stdout=ends[1], restore_signals=True)
os.close(ends[1])
sys.stdout.write(os.read(ends[0], 4096).decode())
os.close(ends[0])
sys.exit(0 if child.wait() == -13 else 1)
END
equal "SIGPIPE ends it" $? 0
# Between the two there may be what the pipe had taken and nobody read; what came back is a whole tail.
left=$(baton chan len jobs)
baton chan recv jobs --count "$left" >"$folder/left"
equal "what came back is the tail" "$(cat "$folder/left")" "$(messages | tail -n "$left")"
check "and no more was taken than a pipe holds" [ "$left" -gt 1000 ]

# A slow reader: messages that its pipe has no room for stay with the daemon, and others can have them.
messages | baton chan send jobs
mkfifo "$folder/slow"
"$BATON" chan range jobs >"$folder/slow" &
ranger=$!
exec 9<"$folder/slow"
# Whatever it has asked for ahead comes back when it ends.
until_true sh -c "[ \"\$('$BATON' chan len jobs)\" -lt 5000 ]"
kill $ranger
wait $ranger 2>/dev/null
cat <&9 >"$folder/seen"
exec 9<&-
left=$(baton chan len jobs)
baton chan recv jobs --count "$left" --try >"$folder/left" 2>/dev/null
# The last line may be cut off where the pipe was full: its message went back.
sed -i -e '$ { /^$/d }' "$folder/seen"
whole=$((5000 - left))
equal "seen and left are all, each once" "$(head -n $whole "$folder/seen"; cat "$folder/left")" "$(messages)"

# Signals interrupt a write that blocks.
messages | baton chan send jobs
mkfifo "$folder/stuck"
"$BATON" chan recv jobs --count 100000 >"$folder/stuck" 2>/dev/null &
stuck=$!
exec 9<"$folder/stuck"
until_true sh -c "[ \"\$('$BATON' chan len jobs)\" -lt 5000 ]"
kill $stuck
wait $stuck 2>/dev/null
equal "a signal ends a blocked writer" $? 143
exec 9<&-
finish
