#!/usr/bin/env bash
# The trace points that docs/maple-tree.md lists are those that the library has, with as many arguments.
# usage: probes.sh LIBRARY DOCUMENT HEADER     (HEADER: yes when the library was built with <sys/sdt.h>)
set -eu
command -v readelf >/dev/null || { echo "readelf is not here"; exit 77; }
[ "$3" = yes ] || { echo "built without <sys/sdt.h> (Debian: systemtap-sdt-dev): there are no trace points"; exit 77; }

# "name number-of-arguments", from notes such as "Name: maple_store" and "Arguments: 8@%rax 4@%edi"
there=$(readelf -n "$1" | awk '/Provider:/ { ours = $2 == "vmaple" } /Name:/ { name = $2 }
	/Arguments:/ && ours { print name, NF - 1 }' | sort -u)
# the same, from rows such as "| `maple_store` | tree, first, last, entry | when |"
listed=$(awk -F'|' '/^\| `maple_[a-z]*` \|/ { gsub(/[` ]/, "", $2); print $2, split($3, a, ",") }' "$2" | sort)
echo "in the library:"
echo "$there"
[ -n "$there" ] && [ "$there" = "$listed" ] && exit 0
echo "in the document:"
echo "$listed"
exit 1
