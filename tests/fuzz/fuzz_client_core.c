/* SPDX-License-Identifier: MIT
 *
 * fuzz_client_core.c - a daemon that says anything, to the client's core: nothing does worse than end it, and every
 * call submitted ends once.
 *
 * The input is what the daemon sends, in pieces: before each piece a byte gives its length (0 to 254, or 255: 4096),
 * and its successor says what happens beforehand: a call, a cancel, time, a broken connection.
 */
#include <stdbool.h>
#include <string.h>

#include "clientlib/core.h"
#include "tests/fuzz/fuzz.h"

#define CALLS_MAX 32

/* What the byte before a piece may ask for. */
enum step { STEP_NOTHING, STEP_CALL, STEP_CANCEL, STEP_TICK, STEP_BREAK, STEP_ACKNOWLEDGE, STEP_LEAVE, STEP_COUNT };

struct trial {
	struct core *core;
	struct core_call *calls[CALLS_MAX]; /* NULL: handed over */
	unsigned submitted;
	unsigned ended;
	struct core_time now;
};

static const struct baton_call questions[] = {
	{.size = sizeof(struct baton_call), .operation = BATON_MUTEX_LOCK, .name = "m"},
	{.size = sizeof(struct baton_call), .operation = BATON_MUTEX_UNLOCK, .name = "m", .token = 1},
	{.size = sizeof(struct baton_call), .operation = BATON_CHAN_RECEIVE, .name = "c"},
	{.size = sizeof(struct baton_call), .operation = BATON_CHAN_RECEIVE, .name = "c", .manual_ack = true},
	{.size = sizeof(struct baton_call), .operation = BATON_CHAN_SEND, .name = "c", .value = "v", .value_length = 1},
	{.size = sizeof(struct baton_call), .operation = BATON_LIST},
	{.size = sizeof(struct baton_call), .operation = BATON_INSPECT, .kind = "mutex", .name = "m"},
	{.size = sizeof(struct baton_call), .operation = BATON_SESSION_LIST},
	{.size = sizeof(struct baton_call), .operation = BATON_STATUS},
};

static void submit(struct trial *trial, unsigned which)
{
	int64_t deadline = which % 2 == 0 ? CORE_NEVER : trial->now.monotonic + CORE_SECOND;

	if (trial->submitted == CALLS_MAX)
		return;
	if (core_submit(trial->core, &questions[which % (sizeof(questions) / sizeof(questions[0]))], deadline,
		    trial->now, &trial->calls[trial->submitted], &trial->calls[trial->submitted]) != 0)
		trial->ended++;
	trial->submitted++;
}

/* Takes what has finished; the daemon takes everything that is written. */
static void settle(struct trial *trial)
{
	struct core_call *call;
	struct baton_notice notice;
	size_t length;

	while (core_output(trial->core, trial->now, &length) != NULL)
		core_sent(trial->core, length);
	while ((call = core_next_finished(trial->core)) != NULL) {
		struct core_call **place = core_call_owner(call);

		fuzz_require(*place == call);
		*place = NULL;
		baton_result_free(core_hand_over(trial->core, call));
		trial->ended++;
	}
	while (core_next_notice(trial->core, &notice))
		fuzz_require(notice.kind != NULL && notice.name != NULL && notice.text != NULL);
}

static void take_step(struct trial *trial, unsigned byte)
{
	struct core_call *call = trial->calls[byte % CALLS_MAX];

	switch ((enum step)(byte % STEP_COUNT)) {
	case STEP_CALL:
		submit(trial, byte / STEP_COUNT);
		break;
	case STEP_CANCEL:
		if (call != NULL)
			core_cancel(trial->core, call, trial->now);
		break;
	case STEP_TICK:
		trial->now.monotonic += CORE_SECOND;
		trial->now.boottime += CORE_SECOND;
		core_tick(trial->core, trial->now);
		break;
	case STEP_BREAK:
		core_break(trial->core, BATON_EUNREACHABLE, "the connection broke");
		break;
	case STEP_ACKNOWLEDGE:
		core_acknowledge(trial->core);
		break;
	case STEP_LEAVE:
		(void)core_leave(trial->core);
		break;
	case STEP_NOTHING:
	case STEP_COUNT:
		break;
	}
}

static void feed(struct trial *trial, const uint8_t *data, size_t length)
{
	while (length > 0 && core_state(trial->core) != CORE_ENDED && core_state(trial->core) != CORE_UNCONNECTED) {
		size_t room;
		uint8_t *place = core_input(trial->core, &room);

		if (place == NULL)
			return;
		fuzz_require(room > 0);
		if (room > length)
			room = length;
		memcpy(place, data, room);
		core_feed(trial->core, room, trial->now);
		data += room;
		length -= room;
	}
}

static void run(struct trial *trial, const uint8_t *data, size_t size)
{
	while (size >= 2 && core_state(trial->core) != CORE_ENDED) {
		size_t length = data[0] == 255 ? 4096 : data[0];

		if (core_state(trial->core) == CORE_UNCONNECTED && core_connect(trial->core, trial->now.monotonic) != 0)
			return;
		take_step(trial, data[1]);
		settle(trial);
		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		feed(trial, data, length);
		settle(trial);
		data += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct core_settings settings = {.kind = BATON_SESSION_OWN, .label = "fuzz", .host = ""};
	struct trial trial = {.now = {.monotonic = CORE_SECOND, .boottime = CORE_SECOND}};

	if (size == 0)
		return 0;
	settings.ttl_ns = data[0] % 2 == 0 ? 0 : 10 * CORE_SECOND;
	if (core_new(&settings, &trial.core) != 0)
		return 0;
	run(&trial, data + 1, size - 1);
	core_end(trial.core, BATON_ECLIENTCLOSED, "closed");
	fuzz_require(core_state(trial.core) == CORE_ENDED && core_error(trial.core) != 0);
	settle(&trial);
	fuzz_require(trial.ended == trial.submitted);
	core_free(trial.core);
	return 0;
}
