/* SPDX-License-Identifier: MIT
 *
 * test_runtime_channel_programs.c - whole little programs on channels, and races with close: after Go's test/chan
 * (sieve1, sieve2, goroutines) and runtime/chan_test.go, whose names are kept.
 */
#include "tests/lib/co_test.h"

/* ---- many producers, many consumers ------------------------------------------------------------------------------ */

#define PRODUCERS 4
#define EACH 1000

static struct {
	struct co_channel *channel;
	atomic_int next_producer;
	atomic_int received[PRODUCERS * EACH];
} market;

static void produce(void *unused)
{
	const int first = atomic_fetch_add(&market.next_producer, 1) * EACH;

	(void)unused;
	for (int value = first; value < first + EACH; value++)
		CHECK_EQUAL(co_send(NULL, market.channel, &value), 0);
}

/* Each consumer sees every producer's values rising. */
static void consume(void *unused)
{
	int last[PRODUCERS] = {-1, -1, -1, -1};
	int value;
	int r;

	(void)unused;
	while ((r = co_receive(NULL, market.channel, &value)) == 0) {
		CHECK(value >= 0 && value < PRODUCERS * EACH);
		CHECK(value > last[value / EACH]);
		last[value / EACH] = value;
		atomic_fetch_add(&market.received[value], 1);
	}
	CHECK_EQUAL(r, CO_ECLOSED);
}

/* TestChan's last part: four producers, four consumers, 1,000 values each, all received once. */
COROUTINE_TEST(four_producers_four_consumers)
{
	for (size_t capacity = 0; capacity < 10; capacity += 3) {
		struct co_test_group producers = {0};
		struct co_test_group consumers = {0};

		market.channel = co_channel_new(sizeof(int), capacity);
		CHECK(market.channel != NULL);
		atomic_store(&market.next_producer, 0);
		for (int i = 0; i < PRODUCERS * EACH; i++)
			atomic_store(&market.received[i], 0);
		for (int i = 0; i < PRODUCERS; i++) {
			co_test_go(&producers, produce, NULL);
			co_test_go(&consumers, consume, NULL);
		}
		co_test_wait(&producers);
		CHECK_EQUAL(co_channel_close(market.channel), 0);
		co_test_wait(&consumers);
		for (int i = 0; i < PRODUCERS * EACH; i++)
			CHECK_EQUAL(atomic_load(&market.received[i]), 1);
		CHECK_EQUAL(co_channel_length(market.channel), 0);
		co_channel_free(market.channel);
	}
}

/* ---- TestNonblockRecvRace ---------------------------------------------------------------------------------------- */

static void close_it(void *channel)
{
	CHECK_EQUAL(co_channel_close(channel), 0);
}

/* A buffered channel with one value, which another closes meanwhile: a non-blocking receive sees the value, whatever
 * the close does, never "would block". */
COROUTINE_TEST(nonblock_recv_race)
{
	const size_t rounds = test_scale(100000);

	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		struct co_channel *channel = co_channel_new(sizeof(int), 1);
		int value = 1;

		CHECK(channel != NULL);
		CHECK_EQUAL(co_send(NULL, channel, &value), 0);
		co_test_go(&group, close_it, channel);
		value = 0;
		CHECK_EQUAL(co_try_receive(channel, &value), 0);
		CHECK_EQUAL(value, 1);
		co_test_wait(&group);
		CHECK_EQUAL(co_try_receive(channel, &value), CO_ECLOSED);
		co_channel_free(channel);
	}
}

/* ---- goroutines: the chain --------------------------------------------------------------------------------------- */

struct link {
	struct co_channel *left;
	struct co_channel *right;
};

static void pass_on(void *arg)
{
	const struct link *link = arg;
	int value;

	CHECK_EQUAL(co_receive(NULL, link->right, &value), 0);
	value++;
	CHECK_EQUAL(co_send(NULL, link->left, &value), 0);
}

/* A token passes through a chain of 10,000 coroutines, each of which adds one to it. */
COROUTINE_TEST(goroutines_chain)
{
	enum { LONGEST = 10000 };
	static struct link links[LONGEST];
	struct co_test_group group = {0};
	const size_t length = test_crowd(LONGEST) < LONGEST ? test_crowd(LONGEST) : LONGEST;
	struct co_channel *leftmost = co_channel_new(sizeof(int), 0);
	struct co_channel *left = leftmost;
	int value = 0;

	CHECK(leftmost != NULL);
	for (size_t i = 0; i < length; i++) {
		links[i] = (struct link){.left = left, .right = co_channel_new(sizeof(int), 0)};
		CHECK(links[i].right != NULL);
		co_test_go(&group, pass_on, &links[i]);
		left = links[i].right;
	}
	CHECK_EVENTUALLY(co_test_parked() == length);
	CHECK_EQUAL(co_send(NULL, left, &value), 0);
	CHECK_EQUAL(co_receive(NULL, leftmost, &value), 0);
	CHECK_EQUAL(value, length);
	co_test_wait(&group);
	for (size_t i = 0; i < length; i++)
		co_channel_free(links[i].right);
	co_channel_free(leftmost);
}

/* ---- sieve1 ------------------------------------------------------------------------------------------------------ */

#define PRIMES 168 /* below 1,000 */

struct filter {
	struct co_context *context;
	struct co_channel *in;
	struct co_channel *out;
	int prime;
};

