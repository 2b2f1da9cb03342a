/* SPDX-License-Identifier: MIT
 *
 * error.h - what the daemon's statuses and reasons are in libbaton's own numbers, and the thread's last error text.
 */
#ifndef BATON_CLIENTLIB_ERROR_H
#define BATON_CLIENTLIB_ERROR_H

#include <stdint.h>

#define ERROR_TEXT_BYTES 512 /* room for every one-line text and its NUL */

/* The enum baton_error for a reply that is not OK: by its reason, or by its status where the reason is not known. */
int error_of_reply(uint16_t status, int reason);

/* The same for a reason that is no reply's. */
int error_of_reason(int reason);

/* Keeps a text for baton_last_error() of the calling thread. Both return ERROR, so that a caller may return at once.
 * The second composes it as printf does. */
int error_keep(int error, const char *text);
int error_say(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
