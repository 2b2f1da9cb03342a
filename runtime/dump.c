/* SPDX-License-Identifier: MIT
 *
 * dump.c - what the coroutines are doing: for people, and at the end of a program that cannot go on.
 *
 * Everything here is safe in a signal handler: no allocation, no stdio, text built in a small buffer.
 */
#include "runtime/dump.h"

#include <errno.h>
#include <execinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/sched.h"

/* Text on its way to a descriptor. */
struct text {
	int fd;
	size_t length;
	char bytes[512];
};

static void flush(struct text *text)
{
	size_t done = 0;

	while (done < text->length) {
		ssize_t n = write(text->fd, text->bytes + done, text->length - done);

		if (n < 0 && errno != EINTR)
			break; /* nobody to tell */
		if (n > 0)
			done += (size_t)n;
	}
	text->length = 0;
}

static void put(struct text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		if (text->length == sizeof(text->bytes))
			flush(text);
		text->bytes[text->length++] = *string;
	}
}

static void put_number(struct text *text, uint64_t number, unsigned digits)
{
	char buffer[24];
	char *at = buffer + sizeof(buffer) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
		if (digits > 0)
			digits--;
	} while (number > 0 || digits > 0);
	put(text, at);
}

static void put_duration(struct text *text, int64_t duration_ns)
{
	uint64_t milliseconds = duration_ns > 0 ? (uint64_t)(duration_ns / CO_MILLISECOND) : 0;

	put_number(text, milliseconds / 1000, 1);
	put(text, ".");
	put_number(text, milliseconds % 1000, 3);
	put(text, "s");
}

static const char *const state_names[] = {
	[CO_STATE_FREE] = "free",
	[CO_STATE_READY] = "runnable",
	[CO_STATE_RUNNING] = "running",
	[CO_STATE_PARKED] = "waiting",
};

struct dump {
	struct text text;
	int64_t now; /* 0: without times */
};

static void dump_one(struct co *coroutine, void *arg)
{
	struct dump *dump = arg;
	struct text *text = &dump->text;
	enum co_state state = atomic_load_explicit(&coroutine->state, memory_order_relaxed);
	const char *reason = atomic_load_explicit(&coroutine->reason, memory_order_relaxed);
	const char *site = atomic_load_explicit(&coroutine->site, memory_order_relaxed);

	put(text, "goroutine ");
	put_number(text, atomic_load_explicit(&coroutine->id, memory_order_relaxed), 1);
	put(text, " [");
	if (state == CO_STATE_PARKED && reason != NULL) {
		put(text, reason);
		if (dump->now != 0) {
			put(text, ", ");
			put_duration(text, dump->now - atomic_load_explicit(&coroutine->since, memory_order_relaxed));
		}
	} else {
		put(text, state_names[state]);
	}
	put(text, "]:\n\tstarted: ");
	put(text, site != NULL ? site : "?");
	put(text, "\n\n");
}

void co_dump(int fd)
{
	struct dump dump = {.text = {.fd = fd}, .now = co_now()};

	co_records_visit(dump_one, &dump);
	flush(&dump.text);
}

int64_t co_fatal_deadlock(void)
{
	struct dump dump = {.text = {.fd = STDERR_FILENO}};

	put(&dump.text, "fatal error: all goroutines are asleep - deadlock!\n\n");
	co_records_visit(dump_one, &dump);
	flush(&dump.text);
	if (co_runtime.fatal == NULL)
		exit(2);
	co_runtime.fatal();
	co_runtime.error = -EDEADLK;
	co_stop();
	return 0;
}

_Noreturn void co_fatal(const char *message)
{
	struct text text = {.fd = STDERR_FILENO};

	put(&text, message);
	flush(&text);
	abort();
}

void co_report_hog(const struct co *coroutine, void *const *frames, int count)
{
	struct text text = {.fd = STDERR_FILENO};

	put(&text, "runtime: a thread has not switched coroutines for a second\n\n");
	if (coroutine != NULL) {
		put(&text, "goroutine ");
		put_number(&text, atomic_load_explicit(&coroutine->id, memory_order_relaxed), 1);
		put(&text, " [running]:\n\tstarted: ");
		put(&text, atomic_load_explicit(&coroutine->site, memory_order_relaxed));
	} else {
		put(&text, "a callback [running]:");
	}
	put(&text, "\n");
	flush(&text);
	backtrace_symbols_fd(frames, count, text.fd);
	put(&text, "\n");
	flush(&text);
}

_Noreturn void co_fatal_overflow(const struct co *coroutine)
{
	struct text text = {.fd = STDERR_FILENO};

	put(&text, "fatal error: stack overflow\n\ngoroutine ");
	put_number(&text, atomic_load_explicit(&coroutine->id, memory_order_relaxed), 1);
	put(&text, " [running]:\n\tstarted: ");
	put(&text, atomic_load_explicit(&coroutine->site, memory_order_relaxed));
	put(&text, "\n\tits stack of ");
	put_number(&text, co_runtime.stack_bytes, 1);
	put(&text, " bytes is used up\n");
	flush(&text);
	if (co_runtime.fatal != NULL)
		co_runtime.fatal();
	abort();
}
