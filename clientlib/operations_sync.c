/* SPDX-License-Identifier: MIT
 *
 * operations_sync.c - wait groups, onces and conds on the wire.
 */
#include "clientlib/operations_sync.h"

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
