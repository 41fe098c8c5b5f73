#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The amalgamated sources of tools/amalgamate: each compiles alone, with nothing of the project's folders, without a warning, by
# gcc and by clang; programs in C and C++ are linked with them and run, with a prefix beside things of their own of the same
# names; text is as small as docs/embedding.md says. Prints TAP.
# usage: amalgamated.sh SOURCE_FOLDER quick|long       quick: with prefixes only, unoptimised, in C, with gcc
set -u
source=$1 suite=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
. "$(dirname "$0")/tap.sh"
# text_below BYTES OBJECT: code and constants, as size(1) counts them
text_below() {
	local text
	text=$(size "$2" | awk 'NR == 2 { print $1 }')
	echo "# text of $(basename "$2" .o): $text bytes"
	[ "$text" -lt "$1" ]
}
# small WHAT BYTES OBJECT
small() { ok "$1" text_below "$2" "$3"; cat "$folder/out"; }
least_works() {
	gcc -std=c17 -O1 -DVMAPLE_SMALL -I"$folder/prefixed" "${strict[@]}" -o program "$source/tests/install/amalgamated.c" \
		"$folder"/prefixed/{maple_tree,rbtree,interval_tree}.c -pthread && ./program
}
strict=(-Wall -Wextra -Werror)

"$source/tools/amalgamate" "$folder/plain" && "$source/tools/amalgamate" --prefix vm_ "$folder/prefixed" || exit 1
cd "$folder/plain" || exit 1
compilers=(gcc) kinds=(plain prefixed) level=-O1 has_cxx=$(command -v g++)
if [ "$suite" = quick ]; then compilers=() kinds=(prefixed) level=-O0 has_cxx=; fi
[ "$suite" = long ] && command -v clang >/dev/null && compilers+=(clang)
for cc in ${compilers[@]+"${compilers[@]}"}; do
	for part in *.c; do
		ok "$cc compiles $part" "$cc" -std=c17 -Os "${strict[@]}" -c -o "${part%.c}-$cc.o" "$part"
	done
done
needs() { gcc -std=c17 -M "$1" | grep -oE '[^ ]*(/(urcu|zstd|xxhash|jansson|cmocka)|include/vmaple/)[^ ]*'; }
for part in *.c; do ok "$part needs nobody's headers but the C library's" test -z "$(needs "$part")"; done
if [ "$suite" = long ]; then
	least=(-std=c17 -Os -fno-asynchronous-unwind-tables -fno-unwind-tables)
	gcc "${least[@]}" -DVMAPLE_NO_DUMPS -c -o maple_tree-small.o maple_tree.c
	small "a maple tree without dumps and unwind tables is below 40 KB" 40000 maple_tree-small.o
	"$source/tools/amalgamate" --llp64 "$folder/words" maple_tree || exit 1
	for arch in x86_64 aarch64 riscv64 s390x i686; do
		cc=$arch-linux-gnu-gcc where=$folder/plain object=least-$arch.o
		[ $arch != i686 ] || where=$folder/words
		if ! command -v "$cc" >/dev/null; then
			n=$((n + 1)); echo "ok $n - $arch: the least maple tree # SKIP there is no $cc"
			continue
		fi
		"$cc" "${least[@]}" "${strict[@]}" -DVMAPLE_SMALL -c -o "$object" "$where/maple_tree.c"
		small "$arch: the least maple tree is below 40 KB" 40000 "$object"
	done
	ok "the least maple tree at work" least_works
	small "the engine is below 200 KB" 200000 vmaple-gcc.o
fi

engine=$source/tests/install/own_names.c
for kind in "${kinds[@]}"; do
	cd "$folder/$kind" || exit 1
	flags=("${strict[@]}" -I.)
	[ $kind = plain ] || flags+=(-DPREFIXED)
	ok "$kind: the engine's object" gcc -std=c17 $level "${flags[@]}" -c -o vmaple.o vmaple.c
	ok "$kind: the engine in C" sh -c 'gcc -std=gnu17 -o program "$@" vmaple.o -pthread && ./program' - "${flags[@]}" "$engine"
	[ -z "$has_cxx" ] || ok "$kind: the engine in C++" sh -c \
		'g++ -std=c++20 -o program -x c++ "$@" -x none vmaple.o -pthread && ./program' - "${flags[@]}" "$engine"
done
ok "prefixed: every symbol begins with vm_ or vmaple_" sh -c '! nm -g --defined-only vmaple.o | grep -vE " _*(vm|vmaple)_| _.stapsdt.base"'
ok "prefixed: trees and range maps in C" sh -c 'gcc -std=c17 "$@" -pthread && ./program' - $level -I. -o program \
	"$source/tests/install/amalgamated.c" "${strict[@]}" maple_tree.c rbtree.c interval_tree.c
tap_ends
