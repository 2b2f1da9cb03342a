/* SPDX-License-Identifier: MIT
 *
 * local.c - the runtime's only thread-local variable, in a file of its own so that no caller sees its address.
 */
#include "runtime/local.h"

static _Thread_local struct co_m *self __attribute__((tls_model("initial-exec")));

__attribute__((noinline)) struct co_m *co_m_self(void)
{
	return self;
}

__attribute__((noinline)) void co_m_set_self(struct co_m *m)
{
	self = m;
}
