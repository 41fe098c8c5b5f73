#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The recorder and the oracle of another machine: on Debian's arm64 kernels, in an emulator.

usage: arm64.py SOURCE_FOLDER SERIES [CALLS [ARCH]]

ARCH: of tools/kernel-vm; arm64, arm64-mte, arm64-16k.

One boot of Linux SERIES records ten programs, which must have no difference, and run as they do alone; then the kernel is asked CALLS
random calls.  Prints TAP; skipped where a compiler, an emulator or Debian's packages are missing.
"""
import functools
import json
import os
import subprocess
import sys
import tempfile

SOURCE, SERIES = sys.argv[1:3]
CALLS = sys.argv[3] if len(sys.argv) > 3 else "20000"
ARCH = sys.argv[4] if len(sys.argv) > 4 else "arm64"
sys.path.insert(0, os.path.join(SOURCE, "tests/common"))
from tap import Skip, run_cases, skip_all  # noqa: E402

CROSS = os.path.join(SOURCE, "build-cross/arm64")
CC = ["aarch64-linux-gnu-gcc", "--sysroot", os.path.join(CROSS, "root"), "-D_GNU_SOURCE", "-std=gnu17", "-O1",
      "-I" + os.path.join(SOURCE, "tests/common"), "-I" + os.path.join(SOURCE, "include"),
      "-I" + os.path.join(SOURCE, "lib/base"), "-lpthread"]
SOURCES = ["tests/live/arm64_calls.c", "tests/programs/random_calls.c", "tests/programs/many_processes.c"]
# What is recorded, its status, and whether first writes may have no certain order: threads alone have such, where the kernel tells
# which pages were written (PAGEMAP_SCAN, since 6.7).
BUSYBOX = "/bin/busybox "
PROGRAMS = [
    (BUSYBOX + "true", 0, False),
    (BUSYBOX + "ls -lR /bin /lib", 0, False),
    (BUSYBOX + "sh -c 'busybox=/bin/busybox; for i in 1 2 3; do $busybox echo $i; done | $busybox sort -r; exit 4'", 4, False),
    (BUSYBOX + "awk 'BEGIN { for (i = 0; i < 2000; i++) s = s i; print length(s) }'", 0, False),
    (BUSYBOX + "sh -c '/bin/busybox gzip -c /bin/busybox | /bin/busybox wc -c'", 0, False),
    (BUSYBOX + "sha256sum /bin/program", 0, False),
    ("./random_calls 1 300", 0, False),
    ("./random_calls 3 100 3", 0, True),
    ("./many_processes 3", 0, False),
    ("./arm64_calls", 0, False),
]


def run(command, **more):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **more)
    if r.returncode == 77:
        raise Skip((r.stdout + r.stderr).strip().splitlines()[-1])
    return r


def build():
    r = run([os.path.join(SOURCE, "tools/cross-build"), "arm64", "vmaple", "kernel-oracle"])
    if r.returncode:
        print("Bail out! tools/cross-build arm64: " + (r.stdout + r.stderr)[-2000:].replace("\n", "\n# "))
        sys.exit(1)


def script(path):
    """Each program alone, then recorded: '@ NUMBER STATUS STATUS', and the summary of the recording; '@ oracle STATUS'."""
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/busybox sh\ncd /work\n")
        for number, (command, _, _) in enumerate(PROGRAMS):
            f.write("%s >/dev/null 2>&1; alone=$?\n" % command)
            f.write("./vmaple run --json -- %s >out 2>err; echo @ %d $alone $?\n" % (command, number))
            f.write("/bin/busybox tail -n 1 out; [ -s err ] && /bin/busybox head -n 30 err\n")
        f.write("./kernel-oracle --calls %s >out 2>&1; echo @ oracle $?\n/bin/busybox tail -n 60 out\n" % CALLS)
    os.chmod(path, 0o755)


@functools.lru_cache(maxsize=1)
def boot():
    """What was printed there, in parts: {what stands behind an @: ([STATUS...], the lines below it)}, and all of it."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(CROSS, "build", name) for name in ("vmaple", "kernel-oracle")]
        for source in SOURCES:
            files.append(os.path.join(folder, os.path.basename(source)[:-2]))
            r = run(CC + [os.path.join(SOURCE, source), "-o", files[-1]])
            assert r.returncode == 0, r.stderr
        inside = os.path.join(folder, "inside")
        script(inside)
        command = [os.path.join(SOURCE, "tools/kernel-vm"), "--arch", ARCH] + [w for f in files for w in ("-f", f)]
        r = run(command + [SERIES, inside], env=dict(os.environ, KERNEL_VM_SECONDS="1500"))
    told = {}
    for part in ("\n" + r.stdout).split("\n@ ")[1:]:
        head, _, rest = part.partition("\n")
        told[head.split()[0]] = ([int(word) for word in head.split()[1:]], rest)
    return told, r.stdout + r.stderr


def programs_are_recorded_without_a_difference(folder):
    told, said = boot()
    for number, (command, status, may_be_uncertain) in enumerate(PROGRAMS):
        assert str(number) in told, "%s was not recorded:\n%s" % (command, said[-2000:])
        (alone, recorded), rest = told[str(number)]
        assert (alone, recorded) == (status, status), "%s: status %d, recorded %d\n%s" % (command, alone, recorded, rest)
        summary = json.loads(rest.splitlines()[0])
        assert summary["differences"] == 0 and summary["lost"] == 0, "%s: %s" % (command, rest)
        writes_told = summary["fault_source"].startswith("all")
        assert may_be_uncertain or not writes_told or summary["uncertain"] == 0, "%s: %s" % (command, rest)
        assert summary["calls"] > 0 and summary["checks"] >= summary["calls"] - summary["calls"] // 8, rest
        print("# %s: %d calls, %d checks, no difference" % (command.split(" '")[0], summary["calls"], summary["checks"]))


def random_calls_do_what_the_engine_does(folder):
    told, said = boot()
    assert "oracle" in told, said[-3000:]
    (status,), rest = told["oracle"]
    assert status == 0 and " 0 differences" in rest, rest
    print("# " + rest.strip().splitlines()[-1].lstrip("# "))


try:
    build()
except Skip as reason:
    skip_all(reason)
run_cases(programs_are_recorded_without_a_difference, random_calls_do_what_the_engine_does)
