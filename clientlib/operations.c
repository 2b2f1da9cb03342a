/* SPDX-License-Identifier: MIT
 *
 * operations.c - the table of operations: how each is asked and how its answer is read.
 */
#include "clientlib/operations.h"

#include <string.h>

#include "base/memory.h"
#include "base/name.h"
#include "baton/v1/status.pb-c.h"
#include "clientlib/cases.h"
#include "clientlib/operations_batch.h"
#include "clientlib/operations_context.h"
#include "clientlib/operations_locks.h"
#include "clientlib/operations_map.h"
#include "clientlib/operations_sync.h"

#define METHOD(name) BATON__V1__METHOD__METHOD_##name
#define RESPONSE(name) &baton__v1__##name##__descriptor
#define PING_MAX_BYTES 1024u

/* protobuf-c's structures take no const; the encoder only reads. */
static char *text(const char *string)
{
	return (char *)(uintptr_t)(string != NULL ? string : "");
}

static ProtobufCBinaryData bytes(const struct baton_call *call)
{
	return (ProtobufCBinaryData){.len = call->value_length, .data = (uint8_t *)(uintptr_t)call->value};
}

static int64_t from_us(uint64_t us)
{
	return us > (uint64_t)INT64_MAX / 1000 ? INT64_MAX : (int64_t)(us * 1000);
}

/* Many responses say nothing. */
static int read_nothing(const ProtobufCMessage *response, struct result *result)
{
	(void)response;
	(void)result;
	return BATON_OK;
}

/* ---- channels ---------------------------------------------------------------------------------------------------- */

static const char *fill_channel_make(const struct baton_call *call, struct operation_request *request)
{
	request->channel_make = (Baton__V1__ChannelMakeRequest)BATON__V1__CHANNEL_MAKE_REQUEST__INIT;
	request->channel_make.name = text(call->name);
	request->channel_make.capacity = call->number;
	request->channel_make.type = text(call->type);
	request->channel_make.bound = call->bound;
	request->channel_make.auto_close = call->auto_close;
	return NULL;
}

static int read_channel_make(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ChannelMakeResponse *made = (const Baton__V1__ChannelMakeResponse *)response;

	result_face(result)->name = made->name;
	result_face(result)->created = made->created;
	return BATON_OK;
}

static const char *fill_channel_send(const struct baton_call *call, struct operation_request *request)
{
	request->channel_send = (Baton__V1__ChannelSendRequest)BATON__V1__CHANNEL_SEND_REQUEST__INIT;
	request->channel_send.name = text(call->name);
	request->channel_send.value = bytes(call);
	request->channel_send.no_wait = call->no_wait;
	request->channel_send.handle = call->handle;
	request->channel_send.type = text(call->type);
	return NULL;
}

static int read_channel_send(const ProtobufCMessage *response, struct result *result)
{
	(void)result;
	return ((const Baton__V1__ChannelSendResponse *)response)->would_block ? BATON_EWOULDBLOCK : BATON_OK;
}

static const char *fill_channel_receive(const struct baton_call *call, struct operation_request *request)
{
	request->channel_receive = (Baton__V1__ChannelReceiveRequest)BATON__V1__CHANNEL_RECEIVE_REQUEST__INIT;
	request->channel_receive.name = text(call->name);
	request->channel_receive.no_wait = call->no_wait;
	request->channel_receive.manual_ack = call->manual_ack;
	request->channel_receive.handle = call->handle;
	request->channel_receive.type = text(call->type);
	return NULL;
}

static int read_channel_receive(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ChannelReceiveResponse *received = (const Baton__V1__ChannelReceiveResponse *)response;

	if (received->would_block)
		return BATON_EWOULDBLOCK;
	if (received->closed)
		return BATON_ECLOSED;
	if (received->value.len > 0) {
		result_face(result)->value = received->value.data;
		result_face(result)->value_length = received->value.len;
	}
	result_face(result)->token = received->token;
	result_face(result)->attempt = received->attempt;
	return BATON_OK;
}

