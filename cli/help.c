/* SPDX-License-Identifier: MIT
 *
 * help.c - lists and help from the command table.
 */
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS 80

static void print_argument(FILE *to, const struct argument *argument)
{
	const char *open = argument->optional ? "[" : "";
	const char *close = argument->optional ? "]" : "";

	if (argument->kind == ARGUMENT_PROGRAM)
		fprintf(to, " %s-- %s ...%s", open, argument->name, close);
	else
		fprintf(to, " %s%s%s%s", open, argument->name, argument->kind == ARGUMENT_TEXTS ? "..." : "", close);
}

static void print_option_use(FILE *to, const struct option *option)
{
	if (option->word != NULL)
		fprintf(to, " [--%s", option->word);
	else
		fprintf(to, " [-%c", option->letter);
	fprintf(to, "%s%s]", option->operand == NULL ? "" : " ", option->operand == NULL ? "" : option->operand);
}

void help_synopsis(FILE *to, const struct command *command)
{
	const struct argument *argument = command->arguments;

	fprintf(to, "%s%s%s", command->noun, command->verb == NULL ? "" : " ",
		command->verb == NULL ? "" : command->verb);
	for (; argument->name != NULL && argument->kind != ARGUMENT_PROGRAM; argument++)
		print_argument(to, argument);
	for (size_t i = 0; i < command->option_count; i++)
		print_option_use(to, &options[command->options[i]]);
	for (; argument->name != NULL; argument++)
		print_argument(to, argument);
}

void help_option(FILE *to, const struct option *option)
{
	if (option->letter != 0)
		fprintf(to, "-%c%s", option->letter, option->word == NULL ? "" : ", ");
	if (option->word != NULL)
		fprintf(to, "--%s", option->word);
	if (option->operand != NULL)
		fprintf(to, " %s", option->operand);
}

/* Prints TEXT in lines of at most COLUMNS, each after INDENT blanks; the first goes on in column AT. */
static void print_wrapped(FILE *to, const char *text, int at, int indent)
{
	fprintf(to, "%*s", at < indent ? indent - at : 0, "");
	at = at < indent ? indent : at;
	while (*text != '\0') {
		const int length = (int)strcspn(text, " ");

		if (at > indent && at + 1 + length > COLUMNS) {
			fprintf(to, "\n%*s", indent, "");
			at = indent;
		}
		at += fprintf(to, "%s%.*s", at > indent ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', to);
}

static void print_options(FILE *to, const enum option_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct option *option = &options[ids[i]];
		char *line = NULL;
		size_t length = 0;
		FILE *left = open_memstream(&line, &length);

		if (left == NULL)
			return;
		help_option(left, option);
		fclose(left);
		fprintf(to, "  %s", line);
		if (length > 17)
			fputc('\n', to);
		print_wrapped(to, option->summary, length > 17 ? 0 : (int)length + 2, 20);
		free(line);
	}
}

static void print_global_options(FILE *to)
{
	static const enum option_id ids[] = {
		OPTION_SERVER, OPTION_TIMEOUT, OPTION_FORMAT, OPTION_QUIET, OPTION_HELP, OPTION_VERSION, OPTION_MANUAL};

	print_options(to, ids, sizeof(ids) / sizeof(ids[0]));
}

static void print_usage(FILE *to)
{
	fputs("usage: baton [-s ADDR] [-t DURATION] [-o text|json] [-q] COMMAND ...\n", to);
}

static void list_verbs(FILE *to, const char *noun)
{
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].noun, noun) != 0)
			continue;
		fputs("  baton ", to);
		help_synopsis(to, &commands[i]);
		fputs("\n", to);
		print_wrapped(to, commands[i].summary, 0, 8);
	}
}

/* The verbs of a noun in one line. */
static void print_verbs(FILE *to, const struct noun *noun)
{
	fputs("verbs:", to);
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].noun, noun->name) == 0)
			fprintf(to, " %s", commands[i].verb);
	fputc('\n', to);
}

void help_list(FILE *to, const char *noun)
{
	if (noun != NULL) {
		list_verbs(to, noun);
		fputs("Each has more to say: baton NOUN VERB --help\n", to);
		return;
	}
	print_usage(to);
	fputc('\n', to);
	for (size_t i = 0; i < noun_count; i++) {
		fprintf(to, "  %-9s %s\n%12s", nouns[i].name, nouns[i].summary, "");
		print_verbs(to, &nouns[i]);
	}
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].verb == NULL)
			fprintf(to, "  %-9s %s\n", commands[i].noun, commands[i].summary);
	fputs("\nMore: baton NOUN, baton NOUN VERB --help, baton --help, man baton\n", to);
}

static void print_command(FILE *to, const struct command *command)
{
	fputs("usage: baton ", to);
	help_synopsis(to, command);
	fprintf(to, "\n\n%s\n", command->summary);
	if (command->details != NULL) {
		fputc('\n', to);
		print_wrapped(to, command->details, 0, 0);
	}
	if (command->option_count > 0) {
		fputc('\n', to);
		print_options(to, command->options, command->option_count);
	}
	fputs("\nOptions of every command (baton --help) may stand here too.\n", to);
}

void help_print(FILE *to, const struct invocation *invocation)
{
	if (invocation->command != NULL) {
		print_command(to, invocation->command);
		return;
	}
	help_list(to, invocation->noun);
	if (invocation->noun != NULL)
		return;
	fputs("\nOptions of every command:\n", to);
	print_global_options(to);
	fputs("\nExit status: 0 done, 1 the answer is no, 2 usage, 3 the daemon said no or could not\n"
	      "be reached, 121 the lock was lost, 123 a message was given up, 124 time ran out;\n"
	      "else CMD's own (126 not executable, 127 not found, 128+n ended by signal n).\n",
		to);
}
