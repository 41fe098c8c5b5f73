#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Recordings that are made to be expensive: four times the size costs about four times the instructions, in every command.

usage: hostile.py VMAPLE HOSTILE SERVED N [COMMAND]...   (instructions as valgrind counts them: no clock is asked)

SERVED (served.c) lets one process of valgrind's run all commands: it takes longer to begin than most of them do to run.
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

vmaple, hostile, served = (os.path.abspath(path) for path in sys.argv[1:4])
size = int(sys.argv[4])
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


class Server:
    """The command under valgrind."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", vmaple], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "LD_PRELOAD": served, "SERVED": vmaple})

    def run(self, *words):
        """How many instructions it takes."""
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        out = ""
        for line in self.process.stdout:
            if line.startswith("served: "):
                assert os.waitstatus_to_exitcode(int(line[8:])) in (0, 1), out[-1000:]
                return int(re.search(r"Collected : (\d+)", out).group(1))
            out += line
        raise AssertionError("valgrind ended: " + out[-1000:])

    def end(self):
        self.process.communicate()


def cost(server, command, recording):
    for made in ("page.html", "rows.jsonl", "rows.db"):
        if os.path.exists(made):
            os.unlink(made)
    # A map as large as the largest of these takes a few MiB.
    return server.run(*COMMANDS[command](recording), "--max-memory", "256M")


@functools.lru_cache(maxsize=None)
def cost_of(server, command, kind, n):
    name = "%s-%d.vmt" % (kind, n)
    if not os.path.exists(name):
        subprocess.run([hostile, kind, str(n), name], check=True)
    return cost(server, command, name)


def growth(server, kind, command, any_kind):
    """Of the instructions beyond those that the smallest takes.  What the command takes at least, the smallest of any kind tells:
    where the largest takes little more, no others are counted."""
    many = cost_of(server, command, kind, 4 * size)
    if many - cost_of(server, command, any_kind, 4) <= LEAST:
        return 0, [many]
    none, few = cost_of(server, command, kind, 4), cost_of(server, command, kind, size)
    return (many - none) / max(few - none, 1) if many - none > LEAST else 0, [none, few, many]


def main():
    if not shutil.which("valgrind"):
        print("1..0 # SKIP valgrind is not installed")
        return
    commands = sys.argv[5:] or list(COMMANDS)
    kinds = subprocess.run([hostile, "list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    cases = [(kind, command) for kind in kinds for command in commands if command in OF_THE_LEDGER.get(kind, commands)]
    print("1..%d" % len(cases))
    good, server = True, Server()
    for i, (kind, command) in enumerate(cases, 1):
        ratio, costs = growth(server, kind, command, kinds[0])
        ok = ratio <= MOST
        good &= ok
        print("%s %d - %s, %s: %.1f times" % ("ok" if ok else "not ok", i, kind, command, ratio))
        if not ok:
            print("# instructions of 4, %d and %d: %s" % (size, 4 * size, costs))
        sys.stdout.flush()
    server.end()
    sys.exit(0 if good else 1)


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    main()
