#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hello from another process, and from ten: the main one waits for them by a wait group. (Go: wg.Add, defer wg.Done, wg.Wait.)
# shellcheck source=tests/lib/shell.sh disable=SC1010,SC2016,SC2119 # wg done; quoted for inner shells
. "$BATON_SOURCE/tests/lib/shell.sh"
start_batond

# one: hello ends itself with done
baton wg add wg
sh -c 'echo hello; baton wg done wg' >one &
echo 你好 >main
baton wg wait wg || fail "the wait for one"
[ "$(cat main one)" = "你好
hello" ] || fail "one: $(cat main one)"

# ten: each is done however it ends, as a deferred Done would be
hello() { baton wg run --added wg -- sh -c 'echo hello $0; [ $0 != 7 ]' "$1"; }
for i in 0 1 2 3 4 5 6 7 8 9; do
	baton wg add wg
	hello $i >>ten &
done
baton wg wait wg || fail "the wait for ten"
[ "$(sort ten)" = "$(for i in 0 1 2 3 4 5 6 7 8 9; do echo "hello $i"; done)" ] || fail "ten: $(cat ten)"
