/* SPDX-License-Identifier: MIT
 *
 * call_pool.h - the memory of calls: pooled records, and scratch for decoded requests and small answers.
 *
 * In the steady state neither takes anything from the allocator. Locking: a spin lock of its own, below all others.
 */
#ifndef BATON_DAEMON_CALL_POOL_H
#define BATON_DAEMON_CALL_POOL_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "daemon/call.h"

struct call_scratch;

/* A zeroed record; NULL: no memory. */
struct call *call_new(void);

/* Gives a record back with its references to connection, session and lane. */
void call_free(struct call *call);

/* Scratch for a request of FRAME_BYTES: it gives out at most 4 x FRAME_BYTES + 16 KiB (unknown fields blow a message
 * up). NULL: no memory. */
struct call_scratch *call_scratch_take(size_t frame_bytes);
void call_scratch_give(struct call_scratch *scratch);

/* Memory that lives until the scratch is given back, aligned for anything; NULL at the cap or without memory. */
void *call_scratch_alloc(struct call_scratch *scratch, size_t bytes);

/* The scratch as protobuf-c's allocator; its free does nothing. */
ProtobufCAllocator *call_scratch_allocator(struct call_scratch *scratch);

#endif
