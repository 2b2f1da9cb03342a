#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_systemd.sh - systemd finds nothing wrong with the units as they are installed, and little exposed.
. "$BATON_SOURCE/tests/lib/shell.sh"

root=$PWD/root
make -s -C "$BATON_SOURCE" B="${BATON_BUILD#"$BATON_SOURCE/"}" NO_DEPS=1 DESTDIR="$root" PREFIX=/usr install >make.log 2>&1 ||
	{ cat make.log; fail "make install"; }

# The units that ours refer to come with systemd.
for units in system user; do
	cp -n /usr/lib/systemd/$units/*.target /usr/lib/systemd/$units/*.slice "$root/usr/lib/systemd/$units/" 2>/dev/null
done

check_units() { # how unit...
	local how=$1 said
	shift
	said=$(MANPATH="$root/usr/share/man" systemd-analyze verify "$how" --root="$root" "$@" 2>&1) || fail "$how: $said"
	[ -z "$said" ] || fail "$how: $said"
}

check_units --system batond.service batond.socket
check_units --user batond.service batond.socket

# With the drop-in too, which must open what it says.
mkdir -p "$root/etc/systemd/system/batond.socket.d"
cp "$root/usr/share/doc/baton/examples/tcp.conf" "$root/etc/systemd/system/batond.socket.d/"
check_units --system batond.service batond.socket

# 20 is an exposure of 2.0.
systemd-analyze security --offline=true --threshold=20 --root="$root" batond.service >security.log 2>&1 ||
	{ cat security.log; fail "exposed"; }
tail -1 security.log

mkdir -p "$root/etc"
systemd-sysusers --root="$root" --dry-run "$root/usr/lib/sysusers.d/baton.conf" >sysusers.log 2>&1 ||
	{ cat sysusers.log; fail "sysusers"; }
grep -q "Creating user 'baton'" sysusers.log || { cat sysusers.log; fail "sysusers makes no user"; }
if [ "$(id -u)" = 0 ]; then
	systemd-tmpfiles --root="$root" --create "$root/usr/lib/tmpfiles.d/baton.conf" || fail "tmpfiles"
	[ -d "$root/run/baton" ] || fail "tmpfiles makes no folder"
fi
