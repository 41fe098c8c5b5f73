#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bytehound's server tells of mmap and munmap, through the command lines of docs/import.md.

usage: bytehound.py VMAPLE docs/import.md

The answer of the server is made here, with all the fields that it has.  Prints TAP; skipped where jq is missing.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases, skip_all  # noqa: E402

VMAPLE, PAGE = os.path.abspath(sys.argv[1]), sys.argv[2]
FLAGS = {"is_readable": False, "is_writable": False, "is_executable": False, "is_semaphore": False, "grows_down": False,
         "grows_up": False, "is_shared": False, "is_private": True, "is_fixed": False, "is_anonymous": False,
         "is_uninitialized": False}


def operation(call, pointer, length, nanoseconds, **more):
    body = {"timestamp": {"secs": 5, "fract_nsecs": nanoseconds}, "pointer": pointer, "pointer_s": "%016X" % pointer,
            "length": length, "backtrace_id": 1, "backtrace": [], "thread": 77}
    if call == "mmap":
        body.update(FLAGS, requested_address=0, requested_address_s="0", offset=0, file_descriptor=-1)
        body.update(more)
    return {call: body}


def command():
    """The page's block about bytehound, but for its server and curl."""
    with open(PAGE, encoding="utf-8") as f:
        block = re.search(r"```\nbytehound server[^\n]*\n(.*?)```", f.read(), re.S).group(1)
    return re.sub(r"^curl [^|]*\|", "cat mmaps.json |", block)


def the_map_at_the_end(folder):
    base = 0x7F0000000000
    operations = [
        operation("mmap", base, 8 * 4096, 5, is_readable=True, is_writable=True, is_anonymous=True),
        operation("munmap", base + 4096, 4096, 6),
        operation("mmap", base + 0x100000, 4096, 7, is_readable=True, is_executable=True, file_descriptor=4,
                  offset=8192),
        operation("mmap", base + 2 * 4096, 4096, 8, is_fixed=True, requested_address=base + 2 * 4096,
                  is_anonymous=True, is_shared=True, is_private=False, is_readable=True)]
    with open(os.path.join(folder, "mmaps.json"), "w", encoding="utf-8") as f:
        json.dump({"operations": operations}, f)
    path = "%s:%s" % (os.path.dirname(VMAPLE), os.environ["PATH"])
    r = subprocess.run(["sh", "-ec", command()], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       check=False, env=dict(os.environ, PATH=path))
    assert r.returncode == 0 and not r.stderr, r.stderr
    with open(os.path.join(folder, "program.log"), encoding="utf-8") as f:
        assert f.readline().startswith("5.000000005 "), "a time loses its zeros"
    r = subprocess.run([VMAPLE, "maps", "program.vmt"], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    found = [(f[0], f[1], f[2]) for f in (line.split() for line in r.stdout.splitlines())]
    assert found == [("7f0000000000-7f0000001000", "rw-p", "00000000"),
                     ("7f0000002000-7f0000003000", "r--s", "00000000"),
                     ("7f0000003000-7f0000008000", "rw-p", "00000000"),
                     ("7f0000100000-7f0000101000", "r-xp", "00002000")], found


if not shutil.which("jq"):
    skip_all("jq is not installed")
run_cases(the_map_at_the_end)
