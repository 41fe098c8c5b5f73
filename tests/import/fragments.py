#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every fragment of fragments.txt: the map that it leaves, and what is counted as in doubt.

usage: fragments.py VMAPLE fragments.txt

Prints TAP.
"""
import json
import os
import subprocess
import sys
import tempfile

VMAPLE, FRAGMENTS = os.path.abspath(sys.argv[1]), sys.argv[2]
ALWAYS = ("first writes are not logged", "first writes by the kernel itself", "the kernel is not known",
          "the map that an address space began with", "which areas were shared")


class Fragment:
    def __init__(self, title):
        self.title, self.files, self.doubts, self.uncertain = title, [("log", [])], [], 0
        self.maps, self.pid, self.formats, self.page_size = {0: []}, 0, [], None

    def add(self, line):
        if line.startswith("=== "):
            self.maps[self.pid].append(line[4:].split(" ", 3))
        elif line.startswith("@@@ "):
            self.pid = int(line[4:])
            self.maps[self.pid] = []
        elif line.startswith("??? "):
            self.uncertain = int(line[4:])
        elif line.startswith("!!! "):
            count, words = line[4:].split(" ", 1)
            self.doubts.append((int(count), words))
        elif line.startswith("&&& "):
            self.page_size = int(line[4:])
        elif line.startswith(">>> "):
            self.formats += line[4:].split()
        elif line.startswith("$$$ "):
            self.formats += ["--line-format", line[4:]]
        elif line.startswith("%%% "):
            self.files = [f for f in self.files if f[1]] + [(line[4:], [])]
        elif line and not self.doubts and not self.pid and not self.maps[0]:
            self.files[-1][1].append(line)


def read(path):
    fragments = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("### "):
                fragments.append(Fragment(line[4:]))
            elif fragments:
                fragments[-1].add(line)
    return fragments


def run(*command):
    return subprocess.run([VMAPLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=60)


def areas(text):
    """(bounds, access, offset, name) of each line of maps."""
    lines = [line.split(None, 5) for line in text.splitlines()]
    return [(f[0], f[1], f[2], f[5] if len(f) > 5 else "") for f in lines]


def wanted(lines):
    return [(f[0], f[1], f[2] if len(f) > 2 else "00000000", f[3] if len(f) > 3 else "") for f in lines]


def write(fragment, folder):
    paths = []
    for name, lines in fragment.files:
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "w", encoding="utf-8", newline="") as f:
            f.write("\n".join(lines).replace("\\r", "\r").replace("\\e", "\x1b") + "\n")
    return paths


def check(fragment, folder):
    logs, out = write(fragment, folder), os.path.join(folder, "out.vmt")
    r = run("import", "--json", "-o", out, *fragment.formats, *logs)
    assert r.returncode == 0, r.stderr
    doubts = [d for d in json.loads(r.stdout)["uncertain"] if not d["what"].startswith(ALWAYS)]
    for count, words in fragment.doubts:
        found = [d for d in doubts if words in "%s [%s]" % (d["what"], d["first"].replace(folder + "/", ""))]
        assert found and found[0]["count"] == count, "%d times `%s` is wanted: %s" % (count, words, doubts)
        doubts.remove(found[0])
    assert not doubts, "nobody wants %s" % doubts
    if fragment.page_size:
        told = json.loads(run("sql", "--json", out, "select page_size from runs").stdout)
        assert told == [{"page_size": fragment.page_size}], told
    verified = json.loads(run("verify", "--json", out).stdout)
    assert verified["differences"] == 0, verified
    assert verified["uncertain"] == fragment.uncertain, "%d uncertain" % verified["uncertain"]
    for pid, lines in fragment.maps.items():
        got = areas(run("maps", *(["--pid", str(pid)] if pid else []), logs[0] if len(logs) == 1 and not fragment.formats else out).stdout)
        assert got == wanted(lines), "process %d:\n%s\nis not\n%s" % (
            pid, "\n".join(map(str, got)), "\n".join(map(str, wanted(lines))))


def check_formats(folder):
    """A format that cannot be is one sentence that shows it."""
    log = os.path.join(folder, "log")
    with open(log, "w", encoding="utf-8") as f:
        f.write("1 2\n")
    for form, words in (("{x} {addr}", "{x}"), ("{addr}{len}", "between two fields"), ("{time}", "neither"),
                        ("{call=nothing} {addr}", "{call=nothing}"), ("{addr", "neither"), ("{} " * 40, "more than")):
        r = run("import", "-o", os.path.join(folder, "out.vmt"), "--line-format", form, log)
        assert r.returncode == 3 and words in r.stderr and r.stderr.count("\n") == 1, "%s: %s" % (form, r.stderr)


def main():
    fragments, failed = read(FRAGMENTS), 0
    for number, fragment in enumerate(fragments, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(fragment, folder)
                print("ok %d - %s" % (number, fragment.title))
            except AssertionError as e:
                failed += 1
                print("not ok %d - %s" % (number, fragment.title))
                print("# " + str(e).replace("\n", "\n# "))
    with tempfile.TemporaryDirectory() as folder:
        try:
            check_formats(folder)
            print("ok %d - formats that cannot be" % (len(fragments) + 1))
        except AssertionError as e:
            failed += 1
            print("not ok %d - formats that cannot be\n# %s" % (len(fragments) + 1, e))
    print("1..%d" % (len(fragments) + 1))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
