/* SPDX-License-Identifier: MIT
 *
 * typed_misuse.c - programs that must not compile, one per number of MISUSE; 0 must. For test_runtime_typed.c.
 */
#include "runtime/co_typed.h"

CO_CHANNEL(ints, int);

struct point {
	int x;
};
CO_CHANNEL(points, struct point);

int use(ints both, ints_sender sender, ints_receiver receiver, points other);

int use(ints both, ints_sender sender, ints_receiver receiver, points other)
{
	int value = 0;

#if MISUSE == 0
	sender = ints_to(both);
	receiver = ints_from(both);
	value += ints_send(NULL, both, 1) + ints_send(NULL, sender, 1) + ints_try_send(sender, 1);
	value += ints_receive(NULL, both, &value) + ints_receive(NULL, receiver, &value);
	value += ints_close(sender) + (int)(ints_length(receiver) + ints_capacity(sender));
	value += points_send(NULL, other, (struct point){1});
#elif MISUSE == 1
	value += ints_send(NULL, receiver, 1); /* send on a receive-only channel */
#elif MISUSE == 2
	value += ints_receive(NULL, sender, &value); /* receive from a send-only channel */
#elif MISUSE == 3
	value += ints_close(receiver); /* close of a receive-only channel */
#elif MISUSE == 4
	sender = receiver; /* one end for the other */
#elif MISUSE == 5
	both = ints_to(both); /* an end for a channel */
#elif MISUSE == 6
	both = receiver;
#elif MISUSE == 7
	receiver = ints_from(sender);
#elif MISUSE == 8
	value += ints_send(NULL, other, 1); /* a channel of another type */
#elif MISUSE == 9
	value += points_send(NULL, other, 1); /* an element of another type */
#elif MISUSE == 10
	struct co_case each = ints_case_send(receiver, &value);

	value += co_select(NULL, &each, 1);
#elif MISUSE == 11
	struct co_case each = ints_case_receive(sender, &value);

	value += co_select(NULL, &each, 1);
#elif MISUSE == 12
	ints_free(receiver);
#endif
	(void)both;
	(void)sender;
	(void)receiver;
	(void)other;
	return value;
}
