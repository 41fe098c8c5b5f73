#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vmaple run` itself on another kernel: busybox's applets in a shell, a program with threads that makes every mapping call at
random, and perl; the mirror never differs from that kernel, and is of its series.

usage: other_kernels.py VMAPLE RANDOM_CALLS KERNEL_VM SERIES

Prints TAP; where the kernel or perl cannot be had a case is skipped, and says so.
"""
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE, RANDOM_CALLS, KERNEL_VM = (os.path.abspath(path) for path in sys.argv[1:4])
SERIES = sys.argv[4]
APPLETS = r"""for i in 1 2 3; do busybox ls -lR /proc/self | busybox sort | busybox gzip | busybox md5sum; done
busybox dd if=/dev/zero bs=1M count=4 2>/dev/null | busybox sha256sum
busybox seq 1 20000 | busybox awk '{ s[$1 % 97] += $1 } END { for (k in s) print k, s[k] }' | busybox sort -n | busybox tail -1
"""
PERL = "my %h; $h{$_ % 1000} .= 'x' x $_ for 1 .. 5000; my @a = map { $_ x 10 } 1 .. 20000; print scalar(@a), qq(\\n);"


def cases(folder):
    """{name: (the command there, its files)}"""
    script, perl = os.path.join(folder, "applets.sh"), shutil.which("perl")
    with open(script, "w", encoding="utf-8") as f:
        f.write(APPLETS)
    found = {"applets": ("/bin/busybox sh ./applets.sh", [script]),
             "calls": ("./%s 1 300 4" % os.path.basename(RANDOM_CALLS), [RANDOM_CALLS])}
    if perl:
        found["perl"] = ("./%s -e '%s'" % (os.path.basename(perl), PERL.replace("'", "'\\''")), [perl])
    return found


@functools.lru_cache(maxsize=1)
def boot():
    """All of them, one after the other on one boot: {name: what was printed of it}, and all that was printed."""
    with tempfile.TemporaryDirectory() as folder:
        found = cases(folder)
        files = [VMAPLE] + [path for _, its in found.values() for path in its]
        commands = "; ".join("echo; echo @ %s; ./vmaple run --json -- %s" % (name, found[name][0]) for name in found)
        ran = subprocess.run([KERNEL_VM] + [word for path in files for word in ("-f", path)] +
                             [SERIES, shutil.which("dash") or "/bin/sh", "-c", commands],
                             capture_output=True, text=True, timeout=1700, check=False,
                             env={**os.environ, "KERNEL_VM_SECONDS": "1600"})
    said = ran.stdout + ran.stderr
    if ran.returncode == 77:
        raise Skip(said.strip())
    parts = (part.partition("\n") for part in ran.stdout.split("\n@ ")[1:])
    return {name: rest for name, _, rest in parts}, said


def summary(name):
    """What `vmaple run` said of it, there, as JSON; and all that was printed."""
    told, said = boot()
    lines = [line for line in told.get(name, "").splitlines() if line.startswith("{")]
    assert lines, "no summary of %s:\n%s" % (name, said)
    return json.loads(lines[-1]), told[name]


def check(name, calls, processes, threads):
    s, said = summary(name)
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
    # A dozen of applets and their shells, each with its memory.
    check("applets", 60, 15, 15)


def a_program_with_threads_that_makes_every_call(folder):
    check("calls", 1000, 1, 5)


def perl_fills_memory(folder):
    if not shutil.which("perl"):
        raise Skip("perl is not installed")
    check("perl", 100, 1, 1)


run_cases(applets_of_busybox_in_a_shell, a_program_with_threads_that_makes_every_call, perl_fills_memory)
