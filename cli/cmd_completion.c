/* SPDX-License-Identifier: MIT
 *
 * cmd_completion.c - baton completion: what could stand at the end of a command line, from the tables and the daemon.
 *
 * The shell's part is a few lines that ask `baton completion words`: its first line of output is "words", and those
 * that fit stand below it, or "command OFFSET" where CMD begins at that word. The daemon is asked for names of objects
 * for 200 ms at most, and nothing is ever said on standard error.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/kinds.h"
#include "cli/simple.h"
#include "cli/status.h"

#define ASK_NS INT64_C(200000000)

/* ---- the shell's part -------------------------------------------------------------------------------------------- */

/* The line is split at blanks alone: bash itself splits at ":" and "=" too, and replaces only what is behind them. */
static const char script[] =
	"# bash completion for baton: eval \"$(baton completion bash)\"\n"
	"_baton() {\n"
	"\tlocal -a words lines\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} broken word\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line != *[[:blank:]] ]] || words+=('')\n"
	"\tmapfile -t lines < <(\"${words[0]}\" completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
	"\tCOMPREPLY=()\n"
	"\tcase ${lines[0]} in\n"
	"\tcommand*)\n"
	"\t\tif declare -F _command_offset >/dev/null; then\n"
	"\t\t\t_command_offset \"${lines[0]#* }\"\n"
	"\t\telse\n"
	"\t\t\tmapfile -t COMPREPLY < <(compgen -c -- \"${words[-1]}\"; compgen -f -- \"${words[-1]}\")\n"
	"\t\tfi\n"
	"\t\t;;\n"
	"\twords)\n"
	"\t\tbroken=${words[-1]%\"${COMP_WORDS[COMP_CWORD]}\"}\n"
	"\t\tfor word in \"${lines[@]:1}\"; do\n"
	"\t\t\tCOMPREPLY+=(\"${word#\"$broken\"}\")\n"
	"\t\tdone\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n"
	"complete -F _baton baton\n";

static int flush(const struct invocation *invocation)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_DONE;
	say(invocation, "standard output: %m");
	return STATUS_FAILED;
}

int run_completion_bash(const struct invocation *invocation)
{
	fputs(script, stdout);
	return flush(invocation);
}

/* ---- words of the tables ----------------------------------------------------------------------------------------- */

static void offer(const char *begun, const char *word)
{
	if (strncmp(word, begun, strlen(begun)) == 0)
		puts(word);
}

static void offer_options(const struct invocation *line, const char *begun)
{
	const size_t own = line->command != NULL ? line->command->option_count : 0;

	for (size_t i = 0; i < own + OPTION_GLOBAL_COUNT; i++) {
		const struct option *option = &options[i < own ? line->command->options[i] : (enum option_id)(i - own)];
		char word[64];

		if (option->word != NULL)
			snprintf(word, sizeof(word), "--%s", option->word);
		else
			snprintf(word, sizeof(word), "-%c", option->letter);
		offer(begun, word);
	}
}

static void offer_nouns(const char *begun)
{
	for (size_t i = 0; i < command_count; i++)
		if (i == 0 || strcmp(commands[i].noun, commands[i - 1].noun) != 0)
			offer(begun, commands[i].noun);
}

static void offer_verbs(const char *noun, const char *begun)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].noun, noun) == 0)
			offer(begun, commands[i].verb);
}

static void offer_kinds(const char *begun)
{
	for (size_t i = 0; i < kind_count; i++)
		offer(begun, kinds[i].name);
}

/* ---- names of objects -------------------------------------------------------------------------------------------- */

static void print_names(const struct baton_result *result, struct output *output)
{
	for (size_t i = 0; i < result->object_count; i++) {
		output_row_begin(output);
		output_text(output, "name", result->objects[i].name);
		output_row_end(output);
	}
}

