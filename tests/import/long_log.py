#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The memory that an import takes does not depend on how long the log is; on a terminal it says how far it is.

usage: long_log.py VMAPLE tools/bench-import

Prints TAP.
"""
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE, BENCH = map(os.path.abspath, sys.argv[1:3])
ROUND = """100 openat(AT_FDCWD, "/lib/libx.so", O_RDONLY|O_CLOEXEC) = 3
100 mmap(NULL, 20480, PROT_READ, MAP_PRIVATE|MAP_DENYWRITE, 3, 0) = 0x%(at)x
100 close(3) = 0
100 mprotect(0x%(at)x, 4096, PROT_NONE) = 0
100 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f00) = %(child)d
%(child)d execve("/bin/true", ["true"], 0x7ffc /* 20 vars */) = 0
%(child)d brk(NULL) = 0x555500000000
%(child)d mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000
%(child)d exit_group(0) = ?
%(child)d +++ exited with 0 +++
100 munmap(0x%(at)x, 20480) = 0
100 write(1, "a line of the program that maps nothing", 39) = 39
"""


def write_log(path, rounds):
    with open(path, "w", encoding="utf-8") as f:
        for i in range(rounds):
            f.write(ROUND % {"at": 0x7F0000000000 + i % 5000 * 0x10000, "child": 101 + i % 30000})
    return os.path.getsize(path)


def peak(log, out):
    """In KiB."""
    with subprocess.Popen([VMAPLE, "import", "-o", out, log], stdout=subprocess.DEVNULL) as p:
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = status
    assert status == 0, status
    return usage.ru_maxrss


def a_log_of_20_times_the_length_takes_the_same_memory(folder):
    short, long, out = (os.path.join(folder, name) for name in ("short", "long", "out.vmt"))
    small, large = write_log(short, 2000), write_log(long, 40000)
    less, more = peak(short, out), peak(long, out)
    print("# %d KiB for %d bytes, %d KiB for %d" % (less, small, more, large))
    assert large > 20 << 20 and more < less + (4 << 10), (less, more)


def on_a_terminal(command, **options):
    """All that stands on it, and how the command ended."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stderr=theirs, **{"stdout": theirs, **options}) as p:
        os.close(theirs)
        told = b""
        while True:
            try:
                told += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    return told, p.returncode


def begins_lines_of_its_own(told):
    """A line that ends has nothing of the progress before it, which is erased."""
    assert b"importing" in told, told[:500]
    for line in told.split(b"\n")[:-1]:
        assert b"importing" not in line.rsplit(b"\r\x1b[K", 1)[-1], line


def a_terminal_is_told_how_far_it_is(folder):
    log = os.path.join(folder, "log")
    write_log(log, 40000)
    told, status = on_a_terminal([VMAPLE, "import", "-o", os.path.join(folder, "out.vmt"), log], stdout=subprocess.DEVNULL)
    assert status == 0 and b"importing" in told and b"%" in told, told[:500]


def what_is_in_the_way_is_told_on_a_line_of_its_own(folder):
    log, out = os.path.join(folder, "log"), os.path.join(folder, "out.vmt")
    write_log(log, 40000)
    subprocess.run([VMAPLE, "import", "-o", out, log], stdout=subprocess.DEVNULL, check=True)
    most = os.path.getsize(out) * 3 // 4

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    told, status = on_a_terminal([VMAPLE, "import", "-o", out, log], preexec_fn=limit)
    assert status == 125 and b"vmaple import: cannot write " in told, (status, told[-500:])
    begins_lines_of_its_own(told)


def what_is_inferred_is_told_on_lines_of_its_own(folder):
    maps = os.path.join(folder, "maps")
    with open(maps, "w", encoding="ascii") as f:
        for snapshot in range(6000):
            for i in range(100):
                if i != snapshot % 100:
                    f.write("%x-%x rw-p 00000000 00:00 0 \n" % (0x10000000 + i * 0x3000, 0x10000000 + i * 0x3000 + 0x1000))
            f.write("\n")
    told, status = on_a_terminal([VMAPLE, "import", "--inferred", "-o", os.path.join(folder, "out.vmt"), maps])
    assert status == 0 and b": unmapped 1000" in told, (status, told[-500:])
    begins_lines_of_its_own(told)


def the_benchmark_tells_bytes_a_second_and_memory(folder):
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    r = subprocess.run([sys.executable, BENCH, VMAPLE, "4"], stdout=subprocess.PIPE, text=True, check=False,
                       env=dict(os.environ, TMPDIR=folder))
    size = re.match(r"(\d+) MB", r.stdout)
    assert r.returncode == 0 and 3 <= int(size.group(1)) <= 5, r.stdout
    assert re.search(r"^import .* by the clock, \d+ MB/s;.*\nmemory +\d", r.stdout, re.M), r.stdout
    assert not os.listdir(folder), "the log is left"


run_cases(a_log_of_20_times_the_length_takes_the_same_memory, a_terminal_is_told_how_far_it_is,
          what_is_in_the_way_is_told_on_a_line_of_its_own, what_is_inferred_is_told_on_lines_of_its_own,
          the_benchmark_tells_bytes_a_second_and_memory)
