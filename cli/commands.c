/* SPDX-License-Identifier: MIT
 *
 * commands.c - the tables: what baton can be told, and with which options. Everything that lists commands reads them.
 */
#include "cli/command.h"

const struct option options[OPTION_COUNT] = {
	[OPTION_SERVER] = {'s', NULL, OPTION_OF_TEXT, "ADDR", 0, 0,
		"the daemon: unix:PATH, tcp:HOST:PORT or user (else BATON_SERVER, else unix:/run/baton/baton.sock)"},
	[OPTION_TIMEOUT] = {'t', NULL, OPTION_OF_DURATION, "DURATION", 0, 0,
		"wait at most so long (150ms, 2s, 1h30m; 0: not at all), then exit 124; never bounds CMD's run"},
	[OPTION_CONTEXT] = {0, "ctx", OPTION_OF_NAME, "NAME|ID", 0, 0,
		"what waits ends when this context does (else BATON_CTX): exit 124 past its deadline, 125 cancelled"},
	[OPTION_FORMAT] = {'o', NULL, OPTION_OF_TEXT, "text|json", 0, 0,
		"how values are written: tab-separated text, or one JSON object per line"},
	[OPTION_QUIET] = {'q', NULL, OPTION_FLAG, NULL, 0, 0, "no messages but those on usage; the exit status tells"},
	[OPTION_HELP] = {'h', "help", OPTION_FLAG, NULL, 0, 0, "this, or the help of the command it stands with"},
	[OPTION_VERSION] = {0, "version", OPTION_FLAG, NULL, 0, 0, "print the version"},
	[OPTION_MANUAL] = {0, "man", OPTION_FLAG, NULL, 0, 0, "print the manual page for man(1)"},
	[OPTION_TRY] = {'n', "try", OPTION_FLAG, NULL, 0, 0, "do not wait; exit 1 where it would have to"},
	[OPTION_WAIT] = {'w', NULL, OPTION_OF_DURATION, "D", 0, 0, "wait so long for it, then exit 1 (0: as --try)"},
	[OPTION_CODE] = {'E', NULL, OPTION_OF_NUMBER, "CODE", 0, 255,
		"the exit status where --try would block or -w ran out, instead of 1"},
	[OPTION_TTL] = {0, "ttl", OPTION_OF_DURATION, "D", 0, 0,
		"let the session live so long without a word from here (default: 0 on a Unix socket, 10s over TCP)"},
	[OPTION_KILL_AFTER] = {0, "kill-after", OPTION_OF_DURATION, "D", 0, 0,
		"a lost lock sends CMD a TERM, and so long after it a KILL (default 5s)"},
	[OPTION_LABEL] = {0, "label", OPTION_OF_TEXT, "L", 0, 0, "who this is, for people who look"},
	[OPTION_FIFO] = {0, "fifo", OPTION_FLAG, NULL, 0, 0,
		"let waiters in strictly in the order in which they came, while the lock is in use"},
	[OPTION_LOCK_DELAY] = {0, "lock-delay", OPTION_OF_DURATION, "D", 0, 0,
		"after a holder's death let nobody in for so long (at most 1h)"},
	[OPTION_PERMITS] = {0, "count", OPTION_OF_NUMBER, "K", 1, INT64_MAX, "so many permits (default 1)"},
	[OPTION_OF] = {0, "of", OPTION_OF_NUMBER, "K", 1, INT64_MAX,
		"first make the semaphore with K permits, unless it is there with as many"},
	[OPTION_SHELL] = {'c', NULL, OPTION_OF_TEXT, "STRING", 0, 0, "CMD is sh -c STRING"},
	[OPTION_ALONE] = {'o', NULL, OPTION_FLAG, NULL, 0, 0,
		"wait for CMD alone and not for what it leaves behind, which does not hold the lock either"},
	[OPTION_VERBOSE] = {'v', NULL, OPTION_FLAG, NULL, 0, 0, "say whom it waits for, and how long it took"},
	[OPTION_CAPACITY] = {0, "cap", OPTION_OF_NUMBER, "K", 0, INT64_MAX,
		"room for K messages (default 0: a sender waits for its receiver)"},
	[OPTION_MAKE] = {0, "make", OPTION_OF_NUMBER, "K", 0, INT64_MAX,
		"first make the channel with capacity K, unless it is there with the same"},
	[OPTION_NUL] = {'0', NULL, OPTION_FLAG, NULL, 0, 0,
		"messages end with a NUL byte instead of a newline; exact bytes"},
	[OPTION_WHOLE] = {0, "whole", OPTION_FLAG, NULL, 0, 0, "all of standard input is one message"},
	[OPTION_RAW] = {0, "raw", OPTION_FLAG, NULL, 0, 0, "the message's exact bytes and no newline behind it"},
	[OPTION_MESSAGES] = {0, "count", OPTION_OF_NUMBER, "K", 1, INT64_MAX, "so many messages (default 1)"},
	[OPTION_PARALLEL] = {'P', NULL, OPTION_OF_NUMBER, "K", 1, 4096, "run up to K CMDs at a time (default 1)"},
	[OPTION_ARGUMENT] = {0, "arg", OPTION_FLAG, NULL, 0, 0,
		"the message is CMD's last argument, and its standard input is empty"},
	[OPTION_RETRIES] = {0, "retries", OPTION_OF_NUMBER, "K", 0, 1000000,
		"give a message up after so many repetitions (default 5)"},
	[OPTION_DEAD] = {0, "dead", OPTION_OF_NAME, "N2", 0, 0, "send messages that are given up to the channel N2"},
	[OPTION_PID] = {0, "pid", OPTION_OF_NUMBER, "PID", 1, INT32_MAX,
		"the session lives as long as that process (default: the parent of baton)"},
	[OPTION_ADDED] = {0, "added", OPTION_FLAG, NULL, 0, 0, "take over one that was added before, and add none"},
	[OPTION_IGNORE_LOST] = {0, "ignore-lost", OPTION_FLAG, NULL, 0, 0,
		"exit 0 even if some were done by the end of their sessions"},
	[OPTION_CASE_RECEIVE] = {0, "recv", OPTION_OF_NAME, "N", 0, 0, "a case: receive from the channel N", true},
	[OPTION_CASE_SEND] = {0, "send", OPTION_OF_TEXT, "N=VALUE", 0, 0, "a case: send VALUE on the channel N", true},
	[OPTION_CASE_LOCK] = {0, "lock", OPTION_OF_NAME, "N", 0, 0, "a case: lock the mutex N", true},
	[OPTION_CASE_WG] = {0, "wg", OPTION_OF_NAME, "N", 0, 0, "a case: the wait group N is at zero", true},
	[OPTION_CASE_ONCE] = {0, "once", OPTION_OF_NAME, "N", 0, 0, "a case: the once N is done", true},
	[OPTION_CASE_DONE] = {0, "done", OPTION_OF_NAME, "CTX", 0, 0, "a case: the context CTX has ended", true},
	[OPTION_CASE_TIMER] = {0, "after", OPTION_OF_DURATION, "D", 0, 0, "a case: so long has passed", true},
	[OPTION_DEFAULT] = {0, "default", OPTION_FLAG, NULL, 0, 0,
		"do not wait: where no case is ready print default and exit 1"},
	[OPTION_CAPTURE] = {0, "capture", OPTION_FLAG, NULL, 0, 0,
		"CMD's standard output is the value, and every caller writes it"},
	[OPTION_KEEP] = {0, "keep", OPTION_OF_DURATION, "D", 0, 0,
		"it stays done for so long; then the next caller runs CMD again (0, the default: until reset)"},
	[OPTION_MUTEX] = {0, "mutex", OPTION_OF_NAME, "M", 0, 0,
		"the mutex of the condition: locked first, or an enclosing hold's"},
	[OPTION_UNTIL] = {0, "until", OPTION_OF_TEXT, "TEST", 0, 0,
		"wait again and again until sh -c TEST succeeds, under the mutex; TEST comes first"},
	[OPTION_TYPE] = {0, "type", OPTION_OF_NAME, "T", 0, 0,
		"the type of the channel's messages: a label; who says another when he sends is refused"},
	[OPTION_AUTO_CLOSE] = {0, "auto-close", OPTION_FLAG, NULL, 0, 0,
		"close the channel when the last that had it open to send, as chan send has, is done or dead"},
	[OPTION_PARENT] = {0, "parent", OPTION_OF_NAME, "P", 0, 0,
		"it ends with the context P (else with that of --ctx or BATON_CTX; background: with none)"},
	[OPTION_CONTEXT_TIMEOUT] = {0, "timeout", OPTION_OF_DURATION, "D", 0, 0, "it ends after so long"},
	[OPTION_DEADLINE] = {0, "deadline", OPTION_OF_TEXT, "RFC3339", 0, 0, "it ends then: 2026-11-23T07:05:00Z"},
	[OPTION_VALUE] = {0, "value", OPTION_OF_TEXT, "K=V", 0, 0,
		"it carries V under K, for itself and those below it", true},
	[OPTION_DETACH] = {0, "detach", OPTION_FLAG, NULL, 0, 0, "it does not end with BATON_SESSION"},
	[OPTION_CAUSE] = {0, "cause", OPTION_OF_TEXT, "TEXT", 0, 0, "why, for those whom it ends"},
	[OPTION_NAME] = {0, "name", OPTION_OF_NAME, "N", 0, 0, "a name for it, for people"},
	[OPTION_DELAY] = {'d', "delay", OPTION_OF_DURATION, "D", 0, 0, "look every D (default 1s)"},
	[OPTION_ROUNDS] = {0, "rounds", OPTION_OF_NUMBER, "K", 1, INT64_MAX, "print rows, K times, and end"},
};

