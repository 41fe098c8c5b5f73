#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vmaple run --budget`, and the sentence at the end of its summary, on programs whose areas are known.

usage: budget.py VMAPLE FOLDER_OF_CASES [--names]
"""
import json
import os
import re
import sys

from recorded import CASES, VMAPLE, run, run_cases

LEAK = 4  # seconds
BROKEN = ("areas", "areas=", "areas=-1", "areas=1,areas=2", "growth=x", "areas=1,", "size=4", "areas=1 growth=2", "")


def run_case(budget, *argv, options=()):
    """Its result, and its summary as JSON."""
    argv = [str(a) for a in argv]
    argv[0] = os.path.join(CASES, "case_" + argv[0])
    limits = ("--budget", budget) if budget is not None else ()
    r = run(VMAPLE, "run", "--json", "--check", "end", *options, *limits, "--", *argv)
    return r, json.loads(r.stdout.splitlines()[-1])


def too_many(folder):
    """2,000 boundaries of 1,000 buffers, less the one at the upper end."""
    r, s = run_case("areas=2000", "dontfork", 1000)
    assert r.returncode == 123, r
    over = s["over_budget"]
    assert [o["what"] for o in over] == ["areas"] and len(over[0]["culprits"]) == 3, over
    first = over[0]["culprits"][0]
    assert first["reasons"] == ["dontfork"] and 1999 - 60 <= first["areas"] <= 1999, first
    assert "case_dontfork" in first["made_by"]
    if "--names" in sys.argv:
        assert first["made_by"].startswith("madvise at register_buffer"), first
    assert "over budget: %s areas" % format(s["vmas_peak"], ",") in r.stderr, r.stderr
    r, s = run_case("areas=%d" % s["vmas_peak"], "dontfork", 1000)
    assert r.returncode == 0 and s["over_budget"] == [], "exactly so many are allowed"


def needless(folder):
    r, s = run_case("unneeded=126", "commit_order", "even")
    assert r.returncode == 123, r
    culprits = s["over_budget"][0]["culprits"]
    assert s["over_budget"][0]["what"] == "unneeded" and culprits[0]["reasons"] == ["written"], s["over_budget"]
    assert culprits[0]["areas"] == 127 and all(c["needless"] for c in culprits), culprits
    r, s = run_case("unneeded=%d" % s["needless"], "commit_order", "even")
    assert r.returncode == 0, r


def growth(folder):
    """54 requests a second, two areas each."""
    r, s = run_case("growth=90/s", "leak", LEAK)
    assert r.returncode == 123, r
    assert 95 <= s["growth_per_second"] <= 115, s["growth_per_second"]
    expected = (s["max_map_count"] - s["vmas_final"]) / s["growth_per_second"]
    assert abs(s["seconds_to_limit"] - expected) <= 0.01 * expected, s
    culprits = s["over_budget"][0]["culprits"]
    assert all("case_leak" in c["made_by"] and c["reasons"] == ["prot"] for c in culprits[:2]), culprits
    r, s = run_case("growth=130,areas=60000", "leak", LEAK)
    assert r.returncode == 0, r


def without_growth(folder):
    r, s = run_case("growth=0", "lazy_commit")
    assert s["growth_per_second"] >= 0 and (s["growth_per_second"] > 0) == (r.returncode == 123), (r, s)
    r, s = run_case("growth=0", "commit_order", "ascending")
    assert r.returncode == 0 and s["growth_per_second"] == 0 and s["seconds_to_limit"] is None, s


def the_programs_own_status(folder):
    for command, status in (("exit 3", 3), ("kill -9 $$", -9)):
        r = run(VMAPLE, "run", "--budget", "areas=1", "--", "sh", "-c", command)
        assert r.returncode == status and "over budget" in r.stderr, r
    r = run(VMAPLE, "run", "--budget", "areas=1", "--", folder + "/none")
    assert r.returncode == 127, r


def children_count(folder):
    program = os.path.join(CASES, "case_dontfork")
    r = run(VMAPLE, "run", "--check", "end", "--budget", "areas=500", "--", "sh", "-c", program + " 1000; true")
    assert r.returncode == 123 and "case_dontfork" in r.stderr, r


def the_sentence(folder):
    """The last line of a summary that has something to say, and none where there is nothing."""
    program = os.path.join(CASES, "case_commit_order")
    r = run(VMAPLE, "run", "--check", "end", "--", program, "even")
    said = " ".join(r.stderr[r.stderr.index("  in short"):].split())
    assert "need not be, 127 of them for \"written apart\", by mprotect at " in said, said
    r = run(VMAPLE, "run", "--check", "end", "--", program, "ascending")
    assert "in short" not in r.stderr, r.stderr
    r = run(VMAPLE, "run", "--check", "end", "--", os.path.join(CASES, "case_leak"), str(LEAK))
    said = " ".join(r.stderr[r.stderr.index("  in short"):].split())
    assert re.search(r"growing by [\d.]+ areas a second, process \d+ would have come to max_map_count \([\d,]+\) in .*, "
                     r"had it not ended", said), said


def the_workflow_in_docs(folder):
    """Its command line is one that this vmaple takes."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "budget.yml"), encoding="utf-8") as f:
        line = [text.split() for text in f if text.strip().startswith("vmaple run ")]
    assert len(line) == 1, line
    argv = line[0][1:line[0].index("--")]
    argv[argv.index("-o") + 1] = folder + "/areas.vmt"
    if "--names" not in sys.argv:
        argv.remove("--stacks")
    r = run(VMAPLE, *argv, "--", "true")
    assert r.returncode == 0 and os.path.exists(folder + "/areas.vmt"), r


def not_a_budget(folder):
    for budget in BROKEN:
        r = run(VMAPLE, "run", "--budget", budget, "--", "true")
        assert r.returncode == 2 and "--budget takes" in r.stderr, (budget, r)
    r = run(VMAPLE, "record", "--budget", "areas=1", "-o", folder + "/x", "--", "true")
    assert r.returncode == 2, r


run_cases(too_many, needless, growth, without_growth, the_programs_own_status, children_count, the_sentence, the_workflow_in_docs,
          not_a_budget)
