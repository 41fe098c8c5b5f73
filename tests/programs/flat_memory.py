#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The recorder's memory grows neither with the recording nor with the number of processes that have ended.

usage: flat_memory.py VMAPLE calls RANDOM_CALLS N
       flat_memory.py VMAPLE processes MANY_PROCESSES N

The same program does a tenth of N, and then all of it; the recorder's peak memory may not differ by more than a few MiB,
and the mirror must have no difference.
"""
import json
import os
import subprocess
import sys
import tempfile

VMAPLE, KIND, PROGRAM, N = os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3]), int(sys.argv[4])
# The mirror is compared rarely where there are many calls.  Random calls have a seed.
CHECK, SEED = {"calls": ("1000", ["7"]), "processes": ("end", [])}[KIND]


def record(n):
    run = subprocess.run([VMAPLE, "run", "--json", "--check", CHECK, "-o", "x.vmt", "--", PROGRAM] + SEED + [str(n)],
                         stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    short, whole = record(N // 10), record(N)
    os.chdir("/")
for s in (short, whole):
    print("%d %s: %d KiB, %d differences, %.1f s"
          % (s[KIND], KIND, s["recorder_peak_kib"], s["differences"], s["wall_seconds"]))
    if s["differences"]:
        sys.exit("the mirror was not the kernel's map")
# Steps of the random calls are not one call each.
if whole[KIND] < 7 * short[KIND]:
    sys.exit("the long run was not long")
if whole["recorder_peak_kib"] > short["recorder_peak_kib"] + 4096:
    sys.exit("the recorder's memory grew with the number of " + KIND)
