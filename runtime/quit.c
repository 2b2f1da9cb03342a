/* SPDX-License-Identifier: MIT
 *
 * quit.c - SIGQUIT. Where it is the program's, the handler gives it back to the process as it came, and blocks it in
 * the thread it interrupted: a signalfd then has it.
 */
#include "runtime/quit.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static struct {
	struct sigaction former;
	void (*wake)(void);
	atomic_bool is_asked;
	atomic_bool is_the_programs;
} quit;

static void on_quit(int signal, siginfo_t *info, void *machine)
{
	ucontext_t *interrupted = machine;
	int error = errno;

	if (atomic_load(&quit.is_the_programs)) {
		(void)sigaddset(&interrupted->uc_sigmask, signal);
		info->si_code = SI_QUEUE; /* as it came but for this: the kernel takes no other code from a thread */
		(void)syscall(SYS_rt_sigqueueinfo, getpid(), signal, info);
	} else {
		atomic_store(&quit.is_asked, true);
		quit.wake();
	}
	errno = error;
}

int co_quit_open(void (*wake)(void))
{
	struct sigaction action = {.sa_sigaction = on_quit, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};

	quit.wake = wake;
	atomic_store(&quit.is_asked, false);
	atomic_store(&quit.is_the_programs, false);
	(void)sigfillset(&action.sa_mask);
	return sigaction(SIGQUIT, &action, &quit.former) == 0 ? 0 : -errno;
}

void co_quit_close(void)
{
	(void)sigaction(SIGQUIT, &quit.former, NULL);
}

void co_quit_listen(void)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGQUIT);
	(void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

bool co_quit_is_asked(void)
{
	return atomic_load(&quit.is_asked);
}

bool co_quit_take(void)
{
	return atomic_exchange(&quit.is_asked, false);
}

void co_quit_leave_to_program(void)
{
	atomic_store(&quit.is_the_programs, true);
}
