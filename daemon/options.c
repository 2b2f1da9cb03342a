/* SPDX-License-Identifier: MIT
 *
 * options.c - batond's command line: one row per option.
 */
#include "daemon/options.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"

#define PROCS_MAX 1024 /* the runtime's */

static bool take_listen(struct options *options, const char *value, const char **ret_why)
{
	if (options->listen_count == OPTIONS_LISTEN_MAX) {
		*ret_why = "is one address too many (16 at most)";
		return false;
	}
	if (!address_parse(value, &options->listen[options->listen_count], ret_why))
		return false;
	options->listen_count++;
	return true;
}

static bool take_state(struct options *options, const char *value, const char **ret_why)
{
	*ret_why = "is no folder's name";
	options->state = value;
	return value[0] != '\0';
}

static bool take_log_level(struct options *options, const char *value, const char **ret_why)
{
	*ret_why = "is none of error, warning, info, debug";
	return log_parse_level(value, &options->log_level);
}

static bool take_stop_timeout(struct options *options, const char *value, const char **ret_why)
{
	return duration_parse(value, &options->stop_timeout_ns, ret_why);
}

static bool take_guard(struct options *options, const char *value, const char **ret_why)
{
	static const char *const names[] = {
		[CO_GUARD_AUTO] = "auto",
		[CO_GUARD_INSTALL] = "install",
		[CO_GUARD_MPROTECT] = "mprotect",
		[CO_GUARD_SLAB] = "slab",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(value, names[i]) == 0) {
			options->guard = (enum co_guard)i;
			return true;
		}
	*ret_why = "is none of auto, install, mprotect, slab";
	return false;
}

static bool take_procs(struct options *options, const char *value, const char **ret_why)
{
	unsigned procs = 0;

	*ret_why = "is no number from 1 to 1024";
	for (size_t i = 0; value[i] != '\0'; i++) {
		if (value[i] < '0' || value[i] > '9' || procs > PROCS_MAX)
			return false;
		procs = procs * 10 + (unsigned)(value[i] - '0');
	}
	options->procs = procs;
	return procs >= 1 && procs <= PROCS_MAX;
}

static bool take_insecure(struct options *options, const char *value, const char **ret_why)
{
	(void)value;
	(void)ret_why;
	options->insecure = true;
	return true;
}

static bool take_help(struct options *options, const char *value, const char **ret_why)
{
	(void)value;
	(void)ret_why;
	options->help = true;
	return true;
}

static bool take_version(struct options *options, const char *value, const char **ret_why)
{
	(void)value;
	(void)ret_why;
	options->version = true;
	return true;
}

static const struct {
	const char *name;
	const char *value; /* what help calls it; NULL: the option takes none */
	const char *help;
	bool (*take)(struct options *options, const char *value, const char **ret_why);
} table[] = {
	{"listen", "ADDR", "listen at unix:PATH or tcp:HOST:PORT; may be given several times", take_listen},
	{"state", "DIR", "keep fencing tokens and the note of held locks in DIR over restarts", take_state},
	{"log-level", "LEVEL", "error, warning, info (default) or debug", take_log_level},
	{"stop-timeout", "D", "how long a stop may take to write out replies (default 5s)", take_stop_timeout},
	{"procs", "N", "run on N threads (default 1)", take_procs},
	{"stack-guard", "MODE", "auto (default), install, mprotect or slab", take_guard},
	{"insecure", NULL, "allow TCP addresses beyond the loopback: who reaches them may do everything",
		take_insecure},
	{"help", NULL, "print this and exit", take_help},
	{"version", NULL, "print the version and exit", take_version},
};

#define COUNT (sizeof table / sizeof table[0])

/* The row that ARGUMENT (--name or --name=value) is of, or COUNT. *RET_VALUE: what stands behind '=', or NULL. */
static size_t find(const char *argument, const char **ret_value)
{
	const char *name = argument + 2;
	size_t length = strcspn(name, "=");

	*ret_value = name[length] == '=' ? name + length + 1 : NULL;
	if (strncmp(argument, "--", 2) != 0)
		return COUNT;
	for (size_t i = 0; i < COUNT; i++)
		if (strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0)
			return i;
	return COUNT;
}

static bool complain(const char *argument, const char *value, const char *why)
{
	if (value != NULL)
		fprintf(stderr, "batond: %s: \"%s\" %s\n", argument, value, why);
	else
		fprintf(stderr, "batond: %s: %s\n", argument, why);
	return false;
}

bool options_parse(int count, char **arguments, struct options *ret)
{
	*ret = (struct options){
		.log_level = LOG_LEVEL_INFO,
		.stop_timeout_ns = 5 * CO_SECOND,
		.procs = 1,
		.guard = CO_GUARD_AUTO,
	};
	for (int i = 1; i < count; i++) {
		const char *why = "cannot be taken";
		const char *value;
		size_t row = find(arguments[i], &value);

		if (row == COUNT)
			return complain(arguments[i], NULL, "no such option; batond --help lists them");
		if (table[row].value == NULL && value != NULL)
			return complain(arguments[i], NULL, "the option takes no value");
		if (table[row].value != NULL && value == NULL) {
			if (i + 1 == count)
				return complain(arguments[i], NULL, "the option needs a value");
			value = arguments[++i];
		}
		if (!table[row].take(ret, value, &why))
			return complain(table[row].name, value, why);
	}
	return true;
}

void options_print_help(void)
{
	printf("Usage: batond [OPTION]...\n"
	       "Hosts channels, mutexes and the like for processes that use baton(1) or libbaton.\n\n");
	for (size_t i = 0; i < COUNT; i++) {
		char left[40];

		(void)snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].value != NULL ? " " : "",
			table[i].value != NULL ? table[i].value : "");
		printf("  %-22s %s\n", left, table[i].help);
	}
	printf("\nWithout --listen and without sockets from systemd: unix:/run/baton/baton.sock as root, else\n"
	       "$XDG_RUNTIME_DIR/baton.sock. The default TCP port is %d.\n",
		ADDRESS_DEFAULT_PORT);
}
