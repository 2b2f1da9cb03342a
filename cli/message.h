/* SPDX-License-Identifier: MIT
 *
 * message.h - what baton has to say beside its answer: lines on standard error, "baton: chan "jobs": closed".
 *
 * Each is written in one piece. -q keeps all of them back but those on usage.
 */
#ifndef BATON_CLI_MESSAGE_H
#define BATON_CLI_MESSAGE_H

#include "cli/options.h"

/* What a message is about: "chan", "jobs". NULL: about nothing by name. */
struct subject {
	const char *kind;
	const char *name;
};

/* Says "baton: " and the formatted text. */
void say(const struct invocation *invocation, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says "baton: KIND "NAME": " and the formatted text. */
void say_about(const struct invocation *invocation, struct subject subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Says that the command line is wrong, and why, in spite of -q. Returns STATUS_USAGE. */
int say_usage(const struct invocation *invocation, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says that there is no memory. Returns STATUS_FAILED. */
int say_no_memory(const struct invocation *invocation);

#endif
