#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every value of an option that is a number, a size, a time, an address or a name out of a set: what is none, is refused.

usage: option_values.py VMAPLE ORACLE

A value that is refused ends the command with status 2, and one line names the command and the value.  Prints TAP.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../common"))
from tap import run_cases  # noqa: E402

VMAPLE, ORACLE = (os.path.abspath(p) for p in sys.argv[1:3])
# With what no number begins, or with more behind it; the last is 2^64.
NONE = ["", "x", "-1", " 5", "+5", "5x", "1e2", "--", "18446744073709551616"]
FRACTION, HUGE = ["1.5"], ["2147483648", "4294967297", "18446744073709551615"]
NUMBER = NONE + FRACTION
SIZE = NUMBER + ["K", "5KB", "5k", "18014398509481984K", "0"]
PID = NUMBER + HUGE + ["0"]
TIME = [v for v in NONE if v not in ("1e2", "18446744073709551616")] + ["1e400", "inf", "nan", "0", "0.0", ".", "1.2.3"]
LIMITS = ["", "5", "5-", "-5", "2000-1000", "1000-1000", " 1000-2000", "1000- 2000", "1000-2000x", "x-y", "1000-10000000000000000"]
WORD = ["", "x", "maps ", "MAPS", "maps,json"]
CALL = ["", "x", "mmap ", "mmap:", "madvise:", "madvise:x", "madvise:10"]
KERNEL = ["", "x", "6", "6.", "6.x", " 6.12", "6.12x", "6.12 ", "-6.12", "1.0", "5.9", "7.4", "99.1", "99999999999.1"]
ADDRESS = ["", "x", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+80", "127.0.0.1: 80",
           "127.0.0.1:80 ", "1.2.3:80", "[::1]", "[::1]:99999", "::1:80"]
BUDGET = ["", "x", "areas", "areas=", "areas=x", "areas=-1", "areas=+1", "areas= 1", "areas=0x1", "areas=1e2", "areas=inf",
          "areas=5,", ",areas=5", "areas=5 ", "areas=5,areas=6", "unneeded=5/s", "growth=1/h", "areas=99999999999999999999"]

# The command, with VALUE where the value stands, its values that are none, and some that are good.
TABLE = [
    ("import LOG -o OUT --page-size VALUE", SIZE + ["1", "2K", "8K", "32K", "128K", "16385"], ["4K", "16K", "64K", "65536", "0x1000"]),
    ("import LOG -o OUT --kernel VALUE", KERNEL, ["5.10", "6.12", "6.12.90", "6.14", "6.1.0-54-amd64", "6.12-rc1", "7.3"]),
    ("import LOG -o OUT --max-memory VALUE", SIZE, ["500M", "1G", "18446744073709551615"]),
    ("maps FILE --at VALUE", NUMBER + ["0"], ["5", "010", "0x5"]),
    ("maps FILE --pid VALUE", PID, []),
    ("maps --pid VALUE", PID, []),
    ("maps FILE --format VALUE", WORD, ["maps", "smaps", "json"]),
    ("why FILE --top --at VALUE", NUMBER + ["0", "END"], ["5", "peak", "end"]),
    ("why FILE --top=VALUE", NUMBER + ["0"], ["5", "18446744073709551615"]),
    ("why FILE --top --pid VALUE", PID, []),
    ("why --pid VALUE", PID, []),
    ("why FILE --room VALUE", SIZE, ["64M", "0x1000"]),
    ("why FILE --room 4K --in VALUE", LIMITS, ["1000-2000", "0x1000-0x2000"]),
    ("why FILE VALUE", [v for v in NUMBER if v not in ("--", "1e2")] + ["0xg", "1000000000000000000000"], []),
    ("report FILE -o OUT --pid VALUE", PID, []),
    ("report FILE -o OUT --max-size VALUE", SIZE, ["10M", "18446744073709551615"]),
    ("diff FILE FILE --at VALUE", NUMBER + ["0", "END"], ["5", "peak", "end"]),
    ("diff FILE FILE --top=VALUE", NUMBER + ["0"], ["5"]),
    ("whatif FILE --names off --pid VALUE", PID, []),
    ("whatif FILE --kernel VALUE", KERNEL + ["6.14"], ["5.10", "6.12.90", "7.3"]),
    ("whatif FILE --commit VALUE", SIZE + ["3K", "2K", "4097"], ["4K", "64K", "1G"]),
    ("whatif FILE --max-map-count VALUE", PID, ["65530", "2147483647"]),
    ("whatif FILE --without VALUE", CALL, ["mmap", "madvise:dontfork", "madvise:MADV_DONTFORK"]),
    ("whatif FILE --rmap VALUE", WORD, ["anonmm", "anon_vma_lazy"]),
    ("whatif FILE --guards VALUE", WORD, ["install"]),
    ("whatif FILE --touch VALUE", WORD, ["late"]),
    ("whatif FILE --names VALUE", WORD, ["off"]),
    ("export FILE --format VALUE", WORD, ["jsonl", "folded", "strace"]),
    ("export FILE --format jsonl --table VALUE", WORD, []),
    ("export FILE --format folded --weight VALUE", WORD, ["areas", "bytes"]),
    ("conform --kernel VALUE ANSWERS", KERNEL + ["6.14"], []),
    ("lab --areas VALUE --list", PID, ["10"]),
    ("lab --repeat VALUE --list", PID, ["1"]),
    ("lab --rmap all --swap VALUE --list", SIZE + ["4095", "8192G"], ["1G"]),
    ("lab --workload VALUE", WORD, []),
    ("top VALUE", [v for v in PID if v != "--"], []),
    ("metrics --once --textfile OUT --interval VALUE", PID, ["15"]),
    ("metrics --once --textfile OUT --threshold VALUE", NUMBER, ["0", "1000"]),
    ("metrics --once --textfile OUT --processes VALUE", NUMBER, ["0", "100"]),
    ("metrics --listen VALUE", ADDRESS, []),
    ("attach VALUE", [v for v in PID if v != "--"], []),
    ("attach 1 --for VALUE", TIME, []),
    ("attach --via VALUE 1", WORD, []),
    ("run --check VALUE -- true", NUMBER + ["0", "END"], ["every", "end", "5"]),
    ("run --via VALUE -- true", WORD, ["ptrace"]),
    ("run --max-memory VALUE -- true", SIZE, ["500M", "18446744073709551615"]),
    ("run --budget VALUE -- true", BUDGET, ["areas=5000", "areas=5000,growth=1.5/s,unneeded=5000"]),
    ("record -o OUT --check VALUE -- true", NUMBER + ["0", "END"], ["end"]),
    ("verify FILE --max-memory VALUE", SIZE, ["500M", "18446744073709551615"]),
]
ORACLES = [("--calls VALUE", NUMBER), ("--seed VALUE", NUMBER), ("--length VALUE", NUMBER + ["3", "100000000"]),
           ("--keep-going VALUE", NUMBER), ("--mix VALUE", WORD), ("--profile VALUE", KERNEL)]


