/* SPDX-License-Identifier: MIT
 *
 * job.c - handing a message to a CMD.
 */
#include "cli/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/status.h"

#define FIRST_DELAY_NS INT64_C(100000000)
#define LAST_DELAY_NS INT64_C(60000000000)
#define ARGUMENT_BYTES (128 * 1024) /* what Linux takes as one argument, its NUL included */

struct job *job_new(void *owner)
{
	struct job *job = memory_zalloc(sizeof(*job));

	if (job == NULL)
		return NULL;
	job->owner = owner;
	list_init(&job->in_work);
	return job;
}

void job_free(struct job *job)
{
	list_remove(&job->in_work);
	memory_free(job->value);
	memory_free(job);
}

bool job_is_possible(const struct job *job, const struct job_manner *manner, const char **ret_why)
{
	if (!manner->is_argument)
		return true;
	if (memchr(job->value, '\0', job->length) != NULL)
		*ret_why = "a NUL byte cannot be in an argument";
	else if (job->length >= ARGUMENT_BYTES)
		*ret_why = "it is too long for an argument";
	else
		return true;
	return false;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		const ssize_t written = write(fd, bytes, length);

		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

int job_open_message(const void *bytes, size_t length, bool is_raw)
{
	const int fd = memfd_create("message", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, length);
	if (r == 0 && !is_raw)
		r = write_all(fd, "\n", 1);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int open_nothing(void)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The program with the message behind its arguments. The array is the caller's. NULL: no memory. */
static char **append_message(const struct job *job, char **program)
{
	size_t count = 0;
	char **longer;

	while (program[count] != NULL)
		count++;
	longer = memory_alloc((count + 2) * sizeof(longer[0]));
	if (longer == NULL)
		return NULL;
	memcpy(longer, program, count * sizeof(longer[0]));
	longer[count] = job->value;
	longer[count + 1] = NULL;
	return longer;
}

int job_start(struct job *job, const struct job_manner *manner)
{
	char **longer = manner->is_argument ? append_message(job, manner->program) : NULL;
	struct child_plan plan = {
		.program = manner->is_argument ? longer : manner->program,
		.loop = manner->loop,
		.leads_group = manner->leads_group,
		.kept_fd = -1,
		.output_fd = -1,
	};
	int r;

	if (plan.program == NULL)
		return -ENOMEM;
	plan.input_fd =
		manner->is_argument ? open_nothing() : job_open_message(job->value, job->length, manner->is_raw);
	r = plan.input_fd < 0 ? plan.input_fd : child_start(&job->child, &plan);
	if (plan.input_fd >= 0)
		close(plan.input_fd);
	memory_free(longer);
	return r;
}

int64_t job_delay(const struct job *job)
{
	const unsigned doublings = job->attempt > 10 ? 10 : job->attempt;
	const int64_t delay_ns = FIRST_DELAY_NS << doublings;

	return delay_ns < LAST_DELAY_NS ? delay_ns : LAST_DELAY_NS;
}

/* ---- finding CMD ------------------------------------------------------------------------------------------------- */

static int judge(const char *path)
{
	return access(path, X_OK) == 0 ? 0 : errno;
}

/* The best of what PATH has to say: 0, else EACCES rather than ENOENT. */
static int search(const char *program)
{
	const char *folders = getenv("PATH");
	char path[4096];
	int found = ENOENT;

	if (folders == NULL)
		folders = "/bin:/usr/bin";
	for (;;) {
		const size_t length = strcspn(folders, ":");
		int r;

		if ((size_t)snprintf(path, sizeof(path), "%.*s%s%s", (int)length, folders, length == 0 ? "" : "/",
			    program) < sizeof(path)) {
			r = judge(path);
			if (r == 0)
				return 0;
			found = r == EACCES ? r : found;
		}
		if (folders[length] == '\0')
			return found;
		folders += length + 1;
	}
}

int job_find_program(const char *program, const char **ret_why)
{
	const int error = strchr(program, '/') != NULL ? judge(program) : search(program);

	if (error == 0)
		return 0;
	*ret_why = strerror(error);
	return error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}
