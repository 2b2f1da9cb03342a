/* SPDX-License-Identifier: MIT
 *
 * sim_daemon.c - batond's own code and tens of clients in one simulated process, under faults: see workload.h for what
 * they do, faults.h for what goes wrong.
 *
 * usage: sim_daemon [--first SEED] [--seeds N] [--stop] [--trace FILE] [--verbose]
 *
 * Each seed is a process of its own. --stop: after the first that fails. A seed that fails is named with the command
 * that repeats it. Exit status: 0 if none failed, else 1.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/server.h"
#include "runtime/co.h"
#include "tests/sim/client.h"
#include "tests/sim/faults.h"
#include "tests/sim/workload.h"

#define ADDRESS "/sim/baton.sock"
#define CLIENTS_MAX 4096 /* one that ended is followed by another */
#define GIVE_UP_SECONDS 60

struct scenario {
	unsigned clients;
	unsigned workers;    /* per client, at most */
	unsigned operations; /* per worker, at most */
	int64_t rest_ns;     /* between two operations, at most */
};

static struct {
	struct scenario scenario;
	struct options options;
	struct sim_client *clients[CLIENTS_MAX];
	unsigned client_count;
	struct co_waitgroup users; /* coroutines that use clients */
	struct co_waitgroup daemon;
	int daemon_status;
	bool is_verbose;
} world;

/* ---- the daemon -------------------------------------------------------------------------------------------------- */

static void run_daemon(void *unused)
{
	(void)unused;
	world.daemon_status = server_run(&world.options);
	(void)co_waitgroup_done(&world.daemon);
}

static void start_daemon(void)
{
	const struct address address = {.kind = ADDRESS_UNIX, .path = ADDRESS};

	world.options.stop_timeout_ns = 5 * CO_SECOND;
	(void)co_waitgroup_add(&world.daemon, 1);
	if (!listener_open(&address, false) || co_go(run_daemon, NULL) != 0)
		sim_fail("the daemon did not start");
	(void)co_sleep(NULL, CO_MILLISECOND);
}

static void stop_daemon(void)
{
	sim_signal(SIGTERM);
	(void)co_waitgroup_wait(NULL, &world.daemon);
	if (world.daemon_status != 0)
		sim_fail("the daemon ended with %d", world.daemon_status);
}

/* ---- the clients ------------------------------------------------------------------------------------------------- */

static struct sim_client *new_client(void)
{
	struct sim_client_options options = {
		.address = ADDRESS,
		.peer = {.is_local = true, .pid = 100 + world.client_count, .uid = 1000, .gid = 1000},
		.link = sim_link_default,
		.ttl_ns = sim_percent(50) ? 0 : sim_between(1, 5) * CO_SECOND,
	};
	struct sim_client *client;

	if (world.client_count == CLIENTS_MAX)
		return NULL;
	if (sim_percent(30))
		options.link.delay_max_ns = sim_between(CO_MICROSECOND, 20 * CO_MILLISECOND);
	client = sim_client_new(&options);
	if (client == NULL)
		sim_fail("no memory for a client");
	else
		world.clients[world.client_count++] = client;
	return client;
}

/* A client with which nothing goes wrong. */
static struct sim_client *new_janitor(void)
{
	const struct sim_client_options options = {
		.address = ADDRESS, .peer = {.is_local = true, .pid = 1}, .link = sim_link_default};

	return sim_client_new(&options);
}

static struct sim_client *draw_victim(void)
{
	struct sim_client *client;

	if (world.client_count == 0)
		return NULL;
	client = world.clients[sim_below(world.client_count)];
	return sim_client_has_ended(client) ? NULL : client;
}

struct crew {
	struct sim_client *client;
	struct co_waitgroup working;
	uint32_t last_task;
};

static void work(void *arg)
{
	struct crew *crew = arg;
	struct worker worker = {.client = crew->client, .task = ++crew->last_task};

	for (uint64_t left = sim_below(world.scenario.operations) + 1; left > 0; left--) {
		if (sim_client_has_ended(crew->client))
			break;
		workload_run_one(&worker);
		(void)co_sleep(NULL, sim_between(0, world.scenario.rest_ns));
	}
	(void)co_waitgroup_done(&crew->working);
}

