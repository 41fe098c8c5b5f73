#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recording, as a log of strace, as a recording again: every process has the same map, names and flags of areas included.

usage: log_and_back.py VMAPLE FRAGMENTS PROGRAM [ARGUMENT...] [, PROGRAM ...]...

FRAGMENTS are those of the importer's tests, whose reader lies beside them: each becomes a recording. So do the PROGRAMs.
Of FRAGMENTS - there are none. Prints TAP.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE, FRAGMENTS = os.path.abspath(sys.argv[1]), sys.argv[2]
PROGRAMS = [p.split() for p in " ".join(sys.argv[3:]).split(" , ")]
# A log in the form that is exported names every task from its first line on.
OTHERWISE = ["tasks are named when there are two"]

# Every kind of name, in pages of 64 KiB (or, without the last digit of each address, of 4 KiB).
MAPS = """\
10000-30000 r-xp 00000000 fe:00 100 /usr/bin/pro gram\\012x
40000-50000 rw-p 00020000 fe:00 100 /usr/bin/pro gram\\012x
60000-70000 r--p 00000000 fe:00 101 /usr/bin/same (deleted)
70000-80000 r--p 00010000 fe:00 102 /usr/bin/same (deleted)
7fff70000000-7fff70010000 rw-p 00000000 00:00 0 [anon:scudo:primary]
7fff70010000-7fff70030000 rw-s 00000000 00:01 77 /memfd:a<b>"c (deleted)
7fff70040000-7fff70060000 rw-s 00000000 00:01 0 /SYSV00001234 (deleted)
7fff70070000-7fff70080000 rw-s 00000000 00:0e 1033 anon_inode:[perf_event]
7fff70090000-7fff700a0000 rw-s 00000000 00:08 5 socket:[123]
7fff700a0000-7fff700b0000 r--p 00000000 00:00 0 [vvar]
7fff700b0000-7fff700c0000 r-xp 00000000 00:00 0 [vdso]
7fff700d0000-7fff700e0000 --xp 00000000 00:00 0 [uprobes]
7fff80000000-7fff80020000 rw-p 00000000 00:00 0 [heap]
7fff80020000-7fff80030000 r--p 00000000 00:00 0 [heap]
7fffd0000000-7fffd0030000 rw-p 00000000 00:00 0 [stack]
"""

ADVISED = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
def area(flags):
    p = libc.mmap(None, ctypes.c_size_t(1 << 16), 3, 0x22 | flags, -1, ctypes.c_long(0))
    libc.mprotect(ctypes.c_void_p(p), ctypes.c_size_t(4096), 0)
    return p
for advice in 1, 2, 10, 12, 14, 15, 16, 18:
    libc.madvise(ctypes.c_void_p(area(0x4000) + 8192), ctypes.c_size_t(8192), advice)
