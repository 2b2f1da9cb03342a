/* SPDX-License-Identifier: MIT
 *
 * co_atomic.h - atomic integers in the words of Go's sync/atomic: co_int32, co_uint32, co_int64, co_uint64.
 *
 * For TYPE of these four, and NUMBER its plain integer:
 *   NUMBER TYPE_load(TYPE *)                    the value
 *   void   TYPE_store(TYPE *, NUMBER)
 *   NUMBER TYPE_add(TYPE *, NUMBER delta)       adds, wrapping around; returns the NEW value
 *   NUMBER TYPE_swap(TYPE *, NUMBER)            returns the old value
 *   bool   TYPE_compare_and_swap(TYPE *, NUMBER expected, NUMBER)   true if the value was EXPECTED and is replaced
 *   NUMBER TYPE_and(TYPE *, NUMBER mask)        return the OLD value
 *   NUMBER TYPE_or(TYPE *, NUMBER mask)
 * Zero is 0 and ready. All are sequentially consistent, as Go's, and from any thread. None blocks.
 */
#ifndef BATON_RUNTIME_CO_ATOMIC_H
#define BATON_RUNTIME_CO_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names. The addition is made in the unsigned type, where it wraps.
 */
#define CO_DEFINE_ATOMIC(type, number, unsigned_number)                                                                \
	typedef struct {                                                                                               \
		_Atomic number value;                                                                                  \
	} type;                                                                                                        \
	static inline number type##_load(type *atomic)                                                                 \
	{                                                                                                              \
		return atomic_load(&atomic->value);                                                                    \
	}                                                                                                              \
	static inline void type##_store(type *atomic, number value)                                                    \
	{                                                                                                              \
		atomic_store(&atomic->value, value);                                                                   \
	}                                                                                                              \
	static inline number type##_add(type *atomic, number delta)                                                    \
	{                                                                                                              \
		return (number)((unsigned_number)atomic_fetch_add(&atomic->value, delta) + (unsigned_number)delta);    \
	}                                                                                                              \
	static inline number type##_swap(type *atomic, number value)                                                   \
	{                                                                                                              \
		return atomic_exchange(&atomic->value, value);                                                         \
	}                                                                                                              \
	static inline bool type##_compare_and_swap(type *atomic, number expected, number value)                        \
	{                                                                                                              \
		return atomic_compare_exchange_strong(&atomic->value, &expected, value);                               \
	}                                                                                                              \
	static inline number type##_and(type *atomic, number mask)                                                     \
	{                                                                                                              \
		return atomic_fetch_and(&atomic->value, mask);                                                         \
	}                                                                                                              \
	static inline number type##_or(type *atomic, number mask)                                                      \
	{                                                                                                              \
		return atomic_fetch_or(&atomic->value, mask);                                                          \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

CO_DEFINE_ATOMIC(co_int32, int32_t, uint32_t)
CO_DEFINE_ATOMIC(co_uint32, uint32_t, uint32_t)
CO_DEFINE_ATOMIC(co_int64, int64_t, uint64_t)
CO_DEFINE_ATOMIC(co_uint64, uint64_t, uint64_t)

#endif
