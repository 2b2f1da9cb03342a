/* SPDX-License-Identifier: MIT
 *
 * test_cli_options.c - command lines, against the real table: what each word is, and what is said of wrong ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

#define MAX_WORDS 16

/* Parses LINE, whose words are separated by single blanks. The words live until the next call. */
static struct invocation parse(const char *line)
{
	static char text[256];
	static char *words[MAX_WORDS + 2];
	struct invocation invocation;
	int count = 0;
	char *rest;

	snprintf(text, sizeof(text), "%s", line);
	words[count++] = (char *)"baton";
	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		assert_true(count <= MAX_WORDS);
		words[count++] = word;
	}
	words[count] = NULL;
	invocation_parse(count, words, &invocation);
	return invocation;
}

static void is_refused(const char *line, const char *error)
{
	struct invocation invocation = parse(line);

	if (invocation.kind != INVOCATION_WRONG)
		fail_msg("\"%s\" was accepted", line);
	assert_string_equal(invocation.error, error);
	invocation_done(&invocation);
}

/* Accepted as VERB of NOUN, with these arguments and this first word of CMD (NULL: none). */
static void is_accepted(const char *line, const char *title, const char *words, const char *program)
{
	struct invocation invocation = parse(line);
	char actual[256] = "";
	char shown[64];

	if (invocation.kind != INVOCATION_RUN)
		fail_msg("\"%s\": %s", line, invocation.error);
	assert_string_equal(invocation_title(&invocation, shown, sizeof(shown)), title);
	for (size_t i = 0; i < invocation.word_count; i++) {
		const size_t length = strlen(actual);

		snprintf(actual + length, sizeof(actual) - length, "%s%s", i == 0 ? "" : " ", invocation.words[i]);
	}
	assert_string_equal(actual, words);
	if (program == NULL)
		assert_null(invocation.program);
	else
		assert_string_equal(invocation.program[0], program);
	invocation_done(&invocation);
}

static void words_find_their_places(void **state)
{
	(void)state;
	is_accepted("ping", "ping", "", NULL);
	is_accepted("chan len jobs", "chan len", "jobs", NULL);
	is_accepted("chan send jobs a b c", "chan send", "jobs a b c", NULL);
	is_accepted("chan make", "chan make", "", NULL);
	is_accepted("ls chan job*", "ls", "chan job*", NULL);
	is_accepted("chan send jobs -", "chan send", "jobs -", NULL);
}

static void options_stand_anywhere_before_cmd(void **state)
{
	static const char *const lines[] = {
		"-t 2s chan recv jobs --count 3", "chan -t 2s recv --count 3 jobs", "chan recv jobs --count=3 -t2s",
		"chan --help recv", /* ends the parse: see below */
	};
	struct invocation invocation;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		invocation = parse(lines[i]);
		assert_int_equal(invocation.kind, INVOCATION_RUN);
		assert_int_equal(invocation_number(&invocation, OPTION_TIMEOUT, 0), 2000000000);
		assert_int_equal(invocation_number(&invocation, OPTION_MESSAGES, 0), 3);
		invocation_done(&invocation);
	}
	invocation = parse(lines[3]);
	assert_int_equal(invocation.kind, INVOCATION_HELP);
	assert_string_equal(invocation.noun, "chan");
	invocation_done(&invocation);
}

static void cmd_keeps_its_options(void **state)
{
	struct invocation invocation = parse("lock -n db make -n -t 5 --ttl 3s");

	(void)state;
	assert_int_equal(invocation.kind, INVOCATION_RUN);
	assert_true(invocation_has(&invocation, OPTION_TRY));
	assert_false(invocation_has(&invocation, OPTION_TIMEOUT));
	assert_false(invocation_has(&invocation, OPTION_TTL));
	assert_string_equal(invocation.program[0], "make");
	assert_string_equal(invocation.program[5], "3s");
	assert_null(invocation.program[6]);
	invocation_done(&invocation);
}

