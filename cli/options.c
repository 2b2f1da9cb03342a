/* SPDX-License-Identifier: MIT
 *
 * options.c - the one parser of command lines, driven by the tables of commands.c.
 *
 * It goes over the words once. A word is an option, the noun, the verb, an argument, or the first word of CMD, which
 * ends the work. The first thing wrong ends it too.
 */
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/name.h"
#include "cli/suggest.h"

#define TEXT_SHOWN_BYTES 64 /* of a word of the command line, in a message */

/* The state of going over the words. */
struct parser {
	struct invocation *to;
	int argc;
	char **argv;
	int at; /* the word after the one in hand */
	bool is_over;
};

char *invocation_title(const struct invocation *invocation, char *to, size_t size)
{
	const struct command *command = invocation->command;

	if (command != NULL)
		snprintf(to, size, "%s%s%s", command->noun, command->verb == NULL ? "" : " ",
			command->verb == NULL ? "" : command->verb);
	else
		snprintf(to, size, "%s", invocation->noun == NULL ? "baton" : invocation->noun);
	return to;
}

/* Ends the parse: the message is the title of what was called and the formatted text. */
static void __attribute__((format(printf, 2, 3))) fail(struct parser *parser, const char *format, ...)
{
	struct invocation *to = parser->to;
	char title[64];
	size_t length = 0;
	va_list arguments;

	to->kind = INVOCATION_WRONG;
	parser->is_over = true;
	if (to->noun != NULL)
		length = (size_t)snprintf(
			to->error, sizeof(to->error), "%s: ", invocation_title(to, title, sizeof(title)));
	va_start(arguments, format);
	vsnprintf(to->error + length, sizeof(to->error) - length, format, arguments);
	va_end(arguments);
}

