#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recording is replayed as the kernel that it comes from, and says so where that is none that is known.

usage: kernels.py VMAPLE MAKE_RECORDING

Each kernel's recording has a move over two areas, which came with 6.17, and one of a file's written memory, as 7.3 does it,
with what that kernel makes of them; with what the others make of them it differs, or is uncertain for what a truncation
could have done.  Prints TAP.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE, MAKE = (os.path.abspath(path) for path in sys.argv[1:3])
A, B, F, G = 0x7f0000000000, 0x7f0000010000, 0x7f0000020000, 0x7f0000030000
NEWEST = "7.3"
# Release, and as which it is replayed.
OWN = [(f"{series}.200-1-cloud-amd64", series) for series in
       ("5.10", "5.15", "6.1", "6.6", "6.12", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3")]
EARLIER = [("6.1.94", "6.1.0"), ("6.12.41-1", "6.12.0"), ("6.18.15+deb13-cloud-amd64", "6.18.0"), ("7.2.6", "7.2.0")]
OTHERS = [("5.4.0-200-generic", "5.10"), ("5.19.17", "5.15"), ("6.5.13", "6.1.0"), ("6.8.0-60-generic", "6.6"), ("6.15.2", "6.12.0")]
NEWER = [("7.4.0-rc1", NEWEST), ("7.12.1", NEWEST), ("8.0.3", NEWEST)]


def number(series):
    return tuple(int(n) for n in series.split(".")[:2])


def call(name, *args, result, file=""):
    return "call %s %s = %#x%s" % (name, " ".join("%#x" % a for a in args + (0,) * (6 - len(args))), result, file)


def area(start, pages, prot, offset=None):
    file = "%08x 08:01 77 /data" % offset if offset is not None else "00000000 00:00 0"
    return "%x-%x %sp %s" % (start, start + pages * 4096, prot, file)


def recording(release, several, apart):
    """@several: two areas move at once. @apart: what was written of a file keeps apart what was not."""
    if several:
        moved = [area(B, 1, "rw-"), area(B + 4096, 1, "r--")]
    else:
        moved = [area(A, 1, "rw-"), area(A + 4096, 1, "r--")]
    if apart:
        of_file = [area(G, 2, "rw-", 0), area(G + 8192, 2, "rw-", 8192)]
    else:
        of_file = [area(G, 4, "rw-", 0)]
    return ["header kernel " + release, "begin", "file 1 0 08:01 77 /data",
            call("mmap", A, 0x2000, 3, 0x32, result=A),
            call("mprotect", A + 4096, 0x1000, 1, result=0),
            call("mremap", A, 0x2000, 0x2000, 3, B, result=B if several else -14),
            call("mmap", F, 0x4000, 3, 0x12, 3, 0, result=F, file=" file 1"),
            call("mprotect", F + 8192, 0x2000, 1, result=0), "write %#x" % F,
            call("mremap", F, 0x2000, 0x2000, 3, G, result=G),
            call("mprotect", F + 8192, 0x2000, 3, result=0),
            call("mremap", F + 8192, 0x2000, 0x2000, 3, G + 8192, result=G + 8192), "map"] + moved + of_file


def verify(folder, lines):
    """What `verify` says, as JSON and in words."""
    path = os.path.join(folder, "kernel.vmt")
    subprocess.run([MAKE, path], input="\n".join(lines) + "\n", text=True, check=True, timeout=20)
    as_json, plain = (subprocess.run([VMAPLE, "verify", *option, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                                     if not option else subprocess.DEVNULL, text=True, check=False, timeout=20).stdout
                      for option in (["--json"], []))
    return json.loads(as_json), plain


def check(folder, release, series, says):
    as_it_is = (number(series) >= (6, 17), number(series) >= (7, 3))
    for several in (False, True):
        for apart in (False, True):
            found, words = verify(folder, recording(release, several, apart))
            assert found["replayed_as"] == series, "%s as %s" % (release, found["replayed_as"])
            good = (several, apart) == as_it_is
            assert (found["differences"] + found["uncertain"] == 0) == good, "%s, %s: %s" % (release, (several, apart), words)
            line = " ".join(("kernel %s is %s: replayed as %s" % (release, says, series)).split()) if says else "replayed as"
            assert (line in " ".join(words.split())) == bool(says), "%s says: %s" % (release, words)


def each_series_as_itself(folder):
    for release, series in OWN:
        check(folder, release, series, None)


def a_release_as_its_series_was_then(folder):
    for release, profile in EARLIER:
        check(folder, release, profile, None)


def a_series_between_two_as_the_older_one(folder):
    for release, series in OTHERS:
        check(folder, release, series, "none that is known")


def a_kernel_newer_than_all_as_the_newest(folder):
    for release, series in NEWER:
        check(folder, release, series, "newer than all that are known")


run_cases(each_series_as_itself, a_release_as_its_series_was_then, a_series_between_two_as_the_older_one, a_kernel_newer_than_all_as_the_newest)
