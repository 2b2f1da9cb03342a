/* SPDX-License-Identifier: MIT
 *
 * ticker.h - a ticker that ticks once: what the channels of co_after and of an alarm are made of.
 */
#ifndef BATON_RUNTIME_TICKER_H
#define BATON_RUNTIME_TICKER_H

#include "runtime/co.h"

/* As co_ticker_new, for one tick once DURATION_NS has passed; also a DURATION_NS that is not positive. */
int co_ticker_new_once(int64_t duration_ns, struct co_ticker **ret);

/* As co_ticker_stop. True if a tick was still to come, or lay in the channel, and was taken back. */
bool co_ticker_take_back(struct co_ticker *ticker);

/* Has a ticker that ticks once, and was stopped, tick once more. 0 or CO_ENOMEM. */
int co_ticker_once_more(struct co_ticker *ticker, int64_t duration_ns);

#endif
