/* SPDX-License-Identifier: MIT
 *
 * operations_sync.c - wait groups, onces and conds on the wire.
 */
#include "clientlib/operations_sync.h"

#include <string.h>

#include "base/name.h"
#include "clientlib/error.h"

/* protobuf-c's structures take no const; the encoder only reads. */
static char *text(const char *string)
{
	return (char *)(uintptr_t)(string != NULL ? string : "");
}

/* ---- wait groups ------------------------------------------------------------------------------------------------- */

const char *fill_wg_add(const struct baton_call *call, struct operation_request *request)
{
	request->wait_group_add = (Baton__V1__WaitGroupAddRequest)BATON__V1__WAIT_GROUP_ADD_REQUEST__INIT;
	request->wait_group_add.name = text(call->name);
	request->wait_group_add.n = (int64_t)call->number;
	request->wait_group_add.bound = call->bound;
	return NULL;
}

const char *fill_wg_done(const struct baton_call *call, struct operation_request *request)
{
	request->wait_group_done = (Baton__V1__WaitGroupDoneRequest)BATON__V1__WAIT_GROUP_DONE_REQUEST__INIT;
	request->wait_group_done.name = text(call->name);
	return NULL;
}

const char *fill_wg_wait(const struct baton_call *call, struct operation_request *request)
{
	request->wait_group_wait = (Baton__V1__WaitGroupWaitRequest)BATON__V1__WAIT_GROUP_WAIT_REQUEST__INIT;
	request->wait_group_wait.name = text(call->name);
	request->wait_group_wait.no_wait = call->no_wait;
	return NULL;
}

int read_wg_wait(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__WaitGroupWaitResponse *wait = (const Baton__V1__WaitGroupWaitResponse *)response;

	if (wait->would_block)
		return BATON_EWOULDBLOCK;
	result_face(result)->number = wait->lost;
	return BATON_OK;
}

const char *fill_wg_adopt(const struct baton_call *call, struct operation_request *request)
{
	request->wait_group_adopt = (Baton__V1__WaitGroupAdoptRequest)BATON__V1__WAIT_GROUP_ADOPT_REQUEST__INIT;
	request->wait_group_adopt.name = text(call->name);
	request->wait_group_adopt.n = call->number;
	return NULL;
}

/* ---- onces ------------------------------------------------------------------------------------------------------- */

static void take_bytes(struct result *result, const ProtobufCBinaryData *value)
{
	if (value->len == 0)
		return;
	result_face(result)->value = value->data;
	result_face(result)->value_length = value->len;
}

const char *fill_once_begin(const struct baton_call *call, struct operation_request *request)
{
	request->once_begin = (Baton__V1__OnceBeginRequest)BATON__V1__ONCE_BEGIN_REQUEST__INIT;
	request->once_begin.name = text(call->name);
	request->once_begin.no_wait = call->no_wait;
	return NULL;
}

int read_once_begin(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__OnceBeginResponse *begin = (const Baton__V1__OnceBeginResponse *)response;

	if (begin->would_block)
		return BATON_EWOULDBLOCK;
	result_face(result)->run = begin->run;
	result_face(result)->token = begin->token;
	result_face(result)->abandoned = begin->abandoned;
	take_bytes(result, &begin->value);
	return BATON_OK;
}

const char *fill_once_complete(const struct baton_call *call, struct operation_request *request)
{
	if (call->duration_ns < 0)
		return "would be kept for a time below zero";
	request->once_complete = (Baton__V1__OnceCompleteRequest)BATON__V1__ONCE_COMPLETE_REQUEST__INIT;
	request->once_complete.name = text(call->name);
	request->once_complete.token = call->token;
	request->once_complete.value =
		(ProtobufCBinaryData){.len = call->value_length, .data = (uint8_t *)(uintptr_t)call->value};
	request->once_complete.keep_us = ((uint64_t)call->duration_ns + 999) / 1000;
	return NULL;
}

const char *fill_once_fail(const struct baton_call *call, struct operation_request *request)
{
	request->once_fail = (Baton__V1__OnceFailRequest)BATON__V1__ONCE_FAIL_REQUEST__INIT;
	request->once_fail.name = text(call->name);
	request->once_fail.token = call->token;
	return NULL;
}

const char *fill_once_get(const struct baton_call *call, struct operation_request *request)
{
	request->once_get = (Baton__V1__OnceGetRequest)BATON__V1__ONCE_GET_REQUEST__INIT;
	request->once_get.name = text(call->name);
	return NULL;
}

int read_once_get(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__OnceGetResponse *get = (const Baton__V1__OnceGetResponse *)response;

	result_face(result)->done = get->done;
	take_bytes(result, &get->value);
	return BATON_OK;
}

const char *fill_once_reset(const struct baton_call *call, struct operation_request *request)
{
	request->once_reset = (Baton__V1__OnceResetRequest)BATON__V1__ONCE_RESET_REQUEST__INIT;
	request->once_reset.name = text(call->name);
	return NULL;
}

int read_once_reset(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->done = ((const Baton__V1__OnceResetResponse *)response)->was_done;
	return BATON_OK;
}

/* ---- conds ------------------------------------------------------------------------------------------------------- */

const char *fill_cond_wait(const struct baton_call *call, struct operation_request *request)
{
	const char *rule;

	if (call->mutex == NULL || !name_is_valid(call->mutex, strlen(call->mutex), &rule))
		return "would wait with a mutex whose name is none";
	if (call->duration_ns < 0)
		return "would wait for a time below zero";
	request->cond_wait = (Baton__V1__CondWaitRequest)BATON__V1__COND_WAIT_REQUEST__INIT;
	request->cond_wait.name = text(call->name);
	request->cond_wait.mutex = text(call->mutex);
	request->cond_wait.token = call->token;
	request->cond_wait.timeout_us = ((uint64_t)call->duration_ns + 999) / 1000;
	return NULL;
}

int read_cond_wait(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__CondWaitResponse *wait = (const Baton__V1__CondWaitResponse *)response;

	result_face(result)->name = wait->mutex; /* what a late verdict gives back */
	result_face(result)->holds = wait->locked;
	result_face(result)->token = wait->token;
	result_face(result)->abandoned = wait->abandoned;
	result_face(result)->timed_out = wait->timed_out;
	result_face(result)->reason = wait->locked ? BATON_OK : error_of_reason((int)wait->reason);
	return BATON_OK;
}

const char *fill_cond_signal(const struct baton_call *call, struct operation_request *request)
{
	request->cond_signal = (Baton__V1__CondSignalRequest)BATON__V1__COND_SIGNAL_REQUEST__INIT;
	request->cond_signal.name = text(call->name);
	return NULL;
}

int read_cond_signal(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->number = ((const Baton__V1__CondSignalResponse *)response)->woken;
	return BATON_OK;
}

const char *fill_cond_broadcast(const struct baton_call *call, struct operation_request *request)
{
	request->cond_broadcast = (Baton__V1__CondBroadcastRequest)BATON__V1__COND_BROADCAST_REQUEST__INIT;
	request->cond_broadcast.name = text(call->name);
	return NULL;
}

int read_cond_broadcast(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->number = ((const Baton__V1__CondBroadcastResponse *)response)->woken;
	return BATON_OK;
}
