#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every file, link, function, type and test that a document names is there.

usage: names.py SOURCE_FOLDER ELSEWHERE

In `code` of ARCHITECTURE.md, README.md, SECURITY.md and docs/*.md: what looks like a path or a file's name is a file of the
sources (a bare name: of any folder; with *: at least one); `name()`, `struct name` and words with an underscore occur in
the sources; a link leads to a file, and to a heading of it.  ELSEWHERE lists, one a line, names of others: of the kernel,
of libraries, of what a program makes.  One that no document has is an error, too.  Prints TAP.
"""
import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
ELSEWHERE = {line.split("#")[0].strip() for line in open(sys.argv[2], encoding="utf-8")} - {""}
FILE = re.compile(r"[\w*./+-]+\.(?:c|h|py|js|md|txt|sh|cpp|svg|pml|case|vmt|build|supp)")
PATH = re.compile(r"(?:lib|trace|tests|tools|docs|lab|cli|oracle|report|include|fuzz|bench|examples|man|contrib)/[\w*./+-]*")


def sources():
    # No git: what was unpacked from an archive has none.
    skipped = {".git", "build"}
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if not any(p in skipped or p.startswith("build") for p in parts) and path.is_file():
            yield path


FILES = sorted(sources())
NAMES = {p.name for p in FILES}
PATHS = {str(p.relative_to(ROOT)) for p in FILES}
WORDS = set()
for p in FILES:
    if p.name != pathlib.Path(sys.argv[2]).name and p.suffix in (".c", ".h", ".py", ".build", ".txt", ".sh", ".js", ".pml", ".cpp", ".1", "") and p.stat().st_size < 1 << 20:
        WORDS.update(re.findall(r"\w+", p.read_text(encoding="utf-8", errors="replace")))


def is_file(name):
    name = name.removeprefix("<").removesuffix(">").rstrip("/")
    if "*" in name:
        return any(fnmatch.fnmatch(p, name) or fnmatch.fnmatch(p, "*/" + name) for p in PATHS)
    return name in PATHS or (ROOT / name).is_dir() or ("/" not in name and name in NAMES) or \
        any(p.endswith("/" + name) for p in PATHS)


def wrong_in_code(code):
    """What a piece of `code` names and is not there."""
    bare = code.removeprefix("<").removesuffix(">")
    if FILE.fullmatch(bare) or PATH.fullmatch(bare):
        if not is_file(bare):
            yield bare
        return
    m = re.fullmatch(r"(?:struct |enum )?([A-Za-z]\w*)\(\)", code) or re.fullmatch(r"(?:struct|enum) (\w+)", code) or \
        re.fullmatch(r"([a-z]\w*_\w+)", code)
    if m and m.group(1) not in WORDS:
        yield m.group(1)


def heading_names(text):
    for line in re.findall(r"^#+ (.*)$", text, re.M):
        yield re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-")


def wrong_links(document, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        at = (document.parent / name) if name else document
        if not at.exists():
            yield target
        elif heading and heading not in heading_names(at.read_text(encoding="utf-8")):
            yield target


def main():
    documents = [ROOT / n for n in ("ARCHITECTURE.md", "README.md", "SECURITY.md")] + sorted((ROOT / "docs").glob("*.md"))
    used, failed = set(), 0
    print(f"1..{len(documents) + 1}")
    for n, document in enumerate(documents, 1):
        text = document.read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        named = {w for code in re.findall(r"`([^`\n]+)`", prose) for w in wrong_in_code(code)}
        used |= named & ELSEWHERE
        wrong = sorted(named - ELSEWHERE) + sorted(wrong_links(document, prose))
        print(f"{'not ' if wrong else ''}ok {n} - {document.relative_to(ROOT)}")
        for what in wrong:
            print(f"# names {what}, which is not there")
        failed += bool(wrong)
    left = sorted(ELSEWHERE - used)
    print(f"{'not ' if left else ''}ok {len(documents) + 1} - names of others are used")
    for what in left:
        print(f"# {what}: no document names it, or the sources have it")
    return failed != 0 or bool(left)


if __name__ == "__main__":
    sys.exit(main())
