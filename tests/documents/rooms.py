#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No room includes a header of a room that ARCHITECTURE.md does not let it stand on.

usage: rooms.py SOURCE_FOLDER BUILD_FOLDER

The table of rooms is read from the document: what a room stands on, and what that stands on.  First the sources are held
to it.  Then the compiler is asked, with the options that the build has for each room of lib/ and trace/, which headers it
would find, public and private ones: its own and those below, and no others.  Prints TAP.
"""
import functools
import json
import pathlib
import re
import shlex
import subprocess
import sys

ROOT, BUILD = (pathlib.Path(folder).resolve() for folder in sys.argv[1:])
TREES = ["lib/trees/maple", "lib/trees/rbtree", "lib/trees/interval_tree", "lib/trees/prio_tree", "lib/trees/interval_map"]
TESTS = ("tests", "fuzz", "examples")  # look into what they test
# What the last column calls a room by, where it is not its folder's last part.
CALLED = {"trees": TREES, "live": ["trace/live"], "all": None}


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
# Whose the public headers are: include/meson.build.
PUBLIC = {f"<vmaple/{header.name}>": room for folder in (BUILD / "include").iterdir()
          for room in rooms_called(folder.name) for header in (folder / "vmaple").glob("*.h")}
# Private ones whose names tell whose they are.
PRIVATE = {f'"{name}"': room_of(found[0]) for name, found in HEADERS.items() if len(found) == 1}
COMMANDS = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))


def included(path):
    """Headers of rooms that a file includes in quotes."""
    private = []
    for quote, name in re.findall(r'^\s*#\s*include (["<])([^">]+)[">]', path.read_text(encoding="utf-8"), re.M):
        beside = (path.parent / name).resolve()
        if quote == '"' and beside.exists():
            private.append(beside)
        elif quote == '"' and len(HEADERS.get(name, [])) == 1:
            private.append(HEADERS[name][0])
    return private


def options_of(room):
    """How the build compiles the room's own library: (compiler, options for what is included), each once."""
    own = room + "/" if room.startswith("lib/") else ("trace/lib", room + "/lib")
    options = set()
    for c in COMMANDS:
        if c["output"].startswith(own) and room_of((BUILD / c["file"]).resolve()) == room:
            words = [w for w in shlex.split(c["command"]) if w != "ccache"]
            options.add((words[0], *(w for w in words if w.startswith("-I"))))
    return sorted(options)


@functools.cache
def found(options):
    """The headers of rooms that the compiler finds."""
    names = sorted(PUBLIC | PRIVATE)
    text = "".join(f"#if __has_include({name})\nfound {n}\n#endif\n" for n, name in enumerate(names))
    out = subprocess.run([*options, "-E", "-P", "-x", "c", "-"], cwd=BUILD, input=text, text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    return {names[int(n)] for n in re.findall(r"^found (\d+)$", out, re.M)}


def reached(room, allowed):
    """What of the room's compiler options is not as it should be."""
    if not room.startswith(("lib/", "trace/")) or not any(p.suffix == ".c" for p in files_of(room)):
        return
    every = options_of(room)
    if not every:
        yield "the build does not compile it"
    for options in every:
        # What the machine has by the same name is not ours.
        for name in sorted(found(options) - found(options[:1])):
            if name in PUBLIC and PUBLIC[name] not in allowed | {"lib/base"}:
                yield f"{name} of {PUBLIC[name]} would compile in it"
            if name in PRIVATE and PRIVATE[name] not in allowed:
                yield f"{name} of {PRIVATE[name]} would compile in it"
    for name in sorted(name for name, owner in PUBLIC.items() if owner == room):
        if every and not any(name in found(options) for options in every):
            yield f"{name}, its own, would not compile in it"


def upwards(options, name):
    """Whether the compiler ends at an include of @name, which it does not find."""
    r = subprocess.run([*options, "-fsyntax-only", "-x", "c", "-"], cwd=BUILD, input=f"#include {name}\n", text=True,
                       stderr=subprocess.PIPE, check=False, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    return r.returncode != 0 and re.search(r"No such file|file not found", r.stderr) is not None


def complaints(room):
    allowed = below(room, {room})
    for path in files_of(room):
        for header in included(path):
            if room_of(header) and room_of(header) not in allowed:
                yield f"{path.relative_to(ROOT)} includes {header.relative_to(ROOT)}"
    yield from reached(room, allowed)


def main():
    rooms = [room for room in ROOMS if files_of(room)]
    failed = 0
    print(f"1..{len(rooms) + 1}")
    for n, room in enumerate(rooms, 1):
        wrong = list(complaints(room))
        print(f"{'not ' if wrong else ''}ok {n} - {room}")
        for line in wrong:
            print(f"# {line}")
        failed += bool(wrong)
    base = options_of("lib/base")[0]
    sees = [upwards(base, name) for name in ("<vmaple/paging.h>", "<vmaple/trace.h>", '"anon_vma.h"', "<vmaple/rcu.h>")]
    good = sees == [True, True, True, False]
    print(f"{'' if good else 'not '}ok {len(rooms) + 1} - an include upwards does not compile")
    return failed != 0 or not good or len(rooms) < 20


if __name__ == "__main__":
    sys.exit(main())