static const char *fill_channel_ack(const struct baton_call *call, struct operation_request *request)
{
	request->channel_ack = (Baton__V1__ChannelAckRequest)BATON__V1__CHANNEL_ACK_REQUEST__INIT;
	request->channel_ack.name = text(call->name);
	request->channel_ack.token = call->token;
	return NULL;
}

static const char *fill_channel_nack(const struct baton_call *call, struct operation_request *request)
{
	request->channel_nack = (Baton__V1__ChannelNackRequest)BATON__V1__CHANNEL_NACK_REQUEST__INIT;
	request->channel_nack.name = text(call->name);
	request->channel_nack.token = call->token;
	request->channel_nack.delay_us = call->duration_ns > 0 ? ((uint64_t)call->duration_ns + 999) / 1000 : 0;
	return NULL;
}

static const char *fill_channel_close(const struct baton_call *call, struct operation_request *request)
{
	request->channel_close = (Baton__V1__ChannelCloseRequest)BATON__V1__CHANNEL_CLOSE_REQUEST__INIT;
	request->channel_close.name = text(call->name);
	request->channel_close.handle = call->handle;
	return NULL;
}

static const char *fill_channel_length(const struct baton_call *call, struct operation_request *request)
{
	request->channel_length = (Baton__V1__ChannelLengthRequest)BATON__V1__CHANNEL_LENGTH_REQUEST__INIT;
	request->channel_length.name = text(call->name);
	return NULL;
}

static int read_channel_length(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->number = ((const Baton__V1__ChannelLengthResponse *)response)->length;
	return BATON_OK;
}

static const char *fill_channel_capacity(const struct baton_call *call, struct operation_request *request)
{
	request->channel_capacity = (Baton__V1__ChannelCapacityRequest)BATON__V1__CHANNEL_CAPACITY_REQUEST__INIT;
	request->channel_capacity.name = text(call->name);
	return NULL;
}

static int read_channel_capacity(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->number = ((const Baton__V1__ChannelCapacityResponse *)response)->capacity;
	return BATON_OK;
}

static const char *fill_channel_delete(const struct baton_call *call, struct operation_request *request)
{
	request->channel_delete = (Baton__V1__ChannelDeleteRequest)BATON__V1__CHANNEL_DELETE_REQUEST__INIT;
	request->channel_delete.name = text(call->name);
	return NULL;
}

static const char *fill_channel_open(const struct baton_call *call, struct operation_request *request)
{
	request->channel_open = (Baton__V1__ChannelOpenRequest)BATON__V1__CHANNEL_OPEN_REQUEST__INIT;
	request->channel_open.name = text(call->name);
	request->channel_open.direction = call->sends ? BATON__V1__CHANNEL_DIRECTION__CHANNEL_DIRECTION_SEND
						      : BATON__V1__CHANNEL_DIRECTION__CHANNEL_DIRECTION_RECEIVE;
	request->channel_open.type = text(call->type);
	return NULL;
}

static int read_channel_open(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->token = ((const Baton__V1__ChannelOpenResponse *)response)->handle;
	return BATON_OK;
}

static const char *fill_channel_release(const struct baton_call *call, struct operation_request *request)
{
	request->channel_release = (Baton__V1__ChannelReleaseRequest)BATON__V1__CHANNEL_RELEASE_REQUEST__INIT;
	request->channel_release.name = text(call->name);
	request->channel_release.handle = call->token;
	return NULL;
}

/* ---- select ------------------------------------------------------------------------------------------------------ */

static const char *fill_select(const struct baton_call *call, struct operation_request *request)
{
	const char *why;
	size_t length = 0;
	uint8_t *packed = cases_pack(call, &length, &why);

	request->select_wait = (Baton__V1__SelectWaitRequest)BATON__V1__SELECT_WAIT_REQUEST__INIT;
	request->select_wait.cases = (ProtobufCBinaryData){.len = length, .data = packed};
	request->select_wait.no_wait = call->no_wait;
	request->owned = packed;
	request->is_exhausted = packed == NULL && why == NULL;
	return why;
}

