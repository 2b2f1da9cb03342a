#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_sim_daemon.sh - the daemon under simulated faults, a few seeds; `make sim` runs any others.
. "$BATON_SOURCE/tests/lib/shell.sh"

"$BATON_BUILD/tests/sim/sim_daemon" --seeds $((100 * ${TEST_SCALE:-1})) || fail "a seed failed"
