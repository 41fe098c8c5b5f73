#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vmaple diff`: how many areas two recordings have of each reason and place is known from how the programs are made.

usage: diff.py VMAPLE FOLDER_OF_CASES
"""
import json
import os

from recorded import VMAPLE, record, run, run_cases


def diff(*argv):
    r = run(VMAPLE, "diff", "--json", *argv)
    assert r.returncode == 0, r.stderr
    d = json.loads(r.stdout)
    for rows in "reasons", "places":
        for side in "ab":
            assert sum(row[side] for row in d[rows]) == d[side]["areas"], "every boundary is in one row"
        for row in d[rows]:
            assert row["change"] == row["b"] - row["a"], row
    return d


def row(rows, reasons, made_by=""):
    found = [r for r in rows if r["reasons"] == reasons and made_by in r.get("made_by", "")]
    assert len(found) == 1, (reasons, made_by, found)
    return found[0]


def more_of_the_same(folder):
    """A buffer is two boundaries, the last one's upper end is one more of another kind."""
    a = record(folder, "dontfork", 1000)
    os.rename(a, a + ".a")
    d = diff(a + ".a", record(folder, "dontfork", 3000))
    assert d["b"]["areas"] - d["a"]["areas"] == 4000
    r = row(d["reasons"], ["dontfork"])
    assert (r["a"], r["b"], r["state"]) == (1999, 5999, "grown"), r
    place = d["places"][0]
    assert (place["a"], place["b"], place["change"]) == (1999, 5999, 4000), place
    assert [p for p in d["places"] if p["change"]] == [place], "nothing else has changed"
    back = diff(record(folder, "dontfork", 3000), a + ".a")
    assert row(back["reasons"], ["dontfork"])["state"] == "less"


def gone(folder):
    """Even pieces first leave 127 boundaries, ascending ones none."""
    a = record(folder, "commit_order", "even")
    os.rename(a, a + ".a")
    d = diff("--at", "end", a + ".a", record(folder, "commit_order", "ascending"))
    r = row(d["reasons"], ["written"])
    assert (r["a"], r["b"], r["state"]) == (127, 0, "gone"), r
    assert d["a"]["needless"] - d["b"]["needless"] == 127
    assert r["example_b"] is None and r["example_a"]
    back = diff("--at", "end", record(folder, "commit_order", "ascending"), a + ".a")
    r = row(back["reasons"], ["written"])
    assert (r["a"], r["b"], r["state"]) == (0, 127, "new"), r


def places_of_another_build(folder):
    """Offsets in functions are each build's own: the same place in another program of this name is the same one."""
    a = record(folder, "commit_order", "even")
    os.rename(a, a + ".a")
    d = diff("--at", "end", a + ".a", record(folder, "commit_order", "random"))
    r = d["places"][0]
    assert (r["reasons"], r["a"], r["b"]) == (["written"], 127, 84), r
    assert "+0x" not in r["made_by"] or "(" not in r["made_by"], r


def equal(folder):
    path = record(folder, "commit_order", "even")
    assert not any(r["change"] for r in diff(path, path)["places"])
    r = run(VMAPLE, "diff", path, path)
    assert "as many areas in both" in r.stdout and max(map(len, r.stdout.splitlines())) <= 80, r.stdout


def on_eighty_columns(folder):
    a = record(folder, "dontfork", 1000)
    r = run(VMAPLE, "diff", "--at", "end", a, record(folder, "commit_order", "even"))
    lines = r.stdout.splitlines()
    assert any("gone: MADV_DONTFORK" in line for line in lines) and any("new: written apart" in line for line in lines)
    assert all(len(line) <= 80 for line in lines if " " in line.strip()), r.stdout


def bad_input(folder):
    path = record(folder, "commit_order", "even")
    for argv, status in (((path,), 2), ((path, path, path), 2), ((path, "/dev/null"), 3), (("--at", "noon", path, path), 2),
                         ((path, folder + "/none"), 3), (("--top=0", path, path), 2)):
        r = run(VMAPLE, "diff", *argv)
        assert r.returncode == status and len(r.stderr.splitlines()) == 1 and not r.stdout, (argv, r)
    with open(path, "rb") as whole, open(path + ".cut", "wb") as cut:
        cut.write(whole.read()[:-10])
    r = run(VMAPLE, "diff", path, path + ".cut")
    assert r.returncode == 3 and r.stdout, r
    with open(path + ".cut", "rb") as cut, open(path + ".begun", "wb") as begun:
        begun.write(cut.read()[:300])
    for command in (("diff", path + ".begun", path), ("why", "--top", path + ".begun"), ("lab", path + ".begun")):
        r = run(VMAPLE, *command)
        assert r.returncode == 3 and r.stderr.count(path + ".begun") == 1 and not r.stdout, r


run_cases(more_of_the_same, gone, places_of_another_build, equal, on_eighty_columns, bad_input)
