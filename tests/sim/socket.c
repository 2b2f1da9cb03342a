/* SPDX-License-Identifier: MIT
 *
 * socket.c - the daemon's sockets in a simulation, in place of daemon/socket.c.
 */
#include "daemon/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/sim/sim.h"

int socket_listen_unix(const char *path, mode_t mode, gid_t group)
{
	(void)mode;
	(void)group;
	return sim_listen(path);
}

int socket_listen_tcp(const char *host, uint16_t port)
{
	char address[128];

	(void)snprintf(address, sizeof address, "%s:%u", host, port);
	return sim_listen(address);
}

bool socket_is_loopback(const char *host)
{
	(void)host;
	return true;
}

int socket_accept(int listener, struct peer *ret_peer)
{
	struct sim_peer peer;
	int fd = sim_accept(listener, &peer);

	if (fd < 0)
		return fd;
	*ret_peer = (struct peer){.local = peer.is_local};
	if (!peer.is_local) {
		(void)snprintf(ret_peer->host, sizeof ret_peer->host, "host-%u", peer.pid);
		return fd;
	}
	ret_peer->pid = peer.pid;
	ret_peer->uid = peer.uid;
	ret_peer->gid = peer.gid;
	return fd;
}

ssize_t socket_receive(int fd, void *buffer, size_t length)
{
	return sim_read(fd, buffer, length, NULL);
}

ssize_t socket_receive_passed(int fd, void *buffer, size_t length, int *passed)
{
	int fresh = -1;
	ssize_t n = sim_read(fd, buffer, length, &fresh);

	if (fresh >= 0) {
		socket_close(*passed);
		*passed = fresh;
	}
	return n;
}

ssize_t socket_send(int fd, const struct iovec *vectors, int count)
{
	ssize_t sent = 0;

	for (int i = 0; i < count; i++) {
		ssize_t n = sim_write(fd, vectors[i].iov_base, vectors[i].iov_len);

		if (n < 0)
			return sent > 0 ? sent : n;
		sent += n;
		if ((size_t)n < vectors[i].iov_len)
			break;
	}
	return sent;
}

void socket_shutdown(int fd)
{
	sim_shutdown(fd);
}

void socket_close(int fd)
{
	if (fd >= 0)
		sim_close(fd);
}
