/* SPDX-License-Identifier: MIT
 *
 * state_file.h - the state file as bytes on a disk: text of four lines, the last a checksum of the others.
 *
 * Everything here blocks the thread: call it through co_blocking().
 */
#ifndef BATON_DAEMON_STATE_FILE_H
#define BATON_DAEMON_STATE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* What it says; see state.h. */
struct state_record {
	uint64_t reserved;  /* no fencing token from here on was ever reserved */
	int64_t holders_ns; /* how long holders may be at work after the daemon is gone; 0: there are none */
};

struct state_file;

/* Opens FOLDER, making it if it is not there, and keeps other daemons out of it; reads the record (zeros where there is
 * no file yet). 0 or a negative errno, with the whole story in the SIZE bytes at RET_WHY: -EBUSY, another daemon has
 * it; -EBADMSG, the file is damaged or of a version that we do not know. */
int state_file_open(
	const char *folder, struct state_file **ret, struct state_record *ret_record, char *ret_why, size_t size);

/* Puts RECORD in the file's place. When it returns 0 the record is on the disk; on a negative errno the old one or the
 * new one is. */
int state_file_write(struct state_file *file, const struct state_record *record);

/* The file's path, as long as it is open. */
const char *state_file_path(const struct state_file *file);

void state_file_close(struct state_file *file); /* NULL is allowed */

#endif
