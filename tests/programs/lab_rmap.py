#!/usr/bin/env python3
"""vmaple lab --rmap on small workloads: every design does the same work, and each is good where it is said to be.

usage: lab_rmap.py VMAPLE
"""
import json
import os
import subprocess
import sys
import tempfile

vmaple = sys.argv[1]
failed = 0
number = 0


def check(what, ok, seen=""):
    global failed, number
    number += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {what}")
    if not ok:
        print(f"# {seen}")


def lab(*args):
    run = subprocess.run([vmaple, "lab", "--json", "--repeat", "1", *args], stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def column(result, key):
    return {name: design[key] for name, design in result["designs"].items()}


one = lab("--rmap", "all", "--workload", "one-file", "--areas", "500")[0]
looked = column(one, "areas_per_unmapped")
check("all six designs ran", len(looked) == 6, looked)
check("all reclaimed the same pages", len(set(column(one, "reclaimed").values())) == 1, column(one, "reclaimed"))
check("a list of areas is looked at whole, trees are not", looked["objrmap"] > 20 * looked["anon_vma"], looked)

server = lab("--rmap", "all", "--workload", "fork-server", "--areas", "60")[0]
looked = column(server, "areas_per_unmapped")
check("a page of one child costs a look at all of them without chains", looked["anon_list"] > 4 * looked["anon_vma"],
      looked)
check("merges that anon_vma refuses happen in anonmm",
      column(server, "refused")["anon_vma"] >= 60 and column(server, "refused")["anonmm"] == 0, column(server, "refused"))
check("pte_chain pays for every shared page", column(server, "bytes")["pte_chain"] > 2 * column(server, "bytes")["anonmm"],
      column(server, "bytes"))

desk = lab("--rmap", "anonmm,anon_vma", "--workload", "desktop", "--areas", "4")[0]
copies = column(desk, "move_copies")
check("mremap of shared pages copies them in anonmm alone", copies["anonmm"] > 0 and copies["anon_vma"] == 0, copies)

window = lab("--rmap", "all", "--workload", "uml-window", "--areas", "512")[0]
areas = lab("--rmap", "all", "--workload", "uml-areas", "--areas", "512")[0]
check("a window is one area, emulation hundreds",
      set(column(window, "areas").values()) == {1} and min(column(areas, "areas").values()) > 200, column(areas, "areas"))

swap = lab("--rmap", "anon_vma", "--workload", "swap", "--areas", "20000", "--swap", "100M")[0]
check("a swap load swaps", column(swap, "reclaimed")["anon_vma"] > 10000, column(swap, "reclaimed"))

with tempfile.TemporaryDirectory() as folder:
    picture = os.path.join(folder, "walk.svg")
    points = lab("--rmap", "all", "--picture", picture, "--areas", "1000")
    cost = {(p["design"], p["areas"]): p["looked"] for p in points}
    check("a walk looks at one area in a tree, at all of them on a list",
          cost["anon_vma", 1000] == 1 and cost["chains", 1000] == 1000 and cost["anon_list", 1000] == 1000, cost)
    with open(picture, encoding="utf-8") as file:
        text = file.read()
    check("the picture has a line for each design", all(name in text for name in column(one, "bytes")))
    recording = os.path.join(folder, "r.vmt")
    subprocess.run([vmaple, "record", "-o", recording, "--", "bash", "-c", "(ls >/dev/null); (ls >/dev/null); true"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    real = lab("--rmap", "all", recording)[0]
    check("a recording's forks and faults are carried out on every design",
          all(d["calls"]["fork"]["calls"] >= 1 and d["calls"]["fault"]["calls"] > 20 for d in real["designs"].values()),
          real)
check("a reverse map that is not there is a misuse",
      subprocess.run([vmaple, "lab", "--rmap", "none"], stderr=subprocess.DEVNULL, check=False).returncode == 2)
print(f"1..{number}")
sys.exit(failed != 0)
