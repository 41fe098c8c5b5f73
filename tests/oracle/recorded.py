#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The oracle itself, recorded: its random calls have no difference by themselves, and so none when they are recorded.

usage: recorded.py VMAPLE ORACLE SEED...
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE, ORACLE = (os.path.abspath(path) for path in sys.argv[1:3])


def of_seed(seed):
    def case(folder):
        r = subprocess.run([VMAPLE, "run", "--json", "-o", "r.vmt", "--", ORACLE, "--calls", "6000", "--seed", seed],
                           cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        s = json.loads(r.stdout.splitlines()[-1])
        assert s["exit_status"] == 0, r.stdout
        assert s["calls"] > 5000, s
        assert (s["differences"], s["uncertain"], s["lost"]) == (0, 0, 0), r.stderr
    case.__name__ = "seed_" + seed
    return case


run_cases(*[of_seed(seed) for seed in sys.argv[3:]])
