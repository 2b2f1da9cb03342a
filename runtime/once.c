/* SPDX-License-Identifier: MIT
 *
 * once.c - Go's sync.Once and sync.OnceValue for coroutines: a mutex for those that come before the call has returned,
 * a flag for those that come after.
 *
 * Invariant: is_done changes once, under the mutex, after the call.
 */
#include "runtime/co.h"

int co_once_do_slowly(struct co_context *context, struct co_once *once, void (*function)(void *arg), void *arg)
{
	int r = co_mutex_lock(context, &once->mutex);

	if (r != 0)
		return r;
	if (!atomic_load_explicit(&once->is_done, memory_order_relaxed)) {
		function(arg);
		atomic_store_explicit(&once->is_done, true, memory_order_release);
	}
	return co_mutex_unlock(&once->mutex);
}

struct making {
	void **value;
	void *(*function)(void *arg);
	void *arg;
};

static void make_value(void *arg)
{
	const struct making *making = arg;

	*making->value = making->function(making->arg);
}

int co_once_value_get(struct co_context *context, struct co_once_value *once_value, void *(*function)(void *arg),
	void *arg, void **ret)
{
	struct making making = {&once_value->value, function, arg};
	int r = co_once_do(context, &once_value->once, make_value, &making);

	if (r == 0)
		*ret = once_value->value;
	return r;
}
