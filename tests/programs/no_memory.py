#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the command does without memory, and what JSON says of text that is not UTF-8.

usage: no_memory.py VMAPLE FAIL_NTH.so

The allocations of every command that `vmaple --help` has, but of those of ELSEWHERE, are made to fail in turn: each time the command ends
as if nothing had happened, or with one sentence and status 125.  The same under limits that are too small.  Of run and record
too: the program runs on, and what could not be recorded is lost, never a difference.

VMAPLE_EACH: the first so many of a command fail one after the other, and as many of the rest, evenly spread (default: 12).
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

vmaple, preload = sys.argv[1:3]
EACH = int(os.environ.get("VMAPLE_EACH", "12"))
# What waits for a terminal or a process, or reads no recording.
ELSEWHERE = {"attach", "top", "conform"}
failures = 0


def check(good, what):
    global failures
    if not good:
        failures += 1
        print(f"# {what}")


def run(args, **env):
    return subprocess.run([vmaple] + args, capture_output=True, env={**os.environ, **env}, timeout=100)


def steady(text):
    """Without what differs from run to run."""
    return re.sub(rb'"wall_seconds":[0-9.e-]+|  time  .*|[0-9.]+(e[-+][0-9]+)?', b"", text)


def judge(result, good, what):
    lines = result.stderr.decode(errors="replace").splitlines()
    if result.returncode == good.returncode:
        check(steady(result.stdout) == steady(good.stdout), f"{what}: status {result.returncode}, other output")
    else:
        check(result.returncode == 125 and len(lines) == 1 and "memory" in lines[0],
              f"{what}: status {result.returncode}, stderr {lines[:3]}")


def judge_live(result, good, what):
    """The recorder: the program's output is there, whatever became of the recording."""
    text = result.stderr.decode(errors="replace")
    if result.returncode == 125:
        said = [line for line in text.splitlines() if line.startswith("vmaple ")]
        check(len(said) == 1 and "memory" in said[0], f"{what}: status 125, stderr {text[-600:]}")
        check(result.stdout in (b"", b"through\n"), f"{what}: stdout {result.stdout}")
    else:
        check(result.returncode == good.returncode and result.stdout == good.stdout,
              f"{what}: status {result.returncode}, stdout {result.stdout}")
        check("difference at step" not in text, f"{what}: {text[:600]}")


def page_of(path):
    """What a report tells its script in words."""
    with open(path, encoding="utf-8") as f:
        return json.loads(re.search(r"<script type=application/json id=meta>(.*?)</script>", f.read(), re.S).group(1))


tried = set()


