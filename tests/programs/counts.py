#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program of small cases (cases.h), each recorded and mirrored, with what each recording has to count.

usage: counts.py VMAPLE PROGRAM

Every case runs as it does alone, with no difference, and with the counts that it names.  A case with chance=N may go
otherwise once in N times, for a reason that is documented: it is tried again, twice at most.  Prints TAP.
"""
import json
import subprocess
import sys

VMAPLE, PROGRAM = sys.argv[1:3]
COUNTED = ("differences", "uncertain", "foreign", "outside", "lost")


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)


def wrong(summary, wanted):
    """The counts that are not as the case says: a number, or two that they lie between."""
    for key in COUNTED:
        if key not in summary:
            continue
        low, _, high = wanted.get(key, "0").partition("-")
        if not int(low) <= summary[key] <= int(high or low):
            yield "%s: %d, not %s" % (key, summary[key], wanted.get(key, "0"))


def judge(name, wanted, check):
    alone = run(PROGRAM, name)
    if alone.returncode == 77:
        return None, alone.stderr.strip()
    r = run(VMAPLE, "run", "--json", "--check", check, "--", PROGRAM, name)
    if r.returncode != alone.returncode or alone.returncode:
        return False, "status %d, alone %d\n%s" % (r.returncode, alone.returncode, r.stderr)
    if not r.stdout.startswith(alone.stdout):
        return False, "alone it says %r, recorded %r" % (alone.stdout, r.stdout)
    found = list(wrong(json.loads(r.stdout.splitlines()[-1]), wanted))
    return not found, "\n".join(found) + "\n" + r.stderr


cases = [line.split() for line in run(PROGRAM, "list").stdout.splitlines()]
good, n = bool(cases), 0
print("1..%d" % (2 * len(cases)))
for name, *counts in cases:
    for check in ("every", "end"):
        wanted = dict(c.split("=") for c in counts if not c.startswith("end:"))
        if check == "end":
            wanted.update(c[4:].split("=") for c in counts if c.startswith("end:"))
        n += 1
        tries = 3 if wanted.pop("chance", None) else 1
        for _ in range(tries):
            ok, why = judge(name, wanted, check)
            if ok is not False:
                break
        good &= ok is not False
        print("%sok %d - %s, --check %s%s" % ("" if ok is not False else "not ", n, name, check,
                                             " # SKIP " + why if ok is None else ""))
        if ok is False:
            print("# " + why.rstrip().replace("\n", "\n# "))
sys.exit(0 if good else 1)