/* One user: a client and its workers; where it broke another client comes after it. */
static void use(void *unused)
{
	bool again;

	(void)unused;
	do {
		struct crew crew = {.client = new_client()};

		again = false;
		if (crew.client == NULL)
			break;
		for (uint64_t left = sim_below(world.scenario.workers) + 1; left > 0; left--) {
			(void)co_waitgroup_add(&crew.working, 1);
			if (co_go(work, &crew) != 0)
				sim_fail("no memory for a worker");
		}
		(void)co_waitgroup_wait(NULL, &crew.working);
		sim_client_close(crew.client);
		again = sim_client_broken_at(crew.client) != INT64_MAX && sim_percent(50);
	} while (again);
	(void)co_waitgroup_done(&world.users);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* The client, closed and the caller's to free, for what was done by it is asked about later; or NULL. */
static struct sim_client *with_janitor(bool at_the_end)
{
	struct sim_client *client = new_janitor();

	if (client == NULL)
		return NULL;
	for (const struct part *const *part = parts; *part != NULL; part++) {
		void (*step)(struct sim_client *) = at_the_end ? (*part)->finish : (*part)->prepare;

		if (step != NULL)
			step(client);
	}
	sim_client_close(client);
	return client;
}

static void use_all(void)
{
	for (unsigned i = 0; i < world.scenario.clients; i++) {
		(void)co_waitgroup_add(&world.users, 1);
		if (co_go(use, NULL) != 0)
			sim_fail("no memory for a user");
		(void)co_sleep(NULL, sim_between(0, 10 * CO_MILLISECOND));
	}
	(void)co_waitgroup_wait(NULL, &world.users);
}

static int simulate(void *unused)
{
	struct sim_client *first;
	struct sim_client *last;

	(void)unused;
	world.scenario = (struct scenario){
		.clients = (unsigned)sim_between(2, 40),
		.workers = (unsigned)sim_between(1, 3),
		.operations = (unsigned)sim_between(2, 30),
		.rest_ns = sim_between(0, 20 * CO_MILLISECOND),
	};
	start_daemon();
	first = with_janitor(false);
	faults_start(draw_victim);
	use_all();
	faults_stop();
	(void)co_sleep(NULL, 20 * CO_SECOND); /* sessions of clients that died end */
	last = with_janitor(true);
	for (const struct part *const *part = parts; *part != NULL; part++)
		if ((*part)->check != NULL)
			(*part)->check();
	stop_daemon();
	sim_client_free(first);
	sim_client_free(last);
	for (unsigned i = 0; i < world.client_count; i++)
		sim_client_free(world.clients[i]);
	return 0;
}

/* In a process of its own. Returns its exit status. */
static int run_seed(uint64_t seed, const char *trace)
{
	struct sim_options options = {
		.seed = seed, .time_limit_ns = 4 * 3600 * CO_SECOND, .trace = trace != NULL ? fopen(trace, "w") : NULL};
	int status;

	if (trace != NULL && options.trace == NULL) {
		perror(trace);
		return 1;
	}
	if (options.trace != NULL)
		(void)setvbuf(options.trace, NULL, _IOLBF, 0); /* it is whole where the process dies */
	alarm(GIVE_UP_SECONDS);                                /* it may run in a circle without time going on */
	log_set_level(world.is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	status = sim_run(&options, simulate, NULL);
	if (status == 0)
		server_clean_up();
	if (status == 0 && (sim_live_blocks() != 0 || sim_open_descriptors() != 0))
		sim_fail(
			"%zu blocks of memory and %zu descriptors are left", sim_live_blocks(), sim_open_descriptors());
	if (sim_failure() != NULL)
		fprintf(stderr, "%s\n", sim_failure());
	if (world.is_verbose)
		printf("seed %llu: %llu events, hash %016llx\n", (unsigned long long)seed,
			(unsigned long long)sim_trace_lines(), (unsigned long long)sim_trace_hash());
	if (options.trace != NULL)
		(void)fclose(options.trace);
	return status == 0 && sim_failure() == NULL ? 0 : 1;
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static bool seed_passes(const char *program, uint64_t seed, const char *trace)
{
	pid_t child;
	int status = 0;

	(void)fflush(NULL);
	child = fork();
	if (child == 0)
		exit(run_seed(seed, trace));
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("fork");
		return false;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status))
		fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
	fprintf(stderr, "seed %llu failed; again: %s --first %llu --trace trace.txt\n", (unsigned long long)seed,
		program, (unsigned long long)seed);
	return false;
}

int main(int count, char **arguments)
{
	static const struct option known[] = {
		{"first", required_argument, NULL, 'f'},
		{"seeds", required_argument, NULL, 'n'},
		{"stop", no_argument, NULL, 's'},
		{"trace", required_argument, NULL, 't'},
		{"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	const time_t began = time(NULL);
	const char *trace = NULL;
	uint64_t first = 1;
	uint64_t seeds = 1;
	uint64_t failed = 0;
	uint64_t done = 0;
	bool stops = false;
	int option;

	while ((option = getopt_long(count, arguments, "", known, NULL)) != -1)
		switch (option) {
		case 'f':
			first = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			seeds = strtoull(optarg, NULL, 10);
			break;
		case 's':
			stops = true;
			break;
		case 't':
			trace = optarg;
			break;
		case 'v':
			world.is_verbose = true;
			break;
		default:
			return 2;
		}
	(void)unsetenv("NOTIFY_SOCKET"); /* what is simulated is no service */
	(void)unsetenv("WATCHDOG_USEC");
	for (; done < seeds && !(stops && failed > 0); done++)
		failed += !seed_passes(arguments[0], first + done, trace);
	printf("%llu seeds from %llu, %llu failed, %lld s\n", (unsigned long long)done, (unsigned long long)first,
		(unsigned long long)failed, (long long)(time(NULL) - began));
	return failed == 0 ? 0 : 1;
}
