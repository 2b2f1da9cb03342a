/* SPDX-License-Identifier: MIT
 *
 * method.h - the table of methods: one row each; every check that a row can say is made once, before its handler runs.
 *
 * A service is the handlers of one primitive (service_*.c). It knows nothing of frames and sockets: it gets a decoded
 * request and the call, and fills in the response or says why not. To add a method: its messages and number in proto/,
 * its handler in a service, its row in method.c, its lines in docs/protocol.md.
 */
#ifndef BATON_DAEMON_METHOD_H
#define BATON_DAEMON_METHOD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

struct call;

/*
 * Handles one call on the reader's coroutine. REQUEST is of the row's request type and is gone once the handler has
 * done anything that can park: take objects, messages and copies out of it first. RESPONSE is of the row's response
 * type, already initialised; strings and arrays put into it must be static or from call_memory(). Returns STATUS_OK's
 * 0, or what call_fail() returned.
 */
typedef int method_handler(struct call *call, const void *request, void *response);

enum method_flag {
	METHOD_BLOCKS = 1,          /* looks at timeout; counts against the limit of blocked calls */
	METHOD_EFFECT = 2,          /* changes something: its outcome is kept where a session can resume */
	METHOD_NEEDS_SESSION = 4,   /* refused on a connection without a lane */
	METHOD_ATTACHES = 8,        /* refused on a connection with a lane */
	METHOD_WHILE_STOPPING = 16, /* goes on while the daemon stops: what gives back, and what looks */
};

/* What the request's first field is. */
enum method_names {
	METHOD_NO_NAME,
	METHOD_NAME,         /* a name, checked by the rule for names */
	METHOD_NAME_OR_NONE, /* likewise, or empty */
};

/* Room for any response. */
union method_response {
	ProtobufCMessage base;
	uint64_t room[32];
};

struct method {
	uint16_t id;
	const char *name; /* "Channel.Send" */
	method_handler *handler;
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
	unsigned flags;          /* of enum method_flag */
	enum method_names names; /* what its first field is */
};

/* The row of ID; NULL if there is none. */
const struct method *method_find(uint16_t id);

/* All rows, for counters and lists. */
const struct method *method_table(size_t *ret_count);

#endif
