#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of docs/cases.md: `vmaple why --top` names the true reason and the function that is to blame, first.

usage: cases.py VMAPLE FOLDER_OF_CASES [--names] [--long]

How many areas there are is known from how each program is made, not from what was printed once.  Prints TAP.
"""
import json
import os
import re
import sys

from recorded import CASES, Skip, VMAPLE, first, function, record, run, run_cases, top, whatif, why

LONG = "--long" in sys.argv


def cured(path, saved, *changes):
    """At the end, at least so many areas fewer."""
    w = whatif(path, *changes)
    assert w["calls_otherwise"] == 0 and w["end"] <= w["end_was"] - saved, (w["end_was"], w["end"], w["first_otherwise"])


def random_order(folder):
    path = record(folder, "commit_order", "random")
    t = top(path, "--at", "end")
    g = first(t, ["written"], "commit", 84, 84)
    assert g["needless"]
    if "--names" in sys.argv:
        text = run(VMAPLE, "why", "--top", "--at", "end", path).stdout
        assert "mprotect at commit+" in text, text
    answer = why(path, g["example"][1], "--at", "end")
    below = answer["boundaries"][0]
    assert [r["reason"] for r in below["reasons"]] == ["written"] and below["needless"]
    assert "ascending order" in below["reasons"][0]["cure"]
    assert below["left"]["written"]["step"] != below["right"]["written"]["step"]
    cured(path, 84, "--touch", "late")
    cured(path, 84, "--rmap", "anonmm")
    cured(path, 84, "--commit", "1G")
    ascending = top(record(folder, "commit_order", "ascending"), "--at", "end")
    assert ascending["areas"] == t["areas"] - 84


def stacks(folder):
    if "--names" not in sys.argv:
        raise Skip("this build has no libdw")
    path = os.path.join(folder, "stacks.vmt")
    r = run(VMAPLE, "record", "--stacks", "--check", "end", "-o", path, "--", os.path.join(CASES, "case_commit_order"), "even")
    assert r.returncode == 0, r.stderr
    g = first(top(path, "--at", "end"), ["written"], "commit", 127, 127)
    functions = [f.split("+")[0] for f in g["frames"]]
    assert functions[:2] == ["commit", "main"] and functions[-1] == "_start", functions
    assert g["made_by"].startswith("mprotect at commit+"), g["made_by"]
    text = run(VMAPLE, "why", "--top", "--at", "end", path).stdout
    assert "by commit+" in text and "< main+" in text, text
    folded = run(VMAPLE, "why", "--top", "--folded", "--at", "end", path).stdout.splitlines()
    frames = [re.sub(r"\+.*", "", f) for f in folded[0].split(";")]
    assert frames[:2] == ["written apart", "_start"] and frames[-3:-1] == ["main", "commit"], folded[0]
    assert frames[-1] == "mprotect 127", folded[0]
    life = why(path, g["example"][1], "--at", "end")["areas"][0]["life"]
    calls = [e["event"] for e in life if e["event"]["type"] == "call"]
    assert calls and all(c["stack"] for c in calls), life
    text = run(VMAPLE, "why", "--at", "end", path, "%x" % g["example"][1]).stdout
    assert "< main+" in text, text


def even_first(folder):
    path = record(folder, "commit_order", "even")
    first(top(path, "--at", "end"), ["written"], "commit", 127, 127)
    cured(path, 127, "--touch", "late")


def dontfork(folder):
    n = 40000 if LONG else 3000
    path = record(folder, "dontfork", n, status=2 if LONG else 0)
    g = first(top(path), ["dontfork"], "register_buffer", 65400 if LONG else 5999, 65531 if LONG else 5999)
    answer = why(path, g["example"][1])
    if not LONG:
        cured(path, 5998, "--without", "madvise:MADV_DONTFORK")
        w = whatif(path, "--max-map-count", 2000)
        assert w["first_otherwise"]["would_be"] == "-EAGAIN", w["first_otherwise"]
    assert "MADV_DOFORK" in answer["boundaries"][0]["reasons"][0]["cure"]


def lazy_commit(folder):
    path = record(folder, "lazy_commit")
    first(top(path), ["prot"], "commit_slice", 11999, 11999)
    cured(path, 11990, "--commit", "2M")


def thread_stacks(folder):
    path = record(folder, "thread_stacks", "mprotect")
    t = top(path)
    g = first(t, ["prot"], "protect_guard", 300, 300)
    answer = why(path, g["example"][1])
    cured(path, 599, "--guards", "install")
    assert "MADV_GUARD_INSTALL" in answer["boundaries"][0]["reasons"][0]["cure"]
    try:
        installed = top(record(folder, "thread_stacks", "install"))
        assert installed["areas"] == t["areas"] - 599, (installed["areas"], t["areas"])
    except Skip:
        pass


def log_of_names(folder, pieces):
    """What the program would have done on a kernel that has such names, as strace writes it: made without that kernel."""
    path, heap = os.path.join(folder, "names.log"), 0x7f0000000000
    with open(path, "w", encoding="utf-8") as log:
        log.write('1000 execve("/bin/names", ["names"], 0x7ffd00000000 /* 9 vars */) = 0\n')
        log.write("1000 mmap(NULL, %d, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = %#x\n" % (pieces * 4096, heap))
        for i in range(pieces):
            log.write('1000 prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, %#x, 4096, "object %d") = 0\n' % (heap + i * 4096, i))
        log.write("1000 exit_group(0) = ?\n1000 +++ exited with 0 +++\n")
    return path


def names_by_the_engine(folder):
    path = log_of_names(folder, 500)
    g = top(path)["groups"][0]
    assert (g["reasons"], g["areas"], g["call"]) == (["name"], 499, "prctl"), g
    below = why(path, 0x7f0000001000)["boundaries"][0]
    assert [r["reason"] for r in below["reasons"]] == ["name"] and "same name" in below["reasons"][0]["cure"], below
    cured(path, 499, "--names", "off")


def names(folder):
    path = record(folder, "names")
    first(top(path), ["name"], "name_piece", 499, 499)
    cured(path, 499, "--names", "off")


def room(path, size):
    r = run(VMAPLE, "why", "--at", "end", "--json", "--room", size, "--in", "40000000-80000000", path)
    assert r.returncode == 0, r.stderr
    return json.loads(r.stdout)


def fewest(path, way):
    """Counted one by one, with a place at each area's end: no place has fewer areas in it."""
    areas = json.loads(run(VMAPLE, "maps", "--format", "json", path).stdout)

    def count(at):
        return sum(a["start"] < at + way["size"] and a["end"] > at for a in areas)
    places = [way["low"]] + [a["end"] for a in areas]
    counts = [count(at) for at in places if way["low"] <= at <= way["high"] - way["size"]]
    assert min(counts) == count(way["place"]) == len(way["in_the_way"]) > 1, (min(counts), way)


