/* SPDX-License-Identifier: MIT
 *
 * manual.c - the manual page baton(1), from the command table and a few paragraphs.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "cli/help.h"

/* Text for roff: what it would take for its own is escaped. */
static void print_text(FILE *to, const char *text)
{
	bool begins_line = true;

	for (; *text != '\0'; text++) {
		if (begins_line && (*text == '.' || *text == '\''))
			fputs("\\&", to);
		begins_line = *text == '\n';
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else
			fputc(*text, to);
	}
}

static void print_paragraph(FILE *to, const char *text)
{
	fputs(".PP\n", to);
	print_text(to, text);
	fputc('\n', to);
}

static void print_printed(FILE *to, const void *what, void (*print)(FILE *to, const void *what))
{
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);

	if (memory == NULL)
		return;
	print(memory, what);
	fclose(memory);
	print_text(to, text);
	free(text);
}

static void print_option(FILE *to, const void *option)
{
	help_option(to, option);
}

static void print_synopsis(FILE *to, const void *command)
{
	fputs("baton ", to);
	help_synopsis(to, command);
}

static void print_options(FILE *to, enum option_id from, enum option_id until)
{
	for (size_t id = from; id < until; id++) {
		fputs(".TP\n.B ", to);
		print_printed(to, &options[id], print_option);
		fputc('\n', to);
		print_text(to, options[id].summary);
		fputc('\n', to);
	}
}

static void print_commands(FILE *to)
{
	for (size_t i = 0; i < command_count; i++) {
		fputs(".TP\n.B ", to);
		print_printed(to, &commands[i], print_synopsis);
		fputc('\n', to);
		print_text(to, commands[i].summary);
		fputs(".\n", to);
		if (commands[i].details != NULL &&
			(i == 0 || commands[i].verb != NULL || commands[i].run != run_mutex_lock)) {
			print_text(to, commands[i].details);
			fputc('\n', to);
		}
	}
}

struct entry {
	const char *term;
	const char *text;
};

static void print_entries(FILE *to, const struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs(".TP\n.B ", to);
		print_text(to, entries[i].term);
		fputc('\n', to);
		print_text(to, entries[i].text);
		fputc('\n', to);
	}
}

static const struct entry statuses[] = {
	{"0", "done"},
	{"1", "the answer is no: closed and drained, would block, -w ran out, absent, the token does not hold"},
	{"2", "the command line is wrong"},
	{"3", "the daemon said no or could not be reached, or standard output could not be written"},
	{"121", "the lock was lost, or in doubt, while CMD ran, and CMD was ended for it"},
	{"123", "range gave a message up"},
	{"124", "-t ran out"},
	{"126, 127", "CMD cannot be run, was not found"},
	{"128+n", "CMD was ended by signal n"},
	{"else", "CMD's own"},
};

static const struct entry variables[] = {
	{"BATON_SERVER", "the daemon's address, where there is no -s"},
	{"BATON_TIMEOUT", "the duration of -t, where there is none"},
	{"BATON_SESSION",
		"ID.SECRET of the session to work in; it holds for the daemon that BATON_SERVER (or nothing) names, and for "
		"no other. What a lock's CMD opens is a child of it, and ends with it."},
	{"BATON_NAME, BATON_TOKEN, BATON_ABANDONED",
		"set for CMD: the lock and its fencing token; 1 if the last holder died"},
	{"BATON_DELIVERY", "set for range's CMD: 1 for a message's first delivery, then 2"},
};

static const struct entry examples[] = {
	{"baton lock backup -- rsync -a /srv /backup", "one backup at a time, whoever starts it"},
	{"baton lock -n deploy -- ./deploy || echo busy", "do not wait for the lock"},
	{"seq 100 | baton chan send jobs --make 10; baton chan close jobs",
		"a hundred messages, ten of them waiting at most"},
	{"baton chan range jobs -P 4 -- ./work", "four workers, each message handled until ./work succeeds"},
	{"export BATON_SESSION=$(baton session open); token=$(baton mutex lock db)",
		"a lock for the rest of the script"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void manual_print(FILE *to)
{
	fprintf(to, ".\\\" Made by baton --man.\n.TH BATON 1 \"\" \"baton %s\" \"baton\"\n", BATON_VERSION);
	fputs(".SH NAME\nbaton \\- channels and locks between processes\n.SH SYNOPSIS\n", to);
	fputs(".B baton\n[\\-s ADDR] [\\-t DURATION] [\\-o text|json] [\\-q] COMMAND ...\n.SH DESCRIPTION\n", to);
	print_text(to,
		"baton asks batond(8) for what goroutines have: channels to send and receive messages, and mutexes that "
		"are held while a command runs. Alone it lists its commands, with a noun the noun's verbs.\n");
	print_paragraph(to,
		"Options may stand anywhere before CMD or \"--\"; behind \"--\" everything is data. Without \"--\" a "
		"lock's first word is its name and the rest is CMD. Names are 1 to 255 bytes of printable UTF-8 "
		"without white space or \"=\", and do not begin with \"-\".");
	print_paragraph(to,
		"Values go to standard output and nothing else does; messages go to standard error. Text rows are "
		"tab-separated, with \\t, \\n, \\\\ and \\xHH for tabs, newlines, backslashes and what is no "
		"printable UTF-8. JSON is one object per line; a value that is not UTF-8 is value_base64.");
	fputs(".SH OPTIONS\n", to);
	print_options(to, 0, OPTION_GLOBAL_COUNT);
	fputs(".SH COMMANDS\n", to);
	print_commands(to);
	fputs(".SH OPTIONS OF COMMANDS\n", to);
	print_options(to, OPTION_GLOBAL_COUNT, OPTION_COUNT);
	fputs(".SH SIGNALS\n", to);
	print_text(to,
		"While it waits, a signal that ends baton has it take back what it asked for first. While CMD runs, INT, TERM, "
		"HUP, QUIT, USR1, USR2, WINCH, TSTP and CONT are passed on to it. With a controlling terminal CMD stays in "
		"baton's process group, and what the terminal sends is not passed on again: ^C, ^Z, fg and bg work as ever.\n");
	fputs(".SH EXIT STATUS\n", to);
	print_entries(to, statuses, COUNT(statuses));
	fputs(".SH ENVIRONMENT\n", to);
	print_entries(to, variables, COUNT(variables));
	fputs(".SH FILES\n.TP\n.B /run/baton/baton.sock\nwhere baton looks for the system's daemon\n.SH EXAMPLES\n",
		to);
	print_entries(to, examples, COUNT(examples));
	fputs(".SH SEE ALSO\n.BR baton\\-recipes (7),\n.BR baton\\-semantics (7),\n.BR batond (8),\n.BR flock (1)\n",
		to);
}
