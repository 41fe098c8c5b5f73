#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The binary interface is the one that lib/libvmaple.so.0.abi.xz has, or one with more: docs/abi.md. And a library without one of
# its functions, or with a public struct that grew, is told from it. Prints TAP.
# usage: abi.sh SOURCE_FOLDER LIBRARY CC
set -u
source=$1 library=$2 cc=$3
command -v abidiff >/dev/null || { echo "1..0 # SKIP there is no abidiff (Debian: abigail-tools)"; exit 0; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
n=0
result() { n=$((n + 1)); [ "$1" -eq 0 ] && echo "ok $n - $2" || { echo "not ok $n - $2"; sed 's/^/# /' "$folder/out"; }; }
"$source/tools/abi" check "$library" >"$folder/out" 2>&1
status=$?
[ $status -ne 77 ] || { echo "1..0 # SKIP $(cat "$folder/out")"; exit 0; }
result $status "programs that were linked with the release run with this library"

# The same symbols without types, but for one that is gone.
nm -D --defined-only "$library" | awk '$2 == "T" && $3 != "mm_munmap" { sub(/@.*/, "", $3); print "void " $3 "(void) { }" }' \
	>"$folder/stub.c"
"$cc" -g -shared -fPIC -fvisibility=default -o "$folder/stub.so" "$folder/stub.c" || exit 1
"$source/tools/abi" check "$folder/stub.so" >"$folder/out" 2>&1
[ $? -eq 1 ] && grep -q "mm_munmap" "$folder/out"
result $? "a library without mm_munmap() is told"

for kind in as_is grown; do
	cp -r "$source/include" "$folder/$kind"
	[ $kind = as_is ] || sed -i 's/^struct mmap_request {/&\n\tlong more;/' "$folder/$kind/vmaple/mm.h"
	printf '#include <vmaple/mm.h>\nunsigned long mm_mmap(struct mm_struct *mm, const struct mmap_request *req)\n%s\n' \
		'{ return mm && req; }' >"$folder/one.c"
	"$cc" -g -shared -fPIC -I"$folder/$kind" -o "$folder/$kind.so" "$folder/one.c" || exit 1
done
"$source/tools/abi" dump "$folder/as_is.so" "$folder/dump" && "$source/tools/abi" check "$folder/as_is.so" "$folder/dump" >"$folder/out" 2>&1
result $? "a library is as its own dump"
"$source/tools/abi" check "$folder/grown.so" "$folder/dump" >"$folder/out" 2>&1
[ $? -eq 1 ] && grep -q "mmap_request" "$folder/out"
result $? "a request that grew is told"
echo "1..$n"