static int read_select(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__SelectWaitResponse *selected = (const Baton__V1__SelectWaitResponse *)response;
	struct baton_result *face = result_face(result);

	if (selected->would_block)
		return BATON_EWOULDBLOCK;
	if (selected->value.len > 0) {
		face->value = selected->value.data;
		face->value_length = selected->value.len;
	}
	face->index = selected->index;
	face->closed = selected->closed;
	face->token = selected->token;
	face->attempt = selected->attempt;
	face->abandoned = selected->abandoned;
	face->number = selected->number;
	return BATON_OK;
}

void operation_request_done(struct operation_request *request)
{
	memory_free(request->owned);
}

/* ---- the daemon -------------------------------------------------------------------------------------------------- */

static const char *fill_ping(const struct baton_call *call, struct operation_request *request)
{
	if (call->value_length > PING_MAX_BYTES)
		return "a ping carries at most 1 KiB";
	request->ping = (Baton__V1__PingRequest)BATON__V1__PING_REQUEST__INIT;
	request->ping.payload = bytes(call);
	return NULL;
}

static int read_ping(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__PingResponse *ping = (const Baton__V1__PingResponse *)response;

	if (ping->payload.len > 0) {
		result_face(result)->value = ping->payload.data;
		result_face(result)->value_length = ping->payload.len;
	}
	return BATON_OK;
}

static const char *fill_status(const struct baton_call *call, struct operation_request *request)
{
	(void)call;
	request->status = (Baton__V1__StatusRequest)BATON__V1__STATUS_REQUEST__INIT;
	return NULL;
}

static int read_status(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__StatusResponse *from = (const Baton__V1__StatusResponse *)response;
	struct baton_status *status = result_memory(result, sizeof(*status));

	if (status == NULL)
		return BATON_ENOMEM;
	*status = (struct baton_status){
		.version = from->version,
		.incarnation = from->incarnation,
		.pid = from->pid,
		.uptime_ns = from_us(from->uptime_us),
		.connections = from->connections,
		.sessions = from->sessions,
		.objects = from->objects,
		.blocked = from->blocked,
		.holds = from->holds,
		.deliveries = from->deliveries,
		.calls = from->calls,
		.transitions = from->transitions,
		.coroutines = from->coroutines,
		.guard = from->guard,
		.grace_ns = from_us(from->grace_us),
		.token = from->token,
		.stopping = from->stopping,
	};
	result_face(result)->status = status;
	return BATON_OK;
}

static const char *fill_list(const struct baton_call *call, struct operation_request *request)
{
	if (call->number > UINT32_MAX)
		return "the limit is above 4294967295";
	request->list = (Baton__V1__ListRequest)BATON__V1__LIST_REQUEST__INIT;
	request->list.kind = text(call->kind);
	request->list.pattern = text(call->name);
	request->list.after_kind = text(call->after_kind);
	request->list.after_name = text(call->after_name);
	request->list.limit = (uint32_t)call->number;
	return NULL;
}

static struct baton_object_info object_info(const Baton__V1__ObjectInfo *from)
{
	return (struct baton_object_info){
		.kind = from->kind,
		.name = from->name,
		.state = from->state,
		.holders = from->holders,
		.waiters = from->waiters,
		.length = from->length,
		.capacity = from->capacity,
		.closed = from->closed,
		.deliveries = from->deliveries,
	};
}

static int read_list(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ListResponse *list = (const Baton__V1__ListResponse *)response;
	struct baton_object_info *objects = result_memory(result, list->n_objects * sizeof(*objects));

	if (objects == NULL)
		return BATON_ENOMEM;
	for (size_t i = 0; i < list->n_objects; i++)
		objects[i] = object_info(list->objects[i]);
	result_face(result)->objects = objects;
	result_face(result)->object_count = list->n_objects;
	result_face(result)->more = list->more;
	return BATON_OK;
}

