/* SPDX-License-Identifier: MIT
 *
 * primitives.c - the blocking functions by primitive: each is one call.
 */
#include <string.h>

#include "base/memory.h"
#include "clientlib/baton.h"
#include "clientlib/error.h"

/* ---- calls whose result is no more than success ------------------------------------------------------------------ */

static int tell(baton_client *client, baton_context *context, const struct baton_call *call)
{
	return baton_invoke(client, context, call, NULL);
}

static int ask_number(baton_client *client, const struct baton_call *call, uint64_t *ret)
{
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, call, &result);

	if (r == BATON_OK)
		*ret = result->number;
	baton_result_free(result);
	return r;
}

/* ---- channels ---------------------------------------------------------------------------------------------------- */

static int on_channel(baton_client *client, enum baton_operation operation, const char *name, uint64_t token)
{
	return tell(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call), .operation = operation, .name = name, .token = token});
}

int baton_chan_make(baton_client *client, const char *name, uint64_t capacity)
{
	if (name == NULL || *name == '\0')
		return error_say(BATON_EINVAL, "chan \"\" is empty"); /* a generated name would be lost */
	return tell(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call),
			.operation = BATON_CHAN_MAKE,
			.name = name,
			.number = capacity,
		});
}

int baton_chan_make_with(baton_client *client, const char *name, const struct baton_chan_options *options)
{
	if (name == NULL || *name == '\0')
		return error_say(BATON_EINVAL, "chan \"\" is empty");
	if (options->size != sizeof(*options))
		return error_say(BATON_EINVAL, "the size of struct baton_chan_options is not set");
	return tell(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call),
			.operation = BATON_CHAN_MAKE,
			.name = name,
			.number = options->capacity,
			.type = options->type,
			.bound = options->bound,
			.auto_close = options->auto_close,
		});
}

static int send_value(
	baton_client *client, baton_context *context, const char *name, const void *value, size_t length, bool no_wait)
{
	return tell(client, context,
		&(struct baton_call){
			.size = sizeof(struct baton_call),
			.operation = BATON_CHAN_SEND,
			.name = name,
			.value = value,
			.value_length = length,
			.no_wait = no_wait,
		});
}

int baton_chan_send(baton_client *client, baton_context *context, const char *name, const void *value, size_t length)
{
	return send_value(client, context, name, value, length, false);
}

int baton_chan_try_send(baton_client *client, const char *name, const void *value, size_t length)
{
	return send_value(client, NULL, name, value, length, true);
}

/* A message that there is no memory for here is not lost where it is to be acknowledged by hand. */
static int receive(baton_client *client, baton_context *context, struct baton_call call, void **ret_value,
	size_t *ret_length, struct baton_result **ret)
{
	int r;

	call.size = sizeof(call);
	call.operation = BATON_CHAN_RECEIVE;
	r = baton_invoke(client, context, &call, ret);
	if (r != BATON_OK)
		return r;
	*ret_value = memory_copy((*ret)->value, (*ret)->value_length);
	if (*ret_value == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	*ret_length = (*ret)->value_length;
	return BATON_OK;
}

static int receive_plain(baton_client *client, baton_context *context, const char *name, bool no_wait, void **ret_value,
	size_t *ret_length)
{
	struct baton_result *result = NULL;
	const int r = receive(
		client, context, (struct baton_call){.name = name, .no_wait = no_wait}, ret_value, ret_length, &result);

	baton_result_free(result);
	return r;
}

int baton_chan_receive(
	baton_client *client, baton_context *context, const char *name, void **ret_value, size_t *ret_length)
{
	return receive_plain(client, context, name, false, ret_value, ret_length);
}

int baton_chan_try_receive(baton_client *client, const char *name, void **ret_value, size_t *ret_length)
{
	return receive_plain(client, NULL, name, true, ret_value, ret_length);
}

void baton_free(void *value)
{
	memory_free(value);
}

int baton_chan_take(baton_client *client, baton_context *context, const char *name, void **ret_value,
	size_t *ret_length, uint64_t *ret_token, uint32_t *ret_attempt)
{
	struct baton_result *result = NULL;
	const int r = receive(
		client, context, (struct baton_call){.name = name, .manual_ack = true}, ret_value, ret_length, &result);

	if (r == BATON_OK) {
		*ret_token = result->token;
		if (ret_attempt != NULL)
			*ret_attempt = result->attempt;
	} else if (result != NULL && result->error == BATON_OK) {
		baton_chan_nack(client, name, result->token);
	}
	baton_result_free(result);
	return r;
}

int baton_chan_ack(baton_client *client, const char *name, uint64_t token)
{
	return on_channel(client, BATON_CHAN_ACK, name, token);
}

int baton_chan_nack(baton_client *client, const char *name, uint64_t token)
{
	return on_channel(client, BATON_CHAN_NACK, name, token);
}

int baton_chan_send_batch(baton_client *client, baton_context *context, const char *name,
	const struct baton_value *values, size_t count, size_t *ret_sent)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_SEND_BATCH,
		.name = name,
		.values = values,
		.value_count = count,
	};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, context, &call, &result);

	*ret_sent = r == BATON_OK ? (size_t)result->number : 0;
	baton_result_free(result);
	return r;
}

int baton_chan_receive_batch(baton_client *client, baton_context *context, const char *name, size_t max,
	bool manual_ack, struct baton_result **ret)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_RECEIVE_BATCH,
		.name = name,
		.number = max,
		.manual_ack = manual_ack,
	};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, context, &call, &result);

	if (r == BATON_OK)
		*ret = result;
	else
		baton_result_free(result);
	return r;
}

int baton_chan_nack_later(baton_client *client, const char *name, uint64_t token, int64_t delay_ns)
{
	return tell(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call),
			.operation = BATON_CHAN_NACK,
			.name = name,
			.token = token,
			.duration_ns = delay_ns,
		});
}

int baton_chan_close(baton_client *client, const char *name)
{
	return on_channel(client, BATON_CHAN_CLOSE, name, 0);
}

int baton_chan_len(baton_client *client, const char *name, uint64_t *ret)
{
	return ask_number(client,
		&(struct baton_call){.size = sizeof(struct baton_call), .operation = BATON_CHAN_LENGTH, .name = name},
		ret);
}

int baton_chan_cap(baton_client *client, const char *name, uint64_t *ret)
{
	return ask_number(client,
		&(struct baton_call){.size = sizeof(struct baton_call), .operation = BATON_CHAN_CAPACITY, .name = name},
		ret);
}

int baton_chan_delete(baton_client *client, const char *name)
{
	return on_channel(client, BATON_CHAN_DELETE, name, 0);
}

int baton_ping(baton_client *client)
{
	return tell(client, NULL, &(struct baton_call){.size = sizeof(struct baton_call), .operation = BATON_PING});
}
