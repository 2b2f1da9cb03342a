/* SPDX-License-Identifier: MIT
 *
 * co_deploy_timeout.c - a context with a timeout: what has not been deployed by then is given up.
 */
#include "tests/examples/example.h"

static struct co_channel *reports;

static void deploy(void *arg)
{
	struct co_context *context = arg;
	const int r = co_sleep(context, 3600 * CO_SECOND);

	printf("deployment: %s\n", r == 0 ? "done" : co_strerror(r));
	co_send(NULL, reports, "");
}

static int main_coroutine(void *unused)
{
	const int64_t timeout = 10 * CO_MILLISECOND;
	const int64_t begin = co_now();
	struct co_context *context;

	(void)unused;
	reports = co_channel_new(1, 0);
	if (reports == NULL || co_with_timeout(NULL, timeout, &context) != 0)
		return 1;
	printf("deploying\n");
	if (co_go(deploy, context) != 0)
		return 1;
	co_context_done(context, NULL);
	printf("time is up%s\n", co_now() - begin >= timeout ? "" : ", too early");
	co_receive(NULL, reports, NULL);
	co_context_unref(context);
	co_channel_free(reports);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
