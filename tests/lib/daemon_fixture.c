/* SPDX-License-Identifier: MIT
 *
 * daemon_fixture.c - starting and ending a batond.
 */
#include "tests/lib/daemon_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clientlib/baton.h"
#include "clientlib/clock.h"

#define PATIENCE_NS INT64_C(60000000000)

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "the test's batond: %s\n", what);
	abort();
}

/* The batond next to the test: BUILD/tests/KIND/test -> BUILD/batond. */
static void find_program(char *path, size_t size)
{
	const ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length <= 0)
		give_up("where is the test's own program?");
	path[length] = '\0';
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(path, '/');

		if (slash == NULL)
			give_up("where is the build folder?");
		*slash = '\0';
	}
	if (strlen(path) + sizeof("/batond") > size)
		give_up("its path is too long");
	strcat(path, "/batond");
}

static unsigned free_port(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(name);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ||
		getsockname(fd, (struct sockaddr *)&name, &length) < 0)
		give_up("there is no free port");
	close(fd);
	return ntohs(name.sin_port);
}

static _Noreturn void be_daemon(const struct daemon_fixture *daemon, const char *program, pid_t parent)
{
	const char *procs = getenv("TEST_PROCS");
	char state[80];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	snprintf(state, sizeof(state), "%s/state", daemon->folder);
	execl(program, "batond", "--listen", daemon->address, "--listen", daemon->tcp, "--state", state, "--log-level",
		"warning", "--procs", procs != NULL ? procs : "1", (char *)NULL);
	perror(program);
	_exit(127);
}

static void wait_until_it_answers(const struct daemon_fixture *daemon)
{
	const struct baton_options options = {.size = sizeof(options), .session_kind = BATON_SESSION_NONE};
	const int64_t limit = clock_monotonic() + PATIENCE_NS;
	baton_client *client;

	while (baton_open(daemon->address, &options, &client) != BATON_OK) {
		if (clock_monotonic() > limit)
			give_up(baton_last_error());
		if (waitpid(daemon->pid, NULL, WNOHANG) != 0)
			give_up("it ended at once");
		usleep(1000);
	}
	baton_close(client);
}

void daemon_fixture_restart(struct daemon_fixture *daemon)
{
	const pid_t parent = getpid();
	char program[1024];

	find_program(program, sizeof(program));
	fflush(NULL);
	daemon->pid = fork();
	if (daemon->pid == 0)
		be_daemon(daemon, program, parent);
	if (daemon->pid < 0)
		give_up(strerror(errno));
	wait_until_it_answers(daemon);
}

void daemon_fixture_start(struct daemon_fixture *daemon)
{
	*daemon = (struct daemon_fixture){.folder = "/tmp/baton-test-XXXXXX"};
	if (mkdtemp(daemon->folder) == NULL)
		give_up(strerror(errno));
	snprintf(daemon->address, sizeof(daemon->address), "unix:%s/socket", daemon->folder);
	snprintf(daemon->tcp, sizeof(daemon->tcp), "tcp:127.0.0.1:%u", free_port());
	daemon_fixture_restart(daemon);
}

int daemon_fixture_end(struct daemon_fixture *daemon, int number)
{
	int status = 0;

	kill(daemon->pid, number);
	if (waitpid(daemon->pid, &status, 0) != daemon->pid)
		give_up(strerror(errno));
	daemon->pid = 0;
	return status;
}

static void remove_folder(const char *folder)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		give_up("its folder cannot be removed");
}

void daemon_fixture_stop(struct daemon_fixture *daemon)
{
	if (daemon->pid > 0) {
		const int status = daemon_fixture_end(daemon, SIGTERM);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			give_up("it did not end well");
	}
	remove_folder(daemon->folder);
}
