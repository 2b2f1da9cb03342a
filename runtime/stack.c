/* SPDX-License-Identifier: MIT
 *
 * stack.c - slabs, guards and the pool.
 *
 * A slab is one mapping of many stacks, carved from its low end as they are needed. Guard modes, best first: a guard
 * marker per stack (MADV_GUARD_INSTALL: no mapping each, so their number is not limited), a PROT_NONE page per stack up
 * to three quarters of vm.max_map_count, a PROT_NONE page per slab, up to an eighth of it, and a canary at the low end
 * of each stack.
 *
 * A canary is memory that nobody has written to: it is zero, and takes none until somebody does.
 *
 * Free stacks: a P's own cache (hot), the shared hot list, the shared cold list, whose memory the kernel has back.
 *
 * Invariant: a stack is in exactly one of: a cache, hot, cold, a coroutine's hands.
 * Locks: `carving` (a mutex, held over system calls) orders the slabs and the mode; `spin` guards hot and cold.
 */
#include "runtime/stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "runtime/sanitizer.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	SLAB_BYTES = 8 << 20,
	SLAB_STACKS_MIN = 8,
	CANARY_WORDS = 64,
	CACHE_MAX = 256,  /* stacks that a P keeps */
	CACHE_MOVE = 128, /* how many go between a cache and the hot list at once */
	HOT_MAX = 256,    /* stacks on the hot list that keep their memory */
	TRIM_STEP = 64,
	COLOURS = 16,
	COLOUR_BYTES = 64, /* a line of the cache */
};

struct slab {
	struct slab *next;
	char *memory;
	size_t bytes;
	size_t guard_bytes; /* of the slab's own guard at its low end, 0 if none */
	unsigned count;
	atomic_uint carved;
	struct co_stack stacks[];
};

static struct {
	size_t page;
	size_t bytes;
	enum co_guard wanted;
	_Atomic enum co_guard guard;
	long mprotect_left; /* PROT_NONE pages that the mapping limit still allows, of stacks */
	long slabs_left;    /* and of slabs */
	pthread_mutex_t carving;
	struct slab *_Atomic slabs; /* the newest first: only that one is carved */
	struct co_spin spin;
	struct co_stack *hot;
	size_t hot_count;
	struct co_stack *cold;
	atomic_ullong mapped;
} pool = {.carving = PTHREAD_MUTEX_INITIALIZER};

atomic_bool co_stack_canaries;

static const char *const guard_names[] = {
	[CO_GUARD_AUTO] = "auto",
	[CO_GUARD_INSTALL] = "guard markers",
	[CO_GUARD_MPROTECT] = "guard pages",
	[CO_GUARD_SLAB] = "slab guards and canaries",
};

const char *co_guard_name(enum co_guard guard)
{
	return (unsigned)guard < sizeof(guard_names) / sizeof(guard_names[0]) ? guard_names[guard] : "unknown";
}

enum co_guard co_guard_in_use(void)
{
	return atomic_load_explicit(&pool.guard, memory_order_relaxed);
}

/* ---- opening and closing --------------------------------------------------------------------- */

