#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program of small cases (cases.h), each recorded and mirrored, with what each recording has to count.

usage: counts.py VMAPLE PROGRAM [bpf]

Every case runs as it does alone, with no difference, and with the counts that it names: by ptrace, comparing after each call
and at the end; or by BPF, for which bpf:KEY=N counts instead.  A case with chance=N may go
otherwise once in N times, for a reason that is documented: it is tried again, twice at most.  Prints TAP.
"""
import json
import subprocess
import sys

VMAPLE, PROGRAM = sys.argv[1:3]
# What "end:" or "bpf:" stands before counts there.
WAYS = {"bpf": ["--via", "bpf"]} if sys.argv[3:] == ["bpf"] else {"every": ["--check", "every"], "end": ["--check", "end"]}
COUNTED = ("differences", "uncertain", "foreign", "outside", "lost")


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)


def wrong(summary, wanted):
    """The counts that are not as the case says: a number, or two that they lie between."""
    for key in COUNTED:
        if key not in summary:
            continue
        low, _, high = wanted.get(key, "0").partition("-")
        # What a call did that was lost, as the case allows, is uncertain at the next look.
        follows = summary.get("lost", 0) if key == "uncertain" and "lost" in wanted else 0
        if not int(low) <= summary[key] <= int(high or low) + follows:
            yield "%s: %d, not %s" % (key, summary[key], wanted.get(key, "0"))


def judge(name, wanted, options):
    alone = run(PROGRAM, name)
    if alone.returncode == 77:
        return None, alone.stderr.strip()
    r = run(VMAPLE, "run", "--json", *options, "--", PROGRAM, name)
    if r.returncode != alone.returncode or alone.returncode:
        return False, "status %d, alone %d\n%s" % (r.returncode, alone.returncode, r.stderr)
    if not r.stdout.startswith(alone.stdout):
        return False, "alone it says %r, recorded %r" % (alone.stdout, r.stdout)
    found = list(wrong(json.loads(r.stdout.splitlines()[-1]), wanted))
    return not found, "\n".join(found) + "\n" + r.stderr


def wanted_of(counts, way):
    wanted = dict(c.split("=") for c in counts if ":" not in c)
    wanted.update(c.split(":")[1].split("=") for c in counts if c.startswith(way + ":"))
    return wanted


refused = run(VMAPLE, "run", "--via", "bpf", "--", "true") if "bpf" in WAYS else None
if refused and refused.returncode == 125 and "BPF" in refused.stderr:
    print("1..0 # SKIP " + refused.stderr.strip())
    sys.exit(0)
cases = [line.split() for line in run(PROGRAM, "list").stdout.splitlines()]
good, n = bool(cases), 0
print("1..%d" % (len(WAYS) * len(cases)))
for name, *counts in cases:
    for way, options in WAYS.items():
        wanted = wanted_of(counts, way)
        n += 1
        tries = 3 if wanted.pop("chance", None) else 1
        for _ in range(tries):
            ok, why = judge(name, wanted, options)
            if ok is not False:
                break
        good &= ok is not False
        print("%sok %d - %s, %s%s" % ("" if ok is not False else "not ", n, name, " ".join(options),
                                     " # SKIP " + why if ok is None else ""))
        if ok is False:
            print("# " + why.rstrip().replace("\n", "\n# "))
sys.exit(0 if good else 1)
