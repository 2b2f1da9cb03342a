#!/bin/sh
# Cancelling a build tree from another shell
#
# The build runs under a context with a name. Steps below it that use baton see the context too; cancelled from any
# shell, all of it ends, however deep, and whatever a step waits for.
set -eu
case ${1:?run NAME COMMAND... | cancel NAME} in
run)
	name=$2
	shift 2
	exec baton ctx run --name "build/$name" --timeout 1h -- "$@"
	;;
cancel)
	exec baton ctx cancel "build/$2" --cause "cancelled by $(id -un)"
	;;
esac
