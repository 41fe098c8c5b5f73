# SPDX-License-Identifier: MIT
"""What the tests of explanations share: programs of examples/cases, recorded, and what vmaple says of them as JSON.

Whoever imports it is called with VMAPLE and the folder of the programs as its first two arguments.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE, CASES = sys.argv[1:3]


def run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=300)


def record(folder, program, *args, status=0):
    path = os.path.join(folder, program + ".vmt")
    r = run(VMAPLE, "record", "--check", "end", "-o", path, "--", os.path.join(CASES, "case_" + program), *map(str, args))
    if r.returncode == 77:
        raise Skip("this kernel cannot do it")
    assert r.returncode == status, r.stdout + r.stderr
    record.printed = r.stdout
    v = run(VMAPLE, "verify", "--json", path)
    assert v.returncode == 0, v.stdout + v.stderr
    assert json.loads(v.stdout)["differences"] == 0, v.stdout
    return path


def top(path, *options):
    r = run(VMAPLE, "why", "--json", "--top=1000", *options, path)
    assert r.returncode == 0, r.stderr
    t = json.loads(r.stdout)
    assert sum(g["areas"] for g in t["groups"]) == t["areas"], "every boundary is counted once"
    assert sum(g["areas"] for g in t["groups"] if g["needless"]) == t["needless"]
    return t


def symbols(path):
    out = run("nm", "-n", path).stdout
    rows = [line.split() for line in out.splitlines()]
    return [(int(r[0], 16), r[2]) for r in rows if len(r) == 3 and r[1] in "tT"]


def function(group):
    site = group["site"]
    name = ""
    for start, symbol in symbols(site["module"]):
        if start <= site["offset"]:
            name = symbol
    return name


def first(t, reasons, culprit, at_least, at_most):
    g = t["groups"][0]
    assert set(g["reasons"]) == set(reasons), g
    assert function(g) == culprit, (function(g), g)
    assert at_least <= g["areas"] <= at_most, g
    return g


def why(path, address, *options):
    r = run(VMAPLE, "why", "--json", *options, path, "%x" % address)
    assert r.returncode == 0, r.stderr
    return json.loads(r.stdout)


def whatif(path, *changes):
    r = run(VMAPLE, "whatif", "--json", path, *map(str, changes))
    assert r.returncode == 0, r.stderr
    return json.loads(r.stdout)