static const char *fill_inspect(const struct baton_call *call, struct operation_request *request)
{
	request->inspect = (Baton__V1__InspectRequest)BATON__V1__INSPECT_REQUEST__INIT;
	request->inspect.kind = text(call->kind);
	request->inspect.name = text(call->name);
	return NULL;
}

static struct baton_party_info party_info(const Baton__V1__PartyInfo *from)
{
	return (struct baton_party_info){
		.role = from->role,
		.session = from->session,
		.label = from->label,
		.host = from->host,
		.pid = from->pid,
		.uid = from->uid,
		.task = from->task,
		.token = from->token,
		.since_ns = from_us(from->since_us),
		.attempt = from->attempt,
		.count = from->count,
	};
}

static int read_inspect(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__InspectResponse *inspect = (const Baton__V1__InspectResponse *)response;
	struct baton_result *face = result_face(result);
	struct baton_party_info *parties = result_memory(result, inspect->n_parties * sizeof(*parties));
	struct baton_object_info *object = result_memory(result, sizeof(*object));

	if (parties == NULL || object == NULL)
		return BATON_ENOMEM;
	for (size_t i = 0; i < inspect->n_parties; i++)
		parties[i] = party_info(inspect->parties[i]);
	face->parties = parties;
	face->party_count = inspect->n_parties;
	if (inspect->object != NULL) {
		*object = object_info(inspect->object);
		face->objects = object;
		face->object_count = 1;
	}
	face->token = inspect->token;
	face->abandoned = inspect->abandoned;
	face->more = inspect->more;
	return BATON_OK;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static const char *fill_session_list(const struct baton_call *call, struct operation_request *request)
{
	request->session_list = (Baton__V1__SessionListRequest)BATON__V1__SESSION_LIST_REQUEST__INIT;
	request->session_list.after = call->number;
	return NULL;
}

static struct baton_session_info session_info(const Baton__V1__SessionInfo *from)
{
	return (struct baton_session_info){
		.session = from->session,
		.parent = from->parent,
		.label = from->label,
		.host = from->host,
		.pid = from->pid,
		.uid = from->uid,
		.ttl_ns = from_us(from->ttl_us),
		.age_ns = from_us(from->age_us),
		.heard_ns = from_us(from->heard_us),
		.lanes = from->lanes,
		.connections = from->connections,
		.blocked = from->blocked,
		.holds = from->holds,
	};
}

static int read_session_list(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__SessionListResponse *list = (const Baton__V1__SessionListResponse *)response;
	struct baton_session_info *sessions = result_memory(result, list->n_sessions * sizeof(*sessions));

	if (sessions == NULL)
		return BATON_ENOMEM;
	for (size_t i = 0; i < list->n_sessions; i++)
		sessions[i] = session_info(list->sessions[i]);
	result_face(result)->sessions = sessions;
	result_face(result)->session_count = list->n_sessions;
	result_face(result)->more = list->more;
	return BATON_OK;
}

static const char *fill_session_close(const struct baton_call *call, struct operation_request *request)
{
	request->session_close = (Baton__V1__SessionCloseRequest)BATON__V1__SESSION_CLOSE_REQUEST__INIT;
	if (call->session == NULL)
		return NULL; /* the connection's own */
	if (!session_text_parse(call->session, &request->identity))
		return "the session is not ID.SECRET";
	request->session_close.session = request->identity.id;
	request->session_close.secret = (ProtobufCBinaryData){SESSION_SECRET_BYTES, request->identity.secret};
	return NULL;
}

static const char *fill_session_kill(const struct baton_call *call, struct operation_request *request)
{
	request->session_kill = (Baton__V1__SessionKillRequest)BATON__V1__SESSION_KILL_REQUEST__INIT;
	request->session_kill.session = call->number;
	return NULL;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define NONE BATON_OPERATION_COUNT

static const struct operation operations[BATON_OPERATION_COUNT] = {
	[BATON_MUTEX_LOCK] = {"mutex", METHOD(MUTEX_LOCK), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED,
		BATON_MUTEX_UNLOCK, RESPONSE(mutex_lock_response), fill_mutex_lock, read_mutex_lock},
	[BATON_MUTEX_UNLOCK] = {"mutex", METHOD(MUTEX_UNLOCK), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(mutex_unlock_response), fill_mutex_unlock, read_nothing},
	[BATON_MUTEX_CHECK] = {"mutex", METHOD(MUTEX_CHECK), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(mutex_check_response), fill_mutex_check, read_mutex_check},
	[BATON_MUTEX_LOCK_ALL] = {"mutex", METHOD(MUTEX_LOCK),
		OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED | OPERATION_SEVERAL, BATON_MUTEX_UNLOCK_ALL,
		RESPONSE(mutex_lock_response), fill_mutex_lock_all, read_mutex_lock},
	[BATON_MUTEX_UNLOCK_ALL] = {"mutex", METHOD(MUTEX_UNLOCK),
		OPERATION_SESSION | OPERATION_NAMED | OPERATION_SEVERAL, NONE, RESPONSE(mutex_unlock_response),
		fill_mutex_unlock_all, read_nothing},
	[BATON_MUTEX_HAND_OVER] = {"mutex", METHOD(MUTEX_HAND_OVER), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(mutex_hand_over_response), fill_mutex_hand_over, read_nothing},
	[BATON_RWMUTEX_LOCK] = {"rwmutex", METHOD(RWMUTEX_LOCK), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED,
		BATON_RWMUTEX_UNLOCK, RESPONSE(rwmutex_lock_response), fill_rwmutex_lock, read_rwmutex_lock},
	[BATON_RWMUTEX_RLOCK] = {"rwmutex", METHOD(RWMUTEX_RLOCK),
		OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED, BATON_RWMUTEX_UNLOCK,
		RESPONSE(rwmutex_rlock_response), fill_rwmutex_rlock, read_rwmutex_rlock},
	[BATON_RWMUTEX_UNLOCK] = {"rwmutex", METHOD(RWMUTEX_UNLOCK), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(rwmutex_unlock_response), fill_rwmutex_unlock, read_nothing},
	[BATON_RWMUTEX_CHECK] = {"rwmutex", METHOD(RWMUTEX_CHECK), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(rwmutex_check_response), fill_rwmutex_check, read_rwmutex_check},
	[BATON_RWMUTEX_DOWNGRADE] = {"rwmutex", METHOD(RWMUTEX_DOWNGRADE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(rwmutex_downgrade_response), fill_rwmutex_downgrade, read_nothing},
	[BATON_RWMUTEX_HAND_OVER] = {"rwmutex", METHOD(RWMUTEX_HAND_OVER), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(rwmutex_hand_over_response), fill_rwmutex_hand_over, read_nothing},
	[BATON_SEM_MAKE] = {"sem", METHOD(SEMAPHORE_MAKE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(semaphore_make_response), fill_sem_make, read_sem_make},
	[BATON_SEM_ACQUIRE] = {"sem", METHOD(SEMAPHORE_ACQUIRE), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED,
		BATON_SEM_RELEASE, RESPONSE(semaphore_acquire_response), fill_sem_acquire, read_sem_acquire},
	[BATON_SEM_RELEASE] = {"sem", METHOD(SEMAPHORE_RELEASE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(semaphore_release_response), fill_sem_release, read_nothing},
	[BATON_SEM_CHECK] = {"sem", METHOD(SEMAPHORE_CHECK), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(semaphore_check_response), fill_sem_check, read_sem_check},
	[BATON_SEM_DELETE] = {"sem", METHOD(SEMAPHORE_DELETE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(semaphore_delete_response), fill_sem_delete, read_nothing},
	[BATON_CHAN_MAKE] = {"chan", METHOD(CHANNEL_MAKE), OPERATION_SESSION | OPERATION_NAMED | OPERATION_MAY_GENERATE,
		NONE, RESPONSE(channel_make_response), fill_channel_make, read_channel_make},
	[BATON_CHAN_SEND] = {"chan", METHOD(CHANNEL_SEND), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_send_response), fill_channel_send, read_channel_send},
	[BATON_CHAN_RECEIVE] = {"chan", METHOD(CHANNEL_RECEIVE), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED,
		BATON_CHAN_NACK, RESPONSE(channel_receive_response), fill_channel_receive, read_channel_receive},
	[BATON_CHAN_ACK] = {"chan", METHOD(CHANNEL_ACK), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_ack_response), fill_channel_ack, read_nothing},
	[BATON_CHAN_NACK] = {"chan", METHOD(CHANNEL_NACK), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_nack_response), fill_channel_nack, read_nothing},
	[BATON_CHAN_CLOSE] = {"chan", METHOD(CHANNEL_CLOSE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_close_response), fill_channel_close, read_nothing},
	[BATON_CHAN_LENGTH] = {"chan", METHOD(CHANNEL_LENGTH), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_length_response), fill_channel_length, read_channel_length},
	[BATON_CHAN_CAPACITY] = {"chan", METHOD(CHANNEL_CAPACITY), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_capacity_response), fill_channel_capacity, read_channel_capacity},
	[BATON_CHAN_DELETE] = {"chan", METHOD(CHANNEL_DELETE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_delete_response), fill_channel_delete, read_nothing},
	[BATON_CHAN_OPEN] = {"chan", METHOD(CHANNEL_OPEN), OPERATION_SESSION | OPERATION_NAMED, BATON_CHAN_RELEASE,
		RESPONSE(channel_open_response), fill_channel_open, read_channel_open},
	[BATON_CHAN_SEND_BATCH] = {"chan", METHOD(CHANNEL_SENDBATCH),
		OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED, NONE, RESPONSE(channel_send_batch_response),
		fill_send_batch, read_send_batch},
	[BATON_CHAN_RECEIVE_BATCH] = {"chan", METHOD(CHANNEL_RECEIVEBATCH),
		OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED, BATON_CHAN_NACK,
		RESPONSE(channel_receive_batch_response), fill_receive_batch, read_receive_batch},
	[BATON_CHAN_RELEASE] = {"chan", METHOD(CHANNEL_RELEASE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(channel_release_response), fill_channel_release, read_nothing},
	[BATON_WG_ADD] = {"wg", METHOD(WAITGROUP_ADD), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(wait_group_add_response), fill_wg_add, read_nothing},
	[BATON_WG_DONE] = {"wg", METHOD(WAITGROUP_DONE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(wait_group_done_response), fill_wg_done, read_nothing},
	[BATON_WG_WAIT] = {"wg", METHOD(WAITGROUP_WAIT), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(wait_group_wait_response), fill_wg_wait, read_wg_wait},
	[BATON_WG_ADOPT] = {"wg", METHOD(WAITGROUP_ADOPT), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(wait_group_adopt_response), fill_wg_adopt, read_nothing},
	[BATON_SELECT] = {"", METHOD(SELECT_WAIT), OPERATION_BLOCKS | OPERATION_SESSION, NONE,
		RESPONSE(select_wait_response), fill_select, read_select},
	[BATON_ONCE_BEGIN] = {"once", METHOD(ONCE_BEGIN), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED,
		BATON_ONCE_FAIL, RESPONSE(once_begin_response), fill_once_begin, read_once_begin},
	[BATON_ONCE_COMPLETE] = {"once", METHOD(ONCE_COMPLETE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(once_complete_response), fill_once_complete, read_nothing},
	[BATON_ONCE_FAIL] = {"once", METHOD(ONCE_FAIL), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(once_fail_response), fill_once_fail, read_nothing},
	[BATON_ONCE_GET] = {"once", METHOD(ONCE_GET), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(once_get_response), fill_once_get, read_once_get},
	[BATON_ONCE_RESET] = {"once", METHOD(ONCE_RESET), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(once_reset_response), fill_once_reset, read_once_reset},
	[BATON_CONTEXT_MAKE] = {"ctx", METHOD(CONTEXT_MAKE),
		OPERATION_SESSION | OPERATION_NAMED | OPERATION_MAY_GENERATE, NONE, RESPONSE(context_make_response),
		fill_context_make, read_context_make},
	[BATON_CONTEXT_CANCEL] = {"ctx", METHOD(CONTEXT_CANCEL), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(context_cancel_response), fill_context_cancel, read_nothing},
	[BATON_CONTEXT_DONE] = {"ctx", METHOD(CONTEXT_DONE),
		OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED | OPERATION_MAY_GENERATE, NONE,
		RESPONSE(context_done_response), fill_context_done, read_context_done},
	[BATON_CONTEXT_STATE] = {"ctx", METHOD(CONTEXT_STATE),
		OPERATION_SESSION | OPERATION_NAMED | OPERATION_MAY_GENERATE, NONE, RESPONSE(context_state_response),
		fill_context_state, read_context_state},
	[BATON_CONTEXT_VALUE] = {"ctx", METHOD(CONTEXT_VALUE),
		OPERATION_SESSION | OPERATION_NAMED | OPERATION_MAY_GENERATE, NONE, RESPONSE(context_value_response),
		fill_context_value, read_context_value},
	[BATON_CONTEXT_CHILDREN] = {"ctx", METHOD(CONTEXT_CHILDREN),
		OPERATION_SESSION | OPERATION_NAMED | OPERATION_MAY_GENERATE, NONE, RESPONSE(context_children_response),
		fill_context_children, read_context_children},
	[BATON_CONTEXT_DELETE] = {"ctx", METHOD(CONTEXT_DELETE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(context_delete_response), fill_context_delete, read_nothing},
	[BATON_COND_WAIT] = {"cond", METHOD(COND_WAIT), OPERATION_BLOCKS | OPERATION_SESSION | OPERATION_NAMED,
		BATON_MUTEX_UNLOCK, RESPONSE(cond_wait_response), fill_cond_wait, read_cond_wait},
	[BATON_COND_SIGNAL] = {"cond", METHOD(COND_SIGNAL), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(cond_signal_response), fill_cond_signal, read_cond_signal},
	[BATON_COND_BROADCAST] = {"cond", METHOD(COND_BROADCAST), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(cond_broadcast_response), fill_cond_broadcast, read_cond_broadcast},
	[BATON_MAP_STORE] = {"map", METHOD(MAP_STORE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_response), fill_map, read_map},
	[BATON_MAP_LOAD] = {"map", METHOD(MAP_LOAD), OPERATION_SESSION | OPERATION_NAMED, NONE, RESPONSE(map_response),
		fill_map, read_map},
	[BATON_MAP_LOAD_OR_STORE] = {"map", METHOD(MAP_LOAD_OR_STORE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_response), fill_map, read_map},
	[BATON_MAP_LOAD_AND_DELETE] = {"map", METHOD(MAP_LOAD_AND_DELETE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_response), fill_map, read_map},
	[BATON_MAP_DELETE] = {"map", METHOD(MAP_DELETE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_response), fill_map, read_map},
	[BATON_MAP_SWAP] = {"map", METHOD(MAP_SWAP), OPERATION_SESSION | OPERATION_NAMED, NONE, RESPONSE(map_response),
		fill_map, read_map},
	[BATON_MAP_COMPARE_AND_SWAP] = {"map", METHOD(MAP_COMPARE_AND_SWAP), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_response), fill_map, read_map},
	[BATON_MAP_COMPARE_AND_DELETE] = {"map", METHOD(MAP_COMPARE_AND_DELETE), OPERATION_SESSION | OPERATION_NAMED,
		NONE, RESPONSE(map_response), fill_map, read_map},
	[BATON_MAP_RANGE] = {"map", METHOD(MAP_RANGE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_range_response), fill_map_range, read_map_range},
	[BATON_MAP_CLEAR] = {"map", METHOD(MAP_CLEAR), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_clear_response), fill_map_clear, read_nothing},
	[BATON_MAP_LENGTH] = {"map", METHOD(MAP_LENGTH), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(map_length_response), fill_map_length, read_map_length},
	[BATON_ATOMIC_LOAD] = {"atomic", METHOD(ATOMIC_LOAD), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(atomic_response), fill_atomic, read_atomic},
	[BATON_ATOMIC_STORE] = {"atomic", METHOD(ATOMIC_STORE), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(atomic_response), fill_atomic, read_atomic},
	[BATON_ATOMIC_ADD] = {"atomic", METHOD(ATOMIC_ADD), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(atomic_response), fill_atomic, read_atomic},
	[BATON_ATOMIC_SWAP] = {"atomic", METHOD(ATOMIC_SWAP), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(atomic_response), fill_atomic, read_atomic},
	[BATON_ATOMIC_COMPARE_AND_SWAP] = {"atomic", METHOD(ATOMIC_COMPARE_AND_SWAP),
		OPERATION_SESSION | OPERATION_NAMED, NONE, RESPONSE(atomic_response), fill_atomic, read_atomic},
	[BATON_ATOMIC_AND] = {"atomic", METHOD(ATOMIC_AND), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(atomic_response), fill_atomic, read_atomic},
	[BATON_ATOMIC_OR] = {"atomic", METHOD(ATOMIC_OR), OPERATION_SESSION | OPERATION_NAMED, NONE,
		RESPONSE(atomic_response), fill_atomic, read_atomic},
	[BATON_PING] = {"", METHOD(DAEMON_PING), 0, NONE, RESPONSE(ping_response), fill_ping, read_ping},
	[BATON_STATUS] = {"", METHOD(DAEMON_STATUS), 0, NONE, RESPONSE(status_response), fill_status, read_status},
	[BATON_LIST] = {"", METHOD(DAEMON_LIST), 0, NONE, RESPONSE(list_response), fill_list, read_list},
	[BATON_INSPECT] = {"", METHOD(DAEMON_INSPECT), 0, NONE, RESPONSE(inspect_response), fill_inspect, read_inspect},
	[BATON_SESSION_LIST] = {"", METHOD(SESSION_LIST), 0, NONE, RESPONSE(session_list_response), fill_session_list,
		read_session_list},
	[BATON_SESSION_CLOSE] = {"", METHOD(SESSION_CLOSE), 0, NONE, RESPONSE(session_close_response),
		fill_session_close, read_nothing},
	[BATON_SESSION_KILL] = {"", METHOD(SESSION_KILL), 0, NONE, RESPONSE(session_kill_response), fill_session_kill,
		read_nothing},
};

const struct operation *operation_find(enum baton_operation operation)
{
	return (unsigned)operation < BATON_OPERATION_COUNT ? &operations[operation] : NULL;
}

static bool are_names(const char *names, const char **ret_why)
{
	const char *end;

	while (*(end = strchrnul(names, ' ')) != '\0') {
		if (!name_is_valid(names, (size_t)(end - names), ret_why))
			return false;
		names = end + 1;
	}
	return name_is_valid(names, (size_t)(end - names), ret_why);
}

bool operation_accepts_name(const struct operation *operation, const char *name, const char **ret_why)
{
	const size_t length = strlen(name);

	if ((operation->flags & OPERATION_NAMED) == 0)
		return true;
	if (length == 0 && (operation->flags & OPERATION_MAY_GENERATE) != 0)
		return true;
	return (operation->flags & OPERATION_SEVERAL) != 0 ? are_names(name, ret_why)
							   : name_is_valid(name, length, ret_why);
}
