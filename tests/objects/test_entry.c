/* SPDX-License-Identifier: MIT
 *
 * test_entry.c - waits and stops of one call: a stop that comes between two waits, or races with their beginning.
 */
#include "tests/objects/actors.h"

static struct co_spin lock;
static struct co_waitq queue;

/* One wait of ENTRY in the queue. */
static int wait_once(struct entry *entry)
{
	int r;

	co_spin_lock(&lock);
	entry_begin(entry, "test");
	co_waitq_push(&queue, &entry->seat.waiter, &entry->wait);
	r = entry_park(entry, &lock);
	co_spin_lock(&lock);
	co_waitq_remove(&queue, &entry->seat.waiter);
	co_spin_unlock(&lock);
	return r;
}

/* Ends the first unclaimed wait with RESULT. */
static bool wake_one(int result)
{
	struct co_waiter *waiter;
	bool woken = false;

	co_spin_lock(&lock);
	while (!woken && (waiter = co_waitq_pop(&queue)) != NULL)
		woken = co_wait_cancel(waiter->wait, result);
	co_spin_unlock(&lock);
	return woken;
}

COROUTINE_TEST(a_stop_before_the_first_wait_ends_it)
{
	struct owner owner;
	struct entry entry;

	owner_init(&owner);
	entry_init(&entry, &owner, 1, CO_NEVER);
	CHECK_EQUAL(entry_refusal(&entry), OBJECT_OK);
	entry_stop(&entry, OBJECT_ECANCELED);
	CHECK_EQUAL(entry_refusal(&entry), OBJECT_ECANCELED);
	entry_stop(&entry, OBJECT_EENDED);
	CHECK_EQUAL(wait_once(&entry), OBJECT_ECANCELED);
	CHECK_EQUAL(wait_once(&entry), OBJECT_ECANCELED);
}

/* What a waker sees of an entry whose wait never began: nothing to claim. */
COROUTINE_TEST(a_stopped_entry_is_passed_over_in_a_queue)
{
	struct owner owner;
	struct entry entry;

	owner_init(&owner);
	entry_init(&entry, &owner, 1, CO_NEVER);
	entry_stop(&entry, OBJECT_ECANCELED);
	co_spin_lock(&lock);
	entry_begin(&entry, "test");
	co_waitq_push(&queue, &entry.seat.waiter, &entry.wait);
	CHECK_EQUAL(entry_park(&entry, &lock), OBJECT_ECANCELED);
	CHECK(!wake_one(0));
}

static struct entry racer;
static atomic_ulong woken_first;
static atomic_ulong stopped_first;
static atomic_bool is_waiting;

/* Waits again and again; every wait but the stopped one is ended by the waker. */
static void run_racer(void *unused)
{
	int r;

	(void)unused;
	do {
		r = wait_once(&racer);
	} while (r == 1);
	atomic_store(&is_waiting, false);
	if (r != OBJECT_ECANCELED)
		co_test_fail(__FILE__, __LINE__, "stopped with %d", r);
}

static void run_stopper(void *arg)
{
	struct test_random random = test_random_stream((uint64_t)(uintptr_t)arg);

	for (uint64_t i = test_random_below(&random, 4); i > 0; i--)
		co_yield();
	entry_stop(&racer, OBJECT_ECANCELED);
}

COROUTINE_TEST(a_stop_among_many_waits_ends_exactly_one)
{
	const size_t rounds = test_scale(20000);
	struct owner owner;

	owner_init(&owner);
	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		unsigned long woken = 0;

		entry_init(&racer, &owner, 1, CO_NEVER);
		atomic_store(&is_waiting, true);
		co_test_go(&group, run_racer, NULL);
		co_test_go(&group, run_stopper, (void *)(uintptr_t)i);
		while (atomic_load(&is_waiting)) {
			woken += wake_one(1);
			co_yield();
		}
		co_test_wait(&group);
		CHECK(!wake_one(1));
		atomic_fetch_add(woken > 0 ? &woken_first : &stopped_first, 1);
	}
}

static void wait_until_stopped(void *arg)
{
	CHECK_EQUAL(wait_once(arg), OBJECT_ECANCELED);
}

/* A deadline needs a place in the timers' heap, which grows with the number of waits. */
/* One P: the failure must not hit the waits of others. */
SINGLE_P_TEST(a_wait_that_cannot_be_timed_is_not_begun)
{
	static struct entry entries[5000];
	struct co_test_group group = {0};
	struct owner owner;
	size_t count = 0;
	int r;

	owner_init(&owner);
	for (;;) {
		struct entry *entry = &entries[count++];

		CHECK(count < 5000);
		entry_init(entry, &owner, co_now(), co_now() + 3600 * CO_SECOND);
		co_test_go(&group, wait_until_stopped, entry);
		co_yield();
		entry_init(&entries[count], &owner, co_now(), co_now() + CO_MILLISECOND);
		fail_allocation(0, true);
		r = wait_once(&entries[count]);
		memory_set_fault(NULL);
		if (r == OBJECT_ENOMEM)
			break;
		CHECK_EQUAL(r, OBJECT_EDEADLINE);
	}
	CHECK(!atomic_load(&entries[count].stop));
	for (size_t i = 0; i < count; i++)
		entry_stop(&entries[i], OBJECT_ECANCELED);
	co_test_wait(&group);
	CHECK(co_waitq_first(&queue) == NULL);
}

static void print_outcomes(void)
{
	printf("stops: %lu came before any wake-up, %lu after one or more\n", atomic_load(&stopped_first),
		atomic_load(&woken_first));
}

static int both_outcomes(void **state)
{
	(void)state;
	print_outcomes();
	return atomic_load(&stopped_first) == 0 || atomic_load(&woken_first) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stop_before_the_first_wait_ends_it),
		cmocka_unit_test(a_stopped_entry_is_passed_over_in_a_queue),
		cmocka_unit_test_teardown(a_stop_among_many_waits_ends_exactly_one, both_outcomes),
		cmocka_unit_test(a_wait_that_cannot_be_timed_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
