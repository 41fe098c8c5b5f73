#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Minidumps, made here byte by byte as they are documented, and what is said of bad ones.

usage: minidumps.py VMAPLE

Prints TAP.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE = os.path.abspath(sys.argv[1])
MAPS, INFO, LIST, LIST64, SYSTEM_INFO = 0x47670009, 16, 5, 9, 7
COMMIT, RESERVE, FREE = 0x1000, 0x2000, 0x10000
READONLY, READWRITE, EXECUTE_READ = 2, 4, 0x20


def dump(*streams):
    """streams: (type, bytes)"""
    at = 32 + 12 * len(streams)
    table, data = b"", b""
    for kind, content in streams:
        table += struct.pack("<III", kind, len(content), at + len(data))
        data += content
    return struct.pack("<IIIIIIQ", 0x504D444D, 0xA793, len(streams), 32, 0, 0, 0) + table + data


def info(*regions):
    """regions: (base, size, state, protect)"""
    return struct.pack("<IIQ", 16, 48, len(regions)) + b"".join(
        struct.pack("<QQIIQIIII", base, base, protect, 0, size, state, protect, 0x20000, 0)
        for base, size, state, protect in regions)


def with_dump(data, *command):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.dmp")
        with open(path, "wb") as f:
            f.write(data)
        return subprocess.run([VMAPLE, *command, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=60)


def areas(data):
    r = with_dump(data, "maps")
    assert r.returncode == 0, r.stderr
    return [" ".join(line.split()) for line in r.stdout.splitlines()]


TEXT = (b"00400000-00401000 r-xp 00001000 08:01 7 /bin/x y\n7f0000000000-7f0000002000 rw-s 00000000 00:05 9 /dev/shm/z\n"
        b"7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]\n")
REGIONS = info((0x10000, 0x1000, COMMIT, READONLY), (0x11000, 0x3000, FREE, 0), (0x20000, 0x2000, COMMIT, EXECUTE_READ),
               (0x22000, 0x2000, RESERVE, 0), (0x24000, 0x1000, COMMIT, READWRITE))
OF_REGIONS = ["00010000-00011000 r--p 00000000 00:00 0", "00020000-00022000 r-xp 00000000 00:00 0",
              "00022000-00024000 ---p 00000000 00:00 0", "00024000-00025000 rw-p 00000000 00:00 0"]


def maps_of_linux_are_taken_first(_folder):
    got = areas(dump((SYSTEM_INFO, b"x" * 56), (INFO, REGIONS), (MAPS, TEXT), (LIST, struct.pack("<I", 0))))
    assert got == ["00400000-00401000 r-xp 00001000 08:01 7 /bin/x y", "7f0000000000-7f0000002000 rw-s 00000000 00:05 9 "
                   "/dev/shm/z", "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]"], got


def the_memory_info_list_has_regions_and_protections(_folder):
    got = areas(dump((INFO, REGIONS)))
    assert got == OF_REGIONS, got


def saved_memory_is_counted_as_uncertain(_folder):
    data = dump((LIST, struct.pack("<I", 2) + struct.pack("<QII", 0x20000, 0x1000, 0) + struct.pack("<QII", 0x30010, 0x20, 0)))
    assert areas(data) == ["00020000-00021000 rw-p 00000000 00:00 0", "00030000-00031000 rw-p 00000000 00:00 0"], areas(data)
    r = with_dump(data, "import", "--json", "-o", "/dev/null")
    assert any("what it saved" in d["what"] for d in json.loads(r.stdout)["uncertain"]), r.stdout


def the_list_of_a_full_dump_is_read(_folder):
    data = dump((LIST64, struct.pack("<QQ", 1, 0) + struct.pack("<QQ", 0x7F0000000000, 0x3000)))
    assert areas(data) == ["7f0000000000-7f0000003000 rw-p 00000000 00:00 0"], areas(data)


def bad(data, words):
    r = with_dump(data, "maps")
    assert r.returncode == 3 and r.stderr.count("\n") == 1 and words in r.stderr, (r.returncode, r.stderr)


def lists_that_count_more_than_they_have_are_refused(_folder):
    bad(dump((INFO, struct.pack("<IIQ", 16, 48, 1 << 60))), "memory info list is too short")
    bad(dump((INFO, struct.pack("<IIQ", 16, 0, 1))), "memory info list is too short")
    bad(dump((LIST64, struct.pack("<QQ", 1 << 60, 0))), "memory list is too short")
    bad(dump((SYSTEM_INFO, b"")), "neither maps nor a list of memory")


def a_dump_that_is_cut_is_refused_at_any_byte(_folder):
    whole = dump((SYSTEM_INFO, b"x" * 56), (INFO, REGIONS))
    for cut in range(4, len(whole), 7):
        r = with_dump(whole[:cut], "maps")
        assert r.returncode == 3 and r.stderr.count("\n") == 1, (cut, r.returncode, r.stderr)


def damaged_bytes_crash_nothing(_folder):
    rnd = random.Random(1)
    for kinds in ((INFO, REGIONS), (MAPS, TEXT)):
        whole = bytearray(dump((SYSTEM_INFO, b"x" * 8), kinds))
        for _ in range(100):
            data = bytearray(whole)
            for _ in range(rnd.randint(1, 4)):
                data[rnd.randrange(4, len(data))] = rnd.randrange(256)
            r = with_dump(bytes(data), "maps")
            assert r.returncode in (0, 1, 3), (r.returncode, r.stderr, bytes(data))


run_cases(maps_of_linux_are_taken_first, the_memory_info_list_has_regions_and_protections,
          saved_memory_is_counted_as_uncertain, the_list_of_a_full_dump_is_read,
          lists_that_count_more_than_they_have_are_refused, a_dump_that_is_cut_is_refused_at_any_byte,
          damaged_bytes_crash_nothing)
