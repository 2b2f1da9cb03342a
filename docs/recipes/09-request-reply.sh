#!/bin/bash
# Request and reply over channels
#
# A request names the channel for its answer, as a Go program sends one along. The server answers each by a command.
set -eu
case ${1:?serve COMMAND | ask TEXT} in
serve)
	shift
	export ANSWER_BY="$*"
	baton chan make requests
	# The first word is where the answer goes.
	baton chan range requests -P 4 -- bash -c 'read -r to text; baton chan send "$to" -- "$($ANSWER_BY <<<"$text")"'
	;;
ask)
	shift
	answers=$(baton chan make)
	baton -t 10s chan send requests -- "$answers $*"
	baton -t 10s chan recv "$answers"
	baton chan rm "$answers"
	;;
esac
