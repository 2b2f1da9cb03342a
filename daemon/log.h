/* SPDX-License-Identifier: MIT
 *
 * log.h - the daemon's log: one line per event on standard error, `event key=value ...`, with systemd's level prefix
 * when standard error goes to the journal. Only the daemon's own files log, where they decide; objects and the runtime
 * do not.
 */
#ifndef BATON_DAEMON_LOG_H
#define BATON_DAEMON_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Lines above LEVEL are dropped. */
void log_set_level(enum log_level level);

/* The level called NAME ("error", "warning", "info", "debug"); false if there is none. */
bool log_parse_level(const char *name, enum log_level *ret);

/* Writes one line in a single write(2). Formatting runs on the thread's own stack. Never parks. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
