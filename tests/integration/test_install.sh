#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_install.sh - make install puts everything where it belongs; a program is built against it with pkg-config alone,
# and runs; make uninstall takes all of it away again.
. "$BATON_SOURCE/tests/lib/shell.sh"

root=$PWD/root
build=${BATON_BUILD#"$BATON_SOURCE/"}

make_target() { # target variable=value...
	make -s -C "$BATON_SOURCE" B="$build" NO_DEPS=1 DESTDIR="$root" "$@" >make.log 2>&1 || { cat make.log; fail "make $*"; }
}

# As a package has it: every file in its place.
check_places() {
	local path libdir
	libdir=/usr/lib/$(gcc -print-multiarch)
	make_target install-files PREFIX=/usr
	for path in /usr/bin/{batond,baton} "$libdir"/libbaton.{so,so.0,a} "$libdir"/pkgconfig/baton.pc \
		/usr/include/baton.h /usr/share/man/man{8/batond.8,1/baton.1,3/libbaton.3} \
		/usr/lib/systemd/system/batond.{service,socket} /usr/lib/systemd/user/batond.{service,socket} \
		/usr/lib/sysusers.d/baton.conf /usr/lib/tmpfiles.d/baton.conf /usr/share/baton/proto/baton/v1/mutex.proto \
		/usr/share/doc/baton/{README.md,protocol.md,examples/tcp.conf}; do
		[ -e "$root$path" ] || fail "$path is missing"
	done
	[ "$(readlink "$root$libdir/libbaton.so")" = libbaton.so.0 ] || fail "libbaton.so leads astray"
	if readelf -d "$root"/usr/bin/* "$root$libdir/libbaton.so.0" | grep -E 'R(UN)?PATH'; then
		fail "a run path is left"
	fi
	check_removal PREFIX=/usr
}

check_removal() { # variable=value...
	make_target uninstall "$@"
	[ -z "$(find "$root" ! -type d)" ] || fail "uninstall leaves $(find "$root" ! -type d)"
}

write_program() {
	cat >program.c <<-'EOF'
		#include <baton.h>
		#include <stdio.h>

		int main(void)
		{
			baton_client *client;
			uint64_t token;

			if (baton_open(NULL, NULL, &client) != 0 || baton_mutex_lock(client, NULL, "m", &token, NULL) != 0) {
				fprintf(stderr, "%s\n", baton_last_error());
				return 1;
			}
			printf("libbaton %s has the lock\n", baton_version());
			baton_close(client);
			return 0;
		}
	EOF
}

# With nothing but pkg-config's answers, which name the scratch root.
build_and_run() {
	local prefix=/opt/baton flags said
	make_target install-files PREFIX="$prefix"
	export PKG_CONFIG_PATH=$root$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
	[ "$(pkg-config --modversion baton)" = "$(cat "$BATON_SOURCE/VERSION")" ] || fail "baton.pc's version"
	read -r -a flags <<<"$(pkg-config --cflags --libs baton)"
	cc -Wall -Werror -o program program.c "${flags[@]}" || fail "it does not link"
	said=$(LD_LIBRARY_PATH=$root$prefix/lib ./program) || fail "it does not run"
	[ "$said" = "libbaton $(cat "$BATON_SOURCE/VERSION") has the lock" ] || fail "it said: $said"

	unset PKG_CONFIG_SYSROOT_DIR # which would lead libprotobuf-c astray too
	read -r -a flags <<<"$(pkg-config --static --libs baton | sed "s,-L$prefix/lib,,; s,-lbaton,$root$prefix/lib/libbaton.a,")"
	cc -Wall -Werror -I"$root$prefix/include" -o program-static program.c "${flags[@]}" || fail "the archive does not link"
	./program-static >/dev/null || fail "with the archive it does not run"
	! readelf -d program-static | grep -q libbaton || fail "the archive was not used"
	check_removal PREFIX="$prefix"
}

start_batond
check_places
write_program
build_and_run
