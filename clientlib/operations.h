/* SPDX-License-Identifier: MIT
 *
 * operations.h - the table of what a client can ask: one row for each enum baton_operation.
 *
 * To add an operation: its number in baton.h, its row and its two functions in operations.c. Nothing else knows them.
 */
#ifndef BATON_CLIENTLIB_OPERATIONS_H
#define BATON_CLIENTLIB_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baton/v1/atomic.pb-c.h"
#include "baton/v1/channel.pb-c.h"
#include "baton/v1/cond.pb-c.h"
#include "baton/v1/context.pb-c.h"
#include "baton/v1/daemon.pb-c.h"
#include "baton/v1/map.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "baton/v1/once.pb-c.h"
#include "baton/v1/rwmutex.pb-c.h"
#include "baton/v1/select.pb-c.h"
#include "baton/v1/semaphore.pb-c.h"
#include "baton/v1/session.pb-c.h"
#include "baton/v1/waitgroup.pb-c.h"
#include "clientlib/baton.h"
#include "clientlib/result.h"
#include "clientlib/session_text.h"

#define OPERATION_BLOCKS 1u       /* may wait at the daemon: looks at deadline and cancel */
#define OPERATION_SESSION 2u      /* needs one */
#define OPERATION_NAMED 4u        /* its name must be one */
#define OPERATION_MAY_GENERATE 8u /* or empty */
#define OPERATION_SEVERAL 16u     /* or several names, separated by single spaces */

/* Room for any request. `base` is the message whichever it is. */
struct operation_request {
	union {
		ProtobufCMessage base;
		Baton__V1__MutexLockRequest mutex_lock;
		Baton__V1__MutexUnlockRequest mutex_unlock;
		Baton__V1__MutexCheckRequest mutex_check;
		Baton__V1__MutexHandOverRequest mutex_hand_over;
		Baton__V1__RWMutexLockRequest rwmutex_lock;
		Baton__V1__RWMutexRLockRequest rwmutex_rlock;
		Baton__V1__RWMutexUnlockRequest rwmutex_unlock;
		Baton__V1__RWMutexCheckRequest rwmutex_check;
		Baton__V1__RWMutexDowngradeRequest rwmutex_downgrade;
		Baton__V1__RWMutexHandOverRequest rwmutex_hand_over;
		Baton__V1__SemaphoreMakeRequest semaphore_make;
		Baton__V1__SemaphoreAcquireRequest semaphore_acquire;
		Baton__V1__SemaphoreReleaseRequest semaphore_release;
		Baton__V1__SemaphoreCheckRequest semaphore_check;
		Baton__V1__SemaphoreDeleteRequest semaphore_delete;
		Baton__V1__ChannelMakeRequest channel_make;
		Baton__V1__ChannelSendRequest channel_send;
		Baton__V1__ChannelReceiveRequest channel_receive;
		Baton__V1__ChannelAckRequest channel_ack;
		Baton__V1__ChannelNackRequest channel_nack;
		Baton__V1__ChannelCloseRequest channel_close;
		Baton__V1__ChannelLengthRequest channel_length;
		Baton__V1__ChannelCapacityRequest channel_capacity;
		Baton__V1__ChannelDeleteRequest channel_delete;
		Baton__V1__ChannelOpenRequest channel_open;
		Baton__V1__ChannelReleaseRequest channel_release;
		Baton__V1__ChannelSendBatchRequest channel_send_batch;
		Baton__V1__ChannelReceiveBatchRequest channel_receive_batch;
		Baton__V1__WaitGroupAddRequest wait_group_add;
		Baton__V1__WaitGroupDoneRequest wait_group_done;
		Baton__V1__WaitGroupWaitRequest wait_group_wait;
		Baton__V1__WaitGroupAdoptRequest wait_group_adopt;
		Baton__V1__SelectWaitRequest select_wait;
		Baton__V1__OnceBeginRequest once_begin;
		Baton__V1__OnceCompleteRequest once_complete;
		Baton__V1__OnceFailRequest once_fail;
		Baton__V1__OnceGetRequest once_get;
		Baton__V1__OnceResetRequest once_reset;
		Baton__V1__ContextMakeRequest context_make;
		Baton__V1__ContextCancelRequest context_cancel;
		Baton__V1__ContextDoneRequest context_done;
		Baton__V1__ContextStateRequest context_state;
		Baton__V1__ContextValueRequest context_value;
		Baton__V1__ContextChildrenRequest context_children;
		Baton__V1__ContextDeleteRequest context_delete;
		Baton__V1__CondWaitRequest cond_wait;
		Baton__V1__CondSignalRequest cond_signal;
		Baton__V1__CondBroadcastRequest cond_broadcast;
		Baton__V1__MapRequest map;
		Baton__V1__MapRangeRequest map_range;
		Baton__V1__MapClearRequest map_clear;
		Baton__V1__MapLengthRequest map_length;
		Baton__V1__AtomicRequest atomic;
		Baton__V1__PingRequest ping;
		Baton__V1__StatusRequest status;
		Baton__V1__ListRequest list;
		Baton__V1__InspectRequest inspect;
		Baton__V1__SessionListRequest session_list;
		Baton__V1__SessionCloseRequest session_close;
		Baton__V1__SessionKillRequest session_kill;
	};
	char first_name[256];             /* of several */
	struct session_identity identity; /* what a request's secret points at */
	void *owned;                      /* what it points at that is to be freed: operation_request_done() */
	bool is_exhausted;                /* there was no memory for it */
};

void operation_request_done(struct operation_request *request);

struct operation {
	const char *kind; /* of the object named, for texts: "mutex", "chan", "" */
	uint16_t method;
	unsigned flags;
	/* What undoes a grant that came when nobody waited for it any more; BATON_OPERATION_COUNT: nothing needs
	 * undoing. */
	enum baton_operation give_back;
	const ProtobufCMessageDescriptor *response;
	/* Fills the request, zeroed, which points into CALL and itself. NULL, or the rule that CALL breaks. */
	const char *(*fill)(const struct baton_call *call, struct operation_request *request);
	/* Takes the decoded response into the result that owns it. 0, the error it stands for, or BATON_ENOMEM. */
	int (*read)(const ProtobufCMessage *response, struct result *result);
};

/* The row of an operation; NULL if there is no such. */
const struct operation *operation_find(enum baton_operation operation);

/* Whether a call's name obeys the rule for it; if not, *RET_WHY is the rule, to stand behind the name. */
bool operation_accepts_name(const struct operation *operation, const char *name, const char **ret_why);

#endif