libc.mlock(ctypes.c_void_p(area(0) + 8192), ctypes.c_size_t(4096))
libc.syscall(325, ctypes.c_void_p(area(0) + 8192), ctypes.c_size_t(4096), 1)
print("ready", flush=True)
sys.stdin.readline()
"""


def vmaple(*command):
    r = subprocess.run([VMAPLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                       errors="surrogateescape", timeout=120)
    assert r.returncode == 0, (command, r.returncode, r.stderr)
    return r.stdout


def areas(text, flags):
    """(start, end, access, offset, name, flags), what is adjacent and alike as one: a log has no first writes."""
    found = []
    for line in text.splitlines():
        f = line.split(None, 5)
        if f[0] == "VmFlags:":
            # What is accounted shows that it could be written once; the kernel's own pages are not made by calls.
            kernels = found[-1][4].startswith("[v")
            found[-1][5] = sorted(set(line.split()[1:]) - {"ac", "sd"}) if flags and not kernels else []
        elif "-" in f[0]:
            start, end = (int(x, 16) for x in f[0].split("-"))
            name = f[5] if len(f) > 5 else ""
            found.append([start, end, f[1], int(f[2], 16), name, []])
    joined = []
    for a in found:
        last = joined[-1] if joined else None
        if last and last[1] == a[0] and [last[i] for i in (2, 4, 5)] == [a[i] for i in (2, 4, 5)] and \
                (not a[3] or last[3] + a[0] - last[0] == a[3]):
            last[1] = a[1]
        elif a[0] < 1 << 63:
            joined.append(a)
    return joined


def there_and_back(folder, recording, flags=False):
    log, back = os.path.join(folder, "back.log"), os.path.join(folder, "back.vmt")
    vmaple("export", recording, "--format", "strace", "-o", log)
    vmaple("import", log, "-o", back)
    rows = json.loads(vmaple("sql", "--json", recording, "select pid, max(peak_areas) areas from spaces group by pid"))
    for pid in [str(r["pid"]) for r in rows if r["areas"]][:50]:
        first, second = (areas(vmaple("maps", "--format", "smaps", "--pid", pid, r), flags) for r in (recording, back))
        assert first == second, (pid, [a for a in first if a not in second], [a for a in second if a not in first])
        yield first


def fragments_of_logs(folder):
    """The reader of the importer's tests writes their files."""
    sys.argv[1:] = [VMAPLE, FRAGMENTS]
    sys.path.insert(0, os.path.dirname(FRAGMENTS))
    import fragments  # noqa: PLC0415
    compared = 0
    for f in fragments.read(FRAGMENTS):
        if any(f.title.endswith(t) for t in OTHERWISE):
            continue
        paths = fragments.write(f, folder)
        recording = os.path.join(folder, "fragment.vmt")
        r = subprocess.run([VMAPLE, "import", *paths, *f.formats, "-o", recording], capture_output=True, check=False, timeout=60)
        if r.returncode == 0:
            try:
                compared += len(list(there_and_back(folder, recording)))
            except AssertionError as e:
                raise AssertionError(f.title, *e.args) from e
    assert compared > 100, compared


def every_kind_of_name(folder):
    for digit in "0", "":
        maps, recording = os.path.join(folder, "maps"), os.path.join(folder, "maps.vmt")
        lines = MAPS if digit else MAPS.replace("0000-", "000-").replace("0000 r", "000 r").replace("0000 -", "000 -")
        lines = lines if digit else lines.replace(" 00020000 ", " 00002000 ").replace(" 00010000 ", " 00001000 ")
        with open(maps, "w", encoding="utf-8") as f:
            f.write(lines)
        vmaple("import", maps, "-o", recording, "--page-size", "64K" if digit else "4K")
        for found in there_and_back(folder, recording):
            assert len(found) == 14 and all(f[4] for f in found), found
        with open(os.path.join(folder, "back.log"), encoding="utf-8") as f:
            assert ("AT_PAGESZ:            65536" in f.read()) == bool(digit)


def recorded_programs(folder):
    compared = 0
    for i, program in enumerate(p for p in PROGRAMS if p):
        recording = os.path.join(folder, "recorded-%d.vmt" % i)
        subprocess.run([VMAPLE, "record", "-o", recording, "--", *program], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=False, timeout=100)
        # Which areas had been written decides about some calls, and is in no log: they are counted.
        vmaple("export", recording, "--format", "strace", "-o", os.path.join(folder, "log"))
        vmaple("import", os.path.join(folder, "log"), "-o", os.path.join(folder, "log.vmt"))
        r = subprocess.run([VMAPLE, "verify", "--json", os.path.join(folder, "log.vmt")], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=False, timeout=100)
        verified = json.loads(r.stdout)
        if verified["uncertain"]:
            continue
        assert verified["differences"] == 0, verified
        for found in there_and_back(folder, recording):
            names = {a[4] for a in found}
            assert {"[stack]", "[vdso]"} <= names, names
            compared += 1
    assert compared >= 2, compared


def what_was_asked_of_areas_before(folder):
    """Locks, advice and reservation of a process that was attached to."""
    p = subprocess.Popen([sys.executable, "-c", ADVISED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    recording = os.path.join(folder, "attached.vmt")
    vmaple("attach", "--via", "ptrace", "--for", "0.2", "-o", recording, str(p.pid))
    p.communicate("over\n")
    flags = set()
    for found in there_and_back(folder, recording, flags=True):
        flags |= {f for a in found for f in a[5]}
        assert "[heap]" in {a[4] for a in found}
    assert {"lo", "dc", "wf", "dd", "nr", "rr", "sr"} <= flags, flags


if __name__ == "__main__":
    run_cases(*([fragments_of_logs] if os.path.exists(FRAGMENTS) else []), every_kind_of_name, recorded_programs, what_was_asked_of_areas_before)
