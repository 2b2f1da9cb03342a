/* SPDX-License-Identifier: MIT
 *
 * child.c - starting a CMD and signalling it.
 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/status.h"

bool child_has_terminal(void)
{
	const int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static _Noreturn void fail(const char *program, int error)
{
	dprintf(STDERR_FILENO, "baton: %s: %s\n", program, strerror(error));
	_exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* In the child, whose memory may be ours. */
static _Noreturn void become(const struct child_plan *plan, pid_t parent)
{
	const char *program = plan->program[0];

	if (plan->leads_group)
		setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(STATUS_SIGNAL + SIGKILL); /* it died before that was set */
	if (plan->kept_fd >= 0 && fcntl(plan->kept_fd, F_SETFD, 0) != 0)
		fail(program, errno);
	if (plan->input_fd >= 0 && dup2(plan->input_fd, STDIN_FILENO) < 0)
		fail(program, errno);
	if (plan->output_fd >= 0 && dup2(plan->output_fd, STDOUT_FILENO) < 0)
		fail(program, errno);
	if (plan->loop->child_was_ignored)
		signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_SETMASK, &plan->loop->mask_before, NULL);
	execvp(program, plan->program);
	fail(program, errno);
}

int child_start(struct child *child, const struct child_plan *plan)
{
	const pid_t parent = getpid();
	/* vfork(2) is faster; but a child that the terminal stops before it has become CMD would leave us stuck. */
	const pid_t pid = plan->leads_group ? vfork() : fork(); // NOLINT(*vfork,*Vfork): become() only calls

	if (pid == 0)
		become(plan, parent);
	if (pid < 0)
		return -errno;
	*child = (struct child){.pid = pid, .group = plan->leads_group ? pid : 0};
	if (plan->leads_group)
		setpgid(pid, pid); /* whoever comes first: a signal may be due at once */
	return 0;
}

void child_signal(const struct child *child, int number)
{
	if (child->group != 0)
		kill(-child->group, number);
	else if (!child->is_gone)
		kill(child->pid, number);
}

int child_exit_status(const struct child *child)
{
	return WIFSIGNALED(child->status) ? STATUS_SIGNAL + WTERMSIG(child->status) : WEXITSTATUS(child->status);
}
