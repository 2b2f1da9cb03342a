#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton map and baton atomic: what each operation does and prints, ranges, kinds, and many processes at once.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; some are called by name
. "$(dirname "$0")/lib.sh"
start_daemon

# one key
exits 1 "load of what was never stored" "$BATON" map load m k
says 'baton: map "m": no such key'
check "a map that nothing is in is none" is_absent m map
exits 0 "store" "$BATON" map store m k one
prints one "load" "$BATON" map load m k
exits 0 "store again" "$BATON" map store m k "two words"
prints "two words" "load what was stored last" "$BATON" map load m k
prints "two words" "load-or-store of what is there" "$BATON" map load-or-store m k other
prints '{"value":"two words","loaded":true}' "says so in json" "$BATON" -o json map load-or-store m k other
prints new "load-or-store of what is not" "$BATON" map load-or-store m k2 new
prints new "stores it" "$BATON" map load m k2
prints new "swap prints the old value" "$BATON" map swap m k2 newer
prints newer "and stores the new" "$BATON" map load m k2
prints "" "swap where nothing was" "$BATON" map swap m k3 x
exits 1 "cas with another value" "$BATON" map cas m k3 y z
says 'baton: map "m": it has another value'
prints x "changes nothing" "$BATON" map load m k3
exits 0 "cas" "$BATON" map cas m k3 x z
prints z "it has the new value" "$BATON" map load m k3
exits 1 "cas of an absent key" "$BATON" map cas m absent "" x
exits 1 "cad with another value" "$BATON" map cad m k3 x
exits 0 "cad" "$BATON" map cad m k3 z
exits 1 "it is deleted" "$BATON" map load m k3
prints newer "load-and-delete prints" "$BATON" map load-and-delete m k2
exits 1 "and deletes" "$BATON" map load-and-delete m k2
exits 0 "delete" "$BATON" map delete m k
exits 0 "delete what is not there" "$BATON" map delete m k
check "an empty map is forgotten" is_absent m map
exits 0 "a key and a value that begin with -" "$BATON" map store m -- -k -v
prints -v "behind --" "$BATON" map load m -- -k
exits 0 "an empty value" "$BATON" map store m empty ""
prints "" "is one" "$BATON" map load m empty
baton map store m tab "$(printf 'a\tb')"
prints 'a\tb' "text is escaped" "$BATON" map load m tab
equal "--raw is exact" "$(baton map load m tab --raw | od -An -c | tr -d ' \n')" 'a\tb'
prints 3 "len" "$BATON" map len m
equal "ls shows it" "$(field 3 m map)" "keys 3"
exits 0 "clear" "$BATON" map clear m
prints 0 "deletes all" "$BATON" map len m

# range: each key once, over several pages
keys=$(scaled 300)
for i in $(seq "$keys"); do echo "$i"; done | xargs -P 2 -I{} "$BATON" map store big {} v{}
baton map range big >"$folder/all"
equal "range meets each key" "$(sort -n "$folder/all" | cut -f 1 | uniq | wc -l)" "$keys"
equal "at most once" "$(wc -l <"$folder/all")" "$keys"
equal "with its value" "$(grep -c "$(printf '^7\tv7$')" "$folder/all")" 1
equal "json" "$(baton -o json map range big | grep -c '^{"key":"[0-9]*","value":"v[0-9]*"}$')" "$keys"
baton map range big | while IFS=$'\t' read -r key _; do
    baton map delete big "$key"
done
prints 0 "deleting while it ranges" "$BATON" map len big
prints "" "range over nothing" "$BATON" map range nothing

# many processes: of all who store under one key first, one wins
for i in 1 2 3 4 5 6 7 8; do
    "$BATON" map load-or-store race leader "$i" >"$folder/race.$i" &
    started[i]=$!
done
for i in 1 2 3 4 5 6 7 8; do wait "${started[i]}"; done
equal "load-or-store agrees on one value in all processes" "$(cat "$folder"/race.* | sort -u | wc -l)" 1

# atomics
prints 0 "an atomic needs no making" "$BATON" atomic load n
prints 1 "add" "$BATON" atomic add n
prints -4 "add prints the new number; -5 is a number" "$BATON" atomic add n -5
prints -4 "load" "$BATON" atomic load n
prints -4 "swap prints the old" "$BATON" atomic swap n 12
prints 12 "and prints the old" "$BATON" atomic and n 10
prints 8 "or prints the old" "$BATON" atomic or n 3
prints 11 "the bits" "$BATON" atomic load n
exits 1 "cas with another number" "$BATON" atomic cas n 5 6
says 'baton: atomic "n": it has another value'
exits 0 "cas" "$BATON" atomic cas n 11 -6
prints -6 "it is the new number" "$BATON" atomic load n
exits 3 "a name has the kind of its first use" "$BATON" atomic add n 1 --kind uint32
says 'baton: atomic "n": it is an int64, not an uint32'
equal "ls shows it" "$(field 3 n atomic)" "int64 -6"
exits 0 "store 0" "$BATON" atomic store n 0
check "an atomic at 0 is forgotten" is_absent n atomic
prints 4294967295 "its name is free for another kind, which wraps" "$BATON" atomic add n -1 --kind uint32
prints 0 "uint32 wraps" "$BATON" atomic add n 1
prints -2147483648 "int32 wraps" sh -c '"$0" atomic store i 2147483647 --kind int32 && "$0" atomic add i 1' "$BATON"
prints -9223372036854775808 "int64 wraps" \
    sh -c '"$0" atomic store l 9223372036854775807 && "$0" atomic add l 1' "$BATON"
prints 18446744073709551615 "uint64" "$BATON" atomic add u -1 --kind uint64
prints '{"value":18446744073709551615}' "json" "$BATON" -o json atomic load u
exits 2 "what the kind cannot be" "$BATON" atomic store x 3000000000 --kind int32
exits 2 "a negative number for an unsigned kind" "$BATON" atomic store x -1 --kind uint64
exits 2 "no number" "$BATON" atomic add x one
exits 2 "no kind" "$BATON" atomic add x 1 --kind float
adds=$(scaled 200)
seq "$adds" | xargs -P 4 -I{} "$BATON" -q atomic add sum 3 >/dev/null
prints $((adds * 3)) "adds of many processes are all there" "$BATON" atomic load sum
finish