/* As fail: WHAT "WORD" is unknown, with what may have been meant. */
static void fail_unknown(struct parser *parser, const char *what, const char *word, const struct suggestion *suggestion)
{
	if (suggestion->best == NULL)
		fail(parser, "no %s \"%s\"", what, word);
	else
		fail(parser, "no %s \"%s\"; did you mean \"%s\"?", what, word, suggestion->best);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static bool parse_unsigned(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* In two's complement. */
static bool parse_signed(const char *text, uint64_t *ret)
{
	char *end;

	if (*text != '-')
		return parse_unsigned(text, ret) && *ret <= INT64_MAX;
	if (text[1] < '0' || text[1] > '9')
		return false;
	errno = 0;
	*ret = (uint64_t)strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* A word that is an option by its looks and a number where one is due: -5, -.5. */
static bool looks_like_number(const char *word)
{
	return word[0] == '-' && ((word[1] >= '0' && word[1] <= '9') || word[1] == '.');
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

/* Goes over the options that may be given now, the command's own before the global ones. Starts with *AT at 0. */
static bool next_option(const struct invocation *invocation, size_t *at, enum option_id *ret)
{
	const struct command *command = invocation->command;
	const size_t own = command == NULL ? 0 : command->option_count;

	if (*at >= own + OPTION_GLOBAL_COUNT)
		return false;
	*ret = *at < own ? command->options[*at] : (enum option_id)(*at - own);
	(*at)++;
	return true;
}

static bool find_letter(const struct invocation *invocation, char letter, enum option_id *ret)
{
	for (size_t at = 0; next_option(invocation, &at, ret);)
		if (options[*ret].letter == letter)
			return true;
	return false;
}

static bool find_long(const struct invocation *invocation, const char *word, size_t length, enum option_id *ret)
{
	for (size_t at = 0; next_option(invocation, &at, ret);) {
		const char *candidate = options[*ret].word;

		if (candidate != NULL && strlen(candidate) == length && memcmp(candidate, word, length) == 0)
			return true;
	}
	return false;
}

static void set_number(struct parser *parser, enum option_id id, const char *shown, const char *text)
{
	const struct option *option = &options[id];
	uint64_t number;

	if (!parse_unsigned(text, &number) || number < (uint64_t)option->low || number > (uint64_t)option->high)
		fail(parser, "%s: \"%s\" is not a number from %lld to %lld", shown, text, (long long)option->low,
			(long long)option->high);
	else
		parser->to->settings[id].number = (int64_t)number;
}

static void set_option(struct parser *parser, enum option_id id, const char *shown, const char *text)
{
	struct setting *setting = &parser->to->settings[id];
	const char *why;

	setting->given = true;
	setting->text = text;
	switch (options[id].kind) {
	case OPTION_OF_DURATION:
		if (!duration_parse(text, &setting->number, &why))
			fail(parser, "%s: \"%s\" %s", shown, text, why);
		break;
	case OPTION_OF_NUMBER:
		set_number(parser, id, shown, text);
		break;
	case OPTION_OF_NAME:
		if (!name_is_valid(text, strlen(text), &why))
			fail(parser, "%s: the name \"%s\" %s", shown, text, why);
		break;
	case OPTION_OF_TEXT:
	case OPTION_FLAG:
		break;
	}
	if (options[id].repeats)
		parser->to->repeated[parser->to->repeated_count++] =
			(struct occurrence){.id = id, .number = setting->number, .text = text};
}

/* What a flag does besides being set: it may end the parse. */
static void set_flag(struct parser *parser, enum option_id id)
{
	static const struct {
		enum option_id id;
		enum invocation_kind kind;
	} endings[] = {
		{OPTION_HELP, INVOCATION_HELP},
		{OPTION_VERSION, INVOCATION_VERSION},
		{OPTION_MANUAL, INVOCATION_MANUAL},
	};

	parser->to->settings[id].given = true;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (endings[i].id == id) {
			parser->to->kind = endings[i].kind;
			parser->is_over = true;
		}
}

/* The operand of an option: INLINE_TEXT (from --word=TEXT or -xTEXT), or the next word. NULL: there is none. */
static const char *take_operand(struct parser *parser, const char *inline_text)
{
	if (inline_text != NULL)
		return inline_text;
	return parser->at < parser->argc ? parser->argv[parser->at++] : NULL;
}

static void parse_operand(struct parser *parser, enum option_id id, const char *shown, const char *inline_text)
{
	const char *text = take_operand(parser, inline_text);

	if (text == NULL) {
		parser->to->incomplete = &options[id];
		fail(parser, "%s needs its %s", shown, options[id].operand);
	} else {
		set_option(parser, id, shown, text);
	}
}

static void parse_long(struct parser *parser, const char *word)
{
	const size_t length = strcspn(word + 2, "=");
	const char *inline_text = word[2 + length] == '=' ? word + 2 + length + 1 : NULL;
	char shown[TEXT_SHOWN_BYTES];
	enum option_id id;

	snprintf(shown, sizeof(shown), "%.*s", (int)(2 + length), word);
	if (!find_long(parser->to, word + 2, length, &id)) {
		struct suggestion suggestion;
		char candidates[OPTION_COUNT][TEXT_SHOWN_BYTES];

		suggestion_begin(&suggestion, shown);
		for (size_t at = 0; next_option(parser->to, &at, &id);)
			if (options[id].word != NULL) {
				snprintf(candidates[id], sizeof(candidates[id]), "--%s", options[id].word);
				suggestion_offer(&suggestion, candidates[id]);
			}
		fail_unknown(parser, "option", shown, &suggestion);
	} else if (options[id].kind != OPTION_FLAG) {
		parse_operand(parser, id, shown, inline_text);
	} else if (inline_text != NULL) {
		fail(parser, "%s takes nothing behind a \"=\"", shown);
	} else {
		set_flag(parser, id);
	}
}

/* Letters of flags may stand together; an operand may follow its letter at once. */
static void parse_letters(struct parser *parser, const char *word)
{
	for (const char *at = word + 1; *at != '\0' && !parser->is_over; at++) {
		const char shown[] = {'-', *at, '\0'};
		enum option_id id;

		if (!find_letter(parser->to, *at, &id)) {
			fail(parser, "no option \"%s\"%s", shown,
				parser->to->command == NULL ? "" : "; what begins with - and is none stands behind --");
			return;
		}
		if (options[id].kind != OPTION_FLAG) {
			parse_operand(parser, id, shown, at[1] != '\0' ? at + 1 : NULL);
			return;
		}
		set_flag(parser, id);
	}
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* The noun's command without a verb, or NULL; *RET_IS_KNOWN: whether there is such a noun at all. */
static const struct command *find_noun(const char *noun, bool *ret_is_known)
{
	*ret_is_known = false;
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].noun, noun) == 0) {
			*ret_is_known = true;
			if (commands[i].verb == NULL)
				return &commands[i];
		}
	return NULL;
}

static void parse_noun(struct parser *parser, const char *word)
{
	struct suggestion suggestion;
	bool is_known;

	parser->to->command = find_noun(word, &is_known);
	if (is_known) {
		parser->to->noun = word;
		return;
	}
	suggestion_begin(&suggestion, word);
	for (size_t i = 0; i < command_count; i++)
		suggestion_offer(&suggestion, commands[i].noun);
	fail_unknown(parser, "command", word, &suggestion);
}

static void parse_verb(struct parser *parser, const char *word)
{
	struct suggestion suggestion;

	suggestion_begin(&suggestion, word);
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].noun, parser->to->noun) != 0)
			continue;
		if (strcmp(commands[i].verb, word) == 0) {
			parser->to->command = &commands[i];
			return;
		}
		suggestion_offer(&suggestion, commands[i].verb);
	}
	fail_unknown(parser, "verb", word, &suggestion);
}

