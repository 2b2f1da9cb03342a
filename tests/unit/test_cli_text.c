/* SPDX-License-Identifier: MIT
 *
 * test_cli_text.c - escapes, JSON, base64, distances; cutting standard input; composing rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/suggest.h"

#define LITERAL(text) (text), sizeof(text) - 1

static void escapes_to(const char *from, size_t length, const char *expected)
{
	char to[256];
	const size_t written = text_escape(from, length, to);

	assert_true(written <= TEXT_ESCAPE_ROOM(length));
	assert_int_equal(written, strlen(expected));
	assert_memory_equal(to, expected, written);
}

static void text_is_one_line(void **state)
{
	(void)state;
	escapes_to(LITERAL(""), "");
	escapes_to(LITERAL("plain \xC3\xA4 text"), "plain \xC3\xA4 text");
	escapes_to(LITERAL("a\tb\nc\\d"), "a\\tb\\nc\\\\d");
	escapes_to(LITERAL("\xFF\xC3"), "\\xff\\xc3");
	escapes_to(LITERAL("\xED\xA0\x80"), "\\xed\\xa0\\x80"); /* a surrogate is no UTF-8 */
	escapes_to(LITERAL("\0\x1B[1m\x7F\r"), "\\x00\\x1b[1m\\x7f\\x0d");
}

static void json_strings_are_quoted(void **state)
{
	static const char from[] = "a\"b\\c\n\x01\xE2\x82\xAC";
	char to[TEXT_JSON_ROOM(sizeof(from))];
	const size_t written = text_json(from, sizeof(from) - 1, to);

	(void)state;
	assert_int_equal(written, strlen("\"a\\\"b\\\\c\\n\\u0001\xE2\x82\xAC\""));
	assert_memory_equal(to, "\"a\\\"b\\\\c\\n\\u0001\xE2\x82\xAC\"", written);
}

/* The vectors of RFC 4648, section 10. */
static void base64_is_the_standards(void **state)
{
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xFF\xFE\xFD", "//79"}};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char to[16];
		const size_t written = text_base64(pairs[i][0], strlen(pairs[i][0]), to);

		assert_int_equal(written, TEXT_BASE64_ROOM(strlen(pairs[i][0])));
		assert_int_equal(written, strlen(pairs[i][1]));
		assert_memory_equal(to, pairs[i][1], written);
	}
}

static void distance_counts_slips(void **state)
{
	char long_word[TEXT_WORD_BYTES + 2];

	(void)state;
	assert_int_equal(text_distance("send", "send"), 0);
	assert_int_equal(text_distance("sned", "send"), 1);
	assert_int_equal(text_distance("sen", "send"), 1);
	assert_int_equal(text_distance("sendd", "send"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("", "abc"), 3);
	memset(long_word, 'x', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_true(text_distance(long_word, "x") == (size_t)-1);
}

static const char *suggested(const char *word)
{
	struct suggestion suggestion;

	suggestion_begin(&suggestion, word);
	suggestion_offer(&suggestion, "send");
	suggestion_offer(&suggestion, "recv");
	suggestion_offer(&suggestion, "rm");
	return suggestion.best;
}

static void suggestions_are_near(void **state)
{
	(void)state;
	assert_string_equal(suggested("snd"), "send");
	assert_string_equal(suggested("rcev"), "recv");
	assert_null(suggested("x"));
	assert_null(suggested("qqqq"));
}

/* Feeds TEXT to the standard input, PIECE bytes at a time, and joins the messages with '|'. */
static void cuts_into(enum input_cut cut, const char *text, size_t length, size_t piece, const char *expected)
{
	const int saved = dup(STDIN_FILENO);
	char actual[256] = "";
	struct input input;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	input_init(&input, cut);
	for (size_t at = 0;;) {
		const void *bytes;
		size_t taken;
		const enum input_state got = input_next(&input, &bytes, &taken);

		if (got == INPUT_ENDED)
			break;
		if (got == INPUT_HAS) {
			snprintf(actual + strlen(actual), sizeof(actual) - strlen(actual), "%.*s|", (int)taken,
				(const char *)bytes);
			continue;
		}
		if (at < length) {
			const size_t now = length - at < piece ? length - at : piece;

			assert_int_equal(write(ends[1], text + at, now), (ssize_t)now);
			at += now;
		} else if (ends[1] >= 0) {
			close(ends[1]);
			ends[1] = -1;
		}
		input_read(&input);
	}
	input_done(&input);
	dup2(saved, STDIN_FILENO);
	close(saved);
	assert_string_equal(actual, expected);
}

static void input_is_cut_into_messages(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 9; piece++) {
		cuts_into(INPUT_LINES, LITERAL("one\n\nthree\nlast"), piece, "one||three|last|");
		cuts_into(INPUT_LINES, LITERAL("one\n"), piece, "one|");
		cuts_into(INPUT_LINES, LITERAL(""), piece, "");
		cuts_into(INPUT_NULS, LITERAL("a\nb\0c\0"), piece, "a\nb|c|");
		cuts_into(INPUT_WHOLE, LITERAL("a\nb\n"), piece, "a\nb\n|");
		cuts_into(INPUT_WHOLE, LITERAL(""), piece, "|");
	}
}

static void composes(enum output_format format, const char *expected)
{
	struct output output;

	output_init(&output, format);
	output_row_begin(&output);
	output_text(&output, "name", "a\tb");
	output_number(&output, "waiters", 3);
	output_bool(&output, "closed", true);
	output_duration(&output, "since", 1500000000);
	output_row_end(&output);
	output_record_begin(&output);
	output_text(&output, "label", "\xFF");
	output_number(&output, "pid", 1);
	output_row_end(&output);
	output_value(&output, "\xFF", 1);
	output_value(&output, "v\"", 2);
	assert_int_equal(output.error, 0);
	assert_int_equal(buffer_length(&output.buffer), strlen(expected));
	assert_memory_equal(output.buffer.bytes + output.buffer.begin, expected, strlen(expected));
	output_done(&output);
}

static void rows_are_text_or_json(void **state)
{
	(void)state;
	composes(OUTPUT_TEXT, "a\\tb\t3\ttrue\t1.5s\nlabel\t\\xff\npid\t1\n\\xff\nv\"\n");
	composes(OUTPUT_JSON, "{\"name\":\"a\\tb\",\"waiters\":3,\"closed\":true,\"since\":1.500000000}\n"
			      "{\"label_base64\":\"/w==\",\"pid\":1}\n{\"value_base64\":\"/w==\"}\n"
			      "{\"value\":\"v\\\"\"}\n");
}

static void values_are_exact_where_asked(void **state)
{
	struct output output;

	(void)state;
	output_init(&output, OUTPUT_RAW);
	output_value(&output, "\xFF\n", 2);
	output.format = OUTPUT_NUL;
	output_value(&output, "x", 1);
	assert_int_equal(output.queued, 4);
	assert_memory_equal(output.buffer.bytes, "\xFF\nx\0", 4);
	output_done(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_one_line),
		cmocka_unit_test(json_strings_are_quoted),
		cmocka_unit_test(base64_is_the_standards),
		cmocka_unit_test(distance_counts_slips),
		cmocka_unit_test(suggestions_are_near),
		cmocka_unit_test(input_is_cut_into_messages),
		cmocka_unit_test(rows_are_text_or_json),
		cmocka_unit_test(values_are_exact_where_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
