/* SPDX-License-Identifier: MIT
 *
 * service_channel_batch.c - the service Channel: several messages in one call.
 */
#include <baton/v1/channel.pb-c.h>
#include <baton/v1/status.pb-c.h>

#include "base/memory.h"
#include "daemon/call.h"
#include "daemon/channel_call.h"
#include "daemon/limits.h"
#include "daemon/objects/channel.h"
#include "daemon/packed.h"
#include "daemon/services.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

/* The number of ChannelReceiveBatchResponse.deliveries. */
#define FIELD_DELIVERIES 3

#define BATCH_BYTES (1u << 20) /* behind the first message */

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void drop_messages(struct message **messages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		message_unref(messages[i]);
	memory_free(messages);
}

/* The values as messages; NULL: no memory. */
static struct message **take_values(struct packed packed, size_t count)
{
	struct message **messages = memory_zalloc((count + 1) * sizeof(struct message *));
	const uint8_t *bytes;
	size_t length;

	for (size_t i = 0; messages != NULL && i < count && packed_next(&packed, &bytes, &length); i++) {
		messages[i] = message_new(bytes, length);
		if (messages[i] == NULL) {
			drop_messages(messages, count);
			return NULL;
		}
	}
	return messages;
}

/* How many values there are, in *RET. 0, or the status with which the call has failed. */
static int check_values(struct call *call, const Baton__V1__ChannelSendBatchRequest *request, size_t *ret)
{
	const struct packed packed = packed_of(request->values);

	if (!packed_count(packed, ret))
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"the values of the ChannelSendBatchRequest are no ChannelValues");
	if (*ret > CHANNEL_BATCH_MAX)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"the batch has more than %u messages", CHANNEL_BATCH_MAX);
	return call_check_value(call, request->values.len);
}

int handle_channel_send_batch(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelSendBatchRequest *request = message;
	Baton__V1__ChannelSendBatchResponse *response = answer;
	const struct packed packed = packed_of(request->values);
	const bool no_wait = request->no_wait;
	struct message **messages;
	struct channel *channel;
	size_t count;
	size_t sent = 0;
	int r = check_values(call, request, &count);

	if (r != STATUS(OK))
		return r;
	channel = channel_enter_end(call, request->name, request->handle, CHANNEL_SENDS, request->type);
	if (channel == NULL)
		return call_failed(call);
	messages = take_values(packed, count);
	r = OBJECT_ENOMEM;
	if (messages != NULL)
		r = channel_send_batch(channel, call_entry(call), messages, count, no_wait, &sent);
	if (messages != NULL)
		drop_messages(messages, count);
	response->sent = (uint32_t)sent;
	response->would_block = r == OBJECT_EWOULDBLOCK;
	return channel_exit(call, channel, response->would_block ? OBJECT_OK : r);
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

/* What was received, on its way into the answer. */
struct taken {
	struct channel_delivery *deliveries;
	size_t count;
	uint8_t *bytes; /* the encoding; NULL: no memory */
	size_t length;
};

static Baton__V1__ChannelDelivery to_message(const struct channel_delivery *delivery)
{
	Baton__V1__ChannelDelivery message = BATON__V1__CHANNEL_DELIVERY__INIT;

	message.value.data = delivery->message->bytes;
	message.value.len = delivery->message->length;
	message.token = delivery->token;
	message.attempt = delivery->attempt;
	return message;
}

static uint8_t *put_delivery(uint8_t *to, const struct channel_delivery *delivery)
{
	const Baton__V1__ChannelDelivery message = to_message(delivery);
	const size_t body = protobuf_c_message_get_packed_size(&message.base);
	size_t length = body;

	*to++ = PACKED_KEY;
	for (; length >= 0x80; length >>= 7)
		*to++ = (uint8_t)(length | 0x80);
	*to++ = (uint8_t)length;
	protobuf_c_message_pack(&message.base, to);
	return to + body;
}

/* On the thread's own stack: protobuf-c's encoding may need much. */
static void encode(void *arg)
{
	struct taken *taken = arg;
	size_t room = 1;
	uint8_t *at;

	for (size_t i = 0; i < taken->count; i++)
		room += taken->deliveries[i].message->length + 64;
	taken->bytes = memory_alloc(room);
	at = taken->bytes;
	for (size_t i = 0; at != NULL && i < taken->count; i++)
		at = put_delivery(at, &taken->deliveries[i]);
	taken->length = at != NULL ? (size_t)(at - taken->bytes) : 0;
}

static uint64_t *copy_tokens(const struct taken *taken)
{
	uint64_t *tokens = memory_alloc(taken->count * sizeof(*tokens));

	for (size_t i = 0; tokens != NULL && i < taken->count; i++)
		tokens[i] = taken->deliveries[i].token;
	return tokens;
}

/* Puts what was TAKEN into the answer, or back. 0 or OBJECT_ENOMEM. */
static int reply_deliveries(struct call *call, struct channel *channel, struct taken *taken, bool manual)
{
	struct message *value = NULL;
	uint64_t *tokens = manual ? NULL : copy_tokens(taken);
	int r = OBJECT_ENOMEM;

	co_on_thread_stack(encode, taken);
	if (taken->bytes != NULL && (manual || tokens != NULL))
		value = message_new(taken->bytes, taken->length);
	if (value != NULL) {
		call_reply_value(call, FIELD_DELIVERIES, value);
		if (!manual)
			call_await_acknowledgements(call, channel, tokens, taken->count);
		r = OBJECT_OK;
	}
	for (size_t i = 0; i < taken->count; i++) {
		if (value == NULL)
			(void)channel_return(channel, taken->deliveries[i].token, co_now_cached());
		message_unref(taken->deliveries[i].message);
	}
	if (value == NULL)
		memory_free(tokens);
	memory_free(taken->bytes);
	return r;
}

int handle_channel_receive_batch(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelReceiveBatchRequest *request = message;
	Baton__V1__ChannelReceiveBatchResponse *response = answer;
	const bool no_wait = request->no_wait;
	const bool manual = request->manual_ack;
	const size_t max = request->max == 0 || request->max > CHANNEL_BATCH_MAX ? CHANNEL_BATCH_MAX : request->max;
	struct channel *channel =
		channel_enter_end(call, request->name, request->handle, CHANNEL_RECEIVES, request->type);
	struct taken taken = {0};
	int r = OBJECT_ENOMEM;

	if (channel == NULL)
		return call_failed(call);
	taken.deliveries = memory_alloc(max * sizeof(struct channel_delivery));
	if (taken.deliveries != NULL)
		r = channel_receive_batch(
			channel, call_entry(call), no_wait, manual, max, BATCH_BYTES, taken.deliveries, &taken.count);
	if (r == OBJECT_OK)
		r = reply_deliveries(call, channel, &taken, manual);
	memory_free(taken.deliveries);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	response->closed = r == OBJECT_ECLOSED;
	return channel_exit(call, channel, response->would_block || response->closed ? OBJECT_OK : r);
}
