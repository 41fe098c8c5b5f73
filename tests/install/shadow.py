#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What examples/shadow.c prints, beside what this kernel makes of the same calls; and that a wrong errno ends it.

usage: shadow.py TESTS_COMMON PROGRAM PROGRAM_WITH_A_WRONG_ERRNO
"""
import ctypes
import errno
import mmap
import re
import subprocess
import sys

sys.path.insert(0, sys.argv[1])
import tap  # noqa: E402

SHADOW, WRONG = sys.argv[2:4]
PAGE, SIZE, PROT_NONE = 4096, 65536, 0
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def areas(lines, start, end):
    """Of lines as /proc/PID/maps has them: where from @start each begins and ends, and its access."""
    found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ", "\n".join(lines), re.M)
    found = [(int(lo, 16), int(hi, 16), access) for lo, hi, access in found]
    return [(lo - start, hi - start, access) for lo, hi, access in found if start <= lo < end]


def said():
    """The program's sentences, each with the lines of the map that follow it."""
    run = subprocess.run([SHADOW], stdout=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 0, "status %d" % run.returncode
    sentences = []
    for line in run.stdout.splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            sentences[-1][1].append(line)
        else:
            sentences.append((line, []))
    return sentences


def of_the_kernel(start):
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        return areas(maps.read().splitlines(), start, start + SIZE)


def the_kernel_makes_the_same_areas_of_the_same_calls(_folder):
    if mmap.PAGESIZE != PAGE:
        raise tap.Skip("the example counts in pages of 4 KiB")
    (first, before), _, (_, after) = said()
    assert first == "after mprotect of the second page:", first
    start = int(before[0].split("-")[0], 16)
    # In a hole of its own: nothing is there that it could join.
    hole = LIBC.mmap(None, 3 * SIZE, PROT_NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    assert LIBC.munmap(hole, 3 * SIZE) == 0
    addr = LIBC.mmap(hole + SIZE, SIZE, mmap.PROT_READ | mmap.PROT_WRITE,
                     mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100000, -1, 0)  # MAP_FIXED_NOREPLACE
    assert addr == hole + SIZE
    ctypes.memset(addr, 1, 1)
    assert LIBC.mprotect(addr + PAGE, PAGE, mmap.PROT_READ) == 0
    assert areas(before, start, start + SIZE) == of_the_kernel(addr), (before, of_the_kernel(addr))
    assert LIBC.mprotect(addr + SIZE - PAGE, 2 * PAGE, PROT_NONE) == -1 and ctypes.get_errno() == errno.ENOMEM
    assert areas(after, start, start + SIZE) == of_the_kernel(addr), (after, of_the_kernel(addr))
    LIBC.munmap(addr, SIZE)


def it_says_why_and_what_the_last_call_answered(_folder):
    sentences = [sentence for sentence, _ in said()]
    assert sentences[1:] == ["why two: vm_flags differ", "mprotect beyond the end: ENOMEM, and the last page has changed"], \
        sentences


def a_wrong_errno_ends_it(_folder):
    run = subprocess.run([WRONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 1, "status %d" % run.returncode
    assert "mprotect beyond the end: -22," in run.stderr and "ENOMEM, and" not in run.stdout, run.stderr


tap.run_cases(the_kernel_makes_the_same_areas_of_the_same_calls, it_says_why_and_what_the_last_call_answered,
              a_wrong_errno_ends_it)
