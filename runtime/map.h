/* SPDX-License-Identifier: MIT
 *
 * map.h - the map's inner seam, for its tests.
 */
#ifndef BATON_RUNTIME_MAP_H
#define BATON_RUNTIME_MAP_H

#include <stdint.h>

#include "runtime/co.h"

/* As co_map_new; of the keys' hashes only the bits in MASK count, so that keys can be made to collide. */
struct co_map *co_map_new_masked(uint64_t mask);

#endif
