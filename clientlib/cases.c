/* SPDX-License-Identifier: MIT
 *
 * cases.c - the table of kinds of cases, and lists of them.
 */
#include "clientlib/cases.h"

#include <string.h>

#include "base/memory.h"
#include "baton/v1/select.pb-c.h"

#define KIND(name) BATON__V1__SELECT_KIND__SELECT_KIND_##name
#define NONE BATON_OPERATION_COUNT
#define PREFIX_BYTES 6 /* key and length of a case, at most */

/* One row for each enum baton_case_kind. */
static const struct {
	Baton__V1__SelectKind kind;
	enum baton_operation give_back; /* a grant that nobody waits for any more */
} rows[BATON_CASE_KIND_COUNT] = {
	[BATON_CASE_OFF] = {KIND(OFF), NONE},
	[BATON_CASE_SEND] = {KIND(SEND), NONE},
	[BATON_CASE_RECEIVE] = {KIND(RECEIVE), BATON_CHAN_NACK},
	[BATON_CASE_LOCK] = {KIND(LOCK), BATON_MUTEX_UNLOCK},
	[BATON_CASE_RLOCK] = {KIND(RLOCK), BATON_RWMUTEX_UNLOCK},
	[BATON_CASE_WLOCK] = {KIND(WLOCK), BATON_RWMUTEX_UNLOCK},
	[BATON_CASE_DONE] = {KIND(DONE), NONE},
	[BATON_CASE_ACQUIRE] = {KIND(ACQUIRE), BATON_SEM_RELEASE},
	[BATON_CASE_WG] = {KIND(WAIT), NONE},
	[BATON_CASE_ONCE] = {KIND(ONCE), NONE},
	[BATON_CASE_TIMER] = {KIND(TIMER), NONE},
};

/* ---- encoding ---------------------------------------------------------------------------------------------------- */

static uint64_t to_us(int64_t ns)
{
	return ns <= 0 ? 0 : ((uint64_t)ns + 999) / 1000;
}

static Baton__V1__SelectCase to_message(const struct baton_case *choice)
{
	Baton__V1__SelectCase message = BATON__V1__SELECT_CASE__INIT;
	const bool is_off = choice->name == NULL && choice->kind != BATON_CASE_TIMER;

	if (is_off)
		return message;
	message.kind = rows[choice->kind].kind;
	if (choice->name != NULL)
		message.name = (char *)(uintptr_t)choice->name;
	message.value = (ProtobufCBinaryData){choice->value_length, (uint8_t *)(uintptr_t)choice->value};
	message.number = choice->kind == BATON_CASE_TIMER ? to_us(choice->after_ns) : choice->number;
	message.manual_ack = choice->manual_ack;
	message.handle = choice->handle;
	if (choice->type != NULL)
		message.type = (char *)(uintptr_t)choice->type;
	return message;
}

/* What the case breaks; NULL: nothing. */
static const char *rule_of(const struct baton_case *choice)
{
	static const uint64_t nothing[sizeof(choice->reserved) / sizeof(choice->reserved[0])];

	if ((unsigned)choice->kind >= BATON_CASE_KIND_COUNT)
		return "select: a case has a kind that this libbaton does not know";
	if (memcmp(choice->reserved, nothing, sizeof(nothing)) != 0)
		return "select: a case asks for what this libbaton does not know";
	if (choice->value == NULL && choice->value_length > 0)
		return "select: a case has a value that is NULL";
	return NULL;
}

static uint8_t *put_case(uint8_t *to, const struct baton_case *choice)
{
	const Baton__V1__SelectCase message = to_message(choice);
	size_t length = protobuf_c_message_get_packed_size(&message.base);
	const size_t body = length;

	*to++ = 1 << 3 | 2; /* SelectCases.cases, delimited */
	for (; length >= 0x80; length >>= 7)
		*to++ = (uint8_t)(length | 0x80);
	*to++ = (uint8_t)length;
	protobuf_c_message_pack(&message.base, to);
	return to + body;
}

uint8_t *cases_pack(const struct baton_call *call, size_t *ret_length, const char **ret_why)
{
	size_t room = 1;
	uint8_t *bytes;
	uint8_t *at;

	*ret_why = call->cases == NULL && call->case_count > 0 ? "select: the cases are NULL" : NULL;
	for (size_t i = 0; i < call->case_count && *ret_why == NULL; i++)
		*ret_why = rule_of(&call->cases[i]);
	if (*ret_why != NULL)
		return NULL;
	for (size_t i = 0; i < call->case_count; i++) {
		const Baton__V1__SelectCase message = to_message(&call->cases[i]);

		room += PREFIX_BYTES + protobuf_c_message_get_packed_size(&message.base);
	}
	bytes = memory_alloc(room);
	if (bytes == NULL)
		return NULL;
	at = bytes;
	for (size_t i = 0; i < call->case_count; i++)
		at = put_case(at, &call->cases[i]);
	*ret_length = (size_t)(at - bytes);
	return bytes;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

struct listed {
	enum baton_case_kind kind;
	bool delivers;
	const char *name; /* in the same piece of memory */
};

struct case_list {
	size_t count;
	struct listed cases[];
};

static const char *name_of(const struct baton_case *choice)
{
	return choice->name != NULL ? choice->name : "";
}

struct case_list *case_list_new(const struct baton_call *call)
{
	size_t room = sizeof(struct case_list) + call->case_count * sizeof(struct listed);
	struct case_list *list;
	char *at;

	for (size_t i = 0; i < call->case_count; i++)
		room += strlen(name_of(&call->cases[i])) + 1;
	list = memory_alloc(room);
	if (list == NULL)
		return NULL;
	list->count = call->case_count;
	at = (char *)&list->cases[list->count];
	for (size_t i = 0; i < list->count; i++) {
		const struct baton_case *choice = &call->cases[i];

		list->cases[i] = (struct listed){
			.kind = choice->kind,
			.delivers = choice->kind == BATON_CASE_RECEIVE && !choice->manual_ack,
			.name = at,
		};
		at = stpcpy(at, name_of(choice)) + 1;
	}
	return list;
}

size_t case_list_count(const struct case_list *list)
{
	return list->count;
}

bool case_list_delivers(const struct case_list *list, size_t index)
{
	return list->cases[index].delivers;
}

bool case_list_may_deliver(const struct case_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->cases[i].delivers)
			return true;
	return false;
}

const char *case_list_name(const struct case_list *list, size_t index)
{
	return list->cases[index].name;
}

enum baton_operation case_list_give_back(const struct case_list *list, size_t index)
{
	return rows[list->cases[index].kind].give_back;
}
