/* SPDX-License-Identifier: MIT
 *
 * test_runtime_wait.c - the suspend primitive: one claim, whoever comes first; the locks released after the switch; the
 * wait queues. Races are in tests/stress.
 */
#include "tests/lib/co_test.h"

/* A queue under a lock, and what a coroutine found that parked in it. */
struct gate {
	struct co_spin lock;
	struct co_waitq queue;
};

struct visitor {
	struct gate *gates; /* COUNT of them, under the first one's lock */
	int count;
	struct co_context *context;
	int64_t deadline;
	struct co_wait wait;
	struct co_waiter waiters[4];
	int result;
	atomic_bool done;
};

static void visit(void *arg)
{
	struct visitor *visitor = arg;

	co_wait_init(&visitor->wait, "gate");
	co_spin_lock(&visitor->gates->lock);
	for (int i = 0; i < visitor->count; i++)
		co_waitq_push(&visitor->gates[i].queue, &visitor->waiters[i], &visitor->wait);
	visitor->result = co_wait_park(&visitor->wait, visitor->context, visitor->deadline, &visitor->gates->lock);
	co_spin_lock(&visitor->gates->lock);
	for (int i = 0; i < visitor->count; i++)
		co_waitq_remove(&visitor->gates[i].queue, &visitor->waiters[i]);
	co_spin_unlock(&visitor->gates->lock);
	atomic_store(&visitor->done, true);
}

/* Wakes the oldest visitor of GATE that nobody has claimed, as an object does. */
static bool admit(struct gate *first, struct gate *gate, int result)
{
	struct co_waiter *waiter;
	bool admitted = false;

	co_spin_lock(&first->lock);
	while (!admitted && (waiter = co_waitq_pop(&gate->queue)) != NULL) {
		if (co_wait_claim(waiter->wait, waiter, result)) {
			co_wait_ready(waiter->wait);
			admitted = true;
		}
	}
	co_spin_unlock(&first->lock);
	return admitted;
}

