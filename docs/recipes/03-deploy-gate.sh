#!/bin/sh
# A deploy gate with a timeout
#
# The deploy waits until so many checks have passed, and no longer than so long. A check that fails, or dies, says
# nothing: then the gate stays shut.
set -eu
gate=deploy/${1:?VERSION check COMMAND... | VERSION wait COUNT DURATION}
baton chan make "$gate" --cap 100
case $2 in
check)
	shift 2
	"$@"
	baton chan send "$gate" "$*"
	;;
wait)
	if baton -t "$4" chan recv "$gate" --count "$3"; then
		echo "deploying $1"
	else
		echo "not deployed" >&2
		exit 1
	fi
	;;
esac
