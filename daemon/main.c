/* SPDX-License-Identifier: MIT
 *
 * main.c - batond: options, listening sockets, the run. Exit status: 0 after an orderly stop, 1 when it could not
 * serve, 2 for a wrong option.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/server.h"
#include "runtime/co.h"

/* The address that is listened at without --listen. False: there is none. */
static bool default_address(struct address *ret)
{
	const char *why;

	if (address_parse(geteuid() == 0 ? ADDRESS_SYSTEM : ADDRESS_USER, ret, &why))
		return true;
	fprintf(stderr, "batond: nowhere to listen: %s; give --listen ADDR\n", why);
	return false;
}

/* Sockets of systemd's, those of --listen, else the default. 0, or the exit status. */
static int open_listeners(struct options *options)
{
	int passed = notify_take_sockets(listener_adopt);

	if (passed < 0) {
		log_error("cannot take systemd's sockets why=\"%s\"", strerror(-passed));
		return 1;
	}
	if (passed == 0 && options->listen_count == 0) {
		if (!default_address(&options->listen[0]))
			return 2;
		options->listen_count = 1;
	}
	for (size_t i = 0; i < options->listen_count; i++)
		if (!listener_open(&options->listen[i], !options->insecure))
			return 1;
	return 0;
}

/* As many descriptors as the hard limit lets us have: one per client. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_debug("the descriptor limit stays why=\"%s\"", strerror(errno));
}

/* A second request to stop must not kill us on the way out: the run reads signals while it lasts, nobody behind it. */
static void block_stop_signals(void)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int run(void *arg)
{
	return server_run(arg);
}

int main(int count, char **arguments)
{
	struct co_options runtime = {.survives_quit = true};
	struct options options;
	int status;
	int r;

	if (!options_parse(count, arguments, &options))
		return 2;
	if (options.help) {
		options_print_help();
		return 0;
	}
	if (options.version) {
		printf("batond %s\n", BATON_VERSION);
		return 0;
	}
	log_set_level(options.log_level);
	raise_descriptor_limit();
	(void)signal(SIGPIPE, SIG_IGN);
	block_stop_signals();
	status = open_listeners(&options);
	if (status != 0)
		return status;
	runtime.guard = options.guard;
	runtime.procs = options.procs;
	r = co_run(&runtime, run, &options, &status);
	if (r < 0) {
		log_error("cannot start the runtime why=\"%s\"", co_strerror(r));
		return 1;
	}
	server_clean_up();
	return status;
}
