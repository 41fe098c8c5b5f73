#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The amalgamated sources of tools/amalgamate: each compiles alone, with nothing of the project's folders, without a warning,
# and with a prefix all of them link with a program that has things of their names.
# usage: amalgamated.sh SOURCE_FOLDER CC
set -u
source=$1 cc=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$source/tools/amalgamate" "$folder/plain" && "$source/tools/amalgamate" --prefix vm_ "$folder/prefixed" || exit 1
failed=0 parts=0
for part in "$folder"/plain/*.c; do
	parts=$((parts + 1))
	"$cc" -std=c17 -Os -Wall -Wextra -Werror -c -o "$folder/part.o" "$part" || { echo "FAILED: $part"; failed=1; continue; }
	size "$folder/part.o"
done
cd "$folder/prefixed" || exit 1
"$cc" -std=c17 -O1 -Wall -Wextra -Werror -I. -o program "$source/tests/install/amalgamated.c" maple_tree.c rbtree.c \
	interval_tree.c -pthread && ./program || failed=1
echo "$parts parts"
[ "$parts" -ge 4 ] && [ "$failed" -eq 0 ]
