#!/bin/sh
# A rate limit
#
# At most so many at a time, over all hosts that run this. Who was killed gives its permit back.
set -eu
limit=${1:?LIMIT COMMAND...}
shift
baton sem make api "$limit"
exec baton sem acquire api -- "$@"