static void dashes_end_options(void **state)
{
	struct invocation invocation = parse("chan send jobs a -- -t --raw -");

	(void)state;
	assert_int_equal(invocation.kind, INVOCATION_RUN);
	assert_int_equal(invocation.word_count, 5);
	assert_int_equal(invocation.data_from, 2);
	assert_string_equal(invocation.words[4], "-");
	invocation_done(&invocation);
	is_accepted("lock db -- -x", "lock", "db", "-x");
	is_accepted("lock db -n -- make", "lock", "db", "make");
	is_accepted("session run -- make -k", "session run", "", "make");
	is_accepted("chan range jobs -P 4 -- work --", "chan range", "jobs", "work");
}

static void a_lock_has_one_name(void **state)
{
	(void)state;
	is_accepted("lock db grep x", "lock", "db", "grep");
	is_refused("rlock db web -- make", "rlock: one name only before \"--\"; CMD stands behind it");
	is_refused("rwmutex lock db grep -- x", "rwmutex lock: one name only before \"--\"; CMD stands behind it");
	is_refused("lock db --", "lock: CMD is missing behind \"--\"");
}

static void o_is_the_format_before_a_holding_noun_and_a_flag_behind_it(void **state)
{
	struct invocation invocation = parse("-o json lock db -o make");

	(void)state;
	assert_int_equal(invocation.kind, INVOCATION_RUN);
	assert_string_equal(invocation_text(&invocation, OPTION_FORMAT), "json");
	assert_true(invocation_has(&invocation, OPTION_ALONE));
	assert_string_equal(invocation.program[0], "make");
	invocation_done(&invocation);
	invocation = parse("chan recv jobs -o json");
	assert_string_equal(invocation_text(&invocation, OPTION_FORMAT), "json");
	invocation_done(&invocation);
}

static void letters_join_and_take_operands(void **state)
{
	struct invocation invocation = parse("lock -nvE9 db true");

	(void)state;
	assert_int_equal(invocation.kind, INVOCATION_RUN);
	assert_true(invocation_has(&invocation, OPTION_TRY));
	assert_true(invocation_has(&invocation, OPTION_VERBOSE));
	assert_int_equal(invocation_number(&invocation, OPTION_CODE, 1), 9);
	invocation_done(&invocation);
}

static void a_number_may_be_negative_where_one_is_due(void **state)
{
	(void)state;
	is_refused("mutex check db -5", "mutex check: TOKEN: \"-5\" is not a number");
	is_refused("chan send jobs -5", "chan send: no option \"-5\"; what begins with - and is none stands behind --");
	is_refused("lock -E -5 db true", "lock: -E: \"-5\" is not a number from 0 to 255");
}

static void typos_get_the_nearest_word(void **state)
{
	(void)state;
	is_refused("cahn send", "no command \"cahn\"; did you mean \"chan\"?");
	is_refused("chan sned jobs", "chan: no verb \"sned\"; did you mean \"send\"?");
	is_refused("chan recv --cuont 3 jobs", "chan recv: no option \"--cuont\"; did you mean \"--count\"?");
	is_refused("frobnicate", "no command \"frobnicate\"");
	is_refused("--versoin", "no option \"--versoin\"; did you mean \"--version\"?");
}

static void wrong_words_are_refused(void **state)
{
	(void)state;
	is_refused("chan len", "chan len: N is missing");
	is_refused("chan len a b", "chan len: \"b\" is one argument too many");
	is_refused("chan len a=b", "chan len: the name \"a=b\" has a '=' in it");
	is_refused("mutex unlock db", "mutex unlock: TOKEN is missing");
	is_refused("mutex unlock db 18446744073709551616",
		"mutex unlock: TOKEN: \"18446744073709551616\" is not a number");
	is_refused("chan recv jobs --count", "chan recv: --count needs its K");
	is_refused(
		"chan recv jobs --count 0", "chan recv: --count: \"0\" is not a number from 1 to 9223372036854775807");
	is_refused("chan recv jobs --raw=1", "chan recv: --raw takes nothing behind a \"=\"");
	is_refused("-o xml ping", "ping: -o: \"xml\" is neither text nor json");
	is_refused("-t 5x ping", "-t: \"5x\" has an unknown unit (there are ns, us, ms, s, m, h)");
	is_refused("-- ping", "\"--\" stands behind the command");
}

