/* SPDX-License-Identifier: MIT
 *
 * spawn.c - how often a second a command runs to its end; "+" separates commands that make one turn.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/peers/bench.h"

static double secs_since(uint64_t t0)
{
	return (double)(now_ns() - t0) / 1e9;
}

static int cmpd(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}
int spawn_main(int argc, char **argv)
{
	double s = argc > 2 ? atof(argv[2]) : 1, v[3];
	posix_spawn_file_actions_t fa;
	int r;

	if (argc < 4)
		die("usage: peers spawn NAME SECONDS COMMAND [ARG...] [+ COMMAND...]");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	for (r = 0; r < 3; r++) {
		uint64_t t0 = now_ns();
		int n = 0;

		do {
			int i = 3;

			while (i < argc) {
				int st, j = i;
				char *save;
				pid_t pid;

				while (j < argc && strcmp(argv[j], "+"))
					j++;
				save = argv[j];
				argv[j] = NULL;
				if (posix_spawnp(&pid, argv[i], &fa, NULL, argv + i, environ))
					die("spawn %s", argv[i]);
				argv[j] = save;
				if (waitpid(pid, &st, 0) != pid || st)
					die("%s failed", argv[i]);
				i = j + 1;
			}
			n++;
		} while (secs_since(t0) < s);
		v[r] = n / secs_since(t0);
	}
	qsort(v, 3, sizeof(*v), cmpd);
	printf("spawn\t%s\t%.1f\t%.1f\t%.1f\n", argv[1], v[1], v[0], v[2]);
	return 0;
}
