#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logs of strace with options combined at random, wrapped and cut at random: the map is the kernel's own, or a doubt is counted.

usage: combinations.py VMAPLE MAPPED SIGNALLED MAPPED.c ROUNDS [SEED]

Each round takes a program (threads, forks, kills, signals; 64 or 32 bits), options that change how lines look, what a journal, a container
or a build server puts around them, and a place where the log is cut.  Whole logs lead to the kernel's map; one that is cut at the end to that
of its whole lines; one that is cut at the start to parts of the kernel's map.  Prints TAP, and the seed.
"""
import json
import os
import random
import re
import sys
import tempfile

VMAPLE, MAPPED, SIGNALLED, SOURCE = (os.path.abspath(a) for a in sys.argv[1:5])
ROUNDS, SEED = int(sys.argv[5]), int(sys.argv[6]) if len(sys.argv) > 6 else random.randrange(1 << 30)
sys.argv[1:4] = [VMAPLE, MAPPED, SOURCE]
from tools import ALL, FILELESS, NAMELESS, areas, is_kernels, of_the_program, program_i386, run, strace, unusable  # noqa: E402

# One of each row, or none of it.
OPTIONS = [["-t", "-tt", "-ttt", "-r", "-r -t", "-tt -r", "--absolute-timestamps=format:unix,precision:ns",
            "--absolute-timestamps=format:time,precision:ms", "--relative-timestamps=ns"], ["-T", "--syscall-times=ns"],
           ["-y", "-yy", "--decode-fds=path,dev,socket"], ["-i"],
           ["-k"], ["-X raw", "-X abbrev", "-X verbose"], ["--decode-pids=comm", "--decode-pids=pidns", "-Y"], ["-n"], ["-s 0", "-s 4096"],
           ["-v", "-e abbrev=none", "-e verbose=none"], ["--seccomp-bpf"], ["-x", "-xx"], ["-a 1", "-a 120"], ["-q", "-qq", "-qqq"],
           ["-e signal=none", "-e signal=SIGALRM"], ["-e write=1", "-e read=3"], ["-e trace=all", "-e trace=%memory,%desc,%process,prctl"],
           ["-e raw=mprotect,munmap", "-e raw=all", "-e raw=mmap,openat"], ["-I 2"], ["-D", "-DD"]]
WRAPPED = {
    "journald": lambda n, line: "Nov 29 00:39:26 host strace[77]: " + line,
    "journald with years": lambda n, line: "2026-11-29T00:39:26.%06d+0100 host strace[77]: %s" % (n, line),
    "docker": lambda n, line: "2026-11-29T00:39:26.%09dZ stdout F %s" % (n, line),
    "docker compose": lambda n, line: "app-1  | " + line,
    "kubectl": lambda n, line: "[pod/app-7d9c/main] " + line,
    "GitHub Actions": lambda n, line: "2026-11-29T00:39:26.%07dZ %s" % (n, line),
    "GitHub Actions downloaded": lambda n, line: "test\tRun strace\t2026-11-29T00:39:26.%07dZ %s" % (n, line),
    "GitLab": lambda n, line: "2026-11-29T00:39:26.%06dZ 01O %s" % (n, line),
    "Jenkins": lambda n, line: "[2026-11-29T00:39:26.%03dZ] %s" % (n % 1000, line),
    "colours": lambda n, line: "\x1b[32m%s\x1b[0m" % line,
    "colour of a prefix": lambda n, line: "\x1b[1;34mstrace |\x1b[0m " + line,
    "CRLF": lambda n, line: line + "\r",
    "grep -n": lambda n, line: "%d:%s" % (n + 1, line),
    "a mail": lambda n, line: "> " + line,
    "dmesg": lambda n, line: "[%5d.%06d] %s" % (n // 1000, n % 1000, line),
    "ts": lambda n, line: "Nov 29 00:39:%02d %s" % (n % 60, line),
    "numbers of cat -n": lambda n, line: "%6d\t%s" % (n + 1, line),
}


def options_of(rng):
    """Two to five of them, behind -f or -ff."""
    rows = rng.sample(OPTIONS, rng.choice((2, 3, 3, 4, 5)))
    words = [rng.choice(row) for row in rows]
    if rng.random() < 0.15:
        return "-ff " + " ".join(["-ttt"] + [w for row, w in zip(rows, words) if row is not OPTIONS[0]])
    return "-f " + " ".join(words)


def imported(logs, out):
    """What was told, and the words of what is uncertain."""
    return out, [d["what"] for d in json.loads(run([VMAPLE, "import", "--json", "-o", out, *logs]))["uncertain"]]


def map_of(out, *options):
    return areas(run([VMAPLE, "maps", *options, out]))


def lines_of(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as f:
        return f.read().split("\n")[:-1]


def write(path, lines, rest=""):
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as f:
        f.write("".join(line + "\n" for line in lines) + rest)
    return path


def check_whole(options, got, words, kernels):
    # What -s has cut of a memfd's name, and what no -y tells where calls are raw.
    whole, named = areas(kernels), not re.search("raw=(all|.*openat)|-s 0", options)
    told = ALL if named else NAMELESS
    wrong = [a for a in got if not is_kernels(a, whole, told)]
    missing = [a for a in of_the_program(whole) if not is_kernels(a, got, told)]
    assert named or all(a in whole for a in got) or any("file behind a descriptor" in w for w in words), words
    unexpected = ("could not be read", "beginning was not logged", "what no kernel says")
    assert not any(u in w for w in words for u in unexpected), words
    assert not wrong and not missing, "wrong %s\nmissing %s\n%s\n%s" % (wrong, missing, words, kernels)
    assert len(got) >= 5, got


def check_cut(rng, lines, whole, folder):
    """Half a line at the end changes nothing; a log without its beginning leads to nothing that the kernel has not."""
    end = rng.randrange(len(lines) // 2, len(lines))
    half = lines[end][:rng.randrange(1, max(2, len(lines[end]) // 2))]
    before, cut = (map_of(imported([write(folder + name, lines[:end], rest)], folder + name + ".vmt")[0])
                   for name, rest in (("/before", ""), ("/cut", half)))
    assert before == cut, "cut in line %d, behind %r:\n%s\n%s" % (end + 1, half, before, cut)
    begin = rng.randrange(1, len(lines) * 9 // 10)
    out, words = imported([write(folder + "/late", lines[begin:])], folder + "/late.vmt")
    late = map_of(out, "--pid", re.match("[0-9]+", lines[0])[0]) if "mmap(" in "".join(lines[begin:]) else []
    wrong = [a for a in late if a[3] != "[heap]" and not is_kernels(a, whole, FILELESS)]
    assert not wrong, "begins at line %d: %s\n%s" % (begin + 1, wrong, words)


def one_round(number, programs, folder):
    rng = random.Random("%d %d" % (SEED, number))
    name, options = rng.choice(sorted(programs)), options_of(rng)
    how = rng.choice(sorted(WRAPPED))
    title = "%s: strace %s, %s" % (name, options, how)
    try:
        log = os.path.join(folder, "log")
        kernels, logs = strace(options, log, programs[name])
        out, words = imported(logs, folder + "/out.vmt")
        got = map_of(out)
        check_whole(options, got, words, kernels)
        os.mkdir(folder + "/wrapped")
        wrapped = [write(folder + "/wrapped/" + os.path.basename(path),
                         [WRAPPED[how](n, line) for n, line in enumerate(lines_of(path))]) for path in logs]
        again = map_of(imported(wrapped, folder + "/wrapped.vmt")[0])
        assert got == again, "%s: %s" % (how, sorted(set(got) ^ set(again)))
        if len(logs) == 1:
            check_cut(rng, lines_of(log), areas(kernels), folder)
    except (AssertionError, OSError) as e:
        return title, str(e)
    return title, None


def main():
    if unusable("strace"):
        print("1..0 # SKIP strace is not installed")
        return
    print("1..%d\n# seed %d" % (ROUNDS, SEED))
    failed = 0
    with tempfile.TemporaryDirectory() as top:
        programs = {"mapped": MAPPED, "signalled": SIGNALLED}
        if not unusable("i686-linux-gnu-gcc"):
            for name, source in (("mapped, 32 bits", SOURCE), ("signalled, 32 bits", SOURCE.replace("mapped.c", "signalled.c"))):
                programs[name] = os.path.join(top, re.sub(r"\W+", "-", name))
                program_i386(source, programs[name])
        for number in range(1, ROUNDS + 1):
            with tempfile.TemporaryDirectory(dir=top) as folder:
                title, why = one_round(number, programs, folder)
                failed += why is not None
                print("%sok %d - %s" % ("not " if why else "", number, title))
                if why:
                    print("# " + why.replace("\n", "\n# "))
                sys.stdout.flush()
    sys.exit(1 if failed else 0)


main()
