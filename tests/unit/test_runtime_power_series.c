/* SPDX-License-Identifier: MIT
 *
 * test_runtime_power_series.c - power series whose terms coroutines compute on demand, after McIlroy's "Squinting at
 * Power Series": what Go's test/chan/powser1 and powser2 do. A series is two channels: one that terms are asked for on,
 * one that they come on. Some feed on themselves, through a select that serves two readers at different paces.
 */
#include "tests/lib/co_test.h"

#define TERMS 12 /* that anyone asks for */
#define SERIES_MAX 64

struct rational {
	int64_t above;
	int64_t below;
};

struct series {
	struct co_channel *wanted;
	struct co_channel *terms;
};

/* All that an operation has: its coroutine's argument. */
struct operation {
	struct series left;
	struct series right;
	struct series out[2];
	struct rational first;
};

static struct {
	struct co_context *context;
	struct co_test_group group;
	struct operation operations[SERIES_MAX];
	struct series series[SERIES_MAX];
	size_t operation_count;
	size_t series_count;
} desk;

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static int64_t divisor(int64_t a, int64_t b)
{
	return b == 0 ? (a < 0 ? -a : a) : divisor(b, a % b);
}

static struct rational ratio(int64_t above, int64_t below)
{
	const int64_t common = divisor(above, below);

	return (struct rational){above / common, below / common};
}

static struct rational sum(struct rational a, struct rational b)
{
	return ratio(a.above * b.below + b.above * a.below, a.below * b.below);
}

static struct rational product(struct rational a, struct rational b)
{
	const struct rational x = ratio(a.above, b.below);
	const struct rational y = ratio(b.above, a.below);

	return ratio(x.above * y.above, x.below * y.below);
}

/* ---- series ------------------------------------------------------------------------------------------------------ */

static struct series new_series(void)
{
	struct series *series = &desk.series[desk.series_count++];

	series->wanted = co_channel_new(0, 0);
	series->terms = co_channel_new(sizeof(struct rational), 0);
	return *series;
}

static struct rational get(struct series series)
{
	struct rational term = {0, 1};

	if (co_send(desk.context, series.wanted, NULL) == 0)
		(void)co_receive(desk.context, series.terms, &term);
	return term;
}

/* True once a term of OUT is asked for; false when all is over. */
static bool is_wanted(struct series out)
{
	return co_receive(desk.context, out.wanted, NULL) == 0;
}

static void put(struct series out, struct rational term)
{
	(void)co_send(desk.context, out.terms, &term);
}

static struct operation *start(void (*function)(void *), struct series left, struct series right)
{
	struct operation *operation = &desk.operations[desk.operation_count++];

	operation->left = left;
	operation->right = right;
	for (int i = 0; i < 2; i++)
		operation->out[i] = new_series();
	co_test_go(&desk.group, function, operation);
	return operation;
}

static const struct series none = {NULL, NULL};

/* ---- operations -------------------------------------------------------------------------------------------------- */

static void run_ones(void *arg)
{
	struct operation *operation = arg;

	while (is_wanted(operation->out[0]))
		put(operation->out[0], (struct rational){1, 1});
}

static void run_add(void *arg)
{
	struct operation *operation = arg;

	while (is_wanted(operation->out[0]))
		put(operation->out[0], sum(get(operation->left), get(operation->right)));
}

/* Term n is the sum over i of left's i times right's n - i. */
static void run_multiply(void *arg)
{
	struct operation *operation = arg;
	struct rational left[TERMS];
	struct rational right[TERMS];

	for (int n = 0; n < TERMS && is_wanted(operation->out[0]); n++) {
		struct rational term = {0, 1};

		left[n] = get(operation->left);
		right[n] = get(operation->right);
		for (int i = 0; i <= n; i++)
			term = sum(term, product(left[i], right[n - i]));
		put(operation->out[0], term);
	}
}

static void run_derive(void *arg)
{
	struct operation *operation = arg;

	(void)get(operation->left);
	for (int n = 1; is_wanted(operation->out[0]); n++)
		put(operation->out[0], product((struct rational){n, 1}, get(operation->left)));
}

/* The constant comes before anything is asked of the left: so a series may be its own integral's. */
static void run_integrate(void *arg)
{
	struct operation *operation = arg;

	if (is_wanted(operation->out[0]))
		put(operation->out[0], operation->first);
	for (int n = 1; is_wanted(operation->out[0]); n++)
		put(operation->out[0], product((struct rational){1, n}, get(operation->left)));
}

/* Where one reader stands. */
struct reader {
	int next;
	bool waits;
};

/* Gives each reader that waits its next term, if it is there. True if one waits for a term that is not. */
static bool serve(const struct operation *operation, struct reader *readers, const struct rational *terms, int count)
{
	bool more = false;

	for (int i = 0; i < 2; i++) {
		if (readers[i].waits && readers[i].next < count) {
			put(operation->out[i], terms[readers[i].next++]);
			readers[i].waits = false;
		}
		more = more || readers[i].waits;
	}
	return more;
}

