/* SPDX-License-Identifier: MIT
 *
 * service_channel.c - the service Channel: names to channels, requests to their operations. Making and handles are in
 * service_channel_ends.c.
 */
#include <baton/v1/channel.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <string.h>

#include "daemon/call.h"
#include "daemon/channel_call.h"
#include "daemon/limits.h"
#include "daemon/objects/channel.h"
#include "daemon/registry.h"
#include "daemon/select_kind.h"
#include "daemon/services.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

/* The number of ChannelReceiveResponse.value. */
#define FIELD_VALUE 3

static const char kind[] = "chan";

/* ---- what handlers share ----------------------------------------------------------------------------------------- */

struct channel *channel_enter(struct call *call, const char *name)
{
	struct object *object = registry_find(OBJECT_CHANNEL, name);

	if (object != NULL)
		return channel_of(object);
	(void)call_fail(
		call, STATUS(NOT_FOUND), REASON(NOT_MADE), "%s \"%s\": there is none; make it first", kind, name);
	return NULL;
}

struct channel *channel_enter_end(
	struct call *call, const char *name, uint64_t handle, enum channel_direction direction, const char *type)
{
	struct channel *channel = channel_enter(call, name);
	const char *own;
	int r = OBJECT_OK;

	if (channel == NULL)
		return NULL;
	if (handle != 0)
		r = channel_check_handle(channel, handle, direction);
	if (r != OBJECT_OK) {
		(void)channel_exit(call, channel, r);
		return NULL;
	}
	own = channel_options(channel)->type;
	if (*type == '\0' || strcmp(type, own) == 0)
		return channel;
	(void)call_fail(call, STATUS(INVALID_ARGUMENT), REASON(WRONG_TYPE), "%s \"%s\": its type is \"%s\", not \"%s\"",
		kind, name, own, type);
	registry_release(channel_object(channel));
	return NULL;
}

int channel_exit(struct call *call, struct channel *channel, int r)
{
	struct object *object = channel_object(channel);
	const int status = r == OBJECT_OK ? STATUS(OK) : call_fail_object(call, kind, object->name, r);

	registry_release(object);
	return status;
}

/* ---- send and receive -------------------------------------------------------------------------------------------- */

int handle_channel_send(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelSendRequest *request = message;
	Baton__V1__ChannelSendResponse *response = answer;
	const bool no_wait = request->no_wait;
	const int refused = call_check_value(call, request->value.len);
	struct channel *channel;
	struct message *value;
	int r;

	if (refused != STATUS(OK))
		return refused;
	channel = channel_enter_end(call, request->name, request->handle, CHANNEL_SENDS, request->type);
	if (channel == NULL)
		return call_failed(call);
	value = message_new(request->value.data, request->value.len);
	r = value != NULL ? channel_send(channel, call_entry(call), value, no_wait) : OBJECT_ENOMEM;
	message_unref(value);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	return channel_exit(call, channel, response->would_block ? OBJECT_OK : r);
}

/* The token settles the delivery by hand; a plain one is settled by the reply's acknowledgement too, whichever is
 * first. */
static void reply_delivery(struct call *call, struct channel *channel, const struct channel_delivery *delivery,
	bool manual, Baton__V1__ChannelReceiveResponse *response)
{
	call_reply_value(call, FIELD_VALUE, delivery->message);
	response->attempt = delivery->attempt;
	response->token = delivery->token;
	if (!manual)
		call_await_acknowledgement(call, channel, delivery->token);
}

int handle_channel_receive(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelReceiveRequest *request = message;
	Baton__V1__ChannelReceiveResponse *response = answer;
	const bool no_wait = request->no_wait;
	const bool manual = request->manual_ack;
	struct channel *channel =
		channel_enter_end(call, request->name, request->handle, CHANNEL_RECEIVES, request->type);
	struct channel_delivery delivery;
	int r;

	if (channel == NULL)
		return call_failed(call);
	r = channel_receive(channel, call_entry(call), no_wait, manual, &delivery);
	if (r == OBJECT_OK)
		reply_delivery(call, channel, &delivery, manual, response);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	response->closed = r == OBJECT_ECLOSED;
	return channel_exit(call, channel, response->would_block || response->closed ? OBJECT_OK : r);
}

