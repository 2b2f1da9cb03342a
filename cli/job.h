/* SPDX-License-Identifier: MIT
 *
 * job.h - one message of `chan range -- CMD` and the CMD that handles it.
 */
#ifndef BATON_CLI_JOB_H
#define BATON_CLI_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "cli/child.h"

enum job_state {
	JOB_RECEIVING, /* asked for */
	JOB_RUNNING,
	JOB_BURYING,   /* being sent to the channel of --dead */
	JOB_RETURNING, /* acknowledged or given back: the answer is out */
};

struct job {
	struct list in_work;
	void *owner;
	enum job_state state;
	uint64_t call; /* the id of the call that is out */
	uint64_t token;
	uint32_t attempt; /* how often the message was delivered before */
	char *value;      /* NUL-terminated besides */
	size_t length;
	struct child child;
	bool is_fresh; /* the terminal's last signals may have been sent before CMD was there to get them */
};

/* How the message gets to CMD. */
struct job_manner {
	char **program;
	bool is_argument; /* as its last argument, and nothing on its standard input */
	bool is_raw;      /* else a newline follows */
	bool leads_group;
	const struct loop *loop;
};

/* A job in no list, for OWNER. NULL: no memory. */
struct job *job_new(void *owner);

/* Takes it out of its list and frees it. Its CMD must have been waited for. */
void job_free(struct job *job);

/* Whether the message can be handed over in that manner; else *RET_WHY says why not. */
bool job_is_possible(const struct job *job, const struct job_manner *manner, const char **ret_why);

/* A descriptor from which CMD reads the LENGTH bytes, and a newline unless IS_RAW; the caller's. A file in memory:
 * nobody has to feed it. Or a negative errno. */
int job_open_message(const void *bytes, size_t length, bool is_raw);

/* Starts CMD with the message. 0, or a negative errno. */
int job_start(struct job *job, const struct job_manner *manner);

/* With what delay the message comes back after its CMD failed: 100 ms, doubling with each attempt up to a minute. */
int64_t job_delay(const struct job *job);

/* Finds the program as execvp(3) would. 0, or the exit status that a shell has for what is wrong, and *RET_WHY. */
int job_find_program(const char *program, const char **ret_why);

#endif
