/* SPDX-License-Identifier: MIT
 *
 * command.h - what a command of baton is: one row of the table in commands.c.
 *
 * The parser, `baton`, `baton NOUN`, --help and the manual page are all made from the rows. To add a command: write its
 * run function, declare it below, add its row; to add an option: a name in enum option_id and a row of `options`.
 */
#ifndef BATON_CLI_COMMAND_H
#define BATON_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_id {
	/* before and after every noun */
	OPTION_SERVER,
	OPTION_TIMEOUT,
	OPTION_CONTEXT,
	OPTION_FORMAT,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_MANUAL,
	OPTION_GLOBAL_COUNT,

	/* with the commands that list them */
	OPTION_TRY = OPTION_GLOBAL_COUNT,
	OPTION_WAIT,
	OPTION_CODE,
	OPTION_TTL,
	OPTION_KILL_AFTER,
	OPTION_LABEL,
	OPTION_FIFO,
	OPTION_LOCK_DELAY,
	OPTION_PERMITS,
	OPTION_OF,
	OPTION_SHELL,
	OPTION_ALONE,
	OPTION_VERBOSE,
	OPTION_CAPACITY,
	OPTION_MAKE,
	OPTION_NUL,
	OPTION_WHOLE,
	OPTION_RAW,
	OPTION_MESSAGES,
	OPTION_PARALLEL,
	OPTION_ARGUMENT,
	OPTION_RETRIES,
	OPTION_DEAD,
	OPTION_PID,
	OPTION_ADDED,
	OPTION_IGNORE_LOST,
	OPTION_CASE_RECEIVE,
	OPTION_CASE_SEND,
	OPTION_CASE_LOCK,
	OPTION_CASE_TIMER,
	OPTION_CASE_WG,
	OPTION_CASE_ONCE,
	OPTION_CASE_DONE,
	OPTION_DEFAULT,
	OPTION_CAPTURE,
	OPTION_KEEP,
	OPTION_MUTEX,
	OPTION_UNTIL,
	OPTION_TYPE,
	OPTION_AUTO_CLOSE,
	OPTION_PARENT,
	OPTION_CONTEXT_TIMEOUT,
	OPTION_DEADLINE,
	OPTION_VALUE,
	OPTION_DETACH,
	OPTION_CAUSE,
	OPTION_NAME,
	OPTION_DELAY,
	OPTION_ROUNDS,
	OPTION_KIND,
	OPTION_NACK_DELAY,
	OPTION_COUNT
};

enum option_kind {
	OPTION_FLAG,
	OPTION_OF_TEXT,
	OPTION_OF_NAME,     /* of an object */
	OPTION_OF_DURATION, /* in ns */
	OPTION_OF_NUMBER,   /* from low to high */
};

struct option {
	char letter;      /* 0: none */
	const char *word; /* behind "--"; NULL: none */
	enum option_kind kind;
	const char *operand; /* as the help writes it; NULL for a flag */
	int64_t low;
	int64_t high;
	const char *summary;
	bool repeats; /* each time it is given counts, in order: invocation.repeated */
};

/* One row for each enum option_id. */
extern const struct option options[OPTION_COUNT];

enum argument_kind {
	ARGUMENT_NAME,    /* of an object: checked by the rule for names */
	ARGUMENT_NUMBER,  /* from 0 to 2^64-1 */
	ARGUMENT_SIGNED,  /* from -2^63 to 2^63-1 */
	ARGUMENT_INTEGER, /* from -2^63 to 2^64-1 */
	ARGUMENT_TEXT,    /* anything */
	ARGUMENT_TEXTS,   /* any number of anything; the last argument */
	ARGUMENT_PROGRAM, /* CMD and its arguments: the last argument */
};

struct argument {
	const char *name; /* as the help writes it; NULL ends a list */
	enum argument_kind kind;
	bool optional;
};

#define COMMAND_MAX_ARGUMENTS 4
#define COMMAND_MAX_OPTIONS 16

struct invocation;

struct command {
	const char *noun;
	const char *verb; /* NULL: the noun alone is the command */
	struct argument arguments[COMMAND_MAX_ARGUMENTS];
	enum option_id options[COMMAND_MAX_OPTIONS];
	size_t option_count;
	bool takes_names;      /* and they are: the command takes several */
	bool dashes_end_names; /* what stands between the first name and a "--" are names too */
	const char *summary;   /* one line, for lists */
	const char *details;   /* further lines, for --help and the manual; NULL: none */
	/* Does it; returns the exit status. What is wrong has been said by then. */
	int (*run)(const struct invocation *invocation);
};

