#!/bin/sh
# A migration that one of many containers runs
#
# Every container calls this as it starts. One runs the migration while the others wait; when it is done all go on. If it
# fails, or its container dies, the next one runs it.
set -eu
version=${1:?VERSION COMMAND...}
shift
exec baton -t 10m once do "migrate/$version" -- "$@"
