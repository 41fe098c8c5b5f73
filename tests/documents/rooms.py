#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No room includes a header of a room that ARCHITECTURE.md does not let it stand on.

usage: rooms.py SOURCE_FOLDER

The table of rooms is read from the document: what a room stands on, and what that stands on.  Of the lowest rooms the
public headers are looked at, too, with all that they include.  Prints TAP.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1]).resolve()
TREES = ["lib/trees/maple", "lib/trees/rbtree", "lib/trees/interval_tree", "lib/trees/prio_tree"]
TESTS = ("tests", "fuzz", "examples")  # look into what they test
# What the last column calls a room by, where it is not its folder's last part.
CALLED = {"trees": TREES, "live": ["trace/live"], "all": None}
BASE = {"cache", "linux_abi", "lock", "port", "rcu", "spinlock", "types"}
PUBLIC = {  # of the lowest rooms: the public headers that they may come to
    "lib/base": BASE,
    "lib/range_map": BASE | {"range_map"},
    "lib/trees/maple": BASE | {"maple_tree", "maple_step"},
    "lib/trees/rbtree": BASE | {"rbtree", "rbtree_augmented"},
    "lib/trees/interval_tree": BASE | {"rbtree", "rbtree_augmented", "interval_tree"},
    "lib/trees/prio_tree": BASE | {"prio_tree"},
}


def table():
    """{room: the words of its last column}"""
    rows = re.findall(r"^\| `([\w/]+)/` \|.*\| ([^|]*)\|$", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.M)
    twice = {room for room, _ in rows if sum(room == other for other, _ in rows) > 1}
    if twice:
        sys.exit("Bail out! rooms that ARCHITECTURE.md names twice: %s" % ", ".join(sorted(twice)))
    return {room: re.findall(r"\w+", words) for room, words in rows if room not in TESTS}


ROOMS = table()


def rooms_called(word):
    if word in CALLED:
        return CALLED[word] if CALLED[word] is not None else list(ROOMS)
    return [room for room in ROOMS if room.rsplit("/", 1)[-1] == word]


def below(room, seen):
    for word in ROOMS[room]:
        for other in rooms_called(word):
            if other not in seen:
                seen.add(other)
                below(other, seen)
    return seen


def room_of(path):
    relative = str(path.relative_to(ROOT))
    return max((r for r in ROOMS if relative.startswith(r + "/")), key=len, default=None)


def files_of(room):
    return [p for p in sorted((ROOT / room).rglob("*.[ch]")) if room_of(p) == room]


HEADERS = {}
for name in ROOMS:
    for header in files_of(name):
        if header.suffix == ".h":
            HEADERS.setdefault(header.name, []).append(header)


def included(path):
    """Headers of rooms that a file includes in quotes, and the public ones."""
    private, public = [], []
    for quote, name in re.findall(r'^\s*#\s*include (["<])([^">]+)[">]', path.read_text(encoding="utf-8"), re.M):
        beside = (path.parent / name).resolve()
        if name.startswith("vmaple/"):
            public.append(name[7:-2])
        elif quote == '"' and beside.exists():
            private.append(beside)
        elif quote == '"' and len(HEADERS.get(name, [])) == 1:
            private.append(HEADERS[name][0])
    return private, public


def closure(headers, seen):
    for header in headers:
        if header not in seen:
            seen.add(header)
            closure(included(ROOT / "include/vmaple" / (header + ".h"))[1], seen)
    return seen


def complaints(room):
    allowed = below(room, {room})
    for path in files_of(room):
        private, public = included(path)
        for header in private:
            if room_of(header) and room_of(header) not in allowed:
                yield f"{path.relative_to(ROOT)} includes {header.relative_to(ROOT)}"
        for header in sorted(closure(public, set()) - PUBLIC.get(room, closure(public, set()))):
            yield f"{path.relative_to(ROOT)} comes to <vmaple/{header}.h>"


def main():
    rooms = [room for room in ROOMS if files_of(room)]
    failed = 0
    print(f"1..{len(rooms)}")
    for n, room in enumerate(rooms, 1):
        wrong = list(complaints(room))
        print(f"{'not ' if wrong else ''}ok {n} - {room}")
        for line in wrong:
            print(f"# {line}")
        failed += bool(wrong)
    return failed != 0 or len(rooms) < 20


if __name__ == "__main__":
    sys.exit(main())
