#!/bin/bash
# SPDX-License-Identifier: MIT
#
# 100,000 messages from 4 producer to 4 consumer processes: each exactly once, and in order per producer within each
# consumer. Over a buffered channel, and some over an unbuffered one.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# many CHANNEL MESSAGES-PER-PRODUCER
many() {
    local channel=$1 each=$2 began producers=() consumers=()
    rm -f "$folder"/got.*
    began=$(now_ms)
    for c in 1 2 3 4; do
        "$BATON" chan range "$channel" >"$folder/got.$c" &
        consumers+=($!)
    done
    for p in 1 2 3 4; do
        (seq -f "$p %.0f" "$each" | "$BATON" chan send "$channel") &
        producers+=($!)
    done
    for pid in "${producers[@]}"; do wait "$pid" || failed "a producer failed"; done
    baton chan close "$channel"
    for pid in "${consumers[@]}"; do wait "$pid" || failed "a consumer failed"; done
    echo "# $channel: $((4 * each)) messages in $(($(now_ms) - began)) ms; $(wc -l "$folder"/got.? | awk '{ printf "%s ", $1 }')"
    for p in 1 2 3 4; do seq -f "$p %.0f" "$each"; done | sort >"$folder/sent"
    sort "$folder"/got.? >"$folder/taken"
    check "$channel: each exactly once" cmp "$folder/sent" "$folder/taken"
    local unordered
    unordered=$(awk 'FNR == 1 { delete last } { if ($2 <= last[$1]) bad++; last[$1] = $2 } END { print bad + 0 }' "$folder"/got.?)
    equal "$channel: in order per producer within each consumer" "$unordered" 0
}

baton chan make buffered --cap 1000
many buffered "$(scaled 25000)"
baton chan make unbuffered
many unbuffered "$(scaled 2500)"
baton chan make narrow --cap 1
many narrow "$(scaled 2500)"
finish
