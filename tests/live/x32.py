#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program of x32, recorded on a kernel that has its calls, in an emulator.

usage: x32.py VMAPLE X32_CALLS.c KERNEL_VM SERIES

Prints TAP.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE, SOURCE, KERNEL_VM, SERIES = sys.argv[1:5]


def run(command):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if r.returncode == 77:
        raise Skip((r.stdout + r.stderr).strip().splitlines()[-1])
    return r


def a_program_of_x32_has_no_difference(folder):
    program, inside = os.path.join(folder, "x32_calls"), os.path.join(folder, "inside")
    r = run(["cc", "-mx32", "-nostdlib", "-static", "-O1", "-fno-stack-protector", "-fcf-protection=none", "-o", program, SOURCE])
    if r.returncode:
        raise Skip("cc makes no program of x32")
    with open(inside, "w", encoding="utf-8") as f:
        f.write("#!/bin/busybox sh\ncd /work\n./x32_calls; echo alone $?\n./vmaple run --json -- ./x32_calls; echo recorded $?\n")
    os.chmod(inside, 0o755)
    r = run([KERNEL_VM, "--arch", "amd64-x32", "-f", program, "-f", VMAPLE, SERIES, inside])
    lines = r.stdout.splitlines()
    assert "alone 0" in lines and "recorded 0" in lines, r.stdout + r.stderr
    summary = json.loads(next(line for line in lines if line.startswith("{")))
    assert summary["differences"] == 0 and summary["uncertain"] == 0 and summary["lost"] == 0, r.stdout
    # Twice the eight of calls() that change a map, and a look behind each.
    assert summary["calls"] == 16 and summary["processes"] == 2 and summary["checks"] >= 16, summary


run_cases(a_program_of_x32_has_no_difference)
