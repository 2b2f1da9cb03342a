#!/bin/sh
# A work queue with crash-safe workers
#
# One puts jobs in, any number of machines take them out. A job is taken when its command exits with 0; when the command
# fails it comes back, later each time, and after five repetitions it goes to another queue for people to look at. When a
# worker dies, or its machine, its jobs come back at once: each is done at least once.
set -eu
baton chan make jobs --cap 10000
baton chan make jobs.failed --cap 10000

case ${1:?add FILE... | work COMMAND | failed} in
add)
	shift
	baton chan send jobs -- "$@"
	;;
work)
	shift
	baton chan range jobs -P "$(nproc)" --arg --retries 5 --dead jobs.failed -- "$@"
	;;
failed)
	while baton chan recv jobs.failed --try; do :; done
	;;
esac
