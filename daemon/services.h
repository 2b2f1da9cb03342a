/* SPDX-License-Identifier: MIT
 *
 * services.h - the handlers that the table of methods names, by primitive.
 */
#ifndef BATON_DAEMON_SERVICES_H
#define BATON_DAEMON_SERVICES_H

#include "daemon/method.h"

/* service_channel.c */
method_handler handle_channel_make;
method_handler handle_channel_send;
method_handler handle_channel_receive;
method_handler handle_channel_ack;
method_handler handle_channel_nack;
method_handler handle_channel_close;
method_handler handle_channel_length;
method_handler handle_channel_capacity;
method_handler handle_channel_delete;

/* service_mutex.c */
method_handler handle_mutex_lock;
method_handler handle_mutex_unlock;
method_handler handle_mutex_check;

#endif
