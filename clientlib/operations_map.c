/* SPDX-License-Identifier: MIT
 *
 * operations_map.c - maps and atomics on the wire.
 */
#include "clientlib/operations_map.h"

_Static_assert((int)BATON_INT32 == BATON__V1__ATOMIC_KIND__ATOMIC_KIND_INT32, "int32");
_Static_assert((int)BATON_UINT64 == BATON__V1__ATOMIC_KIND__ATOMIC_KIND_UINT64, "uint64");

/* protobuf-c's structures take no const; the encoder only reads. */
static char *text(const char *string)
{
	return (char *)(uintptr_t)(string != NULL ? string : "");
}

static ProtobufCBinaryData bytes(const void *data, size_t length)
{
	return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
}

static const char *check(const struct baton_call *call)
{
	if (call->key_bytes == NULL && call->key_length > 0)
		return "has a key that is NULL";
	if (call->expected == NULL && call->expected_length > 0)
		return "has an expected value that is NULL";
	return NULL;
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

const char *fill_map(const struct baton_call *call, struct operation_request *request)
{
	request->map = (Baton__V1__MapRequest)BATON__V1__MAP_REQUEST__INIT;
	request->map.name = text(call->name);
	request->map.key = bytes(call->key_bytes, call->key_length);
	request->map.value = bytes(call->value, call->value_length);
	request->map.expected = bytes(call->expected, call->expected_length);
	return check(call);
}

int read_map(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__MapResponse *map = (const Baton__V1__MapResponse *)response;

	result_face(result)->found = map->found;
	result_face(result)->done = map->done;
	if (map->value.len > 0) {
		result_face(result)->value = map->value.data;
		result_face(result)->value_length = map->value.len;
	}
	return BATON_OK;
}

const char *fill_map_range(const struct baton_call *call, struct operation_request *request)
{
	request->map_range = (Baton__V1__MapRangeRequest)BATON__V1__MAP_RANGE_REQUEST__INIT;
	request->map_range.name = text(call->name);
	request->map_range.after = call->number;
	request->map_range.until = call->until;
	request->map_range.after_key = bytes(call->key_bytes, call->key_length);
	return check(call);
}

int read_map_range(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__MapRangeResponse *range = (const Baton__V1__MapRangeResponse *)response;
	struct baton_pair *pairs;

	if (range->n_keys != range->n_values)
		return BATON_EPROTOCOL;
	pairs = result_memory(result, range->n_keys * sizeof(*pairs));
	if (pairs == NULL)
		return BATON_ENOMEM;
	for (size_t i = 0; i < range->n_keys; i++)
		pairs[i] = (struct baton_pair){
			.key = range->keys[i].len > 0 ? (const void *)range->keys[i].data : "",
			.key_length = range->keys[i].len,
			.value = range->values[i].len > 0 ? (const void *)range->values[i].data : "",
			.value_length = range->values[i].len,
		};
	result_face(result)->pairs = pairs;
	result_face(result)->pair_count = range->n_keys;
	result_face(result)->number = range->next;
	result_face(result)->until = range->until;
	result_face(result)->more = range->more;
	return BATON_OK;
}

const char *fill_map_clear(const struct baton_call *call, struct operation_request *request)
{
	request->map_clear = (Baton__V1__MapClearRequest)BATON__V1__MAP_CLEAR_REQUEST__INIT;
	request->map_clear.name = text(call->name);
	return NULL;
}

const char *fill_map_length(const struct baton_call *call, struct operation_request *request)
{
	request->map_length = (Baton__V1__MapLengthRequest)BATON__V1__MAP_LENGTH_REQUEST__INIT;
	request->map_length.name = text(call->name);
	return NULL;
}

int read_map_length(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->number = ((const Baton__V1__MapLengthResponse *)response)->length;
	return BATON_OK;
}

/* ---- atomics ----------------------------------------------------------------------------------------------------- */

const char *fill_atomic(const struct baton_call *call, struct operation_request *request)
{
	request->atomic = (Baton__V1__AtomicRequest)BATON__V1__ATOMIC_REQUEST__INIT;
	request->atomic.name = text(call->name);
	request->atomic.kind = (Baton__V1__AtomicKind)call->atomic_kind;
	request->atomic.value = call->number;
	request->atomic.expected = call->expected_number;
	return NULL;
}

int read_atomic(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__AtomicResponse *atomic = (const Baton__V1__AtomicResponse *)response;

	result_face(result)->atomic_kind = (enum baton_atomic_kind)atomic->kind;
	result_face(result)->number = atomic->value;
	result_face(result)->done = atomic->done;
	return BATON_OK;
}
