#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What must have happened between two snapshots of maps: what a program did, and random snapshots, page by page.

usage: between.py VMAPLE

Prints TAP.
"""
import ctypes
import json
import mmap
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE = os.path.abspath(sys.argv[1])
PAGE, BASE, PAGES = 4096, 0x7F0000000000, 24
WORDS = {"mapped": "memory was mapped", "unmapped": "memory was unmapped", "cut": "an area was cut",
         "joined": "two areas were joined", "changed": "access, flags or the name of memory changed"}


def imported(folder, *paths):
    """The changes, with addresses as numbers; their counts are those of the summary."""
    r = subprocess.run([VMAPLE, "import", "--json", "--inferred", "-o", os.path.join(folder, "out.vmt"), *paths],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert r.returncode == 0, r.stderr
    summary = json.loads(r.stdout)
    for word, phrase in WORDS.items():
        here = [c for c in summary["changes"] if c["what"] == word]
        told = [i for i in summary["inferred"] if i["what"] == phrase]
        assert [i["count"] for i in told] == ([len(here)] if here else []), (told, here)
        assert not here or told[0]["first"] == "%s:%d" % (here[0]["path"], here[0]["line"]), (told, here[0])
    for c in summary["changes"]:
        c["start"], c["end"] = int(c["start"], 16), int(c["end"], 16)
    return summary["changes"]


def write(path, *snapshots):
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(snapshots))
    return path


# ---- random snapshots ----

def random_page(rng, page):
    """None, or (what makes it the same memory, its access); page: of the window."""
    kind = rng.choice(("hole", "memory", "memory", "file 1", "file 2", "shared"))
    if kind == "hole":
        return None
    if kind == "memory":
        return ("memory", 0), rng.choice(("rw-p", "r--p"))
    ino = {"file 1": 1, "file 2": 2, "shared": 1}[kind]
    # Where the file begins, in pages of the window: mostly the same place.
    return (kind, ino, rng.choice((0, 0, 0, 1))), rng.choice(("r--", "r-x")) + ("s" if kind == "shared" else "p")


def runs(pages, rng):
    """Areas: [first, end) of equal pages, cut at random."""
    areas, first = [], 0
    for i in range(1, len(pages) + 1):
        if i == len(pages) or pages[i] != pages[first] or rng.random() < 0.15:
            if pages[first]:
                areas.append((first, i))
            first = i
    return areas


def changed_pages(pages, rng):
    pages = list(pages)
    for _ in range(rng.randrange(4)):
        first = rng.randrange(PAGES)
        page = random_page(rng, first)
        for i in range(first, min(PAGES, first + rng.randrange(1, 6))):
            pages[i] = page
    return pages


def lines(pages, areas):
    text = ""
    for first, end in areas:
        memory, access = pages[first]
        ino = memory[1]
        offset = (first + 8 + memory[2]) * PAGE if ino else 0
        text += "%x-%x %s %08x 08:01 %d%s\n" % (BASE + first * PAGE, BASE + end * PAGE, access, offset, ino,
                                                "   /file %d" % ino if ino else " ")
    return text


def wanted(old, old_areas, new, new_areas):
    same = [p for p in range(PAGES) if old[p] and new[p] and old[p][0] == new[p][0]]

    def pieces(of, into):
        """Where areas of the one begin that share an area of the other with what lies below."""
        places = []
        for area in of:
            kept = [a for a in into if any(a[0] <= p < a[1] for p in same if area[0] <= p < area[1])]
            places += [a[0] for a in kept[1:]]
        return sorted(places)

    return {"mapped": sorted(p for p in range(PAGES) if new[p] and p not in same),
            "unmapped": sorted(p for p in range(PAGES) if old[p] and p not in same),
            "changed": sorted(p for p in same if old[p][1] != new[p][1]),
            "cut": pieces(old_areas, new_areas), "joined": pieces(new_areas, old_areas)}


def told(changes):
    found = {word: [] for word in WORDS}
    for c in changes:
        first, end = (c["start"] - BASE) // PAGE, (c["end"] - BASE) // PAGE
        found[c["what"]] += range(first, end) if end > first else [first]
    return {word: sorted(places) for word, places in found.items()}


def random_snapshots_page_by_page(folder):
    total = {word: 0 for word in WORDS}
    for seed in range(150):
        rng = random.Random(seed)
        pages = [random_page(rng, 0)] * PAGES
        for _ in range(3):
            pages = changed_pages(pages, rng)
        pages[0] = pages[0] or (("memory", 0), "rw-p")
        series = []
        for _ in range(4):
            # What lies lowest stays: a file with one snapshot after the other is told by addresses that begin anew.
            pages = [pages[0]] + changed_pages(pages, rng)[1:]
            series.append((pages, runs(pages, rng)))
        path = write(os.path.join(folder, "series"), *(lines(*s) for s in series))
        changes, first = imported(folder, path), 1
        for before, now in zip(series, series[1:]):
            first += len(before[1])
            want, found = wanted(*before, *now), told([c for c in changes if c["line"] == first])
            assert found == want, "seed %d, line %d of\n%s\n%s\nis not\n%s" % (
                seed, first, open(path, encoding="utf-8").read(), found, want)
            for word in WORDS:
                total[word] += len(want[word])
    print("# pages and places: %s" % total)
    assert min(total.values()) > 100, total


# ---- a program ----

def snapshot(time):
    with open("/proc/self/maps", encoding="utf-8") as f:
        return "%d.5\n%s" % (time, f.read())


def what_a_program_did(folder):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    shared = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS  # 0x10: MAP_FIXED
    room = libc.mmap(None, 16 * PAGE, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)

    def place(page, pages):
        assert libc.mmap(room + page * PAGE, pages * PAGE, mmap.PROT_READ, shared | 0x10, -1, 0) == room + page * PAGE

    def do(function, *args):
        assert function(*map(ctypes.c_size_t, args)) == 0

    place(4, 8)
    snapshots = [snapshot(1700000000)]
    do(libc.mprotect, room + 6 * PAGE, 2 * PAGE, mmap.PROT_READ | mmap.PROT_WRITE)
    snapshots.append(snapshot(1700000001))
    do(libc.mprotect, room + 6 * PAGE, 2 * PAGE, mmap.PROT_READ)
    snapshots.append(snapshot(1700000003))
    do(libc.munmap, room + 5 * PAGE, 2 * PAGE)
    snapshots.append(snapshot(1700000007))
    changes = imported(folder, write(os.path.join(folder, "series"), *snapshots))
    found = [(c["what"], c["time_ns"], (c["start"] - room) // PAGE, (c["end"] - room) // PAGE)
             for c in changes if room + 4 * PAGE <= c["start"] < room + 12 * PAGE]
    second = 10**9
    assert sorted(found) == sorted([
        ("changed", second, 6, 8), ("cut", second, 6, 6), ("cut", second, 8, 8),
        ("changed", 3 * second, 6, 8), ("joined", 3 * second, 6, 6), ("joined", 3 * second, 8, 8),
        ("unmapped", 7 * second, 5, 7), ("cut", 7 * second, 7, 7)]), found


def smaps(access, flags, name="", start=BASE):
    return "%x-%x %s 00000000 00:00 0 %s\nSize: 8 kB\n%s" % (start, start + 2 * PAGE, access, name,
                                                           "VmFlags: %s\n" % flags if flags else "")


def names_and_flags_change_where_both_snapshots_have_them(folder):
    plain = "rd wr mr mw me"
    series = [smaps("rw-p", plain), smaps("rw-p", plain + " dc"), smaps("rw-p", plain + " dc sd"), smaps("rw-p", ""),
              smaps("rw-p", plain, "[anon:heap of mine]"), smaps("rw-p", plain, "[heap]")]
    changes = imported(folder, write(os.path.join(folder, "series"), *series))
    # The kernel's own flag (sd), and what one of the two does not say, is no change; neither is what brk has made.
    assert [(c["what"], c["line"]) for c in changes] == [("changed", 4), ("changed", 12), ("changed", 15)], changes


def files_of_one_snapshot_each(folder):
    paths = [write(os.path.join(folder, name), smaps(access, "")) for name, access in (("a", "rw-p"), ("b", "r--p"))]
    os.utime(paths[0], (1000, 1000))
    os.utime(paths[1], (1060, 1060))
    changes = imported(folder, *paths)
    found = [(c["what"], c["path"], c["line"], c["time_ns"]) for c in changes]
    assert found == [("changed", paths[1], 1, 60 * 10**9)], found


def a_list_for_a_person(folder):
    path = write(os.path.join(folder, "series"), smaps("rw-p", ""), smaps("r--p", ""))
    r = subprocess.run([VMAPLE, "import", "--inferred", "-o", os.path.join(folder, "out.vmt"), path],
                       stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert "%s:3: changed  7f0000000000-7f0000002000 rw-p to r--p\n" % path in r.stdout, r.stdout
    assert "inferred between snapshots" in r.stdout and "1   access, flags" in r.stdout, r.stdout


def a_crash_report_has_its_maps_behind_much_else(folder):
    # As the JVM writes it: registers, stacks and a heap in words, then the maps, then more.
    path = write(os.path.join(folder, "hs_err_pid1.log"),
                 "#  SIGSEGV (0xb) at pc=0x00007f4f969a0f14, pid=1, tid=1\n",
                 "  0x00007f4f8c0123a0 JavaThread \"Thread-1\" [_thread_blocked, id=2]\n" * 3000,
                 "Dynamic libraries:\n", smaps("rw-p", "", "[anon:heap]").splitlines()[0] + "\n",
                 "%x-%x r-xp 00001000 fe:00 332383       /usr/lib/libjvm.so\n" % (BASE + 0x10000, BASE + 0x11000),
                 "\nVM Arguments:\njvm_args: -Xint\n")
    r = subprocess.run([VMAPLE, "maps", path], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    found = [(f[0], f[1], f[2], f[5]) for f in (line.split(None, 5) for line in r.stdout.splitlines())]
    assert found == [("7f0000000000-7f0000002000", "rw-p", "00000000", "[anon:heap]"),
                     ("7f0000010000-7f0000011000", "r-xp", "00001000", "/usr/lib/libjvm.so")], found


run_cases(random_snapshots_page_by_page, what_a_program_did, names_and_flags_change_where_both_snapshots_have_them,
          files_of_one_snapshot_each, a_list_for_a_person, a_crash_report_has_its_maps_behind_much_else)
