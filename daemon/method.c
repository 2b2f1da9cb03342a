/* SPDX-License-Identifier: MIT
 *
 * method.c - the table of methods.
 */
#include "daemon/method.h"

#include <baton/v1/atomic.pb-c.h>
#include <baton/v1/channel.pb-c.h>
#include <baton/v1/cond.pb-c.h>
#include <baton/v1/context.pb-c.h>
#include <baton/v1/daemon.pb-c.h>
#include <baton/v1/map.pb-c.h>
#include <baton/v1/mutex.pb-c.h>
#include <baton/v1/once.pb-c.h>
#include <baton/v1/rwmutex.pb-c.h>
#include <baton/v1/select.pb-c.h>
#include <baton/v1/semaphore.pb-c.h>
#include <baton/v1/session.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <baton/v1/waitgroup.pb-c.h>

#include "daemon/services.h"

/* ROW(id's end, "Service.Method", handler, request and response by their generated names, flags, names) */
#define ROW(number, text, function, request_type, response_type, request_name, response_name, row_flags, row_names)    \
	{                                                                                                              \
		.id = BATON__V1__METHOD__METHOD_##number, .name = (text), .handler = (function),                       \
		.request = &baton__v1__##request_name##__descriptor,                                                   \
		.response = &baton__v1__##response_name##__descriptor,                                                 \
		.flags = (row_flags) +                                                                                 \
			 0 * sizeof(char[sizeof(response_type) <= sizeof(union method_response) ? 1 : -1]) +           \
			 0 * sizeof(request_type),                                                                     \
		.names = (row_names),                                                                                  \
	}

#define MESSAGES(camel, snake)                                                                                         \
	Baton__V1__##camel##Request, Baton__V1__##camel##Response, snake##_request, snake##_response

#define METHOD(number, text, function, messages, row_flags, row_names)                                                 \
	ROW_(number, text, function, messages, row_flags, row_names)
#define ROW_(...) ROW(__VA_ARGS__)

#define IN_SESSION METHOD_NEEDS_SESSION
#define BLOCKING (METHOD_NEEDS_SESSION | METHOD_BLOCKS | METHOD_EFFECT)
#define WAITING (METHOD_NEEDS_SESSION | METHOD_BLOCKS)
#define CHANGING (METHOD_NEEDS_SESSION | METHOD_EFFECT)
#define GIVING_BACK (METHOD_NEEDS_SESSION | METHOD_EFFECT | METHOD_WHILE_STOPPING)