#define OPTIONS(...)                                                                                                   \
	.options = {__VA_ARGS__}, .option_count = sizeof((const enum option_id[]){__VA_ARGS__}) / sizeof(enum option_id)

#define HOLD_OPTIONS                                                                                                   \
	OPTION_TRY, OPTION_WAIT, OPTION_CODE, OPTION_TTL, OPTION_KILL_AFTER, OPTION_LABEL, OPTION_SHELL, OPTION_ALONE, \
		OPTION_VERBOSE

#define RWLOCK_ROW(what, how, function)                                                                                \
	.arguments = {{"N", ARGUMENT_NAME, false}, {"CMD", ARGUMENT_PROGRAM, true}},                                   \
	OPTIONS(HOLD_OPTIONS, OPTION_FIFO, OPTION_LOCK_DELAY), .dashes_end_names = true,                               \
	.summary = "hold the RWMutex N to " what " while CMD runs",                                                    \
	.details = how " Everything else is as with baton lock.", .run = (function)

#define RLOCK_ROW                                                                                                      \
	RWLOCK_ROW("read",                                                                                             \
		"Many may read at a time. While a writer waits no new reader is let in; when it unlocks all that "     \
		"wait are.",                                                                                           \
		run_rwmutex_rlock)

#define WLOCK_ROW RWLOCK_ROW("write", "Nobody else reads or writes meanwhile.", run_rwmutex_lock)

