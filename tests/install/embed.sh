#!/usr/bin/env bash
# What an embedder gets: the installed headers, library and pkg-config file, without the build folder's flags.
#
# Each public header compiles by itself, as C (C11, C17 with and without GNU's extensions, and C2x) and as C++ (17 and 20),
# pedantic, without a warning (quick: C17 and C++20 only); each example compiles and runs against the installed library,
# and so does a program in C++; one is linked with the static library, by pkg-config and by CMake.
# usage: embed.sh BUILD_FOLDER SOURCE_FOLDER CC CXX quick|long
set -u
build=$1 source=$2 cc=$3 cxx=$4 suite=$5
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

mapfile -t headers < <(find "$folder/root" -path '*/include/vmaple/*.h')
[ ${#headers[@]} -gt 30 ] || { echo "FAILED: ${#headers[@]} headers are installed"; failed=1; }
for header in "${headers[@]}"; do
	# Behind it a declaration: a header may have macros only, a file of C may not.
	printf '#include <vmaple/%s>\nextern int declared;\n' "${header##*/}" |
		tee "$folder/$(basename "$header" .h).cpp" >"$folder/$(basename "$header" .h).c"
done
strict=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only)
standards=(c17) cxx_standards=(c++20)
[ "$suite" = quick ] || { standards+=(c11 gnu17 c2x) cxx_standards+=(c++17); }
for std in "${standards[@]}"; do
	check "$cc" -std=$std "${strict[@]}" "${flags[@]}" "$folder"/*.c
done
for std in "${cxx_standards[@]}"; do
	[ -z "$cxx" ] || check "$cxx" -std=$std "${strict[@]}" "${flags[@]}" "$folder"/*.cpp
done

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
# The static library needs nothing but libc, by pkg-config and by CMake.
check "$cc" -static -std=c17 -Wall -Werror -o "$folder/static" "$source/examples/shadow.c" "${flags[@]}" \
	$(pkg-config --static --libs vmaple) -pthread
check "$folder/static" >"$folder/out"
# Before it is called it has done nothing.
check "$cc" -std=gnu17 -Wall -Wextra -Werror -o "$folder/quiet" "$source/tests/install/quiet.c" "${flags[@]}" "$library/libvmaple.a" \
	-Wl,--wrap=malloc,--wrap=aligned_alloc,--wrap=getenv -pthread
check "$folder/quiet"
mkdir "$folder/cmake"
cat >"$folder/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.18)
project(embedder C)
find_package(vmaple $(pkg-config --modversion vmaple) REQUIRED)
foreach(kind vmaple static)
  add_executable(with_\${kind} $source/examples/shadow.c)
  target_link_libraries(with_\${kind} vmaple::\${kind})
endforeach()
END
check env CC="$cc" cmake -S "$folder/cmake" -B "$folder/cmake/build" -Dvmaple_DIR="$library/cmake/vmaple" >"$folder/out"
check cmake --build "$folder/cmake/build" >"$folder/out"
for kind in vmaple static; do check "$folder/cmake/build/with_$kind" >"$folder/out"; done
check test -z "$(ldd "$folder/cmake/build/with_static" | grep vmaple)"
check test "$(find "$folder/root" -name vmaple -type f -exec {} --version \;)" = "vmaple $(pkg-config --modversion vmaple)"
man=$(dirname "$(dirname "$(find "$folder/root" -name vmaple.1)")")
check test -d "$man/man1"
# The reference is there where Doxygen is: a function's page is found under its name.
[ ! -d "$build/docs/man" ] || check grep -q 'so man3/vmaple_mm.h.3' "$man/man3/find_vma.3"
# What others put into the same folders stays.
mkdir -p "$man/man3" && touch "$man/man3/stranger.3"
DESTDIR=$folder/root check "$source/tools/uninstall" "$build"
check test "$(find "$folder/root" ! -type d)" = "$man/man3/stranger.3"
check test -z "$(find "$folder/root" -name 'vmaple*')"
[ $failed = 0 ] || exit 1
if [ -z "$cxx" ]; then
	echo "no C++ compiler: what it would compile was not tried, the rest was"
	exit 77
fi
