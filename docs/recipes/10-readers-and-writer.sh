#!/bin/sh
# One writer and many readers
#
# Readers of a shared folder go on side by side; who changes it waits for them, holds new ones off, and is alone.
set -eu
folder=${2:?read FOLDER COMMAND... | write FOLDER COMMAND...}
mode=$1
shift 2
case $mode in
read) exec baton rlock "folder$folder" -- "$@" ;;
write) exec baton wlock "folder$folder" -- "$@" ;;
esac
