/* SPDX-License-Identifier: MIT
 *
 * fuzz_text.c - any text as what people write: an address, a duration, a name. What is taken is printed so that it
 * reads back the same; what is not taken says why.
 *
 * The input's first byte chooses the parser.
 */
#include <stdint.h>
#include <string.h>

#include "base/address.h"
#include "base/duration.h"
#include "base/memory.h"
#include "base/name.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

static void try_address(const char *text)
{
	struct address address;
	struct address again;
	char formatted[ADDRESS_TEXT_BYTES];
	const char *why = NULL;

	memset(&address, 0, sizeof(address));
	memset(&again, 0, sizeof(again));
	if (!address_parse(text, &address, &why)) {
		fuzz_require(why != NULL && *why != '\0');
		return;
	}
	address_format(&address, formatted, sizeof(formatted));
	fuzz_require(address_parse(formatted, &again, &why));
	fuzz_require(again.kind == address.kind);
	if (address.kind == ADDRESS_UNIX)
		fuzz_require(strcmp(again.path, address.path) == 0);
	else
		fuzz_require(strcmp(again.host, address.host) == 0 && again.port == address.port);
}

static void try_duration(const char *text)
{
	int64_t ns = -1;
	int64_t again = -1;
	char formatted[DURATION_TEXT_BYTES];
	const char *why = NULL;

	if (!duration_parse(text, &ns, &why)) {
		fuzz_require(ns == -1 && why != NULL && *why != '\0');
		return;
	}
	fuzz_require(ns >= 0);
	duration_format(ns, formatted, sizeof(formatted));
	fuzz_require(duration_parse(formatted, &again, &why) && again == ns);
}

static void try_name(const char *text, size_t length)
{
	const char *why = NULL;

	if (!name_is_valid(text, length, &why)) {
		fuzz_require(why != NULL && *why != '\0');
		return;
	}
	fuzz_require(length >= 1 && length <= NAME_MAX_BYTES && text[0] != '-');
	fuzz_require(
		utf8_is_valid(text, length) && memchr(text, '=', length) == NULL && memchr(text, ' ', length) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = memory_copy(data + 1, size - 1);
	if (text == NULL)
		return 0;
	if (data[0] % 3 == 0)
		try_address(text);
	else if (data[0] % 3 == 1)
		try_duration(text);
	else
		try_name(text, size - 1);
	memory_free(text);
	return 0;
}
