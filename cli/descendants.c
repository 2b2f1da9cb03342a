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

/* Moves what is below ROOT to the front, generation by generation. Returns how many that are. */
static size_t gather(struct processes *processes, pid_t root)
{
	struct process *all = processes->all;
	pid_t parent = root;
	size_t below = 0;

	for (size_t next = 0;; parent = all[next++].pid) {
		for (size_t i = below; i < processes->count; i++)
			if (all[i].parent == parent) {
				const struct process child = all[i];

				all[i] = all[below];
				all[below++] = child;
			}
		if (next == below)
			return below;
	}
}

int descendants_signal(int number)
{
	struct processes processes = {0};
	const int r = list(&processes);
	const size_t below = r == 0 ? gather(&processes, getpid()) : 0;

	for (size_t i = 0; i < below; i++)
		kill(processes.all[i].pid, number);
	memory_free(processes.all);
	return r;
}