int handle_channel_ack(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelAckRequest *request = message;
	struct channel *channel = channel_enter(call, request->name);

	(void)answer;
	if (channel == NULL)
		return call_failed(call);
	return channel_exit(call, channel, channel_acknowledge(channel, request->token));
}

int handle_channel_nack(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelNackRequest *request = message;
	struct channel *channel = channel_enter(call, request->name);
	const int64_t now_ns = co_now();
	int64_t delay_ns = CO_NEVER - 1;

	(void)answer;
	if (channel == NULL)
		return call_failed(call);
	if (request->delay_us < (uint64_t)CO_NEVER / 1000)
		delay_ns = (int64_t)request->delay_us * 1000;
	return channel_exit(call, channel,
		channel_return_later(channel, request->token, now_ns, co_deadline_after(now_ns, delay_ns)));
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

int handle_channel_close(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelCloseRequest *request = message;
	struct channel *channel = channel_enter_end(call, request->name, request->handle, CHANNEL_SENDS, "");

	(void)answer;
	return channel != NULL ? channel_exit(call, channel, channel_close(channel)) : call_failed(call);
}

int handle_channel_length(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelLengthRequest *request = message;
	Baton__V1__ChannelLengthResponse *response = answer;
	struct channel *channel = channel_enter(call, request->name);

	if (channel == NULL)
		return call_failed(call);
	response->length = channel_length(channel);
	return channel_exit(call, channel, OBJECT_OK);
}

int handle_channel_capacity(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelCapacityRequest *request = message;
	Baton__V1__ChannelCapacityResponse *response = answer;
	struct channel *channel = channel_enter(call, request->name);

	if (channel == NULL)
		return call_failed(call);
	response->capacity = channel_options(channel)->capacity;
	return channel_exit(call, channel, OBJECT_OK);
}

int handle_channel_delete(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelDeleteRequest *request = message;
	struct channel *channel = channel_enter(call, request->name);

	(void)answer;
	if (channel == NULL)
		return call_failed(call);
	if (registry_remove(channel_object(channel)))
		channel_delete(channel);
	return channel_exit(call, channel, OBJECT_OK);
}

/* ---- sending and receiving as cases of a select ------------------------------------------------------------------ */

static int open_send(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	const int refused = call_check_value(call, request->value.len);
	struct message *value;
	struct channel *channel;
	int r = OBJECT_ENOMEM;

	if (refused != STATUS(OK))
		return refused;
	channel = channel_enter_end(call, request->name, request->handle, CHANNEL_SENDS, request->type);
	if (channel == NULL)
		return call_failed(call);
	value = message_new(request->value.data, request->value.len);
	if (value != NULL)
		r = channel_send_case(choice, channel, call_entry(call), value);
	message_unref(value);
	return r == OBJECT_OK ? STATUS(OK) : channel_exit(call, channel, r);
}

static void take_nothing(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)call;
	(void)choice;
	(void)response;
}

static int open_receive(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	struct channel *channel =
		channel_enter_end(call, request->name, request->handle, CHANNEL_RECEIVES, request->type);

	if (channel == NULL)
		return call_failed(call);
	channel_receive_case(choice, channel, call_entry(call), request->manual_ack);
	return STATUS(OK);
}

static void take_received(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	const struct channel_delivery delivery = channel_received(choice);

	call_reply_value(call, SELECT_FIELD_VALUE, delivery.message);
	response->attempt = delivery.attempt;
	response->token = delivery.token;
	if (!delivery.manual)
		call_await_acknowledgement(call, channel_of(choice->object), delivery.token);
}

const struct select_kind select_send = {
	.object = kind, .open = open_send, .take = take_nothing, .close = channel_send_case_end};
const struct select_kind select_receive = {.object = kind, .open = open_receive, .take = take_received};
