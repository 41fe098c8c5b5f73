#!/usr/bin/env python3
"""`run --via bpf` on other kernels, under QEMU in software: no difference, or one sentence that names what is missing.

usage: bpf_kernels.py VMAPLE RANDOM_CALLS KERNEL_VM
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases

vmaple, random_calls, kernel_vm = sys.argv[1:4]


def record_on(series):
    p = subprocess.run([kernel_vm, "-f", random_calls, series, vmaple, "run", "--via", "bpf", "--",
                        "./" + os.path.basename(random_calls), "7", "150", "2"], capture_output=True, text=True, timeout=600)
    if p.returncode == 77:
        raise Skip(p.stderr.strip())
    return p.returncode, " ".join((p.stdout + p.stderr).split())


def follows(series, may_lose=None):
    """Without a difference; and without a loss, but where the kernel itself counts what @may_lose says."""
    status, out = record_on(series)
    assert status == 0 and "differences: 0, " in out and "looks at which areas share one" in out, out
    lost = re.findall(r"lost at step \d+, process \d+: (.*?\))", out)
    assert not lost or may_lose and all(re.match(may_lose, reason) for reason in lost), out
    assert lost or "uncertain: 0" in out, out


def linux_6_12(folder):
    """The lock's sections are counted at their ends, its hooks have a path."""
    follows("6.12")


def linux_7_3(folder):
    """Tasks are preempted in programs, since 7.0, and others' runs of these left out: on processors as slow as these, now and then."""
    follows("7.3", r"records of BPF: the kernel left out [1-9]\d* runs of a program")


def linux_6_1_is_told(folder):
    status, out = record_on("6.1")
    assert status == 125 and "this kernel has no bpf_rdonly_cast, which Linux has since 6.2" in out, out


run_cases(linux_6_12, linux_7_3, linux_6_1_is_told)