#define LOCK_ROW                                                                                                            \
	.arguments = {{"N...", ARGUMENT_NAME, false}, {"CMD", ARGUMENT_PROGRAM, true}},                                     \
	OPTIONS(HOLD_OPTIONS, OPTION_FIFO, OPTION_LOCK_DELAY), .takes_names = true, .dashes_end_names = true,               \
	.summary = "hold the mutex N, or several at once, while CMD runs",                                                  \
	.details =                                                                                                          \
		"CMD finds BATON_NAME, BATON_TOKEN (the fencing token), BATON_SESSION and BATON_SERVER in its "             \
		"environment, and BATON_ABANDONED=1 where the last holder died. The lock is released when every "           \
		"process below it has gone. Killed with -9, baton takes CMD along, and the lock passes on when "            \
		"the last process below it has gone. A lock that is lost while CMD runs ends CMD: exit 121. Several names " \
		"need the -- before CMD: they are locked in one step, all or none. Without "                                \
		"CMD, which only works inside BATON_SESSION, it prints the token, and the session keeps the lock.",         \
	.run = run_mutex_lock

const struct command commands[] = {
	{.noun = "chan",
		.verb = "make",
		.arguments = {{"N", ARGUMENT_NAME, true}},
		OPTIONS(OPTION_CAPACITY, OPTION_TYPE, OPTION_AUTO_CLOSE),
		.summary = "make the channel N",
		.details = "Without N a name is generated and printed. Made again with the same options it is opened.",
		.run = run_chan_make},
	{.noun = "chan",
		.verb = "send",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"VALUE", ARGUMENT_TEXTS, true}},
		OPTIONS(OPTION_MAKE, OPTION_TRY, OPTION_NUL, OPTION_WHOLE, OPTION_TYPE),
		.summary = "send messages: each VALUE, or each line of standard input",
		.details =
			"With a VALUE of - alone it reads standard input even where that is a terminal. A message that "
			"begins with - stands behind --. A failure says how many were sent: the first so many.",
		.run = run_chan_send},
	{.noun = "chan",
		.verb = "recv",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		OPTIONS(OPTION_MESSAGES, OPTION_MAKE, OPTION_TRY, OPTION_NUL, OPTION_RAW),
		.summary = "receive a message and print it",
		.details =
			"A message is taken once it is written to standard output, else it goes back. Printed as text it "
			"is one line: \\t, \\n, \\\\ and \\xHH stand for what would break that. Exit 1: closed and drained.",
		.run = run_chan_recv},
	{.noun = "chan",
		.verb = "range",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(OPTION_PARALLEL, OPTION_ARGUMENT, OPTION_RETRIES, OPTION_DEAD, OPTION_RAW, OPTION_NUL),
		.summary = "print each message, or run CMD for it, until the channel is closed",
		.details =
			"CMD has the message and a newline (--raw: the exact bytes) on its standard input, and BATON_DELIVERY=n "
			"in its environment, n being 1 the first time. The message is taken when CMD exits 0; else it "
			"comes back after 100 ms, then 200 ms, doubling to a minute, while the others go on. What was "
			"repeated too often goes to the channel of --dead, or is dropped with a message; then the exit "
			"status is 123. A message is handled at least once: when baton or the machine dies in between "
			"it comes back, so CMD may see it twice.",
		.run = run_chan_range},
	{.noun = "chan",
		.verb = "close",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "close the channel: what is in it can still be received",
		.run = run_chan_close},
	{.noun = "chan",
		.verb = "len",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "print how many messages are in the channel",
		.run = run_chan_len},
	{.noun = "chan",
		.verb = "cap",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "print the capacity of the channel",
		.run = run_chan_cap},
	{.noun = "chan",
		.verb = "rm",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "delete the channel and what is in it",
		.run = run_chan_rm},
	{.noun = "mutex", .verb = "lock", LOCK_ROW},
	{.noun = "mutex",
		.verb = "unlock",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"TOKEN", ARGUMENT_NUMBER, false}},
		.summary = "release the mutex N, inside BATON_SESSION",
		.run = run_mutex_unlock},
	{.noun = "mutex",
		.verb = "check",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"TOKEN", ARGUMENT_NUMBER, false}},
		.summary = "exit 0 if TOKEN holds the mutex N now, else 1",
		.run = run_mutex_check},
	{.noun = "lock", LOCK_ROW},
	{.noun = "rwmutex", .verb = "rlock", RLOCK_ROW},
	{.noun = "rwmutex", .verb = "lock", WLOCK_ROW},
	{.noun = "rwmutex",
		.verb = "unlock",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"TOKEN", ARGUMENT_NUMBER, false}},
		.summary = "release a hold of the RWMutex N, inside BATON_SESSION",
		.run = run_rwmutex_unlock},
	{.noun = "rwmutex",
		.verb = "downgrade",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"TOKEN", ARGUMENT_NUMBER, false}},
		.summary = "make its writer a reader in one step, inside BATON_SESSION",
		.run = run_rwmutex_downgrade},
	{.noun = "rwmutex",
		.verb = "check",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"TOKEN", ARGUMENT_NUMBER, false}},
		.summary = "exit 0 if TOKEN holds the RWMutex N now, else 1",
		.run = run_rwmutex_check},
	{.noun = "rlock", RLOCK_ROW},
	{.noun = "wlock", WLOCK_ROW},
	{.noun = "sem",
		.verb = "make",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"K", ARGUMENT_NUMBER, false}},
		.summary = "make the semaphore N with K permits",
		.details = "Made again with as many it is opened.",
		.run = run_sem_make},
	{.noun = "sem",
		.verb = "acquire",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(HOLD_OPTIONS, OPTION_PERMITS, OPTION_OF),
		.dashes_end_names = true,
		.summary = "hold permits of the semaphore N while CMD runs",
		.details =
			"First in, first out: who waits for many is not passed by who wants few. Everything else is as with "
			"baton lock: the permits come back when every process below CMD has gone.",
		.run = run_sem_acquire},
	{.noun = "sem",
		.verb = "release",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"TOKEN", ARGUMENT_NUMBER, false}},
		.summary = "release the permits of TOKEN, inside BATON_SESSION",
		.run = run_sem_release},
	{.noun = "sem",
		.verb = "check",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"TOKEN", ARGUMENT_NUMBER, false}},
		.summary = "exit 0 if TOKEN holds permits of the semaphore N now, else 1",
		.run = run_sem_check},
	{.noun = "sem",
		.verb = "rm",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "delete the semaphore: who waits gets an error, who holds permits loses them",
		.run = run_sem_rm},
	{.noun = "wg",
		.verb = "add",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"K", ARGUMENT_SIGNED, true}},
		.summary = "add K (default 1) to the counter of the wait group N",
		.details = "K may be negative. A counter below zero is an error and changes nothing.",
		.run = run_wg_add},
	{.noun = "wg",
		.verb = "done",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "take 1 off the counter",
		.run = run_wg_done},
	{.noun = "wg",
		.verb = "wait",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		OPTIONS(OPTION_TRY, OPTION_IGNORE_LOST),
		.summary = "wait until the counter is zero",
		.details =
			"Exit 1, and the number on standard error, if some of the round were not done but lost: baton wg run "
			"or its machine died. Where the counter is zero already that is told of the last round, for an hour.",
		.run = run_wg_wait},
	{.noun = "wg",
		.verb = "run",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(OPTION_ADDED, OPTION_TTL, OPTION_KILL_AFTER, OPTION_LABEL, OPTION_SHELL, OPTION_ALONE),
		.summary = "add 1, run CMD, done: even if CMD or baton is killed",
		.details =
			"Its 1 belongs to a session of its own. It is done when every process below CMD has gone, whatever "
			"CMD's exit status, which is baton's too. Where baton is killed it is lost: who waits is told.",
		.run = run_wg_run},
	{.noun = "select",
		.arguments = {{"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(OPTION_CASE_RECEIVE, OPTION_CASE_SEND, OPTION_CASE_LOCK, OPTION_CASE_WG, OPTION_CASE_ONCE,
			OPTION_CASE_DONE, OPTION_CASE_TIMER, OPTION_DEFAULT, OPTION_TTL, OPTION_KILL_AFTER,
			OPTION_LABEL, OPTION_SHELL, OPTION_ALONE),
		.summary = "wait for the first of several cases, and do that one alone",
		.details =
			"Of the cases that are ready each is equally likely. Prints which it was: recv N VALUE, closed N, "
			"send N, lock N TOKEN, wg N, once N VALUE, done CTX CAUSE, after D, or default. A message is taken once that is written. With CMD "
			"nothing is printed: CMD finds the case in BATON_CASE and its name in BATON_NAME; the message and "
			"a newline are its standard input, and it is taken when CMD exits 0, else goes back; a lock is "
			"held while it runs. A case of lock needs CMD, but inside BATON_SESSION. With no case it waits "
			"until -t or a signal ends it.",
		.run = run_select},
	{.noun = "once",
		.verb = "do",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(OPTION_CAPTURE, OPTION_KEEP, OPTION_TRY, OPTION_WAIT, OPTION_CODE, OPTION_TTL,
			OPTION_KILL_AFTER, OPTION_LABEL, OPTION_SHELL, OPTION_ALONE, OPTION_VERBOSE),
		.summary = "run CMD unless it was done; while another caller runs it, wait",
		.details =
			"Of all who call this for N one runs CMD, and exits with its status. When that is 0 it is done, and the "
			"others exit with 0; else, or when baton is killed, the next caller runs its CMD. CMD finds BATON_TOKEN "
			"and the like as a lock's does. A caller with --capture writes the value exactly as CMD wrote it.",
		.run = run_once_do},
	{.noun = "once",
		.verb = "get",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "write the value; exit 1 if it is not done",
		.run = run_once_get},
	{.noun = "once",
		.verb = "reset",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "forget that it was done; exit 1 if it was not",
		.run = run_once_reset},
	{.noun = "ctx",
		.verb = "new",
		.arguments = {{"N", ARGUMENT_NAME, true}},
		OPTIONS(OPTION_PARENT, OPTION_CONTEXT_TIMEOUT, OPTION_DEADLINE, OPTION_VALUE, OPTION_DETACH),
		.summary = "make a context and print its id",
		.details =
			"The id is never used again; N is for people, and free for another once it has ended. Inside "
			"BATON_SESSION it ends with that. export BATON_CTX=$(baton ctx new) binds what follows to it.",
		.run = run_ctx_new},
	{.noun = "ctx",
		.verb = "cancel",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		OPTIONS(OPTION_CAUSE),
		.summary = "end the context N and all below it",
		.details = "Every call that is bound to one of them ends, in whatever process. N is a name or an id.",
		.run = run_ctx_cancel},
	{.noun = "ctx",
		.verb = "done",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "wait until the context N has ended",
		.run = run_ctx_done},
	{.noun = "ctx",
		.verb = "err",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "print how the context N has ended, and why; exit 1 while it lives",
		.run = run_ctx_err},
	{.noun = "ctx",
		.verb = "value",
		.arguments = {{"N", ARGUMENT_NAME, false}, {"KEY", ARGUMENT_NAME, false}},
		.summary = "print the value of KEY that N or the nearest context above it carries",
		.run = run_ctx_value},
	{.noun = "ctx",
		.verb = "tree",
		.arguments = {{"N", ARGUMENT_NAME, true}},
		.summary = "show the contexts, or those from N down",
		.details =
			"Columns: name (indented), id, how it ended or live, why. One that has ended is shown for a minute.",
		.run = run_ctx_tree},
	{.noun = "ctx",
		.verb = "rm",
		.arguments = {{"N", ARGUMENT_NAME, false}},
		.summary = "cancel the context N and forget it at once",
		.run = run_ctx_rm},
	{.noun = "ctx",
		.verb = "run",
		.arguments = {{"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(OPTION_NAME, OPTION_PARENT, OPTION_CONTEXT_TIMEOUT, OPTION_DEADLINE, OPTION_VALUE, OPTION_TTL,
			OPTION_KILL_AFTER, OPTION_LABEL, OPTION_SHELL, OPTION_ALONE),
		.summary = "run CMD under a new context, which ends with it",
		.details =
			"CMD finds its id in BATON_CTX. When it ends before CMD does, CMD and all below it get a TERM, and "
			"after --kill-after (5s) a KILL: exit 125 where it was cancelled, 124 past its deadline.",
		.run = run_ctx_run},
	{.noun = "cond",
		.verb = "wait",
		.arguments = {{"C", ARGUMENT_NAME, false}, {"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(OPTION_MUTEX, OPTION_UNTIL, OPTION_TRY, OPTION_WAIT, OPTION_CODE, OPTION_TTL, OPTION_KILL_AFTER,
			OPTION_LABEL, OPTION_SHELL, OPTION_ALONE, OPTION_VERBOSE),
		.summary = "lock M, wait on the condition C, run CMD under M, unlock",
		.details =
			"A wait gives M back, and has it again when it is woken. Inside baton lock M, or a session that holds "
			"M, it waits with that hold and leaves it: baton lock goes on with the new token; without CMD a "
			"session opened by hand has it printed. -t bounds the locking and the waits: when it runs out M is "
			"locked again, TEST runs once more, and the exit status is 124.",
		.run = run_cond_wait},
	{.noun = "cond",
		.verb = "signal",
		.arguments = {{"C", ARGUMENT_NAME, false}},
		.summary = "wake the one that has waited longest",
		.run = run_cond_signal},
	{.noun = "cond",
		.verb = "broadcast",
		.arguments = {{"C", ARGUMENT_NAME, false}},
		.summary = "wake all who wait",
		.run = run_cond_broadcast},
	{.noun = "session",
		.verb = "open",
		OPTIONS(OPTION_TTL, OPTION_LABEL, OPTION_PID),
		.summary = "open a session and print its ID.SECRET, for BATON_SESSION",
		.details =
			"On a Unix socket without --ttl it lives as long as the process that called baton: "
			"export BATON_SESSION=$(baton session open). With --ttl, and over TCP, it lives while commands use "
			"it and so long after.",
		.run = run_session_open},
	{.noun = "session",
		.verb = "run",
		.arguments = {{"CMD", ARGUMENT_PROGRAM, true}},
		OPTIONS(OPTION_TTL, OPTION_KILL_AFTER, OPTION_LABEL, OPTION_SHELL, OPTION_ALONE),
		.summary = "run CMD in a session of its own, which ends with it",
		.run = run_session_run},
	{.noun = "session",
		.verb = "close",
		.summary = "end the session BATON_SESSION: what it holds is released",
		.run = run_session_close},
	{.noun = "session",
		.verb = "ls",
		.summary = "list the sessions",
		.details = "Columns: id, label, pid, uid, host, parent, ttl, age, holds, blocked calls.",
		.run = run_session_ls},
	{.noun = "session",
		.verb = "kill",
		.arguments = {{"ID", ARGUMENT_NUMBER, false}},
		.summary = "end the session ID, whoever's it is",
		.run = run_session_kill},
	{.noun = "ls",
		.arguments = {{"KIND", ARGUMENT_TEXT, true}, {"PATTERN", ARGUMENT_TEXT, true}},
		.summary = "list what there is",
		.details =
			"Columns: kind, name, state, holders, waiters. KIND is chan, mutex and so on, as the nouns; one word "
			"that is none of them is a PATTERN, as the shell's.",
		.run = run_ls},
	{.noun = "inspect",
		.arguments = {{"KIND", ARGUMENT_TEXT, false}, {"N", ARGUMENT_NAME, false}},
		.summary = "show an object, who holds it and who waits for it",
		.details =
			"The first row is as ls has it. Further rows: role, session, label, pid, uid, host, token, for how "
			"long, of a delivery how often before, of a share how many.",
		.run = run_inspect},
	{.noun = "top",
		OPTIONS(OPTION_DELAY, OPTION_ROUNDS),
		.summary = "watch the daemon: what is held, and who waits, again and again",
		.details =
			"On a terminal a screen: q quits, s sorts by waiters, holders or name, space looks at once. Elsewhere, "
			"with -o json or --rounds, rows: one of the daemon (kind batond: version, connections, sessions, "
			"objects, holds, blocked calls, deliveries out, calls so far), then one per object (kind, name, state, "
			"holders, waiters, length, capacity), those that most wait for first.",
		.run = run_top},
	{.noun = "ping", .summary = "see whether the daemon answers", .run = run_ping},
	{.noun = "status", .summary = "show what the daemon says of itself", .run = run_status},
	{.noun = "completion",
		.verb = "bash",
		.summary = "print the completion for bash: eval \"$(baton completion bash)\"",
		.run = run_completion_bash},
	{.noun = "completion",
		.verb = "words",
		.arguments = {{"WORD", ARGUMENT_TEXTS, true}},
		.summary = "print what the last WORD of a command line could become",
		.details =
			"For other shells. The first line is \"words\", and those that fit stand below it; or \"command OFFSET\" "
			"where CMD begins at that word. Names of objects are asked of the daemon for 200 ms at most.",
		.run = run_completion_words},
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct noun nouns[] = {
	{"chan", "channels: messages from process to process, as Go's"},
	{"mutex", "locks that are held while a command runs"},
	{"rwmutex", "locks that many readers or one writer hold while a command runs"},
	{"sem", "semaphores: so many at a time"},
	{"wg", "wait groups: waiting until all are done"},
	{"once", "what is done once, whoever calls"},
	{"ctx", "contexts: a tree whose ends reach every call below, as Go's"},
	{"cond", "conditions to wait for under a mutex"},
	{"session", "what locks and messages belong to"},
	{"completion", "completion in the shell, of objects' names too"},
};

const size_t noun_count = sizeof(nouns) / sizeof(nouns[0]);
