#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The recorder beside a program of 200 threads: by itself, as the build made it (so under a sanitizer in the builds that have
one), or below valgrind.

usage: crowd.py VMAPLE PROGRAM [valgrind]

Nothing is reported by the sanitizer or valgrind, every call of every thread is recorded, and none differs.  Prints TAP.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import skip_all  # noqa: E402

VMAPLE, PROGRAM = sys.argv[1:3]
THREADS, ROUNDS = 200, 6
REPORTS = ("Sanitizer", "runtime error", "ERROR SUMMARY: ")


def tool():
    """What stands before the recorder, and where it reports."""
    if sys.argv[3:] != ["valgrind"]:
        return []
    if not shutil.which("valgrind"):
        skip_all("valgrind is not installed")
    # A process that only answers, or becomes the program, has what its parent had.
    return ["valgrind", "-q", "--error-exitcode=99", "--child-silent-after-fork=yes", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--"]


def check(n, name, ok, why):
    print("%sok %d - %s" % ("" if ok else "not ", n, name))
    if not ok:
        print("# " + str(why).replace("\n", "\n# "))
    return ok


def main():
    before = tool()
    with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
        path = os.path.join(folder, "crowd.vmt")
        r = subprocess.run(before + [VMAPLE, "record", "-o", path, "--", PROGRAM], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False, timeout=500)
        v = subprocess.run([VMAPLE, "verify", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           check=False, timeout=300)
    found = json.loads(v.stdout or "{}")
    calls = found.get("calls_by_kind", {})
    good = check(1, "recorded, and nothing was reported",
                 r.returncode == 0 and not any(word in r.stderr for word in REPORTS), (r.returncode, r.stderr[-3000:]))
    good &= check(2, "every thread's calls are there",
                  found.get("threads", 0) >= THREADS + 1 and calls.get("mprotect", 0) >= THREADS * ROUNDS and
                  calls.get("munmap", 0) >= THREADS * ROUNDS * 3 // 2, (found.get("threads"), calls))
    good &= check(3, "and none differs", v.returncode == 0 and found.get("differences") == 0 and found.get("lost", 0) == 0,
                  (v.returncode, v.stdout, v.stderr[-2000:]))
    print("1..3")
    return 0 if good else 1


sys.exit(main())
