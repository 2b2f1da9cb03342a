/* SPDX-License-Identifier: MIT
 *
 * output.c - chunks out: append under the lock, write outside it.
 */
#include "daemon/output.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/limits.h"
#include "daemon/socket.h"
#include "proto/flat.h"

#define CHUNK_BYTES 4096
#define REFERENCE_BYTES 4096 /* values from here on are referenced */
#define VECTORS 64
#define CHUNKS_KEPT 64

/* A run of bytes: its own, or those of a message. */
struct output_chunk {
	struct output_chunk *next;
	struct message *message; /* its bytes are sent; NULL: our own */
	size_t length;           /* filled */
	size_t sent;
	size_t room; /* of bytes[] */
	uint8_t bytes[];
};

/* Chunks of CHUNK_BYTES that wait for use, of all connections. */
static struct {
	struct co_spin lock;
	struct output_chunk *chunks;
	unsigned count;
} pool;

static const uint8_t *chunk_bytes(const struct output_chunk *chunk)
{
	return chunk->message != NULL ? chunk->message->bytes : chunk->bytes;
}

static void chunk_free(struct output_chunk *chunk)
{
	if (chunk->message != NULL)
		message_unref(chunk->message);
	if (chunk->room == CHUNK_BYTES) {
		co_spin_lock(&pool.lock);
		if (pool.count < CHUNKS_KEPT) {
			chunk->next = pool.chunks;
			pool.chunks = chunk;
			pool.count++;
			chunk = NULL;
		}
		co_spin_unlock(&pool.lock);
	}
	memory_free(chunk);
}

static struct output_chunk *take_pooled(void)
{
	struct output_chunk *chunk;

	co_spin_lock(&pool.lock);
	chunk = pool.chunks;
	if (chunk != NULL) {
		pool.chunks = chunk->next;
		pool.count--;
	}
	co_spin_unlock(&pool.lock);
	return chunk;
}

static struct output_chunk *chunk_new(size_t room, struct message *message)
{
	struct output_chunk *chunk = room == CHUNK_BYTES ? take_pooled() : NULL;

	if (chunk == NULL)
		chunk = memory_alloc(sizeof *chunk + room);
	if (chunk == NULL)
		return NULL;
	*chunk = (struct output_chunk){.room = room, .message = message};
	if (message != NULL)
		chunk->length = message->length;
	return chunk;
}

void output_init(struct output *output, void (*flush)(struct co_deferred *))
{
	*output = (struct output){.deferred.run = flush};
}

