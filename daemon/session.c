/* SPDX-License-Identifier: MIT
 *
 * session.c - the table of sessions: opening, finding, signs of life. How they end is in session_end.c.
 */
#include "daemon/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/session_expiry.h"

struct co_spin session_lock;

static struct session *table; /* by id, and in the order in which they were opened */
static uint64_t last_number;

/* Links a new session into table and tree; 0 or why not. Under session_lock. */
static int enter(struct session *session)
{
	struct session *other;

	if (HASH_CNT(by_id, table) >= LIMIT_SESSIONS)
		return SESSION_EFULL;
	if (session->parent != NULL && session->parent->ended)
		return SESSION_EPARENT;
	do {
		co_random(&session->id, sizeof session->id);
		HASH_FIND(by_id, table, &session->id, sizeof session->id, other);
	} while (session->id == 0 || other != NULL);
	HASH_ADD(by_id, table, id, sizeof session->id, session);
	if (!hash_was_added(session->by_id))
		return SESSION_ENOMEM;
	session->number = ++last_number;
	if (session->parent != NULL)
		list_add_tail(&session->parent->children, &session->sibling);
	return SESSION_OK;
}

int session_open(const struct session_options *options, struct session **ret)
{
	struct session *session = memory_zalloc(sizeof *session);
	int r = SESSION_ENOMEM;

	if (session == NULL)
		return SESSION_ENOMEM;
	owner_init(&session->owner);
	atomic_init(&session->references, 2); /* the table's and the caller's */
	session->life = options->life;
	session->ttl_ns = options->ttl_ns;
	session->grace_ns = options->grace_ns;
	session->peer = options->peer;
	session->opened_ns = co_boottime();
	atomic_init(&session->heard_ns, session->opened_ns);
	list_init(&session->children);
	list_init(&session->sibling);
	list_init(&session->lanes);
	co_random(session->secret, sizeof session->secret);
	session_expiry_init(session, options->pidfd);
	session->label = memory_copy(options->label, strlen(options->label));
	if (session->label == NULL)
		goto fail;
	session->parent = options->parent != NULL ? session_ref(options->parent) : NULL;
	co_spin_lock(&session_lock);
	r = enter(session);
	co_spin_unlock(&session_lock);
	if (r != SESSION_OK)
		goto fail;
	r = session_expiry_watch(session);
	if (r < 0) {
		session_end(session, 0, NULL);
		session_unref(session);
		return r == CO_ENOMEM ? SESSION_ENOMEM : SESSION_EPROCESS;
	}
	log_debug("session opened session=%016llx label=\"%s\" pid=%u", (unsigned long long)session->id, session->label,
		session->peer.pid);
	*ret = session;
	return SESSION_OK;
fail:
	if (session->parent != NULL)
		session_unref(session->parent);
	memory_free(session->label);
	memory_free(session);
	return r;
}

struct session *session_ref(struct session *session)
{
	atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
	return session;
}

void session_unref(struct session *session)
{
	while (session != NULL && atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) == 1) {
		struct session *parent = session->parent;

		memory_free(session->label);
		memory_free(session);
		session = parent;
	}
}

/* Compares without telling by the time it takes where the difference is. */
static bool is_secret(const struct session *session, const uint8_t *secret, size_t length)
{
	unsigned difference = 0;

	if (length != SESSION_SECRET_BYTES)
		return false;
	for (size_t i = 0; i < SESSION_SECRET_BYTES; i++)
		difference |= (unsigned)(session->secret[i] ^ secret[i]);
	return difference == 0;
}

static struct session *find(uint64_t id, bool (*accepts)(const struct session *, const uint8_t *, size_t),
	const uint8_t *secret, size_t length)
{
	struct session *session;

	co_spin_lock(&session_lock);
	HASH_FIND(by_id, table, &id, sizeof id, session);
	if (session != NULL && !session->ended && (accepts == NULL || accepts(session, secret, length)))
		session_ref(session);
	else
		session = NULL;
	co_spin_unlock(&session_lock);
	return session;
}

struct session *session_authenticate(uint64_t id, const uint8_t *secret, size_t length)
{
	return find(id, is_secret, secret, length);
}

struct session *session_find(uint64_t id)
{
	return find(id, NULL, NULL, 0);
}

void session_forget(struct session *session)
{
	co_spin_lock(&session_lock);
	HASH_DELETE(by_id, table, session);
	session->forgotten = true;
	list_remove(&session->sibling);
	co_spin_unlock(&session_lock);
	session_unref(session);
}

