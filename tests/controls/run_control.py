#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`run` says when the kernel and the mirror differ, and ends with 125: a control, as controls.txt has them for `verify`.

What happens has to differ from what is foretold on every kernel: a limit of the program is lowered by a process that is not
recorded, which no recorder sees.

usage: run_control.py VMAPLE

Prints TAP.
"""
import json
import resource
import subprocess
import sys

VMAPLE = sys.argv[1]
# It says its number, waits for a line, and maps 64 MiB: is that refused?
PROGRAM = """
import mmap, os, sys
print(os.getpid(), flush=True)
sys.stdin.readline()
try:
    mmap.mmap(-1, 64 << 20)
except OSError:
    pass
sys.exit(int(sys.argv[1]))
"""


def run(lowered, ends_with, *options):
    """(status, what the program and the command say on stdout, stderr)"""
    p = subprocess.Popen([VMAPLE, "run", *options, "--", sys.executable, "-S", "-c", PROGRAM, str(ends_with)], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pid = int(p.stdout.readline())
    if lowered:
        resource.prlimit(pid, resource.RLIMIT_AS, (32 << 20, resource.RLIM_INFINITY))
    out, err = p.communicate("\n", timeout=60)
    return p.returncode, out, err


def complaints():
    status, out, err = run(False, 0, "--json")
    if status or json.loads(out.splitlines()[-1])["differences"]:
        yield f"as it was: status {status}\n{out}{err}"
    status, out, err = run(True, 0, "--json")
    if status != 125 or not json.loads(out.splitlines()[-1])["differences"]:
        yield f"with a limit that nobody told: status {status}, not 125\n{out}{err}"
    status, out, err = run(True, 0)
    if status != 125 or "difference at step" not in err or "the call's result is not the one expected" not in err:
        yield f"in words: status {status}, not 125\n{out}{err}"
    status, out, err = run(True, 7)
    if status != 7 or "difference at step" not in err:
        yield f"a program that fails keeps its status: {status}, not 7\n{out}{err}"


def main():
    wrong = list(complaints())
    print("1..1")
    print(f"{'not ' if wrong else ''}ok 1 - run ends with 125 where the kernel and the mirror differ")
    for text in wrong:
        print("# " + text.replace("\n", "\n# "))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
