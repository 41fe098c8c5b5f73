#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages are built, lintian has no error and no warning, and what is in them works in a root of its own: the
# command, programs by pkg-config, shared and static, and with the prefix, the man pages. Prints TAP.
# usage: deb.sh SOURCE_FOLDER FOLDER       FOLDER: where they are built
set -u
source=$1 folder=$2
for tool in dpkg-buildpackage dh lintian doxygen; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP there is no $tool (Debian: dpkg-dev, debhelper, lintian, doxygen)"; exit 0; }
done
. "$(dirname "$0")/tap.sh"
mkdir -p "$folder"
# As `make` optimises the product and links it as one, every test of the command has it.
export DEB_BUILD_OPTIONS=optimization=1
ok "built, and lintian has no word against them" sh -c '"$1" "$2" >"$3" 2>&1; rc=$?; cat "$3"; exit $rc' - "$source/tools/deb" "$folder/made" "$folder/log"
version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$source/meson.build")
names=$(cd "$folder/made" && for deb in *.deb; do echo "${deb%%_*}"; done | grep -v dbgsym | LC_ALL=C sort | tr '\n' ' ')
ok "four packages" test "$names" = "libvmaple-dev libvmaple0 vmaple vmaple-doc "
root=$folder/root
rm -rf "$root" && mkdir -p "$root"
for deb in "$folder"/made/*.deb; do dpkg-deb -x "$deb" "$root"; done
ok "the version of meson.build" sh -c 'test "$("$1/usr/bin/vmaple" --version)" = "vmaple $2" && for deb in "$3"/made/*.deb; do test "$(dpkg-deb -f "$deb" Version)" = "$2" || exit 1; done' \
	- "$root" "$version" "$folder"
libdir=$(dirname "$(find "$root" -name libvmaple.so)")
export PKG_CONFIG_LIBDIR=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root LD_LIBRARY_PATH=$libdir
program() { # name, pkg-config's options and package, more of the compiler's
	read -ra flags < <(pkg-config --cflags --libs $2)
	gcc -std=gnu17 -Wall -Werror "${@:3}" -o "$folder/$1" "$source/examples/shadow.c" "${flags[@]}" -pthread && "$folder/$1"
}
ok "a program by pkg-config" program shared vmaple
ok "it takes the packaged library" sh -c 'ldd "$1" | grep "libvmaple.so.0 => $2"' - "$folder/shared" "$root"
ok "a static one" program static "--static vmaple" -static
read -ra flags < <(pkg-config --cflags --libs vmaple-prefixed)
printf '#include <vmaple/rbtree.h>\nstruct rb_node { int mine; };\nint find_vma(void) { return 0; }\nint main(void) { struct vm_rb_node node; (void)node; return find_vma(); }\n' >"$folder/own.c"
ok "one with names of its own" sh -c 'gcc -o "$@" && "$1"' - "$folder/own" "$folder/own.c" "${flags[@]}"
ok "the command records and mirrors a program" "$root/usr/bin/vmaple" run -- true
ok "the man page of a function leads to its header's" sh -c 'man -M "$1" --pager=cat find_vma | grep -q "struct vm_area_struct .*find_vma"' \
	- "$root/usr/share/man"
ok "binaries are hardened" bash "$source/tests/install/hardened.sh" yes "$root/usr/bin/vmaple" "$libdir/libvmaple.so.0"
ok "symbols have the version that they came with" sh -c 'test "$(grep -c "@VMAPLE_0.1 $2" "$1")" -gt 300' \
	- "$folder/made/source/debian/libvmaple0/DEBIAN/symbols" "$version"
tap_ends
