/* SPDX-License-Identifier: MIT
 *
 * service_channel.c - the service Channel: names to channels, requests to their operations.
 */
#include <baton/v1/channel.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <string.h>

#include "daemon/call.h"
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

/* The channel called NAME, with a reference for leave(); NULL, and the call has failed, if there is none. */
static struct channel *enter(struct call *call, const char *name)
{
	struct object *object = registry_find(OBJECT_CHANNEL, name);

	if (object != NULL)
		return channel_of(object);
	call_fail(call, STATUS(NOT_FOUND), REASON(NOT_MADE), "%s \"%s\": there is none; make it first", kind, name);
	return NULL;
}

/* Ends the call with what CHANNEL said, and gives it back. Returns the status. */
static int leave(struct call *call, struct channel *channel, int r)
{
	struct object *object = channel_object(channel);
	const int status = r == OBJECT_OK ? STATUS(OK) : call_fail_object(call, kind, object->name, r);

	registry_release(object);
	return status;
}

/* ---- make -------------------------------------------------------------------------------------------------------- */

#define GENERATED_PREFIX "chan-"
#define GENERATED_RANDOM 16 /* characters of 5 bits: nobody guesses one */
#define GENERATED_BYTES (sizeof(GENERATED_PREFIX) + GENERATED_RANDOM)

static void generate_name(char *name)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *at = stpcpy(name, GENERATED_PREFIX);
	uint8_t random[GENERATED_RANDOM];

	co_random(random, sizeof(random));
	for (size_t i = 0; i < GENERATED_RANDOM; i++)
		*at++ = alphabet[random[i] % 32];
	*at = '\0';
}

/* The name to make, in memory of the call's; NULL: no memory. */
static char *choose_name(struct call *call, const char *wanted)
{
	const size_t size = *wanted != '\0' ? strlen(wanted) + 1 : GENERATED_BYTES;
	char *name = call_memory(call, size);

	if (name == NULL)
		return NULL;
	if (*wanted != '\0')
		memcpy(name, wanted, size);
	else
		generate_name(name);
	return name;
}

static int make_channel(const char *name, void *capacity, struct object **ret)
{
	struct channel *channel;
	const int r = channel_new(name, *(const uint64_t *)capacity, &channel);

	if (r == OBJECT_OK)
		*ret = channel_object(channel);
	return r;
}

int handle_channel_make(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelMakeRequest *request = message;
	Baton__V1__ChannelMakeResponse *response = answer;
	uint64_t capacity = request->capacity;
	char *name = choose_name(call, request->name);
	struct object *object;
	uint64_t present;
	bool created;
	int r = OBJECT_ENOMEM;

	if (name != NULL)
		r = registry_open(OBJECT_CHANNEL, name, make_channel, &capacity, &object, &created);
	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	present = channel_capacity(channel_of(object));
	if (present != capacity) {
		registry_release(object);
		return call_fail(call, STATUS(ALREADY_EXISTS), REASON(OTHER_PARAMETERS),
			"%s \"%s\": made with capacity %llu, not %llu", kind, name, (unsigned long long)present,
			(unsigned long long)capacity);
	}
	response->name = name;
	response->created = created;
	return leave(call, channel_of(object), OBJECT_OK);
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
	channel = enter(call, request->name);
	if (channel == NULL)
		return STATUS(NOT_FOUND);
	value = message_new(request->value.data, request->value.len);
	r = value != NULL ? channel_send(channel, call_entry(call), value, no_wait) : OBJECT_ENOMEM;
	message_unref(value);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	return leave(call, channel, response->would_block ? OBJECT_OK : r);
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
	struct channel *channel = enter(call, request->name);
	struct channel_delivery delivery;
	int r;

	if (channel == NULL)
		return STATUS(NOT_FOUND);
	r = channel_receive(channel, call_entry(call), no_wait, manual, &delivery);
	if (r == OBJECT_OK)
		reply_delivery(call, channel, &delivery, manual, response);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	response->closed = r == OBJECT_ECLOSED;
	return leave(call, channel, response->would_block || response->closed ? OBJECT_OK : r);
}

int handle_channel_ack(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelAckRequest *request = message;
	struct channel *channel = enter(call, request->name);

	(void)answer;
	if (channel == NULL)
		return STATUS(NOT_FOUND);
	return leave(call, channel, channel_acknowledge(channel, request->token));
}

int handle_channel_nack(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelNackRequest *request = message;
	struct channel *channel = enter(call, request->name);

	(void)answer;
	if (channel == NULL)
		return STATUS(NOT_FOUND);
	return leave(call, channel, channel_return(channel, request->token, co_now_cached()));
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

int handle_channel_close(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelCloseRequest *request = message;
	struct channel *channel = enter(call, request->name);

	(void)answer;
	return channel != NULL ? leave(call, channel, channel_close(channel)) : STATUS(NOT_FOUND);
}

int handle_channel_length(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelLengthRequest *request = message;
	Baton__V1__ChannelLengthResponse *response = answer;
	struct channel *channel = enter(call, request->name);

	if (channel == NULL)
		return STATUS(NOT_FOUND);
	response->length = channel_length(channel);
	return leave(call, channel, OBJECT_OK);
}

int handle_channel_capacity(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelCapacityRequest *request = message;
	Baton__V1__ChannelCapacityResponse *response = answer;
	struct channel *channel = enter(call, request->name);

	if (channel == NULL)
		return STATUS(NOT_FOUND);
	response->capacity = channel_capacity(channel);
	return leave(call, channel, OBJECT_OK);
}

int handle_channel_delete(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelDeleteRequest *request = message;
	struct channel *channel = enter(call, request->name);

	(void)answer;
	if (channel == NULL)
		return STATUS(NOT_FOUND);
	if (registry_remove(channel_object(channel)))
		channel_delete(channel);
	return leave(call, channel, OBJECT_OK);
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
	channel = enter(call, request->name);
	if (channel == NULL)
		return STATUS(NOT_FOUND);
	value = message_new(request->value.data, request->value.len);
	if (value != NULL)
		r = channel_send_case(choice, channel, call_entry(call), value);
	message_unref(value);
	return r == OBJECT_OK ? STATUS(OK) : leave(call, channel, r);
}

static void take_nothing(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)call;
	(void)choice;
	(void)response;
}

static int open_receive(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	struct channel *channel = enter(call, request->name);

	if (channel == NULL)
		return STATUS(NOT_FOUND);
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