static const struct method table[] = {
	METHOD(SESSION_OPEN, "Session.Open", handle_session_open, MESSAGES(SessionOpen, session_open), METHOD_ATTACHES,
		METHOD_NO_NAME),
	METHOD(SESSION_ATTACH, "Session.Attach", handle_session_attach, MESSAGES(SessionAttach, session_attach),
		METHOD_ATTACHES, METHOD_NO_NAME),
	METHOD(SESSION_CLOSE, "Session.Close", handle_session_close, MESSAGES(SessionClose, session_close),
		METHOD_WHILE_STOPPING, METHOD_NO_NAME),
	METHOD(SESSION_LIST, "Session.List", handle_session_list, MESSAGES(SessionList, session_list),
		METHOD_WHILE_STOPPING, METHOD_NO_NAME),
	METHOD(SESSION_KILL, "Session.Kill", handle_session_kill, MESSAGES(SessionKill, session_kill),
		METHOD_WHILE_STOPPING, METHOD_NO_NAME),
	METHOD(SESSION_DETACH, "Session.Detach", handle_session_detach, MESSAGES(SessionDetach, session_detach),
		GIVING_BACK, METHOD_NO_NAME),
	METHOD(DAEMON_PING, "Daemon.Ping", handle_daemon_ping, MESSAGES(Ping, ping), METHOD_WHILE_STOPPING,
		METHOD_NO_NAME),
	METHOD(DAEMON_STATUS, "Daemon.Status", handle_daemon_status, MESSAGES(Status, status), METHOD_WHILE_STOPPING,
		METHOD_NO_NAME),
	METHOD(DAEMON_LIST, "Daemon.List", handle_daemon_list, MESSAGES(List, list), METHOD_WHILE_STOPPING,
		METHOD_NO_NAME),
	METHOD(DAEMON_INSPECT, "Daemon.Inspect", handle_daemon_inspect, MESSAGES(Inspect, inspect),
		METHOD_WHILE_STOPPING, METHOD_NO_NAME),
	METHOD(CHANNEL_MAKE, "Channel.Make", handle_channel_make, MESSAGES(ChannelMake, channel_make), CHANGING,
		METHOD_NAME_OR_NONE),
	METHOD(CHANNEL_SEND, "Channel.Send", handle_channel_send, MESSAGES(ChannelSend, channel_send), BLOCKING,
		METHOD_NAME),
	METHOD(CHANNEL_RECEIVE, "Channel.Receive", handle_channel_receive, MESSAGES(ChannelReceive, channel_receive),
		BLOCKING, METHOD_NAME),
	METHOD(CHANNEL_ACK, "Channel.Ack", handle_channel_ack, MESSAGES(ChannelAck, channel_ack), GIVING_BACK,
		METHOD_NAME),
	METHOD(CHANNEL_NACK, "Channel.Nack", handle_channel_nack, MESSAGES(ChannelNack, channel_nack), GIVING_BACK,
		METHOD_NAME),
	METHOD(CHANNEL_CLOSE, "Channel.Close", handle_channel_close, MESSAGES(ChannelClose, channel_close), GIVING_BACK,
		METHOD_NAME),
	METHOD(CHANNEL_LENGTH, "Channel.Length", handle_channel_length, MESSAGES(ChannelLength, channel_length),
		IN_SESSION, METHOD_NAME),
	METHOD(CHANNEL_CAPACITY, "Channel.Capacity", handle_channel_capacity,
		MESSAGES(ChannelCapacity, channel_capacity), IN_SESSION, METHOD_NAME),
	METHOD(CHANNEL_DELETE, "Channel.Delete", handle_channel_delete, MESSAGES(ChannelDelete, channel_delete),
		CHANGING, METHOD_NAME),
	METHOD(CHANNEL_OPEN, "Channel.Open", handle_channel_open, MESSAGES(ChannelOpen, channel_open), CHANGING,
		METHOD_NAME),
	METHOD(CHANNEL_RELEASE, "Channel.Release", handle_channel_release, MESSAGES(ChannelRelease, channel_release),
		GIVING_BACK, METHOD_NAME),
	METHOD(CHANNEL_SENDBATCH, "Channel.SendBatch", handle_channel_send_batch,
		MESSAGES(ChannelSendBatch, channel_send_batch), BLOCKING, METHOD_NAME),
	METHOD(CHANNEL_RECEIVEBATCH, "Channel.ReceiveBatch", handle_channel_receive_batch,
		MESSAGES(ChannelReceiveBatch, channel_receive_batch), BLOCKING, METHOD_NAME),
	METHOD(MUTEX_LOCK, "Mutex.Lock", handle_mutex_lock, MESSAGES(MutexLock, mutex_lock), BLOCKING, METHOD_NAME),
	METHOD(MUTEX_UNLOCK, "Mutex.Unlock", handle_mutex_unlock, MESSAGES(MutexUnlock, mutex_unlock), GIVING_BACK,
		METHOD_NAME),
	METHOD(MUTEX_CHECK, "Mutex.Check", handle_mutex_check, MESSAGES(MutexCheck, mutex_check), IN_SESSION,
		METHOD_NAME),
	METHOD(MUTEX_HAND_OVER, "Mutex.HandOver", handle_mutex_hand_over, MESSAGES(MutexHandOver, mutex_hand_over),
		GIVING_BACK, METHOD_NAME),
	METHOD(RWMUTEX_LOCK, "RWMutex.Lock", handle_rwmutex_lock, MESSAGES(RWMutexLock, rwmutex_lock), BLOCKING,
		METHOD_NAME),
	METHOD(RWMUTEX_RLOCK, "RWMutex.RLock", handle_rwmutex_rlock, MESSAGES(RWMutexRLock, rwmutex_rlock), BLOCKING,
		METHOD_NAME),
	METHOD(RWMUTEX_UNLOCK, "RWMutex.Unlock", handle_rwmutex_unlock, MESSAGES(RWMutexUnlock, rwmutex_unlock),
		GIVING_BACK, METHOD_NAME),
	METHOD(RWMUTEX_CHECK, "RWMutex.Check", handle_rwmutex_check, MESSAGES(RWMutexCheck, rwmutex_check), IN_SESSION,
		METHOD_NAME),
	METHOD(RWMUTEX_DOWNGRADE, "RWMutex.Downgrade", handle_rwmutex_downgrade,
		MESSAGES(RWMutexDowngrade, rwmutex_downgrade), GIVING_BACK, METHOD_NAME),
	METHOD(RWMUTEX_HAND_OVER, "RWMutex.HandOver", handle_rwmutex_hand_over,
		MESSAGES(RWMutexHandOver, rwmutex_hand_over), GIVING_BACK, METHOD_NAME),
	METHOD(SEMAPHORE_MAKE, "Semaphore.Make", handle_semaphore_make, MESSAGES(SemaphoreMake, semaphore_make),
		CHANGING, METHOD_NAME),
	METHOD(SEMAPHORE_ACQUIRE, "Semaphore.Acquire", handle_semaphore_acquire,
		MESSAGES(SemaphoreAcquire, semaphore_acquire), BLOCKING, METHOD_NAME),
	METHOD(SEMAPHORE_RELEASE, "Semaphore.Release", handle_semaphore_release,
		MESSAGES(SemaphoreRelease, semaphore_release), GIVING_BACK, METHOD_NAME),
	METHOD(SEMAPHORE_CHECK, "Semaphore.Check", handle_semaphore_check, MESSAGES(SemaphoreCheck, semaphore_check),
		IN_SESSION, METHOD_NAME),
	METHOD(SEMAPHORE_DELETE, "Semaphore.Delete", handle_semaphore_delete,
		MESSAGES(SemaphoreDelete, semaphore_delete), CHANGING, METHOD_NAME),
	METHOD(WAITGROUP_ADD, "WaitGroup.Add", handle_waitgroup_add, MESSAGES(WaitGroupAdd, wait_group_add), CHANGING,
		METHOD_NAME),
	METHOD(WAITGROUP_DONE, "WaitGroup.Done", handle_waitgroup_done, MESSAGES(WaitGroupDone, wait_group_done),
		GIVING_BACK, METHOD_NAME),
	METHOD(WAITGROUP_WAIT, "WaitGroup.Wait", handle_waitgroup_wait, MESSAGES(WaitGroupWait, wait_group_wait),
		WAITING, METHOD_NAME),
	METHOD(WAITGROUP_ADOPT, "WaitGroup.Adopt", handle_waitgroup_adopt, MESSAGES(WaitGroupAdopt, wait_group_adopt),
		CHANGING, METHOD_NAME),
	METHOD(SELECT_WAIT, "Select.Wait", handle_select_wait, MESSAGES(SelectWait, select_wait), BLOCKING,
		METHOD_NO_NAME),
	METHOD(ONCE_BEGIN, "Once.Begin", handle_once_begin, MESSAGES(OnceBegin, once_begin), BLOCKING, METHOD_NAME),
	METHOD(ONCE_COMPLETE, "Once.Complete", handle_once_complete, MESSAGES(OnceComplete, once_complete), GIVING_BACK,
		METHOD_NAME),
	METHOD(ONCE_FAIL, "Once.Fail", handle_once_fail, MESSAGES(OnceFail, once_fail), GIVING_BACK, METHOD_NAME),
	METHOD(ONCE_GET, "Once.Get", handle_once_get, MESSAGES(OnceGet, once_get), IN_SESSION, METHOD_NAME),
	METHOD(ONCE_RESET, "Once.Reset", handle_once_reset, MESSAGES(OnceReset, once_reset), CHANGING, METHOD_NAME),
	METHOD(COND_WAIT, "Cond.Wait", handle_cond_wait, MESSAGES(CondWait, cond_wait), BLOCKING, METHOD_NAME),
	METHOD(COND_SIGNAL, "Cond.Signal", handle_cond_signal, MESSAGES(CondSignal, cond_signal), GIVING_BACK,
		METHOD_NAME),
	METHOD(COND_BROADCAST, "Cond.Broadcast", handle_cond_broadcast, MESSAGES(CondBroadcast, cond_broadcast),
		GIVING_BACK, METHOD_NAME),
	METHOD(CONTEXT_MAKE, "Context.Make", handle_context_make, MESSAGES(ContextMake, context_make), CHANGING,
		METHOD_NAME_OR_NONE),
	METHOD(CONTEXT_OPEN, "Context.Open", handle_context_open, MESSAGES(ContextOpen, context_open), IN_SESSION,
		METHOD_NAME_OR_NONE),
	METHOD(CONTEXT_CANCEL, "Context.Cancel", handle_context_cancel, MESSAGES(ContextCancel, context_cancel),
		GIVING_BACK, METHOD_NAME_OR_NONE),
	METHOD(CONTEXT_DONE, "Context.Done", handle_context_done, MESSAGES(ContextDone, context_done), WAITING,
		METHOD_NAME_OR_NONE),
	METHOD(CONTEXT_STATE, "Context.State", handle_context_state, MESSAGES(ContextState, context_state), IN_SESSION,
		METHOD_NAME_OR_NONE),
	METHOD(CONTEXT_VALUE, "Context.Value", handle_context_value, MESSAGES(ContextValue, context_value), IN_SESSION,
		METHOD_NAME_OR_NONE),
	METHOD(CONTEXT_CHILDREN, "Context.Children", handle_context_children,
		MESSAGES(ContextChildren, context_children), IN_SESSION, METHOD_NAME_OR_NONE),
	METHOD(CONTEXT_DELETE, "Context.Delete", handle_context_delete, MESSAGES(ContextDelete, context_delete),
		GIVING_BACK, METHOD_NAME_OR_NONE),
	METHOD(MAP_STORE, "Map.Store", handle_map_store, MESSAGES(Map, map), CHANGING, METHOD_NAME),
	METHOD(MAP_LOAD, "Map.Load", handle_map_load, MESSAGES(Map, map), IN_SESSION, METHOD_NAME),
	METHOD(MAP_LOAD_OR_STORE, "Map.LoadOrStore", handle_map_load_or_store, MESSAGES(Map, map), CHANGING,
		METHOD_NAME),
	METHOD(MAP_LOAD_AND_DELETE, "Map.LoadAndDelete", handle_map_load_and_delete, MESSAGES(Map, map), GIVING_BACK,
		METHOD_NAME),
	METHOD(MAP_DELETE, "Map.Delete", handle_map_delete, MESSAGES(Map, map), GIVING_BACK, METHOD_NAME),
	METHOD(MAP_SWAP, "Map.Swap", handle_map_swap, MESSAGES(Map, map), CHANGING, METHOD_NAME),
	METHOD(MAP_COMPARE_AND_SWAP, "Map.CompareAndSwap", handle_map_compare_and_swap, MESSAGES(Map, map), CHANGING,
		METHOD_NAME),
	METHOD(MAP_COMPARE_AND_DELETE, "Map.CompareAndDelete", handle_map_compare_and_delete, MESSAGES(Map, map),
		GIVING_BACK, METHOD_NAME),
	METHOD(MAP_RANGE, "Map.Range", handle_map_range, MESSAGES(MapRange, map_range), IN_SESSION, METHOD_NAME),
	METHOD(MAP_CLEAR, "Map.Clear", handle_map_clear, MESSAGES(MapClear, map_clear), CHANGING, METHOD_NAME),
	METHOD(MAP_LENGTH, "Map.Length", handle_map_length, MESSAGES(MapLength, map_length), IN_SESSION, METHOD_NAME),
	METHOD(ATOMIC_LOAD, "Atomic.Load", handle_atomic_load, MESSAGES(Atomic, atomic), IN_SESSION, METHOD_NAME),
	METHOD(ATOMIC_STORE, "Atomic.Store", handle_atomic_store, MESSAGES(Atomic, atomic), CHANGING, METHOD_NAME),
	METHOD(ATOMIC_ADD, "Atomic.Add", handle_atomic_add, MESSAGES(Atomic, atomic), CHANGING, METHOD_NAME),
	METHOD(ATOMIC_SWAP, "Atomic.Swap", handle_atomic_swap, MESSAGES(Atomic, atomic), CHANGING, METHOD_NAME),
	METHOD(ATOMIC_COMPARE_AND_SWAP, "Atomic.CompareAndSwap", handle_atomic_compare_and_swap,
		MESSAGES(Atomic, atomic), CHANGING, METHOD_NAME),
	METHOD(ATOMIC_AND, "Atomic.And", handle_atomic_and, MESSAGES(Atomic, atomic), CHANGING, METHOD_NAME),
	METHOD(ATOMIC_OR, "Atomic.Or", handle_atomic_or, MESSAGES(Atomic, atomic), CHANGING, METHOD_NAME),
};

#define COUNT (sizeof table / sizeof table[0])

/* Rows by service (high byte) and method (low byte), filled on first use: both are small numbers from 1. */
#define SERVICES 16
#define METHODS 32
static const struct method *by_id[SERVICES][METHODS];

static __attribute__((constructor)) void index_table(void)
{
	for (size_t i = 0; i < COUNT; i++)
		by_id[table[i].id >> 8][table[i].id & 0xff] = &table[i];
}

const struct method *method_find(uint16_t id)
{
	unsigned service = id >> 8;
	unsigned method = id & 0xff;

	return service < SERVICES && method < METHODS ? by_id[service][method] : NULL;
}

const struct method *method_table(size_t *ret_count)
{
	*ret_count = COUNT;
	return table;
}
