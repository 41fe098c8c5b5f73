#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A function fits a screen: 60 lines at most between its braces, and no line of code is longer than 120 characters.

usage: screen.py SOURCE_FOLDER

Comments, and tables in which one row is one line, may be wider.  Prints TAP.
"""
import pathlib
import re
import sys

LINES, COLUMNS = 60, 120
ROOMS = ("bench", "cli", "conform", "examples", "fuzz", "include", "lab", "lib", "oracle", "report", "tests", "trace")


def code_of(text):
    """The lines, without comments and what is in quotes."""
    def blank(m):
        return re.sub(r"[^\n]", "", m.group())

    return re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S).split("\n")


def complaints(path):
    begun = None
    for n, line in enumerate(code_of(path.read_text(encoding="utf-8")), 1):
        if len(line.rstrip()) > COLUMNS and not re.search(r"^\s+(X\(|[{\"])", line):
            yield f"{path}:{n}: a line of {len(line)} characters"
        if line == "{":
            begun = n
        elif line == "}" and begun:
            if n - begun - 1 > LINES:
                yield f"{path}:{begun}: a function of {n - begun - 1} lines"
            begun = None


def main():
    root = pathlib.Path(sys.argv[1])
    print(f"1..{len(ROOMS)}")
    failed, seen = 0, 0
    for n, room in enumerate(ROOMS, 1):
        files = [p for suffix in ("c", "h", "cpp", "hpp") for p in sorted((root / room).rglob("*." + suffix))]
        wrong = [line for path in files for line in complaints(path)]
        print(f"{'not ' if wrong else ''}ok {n} - {room}: {len(files)} files")
        for line in wrong:
            print(f"# {line}")
        failed += bool(wrong)
        seen += len(files)
    return failed != 0 or seen < 700


if __name__ == "__main__":
    sys.exit(main())
