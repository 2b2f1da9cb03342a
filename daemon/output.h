/* SPDX-License-Identifier: MIT
 *
 * output.h - a connection's way out: a list of chunks, one flusher, many who append.
 *
 * Invariants: frames leave in the order appended, whole; a reply's number is given as it is appended, so numbers rise
 * in that order; chunks are freed only by the flusher. A value of 4 KiB and more is not copied but referenced. Locking:
 * output.lock, below the session's; never held over a system call.
 */
#ifndef BATON_DAEMON_OUTPUT_H
#define BATON_DAEMON_OUTPUT_H

#include <protobuf-c/protobuf-c.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/objects/message.h"
#include "proto/frame.h"
#include "runtime/co.h"

struct output_chunk;

struct output {
	struct co_spin lock;
	bool flushing;       /* one flusher is at work */
	atomic_bool blocked; /* the socket is full: the poller will tell; written under the lock, as the next is */
	atomic_bool dead;    /* the socket failed or was cut: everything is dropped */
	struct output_chunk *first;
	struct output_chunk *last;
	atomic_size_t bytes;         /* not yet taken by the socket; written under the lock */
	size_t referenced;           /* of them, in values that are not copied */
	int64_t progress_ns;         /* co_now() when the socket last took something, or came to be full; under lock */
	struct co_deferred deferred; /* the flush at the end of the round */
};

/* What one frame is made of. */
struct output_frame {
	struct frame_reply header;    /* length is filled in; number too where `numbers` is given */
	const ProtobufCMessage *body; /* NULL: none, or: */
	const uint8_t *packed;        /* the body, encoded before */
	size_t packed_length;
	uint32_t value_field;  /* with `value`: its field's number, a bytes field that BODY leaves empty */
	struct message *value; /* the reference is taken over; NULL: none */
	uint64_t *numbers;     /* the lane's last reply number, raised under the lock; NULL: number stays */
};

void output_init(struct output *output, void (*flush)(struct co_deferred *));

/* Appends a frame. Takes over frame->value in every case. 0; -ENOMEM (nothing was appended: the connection cannot go
 * on); -EPIPE when the output is dead; -EMSGSIZE when the peer takes too little and was given twice the limit. Values
 * that are not copied do not count there: they are the memory of their channel, which keeps what was not acknowledged.
 */
int output_append(struct output *output, struct output_frame *frame);

/* Writes what the socket takes; sets `blocked` when it takes no more. 0, or the socket's negative errno. Where another
 * thread is at it that one does it all. */
int output_flush(struct output *output, int fd);

/* Bytes not yet taken. Asked without the lock; in one order with what else is atomic, so that of one who says that he
 * waits and then asks, and one who takes the last byte and then looks who waits, one sees the other. */
size_t output_pending(struct output *output);

/* Drops everything and whatever comes later. */
void output_kill(struct output *output);

/* Gives pooled chunks back to the allocator. */
void output_pool_drain(void);

#endif
