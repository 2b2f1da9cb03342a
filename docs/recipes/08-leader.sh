#!/bin/sh
# A leader, and its hand-over
#
# All candidates run this. One leads; when it dies or steps down (TERM to its command) the longest-waiting takes over, and
# finds BATON_TOKEN higher than any leader's before: what the leader writes to should refuse a lower one.
set -eu
while :; do
	status=0
	baton lock --fifo leader -- "$@" || status=$?
	case $status in
	0) exit 0 ;;                            # the work is done
	3) sleep 1 ;;                           # the daemon cannot be reached
	*) echo "led, and ended with $status" >&2 ;; # lost, or failed: be a candidate again
	esac
done
