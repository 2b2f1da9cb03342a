#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Signals while CMD runs, without a controlling terminal: CMD leads a group of its own, and they reach all of it.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# Starts CMD, which notes each signal it gets, under the lock; its own child notes them too.
cat >"$folder/noter" <<'END'
#!/usr/bin/python3
import os, signal, sys, time
path = sys.argv[1]
def note(number, _):
    with open(path, "a") as file:
        print(signal.Signals(number).name, file=file)
for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH", "TSTP", "CONT"):
    signal.signal(getattr(signal, "SIG" + name), note)
open(path + ".on", "w").close()
while not os.path.exists(path + ".end"):
    time.sleep(0.01)
sys.exit(6)
END
chmod +x "$folder/noter"

# Background jobs of scripts are born with INT and QUIT ignored, which baton and CMD would inherit.
python3 -c 'import os, signal, sys
for s in (signal.SIGINT, signal.SIGQUIT): signal.signal(s, signal.SIG_DFL)
os.setsid()
os.execv(sys.argv[1], sys.argv[1:])' "$BATON" lock x -- sh -c "trap : INT TERM HUP QUIT USR1 USR2 TSTP; '$folder/noter' '$folder/child' & '$folder/noter' '$folder/cmd'; code=\$?; touch '$folder/child.end'; wait; exit \$code" &
holder=$!
until_true [ -e "$folder/cmd.on" ]
until_true [ -e "$folder/child.on" ]
for name in INT TERM HUP QUIT USR1 USR2 WINCH CONT TSTP; do
    kill -$name $holder
    until_true grep -qx SIG$name "$folder/cmd"
    until_true grep -qx SIG$name "$folder/child"
    equal "$name reaches CMD, once" "$(grep -cx SIG$name "$folder/cmd")" 1
    equal "$name reaches what it started" "$(grep -cx SIG$name "$folder/child")" 1
done
check "baton lives on, and the lock is held" has_holder x
touch "$folder/cmd.end"
wait $holder
equal "CMD's status" $? 6

# A signal that kills CMD
"$BATON" lock x sleep 1000 2>/dev/null &
holder=$!
until_true has_holder x
kill -TERM $holder
wait $holder
equal "TERM kills CMD: 143" $? 143
check "the lock is free" is_absent x
python3 - "$BATON" <<'END'
import signal, subprocess, sys, time
ready = subprocess.Popen([sys.argv[1], "lock", "x", "--", "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE,
                         start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
ready.stdout.readline()
ready.send_signal(signal.SIGINT)
sys.exit(0 if ready.wait() == -signal.SIGINT else 1)
END
equal "an INT that kills CMD kills baton too, so that a shell's loop ends" $? 0

# CMD has the mask and dispositions that baton was started with
prints "$(sed -n 's/^Sig\(Blk\|Ign\|Cgt\)://p' /proc/self/status)" "mask and dispositions" \
    "$BATON" lock x sed -n 's/^Sig\(Blk\|Ign\|Cgt\)://p' /proc/self/status
ignored=$(sh -c "trap '' HUP CHLD PIPE; exec '$BATON' lock x grep ^SigIgn /proc/self/status")
expected=$(sh -c "trap '' HUP CHLD PIPE; exec grep ^SigIgn /proc/self/status")
equal "ignored ones stay ignored" "$ignored" "$expected"

# CMD leads a group of its own here, and keeps the session
prints yes "a group of its own" "$BATON" lock x -- sh -c '[ "$(ps -o pgid= -p $$ | tr -d " ")" = $$ ] && echo yes'
finish
