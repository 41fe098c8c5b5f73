#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program that has an rb_node, a find_vma, a list_head, a min and a u64 of its own is linked with the installed library that has
# vm_ in front of every name, shared and static, in C and C++, by pkg-config and by CMake. Prints TAP.
# usage: prefixed.sh BUILD_FOLDER SOURCE_FOLDER CC CXX
set -u
build=$1 source=$2 cc=$3 cxx=$4
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
. "$(dirname "$0")/tap.sh"
compile_and_run() { "$@" && "$folder/program"; }

DESTDIR=$folder/root meson install -C "$build" --no-rebuild --quiet || exit 1
library=$(dirname "$(find "$folder/root" -name libvmaple_prefixed.so)")
export PKG_CONFIG_PATH=$library/pkgconfig PKG_CONFIG_SYSROOT_DIR=$folder/root LD_LIBRARY_PATH=$library
read -ra flags < <(pkg-config --cflags vmaple-prefixed)
read -ra libs < <(pkg-config --libs vmaple-prefixed)
printf '#include <vmaple/paging.h>\n#include <vmaple/linux_abi.h>\n' >"$folder/vmaple.h"
program=$source/tests/install/own_names.c
options=(-Wall -Wextra -Werror -DPREFIXED -I"$folder" -o "$folder/program")

mapfile -t headers < <(find "$folder/root" -path '*/vmaple-prefixed/vmaple/*.h' -printf '%f\n')
[ ${#headers[@]} -gt 20 ] || { echo "Bail out! ${#headers[@]} headers are installed"; exit 1; }
for header in "${headers[@]}"; do
	printf '#include <vmaple/%s>\n#ifndef VMAPLE_PREFIXED\n#error plain\n#endif\nextern int declared;\n' "$header" >"$folder/h_$header.c"
done
ok "each header alone in C11" "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "${flags[@]}" "$folder"/h_*.c
ok "shared, C" compile_and_run "$cc" -std=gnu17 "${options[@]}" "$program" "${flags[@]}" "${libs[@]}"
ok "static, C" compile_and_run "$cc" -static -std=gnu17 "${options[@]}" "$program" "${flags[@]}" \
	$(pkg-config --static --libs vmaple-prefixed) -pthread
if command -v "$cxx" >/dev/null; then
	ok "each header alone in C++17" "$cxx" -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "${flags[@]}" "$folder"/h_*.c
	ok "shared, C++" compile_and_run "$cxx" -std=c++20 "${options[@]}" -x c++ "$program" -x none "${flags[@]}" "${libs[@]}"
	ok "static, C++" compile_and_run "$cxx" -static -std=c++20 "${options[@]}" -x c++ "$program" -x none "${flags[@]}" \
		$(pkg-config --static --libs vmaple-prefixed) -pthread
	ok "range maps in C++" compile_and_run "$cxx" -std=c++17 "${options[@]}" "$source/tests/install/range_map.cpp" "${flags[@]}" \
		"${libs[@]}"
fi
others() { nm "$@" | awk 'NF == 3 && $3 !~ /^_*(vm|vmaple|VMAPLE)_/ && $3 != "_.stapsdt.base" { print $3 }'; }
ok "no other symbol can be seen in the static library" test -z "$(others -g --defined-only "$library/libvmaple_prefixed.a")"
ok "nor in the shared one" test -z "$(others -D --defined-only "$library/libvmaple_prefixed.so")"

mkdir "$folder/cmake"
cat >"$folder/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.18)
project(embedder C)
find_package(vmaple REQUIRED)
foreach(kind prefixed prefixed_static)
  add_executable(with_\${kind} $program)
  target_compile_definitions(with_\${kind} PRIVATE PREFIXED)
  target_include_directories(with_\${kind} PRIVATE $folder)
  target_link_libraries(with_\${kind} vmaple::\${kind})
endforeach()
END
if command -v cmake >/dev/null; then
	ok "CMake finds it" env CC="$cc" cmake -S "$folder/cmake" -B "$folder/cmake/build" -Dvmaple_DIR="$library/cmake/vmaple"
	ok "and builds with it" cmake --build "$folder/cmake/build"
	for kind in prefixed prefixed_static; do ok "vmaple::$kind" "$folder/cmake/build/with_$kind"; done
fi
tap_ends
