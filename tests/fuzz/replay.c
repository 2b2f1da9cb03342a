/* SPDX-License-Identifier: MIT
 *
 * replay.c - runs a fuzz target on its corpus without libFuzzer: each input, each of its beginnings, and each with one
 * byte changed. So the corpus is a test that any compiler can build.
 *
 * The program replay_NAME reads $BATON_SOURCE/tests/fuzz/corpus/NAME (the working folder's if that is not set).
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES 65536

/* Runs the target on a copy that has no byte more than SIZE, so that a sanitizer sees a read past it. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = memory_alloc(size > 0 ? size : 1);

	fuzz_require(copy != NULL);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	memory_free(copy);
}

static void run_variants(uint8_t *data, size_t size)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};

	run(data, size);
	for (size_t at = 0; at < size; at++) {
		run(data, at);
		for (size_t i = 0; i < sizeof(changes); i++) {
			data[at] ^= changes[i];
			run(data, size);
			data[at] ^= changes[i];
		}
	}
}

static void replay(const char *path)
{
	static uint8_t data[INPUT_BYTES];
	size_t size;
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	run_variants(data, size);
}

int main(int argc, char **argv)
{
	const char *source = getenv("BATON_SOURCE");
	const char *name = argc > 0 ? strstr(argv[0], "replay_") : NULL;
	char folder[PATH_MAX];
	unsigned inputs = 0;
	DIR *entries;

	fuzz_require(name != NULL);
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".",
		name + strlen("replay_"));
	entries = opendir(folder);
	if (entries == NULL) {
		perror(folder);
		return 1;
	}
	for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
		char path[PATH_MAX + NAME_MAX + 2];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		replay(path);
		inputs++;
	}
	closedir(entries);
	printf("%u inputs and their variants\n", inputs);
	return inputs > 0 ? 0 : 1;
}
