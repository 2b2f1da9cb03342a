# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# lib.sh - what the tests of the tool share: a daemon of their own, checks, patience.
#
# A test sources this, calls start_daemon, makes its checks, and ends with finish. Each check prints "ok" or "not ok" and
# its name; the test's exit status is 0 when none failed. Everything is in one temporary folder, which goes at the end
# with all that was started and noted by start_daemon or in the background.
#
# Environment: BATON and BATOND (the programs; default: those of BATON_BUILD, else of build/), TEST_SCALE, TEST_PROCS.
set -u
set +m

source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BATON=$(realpath "${BATON:-${BATON_BUILD:-$source_folder/build}/baton}")
PROCS=${TEST_PROCS:-1}
BATOND=$(realpath "${BATOND:-${BATON_BUILD:-$source_folder/build}/batond}")
unset BATON_SERVER BATON_SESSION BATON_CTX BATON_TIMEOUT BATON_NAME BATON_TOKEN BATON_ABANDONED BATON_DELIVERY

folder=$(mktemp -d)
failures=0
daemon=
OUT=$folder/out
ERR=$folder/err

baton() { "$BATON" "$@"; }

# scaled N: N times TEST_SCALE.
scaled() { echo $(($1 * ${TEST_SCALE:-1})); }

clean_up() {
    local pids
    pids=$(jobs -p)
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill -9 $pids 2>/dev/null
    wait 2>/dev/null
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# start_daemon [ARGUMENT...]: a daemon on a socket in the folder, which BATON_SERVER names; waits until it answers.
start_daemon() {
    export BATON_SERVER=unix:$folder/sock
    "$BATOND" --procs "$PROCS" --listen "$BATON_SERVER" --state "$folder/state" "$@" 2>>"$folder/daemon.log" &
    daemon=$!
    until_true "$BATON" -q -t 1s ping || { cat "$folder/daemon.log"; exit 1; }
}

stop_daemon() {
    kill "${1:--TERM}" "$daemon"
    wait "$daemon" 2>/dev/null
}

# until_true COMMAND...: repeats it until it succeeds; a failed check if it has not after 20 s.
until_true() {
    local deadline=$((SECONDS + 20))
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            failed "until_true" "never came true: $*"
            return 1
        fi
        sleep 0.01
    done
}

passed() { echo "ok - $1"; }

failed() {
    echo "not ok - $1"
    failures=$((failures + 1))
    [ $# -lt 2 ] || printf '#   %s\n' "${@:2}"
}

# check NAME COMMAND...: it must succeed.
check() {
    local name=$1
    shift
    if "$@"; then passed "$name"; else failed "$name" "failed: $*"; fi
}

# equal NAME ACTUAL EXPECTED
equal() {
    if [ "$2" = "$3" ]; then passed "$1"; else failed "$1" "got:      $2" "expected: $3"; fi
}

# exits STATUS NAME COMMAND...: it must exit so; its output and messages are in $OUT and $ERR.
exits() {
    local expected=$1 name=$2 status=0
    shift 2
    "$@" >"$OUT" 2>"$ERR" || status=$?
    if [ "$status" = "$expected" ]; then
        passed "$name"
    else
        failed "$name" "$*: exit status $status, not $expected" "$(head -c 500 "$OUT")" "$(head -c 500 "$ERR")"
    fi
}

# prints TEXT NAME COMMAND...: it must succeed and write TEXT and a newline to standard output.
prints() {
    local expected=$1 name=$2
    shift 2
    exits 0 "$name" "$@"
    [ "$(cat "$OUT")" = "$expected" ] || failed "$name: output" "got:      $(cat "$OUT")" "expected: $expected"
}

# says TEXT: the last command's messages are that line.
says() {
    [ "$(cat "$ERR")" = "$1" ] || failed "message" "got:      $(cat "$ERR")" "expected: $1"
}

# field COLUMN NAME [KIND]: a column of the object's row in baton ls.
field() { baton ls "${3:-mutex}" "$2" | cut -f "$1"; }
has_waiters() { [ "$(field 5 "$1" "${2:-mutex}")" = "$3" ]; }
has_any_waiter() { [ "$(field 5 "$1" "${2:-mutex}")" -ge 1 ]; }
has_holder() { [ "$(field 4 "$1" "${2:-mutex}")" = 1 ]; }
# An object whose last holder died stays, with its mark.
is_free() { [ "$(field 4 "$1")" != 1 ]; }
is_absent() { [ -z "$(baton ls "${2:-mutex}" "$1")" ]; }

# Milliseconds of the monotonic clock.
now_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

finish() {
    [ $failures = 0 ] || echo "$failures failed"
    [ $failures = 0 ]
    exit
}
