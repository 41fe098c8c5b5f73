#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Trees, address space, reverse maps and paging compile for a host of another architecture, without a warning: what a
# guest's flag means does not come from that host's headers.
# usage: cross.sh SOURCE_FOLDER VERSION
set -u
source=$1 version=$2 cc=aarch64-linux-gnu-gcc
command -v $cc >/dev/null || { echo "there is no $cc (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross)"; exit 77; }
flags=(-std=gnu17 -D_GNU_SOURCE "-DVMAPLE_VERSION=\"$version\"" -DVMAPLE_RCU_NONE -I"$source/include" -I"$source/lib/base"
	-Wall -Wextra -Wno-unused-parameter -Werror -fsyntax-only)
failed=0 files=0
# The indexes other than the project's own have flags of their own (lib/mm/meson.build).
while read -r file; do
	files=$((files + 1))
	$cc "${flags[@]}" "$file" || { echo "FAILED: $file"; failed=$((failed + 1)); }
done < <(find "$source/lib" -name '*.c' ! -path '*/mm/index/*')
echo "$files files for aarch64, $failed failed"
[ "$files" -gt 0 ] && [ "$failed" -eq 0 ]
