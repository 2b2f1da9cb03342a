/* SPDX-License-Identifier: MIT
 *
 * loop.c - signals, connection and descriptors in one poll(2).
 */
#include "cli/loop.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define SIGNALS_AT_ONCE 16

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT, SIGCHLD};

int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* A blocked signal is queued even where it is ignored: so what is ignored must not be blocked. */
static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int loop_open(struct loop *loop, void (*on_signal)(const struct signalfd_siginfo *info, void *arg), void *arg)
{
	sigset_t set;

	*loop = (struct loop){.on_signal = on_signal, .arg = arg};
	loop->child_was_ignored = is_ignored(SIGCHLD);
	if (loop->child_was_ignored)
		signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		if (!is_ignored(caught[i]))
			sigaddset(&set, caught[i]);
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0)
		return -errno;
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, &loop->mask_before);
	return 0;
}

void loop_close(struct loop *loop)
{
	close(loop->signal_fd);
	sigprocmask(SIG_SETMASK, &loop->mask_before, NULL);
}

bool loop_dies_of_pipe(const struct loop *loop)
{
	struct sigaction action;

	return !sigismember(&loop->mask_before, SIGPIPE) && sigaction(SIGPIPE, NULL, &action) == 0 &&
	       action.sa_handler == SIG_DFL;
}

static int rank_of(const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGCONT ? 0 : info->ssi_signo != SIGCHLD ? 1 : 2;
}

/* SIGCONT goes first: it takes back that a child was stopped, which SIGCHLD would make us look at. */
void loop_take_signals(struct loop *loop)
{
	struct signalfd_siginfo infos[SIGNALS_AT_ONCE];
	const ssize_t length = read(loop->signal_fd, infos, sizeof(infos));
	const size_t count = length < 0 ? 0 : (size_t)length / sizeof(infos[0]);

	for (int rank = 0; rank <= 2; rank++)
		for (size_t i = 0; i < count; i++)
			if (rank_of(&infos[i]) == rank)
				loop->on_signal(&infos[i], loop->arg);
}

static void process_client(struct loop *loop)
{
	loop->client_error = baton_process(loop->client);
}

static bool has_client(const struct loop *loop)
{
	return loop->client != NULL && loop->client_error == 0;
}

/* What there is to write mostly goes at once: asking poll(2) first would be a call for nothing. True: it went, and
 * calls may have ended. */
static bool write_at_once(struct loop *loop)
{
	if (!has_client(loop) || (baton_events(loop->client) & POLLOUT) == 0)
		return false;
	process_client(loop);
	return !has_client(loop) || (baton_events(loop->client) & POLLOUT) == 0;
}

static struct timespec *time_left(int64_t until_ns, struct timespec *left)
{
	int64_t ns;

	if (until_ns == LOOP_NEVER)
		return NULL;
	ns = until_ns - loop_now();
	ns = ns < 0 ? 0 : ns;
	*left = (struct timespec){.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};
	return left;
}

void loop_step(struct loop *loop, struct pollfd *extra, size_t count, int64_t until_ns)
{
	struct pollfd all[2 + LOOP_MAX_EXTRA];
	struct timespec left;
	int ready;

	for (size_t i = 0; i < count; i++)
		extra[i].revents = 0;
	if (write_at_once(loop))
		return;
	all[0] = (struct pollfd){.fd = loop->signal_fd, .events = POLLIN};
	all[1] = (struct pollfd){.fd = -1};
	if (has_client(loop)) {
		const int64_t due_ns = baton_timeout(loop->client);

		all[1] = (struct pollfd){.fd = baton_fd(loop->client), .events = baton_events(loop->client)};
		until_ns = due_ns < until_ns ? due_ns : until_ns;
	}
	for (size_t i = 0; i < count; i++)
		all[2 + i] = extra[i];
	ready = ppoll(all, 2 + count, time_left(until_ns, &left), NULL);
	for (size_t i = 0; i < count && ready > 0; i++)
		extra[i].revents = all[2 + i].revents;
	if (has_client(loop) && (ready <= 0 || all[1].revents != 0))
		process_client(loop);
	if (ready > 0 && all[0].revents != 0)
		loop_take_signals(loop);
}

void loop_stop_self(int number)
{
	sigset_t set;
	sigset_t before;

	sigemptyset(&set);
	sigaddset(&set, number);
	kill(getpid(), number);
	sigprocmask(SIG_UNBLOCK, &set, &before); /* here it stops, at the latest */
	sigprocmask(SIG_SETMASK, &before, NULL);
}
