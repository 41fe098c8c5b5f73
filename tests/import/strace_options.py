#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One program under strace with every option that changes a line: the map of the log is the kernel's own.

usage: strace_options.py VMAPLE PROGRAM

The program prints /proc/self/maps before it ends.  Every area that the log leads to has to be one of the kernel's, with the
same access, offset and kind of file, and the areas that the program's calls made have all to be there.  Prints TAP.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

VMAPLE, PROGRAM = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SINGLE = ["-f", "-f -y", "-f -yy", "-f -t", "-f -tt", "-f -ttt", "-f -r", "-f -r -tt", "-f -T -i", "-f -n", "-f -k -y",
          "-f -X raw", "-f -X verbose", "-f -X abbrev", "-f --decode-pids=comm", "-f --decode-pids=pidns -q",
          "-f -y -tt -T -i -n -k --decode-pids=comm", "-f -e trace=all -s 4096 -v", "-f -a 1"]
MANY = ["-ff -ttt", "-ff -tt -y"]


def areas(text):
    """(bounds, access, offset, base name) of each line of maps that a log can know: not what exec and faults made."""
    found = []
    for line in text.splitlines():
        f = line.split(None, 5)
        name = f[5] if len(f) > 5 else ""
        if name == "[unseen]" or f[0].startswith("ffffffffff6"):
            continue
        found.append((f[0], f[1], f[2], os.path.basename(name)))
    return found


def of_the_program(kernels):
    """What its own calls made, and no loader: all that is not of an exec."""
    return [a for a in kernels if a[3] in ("jit (deleted)", "zero (deleted)") or a[1].startswith("---")]


def check(options, folder, separate):
    log = os.path.join(folder, "log")
    command = ["setarch", "-R", "strace", *options.split(), "-o", log, PROGRAM]
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert r.returncode == 0, r.stderr
    logs = sorted(glob.glob(log + ".*")) if separate else [log]
    out = os.path.join(folder, "out.vmt")
    i = subprocess.run([VMAPLE, "import", "--json", "-o", out, *logs], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, check=False, timeout=60)
    assert i.returncode == 0, i.stderr
    words = [d["what"] for d in json.loads(i.stdout)["uncertain"]]
    assert not any("could not be read" in w or "beginning was not logged" in w for w in words), words
    m = subprocess.run([VMAPLE, "maps", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                       timeout=60)
    got, kernels = areas(m.stdout), areas(r.stdout)
    wrong = [a for a in got if a not in kernels]
    assert not wrong, "not the kernel's: %s\n%s\n%s" % (wrong, r.stdout, m.stdout)
    missing = [a for a in of_the_program(kernels) if a not in got]
    assert not missing, "missing: %s" % missing
    assert len(got) >= 15, "only %d areas" % len(got)


def main():
    if not shutil.which("strace"):
        print("strace is not installed: its options are not tried", file=sys.stderr)
        sys.exit(77)
    cases, failed = [(o, False) for o in SINGLE] + [(o, True) for o in MANY], 0
    for number, (options, separate) in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(options, folder, separate)
                print("ok %d - strace %s" % (number, options))
            except AssertionError as e:
                failed += 1
                print("not ok %d - strace %s" % (number, options))
                print("# " + str(e).replace("\n", "\n# "))
    print("1..%d" % len(cases))
    sys.exit(1 if failed else 0)


main()
