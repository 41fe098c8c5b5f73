#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fuzz/oss-fuzz/build.sh as that service calls it, with clang: every target of fuzz/README.md lies in OUT with the seeds and the
# dictionary that it has, finds its libraries there, and runs its seeds. Prints TAP.
# usage: oss_fuzz.sh SOURCE_FOLDER
set -u
source=$1
command -v clang >/dev/null || { echo "1..0 # SKIP there is no clang"; exit 0; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
. "$(dirname "$0")/tap.sh"
mkdir "$folder/made" "$folder/work"
# As there, but for -O1: the programs are only begun.
flags="-g1 -O0 -fno-omit-frame-pointer -fsanitize=address -fsanitize-address-use-after-scope -fsanitize=fuzzer-no-link"
built() {
	cd "$source" && OUT=$folder/made WORK=$folder/work SRC=$source CC=clang CFLAGS=$flags SANITIZER=address \
		LIB_FUZZING_ENGINE=-fsanitize=fuzzer fuzz/oss-fuzz/build.sh
}
starts() { # target
	local program=$folder/made/fuzz_$1 seeds=$folder/seeds-$1 dictionary=()
	mkdir "$seeds"
	if [ -d "$source/fuzz/corpus/$1" ]; then
		python3 -m zipfile -e "${program}_seed_corpus.zip" "$seeds" || return 1
		diff -r "$source/fuzz/corpus/$1" "$seeds" || return 1
	fi
	[ ! -f "$source/fuzz/$1.dict" ] || dictionary=("-dict=$program.dict")
	# What is not there is the C library's or the compiler's.
	! ldd "$program" | awk '$3 ~ /^\//' | grep -v "$folder/made/lib/" | grep -vE '^\s*lib(c|m|gcc_s|pthread|dl|rt|resolv)\.so' || return 1
	"$program" -runs=200 -max_len=4096 -close_fd_mask=1 "${dictionary[@]}" "$seeds"
}
ok "every target is built" built
for target in $(grep -oP '^\| `\K[^|]*(?=\|)' "$source/fuzz/README.md" | tr -d '`,'); do
	ok "$target starts with its seeds" starts "$target"
done
ok "nothing is left in WORK" rmdir "$folder/work"
tap_ends
