#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What SECURITY.md says of the binaries is so: position-independent, full RELRO, no executable stack, stack protectors, checked
# buffers, and code that can only be jumped to where it begins.
# usage: hardened.sh OPTIMISED BINARY...    OPTIMISED: yes or no
set -u
failed=0 optimised=$1
shift
for binary in "$@"; do
	want() { readelf "$1" -W "$binary" | grep -qE "$2" || { echo "$binary: no $3"; failed=1; }; }
	want -h 'Type: +DYN' 'position-independent code'
	want -l 'GNU_RELRO' 'RELRO'
	want -d 'BIND_NOW|Flags:.*NOW' 'binding at start, so RELRO is not full'
	want -l 'GNU_STACK.* RW +0x' 'stack that is not executable'
	want --dyn-syms '__stack_chk_fail' 'stack protector'
	[ "$optimised" = no ] || want --dyn-syms '__(read|snprintf|vsnprintf|memcpy|fprintf|printf)_chk' 'buffers that are checked'
	# Where an indirect branch may go: any function that another file may call begins so.
	case $(readelf -h "$binary") in *X86-64*) ;; *) continue ;; esac
	marked=$(objdump -d --no-show-raw-insn "$binary" | grep -c endbr64)
	[ "$marked" -ge 500 ] || { echo "$binary: $marked places where an indirect branch may go"; failed=1; }
done
exit $failed
