#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cores, made here byte by byte as elf(5) describes them, and what is said of bad ones.

usage: cores.py VMAPLE

Prints TAP.
"""
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE = os.path.abspath(sys.argv[1])
PT_LOAD, PT_NOTE, NT_FILE, ET_CORE, NT_AUXV, AT_PAGESZ = 1, 4, 0x46494C45, 4, 6, 6


def core(loads, files, elf_class=2, kind=ET_CORE, cut=None, page=None):
    """loads: (start, end, flags), files: (start, end, offset in pages, name)"""
    note = struct.pack("<QQ", len(files), 4096)
    note += b"".join(struct.pack("<QQQ", *f[:3]) for f in files)
    note += b"".join(f[3].encode() + b"\0" for f in files)
    notes = struct.pack("<III", 5, len(note), NT_FILE) + b"CORE\0\0\0\0" + note + b"\0" * (-len(note) % 4)
    at = 64 + 56 * (len(loads) + 1)
    if page:
        vector = struct.pack("<QQQQQQ", 16, 0xff, AT_PAGESZ, page, 0, 0)
        notes = struct.pack("<III", 5, len(vector), NT_AUXV) + b"CORE\0\0\0\0" + vector + notes
    header = b"\x7fELF" + bytes([elf_class, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, 64, 0, 0, 64, 56, len(loads) + 1, 0, 0, 0)
    table = struct.pack("<IIQQQQQQ", PT_NOTE, 0, at, 0, 0, len(notes), 0, 4)
    for start, end, flags in loads:
        table += struct.pack("<IIQQQQQQ", PT_LOAD, flags, at + len(notes), start, 0, 0, end - start, 4096)
    return (header + table + notes)[:cut]


def vmaple(*command):
    return subprocess.run([VMAPLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=60)


def with_core(data, *command):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "core")
        with open(path, "wb") as f:
            f.write(data)
        return vmaple(*command, path)


LOADS = [(0x400000, 0x401000, 5), (0x401000, 0x402000, 6), (0x7F0000000000, 0x7F0000010000, 6)]
FILES = [(0x400000, 0x401000, 0, "/bin/x"), (0x401000, 0x402000, 1, "/bin/x")]


def a_core_has_the_areas_of_its_segments(_folder):
    r = with_core(core(LOADS, FILES), "maps")
    assert r.returncode == 0, r.stderr
    got = [" ".join(line.split()) for line in r.stdout.splitlines()]
    assert got == ["00400000-00401000 r-xp 00000000 00:00 1 /bin/x", "00401000-00402000 rw-p 00001000 00:00 1 /bin/x",
                   "7f0000000000-7f0000010000 rw-p 00000000 00:00 0"], got


def what_is_not_in_a_core_is_said(_folder):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "core")
        with open(path, "wb") as f:
            f.write(core(LOADS, FILES))
        r = vmaple("import", "-o", os.path.join(folder, "out.vmt"), path)
    assert r.returncode == 0 and "which areas were shared is not in a core" in r.stdout, r.stdout


def an_area_of_the_note_alone_is_one_that_can_be_read(_folder):
    note = FILES + [(0x500000, 0x502000, 3, "/lib/y"), (0x501000, 0x503000, 3, "/over/another"),
                    (0x3FF000, 0x401000, 3, "/over/a/segment")]
    r = with_core(core(LOADS, note), "maps")
    assert r.returncode == 0, r.stderr
    got = [" ".join(line.split()) for line in r.stdout.splitlines()]
    assert len(got) == 4 and got[2] == "00500000-00502000 r--p 00003000 00:00 3 /lib/y", got


def memory_that_is_always_shared_is_so(_folder):
    r = with_core(core(LOADS, [(0x7F0000000000, 0x7F0000010000, 0, "/dev/zero (deleted)")]), "maps")
    assert r.returncode == 0 and "7f0000000000-7f0000010000 rw-s" in r.stdout, r.stdout + r.stderr


def the_vector_of_a_core_tells_how_large_pages_are(folder):
    loads = [(0x400000, 0x410000, 5), (0x7F0000000000, 0x7F0000010000, 6)]
    out = os.path.join(folder, "out.vmt")
    for page, told in ((16384, 16384), (65536, 65536), (12345, 4096), (None, 4096)):
        r = with_core(core(loads, [], page=page), "import", "-o", out)
        assert r.returncode == 0, r.stderr
        r = vmaple("sql", "--csv", out, "select page_size from runs")
        assert r.stdout.split() == ["page_size", str(told)], r.stdout + r.stderr


def bad(data, words):
    r = with_core(data, "maps")
    assert r.returncode == 3, (r.returncode, r.stderr)
    assert words in r.stderr and r.stderr.count("\n") == 1, r.stderr


def a_32_bit_core_is_refused(_folder):
    bad(core(LOADS, FILES, elf_class=1), "not the core of a little-endian 64-bit program")


def segments_that_overlap_are_refused(_folder):
    bad(core([LOADS[1], LOADS[0]], []), "overlap")


def a_core_that_is_cut_is_refused_at_any_byte(_folder):
    whole = core(LOADS, FILES)
    for cut in range(20, len(whole) - 1, 7):
        r = with_core(whole[:cut], "maps")
        assert r.returncode == 3 and r.stderr.count("\n") == 1, (cut, r.returncode, r.stderr)


def a_note_that_counts_more_files_than_it_has_is_refused(_folder):
    data = bytearray(core(LOADS, FILES))
    at = data.index(b"CORE\0") + 8
    data[at:at + 8] = struct.pack("<Q", 1 << 60)
    bad(bytes(data), "note of mapped files")


run_cases(a_core_has_the_areas_of_its_segments, an_area_of_the_note_alone_is_one_that_can_be_read,
          memory_that_is_always_shared_is_so, the_vector_of_a_core_tells_how_large_pages_are,
          what_is_not_in_a_core_is_said, a_32_bit_core_is_refused,
          segments_that_overlap_are_refused, a_core_that_is_cut_is_refused_at_any_byte,
          a_note_that_counts_more_files_than_it_has_is_refused)
