#!/bin/sh
# A program whose thread waits in the kernel for another thread's mapping does not hang under vmaple, and the recording
# says that an order is not certain.
"$2" || exit $?
out=$(timeout 40 "$1" run --json -- "$2") || { echo "it hung, or failed: $?"; exit 1; }
echo "$out"
case $out in
*"brought and locked"*'"differences":0'*) ;;
*) echo "unexpected"; exit 1 ;;
esac
case $out in
*'"lost":0'* | *'"lost_events":0'*) echo "nothing was said about the order"; exit 1 ;;
esac
