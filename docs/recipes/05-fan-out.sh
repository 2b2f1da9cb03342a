#!/bin/bash
# Fan-out and fan-in
#
# Starts a command for each argument, all at once and in the background, and goes on when the last is done. The count is
# the daemon's, so that the parts may be anywhere: on other hosts, started by other scripts.
set -eu
command=${1:?COMMAND PART...}
shift
group=fan/$$
baton wg add "$group" $#
for part; do
	baton wg run "$group" --added -- "$command" "$part" &
done
baton wg wait "$group"
