/* SPDX-License-Identifier: MIT
 *
 * screen.c - the terminal, by a dozen control sequences.
 */
#include "cli/screen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"

#define LINE_BYTES 1024
#define ENTER "\033[?1049h\033[?25l" /* the other screen; no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define REVERSE "\033[7m"
#define PLAIN "\033[m"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

bool screen_is_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static bool write_all(const char *bytes, size_t length)
{
	while (length > 0) {
		const ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

void screen_enter(struct screen *screen)
{
	struct termios raw;

	if (screen->is_on || tcgetattr(STDIN_FILENO, &screen->before) != 0)
		return;
	raw = screen->before;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	screen->is_on = write_all(ENTER, strlen(ENTER));
}

void screen_leave(struct screen *screen)
{
	if (!screen->is_on)
		return;
	screen->is_on = false;
	(void)write_all(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
}

static void add(struct screen *screen, const char *bytes, size_t length)
{
	if (!buffer_reserve(&screen->picture, length)) {
		screen->failed = true;
		return;
	}
	memcpy(screen->picture.bytes + screen->picture.end, bytes, length);
	screen->picture.end += length;
}

static void add_text(struct screen *screen, const char *text)
{
	add(screen, text, strlen(text));
}

void screen_begin(struct screen *screen)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	screen->rows = size.ws_row;
	screen->columns = size.ws_col;
	screen->row = 0;
	screen->failed = false;
	screen->picture.begin = 0;
	screen->picture.end = 0;
	add_text(screen, HOME);
}

bool screen_has_room(const struct screen *screen)
{
	return screen->row < screen->rows;
}

/* Adds what fits of TEXT, in characters; wide ones may stand over the edge, where the terminal cuts them. */
static void add_cut(struct screen *screen, const char *text)
{
	size_t left = strlen(text);
	uint32_t point;

	for (unsigned column = 0; left > 0 && column < screen->columns; column++) {
		const size_t bytes = utf8_decode(text, left, &point);
		const bool is_safe = bytes > 0 && point >= ' ' && !(point >= 0x7f && point < 0xa0);

		add(screen, is_safe ? text : "?", is_safe ? bytes : 1);
		text += bytes > 0 ? bytes : 1;
		left -= bytes > 0 ? bytes : 1;
	}
}

void screen_line(struct screen *screen, bool highlighted, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list arguments;

	if (!screen_has_room(screen))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (screen->row++ > 0)
		add_text(screen, "\r\n");
	if (highlighted)
		add_text(screen, REVERSE);
	add_cut(screen, text);
	add_text(screen, highlighted ? CLEAR_LINE PLAIN : PLAIN CLEAR_LINE);
}

bool screen_paint(struct screen *screen)
{
	if (screen->row < screen->rows)
		add_text(screen, CLEAR_BELOW);
	return screen->failed || write_all((const char *)screen->picture.bytes, screen->picture.end);
}

int screen_key(void)
{
	unsigned char key;
	const ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n == 1)
		return key;
	return n == 0 || errno == EINTR || errno == EAGAIN ? 0 : -1;
}

void screen_done(struct screen *screen)
{
	screen_leave(screen);
	buffer_clear(&screen->picture);
}
