/* SPDX-License-Identifier: MIT
 *
 * co_typed.h - channels whose element type and direction the compiler checks, as Go's chan T, chan<- T and <-chan T.
 *
 * CO_CHANNEL(ints, int); at file scope defines
 *   ints            a channel of int             chan int
 *   ints_sender     its sending end              chan<- int
 *   ints_receiver   its receiving end            <-chan int
 *   int    ints_make(size_t capacity, ints *ret)                 0 or CO_ENOMEM; ints_free() when nobody waits on it
 *   int    ints_send(struct co_context *, end, int value)        as co_send; _try_send as co_try_send
 *   int    ints_receive(struct co_context *, end, int *ret)      as co_receive; _try_receive as co_try_receive
 *   int    ints_close(end)                                       as co_channel_close
 *   size_t ints_length(end), ints_capacity(end)
 *   struct co_case ints_case_send(end, const int *value), ints_case_receive(end, int *ret)   for co_select
 *   ints_sender ints_to(ints), ints_receiver ints_from(ints)     one end alone
 * Where an END sends or closes, an ints or an ints_sender may stand; where it receives, an ints or an ints_receiver;
 * for length and capacity any of the three. All else does not compile: an end becomes neither the other end nor a
 * channel again. Zero is Go's nil channel. They are values of one pointer's size, and share one channel when copied.
 */
#ifndef BATON_RUNTIME_CO_TYPED_H
#define BATON_RUNTIME_CO_TYPED_H

#include "runtime/co.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names. The unions are transparent: a caller passes any of their
 * members (a GNU extension that gcc and clang share). */
#define CO_CHANNEL(name, type)                                                                                         \
	typedef struct {                                                                                               \
		struct co_channel *channel;                                                                            \
	} name;                                                                                                        \
	typedef struct {                                                                                               \
		struct co_channel *channel;                                                                            \
	} name##_sender;                                                                                               \
	typedef struct {                                                                                               \
		struct co_channel *channel;                                                                            \
	} name##_receiver;                                                                                             \
	typedef union {                                                                                                \
		name both;                                                                                             \
		name##_sender sender;                                                                                  \
	} name##_can_send __attribute__((transparent_union));                                                          \
	typedef union {                                                                                                \
		name both;                                                                                             \
		name##_receiver receiver;                                                                              \
	} name##_can_receive __attribute__((transparent_union));                                                       \
	typedef union {                                                                                                \
		name both;                                                                                             \
		name##_sender sender;                                                                                  \
		name##_receiver receiver;                                                                              \
	} name##_any __attribute__((transparent_union));                                                               \
	__attribute__((unused)) static inline int name##_make(size_t capacity, name *ret)                              \
	{                                                                                                              \
		ret->channel = co_channel_new(sizeof(type), capacity);                                                 \
		return ret->channel != NULL ? 0 : CO_ENOMEM;                                                           \
	}                                                                                                              \
	__attribute__((unused)) static inline void name##_free(name channel)                                           \
	{                                                                                                              \
		co_channel_free(channel.channel);                                                                      \
	}                                                                                                              \
	__attribute__((unused)) static inline name##_sender name##_to(name channel)                                    \
	{                                                                                                              \
		return (name##_sender){channel.channel};                                                               \
	}                                                                                                              \
	__attribute__((unused)) static inline name##_receiver name##_from(name channel)                                \
	{                                                                                                              \
		return (name##_receiver){channel.channel};                                                             \
	}                                                                                                              \
	__attribute__((unused)) static inline int name##_send(                                                         \
		struct co_context *context, name##_can_send end, type value)                                           \
	{                                                                                                              \
		return co_send(context, end.both.channel, &value);                                                     \
	}                                                                                                              \
	__attribute__((unused)) static inline int name##_try_send(name##_can_send end, type value)                     \
	{                                                                                                              \
		return co_try_send(end.both.channel, &value);                                                          \
	}                                                                                                              \
	__attribute__((unused)) static inline int name##_receive(                                                      \
		struct co_context *context, name##_can_receive end, type *ret)                                         \
	{                                                                                                              \
		return co_receive(context, end.both.channel, ret);                                                     \
	}                                                                                                              \
	__attribute__((unused)) static inline int name##_try_receive(name##_can_receive end, type *ret)                \
	{                                                                                                              \
		return co_try_receive(end.both.channel, ret);                                                          \
	}                                                                                                              \
	__attribute__((unused)) static inline int name##_close(name##_can_send end)                                    \
	{                                                                                                              \
		return co_channel_close(end.both.channel);                                                             \
	}                                                                                                              \
	__attribute__((unused)) static inline size_t name##_length(name##_any end)                                     \
	{                                                                                                              \
		return co_channel_length(end.both.channel);                                                            \
	}                                                                                                              \
	__attribute__((unused)) static inline size_t name##_capacity(name##_any end)                                   \
	{                                                                                                              \
		return co_channel_capacity(end.both.channel);                                                          \
	}                                                                                                              \
	__attribute__((unused)) static inline struct co_case name##_case_send(name##_can_send end, const type *value)  \
	{                                                                                                              \
		return co_case_send(end.both.channel, value);                                                          \
	}                                                                                                              \
	__attribute__((unused)) static inline struct co_case name##_case_receive(name##_can_receive end, type *ret)    \
	{                                                                                                              \
		return co_case_receive(end.both.channel, ret);                                                         \
	}                                                                                                              \
	_Static_assert(sizeof(name) == sizeof(void *), "a channel is a pointer")
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
