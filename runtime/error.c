/* SPDX-License-Identifier: MIT
 *
 * error.c - the texts of errors, in Go's words where Go has them.
 */
#include <string.h>

#include "runtime/co.h"

static const struct {
	int error;
	const char *text;
} texts[] = {
	{CO_OK, "success"},
	{CO_ENOMEM, "out of memory"},
	{CO_EINVAL, "invalid argument"},
	{CO_ECANCELED, "context canceled"},
	{CO_EDEADLINE, "context deadline exceeded"},
	{CO_EWOULDBLOCK, "operation would block"},
	{CO_ECLOSED, "channel is closed"},
	{CO_ESENDCLOSED, "send on closed channel"},
	{CO_ECLOSECLOSED, "close of closed channel"},
	{CO_EUNLOCKED, "unlock of unlocked mutex"},
	{CO_ENEGATIVE, "negative WaitGroup counter"},
	{CO_ERWUNLOCKED, "unlock of unlocked RWMutex"},
	{CO_ERELEASED, "semaphore: released more than held"},
};

const char *co_strerror(int error)
{
	const char *text;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	text = error < 0 && error > -1000 ? strerrordesc_np(-error) : NULL;
	return text != NULL ? text : "unknown error";
}
