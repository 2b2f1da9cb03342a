/* SPDX-License-Identifier: MIT
 *
 * ends_misuse.c - programs that must not compile, one per number of MISUSE; 0 must. For test_libbaton_ends.c.
 */
#include "clientlib/baton.h"

int use(baton_chan both, baton_chan_sender sender, baton_chan_receiver receiver);

int use(baton_chan both, baton_chan_sender sender, baton_chan_receiver receiver)
{
	void *value;
	size_t length;
	int r = 0;

#if MISUSE == 0
	sender = both.sender;
	receiver = both.receiver;
	r += baton_sender_send(sender, NULL, "x", 1) + baton_receiver_receive(receiver, NULL, &value, &length);
#elif MISUSE == 1
	r += baton_sender_send(receiver, NULL, "x", 1); /* send to a receive-only channel */
#elif MISUSE == 2
	r += baton_receiver_receive(sender, NULL, &value, &length); /* receive from a send-only channel */
#elif MISUSE == 3
	r += baton_sender_close(receiver); /* close of a receive-only channel */
#elif MISUSE == 4
	sender = receiver; /* one end for the other */
#elif MISUSE == 5
	both = sender; /* an end for both */
#elif MISUSE == 6
	struct baton_case choice = baton_sender_case(receiver, "x", 1);
	(void)choice;
#endif
	(void)both;
	(void)sender;
	(void)receiver;
	(void)value;
	(void)length;
	return r;
}
