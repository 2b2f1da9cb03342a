#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_demo.sh - the demo keeps its promises, under a minute, and leaves nothing behind.
. "$BATON_SOURCE/tests/lib/shell.sh"

began=$SECONDS
"$BATON_SOURCE/demo/count-words" >said 2>&1 || fail "status $?: $(cat said)"
[ $((SECONDS - began)) -lt 60 ] || fail "it took $((SECONDS - began)) s"
grep -q 'All promises kept' said || { cat said; fail "it does not end as it should"; }
rm said
[ -z "$(ls -A)" ] || fail "it leaves $(ls -A)"