def fail_each(args, folder, judge=judge):
    tried.add(args[0])
    count = os.path.join(folder, "count")
    good = run(args, LD_PRELOAD=preload, FAIL_COUNT=count)
    check(good.returncode == 0, f"{args}: {good}")
    page = page_of(args[-1]) if args[0] == "report" else None
    total = int(open(count).read())
    check(total, f"{args}: no allocation could be made to fail")
    # All of the first, where setting up is, and a share of the others.
    for n in list(range(1, min(total, EACH) + 1)) + list(range(EACH + 1, total + 1, max(1, (total - EACH) // EACH))):
        result = run(args, LD_PRELOAD=preload, FAIL_NTH=str(n))
        judge(result, good, f"{args[:2]}, allocation {n} of {total}")
        check(not page or result.returncode or page_of(args[-1]) == page, f"{args[:2]}, allocation {n} of {total}: another page")
    return total


def unescape(text):
    """docs/json.md: each \\xHH is a byte."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode())


def test_text(folder):
    name = b"a\xff\\x41\xc3\xa9\\\xed\xa0\x80"
    program = os.path.join(os.fsencode(folder), name)
    shutil.copy("/bin/true", program)
    recording = os.path.join(os.fsencode(folder), b"\xfe.vmt")
    subprocess.run([vmaple, "record", "-o", recording, "--", program], check=True)
    areas = json.loads(run(["maps", "--format", "json", recording]).stdout)
    lines = run(["maps", recording]).stdout.splitlines()
    check(len(areas) == len(lines), f"{len(areas)} areas in JSON, {len(lines)} in maps")
    check(program in {unescape(a["name"]) for a in areas}, "the program's name is not in the JSON of its map")
    summary = run(["verify", "--json", recording])
    check(name in unescape(json.loads(summary.stdout)["command"]), "the command is not in the summary")
    live = subprocess.run([vmaple, "run", "--json", "--", program], capture_output=True)
    check(name in unescape(json.loads(live.stdout.splitlines()[-1])["command"]), "the command is not in run's summary")
    lab = run(["lab", "--json", "--no-check", "--repeat", "1", recording])
    check(unescape(json.loads(lab.stdout)[0]["workload"]) == recording, "the recording's name is not in the lab's")


def test_questions(folder, recording, other):
    log = os.path.join(folder, "s.log")
    with open(log, "w", encoding="ascii") as f:
        f.write('7 execve("/bin/true", ["true"], 0x7ffc) = 0\n7 brk(NULL) = 0x5555000\n'
                "7 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\n"
                "7 mprotect(0x7f0000000000, 4096, PROT_READ) = 0\n7 +++ exited with 0 +++\n")
    address = run(["maps", recording]).stdout.decode().splitlines()[2].split("-")[0]
    perf, ltrace = os.path.join(folder, "p.log"), os.path.join(folder, "l.log")
    with open(perf, "w", encoding="ascii") as f:
        f.write("p 7 [0] 1.000001: PERF_RECORD_MMAP2 7/7: [0x5000(0x1000) @ 0 08:01 12 0]: r-xp /bin/p\n"
                "p 7 [0] 1.000002: syscalls:sys_enter_mmap: addr: 0, len: 0x1000, prot: 1, flags: 2, fd: 3, off: 0\n"
                "p 7 [0] 1.000003: PERF_RECORD_MMAP2 7/7: [0x7000(0x1000) @ 0 08:01 12 0]: r--p /lib/x\n"
                "p 7 [0] 1.000004: syscalls:sys_exit_mmap: 0x7000\n"
                "   ? (         ): p/8  ... [continued]: vfork())   = 0\n"
                "   9.000 ( 0.010 ms): p/8 munmap(addr: 0x7000, len: 4096)   = 0\n"
                "   8.000 ( 0.010 ms): p/7 vfork()   = 8\n")
    with open(ltrace, "w", encoding="ascii") as f:
        f.write("7 SYS_mmap(0, 4096, 1, 2) = 0x7000\n7 SYS_execve(0, 0, 0 <no return ...>\n7 --- Called exec() ---\n")
    for args in (["import", "-o", os.path.join(folder, "i.vmt"), log],
                 ["import", "-o", os.path.join(folder, "i.vmt"), perf],
                 ["import", "-o", os.path.join(folder, "i.vmt"), ltrace], ["why", "--json", recording, address],
                 ["why", "--top", recording], ["diff", recording, other], ["diff", "--json", recording, other], ["report", recording, "-o", os.path.join(folder, "r.html")],
                 ["whatif", "--touch", "late", "--json", recording], ["maps", "--format", "svg", recording],
                 ["sql", "--json", recording, "select count(*) from events"],
                 ["export", recording, "--format", "csv", "--table", "areas"],
                 *([["export", recording, "--format", form, "-o", os.path.join(folder, "x." + form)]
                    for form in ("jsonl", "sqlite", "perfetto", "folded", "strace")])):
        print(f"# {args[:2]}: {fail_each(args, folder)} allocations")


def main():
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "r.vmt")
        subprocess.run([vmaple, "record", "-o", recording, "--", "sh", "-c", "true & wait"], check=True)
        # With stacks, whose functions have names: what is compared by them is wrong where some are missing.
        other = os.path.join(folder, "o.vmt")
        subprocess.run([vmaple, "record", "--stacks", "-o", other, "--", "sh", "-c", "true & wait; /bin/echo"], check=True,
                       stdout=subprocess.DEVNULL)
        test_text(folder)
        commands = [["verify", recording], ["verify", "--json", recording], ["maps", recording],
                    ["maps", "--format", "json", recording]]
        for args in commands:
            good = run(args)
            for size in ["1K", "64K", "200K", "500K", "1M", "9M"]:
                judge(run(args[:1] + ["--max-memory", size] + args[1:]), good, f"{args[:1]} --max-memory {size}")
        wrong = run(["verify", "--max-memory", "much", recording])
        check(wrong.returncode == 2, f"--max-memory much: {wrong}")
        for args in commands + [["lab", "--json", "--repeat", "1", "--no-check", recording]]:
            print(f"# {args[:2]}: {fail_each(args, folder)} allocations")
        test_questions(folder, recording, other)
        for options in (["run"], ["run", "--stacks"], ["record", "-o", os.path.join(folder, "q.vmt")]):
            args = options + ["--", "sh", "-c", "true & wait; echo through"]
            print(f"# {options}: {fail_each(args, folder, judge_live)} allocations")
        # Of any number of processes, whose maps change meanwhile: what it says of them goes into a file.
        args = ["metrics", "--once", "--threshold", "1", "--textfile", os.path.join(folder, "m.prom")]
        print(f"# {args[:2]}: {fail_each(args, folder)} allocations")
        commands = {line.split()[0] for line in run(["--help"]).stdout.decode().split("\n\n")[2].splitlines()[1:]}
        check(tried | ELSEWHERE == commands, f"commands: {sorted(commands)}, of which were tried {sorted(tried)}")
    print(f"{'not ok' if failures else 'ok'} 1 without memory, and with text that is not UTF-8")
    print("1..1")
    return 1 if failures else 0


sys.exit(main())
