#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make run`, `make test` and `make bench` in any order: a copy of the sources is configured while cmocka and Abseil cannot
# be found, and again when they have come.  No test may be missing then that tests/list names, and no peer of the bench.
# A header that comes later is found too, and an option that was set by hand stays.
#
# usage: any_order.sh SOURCE_FOLDER [build]
# With `build` the bench is also compiled, before its peers came and after.
set -u
source_folder=$1
fail() { echo "$*"; exit 1; }

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$source_folder" || exit 1
git ls-files -z -co --exclude-standard >"$scratch/files" 2>/dev/null || { echo "not a git checkout: skipped"; exit 77; }
mkdir "$scratch/tree" "$scratch/pc"
tar --null --ignore-failed-read -T "$scratch/files" -cf - 2>/dev/null | tar -C "$scratch/tree" -xf - || fail "cannot be copied"
cd "$scratch/tree" || exit 1
# Compiled quickly: how it is optimised is not what this is about.
sed -i 's/buildtype=debugoptimized/buildtype=debug/' meson.build
grep -q "buildtype=debug'" meson.build || fail "no build type to be changed"

IFS=: read -r -a folders < <(pkg-config --variable pc_path pkg-config)
# show PATTERN...: what pkg-config finds, from now on.
show() {
	local folder pattern
	for folder in "${folders[@]}"; do
		for pattern in "$@"; do
			find "$folder" -maxdepth 1 -name "$pattern.pc" -exec ln -sf -t "$scratch/pc" {} + 2>/dev/null
		done
	done
}
show '*'
rm -f "$scratch"/pc/cmocka.pc "$scratch"/pc/absl*.pc
export PKG_CONFIG_LIBDIR=$scratch/pc
bench() { [ "${1-}" != build ] || ninja -C build --quiet bench/vmaple-bench || fail "the bench is not compiled $2"; }

tools/run-tests configure gcc || fail "not configured without cmocka"
tools/test-list --check gcc quick >"$scratch/missing" && fail "nobody notices that there are no tests"
grep -q 'the test `brk` is in tests/list, and this build does not have it' "$scratch/missing" ||
	fail "what is missing is not told: $(cat "$scratch/missing")"
bench "${2-}" "before its peers came"

show cmocka
tools/run-tests configure gcc || fail "not configured with cmocka"
tools/test-list --check gcc quick | grep FAILED && fail "cmocka came, and tests are missing"

before=$(stat -c %Y.%Z build/build.ninja)
tools/run-tests configure gcc
[ "$(stat -c %Y.%Z build/build.ninja)" = "$before" ] || fail "configured again, although nothing came"

mkdir -p "$scratch/small/tools" "$scratch/headers"
cp tools/configure tools/install-deps "$scratch/small/tools/"
cat >"$scratch/small/meson.build" <<'EOF'
project('small', 'c')
summary('header', meson.get_compiler('c').has_header('comes-later.h'))
EOF
small() { (cd "$scratch/small" && CPATH=$scratch/headers tools/configure folder && cat folder/meson-logs/meson-log.txt); }
small | grep -q 'Has header "comes-later.h" : NO' || fail "the small project has a header that is not there"
meson configure "$scratch/small/folder" -Dwarning_level=3 || fail "no option can be set"
touch "$scratch/headers/comes-later.h"
printf 'Name: later\nDescription: later\nVersion: 1\n' >"$scratch/pc/comes-later.pc"
small | grep -q 'Has header "comes-later.h" : YES' || fail "a header came, and is not seen"
meson introspect "$scratch/small/folder" --buildoptions | tr '{' '\n' | grep '"warning_level"' | grep -q '"value": "3"' ||
	fail "an option that was set by hand is lost"
echo "option('colour', type: 'string', value: 'red')" >"$scratch/small/meson_options.txt"
small >"$scratch/log"
sed -i s/red/green/ "$scratch/small/meson_options.txt"
small >"$scratch/log"
meson introspect "$scratch/small/folder" --buildoptions | tr '{' '\n' | grep '"colour"' | grep -q '"value": "green"' ||
	fail "a new default is not taken"

show 'absl*'
[ -f "$scratch/pc/absl_btree.pc" ] || { echo "Abseil is not installed: the bench was not looked at"; exit 0; }
tools/run-tests configure gcc || fail "not configured with Abseil"
grep -q HAVE_ABSL build/build.ninja || fail "Abseil came, and the bench does not have it"
bench "${2-}" "after its peers came"
echo "in any order"
