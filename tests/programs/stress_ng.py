#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stress-ng's memory stressors, each for some seconds, alone and recorded: the same status, and no difference.

usage: stress_ng.py VMAPLE SECONDS [STRESSOR...]

Prints a line for each that is not so, and ends with how many were tried.  A stressor that this machine or this stress-ng
does not have is told of.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

VMAPLE, SECONDS = os.path.abspath(sys.argv[1]), sys.argv[2]
STRESSORS = sys.argv[3:] or (
    "bigheap brk fork madvise malloc memfd mincore misaligned mlock mlockmany mmap mmapaddr mmapfixed mmapfork mmaphuge mmapmany "
    "mprotect mremap msync munmap pkey remap rmap secretmem shm shm-sysv stack stackmmap userfaultfd vfork vm vm-addr vm-rw "
    "vm-segv vm-splice zero").split()


def command(name):
    return ["stress-ng", "--" + name, "1", "--timeout", SECONDS + "s", "--vm-bytes", "64m", "--bigheap-growth", "64k",
            "--mmap-bytes", "64m", "--quiet", "--temp-path", "."]


def run(prefix, name):
    return subprocess.run(prefix + command(name), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=400)


def wrong(name, alone):
    try:
        recorded = run([VMAPLE, "run", "--json=s.json", "--"], name)
    except subprocess.TimeoutExpired:
        return "does not end when it is recorded"
    with open("s.json", encoding="utf-8") as f:
        s = json.load(f)
    if s["differences"]:
        return "%d differences\n%s" % (s["differences"], recorded.stderr[-2000:])
    if s["exit_status"] != alone.returncode:
        return "status %d, alone %d\n%s" % (s["exit_status"], alone.returncode, recorded.stderr[-1000:])
    return None


if not shutil.which("stress-ng"):
    print("stress-ng is not installed: skipped")
    sys.exit(77)
tried = bad = 0
with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    for name in STRESSORS:
        alone = run([], name)
        if alone.returncode not in (0, 2):
            print("%s: not here: status %d %s" % (name, alone.returncode, alone.stderr.strip()[:200]))
            continue
        tried += 1
        why = wrong(name, alone)
        if why:
            bad += 1
            print("%s: %s" % (name, why), flush=True)
    os.chdir("/")
print("%d stressors, %d not as alone" % (tried, bad))
sys.exit(1 if bad or not tried else 0)
