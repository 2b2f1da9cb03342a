/* SPDX-License-Identifier: MIT
 *
 * fd.h - the end of the descriptors that a run leaves open.
 */
#ifndef BATON_RUNTIME_FD_H
#define BATON_RUNTIME_FD_H

/* Closes every co_fd that is still open. No coroutine runs any more. */
void co_fds_close(void);

#endif
