#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Recordings that are made to be expensive: four times the size costs about four times the instructions, in every command.

usage: hostile.py VMAPLE HOSTILE N [COMMAND]...   (instructions as valgrind counts them: no clock is asked)
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

vmaple, hostile, size = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3])
COMMANDS = {
    "verify": lambda f: ["verify", f],
    "maps": lambda f: ["maps", f],
    "why top": lambda f: ["why", "--top", "--at", "end", f],
    "why": lambda f: ["why", f, "7f0000000000"],
    "report": lambda f: ["report", f, "-o", "page.html"],
    "json lines": lambda f: ["export", "--format", "jsonl", "-o", "rows.jsonl", f],
    "sqlite": lambda f: ["export", "--format", "sqlite", "-o", "rows.db", f],
    "diff": lambda f: ["diff", f, f],
    "whatif": lambda f: ["whatif", f, "--without", "madvise"],
}
# In the ledger every process that is there has areas of its own, which it tells apart: that is n times n of them.
OF_THE_LEDGER = {"forks-of-a-large-map": ("verify", "maps")}
# n log n from n to 4n, and tables that double in between.
MOST = 6
# A command that does next to nothing with this kind is not judged.
LEAST = 3000000


def run(*command):
    # A map as large as the largest of these takes a few MiB.
    p = subprocess.run([*command, "--max-memory", "256M"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                       timeout=600)
    assert p.returncode in (0, 1), p.stdout[-1000:]
    return p.stdout


def cost(command, recording):
    for made in ("page.html", "rows.jsonl", "rows.db"):
        if os.path.exists(made):
            os.unlink(made)
    out = run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", vmaple, *COMMANDS[command](recording))
    return int(re.search(r"Collected : (\d+)", out).group(1))


@functools.lru_cache(maxsize=None)
def cost_of(command, kind, n):
    name = "%s-%d.vmt" % (kind, n)
    if not os.path.exists(name):
        subprocess.run([hostile, kind, str(n), name], check=True)
    return cost(command, name)


def growth(kind, command, any_kind):
    """Of the instructions beyond those that the smallest takes.  What the command takes at least, the smallest of any kind tells:
    where the largest takes little more, no others are counted."""
    many = cost_of(command, kind, 4 * size)
    if many - cost_of(command, any_kind, 4) <= LEAST:
        return 0, [many]
    none, few = cost_of(command, kind, 4), cost_of(command, kind, size)
    return (many - none) / max(few - none, 1) if many - none > LEAST else 0, [none, few, many]


def main():
    if not shutil.which("valgrind"):
        print("1..0 # SKIP valgrind is not installed")
        return
    commands = sys.argv[4:] or list(COMMANDS)
    kinds = subprocess.run([hostile, "list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    cases = [(kind, command) for kind in kinds for command in commands if command in OF_THE_LEDGER.get(kind, commands)]
    print("1..%d" % len(cases))
    good = True
    for i, (kind, command) in enumerate(cases, 1):
        ratio, costs = growth(kind, command, kinds[0])
        ok = ratio <= MOST
        good &= ok
        print("%s %d - %s, %s: %.1f times" % ("ok" if ok else "not ok", i, kind, command, ratio))
        if not ok:
            print("# instructions of 4, %d and %d: %s" % (size, 4 * size, costs))
        sys.stdout.flush()
    sys.exit(0 if good else 1)


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    main()
