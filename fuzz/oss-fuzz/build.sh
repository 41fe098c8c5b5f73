#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Build every fuzz target with its seeds and dictionary, as OSS-Fuzz's base-builder calls it: from the sources' folder, with CC,
# CFLAGS (its sanitizer's and -fsanitize=fuzzer-no-link), SANITIZER, WORK and OUT set.  Needs the packages of
# `tools/install-deps build` and `test`; the shared libraries that targets use go to $OUT/lib, where they look for them.
#
# usage: OUT=FOLDER [WORK=FOLDER] fuzz/oss-fuzz/build.sh [TARGET...]      default: all of them
set -eu
: "${OUT:?is where the targets go}" "${CC:=clang}" "${CFLAGS:=-g -O1 -fsanitize=address,undefined}" "${SANITIZER:=address,undefined}"
# Without new tags it is there for the libraries' own, too.
LDFLAGS="${LDFLAGS-} -Wl,--disable-new-dtags,-rpath,\$ORIGIN/lib"
export CC CFLAGS LDFLAGS
[ $# -gt 0 ] || set -- maple rbtree interval_tree prio_tree interval_map range_map embedder guest recording import
work=$(mktemp -d -p "${WORK-${TMPDIR-/tmp}}")
trap 'rm -rf "$work"' EXIT
# The sanitizer is in CFLAGS: Meson is told, so that it links as one has to.
meson setup "$work/build" -Ddefault_library=static -Dchecks=true -Db_lundef=false -Db_sanitize="$SANITIZER" >"$work/log" ||
	{ cat "$work/log" >&2; exit 1; }
ninja -C "$work/build" --quiet "${@/#/fuzz/fuzz_}"
mkdir -p "$OUT/lib"
for target; do
	cp "$work/build/fuzz/fuzz_$target" "$OUT/"
	# Those of the C library and the compiler are the runner's own.
	ldd "$OUT/fuzz_$target" | awk '$3 ~ /^\// && $1 !~ /^(libc|libm|libgcc_s|libpthread|libdl|librt|libresolv)\.so/ { print $3 }' |
		xargs -r cp -nL -t "$OUT/lib"
	[ ! -d "fuzz/corpus/$target" ] || (cd "fuzz/corpus/$target" && python3 -m zipfile -c "$OUT/fuzz_${target}_seed_corpus.zip" ./*)
	[ ! -f "fuzz/$target.dict" ] || cp "fuzz/$target.dict" "$OUT/fuzz_$target.dict"
done
