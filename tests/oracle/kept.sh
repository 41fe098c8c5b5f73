#!/usr/bin/env bash
# A sequence that differs is kept where the oracle was started, by a name that it says, and differs again; nowhere else.
#
# Linux 6.1 as the engine has it is not the kernel that runs here: exit status 77 if it is.
# usage: kept.sh KERNEL_ORACLE
set -u
oracle=$(realpath "$1")
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/here" "$folder/tmp" && cd "$folder/here" || exit 1
TMPDIR=$folder/tmp "$oracle" --profile 6.1 --calls 50000 --seed 1 >"$folder/out" 2>&1
status=$?
if [ $status = 0 ]; then
	echo "nothing differs between this kernel and the engine's Linux 6.1"
	exit 77
fi
kept=$(sed -n 's/.*kept in //p' "$folder/out")
[ $status = 1 ] && [ "$(ls)" = "$kept" ] && [ -s "$kept" ] || { echo "status $status, kept \"$kept\", here: $(ls)"; cat "$folder/out"; exit 1; }
[ -z "$(ls "$folder/tmp")" ] || { echo "left behind: $(ls "$folder/tmp")"; exit 1; }
"$oracle" --profile 6.1 --replay "$kept" >"$folder/again"
[ $? = 1 ] || { echo "replayed, it does not differ"; cat "$kept" "$folder/again"; exit 1; }
exit 0
