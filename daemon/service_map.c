/* SPDX-License-Identifier: MIT
 *
 * service_map.c - the service Map.
 */
#include <baton/v1/map.pb-c.h>
#include <baton/v1/status.pb-c.h>

#include "base/memory.h"
#include "daemon/call.h"
#include "daemon/limits.h"
#include "daemon/objects/map.h"
#include "daemon/registry.h"
#include "daemon/services.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

/* The number of MapResponse.value. */
#define FIELD_VALUE 3

static const char kind[] = "map";

static int make_map(const char *name, void *unused, struct object **ret)
{
	struct map *map;
	const int r = map_new(name, &map);

	(void)unused;
	if (r == OBJECT_OK)
		*ret = map_object(map);
	return r;
}

static int check_key(struct call *call, const char *name, size_t length)
{
	if (length <= LIMIT_KEY_BYTES)
		return STATUS(OK);
	return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
		"%s \"%s\": the key is longer than 64 KiB", kind, name);
}

/* ---- one key ----------------------------------------------------------------------------------------------------- */

/* How the request's fields are used. */
static const struct {
	bool adds; /* makes the map where there is none */
	bool has_value;
	bool compares;
	bool is_silent; /* it answers no value */
} traits[] = {
	[MAP_LOAD] = {false, false, false, false},
	[MAP_STORE] = {true, true, false, true},
	[MAP_LOAD_OR_STORE] = {true, true, false, false},
	[MAP_LOAD_AND_DELETE] = {false, false, false, false},
	[MAP_DELETE] = {false, false, false, true},
	[MAP_SWAP] = {true, true, false, false},
	[MAP_COMPARE_AND_SWAP] = {false, true, true, true},
	[MAP_COMPARE_AND_DELETE] = {false, false, true, true},
};

/* What an operation works with; references. */
struct operands {
	struct message *key;
	struct message *value;
	struct message *expected;
};

static void drop_operands(const struct operands *operands)
{
	message_unref(operands->key);
	message_unref(operands->value);
	message_unref(operands->expected);
}

static bool read_operands(const Baton__V1__MapRequest *request, enum map_operation operation, struct operands *ret)
{
	ret->key = message_new(request->key.data, request->key.len);
	if (traits[operation].has_value)
		ret->value = message_new(request->value.data, request->value.len);
	if (traits[operation].compares)
		ret->expected = message_new(request->expected.data, request->expected.len);
	return ret->key != NULL && (ret->value != NULL || !traits[operation].has_value) &&
	       (ret->expected != NULL || !traits[operation].compares);
}

/* The map called NAME, for OPERATION; *RET is NULL where there is none and none is needed. */
static int open_map(const char *name, enum map_operation operation, struct object **ret)
{
	if (traits[operation].adds)
		return registry_open(OBJECT_MAP, name, make_map, NULL, ret, NULL);
	*ret = registry_find(OBJECT_MAP, name);
	return OBJECT_OK;
}

static int apply(struct call *call, const Baton__V1__MapRequest *request, enum map_operation operation,
	Baton__V1__MapResponse *response)
{
	struct operands operands = {0};
	struct map_answer answer = {0};
	struct object *object = NULL;
	int r = OBJECT_ENOMEM;

	if (read_operands(request, operation, &operands))
		r = open_map(request->name, operation, &object);
	if (r == OBJECT_OK && object != NULL)
		r = map_apply(map_of(object), operation, operands.key, operands.value, operands.expected, &answer);
	if (object != NULL)
		registry_release(object);
	drop_operands(&operands);
	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	response->found = answer.found;
	response->done = answer.done;
	if (answer.value != NULL && traits[operation].is_silent)
		message_unref(answer.value);
	else if (answer.value != NULL)
		call_reply_value(call, FIELD_VALUE, answer.value);
	return STATUS(OK);
}

static int handle(struct call *call, const void *message, void *answer, enum map_operation operation)
{
	const Baton__V1__MapRequest *request = message;
	int status = check_key(call, request->name, request->key.len);

	if (status == STATUS(OK))
		status = call_check_value(call, request->value.len);
	return status == STATUS(OK) ? apply(call, request, operation, answer) : status;
}

int handle_map_store(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_STORE);
}

int handle_map_load(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_LOAD);
}

