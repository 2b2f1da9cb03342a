/* SPDX-License-Identifier: MIT
 *
 * channel_ends.c - the ends of channels: handles with a direction.
 */
#include <string.h>

#include "base/memory.h"
#include "clientlib/baton.h"
#include "clientlib/error.h"

struct baton_chan_end {
	baton_client *client;
	uint64_t handle;
	char name[];
};

/* ---- opening and releasing --------------------------------------------------------------------------------------- */

static int ask_handle(baton_client *client, const char *name, const char *type, bool sends, uint64_t *ret)
{
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_CHAN_OPEN, .name = name, .type = type, .sends = sends};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);

	if (r == BATON_OK)
		*ret = result->token;
	baton_result_free(result);
	return r;
}

static int open_end(baton_client *client, const char *name, const char *type, bool sends, struct baton_chan_end **ret)
{
	const size_t length = name != NULL ? strlen(name) : 0;
	struct baton_chan_end *end = memory_alloc(sizeof(*end) + length + 1);
	int r;

	if (end == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	end->client = client;
	memcpy(end->name, name != NULL ? name : "", length + 1);
	r = ask_handle(client, name, type, sends, &end->handle);
	if (r == BATON_OK)
		*ret = end;
	else
		memory_free(end);
	return r;
}

/* The call by END, which is to be made by invoke(). */
static struct baton_call call_by(const struct baton_chan_end *end, enum baton_operation operation)
{
	return (struct baton_call){
		.size = sizeof(struct baton_call),
		.operation = operation,
		.name = end->name,
		.handle = end->handle,
	};
}

static int refuse_nil(void)
{
	return error_say(BATON_EINVAL, "the channel is nil");
}

static int release(struct baton_chan_end *end)
{
	struct baton_call call;
	int r;

	if (end == NULL)
		return BATON_OK;
	call = call_by(end, BATON_CHAN_RELEASE);
	call.token = end->handle;
	r = baton_invoke(end->client, NULL, &call, NULL);
	memory_free(end);
	return r;
}

int baton_chan_open_sender(baton_client *client, const char *name, const char *type, baton_chan_sender *ret)
{
	return open_end(client, name, type, true, &ret->end);
}

int baton_chan_open_receiver(baton_client *client, const char *name, const char *type, baton_chan_receiver *ret)
{
	return open_end(client, name, type, false, &ret->end);
}

int baton_chan_open(baton_client *client, const char *name, const char *type, baton_chan *ret)
{
	int r = baton_chan_open_sender(client, name, type, &ret->sender);

	if (r != BATON_OK)
		return r;
	r = baton_chan_open_receiver(client, name, type, &ret->receiver);
	if (r != BATON_OK)
		release(ret->sender.end);
	return r;
}

int baton_sender_release(baton_chan_sender sender)
{
	return release(sender.end);
}

int baton_receiver_release(baton_chan_receiver receiver)
{
	return release(receiver.end);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static int send_by(struct baton_chan_end *end, baton_context *context, const void *value, size_t length, bool no_wait)
{
	struct baton_call call;

	if (end == NULL)
		return refuse_nil();
	call = call_by(end, BATON_CHAN_SEND);
	call.value = value;
	call.value_length = length;
	call.no_wait = no_wait;
	return baton_invoke(end->client, context, &call, NULL);
}

int baton_sender_send(baton_chan_sender sender, baton_context *context, const void *value, size_t length)
{
	return send_by(sender.end, context, value, length, false);
}

int baton_sender_try_send(baton_chan_sender sender, const void *value, size_t length)
{
	return send_by(sender.end, NULL, value, length, true);
}

int baton_sender_close(baton_chan_sender sender)
{
	struct baton_call call;

	if (sender.end == NULL)
		return refuse_nil();
	call = call_by(sender.end, BATON_CHAN_CLOSE);
	return baton_invoke(sender.end->client, NULL, &call, NULL);
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

/* As baton_chan_take(); without RET_TOKEN the message is acknowledged. */
static int receive_by(struct baton_chan_end *end, baton_context *context, bool no_wait, void **ret_value,
	size_t *ret_length, uint64_t *ret_token, uint32_t *ret_attempt)
{
	struct baton_result *result = NULL;
	struct baton_call call;
	int r;

	if (end == NULL)
		return refuse_nil();
	call = call_by(end, BATON_CHAN_RECEIVE);
	call.no_wait = no_wait;
	call.manual_ack = ret_token != NULL;
	r = baton_invoke(end->client, context, &call, &result);
	if (r == BATON_OK) {
		*ret_length = result->value_length;
		*ret_value = memory_copy(result->value, result->value_length);
		if (*ret_value == NULL)
			r = error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
		if (r != BATON_OK && ret_token != NULL)
			baton_chan_nack(end->client, end->name, result->token);
		if (ret_token != NULL)
			*ret_token = result->token;
		if (ret_attempt != NULL)
			*ret_attempt = result->attempt;
	}
	baton_result_free(result);
	return r;
}

int baton_receiver_receive(baton_chan_receiver receiver, baton_context *context, void **ret_value, size_t *ret_length)
{
	return receive_by(receiver.end, context, false, ret_value, ret_length, NULL, NULL);
}

int baton_receiver_try_receive(baton_chan_receiver receiver, void **ret_value, size_t *ret_length)
{
	return receive_by(receiver.end, NULL, true, ret_value, ret_length, NULL, NULL);
}

int baton_receiver_take(baton_chan_receiver receiver, baton_context *context, void **ret_value, size_t *ret_length,
	uint64_t *ret_token, uint32_t *ret_attempt)
{
	return receive_by(receiver.end, context, false, ret_value, ret_length, ret_token, ret_attempt);
}

/* ---- as cases of a select ---------------------------------------------------------------------------------------- */

struct baton_case baton_sender_case(baton_chan_sender sender, const void *value, size_t length)
{
	if (sender.end == NULL)
		return (struct baton_case){.kind = BATON_CASE_OFF};
	return (struct baton_case){
		.kind = BATON_CASE_SEND,
		.name = sender.end->name,
		.handle = sender.end->handle,
		.value = value,
		.value_length = length,
	};
}

struct baton_case baton_receiver_case(baton_chan_receiver receiver)
{
	if (receiver.end == NULL)
		return (struct baton_case){.kind = BATON_CASE_OFF};
	return (struct baton_case){
		.kind = BATON_CASE_RECEIVE, .name = receiver.end->name, .handle = receiver.end->handle};
}
