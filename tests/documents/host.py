#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No header of the host decides what a guest's flag or error means.

usage: host.py SOURCE_FOLDER CC

The rooms that stand for Linux, and all that they include, are preprocessed where the headers of the host that bring such
names are errors: what they answer cannot depend on them.  Then the other way round: beside the host's real headers,
before and behind, linux_abi.h changes nothing and warns of nothing.  Prints TAP.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1]).resolve()
CC = sys.argv[2:]
ROOMS = ["base", "range_map", "trees/maple", "trees/rbtree", "trees/interval_tree", "trees/prio_tree", "trees/interval_map", "mm", "mm/index", "rmap",
         "paging", "guest"]
HOST = {"lib/guest/host_linux.c",  # it is the host
        "lib/base/reclaim.c", "lib/base/rcu.c", "lib/base/port.c"}  # threads and memory: no guest's number in them
# Headers of the host that bring such names, in Debian's glibc and elsewhere.
POISONED = ["sys/mman.h", "errno.h", "sys/resource.h", "linux/mman.h", "asm/mman.h", "sys/errno.h"]


def sources():
    for room in ROOMS:
        for path in sorted((ROOT / "lib" / room).glob("*.c")):
            if str(path.relative_to(ROOT)) not in HOST:
                yield path


def names():
    text = (ROOT / "include/vmaple/linux_abi.h").read_text(encoding="utf-8")
    return dict(re.findall(r"^#define VMAPLE_(\w+)\s+(\w+)$", text, re.M))


def compiles(how, args, text=None):
    done = subprocess.run(CC + [how, "-std=gnu17", "-D_GNU_SOURCE", "-DVMAPLE_RCU_NONE", '-DVMAPLE_VERSION="0"',
                                f"-I{ROOT}/include", f"-I{ROOT}/lib/base", "-o", "/dev/null"] + args, input=text,
                          capture_output=True, text=True)
    return "" if done.returncode == 0 and not done.stderr else done.stderr or "exit status %d" % done.returncode


def poisoned(folder):
    for header in POISONED:
        path = folder / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('#error "a header of the host: it must not say what a guest\'s numbers are"\n', encoding="utf-8")
    for source in sources():
        index = ["-DMM_INDEX_" + source.stem.replace("linked", "augmented").upper()] if source.parent.name == "index" else []
        folders = [f"-I{folder}", f"-I{source.parent}", f"-I{source.parent.parent}"]
        yield str(source.relative_to(ROOT)), compiles("-E", folders + index + [str(source)])


def beside():
    host = "#include <errno.h>\n#include <sys/mman.h>\n#include <linux/mman.h>\n"
    ours = "#include <vmaple/linux_abi.h>\n#include <vmaple/mm.h>\n#include <vmaple/guest_mm.h>\n"
    same = "".join(f'#ifdef {n}\n_Static_assert({n} == VMAPLE_{n}, "{n}");\n#endif\n' for n in names())
    args = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-x", "c", "-"]
    yield "the numbers are this host's, its headers first", compiles("-fsyntax-only", args, host + ours + same)
    yield "the numbers are this host's, its headers last", compiles("-fsyntax-only", args, ours + host + same)


def main():
    results = []
    with tempfile.TemporaryDirectory() as folder:
        results += poisoned(pathlib.Path(folder))
    machine = subprocess.run(CC + ["-dumpmachine"], capture_output=True, text=True).stdout
    results += beside() if machine.startswith("x86_64") else []
    print(f"1..{len(results)}")
    for n, (what, wrong) in enumerate(results, 1):
        print(f"{'not ' if wrong else ''}ok {n} - {what}")
        for line in wrong.splitlines()[:10]:
            print(f"# {line}")
    return any(wrong for _, wrong in results) or len(results) < 90


if __name__ == "__main__":
    sys.exit(main())
