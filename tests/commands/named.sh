#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the Makefile runs by name is there: each pattern names tests, and one that names none is a failure.
#
# usage: named.sh SOURCE_FOLDER
set -u
cd "$1" || exit 1
fail() { echo "$*"; exit 1; }

patterns=$(sed -n "s/.*run-tests named '\(.*\)'.*/\1/p" Makefile tools/make.d/*.mk)
[ "$(wc -l <<<"$patterns")" -ge 4 ] || fail "the Makefile runs fewer tests by name than there were: $patterns"
while read -r pattern; do
	names=$(tools/test-list --names "$pattern") || fail "$names"
	[ -n "$names" ] || fail "nothing is called $pattern"
	[ -n "$(tools/test-list --targets-of "$(head -1 <<<"$names")")" ] || [[ $pattern != oracle* ]] || fail "nothing is built for $pattern"
done <<<"$patterns"
tools/test-list --names 'nothing is called so*' 2>&1 | grep -q '^FAILED: no test' || fail "a pattern without a test passes"
tools/test-list --names 'nothing is called so*' 2>/dev/null && fail "a pattern without a test ends with 0"
# Meson's own words for it run nothing and are content.
grep -n 'meson test.*\*' Makefile tools/make.d/*.mk && fail "Meson 1.0 knows no patterns"
echo "each pattern names tests"
