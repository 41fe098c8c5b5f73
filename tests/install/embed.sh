#!/usr/bin/env bash
# What an embedder gets: the installed headers, library and pkg-config file, without the build folder's flags.
#
# Each public header compiles by itself, as C17 and as C++17, without a warning; each example compiles and runs against
# the installed library, and so does a program in C++.
# usage: embed.sh BUILD_FOLDER SOURCE_FOLDER CC CXX
set -u
build=$1 source=$2 cc=$3 cxx=$4
command -v "$cxx" >/dev/null || cxx=
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failed=0
check() { "$@" || { echo "FAILED: $*"; failed=1; }; }

DESTDIR=$folder/root meson install -C "$build" --no-rebuild --quiet || exit 1
library=$(dirname "$(find "$folder/root" -name libvmaple.so)")
export PKG_CONFIG_PATH=$library/pkgconfig PKG_CONFIG_SYSROOT_DIR=$folder/root LD_LIBRARY_PATH=$library
read -ra flags < <(pkg-config --cflags vmaple)
read -ra libs < <(pkg-config --libs vmaple)

for header in "$source"/include/vmaple/*.h; do
	# A header may have nothing but numbers, and C forbids a file without a declaration.
	printf '#include <vmaple/%s>\nextern int nothing;\n' "${header##*/}" | tee "$folder/$(basename "$header" .h).cpp" >"$folder/$(basename "$header" .h).c"
done
check "$cc" -std=c17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "${flags[@]}" "$folder"/*.c
[ -z "$cxx" ] || check "$cxx" -std=c++17 -Wall -Werror -fsyntax-only "${flags[@]}" "$folder"/*.cpp

for example in "$source"/examples/*.c; do
	name=$(basename "$example" .c)
	[ -e "$build/examples/example_$name" ] || continue
	check "$cc" -std=c17 -Wall -Wextra -Werror -o "$folder/$name" "$example" "${flags[@]}" "${libs[@]}" -pthread
	check "$folder/$name" "$folder" >"$folder/out"
done
if [ -n "$cxx" ]; then
	check "$cxx" -std=c++17 -Wall -Werror -o "$folder/cpp" "$source/tests/install/guest.cpp" "${flags[@]}" "${libs[@]}"
	check "$cxx" -std=c++17 -Wall -Wextra -Werror -o "$folder/map" "$source/tests/install/range_map.cpp" "${flags[@]}" "${libs[@]}"
	check "$folder/cpp"
	check "$folder/map"
fi
check test "$(find "$folder/root" -name vmaple -type f -exec {} --version \;)" = "vmaple $(pkg-config --modversion vmaple)"
check test -n "$(find "$folder/root" -name vmaple.1)"
DESTDIR=$folder/root check "$source/tools/uninstall" "$build"
check test -z "$(find "$folder/root" ! -type d)"
check test -z "$(find "$folder/root" -name vmaple)"
[ $failed = 0 ] || exit 1
if [ -z "$cxx" ]; then
	echo "no C++ compiler: what it would compile was not tried, the rest was"
	exit 77
fi
