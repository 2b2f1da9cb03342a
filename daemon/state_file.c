/* SPDX-License-Identifier: MIT
 *
 * state_file.c - reading the state file back, and replacing it as a whole.
 *
 * A record is read back by writing it again: the file must be, byte for byte, what we write for the numbers in it.
 */
#include "daemon/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/siphash.h"

#define NAME "batond.state"
#define NAME_ASIDE "batond.state.new"
#define TEXT_BYTES 256

struct state_file {
	int folder;
	char *path;
};

/* ---- the text ---------------------------------------------------------------------------------------------------- */

/* Writes RECORD's text into the TEXT_BYTES at TEXT and returns its length. */
static size_t format_record(const struct state_record *record, char *text)
{
	static const uint8_t key[SIPHASH_KEY_BYTES] = "batond state 1";
	int length = snprintf(text, TEXT_BYTES,
		"batond-state 1\n"
		"tokens-reserved-until %" PRIu64 "\n"
		"holders-may-run-ns %" PRId64 "\n",
		record->reserved, record->holders_ns);

	length += snprintf(text + length, TEXT_BYTES - (size_t)length, "checksum %016" PRIx64 "\n",
		siphash(key, text, (size_t)length));
	return (size_t)length;
}

static int parse_record(const char *text, size_t length, struct state_record *ret)
{
	char same[TEXT_BYTES];
	struct state_record record;

	if (sscanf(text, "batond-state 1 tokens-reserved-until %" SCNu64 " holders-may-run-ns %" SCNd64,
		    &record.reserved, &record.holders_ns) != 2 ||
		record.holders_ns < 0)
		return -EBADMSG;
	if (format_record(&record, same) != length || memcmp(text, same, length) != 0)
		return -EBADMSG;
	*ret = record;
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Reads up to SIZE bytes. Their count, or a negative errno. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t length = 0;
	ssize_t r;

	do {
		r = read(fd, bytes + length, size - length);
		if (r > 0)
			length += (size_t)r;
	} while ((r > 0 && length < size) || (r < 0 && errno == EINTR));
	return r < 0 ? -errno : (ssize_t)length;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		const ssize_t r = write(fd, bytes, length);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0) {
			bytes += r;
			length -= (size_t)r;
		}
	}
	return 0;
}

static int read_record(int folder, struct state_record *ret)
{
	char text[TEXT_BYTES] = {0};
	const int fd = openat(folder, NAME, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	*ret = (struct state_record){0};
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	length = read_all(fd, text, sizeof(text) - 1);
	(void)close(fd);
	return length < 0 ? (int)length : parse_record(text, (size_t)length, ret);
}

static int write_aside(int folder, const char *text, size_t length)
{
	const int fd = openat(folder, NAME_ASIDE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, text, length);
	if (r == 0 && fsync(fd) != 0)
		r = -errno;
	if (close(fd) != 0 && r == 0)
		r = -errno;
	return r;
}

int state_file_write(struct state_file *file, const struct state_record *record)
{
	char text[TEXT_BYTES];
	const size_t length = format_record(record, text);
	int r = write_aside(file->folder, text, length);

	if (r == 0 && renameat(file->folder, NAME_ASIDE, file->folder, NAME) != 0)
		r = -errno;
	if (r == 0 && fsync(file->folder) != 0)
		r = -errno;
	return r;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* The descriptor of FOLDER, locked as long as it is open; or a negative errno. */
static int open_folder(const char *folder)
{
	int fd;
	int r = 0;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return -errno;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

static char *join_path(const char *folder)
{
	const size_t size = strlen(folder) + sizeof("/" NAME);
	char *path = memory_alloc(size);

	if (path != NULL)
		(void)snprintf(path, size, "%s/%s", folder, NAME);
	return path;
}

static void explain(int r, const char *folder, char *ret_why, size_t size)
{
	if (r == -EBUSY)
		(void)snprintf(ret_why, size, "%s: another batond has it", folder);
	else if (r == -EBADMSG)
		(void)snprintf(ret_why, size,
			"%s/%s: damaged, or of another version: it does not tell how long holders of locks may still "
			"be at work; once none can be, remove it",
			folder, NAME);
	else
		(void)snprintf(ret_why, size, "%s: %s", folder, strerror(-r));
}

int state_file_open(
	const char *folder, struct state_file **ret, struct state_record *ret_record, char *ret_why, size_t size)
{
	struct state_file *file = memory_zalloc(sizeof(*file));
	int r = -ENOMEM;

	if (file == NULL)
		goto failed;
	file->folder = -1;
	file->path = join_path(folder);
	if (file->path == NULL)
		goto failed;
	r = open_folder(folder);
	if (r < 0)
		goto failed;
	file->folder = r;
	r = read_record(file->folder, ret_record);
	if (r < 0)
		goto failed;
	*ret = file;
	return 0;
failed:
	explain(r, folder, ret_why, size);
	state_file_close(file);
	return r;
}

const char *state_file_path(const struct state_file *file)
{
	return file->path;
}

void state_file_close(struct state_file *file)
{
	if (file == NULL)
		return;
	if (file->folder >= 0)
		(void)close(file->folder);
	memory_free(file->path);
	memory_free(file);
}