/* The left, for two readers: while one waits for a term to come, the other may get an earlier one, which that may need.
 */
static void run_split(void *arg)
{
	struct operation *operation = arg;
	struct reader readers[2] = {{0, false}, {0, false}};
	struct rational terms[TERMS + 1];
	bool is_asked = false;
	int count = 0;
	int chosen;

	do {
		const bool more = serve(operation, readers, terms, count);
		struct co_case cases[] = {
			co_case_receive(readers[0].waits ? NULL : operation->out[0].wanted, NULL),
			co_case_receive(readers[1].waits ? NULL : operation->out[1].wanted, NULL),
			co_case_send(more && !is_asked ? operation->left.wanted : NULL, NULL),
			co_case_receive(is_asked ? operation->left.terms : NULL, &terms[count]),
		};

		chosen = co_select(desk.context, cases, 4);
		if (chosen == 0 || chosen == 1)
			readers[chosen].waits = true;
		is_asked = chosen == 2 || (is_asked && chosen != 3);
		count += chosen == 3;
	} while (chosen >= 0 && count <= TERMS);
}

static struct series ones(void)
{
	return start(run_ones, none, none)->out[0];
}

static struct series add(struct series left, struct series right)
{
	return start(run_add, left, right)->out[0];
}

static struct series multiply(struct series left, struct series right)
{
	return start(run_multiply, left, right)->out[0];
}

static struct series derive(struct series left)
{
	return start(run_derive, left, none)->out[0];
}

/* An integral whose left is wired afterwards, before the first term is asked for. */
static struct operation *integral(int64_t constant)
{
	struct operation *operation = start(run_integrate, none, none);

	operation->first = (struct rational){constant, 1};
	return operation;
}

static const struct series *split(struct series left)
{
	return start(run_split, left, none)->out;
}

/* Their own derivatives: exp is its own, tangent's is 1 + tangent squared. */
static struct series exponential(void)
{
	struct operation *whole = integral(1);
	const struct series *both = split(whole->out[0]);

	whole->left = both[1];
	return both[0];
}

/* 1, 0, 0, ...: the derivative of x. */
static void run_one(void *arg)
{
	struct operation *operation = arg;
	struct rational term = {1, 1};

	while (is_wanted(operation->out[0])) {
		put(operation->out[0], term);
		term = (struct rational){0, 1};
	}
}

static struct series tangent(void)
{
	struct operation *whole = integral(0);
	const struct series *both = split(whole->out[0]);
	const struct series *twice = split(both[1]);

	whole->left = add(start(run_one, none, none)->out[0], multiply(twice[0], twice[1]));
	return both[0];
}

/* ---- what they come to ------------------------------------------------------------------------------------------- */

static void open_desk(void)
{
	desk.operation_count = 0;
	desk.series_count = 0;
	CHECK_EQUAL(co_with_cancel(NULL, &desk.context), 0);
}

static void close_desk(void)
{
	co_cancel(desk.context, NULL);
	co_test_wait(&desk.group);
	for (size_t i = 0; i < desk.series_count; i++) {
		co_channel_free(desk.series[i].wanted);
		co_channel_free(desk.series[i].terms);
	}
	co_context_unref(desk.context);
}

static void check_terms(struct series series, const struct rational *expected, int count)
{
	for (int i = 0; i < count; i++) {
		const struct rational term = get(series);

		CHECK_EQUAL(term.above, expected[i].above);
		CHECK_EQUAL(term.below, expected[i].below);
	}
}

/* powser1: sums, products and derivatives. */
COROUTINE_TEST(power_series)
{
	static const struct rational twos[] = {{2, 1}, {2, 1}, {2, 1}, {2, 1}, {2, 1}};
	static const struct rational counted[] = {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}};
	static const struct rational halves[] = {{5, 1}, {1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}};
	struct operation *integrated;

	open_desk();
	check_terms(add(ones(), ones()), twos, 5);
	check_terms(multiply(ones(), ones()), counted, 8);
	check_terms(derive(ones()), counted, 8);
	integrated = integral(5);
	integrated->left = ones();
	check_terms(integrated->out[0], halves, 6);
	close_desk();
}

/* powser2: series that feed on themselves. */
COROUTINE_TEST(power_series_of_themselves)
{
	static const struct rational exponents[] = {
		{1, 1}, {1, 1}, {1, 2}, {1, 6}, {1, 24}, {1, 120}, {1, 720}, {1, 5040}};
	static const struct rational tangents[] = {
		{0, 1}, {1, 1}, {0, 1}, {1, 3}, {0, 1}, {2, 15}, {0, 1}, {17, 315}, {0, 1}, {62, 2835}};

	open_desk();
	check_terms(exponential(), exponents, 8);
	check_terms(tangent(), tangents, 10);
	close_desk();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_series),
		cmocka_unit_test(power_series_of_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