/* A pattern, as ls takes it, for what begins with BEGUN. NULL: no memory. */
static char *pattern_for(const char *begun)
{
	char *pattern = memory_alloc(2 * strlen(begun) + 2);
	size_t length = 0;

	if (pattern == NULL)
		return NULL;
	for (; *begun != '\0'; begun++) {
		if (strchr("*?[\\", *begun) != NULL)
			pattern[length++] = '\\';
		pattern[length++] = *begun;
	}
	pattern[length++] = '*';
	pattern[length] = '\0';
	return pattern;
}

/* KIND NULL: of any kind. */
static void offer_objects(const struct invocation *line, const char *kind, const char *begun)
{
	struct invocation asking = *line;
	char *pattern = pattern_for(begun);
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_NONE},
		.call = {.operation = BATON_LIST, .kind = kind, .name = pattern},
		.print = print_names,
	};

	asking.settings[OPTION_QUIET].given = true;
	asking.settings[OPTION_FORMAT].given = false;
	asking.settings[OPTION_FORMAT].text = NULL;
	asking.settings[OPTION_TIMEOUT] = (struct setting){.given = true, .number = ASK_NS};
	fflush(stdout);
	if (pattern != NULL && invocation_add_environment(&asking))
		(void)simple_run(&asking, &simple);
	memory_free(pattern);
}

/* ---- where the line ends ----------------------------------------------------------------------------------------- */

static void offer_operands(const struct invocation *line, const struct option *option, const char *begun)
{
	if (option == &options[OPTION_FORMAT]) {
		offer(begun, "text");
		offer(begun, "json");
	} else if (option->kind == OPTION_OF_NAME) {
		offer_objects(line, NULL, begun);
	}
}

static void offer_arguments(const struct invocation *line, const char *begun)
{
	const struct argument *argument = invocation_next_argument(line);

	if (argument == NULL)
		return;
	if (strcmp(argument->name, "KIND") == 0)
		offer_kinds(begun);
	else if (argument->kind == ARGUMENT_NAME && kind_of_noun(line->noun) != NULL)
		offer_objects(line, kind_of_noun(line->noun), begun);
	else if (argument->kind == ARGUMENT_NAME || strcmp(argument->name, "PATTERN") == 0)
		offer_objects(line, invocation_word(line, 0), begun);
}

static void offer_all(const struct invocation *line, const char *begun)
{
	puts("words");
	if (line->incomplete != NULL)
		offer_operands(line, line->incomplete, begun);
	else if (begun[0] == '-')
		offer_options(line, begun);
	else if (line->noun == NULL)
		offer_nouns(begun);
	else if (line->command == NULL)
		offer_verbs(line->noun, begun);
	else
		offer_arguments(line, begun);
}

/* CMD's first word is at OFFSET of the line, or is what is to be completed. */
static bool is_in_program(const struct invocation *line, char **words, size_t count, size_t *ret_offset)
{
	const struct argument *argument = line->command != NULL ? invocation_next_argument(line) : NULL;

	*ret_offset = line->program != NULL ? (size_t)(line->program - words) : count;
	if (line->program != NULL)
		return true;
	return argument != NULL && argument->kind == ARGUMENT_PROGRAM && line->incomplete == NULL;
}

int run_completion_words(const struct invocation *invocation)
{
	const size_t count = invocation->word_count;
	char **words = memory_alloc((count + 2) * sizeof(char *));
	struct invocation line;
	const char *begun;
	size_t offset;

	if (words == NULL)
		return say_no_memory(invocation);
	words[0] = (char *)(uintptr_t) "baton";
	for (size_t i = 0; i < count; i++)
		words[i + 1] = (char *)(uintptr_t)invocation->words[i];
	words[count + 1] = NULL;
	begun = count > 0 ? words[count] : "";
	invocation_parse(count > 0 ? (int)count : 1, words, &line);
	if (!line.settings[OPTION_SERVER].given)
		line.settings[OPTION_SERVER] = invocation->settings[OPTION_SERVER];
	if (is_in_program(&line, words, count, &offset) && begun[0] != '-')
		printf("command %zu\n", offset);
	else
		offer_all(&line, begun);
	invocation_done(&line);
	memory_free(words);
	return flush(invocation);
}
