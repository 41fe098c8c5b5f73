#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A project of Meson's with vmaple as its subproject, where no library is to be found but the C library's: the engine alone is
# built with it, linked and run. Prints TAP.
# usage: subproject.sh SOURCE_FOLDER CC
set -u
source=$1 cc=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/consumer/subprojects/vmaple" "$folder/nothing"
cp -r "$source"/{meson.build,meson_options.txt,include,lib} "$folder/consumer/subprojects/vmaple"
cp "$source/contrib/vmaple.wrap" "$folder/consumer/subprojects"
cp "$source/examples/shadow.c" "$folder/consumer"
cat >"$folder/consumer/meson.build" <<'END'
project('consumer', 'c', version: '1')
engine = dependency('vmaple-static', default_options: ['engine_only=true'])
executable('shadow', 'shadow.c', dependencies: engine)
END
. "$(dirname "$0")/tap.sh"
export PKG_CONFIG_LIBDIR=$folder/nothing CC=$cc
ok "it is set up without any library" meson setup "$folder/build" "$folder/consumer"
ok "it is built" ninja -C "$folder/build" shadow
ok "it runs" "$folder/build/shadow"
ok "it needs the C library only" sh -c 'ldd "$1" | tee -a /dev/stderr | grep -q libc.so && ! ldd "$1" | grep -E "vmaple|urcu|zstd|xxhash|jansson"' - "$folder/build/shadow"
tap_ends
