/* SPDX-License-Identifier: MIT
 *
 * hash.h - uthash with our allocator: a failed allocation leaves the element out, it does not end the process.
 *
 * After HASH_ADD_* look at hash_was_added(handle): uthash clears the handle's table where there was no memory.
 */
#ifndef BATON_BASE_HASH_H
#define BATON_BASE_HASH_H

#include "base/memory.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) memory_alloc(bytes)
#define uthash_free(block, bytes) memory_free(block)
#include <uthash.h>

/* Whether the HASH_ADD_* just made put the element in. */
#define hash_was_added(handle) ((handle).tbl != NULL)

#endif
