/* SPDX-License-Identifier: MIT
 *
 * co_close.c - a channel of texts: who receives is told whether it was a text that was sent, or the end.
 */
#include "runtime/co_typed.h"
#include "tests/examples/example.h"

typedef const char *text;

CO_CHANNEL(texts, text);

static int main_coroutine(void *unused)
{
	texts channel;
	text out = NULL;
	int r;

	(void)unused;
	if (texts_make(3, &channel) != 0)
		return 1;
	texts_send(NULL, channel, "we");
	texts_send(NULL, channel, "you");
	texts_close(channel); /* what is in it can still be received */
	texts_receive(NULL, channel, &out);
	texts_receive(NULL, channel, &out);
	printf("%s\n", out);
	r = texts_receive(NULL, channel, &out);
	printf("%s, %s\n", out == NULL ? "nothing" : out, r == 0 ? "true" : "false");
	texts_free(channel);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