const struct argument *invocation_next_argument(const struct invocation *invocation)
{
	const struct argument *argument = invocation->command->arguments;

	for (size_t i = 0; i < invocation->word_count && argument->name != NULL; i++)
		if (argument->kind != ARGUMENT_TEXTS && argument->kind != ARGUMENT_PROGRAM)
			argument++;
	return argument->name == NULL ? NULL : argument;
}

static bool has_dashes(const struct parser *parser, int from)
{
	while (from < parser->argc && strcmp(parser->argv[from], "--") != 0)
		from++;
	return from < parser->argc;
}

static void take_name(struct parser *parser, const char *word)
{
	const char *why;

	if (name_is_valid(word, strlen(word), &why))
		parser->to->words[parser->to->word_count++] = word;
	else
		fail(parser, "the name \"%s\" %s", word, why);
}

static void begin_program(struct parser *parser, int at)
{
	const struct command *command = parser->to->command;

	if (command->takes_names && has_dashes(parser, at)) {
		take_name(parser, parser->argv[at]);
		return;
	}
	if (command->dashes_end_names && has_dashes(parser, at)) {
		fail(parser, "one name only before \"--\"; CMD stands behind it");
		return;
	}
	parser->to->program = parser->argv + at;
	parser->is_over = true;
}

static void parse_argument(struct parser *parser, const char *word)
{
	struct invocation *to = parser->to;
	const struct argument *argument = invocation_next_argument(to);
	uint64_t number;
	const char *why;

	if (argument == NULL) {
		fail(parser, "\"%s\" is one argument too many", word);
		return;
	}
	if (argument->kind == ARGUMENT_PROGRAM) {
		begin_program(parser, parser->at - 1);
		return;
	}
	if (argument->kind == ARGUMENT_NAME && !name_is_valid(word, strlen(word), &why))
		fail(parser, "the name \"%s\" %s", word, why);
	else if ((argument->kind == ARGUMENT_NUMBER && !parse_unsigned(word, &number)) ||
		 (argument->kind == ARGUMENT_SIGNED && !parse_signed(word, &number)) ||
		 (argument->kind == ARGUMENT_INTEGER && !parse_unsigned(word, &number) && !parse_signed(word, &number)))
		fail(parser, "%s: \"%s\" is not a number", argument->name, word);
	else
		to->words[to->word_count++] = word;
}

/* What "--" does: CMD begins, or the rest is arguments whatever they look like. */
static void parse_dashes(struct parser *parser)
{
	struct invocation *to = parser->to;
	const struct argument *argument;

	if (to->command == NULL) {
		fail(parser, "\"--\" stands behind the command");
		return;
	}
	argument = invocation_next_argument(to);
	if (argument != NULL && argument->kind == ARGUMENT_PROGRAM) {
		parser->is_over = true;
		if (parser->at < parser->argc)
			to->program = parser->argv + parser->at;
		else if (to->word_count < 2) /* several names need the "--", with CMD or without */
			fail(parser, "CMD is missing behind \"--\"");
		return;
	}
	to->data_from = to->word_count;
	while (parser->at < parser->argc && !parser->is_over)
		parse_argument(parser, parser->argv[parser->at++]);
}