static void generate(void *arg)
{
	const struct filter *filter = arg;

	for (int i = 2; co_send(filter->context, filter->out, &i) == 0; i++)
		;
}

static void strain(void *arg)
{
	const struct filter *filter = arg;
	int value;

	while (co_receive(filter->context, filter->in, &value) == 0)
		if (value % filter->prime != 0 && co_send(filter->context, filter->out, &value) != 0)
			return;
}

/* Each prime found adds a coroutine that lets through what it does not divide. */
static void sieve(size_t capacity)
{
	static struct filter filters[PRIMES + 1];
	struct co_test_group group = {0};
	struct co_context *context;
	int prime = 0;

	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	filters[0] = (struct filter){.context = context, .out = co_channel_new(sizeof(int), capacity)};
	co_test_go(&group, generate, &filters[0]);
	for (int i = 1; i <= PRIMES; i++) {
		CHECK_EQUAL(co_receive(NULL, filters[i - 1].out, &prime), 0);
		filters[i] = (struct filter){
			.context = context, .in = filters[i - 1].out, .out = co_channel_new(sizeof(int), capacity)};
		CHECK(filters[i].out != NULL);
		filters[i].prime = prime;
		co_test_go(&group, strain, &filters[i]);
	}
	CHECK_EQUAL(prime, 997);
	co_cancel(context, NULL);
	co_test_wait(&group);
	for (int i = 0; i <= PRIMES; i++)
		co_channel_free(filters[i].out);
	co_context_unref(context);
}

COROUTINE_TEST(sieve_finds_997)
{
	sieve(0);
	sieve(8);
}

/* ---- sieve2 ------------------------------------------------------------------------------------------------------ */

#define SIEVED 13 /* some more than have a square below 1,000 */

struct multiples {
	struct co_context *context;
	struct co_channel *out;
	int prime;
	int next; /* received, not yet passed */
};

/* The odd multiples of a prime from its square on. */
static void send_multiples(void *arg)
{
	const struct multiples *multiples = arg;
	int value = multiples->prime * multiples->prime;

	while (co_send(multiples->context, multiples->out, &value) == 0)
		value += 2 * multiples->prime;
}

/* True if VALUE is among the COUNT multiples, which are moved past it. */
static bool is_multiple(struct multiples *multiples, size_t count, int value)
{
	bool found = false;

	for (size_t i = 0; i < count; i++)
		if (multiples[i].next == value) {
			found = true;
			(void)co_receive(NULL, multiples[i].out, &multiples[i].next);
		}
	return found;
}

/* What is no multiple of a prime found before is prime: a coroutine for each that sends its multiples, all merged. */
COROUTINE_TEST(sieve2_counts_primes)
{
	static struct multiples multiples[SIEVED];
	struct co_test_group group = {0};
	struct co_context *context;
	size_t sieved = 0;
	int primes = 1; /* 2 */

	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	for (int value = 3; value < 1000; value += 2) {
		if (is_multiple(multiples, sieved, value))
			continue;
		primes++;
		if (sieved == SIEVED)
			continue;
		multiples[sieved] = (struct multiples){context, co_channel_new(sizeof(int), sieved % 4), value, 0};
		CHECK(multiples[sieved].out != NULL);
		co_test_go(&group, send_multiples, &multiples[sieved]);
		CHECK_EQUAL(co_receive(NULL, multiples[sieved].out, &multiples[sieved].next), 0);
		sieved++;
	}
	CHECK_EQUAL(primes, PRIMES);
	co_cancel(context, NULL);
	co_test_wait(&group);
	for (size_t i = 0; i < sieved; i++)
		co_channel_free(multiples[i].out);
	co_context_unref(context);
}

/* ---- close meets send -------------------------------------------------------------------------------------------- */

static struct {
	struct co_channel *channel;
	atomic_int sent;
} closing;

static void send_until_closed(void *unused)
{
	int value = 1;
	int r;

	(void)unused;
	while ((r = co_send(NULL, closing.channel, &value)) == 0)
		atomic_fetch_add(&closing.sent, 1);
	CHECK_EQUAL(r, CO_ESENDCLOSED);
}

/* Close amid senders and a receiver: what was sent is what is received, and every sender hears of the close. */
COROUTINE_TEST(close_loses_no_sent_value)
{
	const size_t rounds = test_scale(300);

	for (size_t round = 0; round < rounds; round++) {
		struct co_test_group group = {0};
		int received = 0;

		atomic_store(&closing.sent, 0);
		closing.channel = co_channel_new(sizeof(int), round % 4);
		CHECK(closing.channel != NULL);
		for (int i = 0; i < 4; i++)
			co_test_go(&group, send_until_closed, NULL);
		while (received < 10) {
			CHECK_EQUAL(co_receive(NULL, closing.channel, NULL), 0);
			received++;
		}
		CHECK_EQUAL(co_channel_close(closing.channel), 0);
		while (co_receive(NULL, closing.channel, NULL) == 0)
			received++;
		co_test_wait(&group);
		CHECK_EQUAL(received, atomic_load(&closing.sent));
		co_channel_free(closing.channel);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_producers_four_consumers),
		cmocka_unit_test(nonblock_recv_race),
		cmocka_unit_test(goroutines_chain),
		cmocka_unit_test(sieve_finds_997),
		cmocka_unit_test(sieve2_counts_primes),
		cmocka_unit_test(close_loses_no_sent_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
