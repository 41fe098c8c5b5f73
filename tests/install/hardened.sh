#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What SECURITY.md says of the binaries is so: position-independent, full RELRO, no executable stack, stack protectors.
# usage: hardened.sh BINARY...
set -u
failed=0
for binary in "$@"; do
	want() { readelf "$1" -W "$binary" | grep -qE "$2" || { echo "$binary: no $3"; failed=1; }; }
	want -h 'Type: +DYN' 'position-independent code'
	want -l 'GNU_RELRO' 'RELRO'
	want -d 'BIND_NOW|Flags:.*NOW' 'binding at start, so RELRO is not full'
	want -l 'GNU_STACK.* RW +0x' 'stack that is not executable'
	want --dyn-syms '__stack_chk_fail' 'stack protector'
done
exit $failed
