/* SPDX-License-Identifier: MIT
 *
 * service_channel_ends.c - the service Channel: making channels, and handles of their ends.
 */
#include <baton/v1/channel.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "daemon/call.h"
#include "daemon/channel_call.h"
#include "daemon/objects/channel.h"
#include "daemon/registry.h"
#include "daemon/services.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static const char kind[] = "chan";

/* ---- make -------------------------------------------------------------------------------------------------------- */

#define GENERATED_PREFIX "chan-"
#define GENERATED_RANDOM 16 /* characters of 5 bits: nobody guesses one */
#define GENERATED_BYTES (sizeof(GENERATED_PREFIX) + GENERATED_RANDOM)

static void generate_name(char *name)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *at = stpcpy(name, GENERATED_PREFIX);
	uint8_t random[GENERATED_RANDOM];

	co_random(random, sizeof(random));
	for (size_t i = 0; i < GENERATED_RANDOM; i++)
		*at++ = alphabet[random[i] % 32];
	*at = '\0';
}

/* The name to make, in memory of the call's; NULL: no memory. */
static char *choose_name(struct call *call, const char *wanted)
{
	const size_t size = *wanted != '\0' ? strlen(wanted) + 1 : GENERATED_BYTES;
	char *name = call_memory(call, size);

	if (name == NULL)
		return NULL;
	if (*wanted != '\0')
		memcpy(name, wanted, size);
	else
		generate_name(name);
	return name;
}

static int make_channel(const char *name, void *options, struct object **ret)
{
	struct channel *channel;
	const int r = channel_new(name, options, &channel);

	if (r == OBJECT_OK)
		*ret = channel_object(channel);
	return r;
}

static const char *yes_or_no(bool flag)
{
	return flag ? "" : "not ";
}

/* Fails the call if the channel PRESENT was not made as WANTED. Returns the status. */
static int compare(struct call *call, const char *name, const struct channel_options *present,
	const struct channel_options *wanted)
{
	char text[2 * NAME_MAX_BYTES + 64] = "";

	if (present->capacity != wanted->capacity)
		(void)snprintf(text, sizeof(text), "made with capacity %llu, not %llu",
			(unsigned long long)present->capacity, (unsigned long long)wanted->capacity);
	else if (strcmp(present->type, wanted->type) != 0)
		(void)snprintf(text, sizeof(text), "made with type \"%s\", not \"%s\"", present->type, wanted->type);
	else if (present->bound != wanted->bound)
		(void)snprintf(text, sizeof(text), "made %sbound to its session", yes_or_no(present->bound));
	else if (present->auto_close != wanted->auto_close)
		(void)snprintf(text, sizeof(text), "made %sto close with its last send handle",
			yes_or_no(present->auto_close));
	if (text[0] == '\0')
		return STATUS(OK);
	return call_fail(call, STATUS(ALREADY_EXISTS), REASON(OTHER_PARAMETERS), "%s \"%s\": %s", kind, name, text);
}

/* Ties the new channel to the session that made it. */
static int bind(struct call *call, struct channel *channel)
{
	const struct entry *entry = call_entry(call);
	const int r = channel_bind(channel, entry->owner, entry->since_ns);

	if (r == OBJECT_OK)
		return STATUS(OK);
	(void)registry_remove(channel_object(channel));
	channel_delete(channel);
	return call_fail_object(call, kind, channel_object(channel)->name, r);
}

int handle_channel_make(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelMakeRequest *request = message;
	Baton__V1__ChannelMakeResponse *response = answer;
	struct channel_options options = {
		.capacity = request->capacity,
		.type = request->type,
		.bound = request->bound,
		.auto_close = request->auto_close,
	};
	char *name = choose_name(call, request->name);
	struct object *object;
	bool created;
	int r = OBJECT_ENOMEM;
	int status = STATUS(OK);

	if (*request->type != '\0' && !call_accepts_name(call, request->type))
		return STATUS(INVALID_ARGUMENT);
	if (name != NULL)
		r = registry_open(OBJECT_CHANNEL, name, make_channel, &options, &object, &created);
	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	if (!created)
		status = compare(call, name, channel_options(channel_of(object)), &options);
	else if (options.bound)
		status = bind(call, channel_of(object));
	response->name = name;
	response->created = created;
	registry_release(object);
	return status;
}

/* ---- handles ----------------------------------------------------------------------------------------------------- */

int handle_channel_open(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelOpenRequest *request = message;
	Baton__V1__ChannelOpenResponse *response = answer;
	const bool sends = request->direction == BATON__V1__CHANNEL_DIRECTION__CHANNEL_DIRECTION_SEND;
	const enum channel_direction direction = sends ? CHANNEL_SENDS : CHANNEL_RECEIVES;
	struct channel *channel;

	if (!sends && request->direction != BATON__V1__CHANNEL_DIRECTION__CHANNEL_DIRECTION_RECEIVE)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"a handle sends or receives: there is no direction %d", (int)request->direction);
	channel = channel_enter_end(call, request->name, 0, direction, request->type);
	if (channel == NULL)
		return call_failed(call);
	return channel_exit(
		call, channel, channel_open_handle(channel, call_entry(call), direction, &response->handle));
}

int handle_channel_release(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ChannelReleaseRequest *request = message;
	struct channel *channel = channel_enter(call, request->name);

	(void)answer;
	if (channel == NULL)
		return call_failed(call);
	return channel_exit(call, channel, channel_end_handle(channel, request->handle));
}
