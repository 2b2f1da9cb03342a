/* SPDX-License-Identifier: MIT
 *
 * frame.h - the fixed header in front of every message, both ways. docs/protocol.md is its specification.
 *
 * Pure functions over bytes: nothing is allocated, nothing blocks. All numbers are little-endian.
 */
#ifndef BATON_PROTO_FRAME_H
#define BATON_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_PROTOCOL_VERSION 1
#define FRAME_REQUEST_HEADER_BYTES 40
#define FRAME_REPLY_HEADER_BYTES 24
#define FRAME_DEFAULT_MAX_BYTES (17u * 1024 * 1024) /* the longest frame, header included, unless settled otherwise */
#define FRAME_DEFAULT_PORT 22866

/* What a frame from a client is. */
enum frame_request_kind {
	FRAME_HELLO = 1,   /* body: ClientHello; the first frame, once */
	FRAME_REQUEST = 2, /* body: the method's request */
	FRAME_CANCEL = 3,  /* ends the blocked call named by `call`; no body */
	FRAME_ACK = 4,     /* tells `last_reply` and no more; no body */
	FRAME_PING = 5,    /* answered by FRAME_PONG with the same `call`; no body */
};

/* What a frame from the daemon is. */
enum frame_reply_kind {
	FRAME_HELLO_REPLY = 1, /* body: DaemonHello */
	FRAME_REPLY = 2,       /* body: the method's response, or Error where status is not OK */
	FRAME_PONG = 5,        /* no body */
	FRAME_GOAWAY = 6,      /* body: Error; the daemon closes the connection behind it */
	FRAME_NOTICE = 7,      /* body: Notice */
};

struct frame_request {
	uint32_t length;     /* of the whole frame, header included */
	uint8_t kind;        /* enum frame_request_kind */
	uint8_t flags;       /* 0 */
	uint16_t method;     /* REQUEST: a Method; else 0 */
	uint64_t call;       /* REQUEST: rises within a lane, never 0; CANCEL: which; PING: any */
	uint64_t last_reply; /* the highest number of a reply that the client has read on this lane */
	uint64_t timeout_us; /* REQUEST: how long it may wait; 0: no limit */
	uint32_t task;       /* which thread or coroutine of the client calls; 0: nobody */
	uint32_t context;    /* a number that the lane got by opening a context; 0: none */
};

struct frame_reply {
	uint32_t length;
	uint8_t kind;    /* enum frame_reply_kind */
	uint8_t flags;   /* 0 */
	uint16_t status; /* REPLY: a Status */
	uint64_t call;   /* of the request; 0 for GOAWAY, NOTICE, HELLO_REPLY */
	uint64_t number; /* the reply's number in its lane, from 1; 0 where there is no lane */
};

/* Why a header cannot be taken. The stream is out of step after any of them but FRAME_INCOMPLETE. */
enum frame_error {
	FRAME_OK = 0,
	FRAME_INCOMPLETE = -1, /* fewer bytes than the header, or than the frame, has */
	FRAME_SHORT = -2,      /* the length is below the header's own */
	FRAME_LONG = -3,       /* the length is above the limit */
	FRAME_BAD_KIND = -4,   /* no such kind */
	FRAME_BAD_FLAGS = -5,  /* flags are not 0 */
};

/* The text of an error, for GOAWAY and logs. Static. */
const char *frame_error_text(int error);

/* Writes the header in FRAME_REQUEST_HEADER_BYTES (FRAME_REPLY_HEADER_BYTES) at TO. */
void frame_put_request(uint8_t *to, const struct frame_request *frame);
void frame_put_reply(uint8_t *to, const struct frame_reply *frame);

/* Reads a header from the AVAILABLE bytes at FROM into *RET. FRAME_OK when the whole frame (header and body) is there:
 * it is ret->length bytes long. FRAME_INCOMPLETE: *RET is valid if at least a header's bytes were there (so that the
 * caller knows how much to expect), untouched otherwise. Errors are told as soon as the header shows them. */
int frame_get_request(const uint8_t *from, size_t available, size_t max_bytes, struct frame_request *ret);
int frame_get_reply(const uint8_t *from, size_t available, size_t max_bytes, struct frame_reply *ret);

#endif
