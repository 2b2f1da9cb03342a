#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Eight processes read, increment and write a number in a file: under `baton lock` the sum is exact, without it it is not.
# 60 times each; TEST_SCALE=9 for more than 500.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon
each=$(scaled 60)

cat >"$folder/increment" <<'END'
#!/bin/sh
read -r n <"$1"
echo $((n + 1)) >"$1.$$" && mv "$1.$$" "$1"
END
chmod +x "$folder/increment"

# count FILE COMMAND...: eight at a time, each so often.
count() {
    local file=$1 pids=()
    shift
    echo 0 >"$file"
    for _ in 1 2 3 4 5 6 7 8; do
        (for _ in $(seq "$each"); do "$@" "$folder/increment" "$file" || exit 1; done) &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || failed "a process failed"; done
}

count "$folder/with" "$BATON" lock counter
equal "with the lock the sum is exact" "$(cat "$folder/with")" $((8 * each))
lost=0
for _ in 1 2 3 4 5; do
    count "$folder/without" env
    [ "$(cat "$folder/without")" = $((8 * each)) ] || { lost=1; break; }
done
check "without it counts are lost ($(cat "$folder/without") of $((8 * each)))" [ $lost = 1 ]
finish