static size_t put_varint(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		to[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[n++] = (uint8_t)value;
	return n;
}

#define FLAT_BYTES 96 /* of a usual response: six fields */

/* The sizes of a frame's parts. */
struct parts {
	size_t body;
	const uint8_t *packed; /* the body; NULL: protobuf-c has to encode it */
	uint8_t flat_bytes[FLAT_BYTES];
	size_t tag;     /* of the value: key and length */
	size_t inlined; /* value bytes that are copied */
	uint8_t tag_bytes[16];
};

static void measure(const struct output_frame *frame, struct parts *parts)
{
	parts->packed = frame->body != NULL ? parts->flat_bytes : frame->packed;
	parts->body =
		frame->body != NULL ? flat_pack(frame->body, parts->flat_bytes, FLAT_BYTES) : frame->packed_length;
	if (parts->body == FLAT_UNUSUAL) {
		parts->packed = NULL;
		parts->body = protobuf_c_message_get_packed_size(frame->body);
	}
	parts->tag = 0;
	parts->inlined = 0;
	if (frame->value == NULL)
		return;
	parts->tag = put_varint(parts->tag_bytes, (uint64_t)frame->value_field << 3 | 2);
	parts->tag += put_varint(parts->tag_bytes + parts->tag, frame->value->length);
	if (frame->value->length < REFERENCE_BYTES)
		parts->inlined = frame->value->length;
}

/* A chunk with ROOM bytes left: the last one, or a new one that is not linked yet. */
static struct output_chunk *room_for(struct output *output, size_t room)
{
	struct output_chunk *last = output->last;

	if (last != NULL && last->message == NULL && last->room - last->length >= room)
		return last;
	return chunk_new(room > CHUNK_BYTES ? room : CHUNK_BYTES, NULL);
}

static void link_chunk(struct output *output, struct output_chunk *chunk)
{
	if (chunk == output->last)
		return;
	if (output->last == NULL)
		output->first = chunk;
	else
		output->last->next = chunk;
	output->last = chunk;
}

/* Writes header, body, tag and what is copied of the value at the end of CHUNK. */
static void fill(struct output_chunk *chunk, const struct output_frame *frame, const struct parts *parts)
{
	uint8_t *to = chunk->bytes + chunk->length;

	frame_put_reply(to, &frame->header);
	to += FRAME_REPLY_HEADER_BYTES;
	if (parts->body > 0 && parts->packed != NULL)
		memcpy(to, parts->packed, parts->body);
	else if (parts->body > 0)
		(void)protobuf_c_message_pack(frame->body, to);
	to += parts->body;
	if (parts->tag > 0) {
		memcpy(to, parts->tag_bytes, parts->tag);
		to += parts->tag;
	}
	if (parts->inlined > 0) {
		memcpy(to, frame->value->bytes, parts->inlined); // NOLINT(*NonNull*): of no value nothing is inlined
		to += parts->inlined;
	}
	chunk->length = (size_t)(to - chunk->bytes);
}

/* Under the lock. Only who makes it less is waited for: see output_pending(). */
static void add_bytes(struct output *output, size_t n)
{
	size_t bytes = atomic_load_explicit(&output->bytes, memory_order_relaxed);

	atomic_store_explicit(&output->bytes, bytes + n, memory_order_relaxed);
}

static int append_locked(struct output *output, struct output_frame *frame, const struct parts *parts)
{
	size_t here = FRAME_REPLY_HEADER_BYTES + parts->body + parts->tag + parts->inlined;
	size_t value = frame->value != NULL ? frame->value->length : 0;
	struct output_chunk *reference = NULL;
	struct output_chunk *chunk;

	if (output->dead)
		return -EPIPE;
	if (output->bytes - output->referenced >= 2 * (size_t)LIMIT_OUTPUT_BYTES)
		return -EMSGSIZE;
	chunk = room_for(output, here);
	if (chunk == NULL)
		return -ENOMEM;
	if (value > parts->inlined) {
		reference = chunk_new(0, frame->value);
		if (reference == NULL) {
			if (chunk != output->last)
				chunk_free(chunk);
			return -ENOMEM;
		}
		frame->value = NULL;
	}
	frame->header.length = (uint32_t)(here + value - parts->inlined);
	if (frame->numbers != NULL)
		frame->header.number = ++*frame->numbers;
	fill(chunk, frame, parts);
	link_chunk(output, chunk);
	if (reference != NULL) {
		link_chunk(output, reference);
		output->referenced += value;
	}
	add_bytes(output, frame->header.length);
	return 0;
}

int output_append(struct output *output, struct output_frame *frame)
{
	struct parts parts;
	int r;

	measure(frame, &parts);
	co_spin_lock(&output->lock);
	r = append_locked(output, frame, &parts);
	co_spin_unlock(&output->lock);
	if (frame->value != NULL)
		message_unref(frame->value);
	return r;
}

/* Under the lock: the vectors of what is to be sent next. */
static int gather(const struct output *output, struct iovec *vectors)
{
	int count = 0;

	for (struct output_chunk *at = output->first; at != NULL && count < VECTORS; at = at->next)
		vectors[count++] = (struct iovec){
			.iov_base = (void *)(uintptr_t)(chunk_bytes(at) + at->sent),
			.iov_len = at->length - at->sent,
		};
	return count;
}

/* Under the lock: N bytes have left. Returns the chunks that are through, to be freed without it. */
static struct output_chunk *consume(struct output *output, size_t n)
{
	struct output_chunk *through = n > 0 ? output->first : NULL;
	struct output_chunk *last = NULL;

	atomic_store(&output->bytes, atomic_load_explicit(&output->bytes, memory_order_relaxed) - n);
	while (output->first != NULL) {
		struct output_chunk *chunk = output->first;
		size_t left = chunk->length - chunk->sent;
		size_t taken = n < left ? n : left;

		chunk->sent += taken;
		n -= taken;
		if (chunk->message != NULL)
			output->referenced -= taken;
		if (taken < left)
			break;
		last = chunk;
		output->first = chunk->next;
	}
	if (output->first == NULL)
		output->last = NULL;
	if (last == NULL)
		return NULL;
	last->next = NULL;
	return through;
}

/* Under the lock: all there is, to be freed without it. */
static struct output_chunk *take_all(struct output *output)
{
	struct output_chunk *chunks = output->first;

	output->first = NULL;
	output->last = NULL;
	atomic_store(&output->bytes, 0);
	output->referenced = 0;
	return chunks;
}

static void free_all(struct output_chunk *chunks)
{
	while (chunks != NULL) {
		struct output_chunk *next = chunks->next;

		chunk_free(chunks);
		chunks = next;
	}
}

/* Under the lock: the socket has taken no more, or all; ANY: something. */
static void note_progress(struct output *output, bool is_full, bool any)
{
	const bool is_blocked = is_full && !output->dead;

	if (is_blocked && (any || !output->blocked))
		output->progress_ns = co_now();
	output->blocked = is_blocked;
}

int output_flush(struct output *output, int fd)
{
	struct output_chunk *through = NULL;
	struct output_chunk *dropped;
	struct iovec vectors[VECTORS];
	bool any = false;
	ssize_t n = 0;
	int count;

	co_spin_lock(&output->lock);
	if (output->flushing) {
		co_spin_unlock(&output->lock);
		return 0; /* the other one looks again before it leaves */
	}
	output->flushing = true;
	while (n >= 0 && !output->dead && (count = gather(output, vectors)) > 0) {
		co_spin_unlock(&output->lock);
		free_all(through);
		n = socket_send(fd, vectors, count);
		co_spin_lock(&output->lock);
		any |= n > 0;
		through = n > 0 ? consume(output, (size_t)n) : NULL;
	}
	note_progress(output, n == -EAGAIN, any);
	output->flushing = false;
	dropped = output->dead ? take_all(output) : NULL;
	co_spin_unlock(&output->lock);
	free_all(through);
	free_all(dropped);
	return n == -EAGAIN || n >= 0 ? 0 : (int)n;
}

size_t output_pending(struct output *output)
{
	return atomic_load(&output->bytes);
}

void output_kill(struct output *output)
{
	struct output_chunk *dropped;

	co_spin_lock(&output->lock);
	output->dead = true;
	dropped = output->flushing ? NULL : take_all(output); /* else the flusher does it */
	co_spin_unlock(&output->lock);
	free_all(dropped);
}

void output_pool_drain(void)
{
	while (pool.chunks != NULL) {
		struct output_chunk *chunk = pool.chunks;

		pool.chunks = chunk->next;
		memory_free(chunk);
	}
	pool.count = 0;
}