void session_heard(struct session *session)
{
	int64_t now;

	if (session->life != SESSION_OF_TTL && session->parent == NULL)
		return;
	now = co_boottime();
	for (; session != NULL; session = session->parent)
		atomic_store_explicit(&session->heard_ns, now, memory_order_relaxed);
}

bool session_has_ended(struct session *session)
{
	bool ended;

	co_spin_lock(&session_lock);
	ended = session->ended;
	co_spin_unlock(&session_lock);
	return ended;
}

void session_renew_all(void)
{
	int64_t now = co_boottime();

	co_spin_lock(&session_lock);
	for (struct session *at = table; at != NULL; at = at->by_id.next)
		atomic_store_explicit(&at->heard_ns, now, memory_order_relaxed);
	co_spin_unlock(&session_lock);
}

int64_t session_smallest_ttl(void)
{
	int64_t smallest = CO_NEVER;

	co_spin_lock(&session_lock);
	for (struct session *at = table; at != NULL; at = at->by_id.next)
		if (at->life == SESSION_OF_TTL && at->ttl_ns < smallest)
			smallest = at->ttl_ns;
	co_spin_unlock(&session_lock);
	return smallest;
}

static int compare_ids(const void *left, const void *right)
{
	const struct session *const *a = left;
	const struct session *const *b = right;

	return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

/* HEAP is a binary one whose first has the highest id. Its last one is new: lets it rise to its place. */
static void sift_up(struct session **heap, size_t count)
{
	struct session *session = heap[count - 1];
	size_t at = count - 1;

	while (at > 0 && heap[(at - 1) / 2]->id < session->id) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = session;
}

/* Its first one is new: lets it sink. */
static void sift_down(struct session **heap, size_t count)
{
	struct session *session = heap[0];
	size_t at = 0;
	size_t child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && heap[child + 1]->id > heap[child]->id)
			child++;
		if (heap[child]->id <= session->id)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = session;
}

/* Keeps the LIMIT lowest ids in the heap RET: a full one gives its highest away. */
static void keep_lowest(struct session *session, size_t limit, struct session **ret, size_t *count, bool *ret_more)
{
	if (*count < limit) {
		ret[(*count)++] = session;
		sift_up(ret, *count);
		return;
	}
	*ret_more = true;
	if (limit > 0 && session->id < ret[0]->id) {
		ret[0] = session;
		sift_down(ret, limit);
	}
}

size_t session_list(uint64_t after, size_t limit, struct session **ret, bool *ret_more)
{
	size_t count = 0;

	*ret_more = false;
	co_spin_lock(&session_lock);
	for (struct session *at = table; at != NULL; at = at->by_id.next)
		if (!at->ended && at->id > after)
			keep_lowest(at, limit, ret, &count, ret_more);
	for (size_t i = 0; i < count; i++)
		session_ref(ret[i]);
	co_spin_unlock(&session_lock);
	qsort(ret, count, sizeof *ret, compare_ids);
	return count;
}

uint64_t session_count(void)
{
	uint64_t count;

	co_spin_lock(&session_lock);
	count = HASH_CNT(by_id, table);
	co_spin_unlock(&session_lock);
	return count;
}

uint64_t session_blocked_count(void)
{
	uint64_t count = 0;

	co_spin_lock(&session_lock);
	for (struct session *at = table; at != NULL; at = at->by_id.next)
		count += atomic_load_explicit(&at->blocked, memory_order_relaxed);
	co_spin_unlock(&session_lock);
	return count;
}

/* The first live session opened after AFTER (NULL: the first of all), with a reference; AFTER's is given back. */
static struct session *next_opened(struct session *after)
{
	struct session *at;

	co_spin_lock(&session_lock);
	at = after != NULL && !after->forgotten ? after->by_id.next : table;
	while (at != NULL && after != NULL && at->number <= after->number)
		at = at->by_id.next; /* it was forgotten meanwhile: look for its place */
	while (at != NULL && at->ended)
		at = at->by_id.next;
	if (at != NULL)
		session_ref(at);
	co_spin_unlock(&session_lock);
	session_unref(after);
	return at;
}

void session_each(void (*visit)(struct session *session, void *arg), void *arg)
{
	struct session *session = NULL;

	while ((session = next_opened(session)) != NULL)
		visit(session, arg);
}
