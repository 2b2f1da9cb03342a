/* SPDX-License-Identifier: MIT
 *
 * child.c - runs a child process to its end and keeps what it wrote.
 *
 * Both pipes are drained while it runs, so that a child never waits for its reader.
 */
#include "tests/lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CHILD_PATIENCE_MS 60000

struct capture {
	int fd;
	char *bytes;
	size_t size;
	size_t length;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads once; false at the end. What does not fit is dropped. */
static bool capture_read(struct capture *capture)
{
	char dropped[4096];
	const size_t room = capture->size - 1 - capture->length;
	const ssize_t n = room > 0 ? read(capture->fd, capture->bytes + capture->length, room)
				   : read(capture->fd, dropped, sizeof(dropped));

	if (n > 0 && room > 0)
		capture->length += (size_t)n;
	capture->bytes[capture->length] = '\0';
	return n > 0 || (n < 0 && errno == EINTR);
}

static void drain(pid_t pid, struct capture captures[2])
{
	const int64_t limit = now_ms() + CHILD_PATIENCE_MS;
	struct pollfd polled[2] = {{.fd = captures[0].fd, .events = POLLIN}, {.fd = captures[1].fd, .events = POLLIN}};

	while (polled[0].fd >= 0 || polled[1].fd >= 0) {
		const int64_t left = limit - now_ms();

		if (left <= 0) {
			kill(pid, SIGKILL);
			return;
		}
		if (poll(polled, 2, (int)left) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (polled[i].fd >= 0 && polled[i].revents != 0 && !capture_read(&captures[i]))
				polled[i].fd = -1;
	}
}

static _Noreturn void be_child(int output, int errors, int (*body)(void *arg), void *arg)
{
	static const int caught_by_cmocka[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
	const struct rlimit no_core = {0, 0};
	int code;

	for (size_t i = 0; i < sizeof(caught_by_cmocka) / sizeof(caught_by_cmocka[0]); i++)
		signal(caught_by_cmocka[i], SIG_DFL);

	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	code = body(arg);
	fflush(NULL);
	_exit(code);
}

void test_child_run(struct test_child *child, int (*body)(void *arg), void *arg)
{
	int output[2];
	int errors[2];
	pid_t pid;

	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_child(output[1], errors[1], body, arg);
	close(output[1]);
	close(errors[1]);
	struct capture captures[2] = {
		{.fd = output[0], .bytes = child->output, .size = sizeof(child->output)},
		{.fd = errors[0], .bytes = child->errors, .size = sizeof(child->errors)},
	};
	child->output[0] = '\0';
	child->errors[0] = '\0';
	drain(pid, captures);
	assert_int_equal(waitpid(pid, &child->status, 0), pid);
	close(output[0]);
	close(errors[0]);
}

static int exec_program(void *path)
{
	execl(path, path, (char *)NULL);
	perror(path);
	return 127;
}

void test_child_exec(struct test_child *child, const char *path)
{
	char *copy = strdup(path);

	assert_non_null(copy);
	test_child_run(child, exec_program, copy);
	free(copy);
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

static void show(const struct test_child *child)
{
	if (WIFSIGNALED(child->status))
		fprintf(stderr, "the child was ended by signal %d\n", WTERMSIG(child->status));
	else
		fprintf(stderr, "the child exited with %d\n", WEXITSTATUS(child->status));
	fprintf(stderr, "---- its output\n%s---- its errors\n%s----\n", child->output, child->errors);
}

void test_child_exited(const struct test_child *child, int code)
{
	if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == code)
		return;
	show(child);
	fail_msg("the child should have exited with %d", code);
}

void test_child_signalled(const struct test_child *child, int number)
{
	if (WIFSIGNALED(child->status) && WTERMSIG(child->status) == number)
		return;
	show(child);
	fail_msg("signal %d should have ended the child", number);
}

void test_child_said(const struct test_child *child, const char *text)
{
	if (strstr(child->errors, text) != NULL)
		return;
	show(child);
	fail_msg("the child should have said: %s", text);
}
