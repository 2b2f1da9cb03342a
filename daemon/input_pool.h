/* SPDX-License-Identifier: MIT
 *
 * input_pool.h - input buffers, shared by the connections that are being read.
 */
#ifndef BATON_DAEMON_INPUT_POOL_H
#define BATON_DAEMON_INPUT_POOL_H

#include <stddef.h>
#include <stdint.h>

#define INPUT_BLOCK_BYTES (64u * 1024)

/* A block of INPUT_BLOCK_BYTES; NULL: no memory. */
uint8_t *input_block_take(void);

/* Gives back a block of CAPACITY bytes; others than pooled ones go to the allocator. NULL is allowed. */
void input_block_give(uint8_t *block, size_t capacity);

/* Gives the pool back to the allocator. */
void input_pool_drain(void);

#endif
