/* SPDX-License-Identifier: MIT
 *
 * main.c - baton's beginning: the command line, and off to the row of the table that it names.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/status.h"
#include "clientlib/baton.h"

/* A closed standard descriptor must not become a connection: its number is taken by something that cannot be used. */
static void occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) < 0)
			_exit(STATUS_FAILED);
}

static void print_list(FILE *to, const struct invocation *invocation)
{
	help_list(to, invocation->noun);
}

static void print_version(FILE *to, const struct invocation *invocation)
{
	(void)invocation;
	fprintf(to, "baton %s\n", baton_version());
}

static void print_manual(FILE *to, const struct invocation *invocation)
{
	(void)invocation;
	manual_print(to);
}

static int print(const struct invocation *invocation, void (*what)(FILE *to, const struct invocation *invocation))
{
	what(stdout, invocation);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_DONE;
	say(invocation, "standard output: %m");
	return STATUS_FAILED;
}

static int run(struct invocation *invocation)
{
	if (invocation->kind == INVOCATION_RUN && invocation_add_environment(invocation))
		return invocation->command->run(invocation);
	switch (invocation->kind) {
	case INVOCATION_LIST:
		return print(invocation, print_list);
	case INVOCATION_HELP:
		return print(invocation, help_print);
	case INVOCATION_VERSION:
		return print(invocation, print_version);
	case INVOCATION_MANUAL:
		return print(invocation, print_manual);
	case INVOCATION_RUN:
	case INVOCATION_WRONG:
		break;
	}
	fprintf(stderr, "baton: %s\n", invocation->error);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	struct invocation invocation;
	int status;

	occupy_standard_descriptors();
	invocation_parse(argc, argv, &invocation);
	status = run(&invocation);
	invocation_done(&invocation);
	return status;
}