def fragments(folder):
    path = record(folder, "fragments")
    t = top(path, "--at", "end")
    g = first(t, ["gap"], "main", 400, 1024)
    assert g["call"] == "munmap", g
    way = room(path, "64M")
    assert not way["fits"] and way["largest_hole"] < 64 << 20 and way["free"] > 400 << 20, way
    assert way["place"] >= 0x40000000 and way["place"] + (64 << 20) <= 0x80000000, way
    if "--names" in sys.argv:
        assert {a["made_by"].split("+")[0] for a in way["in_the_way"]} == {"mmap at map_block"}, way
    assert room(path, "1M")["fits"]
    fewest(path, way)


def jit_double(folder):
    t = top(record(folder, "jit_double"))
    g = first(t, ["prot", "offset"], "map_piece", 1649, 1650)
    assert t["groups"][1]["reasons"] == g["reasons"] and function(t["groups"][1]) == "map_piece"


def wasm_instances(folder):
    n = 30000 if LONG else 1000
    path = record(folder, "wasm_instances", n, status=2 if LONG else 0)
    t = top(path)
    for g in t["groups"][:3]:
        assert g["reasons"] == ["prot"] and function(g) == "instantiate", g
        assert (21000 if LONG else 999) <= g["areas"] <= (22000 if LONG else 1000), g
    text = run(VMAPLE, "why", "--top", path).stdout
    assert all(len(line) <= 80 for line in text.splitlines()), text
    if not LONG:
        cured(path, 999, "--guards", "install")


def fork_touched(folder):
    n = 11000
    path = record(folder, "fork_touched", n)
    parent = top(path, "--at", "end")
    assert parent["areas"] < 100, "the parent has one area again"
    child = top(path, "--at", "end", "--pid", record.printed.strip())
    g = first(child, ["inherited"], "cut", n - 1, n - 1)
    below = why(path, g["example"][1], "--at", "end", "--pid", str(child["pid"]))["boundaries"][0]
    assert below["right"]["inherited"]["type"] == "fork", below["right"]
    assert below["right"]["inherited"]["pid"] == parent["pid"]
    cured(path, n - 1, "--rmap", "anonmm", "--pid", child["pid"])


def leak(folder):
    seconds = 20 if LONG else 3
    path = record(folder, "leak", seconds)
    t = top(path)
    two = t["groups"][:2]
    assert {function(g) for g in two} == {"handle_request"}, two
    assert all(g["reasons"] == ["prot"] for g in two)
    growth = sum(g["growth_per_second"] for g in two)
    assert 95 <= growth <= 115, growth
    cured(path, 2 * 54 * seconds * 9 // 10, "--guards", "install")


def moved(folder):
    path = record(folder, "moved")
    first(top(path), ["moved"], "move", 498, 499)
    cured(path, 498, "--touch", "late")


def two_files(folder):
    """Memory behind a file: no sentence about parts of one file."""
    path = record(folder, "moved")
    lines = [line.split() for line in run(VMAPLE, "maps", path).stdout.splitlines()]
    file, behind = next((a, b) for a, b in zip(lines, lines[1:])
                        if len(a) > 5 and a[5].startswith("/") and len(b) == 5 and a[0].split("-")[1] == b[0].split("-")[0])
    text = run(VMAPLE, "why", path, file[0].split("-")[0], behind[0].split("-")[0]).stdout
    assert "they map different things" in text and "of one file" not in text, text


run_cases(random_order, stacks, even_first, dontfork, lazy_commit, thread_stacks, names, names_by_the_engine, fragments, jit_double,
          wasm_instances, fork_touched, leak, moved, two_files)
