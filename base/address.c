/* SPDX-License-Identifier: MIT
 *
 * address.c - a daemon's address from text and to text.
 */
#include "base/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each parser returns what is wrong, or NULL. */

static const char *parse_unix(const char *path, struct address *ret)
{
	ret->kind = ADDRESS_UNIX;
	if (*path == '\0')
		return "has no path";
	if (strlen(path) >= sizeof(ret->path))
		return "has a path that is longer than 107 bytes";
	memcpy(ret->path, path, strlen(path) + 1);
	return NULL;
}

static const char *parse_user(struct address *ret)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	char path[sizeof(ret->path)];
	int length;

	if (folder == NULL || *folder == '\0')
		return "needs XDG_RUNTIME_DIR in the environment";
	length = snprintf(path, sizeof(path), "%s/baton.sock", folder);
	if (length < 0 || (size_t)length >= sizeof(path))
		return "has a path that is longer than 107 bytes";
	return parse_unix(path, ret);
}

static const char *parse_port(const char *text, uint16_t *ret)
{
	unsigned port = 0;

	if (*text == '\0')
		return "has no port behind its colon";
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return "has a port that is not a number";
		port = port * 10 + (unsigned)(*text - '0');
		if (port > UINT16_MAX)
			return "has a port above 65535";
	}
	*ret = (uint16_t)port;
	return NULL;
}

static const char *parse_tcp(const char *text, struct address *ret)
{
	const bool bracketed = *text == '[';
	const char *host = bracketed ? text + 1 : text;
	const char *end = bracketed ? strchr(host, ']') : strchrnul(host, ':');
	const char *rest;

	if (end == NULL)
		return "has a '[' without its ']'";
	rest = bracketed ? end + 1 : end;
	if (!bracketed && *rest == ':' && strchr(rest + 1, ':') != NULL)
		return "has more than one colon: an IPv6 address stands in brackets";
	if (end == host)
		return "has no host";
	if ((size_t)(end - host) >= sizeof(ret->host))
		return "has a host that is longer than 255 bytes";
	if (memchr(host, '[', (size_t)(end - host)) != NULL || memchr(host, ']', (size_t)(end - host)) != NULL)
		return "has a bracket inside its host";
	if (*rest != '\0' && *rest != ':')
		return "has something behind its ']' that is not a port";
	ret->kind = ADDRESS_TCP;
	ret->port = ADDRESS_DEFAULT_PORT;
	memcpy(ret->host, host, (size_t)(end - host));
	ret->host[end - host] = '\0';
	return *rest == ':' ? parse_port(rest + 1, &ret->port) : NULL;
}

static const char *parse(const char *text, struct address *ret)
{
	if (strcmp(text, ADDRESS_USER) == 0)
		return parse_user(ret);
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, ret);
	if (strncmp(text, "tcp:", 4) == 0)
		return parse_tcp(text + 4, ret);
	return "is not an address (as unix:PATH, tcp:HOST:PORT, user)";
}

bool address_parse(const char *text, struct address *ret, const char **ret_why)
{
	struct address address = {0};
	const char *why = parse(text, &address);

	if (why == NULL)
		*ret = address;
	else if (ret_why != NULL)
		*ret_why = why;
	return why == NULL;
}

char *address_format(const struct address *address, char *to, size_t size)
{
	if (address->kind == ADDRESS_UNIX)
		snprintf(to, size, "unix:%s", address->path);
	else if (strchr(address->host, ':') != NULL)
		snprintf(to, size, "tcp:[%s]:%u", address->host, address->port);
	else
		snprintf(to, size, "tcp:%s:%u", address->host, address->port);
	return to;
}
