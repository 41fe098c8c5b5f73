#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The recorder's memory does not grow with the recording.

usage: flat_memory.py VMAPLE RANDOM_CALLS CALLS

The same program makes a tenth of CALLS mapping calls and then all of them; the recorder's peak memory may not differ by
more than a few MiB, and the mirror must have no difference.
"""
import json
import os
import subprocess
import sys
import tempfile


def record(vmaple, program, calls):
    # The program's steps make a little more than one mapping call each.
    run = subprocess.run([vmaple, "run", "--json", "--check", "1000", "-o", "x.vmt", "--", program, "7", str(calls)],
                         stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


vmaple, program, calls = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3])
with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    short, whole = record(vmaple, program, calls // 10), record(vmaple, program, calls)
    os.chdir("/")
for s in (short, whole):
    print("%d calls: %d KiB, %d differences, %.1f s" % (s["calls"], s["recorder_peak_kib"], s["differences"], s["wall_seconds"]))
    if s["differences"]:
        sys.exit("the mirror was not the kernel's map")
if whole["calls"] < 7 * short["calls"]:
    sys.exit("the long run was not long")
if whole["recorder_peak_kib"] > short["recorder_peak_kib"] + 4096:
    sys.exit("the recorder's memory grew with the recording")
