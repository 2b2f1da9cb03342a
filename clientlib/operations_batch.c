/* SPDX-License-Identifier: MIT
 *
 * operations_batch.c - batches of messages on the wire. The values of one travel as the encoding of a message inside
 * the request, which so stays flat.
 */
#include "clientlib/operations_batch.h"

#include <string.h>

#include "base/memory.h"

#define VALUE_KEY (1 << 3 | 2) /* ChannelValues.values, delimited */
#define PREFIX_BYTES 11        /* key and length of a value, at most */

/* protobuf-c's structures take no const; the encoder only reads. */
static char *text(const char *string)
{
	return (char *)(uintptr_t)(string != NULL ? string : "");
}

static uint8_t *put_value(uint8_t *to, const struct baton_value *value)
{
	size_t length = value->length;

	*to++ = VALUE_KEY;
	for (; length >= 0x80; length >>= 7)
		*to++ = (uint8_t)(length | 0x80);
	*to++ = (uint8_t)length;
	if (value->length > 0)
		memcpy(to, value->bytes, value->length);
	return to + value->length;
}

const char *fill_send_batch(const struct baton_call *call, struct operation_request *request)
{
	size_t room = 1;
	uint8_t *bytes;
	uint8_t *at;

	if (call->values == NULL && call->value_count > 0)
		return "has values that are NULL";
	for (size_t i = 0; i < call->value_count; i++) {
		if (call->values[i].bytes == NULL && call->values[i].length > 0)
			return "has a value that is NULL";
		room += PREFIX_BYTES + call->values[i].length;
	}
	bytes = at = memory_alloc(room);
	for (size_t i = 0; at != NULL && i < call->value_count; i++)
		at = put_value(at, &call->values[i]);
	request->channel_send_batch = (Baton__V1__ChannelSendBatchRequest)BATON__V1__CHANNEL_SEND_BATCH_REQUEST__INIT;
	request->channel_send_batch.name = text(call->name);
	request->channel_send_batch.values = (ProtobufCBinaryData){.len = (size_t)(at - bytes), .data = bytes};
	request->channel_send_batch.no_wait = call->no_wait;
	request->channel_send_batch.handle = call->handle;
	request->channel_send_batch.type = text(call->type);
	request->owned = bytes;
	request->is_exhausted = bytes == NULL;
	return NULL;
}

int read_send_batch(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ChannelSendBatchResponse *sent = (const Baton__V1__ChannelSendBatchResponse *)response;

	result_face(result)->number = sent->sent;
	return sent->would_block ? BATON_EWOULDBLOCK : BATON_OK;
}

const char *fill_receive_batch(const struct baton_call *call, struct operation_request *request)
{
	request->channel_receive_batch =
		(Baton__V1__ChannelReceiveBatchRequest)BATON__V1__CHANNEL_RECEIVE_BATCH_REQUEST__INIT;
	request->channel_receive_batch.name = text(call->name);
	request->channel_receive_batch.no_wait = call->no_wait;
	request->channel_receive_batch.manual_ack = call->manual_ack;
	request->channel_receive_batch.handle = call->handle;
	request->channel_receive_batch.type = text(call->type);
	request->channel_receive_batch.max = call->number < UINT32_MAX ? (uint32_t)call->number : UINT32_MAX;
	return NULL;
}

int read_receive_batch(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ChannelReceiveBatchResponse *received =
		(const Baton__V1__ChannelReceiveBatchResponse *)response;
	const Baton__V1__ChannelDeliveries *list;
	struct baton_message *messages;

	if (received->would_block)
		return BATON_EWOULDBLOCK;
	if (received->closed)
		return BATON_ECLOSED;
	list = (const Baton__V1__ChannelDeliveries *)(const void *)result_unpack(result,
		&baton__v1__channel_deliveries__descriptor, received->deliveries.data, received->deliveries.len);
	if (list == NULL)
		return result_is_exhausted(result) ? BATON_ENOMEM : BATON_EPROTOCOL;
	messages = result_memory(result, (list->n_deliveries + 1) * sizeof(*messages));
	if (messages == NULL)
		return BATON_ENOMEM;
	for (size_t i = 0; i < list->n_deliveries; i++) {
		const Baton__V1__ChannelDelivery *delivery = list->deliveries[i];

		messages[i] = (struct baton_message){
			.value = delivery->value.data,
			.length = delivery->value.len,
			.token = delivery->token,
			.attempt = delivery->attempt,
		};
	}
	result_face(result)->messages = messages;
	result_face(result)->message_count = list->n_deliveries;
	return BATON_OK;
}
