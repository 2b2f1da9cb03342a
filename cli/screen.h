/* SPDX-License-Identifier: MIT
 *
 * screen.h - a terminal that is painted over and over: the other screen, keys without Return, and back again.
 *
 * By the control sequences of ECMA-48 and xterm's other screen, which every terminal of the last decades has: ncurses
 * would be loaded by every `baton lock` too, and cost more than the lock.
 */
#ifndef BATON_CLI_SCREEN_H
#define BATON_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/buffer.h"

struct screen {
	struct termios before;
	struct buffer picture; /* what is to be painted next */
	unsigned rows;
	unsigned columns;
	unsigned row; /* the next to be composed */
	bool is_on;
	bool failed; /* to compose: no memory */
};

/* Whether standard input and output are a terminal. */
bool screen_is_possible(void);

/* Takes the terminal over; gives it back as it was. Either may be called again. */
void screen_enter(struct screen *screen);
void screen_leave(struct screen *screen);

/* Begins a picture in the terminal's size of now. */
void screen_begin(struct screen *screen);

/* Whether there is room for another line. */
bool screen_has_room(const struct screen *screen);

/* Adds a line, cut at the right edge; bytes that would move the cursor become '?'. HIGHLIGHTED: in reverse. */
void screen_line(struct screen *screen, bool highlighted, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Paints it, in one write. False: standard output is gone. */
bool screen_paint(struct screen *screen);

/* The key that was pressed; 0: none; -1: there will be none any more. */
int screen_key(void);

void screen_done(struct screen *screen); /* leaves it too */

#endif
