/* SPDX-License-Identifier: MIT
 *
 * services.h - the handlers that the table of methods names, by primitive.
 */
#ifndef BATON_DAEMON_SERVICES_H
#define BATON_DAEMON_SERVICES_H

#include "daemon/method.h"

/* service_channel.c */
method_handler handle_channel_send;
method_handler handle_channel_receive;
method_handler handle_channel_ack;
method_handler handle_channel_nack;
method_handler handle_channel_close;
method_handler handle_channel_length;
method_handler handle_channel_capacity;
method_handler handle_channel_delete;

/* service_channel_ends.c */
method_handler handle_channel_make;
method_handler handle_channel_open;
method_handler handle_channel_release;

/* service_channel_batch.c */
method_handler handle_channel_send_batch;
method_handler handle_channel_receive_batch;

/* service_mutex.c */
method_handler handle_mutex_lock;
method_handler handle_mutex_unlock;
method_handler handle_mutex_check;
method_handler handle_mutex_hand_over;

/* service_rwmutex.c */
method_handler handle_rwmutex_lock;
method_handler handle_rwmutex_rlock;
method_handler handle_rwmutex_unlock;
method_handler handle_rwmutex_check;
method_handler handle_rwmutex_downgrade;
method_handler handle_rwmutex_hand_over;

/* service_semaphore.c */
method_handler handle_semaphore_make;
method_handler handle_semaphore_acquire;
method_handler handle_semaphore_release;
method_handler handle_semaphore_check;
method_handler handle_semaphore_delete;

/* service_waitgroup.c */
method_handler handle_waitgroup_add;
method_handler handle_waitgroup_done;
method_handler handle_waitgroup_wait;
method_handler handle_waitgroup_adopt;
/* service_context.c */
method_handler handle_context_make;
method_handler handle_context_open;
method_handler handle_context_cancel;
method_handler handle_context_done;
method_handler handle_context_state;
method_handler handle_context_value;
method_handler handle_context_children;
method_handler handle_context_delete;

/* service_select.c */
method_handler handle_select_wait;
/* service_once.c */
method_handler handle_once_begin;
method_handler handle_once_complete;
method_handler handle_once_fail;
method_handler handle_once_get;
method_handler handle_once_reset;

/* service_cond.c */
method_handler handle_cond_wait;
method_handler handle_cond_signal;
method_handler handle_cond_broadcast;
/* service_map.c */
method_handler handle_map_store;
method_handler handle_map_load;
method_handler handle_map_load_or_store;
method_handler handle_map_load_and_delete;
method_handler handle_map_delete;
method_handler handle_map_swap;
method_handler handle_map_compare_and_swap;
method_handler handle_map_compare_and_delete;
method_handler handle_map_range;
method_handler handle_map_clear;
method_handler handle_map_length;

/* service_atomic.c */
method_handler handle_atomic_load;
method_handler handle_atomic_store;
method_handler handle_atomic_add;
method_handler handle_atomic_swap;
method_handler handle_atomic_compare_and_swap;
method_handler handle_atomic_and;
method_handler handle_atomic_or;

/* service_session.c */
method_handler handle_session_open;
method_handler handle_session_attach;
method_handler handle_session_close;
method_handler handle_session_list;
method_handler handle_session_kill;
method_handler handle_session_detach;

/* service_daemon.c */
method_handler handle_daemon_ping;
method_handler handle_daemon_status;
method_handler handle_daemon_list;
method_handler handle_daemon_inspect;

#endif
