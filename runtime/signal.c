/* SPDX-License-Identifier: MIT
 *
 * signal.c - signals as something to wait for, through one signalfd.
 *
 * All signals are blocked in the run's threads. A signalfd of the waited-for set lives as long as the wait.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/quit.h"
#include "runtime/sched.h"

int co_signal_wait(struct co_context *context, const sigset_t *signals, pid_t *ret_pid)
{
	struct signalfd_siginfo info;
	struct co_fd *fd = NULL;
	int number;
	int r;

	if (atomic_exchange(&co_runtime.signal_waiting, true))
		return CO_EINVAL;
	if (sigismember(signals, SIGQUIT))
		co_quit_leave_to_program();
	number = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
	r = number < 0 ? -errno : co_fd_open(number, &fd);
	if (r == 0) {
		ssize_t n = co_read(context, fd, &info, sizeof(info));

		r = n < 0 ? (int)n : (int)info.ssi_signo;
		if (n > 0 && ret_pid != NULL)
			*ret_pid = (pid_t)info.ssi_pid;
		co_fd_close(fd);
	} else if (number >= 0) {
		(void)close(number);
	}
	atomic_store(&co_runtime.signal_waiting, false);
	return r;
}
