#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Build every fuzz target with its seeds and dictionary, as OSS-Fuzz's base-builder calls it: from the sources' folder, with CC,
# CFLAGS (its sanitizer's and -fsanitize=fuzzer-no-link), LIB_FUZZING_ENGINE and OUT set.  Needs the packages of
# `tools/install-deps build` and `test`.
#
# usage: OUT=FOLDER fuzz/oss-fuzz/build.sh [TARGET...]      default: all of them
set -eu
: "${OUT:?is where the targets go}" "${CC:=clang}" "${CFLAGS:=-g -O1 -fsanitize=address,undefined}"
export CC CFLAGS
[ $# -gt 0 ] || set -- maple rbtree interval_tree prio_tree range_map embedder guest recording import
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The sanitizer is in CFLAGS: Meson is told, so that it links as one has to.
meson setup "$work" -Ddefault_library=static -Dchecks=true -Db_lundef=false -Db_sanitize=address,undefined >"$work.log"
rm -f "$work.log"
ninja -C "$work" --quiet "${@/#/fuzz/fuzz_}"
for target; do
	cp "$work/fuzz/fuzz_$target" "$OUT/"
	[ ! -d "fuzz/corpus/$target" ] || (cd "fuzz/corpus/$target" && python3 -m zipfile -c "$OUT/fuzz_${target}_seed_corpus.zip" *)
	[ ! -f "fuzz/$target.dict" ] || cp "fuzz/$target.dict" "$OUT/fuzz_$target.dict"
done
