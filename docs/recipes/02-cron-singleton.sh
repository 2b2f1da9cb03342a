#!/bin/sh
# A cron job that runs once, though many hosts have it
#
# In every host's crontab: 0 3 * * * 02-cron-singleton.sh backup /usr/local/bin/backup. The first host takes the lock and
# runs the job; the others find it taken and go away. Killed with its host, it is free again; a host whose network is
# gone loses the lock only after its job was ended.
set -eu
name=${1:?NAME COMMAND...}
shift
status=0
baton -q lock -n -E 120 "cron/$name" -- "$@" || status=$?
[ $status -ne 120 ] || exit 0 # another host is at it
exit $status
