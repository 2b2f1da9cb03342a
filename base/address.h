/* SPDX-License-Identifier: MIT
 *
 * address.h - where a daemon listens, as text: "unix:PATH", "tcp:HOST:PORT", "user".
 *
 * HOST is a name, an IPv4 address, or an IPv6 address in brackets; ":PORT" may be left out. "user" stands for
 * unix:$XDG_RUNTIME_DIR/baton.sock. Nothing is resolved here.
 */
#ifndef BATON_BASE_ADDRESS_H
#define BATON_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_DEFAULT_PORT 22866
#define ADDRESS_SYSTEM "unix:/run/baton/baton.sock" /* the system's daemon */
#define ADDRESS_USER "user"                         /* the user's */
#define ADDRESS_PATH_BYTES 108                      /* as sockaddr_un.sun_path */
#define ADDRESS_TEXT_BYTES 320                      /* room for every formatted address and its NUL */

enum address_kind {
	ADDRESS_UNIX,
	ADDRESS_TCP,
};

struct address {
	enum address_kind kind;
	char path[ADDRESS_PATH_BYTES]; /* ADDRESS_UNIX: NUL-terminated, never empty */
	char host[256];                /* ADDRESS_TCP: without brackets, never empty */
	uint16_t port;                 /* ADDRESS_TCP; 0 only where it was written (a listener: any free one) */
};

/* Parses TEXT into *RET. False, with *RET untouched, when it is no address; then *RET_WHY (may be NULL) says why, to
 * stand behind the text in a message ("has no host"); static. Reads the environment for "user". */
bool address_parse(const char *text, struct address *ret, const char **ret_why);

/* Writes the address as address_parse() takes it, port included, into the SIZE bytes at TO and returns TO. */
char *address_format(const struct address *address, char *to, size_t size);

#endif