/* Whether the kernel makes a page unreadable by a marker: an emulator may take the advice and do nothing about it. */
static bool kernel_has_guard_markers(void)
{
	void *page = mmap(NULL, pool.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool has;

	if (page == MAP_FAILED)
		return false;
	has = madvise(page, pool.page, MADV_GUARD_INSTALL) == 0 && access(page, F_OK) != 0 && errno == EFAULT;
	(void)munmap(page, pool.page);
	return has;
}

static long mapping_limit(void)
{
	long maps = 65530;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");

	if (file != NULL) {
		if (fscanf(file, "%ld", &maps) != 1)
			maps = 65530;
		(void)fclose(file);
	}
	return maps;
}

int co_stacks_open(size_t bytes, enum co_guard guard)
{
	pool.page = (size_t)sysconf(_SC_PAGESIZE);
	pool.bytes = bytes;
	pool.wanted = guard;
	if (guard == CO_GUARD_AUTO)
		guard = CO_GUARD_INSTALL;
	if (guard == CO_GUARD_INSTALL && !kernel_has_guard_markers())
		guard = CO_GUARD_MPROTECT;
	atomic_store(&pool.guard, guard);
	atomic_store(&co_stack_canaries, guard == CO_GUARD_SLAB);
	atomic_store(&pool.mapped, 0);
	/* Two mappings go to each PROT_NONE page; an eighth of the limit stays for everything else. */
	pool.mprotect_left = mapping_limit() / 8 * 3;
	pool.slabs_left = mapping_limit() / 16;
	return 0;
}

void co_stacks_close(void)
{
	struct slab *slab = atomic_exchange(&pool.slabs, NULL);

	while (slab != NULL) {
		struct slab *next = slab->next;

		for (unsigned i = 0; i < atomic_load(&slab->carved); i++) {
			struct co_stack *stack = &slab->stacks[i];

			co_tool_stack_gone(co_stack_low(stack), co_stack_bytes(stack), stack->tool_number);
		}
		(void)munmap(slab->memory, slab->bytes);
		memory_free(slab);
		slab = next;
	}
	pool.hot = NULL;
	pool.hot_count = 0;
	pool.cold = NULL;
}

/* ---- carving --------------------------------------------------------------------------------- */

static struct slab *map_slab(void)
{
	size_t guard_bytes = co_guard_in_use() == CO_GUARD_SLAB ? pool.page : 0;
	size_t count = SLAB_BYTES / pool.bytes;
	struct slab *slab;

	if (count < SLAB_STACKS_MIN)
		count = SLAB_STACKS_MIN;
	slab = memory_zalloc(sizeof(*slab) + count * sizeof(slab->stacks[0]));
	if (slab == NULL)
		return NULL;
	slab->count = (unsigned)count;
	slab->guard_bytes = guard_bytes;
	slab->bytes = guard_bytes + count * pool.bytes;
	slab->memory = mmap(NULL, slab->bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (slab->memory == MAP_FAILED)
		goto fail;
	/* Refused by kernels without huge pages, where there is nothing to switch off. */
	(void)madvise(slab->memory, slab->bytes, MADV_NOHUGEPAGE);
	if (guard_bytes > 0 && (pool.slabs_left-- <= 0 || mprotect(slab->memory, guard_bytes, PROT_NONE) != 0))
		slab->guard_bytes = 0; /* the canaries are left */
	slab->next = atomic_load(&pool.slabs);
	atomic_store(&pool.slabs, slab);
	return slab;

fail:
	memory_free(slab);
	return NULL;
}

/* Guards STACK under the mode in use, falling to the next one where the kernel refuses. */
static void guard_stack(struct co_stack *stack)
{
	enum co_guard guard = co_guard_in_use();

	if (guard == CO_GUARD_INSTALL && madvise(stack->low, pool.page, MADV_GUARD_INSTALL) != 0)
		guard = CO_GUARD_MPROTECT;
	if (guard == CO_GUARD_MPROTECT &&
		(pool.mprotect_left-- <= 0 || mprotect(stack->low, pool.page, PROT_NONE) != 0))
		guard = CO_GUARD_SLAB;
	if (guard == CO_GUARD_SLAB)
		atomic_store(&co_stack_canaries, true);
	atomic_store(&pool.guard, guard);
	stack->guard = guard;
}

static struct co_stack *carve(void)
{
	struct co_stack *stack = NULL;
	struct slab *slab;
	unsigned index;

	pthread_mutex_lock(&pool.carving);
	slab = atomic_load(&pool.slabs);
	if (slab == NULL || atomic_load(&slab->carved) == slab->count)
		slab = map_slab();
	if (slab != NULL) {
		index = atomic_load(&slab->carved);
		stack = &slab->stacks[index];
		stack->low = slab->memory + slab->bytes - (slab->count - index) * pool.bytes;
		guard_stack(stack);
		stack->tool_number = co_tool_stack_made(co_stack_low(stack), co_stack_bytes(stack));
		atomic_store(&slab->carved, index + 1);
		atomic_fetch_add_explicit(&pool.mapped, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&pool.carving);
	return stack;
}

uint64_t co_stacks_mapped(void)
{
	return atomic_load_explicit(&pool.mapped, memory_order_relaxed);
}

/* ---- one stack ------------------------------------------------------------------------------- */

char *co_stack_low(const struct co_stack *stack)
{
	return stack->low + (stack->guard == CO_GUARD_SLAB ? CANARY_WORDS * sizeof(uint64_t) : pool.page);
}

size_t co_stack_bytes(const struct co_stack *stack)
{
	return (size_t)(stack->low + pool.bytes - co_stack_low(stack));
}

size_t co_stack_colour(const struct co_stack *stack)
{
	return (uintptr_t)stack->low / pool.bytes % COLOURS * COLOUR_BYTES;
}

bool co_stack_is_intact(const struct co_stack *stack)
{
	const uint64_t *word = (const void *)stack->low;

	if (stack->guard != CO_GUARD_SLAB)
		return true;
	for (size_t i = 0; i < CANARY_WORDS; i++)
		if (word[i] != 0)
			return false;
	return true;
}

size_t co_stack_resident_pages(const struct co_stack *stack)
{
	unsigned char pages[256];
	size_t resident = 0;
	char *low = stack->low + (stack->guard == CO_GUARD_SLAB ? 0 : pool.page);
	size_t left = (size_t)(stack->low + pool.bytes - low) / pool.page;

	while (left > 0) {
		size_t some = left < sizeof(pages) ? left : sizeof(pages);

		if (mincore(low, some * pool.page, pages) != 0)
			return resident;
		for (size_t i = 0; i < some; i++)
			resident += pages[i] & 1;
		low += some * pool.page;
		left -= some;
	}
	return resident;
}

const struct co_stack *co_stack_of_guard(const void *address, bool *ret_slab_guard)
{
	const char *at = address;

	*ret_slab_guard = false;
	for (struct slab *slab = atomic_load(&pool.slabs); slab != NULL; slab = slab->next) {
		const struct co_stack *stack;
		size_t index;

		if (at < slab->memory || at >= slab->memory + slab->bytes)
			continue;
		if (at < slab->memory + slab->guard_bytes) {
			*ret_slab_guard = true;
			return &slab->stacks[0];
		}
		index = (size_t)(at - (slab->memory + slab->guard_bytes)) / pool.bytes;
		stack = &slab->stacks[index];
		if (index < atomic_load(&slab->carved) && stack->guard != CO_GUARD_SLAB && at < stack->low + pool.page)
			return stack;
	}
	return NULL;
}

/* ---- the pool -------------------------------------------------------------------------------- */

/* Moves up to COUNT stacks from one list to another; returns how many. */
static size_t move_stacks(struct co_stack **from, struct co_stack **to, size_t count)
{
	size_t moved = 0;

	while (moved < count && *from != NULL) {
		struct co_stack *stack = *from;

		*from = stack->next;
		stack->next = *to;
		*to = stack;
		moved++;
	}
	return moved;
}

static void refill(struct co_stack_cache *cache)
{
	size_t moved;

	co_spin_lock(&pool.spin);
	moved = move_stacks(&pool.hot, &cache->first, CACHE_MOVE);
	pool.hot_count -= moved;
	if (moved == 0)
		moved = move_stacks(&pool.cold, &cache->first, 1);
	co_spin_unlock(&pool.spin);
	cache->count += moved;
}

struct co_stack *co_stack_get(struct co_stack_cache *cache)
{
	struct co_stack *stack;

	if (cache->first == NULL)
		refill(cache);
	stack = cache->first;
	if (stack != NULL) {
		cache->first = stack->next;
		cache->count--;
		co_tool_stack_used(co_stack_low(stack), co_stack_bytes(stack));
	} else {
		stack = carve();
		if (stack == NULL)
			return NULL;
	}
	return stack;
}

void co_stack_put(struct co_stack_cache *cache, struct co_stack *stack)
{
	size_t moved;

	co_tool_stack_free(co_stack_low(stack), co_stack_bytes(stack));
	stack->next = cache->first;
	cache->first = stack;
	if (++cache->count <= CACHE_MAX)
		return;
	co_spin_lock(&pool.spin);
	moved = move_stacks(&cache->first, &pool.hot, CACHE_MOVE);
	pool.hot_count += moved;
	co_spin_unlock(&pool.spin);
	cache->count -= moved;
}

bool co_stacks_trim(void)
{
	struct co_stack *trimmed = NULL;
	size_t excess;
	size_t step;

	co_spin_lock(&pool.spin);
	excess = pool.hot_count > HOT_MAX ? pool.hot_count - HOT_MAX : 0;
	step = excess < TRIM_STEP ? excess : TRIM_STEP;
	pool.hot_count -= move_stacks(&pool.hot, &trimmed, step);
	co_spin_unlock(&pool.spin);
	if (trimmed == NULL)
		return false;
	for (struct co_stack *stack = trimmed; stack != NULL; stack = stack->next) {
		size_t guard = stack->guard == CO_GUARD_SLAB ? 0 : pool.page;

		(void)madvise(stack->low + guard, pool.bytes - guard, MADV_DONTNEED);
	}
	co_spin_lock(&pool.spin);
	(void)move_stacks(&trimmed, &pool.cold, step);
	co_spin_unlock(&pool.spin);
	return excess > step;
}
