#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The recipes of baton-recipes(7): each does what it says.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon
recipes=$source_folder/docs/recipes
mkdir "$folder/bin"
ln -s "$BATON" "$folder/bin/baton"
PATH=$folder/bin:$PATH
cd "$folder" || exit 1

# a work queue: one job fails twice, one always, a worker is killed in the middle of one
cat >job <<'END'
#!/bin/sh
echo "$1" >>started
case $1 in
killed) [ -e was-killed ] || { touch was-killed; kill -9 $PPID; sleep 5; } ;;
twice) [ "$BATON_DELIVERY" -ge 3 ] || exit 1 ;;
never) exit 1 ;;
esac
echo "$1" >>done
END
chmod +x job
exits 0 "work queue: jobs are added" "$recipes/01-work-queue.sh" add a b killed twice never
"$recipes/01-work-queue.sh" work ./job >/dev/null 2>&1
"$recipes/01-work-queue.sh" work ./job >/dev/null 2>&1 &
worker=$!
until_true sh -c "baton ls chan jobs.failed | grep -q 'open 1/'"
baton chan close jobs
wait $worker
equal "work queue: what can be done is done" "$(sort -u done | tr '\n' ' ')" "a b killed twice "
prints never "work queue: what cannot is kept" "$recipes/01-work-queue.sh" failed

# a cron singleton
"$recipes/02-cron-singleton.sh" backup sh -c 'echo ran >>cron; until [ -e cron-go ]; do sleep 0.01; done' &
until_true has_holder cron/backup
exits 0 "cron: another host goes away" "$recipes/02-cron-singleton.sh" backup sh -c 'echo ran >>cron'
touch cron-go
wait $!
equal "cron: it ran once" "$(cat cron)" ran
exits 7 "cron: the job's own status" "$recipes/02-cron-singleton.sh" backup sh -c 'exit 7'

# a deploy gate
"$recipes/03-deploy-gate.sh" v1 check sh -c 'until [ -e check-go ]; do sleep 0.01; done' &
check=$!
"$recipes/03-deploy-gate.sh" v1 check true &
exits 1 "gate: shut while a check runs" "$recipes/03-deploy-gate.sh" v1 wait 3 50ms
touch check-go
wait $check
"$recipes/03-deploy-gate.sh" v1 check false
equal "gate: a check that fails" $? 1
exits 1 "gate: keeps it shut" "$recipes/03-deploy-gate.sh" v1 wait 2 100ms
"$recipes/03-deploy-gate.sh" v2 check true
"$recipes/03-deploy-gate.sh" v2 check test 1 = 1
prints "true
test 1 = 1
deploying v2" "gate: opens when all have passed" "$recipes/03-deploy-gate.sh" v2 wait 2 20s

# a migration
pids=
for _ in 1 2 3 4 5; do
    "$recipes/04-migrate-once.sh" 7 sh -c 'echo ran >>migrated; sleep 0.2' &
    pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
equal "migration: one ran it" "$(cat migrated)" ran

# fan-out and fan-in
printf '#!/bin/sh\nsleep 0.1; echo "$1" >>parts\n' >part
chmod +x part
exits 0 "fan-out: all parts are done" "$recipes/05-fan-out.sh" ./part x y z
equal "fan-in: and not before" "$(sort parts | tr '\n' ' ')" "x y z "

# cancelling a build tree
"$recipes/06-cancel-build.sh" run main sh -c 'sleep 100 & echo $! >deep; baton ctx run -- sleep 100' 2>build.err &
build=$!
until_true [ -s deep ]
until_true sh -c 'baton ctx tree | grep -q .'
exits 0 "build: cancelled from another shell" "$recipes/06-cancel-build.sh" cancel main
wait $build
equal "build: 125" $? 125
check "build: nothing of it is left" sh -c "! kill -0 $(cat deep) 2>/dev/null"

# a rate limit
printf '#!/bin/sh\nmkdir "in.$$"; ls -d in.* | wc -l >>counts; sleep 0.05; rmdir "in.$$"\n' >call
chmod +x call
pids=
for _ in 1 2 3 4 5 6 7 8 9; do
    "$recipes/07-rate-limit.sh" 3 ./call &
    pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
equal "rate limit: all were called" "$(wc -l <counts)" 9
check "rate limit: never more than 3" [ "$(sort -n counts | tail -1)" -le 3 ]

# a leader
printf '#!/bin/sh\necho "$BATON_TOKEN" >>leaders; until [ -e "lead-go.$1" ]; do sleep 0.01; done; exit "$2"\n' >lead
chmod +x lead
"$recipes/08-leader.sh" ./lead one 0 2>/dev/null &
first=$!
until_true [ -s leaders ]
"$recipes/08-leader.sh" ./lead two 0 2>/dev/null &
second=$!
until_true has_any_waiter leader
touch lead-go.one
wait $first
equal "leader: the first is done" $? 0
until_true sh -c '[ "$(wc -l <leaders)" = 2 ]'
check "leader: the next one's token is higher" sh -c '[ "$(tail -1 leaders)" -gt "$(head -1 leaders)" ]'
touch lead-go.two
wait $second

# request and reply
"$recipes/09-request-reply.sh" serve tr a-z A-Z &
until_true sh -c "baton ls chan requests | grep -q ."
prints "HELLO THERE" "request: is answered" "$recipes/09-request-reply.sh" ask hello there
equal "request: its channel is gone" "$(baton ls chan | cut -f 2 | grep -vcE '^(jobs|deploy|requests)')" 0
baton chan close requests
wait $!

# readers and a writer
"$recipes/10-readers-and-writer.sh" read "$folder" sh -c 'touch reading; until [ -e read-go ]; do sleep 0.01; done' &
reader=$!
until_true [ -e reading ]
exits 0 "readers: share" "$recipes/10-readers-and-writer.sh" read "$folder" true
"$recipes/10-readers-and-writer.sh" write "$folder" touch written &
writer=$!
until_true has_any_waiter "folder$folder" rwmutex
check "writer: waits for the reader" [ ! -e written ]
touch read-go
wait $reader $writer
check "writer: then writes" [ -e written ]
stop_daemon
finish
