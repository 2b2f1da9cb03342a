# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# shell.sh - what the shell tests share: . "$BATON_SOURCE/tests/lib/shell.sh". tests/run has made the working folder, which
# goes with the test, and set BATON_BUILD and BATON_SOURCE.
set -u

fail() {
	echo "FAILED (line ${BASH_LINENO[0]}): $*" >&2
	exit 1
}

# Ends the test without a result, saying why.
skip() {
	echo "skipped: $1"
	exit 0
}

# Waits, at most 20 s, until the command "$@" succeeds.
eventually() {
	local give_up=$((SECONDS + 20))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $give_up ] || fail "never came true: $*"
		sleep 0.01
	done
}

# Starts a batond on ./baton.sock, with the options "$@", as $daemon; BATON_SERVER leads to it. The test's end stops it.
start_batond() {
	export BATON_SERVER=unix:$PWD/baton.sock
	batond --procs "${TEST_PROCS:-1}" --listen "$BATON_SERVER" --log-level warning "$@" &
	daemon=$!
	trap stop_batond EXIT
	eventually baton ping
}

# Stops it again; a daemon that did not end in order fails the test.
stop_batond() {
	local status=$?
	trap - EXIT
	kill "$daemon"
	wait "$daemon" || status=1
	exit "$status"
}
