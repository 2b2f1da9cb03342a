/* SPDX-License-Identifier: MIT
 *
 * test_chaos.c - twenty processes at objects of every kind, over a network that cuts, stalls and splits, while they are
 * killed, and stopped for longer than their sessions live.
 *
 * Checked while it runs: no two are in a lock at once who may be; tokens rise; what was acknowledged never comes again;
 * a once is completed once. At the end: no message that was sent is lost, none came that was not sent; wait groups are
 * at zero; the daemon has no session, no waiter and no more memory than before.
 *
 * TEST_SCALE=1: 20 s; 6: two minutes.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/chaos.h"
#include "tests/lib/clients.h"
#include "tests/lib/daemon_fixture.h"
#include "tests/lib/proxy.h"

#define TTL (1 * SECOND)
#define MEMORY_KB 16384

static struct daemon_fixture fixture;
static struct chaos *chaos;
static pid_t network;

static int start(void **state)
{
	(void)state;
	daemon_fixture_start(&fixture);
	chaos = mmap(NULL, sizeof(*chaos), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(chaos != MAP_FAILED);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	munmap(chaos, sizeof(*chaos));
	daemon_fixture_stop(&fixture);
	return 0;
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

static void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* The proxy in a process of its own: one with threads should not fork. */
static void start_network(void)
{
	const pid_t parent = getpid();
	static char path[128];
	struct proxy proxy;

	snprintf(path, sizeof(path), "%s/network", fixture.folder);
	snprintf(chaos->address, sizeof(chaos->address), "unix:%s", path);
	network = fork();
	assert_true(network >= 0);
	if (network > 0)
		return;
	die_with_parent(parent);
	proxy_start(&proxy, path, fixture.address + strlen("unix:"),
		(struct proxy_faults){.cut = 100, .stall = 200, .split = 10}, 7);
	for (;;)
		pause();
}

/* False: it is enough, or the daemon cannot be reached any more. */
static bool open_session(struct worker *worker)
{
	const struct baton_options options = {.size = sizeof(options), .ttl_ns = TTL, .label = "chaos"};

	while (!atomic_load(&chaos->enough)) {
		if (baton_open(chaos->address, &options, &worker->client) == BATON_OK)
			return true;
		usleep(1000);
	}
	return false;
}

static _Noreturn void work(unsigned number, uint64_t stream, pid_t parent)
{
	struct worker worker = {.chaos = chaos, .number = number, .random = test_random_stream(stream)};

	die_with_parent(parent);
	while (open_session(&worker)) {
		while (!atomic_load(&chaos->enough) && baton_guaranteed_until(worker.client) != INT64_MIN)
			(void)chaos_step(&worker);
		baton_close(worker.client);
	}
	_exit(0);
}

static pid_t start_worker(unsigned number)
{
	const pid_t parent = getpid();
	static uint64_t started;
	const uint64_t stream = ++started;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		work(number, stream, parent);
	return pid;
}

static void reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		fail_msg("a worker died of signal %d", WTERMSIG(status));
}

/* ---- trouble ----------------------------------------------------------------------------------------------------- */

/* One moment's: kills and starts again, or stops for a while that may be longer than the ttl. */
static void trouble(pid_t *workers, int64_t *continue_at, struct test_random *random)
{
	const unsigned which = (unsigned)test_random_below(random, CHAOS_WORKERS);
	const int64_t now = clock_monotonic();

	for (unsigned i = 0; i < CHAOS_WORKERS; i++)
		if (continue_at[i] != 0 && continue_at[i] <= now) {
			kill(workers[i], SIGCONT);
			continue_at[i] = 0;
		}
	if (test_random_below(random, 10) == 0) {
		kill(workers[which], SIGKILL);
		reap(workers[which]);
		continue_at[which] = 0;
		workers[which] = start_worker(which);
	} else if (continue_at[which] == 0 && test_random_below(random, 20) == 0) {
		kill(workers[which], SIGSTOP);
		continue_at[which] = now + (int64_t)test_random_below(random, 2 * TTL);
	}
	usleep(10000);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static unsigned long kilobytes(void)
{
	char path[64];
	char line[128];
	unsigned long value = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)fixture.pid);
	status = fopen(path, "r");
	assert_non_null(status);
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "RssAnon: %lu", &value) == 1)
			break;
	fclose(status);
	return value;
}

