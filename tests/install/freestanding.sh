#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Trees, mm, rmap, paging and range maps without a C library: compiled where there are no headers but the compiler's own,
# linked with nothing but its helpers, and run. Prints TAP.
# usage: freestanding.sh SOURCE_FOLDER CC...
set -u
source=$1
shift
case $(uname -m)-$("$@" -dumpmachine) in x86_64-x86_64*) ;; *) echo "1..0 # SKIP the program is x86-64's"; exit 0 ;; esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags=(-std=gnu17 -O1 -ffreestanding -nostdinc -isystem "$("$@" -print-file-name=include)" -DVMAPLE_RCU_NONE
	'-DVMAPLE_VERSION="0"' -I"$source/include" -I"$source/lib/base" -fno-stack-protector -fno-pie -fno-strict-aliasing
	-fno-tree-loop-distribute-patterns -Wall -Wextra -Wno-unused-parameter -Werror)
# The compiler's <limits.h> asks for the system's, which may be empty.
mkdir "$out/empty" && : > "$out/empty/limits.h"
flags+=(-idirafter "$out/empty")
fail() { echo "Bail out! $*"; exit 1; }
objects=()
for room in base range_map trees/maple trees/rbtree trees/interval_tree trees/prio_tree trees/interval_map mm rmap paging; do
	for file in "$source/lib/$room"/*.c; do
		objects+=("$out/${#objects[@]}.o")
		"$@" "${flags[@]}" -c "$file" -o "${objects[-1]}" || fail "$file"
	done
done
"$@" "${flags[@]}" -nostdlib -static -no-pie "$source/tests/install/freestanding.c" "$source/examples/kernel_mm/bytes.c" "${objects[@]}" -lgcc -o "$out/program" ||
	fail "does not link without a C library"
"$out/program"
