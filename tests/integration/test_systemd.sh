#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_systemd.sh - systemd finds nothing wrong with the units as they are installed, and little exposed.
. "$BATON_SOURCE/tests/lib/shell.sh"

root=$PWD/root

install_under() { # variable=value...
	make -s -C "$BATON_SOURCE" B="${BATON_BUILD#"$BATON_SOURCE/"}" NO_DEPS=1 "$@" install-files >make.log 2>&1 ||
		{ cat make.log; fail "make install $*"; }
}

quietly() { # command...: it has nothing to say, and succeeds
	local said
	said=$("$@" 2>&1) || fail "$*: $said"
	[ -z "$said" ] || fail "$*: $said"
}

# The system's units, as a package has them; those that they refer to come with systemd.
install_under DESTDIR="$root" PREFIX=/usr
cp -n /usr/lib/systemd/system/*.target /usr/lib/systemd/system/*.slice "$root/usr/lib/systemd/system/"
export MANPATH=$root/usr/share/man
quietly systemd-analyze verify --root="$root" batond.service batond.socket

# The user's: there is no --root for them, so they are installed to where they can be run from.
install_under PREFIX="$PWD/prefix"
SYSTEMD_UNIT_PATH=$PWD/prefix/lib/systemd/user: quietly systemd-analyze --user verify batond.service batond.socket

# With the drop-in too, which must open what it says.
mkdir -p "$root/etc/systemd/system/batond.socket.d"
cp "$root/usr/share/doc/baton/examples/tcp.conf" "$root/etc/systemd/system/batond.socket.d/"
quietly systemd-analyze verify --root="$root" batond.service batond.socket

# 20 is an exposure of 2.0.
systemd-analyze security --offline=true --threshold=20 --root="$root" batond.service >security.log 2>&1 ||
	{ cat security.log; fail "exposed"; }
tail -1 security.log

systemd-sysusers --root="$root" --dry-run "$root/usr/lib/sysusers.d/baton.conf" >sysusers.log 2>&1 ||
	{ cat sysusers.log; fail "sysusers"; }
grep -q "Creating user 'baton'" sysusers.log || { cat sysusers.log; fail "sysusers makes no user"; }
if [ "$(id -u)" = 0 ]; then
	systemd-tmpfiles --root="$root" --create "$root/usr/lib/tmpfiles.d/baton.conf" || fail "tmpfiles"
	[ -d "$root/run/baton" ] || fail "tmpfiles makes no folder"
fi