int handle_map_load_or_store(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_LOAD_OR_STORE);
}

int handle_map_load_and_delete(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_LOAD_AND_DELETE);
}

int handle_map_delete(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_DELETE);
}

int handle_map_swap(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_SWAP);
}

int handle_map_compare_and_swap(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_COMPARE_AND_SWAP);
}

int handle_map_compare_and_delete(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, MAP_COMPARE_AND_DELETE);
}

/* ---- range ------------------------------------------------------------------------------------------------------- */

/* What a page points at until it is encoded. */
struct page {
	size_t count;
	struct map_pair pairs[LIMIT_MAP_PAIRS];
	ProtobufCBinaryData keys[LIMIT_MAP_PAIRS];
	ProtobufCBinaryData values[LIMIT_MAP_PAIRS];
};

static void free_page(void *arg)
{
	struct page *page = arg;

	for (size_t i = 0; i < page->count; i++) {
		message_unref(page->pairs[i].key);
		message_unref(page->pairs[i].value);
	}
	memory_free(page);
}

static ProtobufCBinaryData bytes_of(struct message *message)
{
	return (ProtobufCBinaryData){.len = message->length, .data = message->bytes};
}

/* Fills PAGE, over steps that bring nothing. */
static bool fill_page(struct map *map, struct map_cursor *cursor, struct page *page)
{
	bool more;

	do {
		page->count = map_range(map, cursor, page->pairs, &more);
		if (page->count == 0 && more)
			co_yield();
	} while (page->count == 0 && more);
	return more;
}

static void show_page(
	struct page *page, const struct map_cursor *cursor, bool more, Baton__V1__MapRangeResponse *response)
{
	for (size_t i = 0; i < page->count; i++) {
		page->keys[i] = bytes_of(page->pairs[i].key);
		page->values[i] = bytes_of(page->pairs[i].value);
	}
	response->n_keys = page->count;
	response->keys = page->keys;
	response->n_values = page->count;
	response->values = page->values;
	response->next = cursor->after;
	response->until = cursor->until;
	response->more = more;
}

static int range(
	struct call *call, struct object *object, struct map_cursor *cursor, Baton__V1__MapRangeResponse *response)
{
	struct page *page = memory_alloc(sizeof(*page));
	bool more;

	if (page == NULL)
		return call_fail_object(call, kind, object->name, OBJECT_ENOMEM);
	more = fill_page(map_of(object), cursor, page);
	call_at_end(call, free_page, page);
	show_page(page, cursor, more, response);
	return STATUS(OK);
}

int handle_map_range(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MapRangeRequest *request = message;
	struct map_cursor cursor = {
		.after = request->after,
		.until = request->until,
		.number = request->after,
		.limit = request->limit == 0 || request->limit > LIMIT_MAP_PAIRS ? LIMIT_MAP_PAIRS : request->limit,
		.byte_limit = LIMIT_MAP_PAGE_BYTES,
	};
	struct object *object;
	int status = check_key(call, request->name, request->after_key.len);

	if (status != STATUS(OK))
		return status;
	if (request->after_key.len > 0) {
		cursor.key = message_new(request->after_key.data, request->after_key.len);
		if (cursor.key == NULL)
			return call_fail_object(call, kind, request->name, OBJECT_ENOMEM);
	}
	object = registry_find(OBJECT_MAP, request->name);
	if (object != NULL) {
		status = range(call, object, &cursor, answer);
		registry_release(object);
	}
	message_unref(cursor.key);
	return status;
}

/* ---- clear, length ----------------------------------------------------------------------------------------------- */

int handle_map_clear(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MapClearRequest *request = message;
	struct object *object = registry_find(OBJECT_MAP, request->name);
	int r;

	(void)answer;
	if (object == NULL)
		return STATUS(OK);
	r = map_clear(map_of(object));
	if (r != OBJECT_OK)
		r = call_fail_object(call, kind, object->name, r);
	registry_release(object);
	return r;
}

int handle_map_length(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MapLengthRequest *request = message;
	Baton__V1__MapLengthResponse *response = answer;
	struct object *object = registry_find(OBJECT_MAP, request->name);

	(void)call;
	if (object == NULL)
		return STATUS(OK);
	response->length = map_length(map_of(object));
	registry_release(object);
	return STATUS(OK);
}
