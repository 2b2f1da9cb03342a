/* SPDX-License-Identifier: MIT
 *
 * fd.h - the end of the descriptors that a run leaves open.
 */
#ifndef BATON_RUNTIME_FD_H
#define BATON_RUNTIME_FD_H

/* Closes and frees every co_fd that is left. No coroutine runs any more, the poller is closed. */
void co_fds_close(void);

#endif