static bool is_numeric(enum argument_kind kind)
{
	return kind == ARGUMENT_NUMBER || kind == ARGUMENT_SIGNED || kind == ARGUMENT_INTEGER;
}

static bool is_option(const struct parser *parser, const char *word)
{
	const struct argument *argument;

	if (word[0] != '-' || word[1] == '\0')
		return false;
	argument = parser->to->command == NULL ? NULL : invocation_next_argument(parser->to);
	return argument == NULL || !is_numeric(argument->kind) || !looks_like_number(word);
}

static void parse_word(struct parser *parser, const char *word)
{
	if (strcmp(word, "--") == 0)
		parse_dashes(parser);
	else if (is_option(parser, word) && word[1] == '-')
		parse_long(parser, word);
	else if (is_option(parser, word))
		parse_letters(parser, word);
	else if (parser->to->noun == NULL)
		parse_noun(parser, word);
	else if (parser->to->command == NULL)
		parse_verb(parser, word);
	else
		parse_argument(parser, word);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void check_whole(struct parser *parser)
{
	struct invocation *to = parser->to;
	const char *format = invocation_text(to, OPTION_FORMAT);
	const struct argument *argument;

	if (format != NULL && strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
		fail(parser, "-o: \"%s\" is neither text nor json", format);
		return;
	}
	if (to->command == NULL)
		return;
	to->kind = INVOCATION_RUN;
	argument = invocation_next_argument(to);
	if (argument != NULL && !argument->optional && (argument->kind != ARGUMENT_PROGRAM || to->program == NULL))
		fail(parser, "%s is missing", argument->name);
}

void invocation_parse(int argc, char **argv, struct invocation *ret)
{
	struct parser parser = {.to = ret, .argc = argc, .argv = argv, .at = 1};

	*ret = (struct invocation){.kind = INVOCATION_LIST, .data_from = SIZE_MAX};
	ret->words = memory_alloc(((size_t)argc + 1) * sizeof(ret->words[0]));
	ret->repeated = memory_alloc(((size_t)argc + 1) * sizeof(ret->repeated[0]));
	if (ret->words == NULL || ret->repeated == NULL) {
		fail(&parser, "out of memory");
		return;
	}
	while (parser.at < argc && !parser.is_over)
		parse_word(&parser, argv[parser.at++]);
	if (ret->kind == INVOCATION_LIST)
		check_whole(&parser);
}

bool invocation_add_environment(struct invocation *invocation)
{
	static const struct {
		enum option_id id;
		const char *variable;
	} variables[] = {
		{OPTION_SERVER, "BATON_SERVER"},
		{OPTION_TIMEOUT, "BATON_TIMEOUT"},
	};
	struct parser parser = {.to = invocation};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && !parser.is_over; i++) {
		const char *value = getenv(variables[i].variable);

		if (value != NULL && *value != '\0' && !invocation->settings[variables[i].id].given)
			set_option(&parser, variables[i].id, variables[i].variable, value);
	}
	return !parser.is_over;
}

void invocation_done(struct invocation *invocation)
{
	memory_free(invocation->words);
	invocation->words = NULL;
	memory_free(invocation->repeated);
	invocation->repeated = NULL;
}

bool invocation_has(const struct invocation *invocation, enum option_id id)
{
	return invocation->settings[id].given;
}

int64_t invocation_number(const struct invocation *invocation, enum option_id id, int64_t otherwise)
{
	return invocation->settings[id].given ? invocation->settings[id].number : otherwise;
}

const char *invocation_text(const struct invocation *invocation, enum option_id id)
{
	return invocation->settings[id].text;
}

const char *invocation_word(const struct invocation *invocation, size_t index)
{
	return index < invocation->word_count ? invocation->words[index] : NULL;
}

uint64_t invocation_word_number(const struct invocation *invocation, size_t index)
{
	uint64_t number = 0;

	if (!parse_unsigned(invocation->words[index], &number))
		parse_signed(invocation->words[index], &number);
	return number;
}
