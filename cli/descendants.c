/* SPDX-License-Identifier: MIT
 *
 * descendants.c - walking /proc for the tree below this process.
 */
#include "cli/descendants.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

#define STAT_BYTES 512

struct process {
	pid_t pid;
	pid_t parent;
};

struct processes {
	struct process *all;
	size_t count;
	size_t room;
};

/* Reads what /proc/PID/stat says behind the program's name, which may hold anything: "S 1234 ...". False: it has gone.
 */
static bool read_stat(const char *pid, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	const char *at;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, text, size - 1);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	at = strrchr(text, ')');
	if (at == NULL || at[1] == '\0' || at[2] == '\0')
		return false;
	memmove(text, at + 2, strlen(at + 2) + 1);
	return true;
}

/* The parent of a process; 0 if it has gone. */
static pid_t read_parent(const char *pid)
{
	char text[STAT_BYTES];

	return read_stat(pid, text, sizeof(text)) ? (pid_t)strtol(text + 1, NULL, 10) : 0;
}

bool process_is_stopped(pid_t pid)
{
	char name[32];
	char text[STAT_BYTES];

	snprintf(name, sizeof(name), "%d", (int)pid);
	return !read_stat(name, text, sizeof(text)) || text[0] == 'T';
}

static bool add(struct processes *processes, const char *name)
{
	const size_t room = processes->room == 0 ? 256 : processes->room * 2;
	struct process *all = processes->all;

	if (processes->count == processes->room) {
		all = memory_realloc(all, room * sizeof(all[0]));
		if (all == NULL)
			return false;
		processes->all = all;
		processes->room = room;
	}
	all[processes->count++] = (struct process){.pid = (pid_t)strtol(name, NULL, 10), .parent = read_parent(name)};
	return true;
}

static int list(struct processes *processes)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	int r = 0;

	if (folder == NULL)
		return -errno;
	while (r == 0 && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && !add(processes, entry->d_name))
			r = -ENOMEM;
	closedir(folder);
	return r;
}

static bool is_stranger(const struct descendants *descendants, pid_t pid)
{
	for (size_t i = 0; i < descendants->stranger_count; i++)
		if (descendants->strangers[i] == pid)
			return true;
	return false;
}

/* Moves the children of PARENT that are not among the first FROM, and no strangers, behind those. Returns how many are
 * in front then. */
static size_t gather_children(
	const struct descendants *descendants, struct processes *processes, size_t from, pid_t parent)
{
	struct process *all = processes->all;

	for (size_t i = from; i < processes->count; i++)
		if (all[i].parent == parent && !is_stranger(descendants, all[i].pid)) {
			const struct process child = all[i];

			all[i] = all[from];
			all[from++] = child;
		}
	return from;
}

/* Moves all that is below this process to the front, generation by generation. Returns how many that are. */
static size_t gather(const struct descendants *descendants, struct processes *processes)
{
	size_t below = gather_children(descendants, processes, 0, getpid());

	for (size_t next = 0; next < below; next++)
		below = gather_children(descendants, processes, below, processes->all[next].pid);
	return below;
}

int descendants_signal(const struct descendants *descendants, int number)
{
	struct processes processes = {0};
	const int r = list(&processes);
	const size_t below = r == 0 ? gather(descendants, &processes) : 0;

	for (size_t i = 0; i < below; i++)
		kill(processes.all[i].pid, number);
	memory_free(processes.all);
	return r;
}

/* ---- strangers --------------------------------------------------------------------------------------------------- */

int descendants_begin(struct descendants *descendants)
{
	struct processes processes = {0};
	siginfo_t info;
	size_t count;
	int r;

	*descendants = (struct descendants){0};
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return 0; /* no children at all, as nearly always */
	r = list(&processes);
	count = r == 0 ? gather_children(descendants, &processes, 0, getpid()) : 0;
	if (count > 0)
		descendants->strangers = memory_alloc(count * sizeof(descendants->strangers[0]));
	if (count > 0 && descendants->strangers == NULL)
		r = -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		descendants->strangers[i] = processes.all[i].pid;
	descendants->stranger_count = r == 0 ? count : 0;
	memory_free(processes.all);
	return r;
}

void descendants_done(struct descendants *descendants)
{
	memory_free(descendants->strangers);
}

bool descendants_are_gone(const struct descendants *descendants, bool has_children)
{
	struct processes processes = {0};
	bool are_gone;

	if (!has_children || descendants->stranger_count == 0)
		return !has_children;
	are_gone = list(&processes) == 0 && gather_children(descendants, &processes, 0, getpid()) == 0;
	memory_free(processes.all);
	return are_gone;
}
