#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random programs with userfaultfds, segments and children, each where the kernel puts it, recorded.

usage: random_served.py VMAPLE PROGRAM FIRST_SEED[,FIRST_SEED] SEEDS CALLS [ptrace]

By BPF each has no difference, nothing that is uncertain, and nothing lost; by ptrace, which cannot see all that a userfaultfd does,
something may be uncertain.  Prints TAP.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE, PROGRAM = sys.argv[1:3]
FIRSTS = [int(n) for n in sys.argv[3].split(",")]
SEEDS, CALLS = (int(n) for n in sys.argv[4:6])
SOURCE = sys.argv[6] if len(sys.argv) > 6 else "bpf"


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def some_are_mirrored(seeds, folder):
    said = os.path.join(folder, "s.json")
    for seed in seeds:
        r = run(VMAPLE, "run", "--via", SOURCE, "--json=" + said, "--", PROGRAM, str(seed), str(CALLS),
                *["known"][:SOURCE == "ptrace"])
        if r.returncode == 125 and "BPF" in r.stderr:
            raise Skip(r.stderr.strip())
        with open(said, encoding="ascii") as f:
            s = json.load(f)
        found = {what: s[what] for what in ("differences", "lost", "uncertain")[:2 if SOURCE == "ptrace" else 3]}
        assert r.returncode == 0 and not any(found.values()), (seed, found, r.stderr)
        assert s["calls"] > CALLS // 4, (seed, s)


def case(seeds):
    def tried(folder):
        some_are_mirrored(seeds, folder)
    tried.__name__ = "seeds_%d_to_%d" % (seeds[0], seeds[-1])
    return tried


run_cases(*[case(range(at, min(at + 10, first + SEEDS))) for first in FIRSTS for at in range(first, first + SEEDS, 10)])