static uint64_t sessions(baton_client *client)
{
	struct baton_result *result;
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_STATUS};
	uint64_t count;

	is_ok(baton_invoke(client, NULL, &call, &result));
	count = result->status->sessions;
	baton_result_free(result);
	return count;
}

static void nobody_waits(baton_client *client)
{
	char kind[32] = "";
	char name[256] = "";
	bool more;

	do {
		const struct baton_call call = {
			.size = sizeof(call), .operation = BATON_LIST, .after_kind = kind, .after_name = name};
		struct baton_result *result;

		is_ok(baton_invoke(client, NULL, &call, &result));
		for (size_t i = 0; i < result->object_count; i++) {
			const struct baton_object_info *object = &result->objects[i];

			if (object->waiters != 0 || object->holders != 0)
				fail_msg("%s %s has %u holders and %u waiters", object->kind, object->name,
					object->holders, object->waiters);
			snprintf(kind, sizeof(kind), "%s", object->kind);
			snprintf(name, sizeof(name), "%s", object->name);
		}
		more = result->more;
		baton_result_free(result);
	} while (more);
}

static void drain(baton_client *client)
{
	for (unsigned i = 0; i < CHAOS_CHANNELS; i++) {
		char name[16];
		void *value;
		size_t length;

		snprintf(name, sizeof(name), "chan-%u", i);
		while (baton_chan_try_receive(client, name, &value, &length) == BATON_OK) {
			chaos_see(chaos, value, length);
			baton_free(value);
		}
	}
}

/* What was sent was seen; what was not was not. */
static void judge_messages(void)
{
	unsigned long sent = 0;

	for (unsigned i = 0; i < CHAOS_WORKERS; i++)
		for (uint32_t n = 0; n < CHAOS_MESSAGES && n < atomic_load(&chaos->next_message[i]); n++) {
			const struct chaos_message *message = &chaos->messages[i][n];

			if (message->sent == CHAOS_SENT && message->seen == 0)
				chaos_wrong(chaos, "message %u of worker %u is lost", n, i);
			if (message->sent == CHAOS_NEVER && message->seen != 0)
				chaos_wrong(chaos, "message %u of worker %u came though it was not sent", n, i);
			sent += message->sent == CHAOS_SENT;
		}
	print_message("%lu calls took effect, %lu did not; %lu messages were sent\n", atomic_load(&chaos->done),
		atomic_load(&chaos->failed), sent);
}

static void nothing_lost_nothing_twice_nobody_forgotten(void **state)
{
	const int64_t until = clock_monotonic() + (int64_t)test_scale(20000) * MS;
	struct test_random random = test_random_stream(0);
	baton_client *client = open_with(fixture.address, NULL);
	int64_t continue_at[CHAOS_WORKERS] = {0};
	pid_t workers[CHAOS_WORKERS];
	unsigned long before;

	(void)state;
	for (unsigned i = 0; i < CHAOS_CHANNELS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "chan-%u", i);
		is_ok(baton_chan_make(client, name, i * i));
	}
	before = kilobytes();
	start_network();
	for (unsigned i = 0; i < CHAOS_WORKERS; i++)
		workers[i] = start_worker(i);
	while (clock_monotonic() < until && atomic_load(&chaos->wrong) == 0)
		trouble(workers, continue_at, &random);
	atomic_store(&chaos->enough, true);
	for (unsigned i = 0; i < CHAOS_WORKERS; i++) {
		kill(workers[i], SIGCONT);
		reap(workers[i]);
	}
	kill(network, SIGKILL);
	reap(network);
	EVENTUALLY(sessions(client) == 1);
	for (unsigned i = 0; i < CHAOS_GROUPS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "group-%u", i);
		is_ok(baton_wg_wait(client, NULL, name, NULL));
	}
	drain(client);
	nobody_waits(client);
	judge_messages();
	print_message("memory: %lu kB before, %lu kB after\n", before, kilobytes());
	if (!TEST_SANITIZED) /* which keeps what is freed, and much besides */
		assert_true(kilobytes() < before + MEMORY_KB);
	if (atomic_load(&chaos->wrong) > 0)
		fail_msg("%u things are wrong; the first: %s", atomic_load(&chaos->wrong), chaos->first_wrong);
	baton_close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_nothing_twice_nobody_forgotten),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
