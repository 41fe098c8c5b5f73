#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The engine and the trees, amalgamated, on other hosts: C23, a program that is static and position-independent, musl, POSIX
# without Linux's calls as on macOS, i386, Windows by mingw-w64. Each is compiled without a warning and, but for Windows where there
# is no Wine, run; and the rooms become objects of macOS. Prints TAP.
# usage: hosts.sh SOURCE_FOLDER
set -u
source=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
. "$(dirname "$0")/tap.sh"
skip() { # command, package, what
	command -v "$1" >/dev/null && return 1
	n=$((n + 1))
	echo "ok $n - $3 # SKIP there is no $1 (Debian: $2)"
}
# compiled FORM COMMAND...: every part, and the program of tests/install/own_names.c.  Unoptimised: what gcc and clang see only as
# they optimise, amalgamated.sh shows.
compiled() {
	local part
	cd "$folder/$1" || return 1
	shift
	for part in *.c; do "$@" -O0 -Wall -Wextra -Werror -c -o "${part%.c}.o" "$part" || return 1; done
	"$@" -Wall -Wextra -Werror -I. -o program "$source/tests/install/own_names.c" vmaple.o -pthread
}
runs() { compiled "$@" && ./program; }
"$source/tools/amalgamate" "$folder/plain" && "$source/tools/amalgamate" --llp64 "$folder/llp64" || exit 1

ok "C23" runs plain gcc -std=c2x -Wpedantic
ok "static and position-independent" runs plain gcc -std=c17 -static-pie -fPIE
skip musl-gcc musl-tools "musl" || ok "musl, static" runs plain musl-gcc -std=c17 -static
# Headers that only Linux has, or another C library has not.
mkdir -p "$folder/poison/sys" "$folder/poison/linux"
for header in sys/syscall.h sys/prctl.h sys/sdt.h linux/futex.h linux/userfaultfd.h malloc.h; do
	echo '#error "a header of Linux"' >"$folder/poison/$header"
done
ok "POSIX without Linux" runs plain gcc -std=gnu17 -U__linux__ -isystem "$folder/poison"

macos() { # target
	local room file include
	include=$(clang -print-resource-dir)/include
	for room in base range_map trees/maple trees/rbtree trees/interval_tree trees/prio_tree trees/interval_map mm rmap paging; do
		for file in "$source/lib/$room"/*.c; do
			clang --target="$1" -std=gnu17 -ffreestanding -nostdinc -isystem "$include" -DVMAPLE_RCU_NONE '-DVMAPLE_VERSION="0"' \
				-I"$source/include" -I"$source/lib/base" -Wall -Wextra -Wno-unused-parameter -Werror -c "$file" -o "$folder/object.o" || return 1
		done
	done
}
for target in arm64-apple-macos11 x86_64-apple-macos11; do
	skip clang clang "$target" || ok "objects for $target" macos $target
done

# Where long has 32 bits: the form for it means the same where it has 64.
ok "words of long long" runs llp64 gcc -std=gnu17
i386() { compiled llp64 i686-linux-gnu-gcc -std=gnu17 -static && qemu-i386 ./program; }
skip i686-linux-gnu-gcc gcc-i686-linux-gnu "a machine of 32 bits" || skip qemu-i386 qemu-user "a machine of 32 bits" ||
	ok "a machine of 32 bits" i386
windows=x86_64-w64-mingw32-gcc-posix
if ! skip $windows gcc-mingw-w64-x86-64-posix "Windows"; then
	ok "Windows, by mingw-w64" compiled llp64 $windows -std=gnu17 -static
	wine=$(compgen -G '/usr/lib/wine/wine64' || command -v wine64 wine | head -1)
	n=$((n + 1))
	if [ -z "$wine" ]; then echo "ok $n - Windows, run # SKIP there is no wine (Debian: wine64)"
	else
		n=$((n - 1))
		ok "Windows, run by Wine" env WINEPREFIX="$folder/wine" WINEDEBUG=-all timeout 200 "$wine" "$folder/llp64/program.exe"
	fi
fi
tap_ends