/* Rows of a noun stand together. */
extern const struct command commands[];
extern const size_t command_count;

/* What a noun is, for the list of nouns. */
struct noun {
	const char *name;
	const char *summary;
};

/* Every noun that has verbs. */
extern const struct noun nouns[];
extern const size_t noun_count;

int run_chan_make(const struct invocation *invocation);
int run_chan_close(const struct invocation *invocation);
int run_chan_len(const struct invocation *invocation);
int run_chan_cap(const struct invocation *invocation);
int run_chan_rm(const struct invocation *invocation);
int run_chan_send(const struct invocation *invocation);
int run_chan_recv(const struct invocation *invocation);
int run_chan_take(const struct invocation *invocation);
int run_chan_ack(const struct invocation *invocation);
int run_chan_nack(const struct invocation *invocation);
int run_chan_range(const struct invocation *invocation);
int run_mutex_lock(const struct invocation *invocation);
int run_mutex_unlock(const struct invocation *invocation);
int run_mutex_check(const struct invocation *invocation);
int run_rwmutex_lock(const struct invocation *invocation);
int run_rwmutex_rlock(const struct invocation *invocation);
int run_rwmutex_unlock(const struct invocation *invocation);
int run_rwmutex_downgrade(const struct invocation *invocation);
int run_rwmutex_check(const struct invocation *invocation);
int run_sem_make(const struct invocation *invocation);
int run_sem_acquire(const struct invocation *invocation);
int run_sem_release(const struct invocation *invocation);
int run_sem_check(const struct invocation *invocation);
int run_sem_rm(const struct invocation *invocation);
int run_wg_add(const struct invocation *invocation);
int run_wg_done(const struct invocation *invocation);
int run_wg_wait(const struct invocation *invocation);
int run_wg_run(const struct invocation *invocation);
int run_select(const struct invocation *invocation);
int run_once_do(const struct invocation *invocation);
int run_once_get(const struct invocation *invocation);
int run_once_reset(const struct invocation *invocation);
int run_ctx_new(const struct invocation *invocation);
int run_ctx_cancel(const struct invocation *invocation);
int run_ctx_done(const struct invocation *invocation);
int run_ctx_err(const struct invocation *invocation);
int run_ctx_value(const struct invocation *invocation);
int run_ctx_tree(const struct invocation *invocation);
int run_ctx_rm(const struct invocation *invocation);
int run_ctx_run(const struct invocation *invocation);
int run_cond_wait(const struct invocation *invocation);
int run_cond_signal(const struct invocation *invocation);
int run_cond_broadcast(const struct invocation *invocation);
int run_map_store(const struct invocation *invocation);
int run_map_load(const struct invocation *invocation);
int run_map_load_or_store(const struct invocation *invocation);
int run_map_load_and_delete(const struct invocation *invocation);
int run_map_delete(const struct invocation *invocation);
int run_map_swap(const struct invocation *invocation);
int run_map_cas(const struct invocation *invocation);
int run_map_cad(const struct invocation *invocation);
int run_map_range(const struct invocation *invocation);
int run_map_len(const struct invocation *invocation);
int run_map_clear(const struct invocation *invocation);
int run_atomic_load(const struct invocation *invocation);
int run_atomic_store(const struct invocation *invocation);
int run_atomic_add(const struct invocation *invocation);
int run_atomic_swap(const struct invocation *invocation);
int run_atomic_cas(const struct invocation *invocation);
int run_atomic_and(const struct invocation *invocation);
int run_atomic_or(const struct invocation *invocation);
int run_session_open(const struct invocation *invocation);
int run_session_run(const struct invocation *invocation);
int run_session_close(const struct invocation *invocation);
int run_session_ls(const struct invocation *invocation);
int run_session_kill(const struct invocation *invocation);
int run_completion_bash(const struct invocation *invocation);
int run_completion_words(const struct invocation *invocation);
int run_ls(const struct invocation *invocation);
int run_inspect(const struct invocation *invocation);
int run_top(const struct invocation *invocation);
int run_ping(const struct invocation *invocation);
int run_status(const struct invocation *invocation);

#endif