def inputs(folder):
    """What the commands of the table read and write."""
    names = {n: os.path.join(folder, n) for n in ("LOG", "OUT", "FILE", "ANSWERS")}
    with open(names["LOG"], "w", encoding="utf-8") as f:
        f.write("mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\n" +
                "".join("munmap(0x7f0000001000, 4096) = 0\n" for _ in range(20)))
    subprocess.run([VMAPLE, "import", names["LOG"], "-o", names["FILE"]], check=True, stdout=subprocess.DEVNULL)
    return names


def answer(words):
    r = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                       timeout=60)
    return r.returncode, r.stderr


def words_of(template, value, names):
    return [w.replace("VALUE", value) if "VALUE" in w else names.get(w, w) for w in template.split()]


def what_is_no_value_is_refused_in_one_line(folder):
    names, wrong = inputs(folder), []
    for template, bad, _ in TABLE:
        for value in bad:
            words = words_of(template, value, names)
            status, said = answer([VMAPLE] + words)
            if status != 2 or said.count("\n") != 1 or not said.startswith("vmaple %s: " % words[0]) or value not in said:
                wrong.append("%s: %d, %s" % (words, status, said[:200]))
    assert not wrong, "\n".join(wrong)
    print("# %d values of %d options" % (sum(len(bad) for _, bad, _ in TABLE), len(TABLE)))


def what_is_one_is_taken(folder):
    names, wrong = inputs(folder), []
    for template, _, good in TABLE:
        for value in good:
            status, said = answer([VMAPLE] + words_of(template, value, names))
            if status != 0:
                wrong.append("%s %s: %d, %s" % (template, value, status, said[:200]))
    assert not wrong, "\n".join(wrong)


def the_oracle_refuses_them_too(folder):
    wrong = []
    for template, bad in ORACLES:
        for value in bad:
            status, said = answer([ORACLE] + words_of(template, value, {}))
            if status != 2:
                wrong.append("%s %r: %d, %s" % (template, value, status, said[:200]))
    assert not wrong, "\n".join(wrong)


run_cases(what_is_no_value_is_refused_in_one_line, what_is_one_is_taken, the_oracle_refuses_them_too)