/* What comes with later versions must not be taken for something else now. */
static void what_repeats_is_kept_in_order(void **state)
{
	struct invocation invocation = parse("select --recv a --after 2s --default --recv=b");

	(void)state;
	assert_int_equal(invocation.kind, INVOCATION_RUN);
	assert_int_equal(invocation.repeated_count, 3);
	assert_string_equal(invocation.repeated[0].text, "a");
	assert_int_equal(invocation.repeated[1].id, OPTION_CASE_TIMER);
	assert_int_equal(invocation.repeated[1].number, 2000000000);
	assert_string_equal(invocation.repeated[2].text, "b");
	invocation_done(&invocation);
	is_refused("select --recv a --recv a=b", "select: --recv: the name \"a=b\" has a '=' in it");
}

static void the_environment_fills_what_was_not_given(void **state)
{
	struct invocation invocation = parse("ping -t 1s");

	(void)state;
	setenv("BATON_TIMEOUT", "7s", 1);
	setenv("BATON_SERVER", "unix:/x", 1);
	assert_true(invocation_add_environment(&invocation));
	assert_int_equal(invocation_number(&invocation, OPTION_TIMEOUT, 0), 1000000000);
	assert_string_equal(invocation_text(&invocation, OPTION_SERVER), "unix:/x");
	invocation_done(&invocation);
	invocation = parse("ping");
	setenv("BATON_TIMEOUT", "soon", 1);
	assert_false(invocation_add_environment(&invocation));
	assert_string_equal(invocation.error, "ping: BATON_TIMEOUT: \"soon\" is not a duration (as 150ms, 2s, 1h30m)");
	invocation_done(&invocation);
	unsetenv("BATON_TIMEOUT");
	unsetenv("BATON_SERVER");
}

/* The tables are consistent: what a row names exists, and no letter means two things in one command. */
static void rows_are_sound(void **state)
{
	(void)state;
	for (size_t id = 0; id < OPTION_COUNT; id++) {
		assert_true(options[id].letter != 0 || options[id].word != NULL);
		assert_true((options[id].kind == OPTION_FLAG) == (options[id].operand == NULL));
		assert_non_null(options[id].summary);
	}
	for (size_t i = 0; i < command_count; i++) {
		assert_non_null(commands[i].run);
		assert_non_null(commands[i].summary);
		for (size_t a = 0; a < commands[i].option_count; a++)
			for (size_t b = 0; b < a; b++)
				assert_true(options[commands[i].options[a]].letter == 0 ||
					    options[commands[i].options[a]].letter !=
						    options[commands[i].options[b]].letter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_find_their_places),
		cmocka_unit_test(options_stand_anywhere_before_cmd),
		cmocka_unit_test(cmd_keeps_its_options),
		cmocka_unit_test(dashes_end_options),
		cmocka_unit_test(a_lock_has_one_name),
		cmocka_unit_test(o_is_the_format_before_a_holding_noun_and_a_flag_behind_it),
		cmocka_unit_test(letters_join_and_take_operands),
		cmocka_unit_test(a_number_may_be_negative_where_one_is_due),
		cmocka_unit_test(typos_get_the_nearest_word),
		cmocka_unit_test(wrong_words_are_refused),
		cmocka_unit_test(what_repeats_is_kept_in_order),
		cmocka_unit_test(the_environment_fills_what_was_not_given),
		cmocka_unit_test(rows_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
