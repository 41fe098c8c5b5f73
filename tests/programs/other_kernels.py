#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vmaple run` itself on another kernel: busybox's applets in a shell, a program with threads that makes every mapping call at
random, and perl; the mirror never differs from that kernel, and is of its series.

usage: other_kernels.py VMAPLE RANDOM_CALLS KERNEL_VM SERIES

Prints TAP; where the kernel or perl cannot be had a case is skipped, and says so.
"""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE, RANDOM_CALLS, KERNEL_VM = (os.path.abspath(path) for path in sys.argv[1:4])
SERIES = sys.argv[4]
APPLETS = r"""for i in 1 2 3; do busybox ls -lR /proc/self | busybox sort | busybox gzip | busybox md5sum; done
busybox dd if=/dev/zero bs=1M count=4 2>/dev/null | busybox sha256sum
busybox seq 1 20000 | busybox awk '{ s[$1 % 97] += $1 } END { for (k in s) print k, s[k] }' | busybox sort -n | busybox tail -1
"""
PERL = "my %h; $h{$_ % 1000} .= 'x' x $_ for 1 .. 5000; my @a = map { $_ x 10 } 1 .. 20000; print scalar(@a), qq(\\n);"


def summary(command, *files):
    """What `vmaple run` said of it, there, as JSON; and all that was printed."""
    program = shutil.which("dash") or "/bin/sh"
    ran = subprocess.run([KERNEL_VM] + [word for path in (VMAPLE,) + files for word in ("-f", path)] +
                         [SERIES, program, "-c", "./vmaple run --json -- " + command],
                         capture_output=True, text=True, timeout=1700, check=False,
                         env={**os.environ, "KERNEL_VM_SECONDS": "1600"})
    said = ran.stdout + ran.stderr
    if ran.returncode == 77:
        raise Skip(said.strip())
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    assert lines, "no summary: status %d\n%s" % (ran.returncode, said)
    return json.loads(lines[-1]), said


def check(command, calls, processes, threads, *files):
    s, said = summary(command, *files)
    # Before Linux 6.7 /proc/PID/pagemap is read word by word, and a first write can be missed: what depends on it is said.
    sure = ["uncertain"] if s["fault_source"].startswith("all ") else []
    wrong = [key for key in ["differences", "outside", "lost", "exit_status"] + sure if s[key] != 0]
    assert not wrong, "%s: %s\n%s" % (wrong, s["kernel"], said)
    assert s["kernel"].startswith(SERIES + ".") and s["replayed_as"] == SERIES, said
    assert s["calls"] >= calls and s["checks"] >= calls, said
    assert s["processes"] >= processes and s["threads"] >= threads, said
    print("# Linux %s: %d calls of %d processes, %d checks, 0 differences, %d uncertain" %
          (s["kernel"], s["calls"], s["processes"], s["checks"], s["uncertain"]))


def applets_of_busybox_in_a_shell(folder):
    script = os.path.join(folder, "applets.sh")
    with open(script, "w", encoding="utf-8") as f:
        f.write(APPLETS)
    # A dozen of applets and their shells, each with its memory.
    check("/bin/busybox sh ./applets.sh", 60, 15, 15, script)


def a_program_with_threads_that_makes_every_call(folder):
    check("./%s 1 300 4" % os.path.basename(RANDOM_CALLS), 1000, 1, 5, RANDOM_CALLS)


def perl_fills_memory(folder):
    perl = shutil.which("perl")
    if not perl:
        raise Skip("perl is not installed")
    check("./%s -e '%s'" % (os.path.basename(perl), PERL.replace("'", "'\\''")), 100, 1, 1, perl)


run_cases(applets_of_busybox_in_a_shell, a_program_with_threads_that_makes_every_call, perl_fills_memory)
