#!/usr/bin/env bash
# Every process that carries calls out has a limit of the processor's time, a child that a call forks too, as strace sees them.
#
# usage: time_limit.sh KERNEL_ORACLE CASE    (CASE: it forks); exit status 77 without a strace that may trace
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
strace -o /dev/null true 2>"$folder/why" || { cat "$folder/why"; exit 77; }
strace -ff -e trace=getpid,setitimer -o "$folder/log" "$1" --replay "$2" >"$folder/out" 2>&1 || { cat "$folder/out"; exit 1; }
first=$(grep -L 'setitimer(ITIMER_PROF, .*tv_sec=60' "$folder"/log.* | wc -l)
limited=$(grep -l 'setitimer(ITIMER_PROF, .*tv_sec=60' "$folder"/log.* | wc -l)
# The oracle itself has none: it is alone with that.
[ "$first" = 1 ] && [ "$limited" -ge 2 ] || { echo "$first without a limit, $limited with one"; exit 1; }