static size_t length_of(struct gate *gate)
{
	size_t length;

	co_spin_lock(&gate->lock);
	length = gate->queue.length;
	co_spin_unlock(&gate->lock);
	return length;
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

/* A waiter in several queues is claimed through one of them; the others pass it over, and it leaves none behind. */
COROUTINE_TEST(several_queues_one_claim)
{
	for (int chosen = 0; chosen < 4; chosen++) {
		struct co_test_group group = {0};
		struct gate gates[4] = {0};
		struct visitor visitor = {.gates = gates, .count = 4, .deadline = CO_NEVER};

		co_test_go(&group, visit, &visitor);
		CHECK_EVENTUALLY(co_test_parked() == 1);
		CHECK(admit(gates, &gates[chosen], 40 + chosen));
		for (int i = 0; i < 4; i++)
			CHECK(!admit(gates, &gates[i], 99));
		co_test_wait(&group);
		CHECK_EQUAL(visitor.result, 40 + chosen);
		CHECK(visitor.wait.winner == &visitor.waiters[chosen]);
		for (int i = 0; i < 4; i++) {
			CHECK_EQUAL(gates[i].queue.length, 0);
			CHECK(!visitor.waiters[i].queued);
		}
	}
}

/* A context, a deadline and a cancel claim without a winner. */
COROUTINE_TEST(claims_without_a_winner)
{
	for (int how = 0; how < 3; how++) {
		struct co_test_group group = {0};
		struct gate gate = {0};
		struct visitor visitor = {.gates = &gate, .count = 1, .deadline = CO_NEVER};
		static const int expected[] = {CO_ECANCELED, CO_EDEADLINE, -77};

		CHECK_EQUAL(co_with_cancel(NULL, &visitor.context), 0);
		if (how == 1)
			visitor.deadline = co_now() + 3 * CO_MILLISECOND;
		co_test_go(&group, visit, &visitor);
		CHECK_EVENTUALLY(length_of(&gate) == 1 || atomic_load(&visitor.done));
		if (how == 0)
			co_cancel(visitor.context, NULL);
		if (how == 2) {
			CHECK(co_wait_cancel(&visitor.wait, -77));
		}
		co_test_wait(&group);
		CHECK_EQUAL(visitor.result, expected[how]);
		CHECK(visitor.wait.winner == NULL);
		CHECK_EQUAL(gate.queue.length, 0);
		if (how == 1)
			CHECK(co_now() >= visitor.deadline);
		co_context_unref(visitor.context);
	}
}

/* Claims the visitor and leaves it parked beyond its deadline. False if the deadline came first. */
static bool claim_and_linger(struct visitor *visitor, struct co_waiter **waiter)
{
	bool claimed_again;
	bool claimed;

	co_spin_lock(&visitor->gates->lock);
	*waiter = co_waitq_pop(&visitor->gates->queue);
	claimed = *waiter != NULL && co_wait_claim(&visitor->wait, *waiter, 11);
	claimed_again = claimed && co_wait_claim(&visitor->wait, NULL, 12);
	co_spin_unlock(&visitor->gates->lock);
	if (claimed && (claimed_again || co_wait_cancel(&visitor->wait, 13)))
		co_test_fail(__FILE__, __LINE__, "claimed twice");
	if (claimed)
		co_sleep(NULL, 8 * CO_MILLISECOND);
	return claimed;
}

/* Once claimed, it is claimed: later claims fail and change nothing, and it stays parked until it is readied. */
SINGLE_P_TEST(the_claimer_alone_decides)
{
	bool in_time = false;

	while (!in_time) {
		struct co_test_group group = {0};
		struct gate gate = {0};
		struct visitor visitor = {.gates = &gate, .count = 1, .deadline = CO_NEVER};
		struct co_waiter *waiter;

		CHECK_EQUAL(co_with_timeout(NULL, 4 * CO_MILLISECOND, &visitor.context), 0);
		co_test_go(&group, visit, &visitor);
		CHECK_EVENTUALLY(length_of(&gate) == 1 || atomic_load(&visitor.done));
		in_time = claim_and_linger(&visitor, &waiter);
		co_cancel(visitor.context, NULL);
		co_test_pause();
		if (in_time) {
			CHECK(!atomic_load(&visitor.done));
			co_wait_ready(&visitor.wait);
		}
		co_test_wait(&group);
		CHECK_EQUAL(visitor.result, in_time ? 11 : CO_EDEADLINE);
		CHECK(visitor.wait.winner == (in_time ? waiter : NULL));
		co_context_unref(visitor.context);
	}
}

/* A wait that was claimed and readied before it parks does not park. */
COROUTINE_TEST(claimed_before_it_parks)
{
	struct gate gate = {0};
	struct co_wait wait;
	struct co_waiter waiter = {0};

	co_wait_init(&wait, "early");
	co_spin_lock(&gate.lock);
	co_waitq_push(&gate.queue, &waiter, &wait);
	co_waitq_pop(&gate.queue);
	const bool claimed = co_wait_claim(&wait, &waiter, 21);

	co_wait_ready(&wait);
	CHECK_EQUAL(co_wait_park(&wait, NULL, CO_NEVER, &gate.lock), 21);
	CHECK(claimed);
	CHECK(wait.winner == &waiter);
	co_spin_lock(&gate.lock);
	co_spin_unlock(&gate.lock);
}

/* A context that has ended, or a deadline that has passed, ends the wait at once; the lock is released all the same. */
COROUTINE_TEST(ended_before_it_parks)
{
	struct gate gate = {0};
	struct co_wait wait;
	struct co_context *context;

	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	co_cancel(context, NULL);
	co_wait_init(&wait, "dead context");
	co_spin_lock(&gate.lock);
	CHECK_EQUAL(co_wait_park(&wait, context, CO_NEVER, &gate.lock), CO_ECANCELED);
	CHECK(wait.winner == NULL);
	co_wait_init(&wait, "past deadline");
	co_spin_lock(&gate.lock);
	CHECK_EQUAL(co_wait_park(&wait, NULL, co_now(), &gate.lock), CO_EDEADLINE);
	CHECK(wait.winner == NULL);
	co_wait_init(&wait, "both, and no lock");
	CHECK(co_wait_park(&wait, context, 0, NULL) != 0);
	co_spin_lock(&gate.lock);
	co_spin_unlock(&gate.lock);
	co_context_unref(context);
}

/* ---- on_park and the commit -------------------------------------------------------------------------------------- */

struct announced {
	struct co_wait wait;
	struct gate *gate;
	struct co_test_group *group;
	struct co_waiter waiter;
	atomic_int announced;
	atomic_int commits;
	uint64_t id;
	uint64_t announced_by;
	uint64_t committed_by;
	bool was_locked;
	atomic_bool helped;
	int result;
};

static void help(void *arg)
{
	struct announced *announced = arg;

	atomic_store(&announced->helped, true);
}

static void announce(struct co_wait *wait)
{
	struct announced *announced = container_of(wait, struct announced, wait);

	announced->announced_by = co_id();
	announced->was_locked = atomic_load(&announced->gate->lock.held) != 0;
	atomic_fetch_add(&announced->announced, 1);
	co_go(help, announced);
}

static void commit(void *arg)
{
	struct announced *announced = arg;

	announced->committed_by = co_id();
	atomic_fetch_add(&announced->commits, 1);
	co_spin_unlock(&announced->gate->lock);
}

static void park_announced(void *arg)
{
	struct announced *announced = arg;

	announced->id = co_id();
	co_wait_init(&announced->wait, "announced");
	announced->wait.on_park = announce;
	co_spin_lock(&announced->gate->lock);
	co_waitq_push(&announced->gate->queue, &announced->waiter, &announced->wait);
	announced->result = co_wait_park_commit(&announced->wait, NULL, CO_NEVER, commit, announced);
}

/* on_park is called once, by the coroutine, the locks held; the commit once, after it has left its stack. */
COROUTINE_TEST(on_park_and_commit)
{
	for (int i = 0; i < 50; i++) {
		struct co_test_group group = {0};
		struct gate gate = {0};
		struct announced announced = {.gate = &gate};

		co_test_go(&group, park_announced, &announced);
		CHECK_EVENTUALLY(atomic_load(&announced.helped));
		CHECK_EVENTUALLY(length_of(&gate) == 1);
		CHECK(admit(&gate, &gate, 5));
		co_test_wait(&group);
		CHECK_EQUAL(announced.result, 5);
		CHECK_EQUAL(atomic_load(&announced.announced), 1);
		CHECK_EQUAL(atomic_load(&announced.commits), 1);
		CHECK_EQUAL(announced.announced_by, announced.id);
		CHECK_EQUAL(announced.committed_by, 0);
		CHECK(announced.was_locked);
	}
}

/* co_wait_init forgets on_park, and a wait can be used again and again. */
COROUTINE_TEST(a_wait_is_used_again)
{
	struct co_wait wait = {.on_park = announce};

	for (int i = 0; i < 20; i++) {
		co_wait_init(&wait, "again");
		CHECK(wait.on_park == NULL);
		CHECK_EQUAL(co_wait_park(&wait, NULL, co_now() + 50 * CO_MICROSECOND, NULL), CO_EDEADLINE);
	}
}

/* ---- queues ------------------------------------------------------------------------------------------------------ */

/* First in, first out; in front for one that was there before; out of the middle; twice out is harmless. */
COROUTINE_TEST(waitq_keeps_order)
{
	struct co_waitq queue = {0};
	struct co_waiter waiters[5] = {0};
	struct co_wait waits[5];

	CHECK(co_waitq_pop(&queue) == NULL);
	CHECK(co_waitq_first(&queue) == NULL);
	for (int i = 0; i < 5; i++) {
		co_wait_init(&waits[i], "queue");
		if (i == 4)
			co_waitq_push_front(&queue, &waiters[i], &waits[i]);
		else
			co_waitq_push(&queue, &waiters[i], &waits[i]);
		CHECK(waiters[i].queued && waiters[i].wait == &waits[i]);
		CHECK_EQUAL(queue.length, i + 1);
	}
	CHECK(co_waitq_first(&queue) == &waiters[4]);
	co_waitq_remove(&queue, &waiters[1]);
	co_waitq_remove(&queue, &waiters[1]);
	CHECK_EQUAL(queue.length, 4);
	CHECK(!waiters[1].queued);
	CHECK(co_waitq_pop(&queue) == &waiters[4]);
	CHECK(co_waitq_pop(&queue) == &waiters[0]);
	co_waitq_remove(&queue, &waiters[0]);
	co_waitq_remove(&queue, &waiters[3]);
	CHECK(co_waitq_pop(&queue) == &waiters[2]);
	CHECK(co_waitq_pop(&queue) == NULL);
	CHECK_EQUAL(queue.length, 0);
	co_waitq_push_front(&queue, &waiters[3], &waits[3]);
	co_waitq_push(&queue, &waiters[0], &waits[0]);
	CHECK(co_waitq_pop(&queue) == &waiters[3]);
	CHECK(co_waitq_pop(&queue) == &waiters[0]);
	CHECK(queue.oldest == NULL && queue.newest == NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_queues_one_claim),
		cmocka_unit_test(claims_without_a_winner),
		cmocka_unit_test(the_claimer_alone_decides),
		cmocka_unit_test(claimed_before_it_parks),
		cmocka_unit_test(ended_before_it_parks),
		cmocka_unit_test(on_park_and_commit),
		cmocka_unit_test(a_wait_is_used_again),
		cmocka_unit_test(waitq_keeps_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
