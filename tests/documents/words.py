#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No identifier has a word that the glossary gives up in its room.

usage: words.py SOURCE_FOLDER

Rows of docs/glossary.md with a room and words "not" to be used: identifiers of the room's C files are cut at underscores, and
none of the pieces may be such a word. Comments are prose, and free. Prints TAP.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
NAME = re.compile(r"[A-Za-z_]\w*")


def rows():
    for line in (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[2].startswith("`") and cells[3]:
            yield cells[0], cells[2].strip("`"), [word.strip() for word in cells[3].split(",")]


def blank(match):
    """Keeps the lines where they are."""
    return "\n" * match.group().count("\n")


def found(room, word):
    for path in sorted((ROOT / room).rglob("*.[ch]")):
        text = STRING.sub('""', COMMENT.sub(blank, path.read_text(encoding="utf-8")))
        for number, line in enumerate(text.splitlines(), 1):
            for name in NAME.findall(line):
                if word in name.lower().split("_"):
                    yield "%s:%d: %s" % (path.relative_to(ROOT), number, name)


def main():
    failed = number = 0
    for wanted, room, words in rows():
        for word in words:
            number += 1
            places = list(found(room, word))
            failed += bool(places)
            print("%s %d - %s: %s, not %s" % ("not ok" if places else "ok", number, room, wanted, word))
            for place in places[:5]:
                print("# " + place)
    print("1..%d" % number)
    sys.exit(bool(failed) or number == 0)


main()
