#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Call stacks of programs whose stacks are known, and of Debian's own programs, which have no frame pointers.

usage: stacks.py VMAPLE RECORDED_STACKS known PROGRAM    (known_stacks.c, known_stacks_cxx.cpp; static or not)
       stacks.py VMAPLE RECORDED_STACKS debian
       stacks.py VMAPLE RECORDED_STACKS known-bpf PROGRAM | debian-bpf

By BPF a stack is walked in a copy of 16 KiB when the program runs on: what lies behind it ends the stack as lost.  Prints TAP.
"""
import fcntl
import glob
import os
import shutil
import subprocess
import sys
import tempfile

VMAPLE, RECORDED, KIND = sys.argv[1:4]
BY_BPF = KIND.endswith("-bpf")
results = []


def result(ok, name, why=""):
    results.append(ok)
    print("%sok %d - %s" % ("" if ok else "not ", len(results), name))
    if not ok:
        print("# " + why.replace("\n", "\n# "))


def record(command, check="every"):
    """What the command printed, and (nr, second argument, how the stack ends, frames) of each call."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.vmt")
        source = ["--via", "bpf"] if BY_BPF else ["--check", check]
        r = subprocess.run([VMAPLE, "record", "--stacks", *source, "-o", path, "--", *command],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        if BY_BPF and r.returncode == 125 and "BPF" in r.stderr:
            print("1..0 # SKIP " + r.stderr.strip())
            sys.exit(0)
        if r.returncode:
            print("Bail out! %s" % r.stderr.strip().replace("\n", " "))
            sys.exit(1)
        # What was compiled at run time has its names in the recording.
        for name in glob.glob("/tmp/perf-*.map"):
            if not os.path.exists("/proc/" + name[10:-4]) and "written function" in open(name, errors="replace").read():
                os.unlink(name)
        calls = subprocess.run([RECORDED, path], stdout=subprocess.PIPE, text=True, check=True, timeout=120)
        verify = subprocess.run([VMAPLE, "verify", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    result(verify.returncode == 0, "%s is mirrored with stacks in it, --check %s" % (command[0], check), verify.stdout)
    stacks = []
    for line in calls.stdout.splitlines():
        _, nr, _, second, *rest = line.split(" ")
        stacks.append((int(nr), int(second, 16), rest[0] if rest else "none",
                       [f.split("@")[0].split("(")[0] for f in rest[1:]]))
    return r.stdout, stacks


def matches(wanted, frames):
    """Do the frames begin with those, "..." standing for any number?"""
    if not wanted:
        return True
    if wanted[0] == "...":
        return any(matches(wanted[1:], frames[i:]) for i in range(len(frames) + 1))
    return bool(frames) and frames[0] == wanted[0] and matches(wanted[1:], frames[1:])


def as_far_as_copied(wanted, stack):
    """Lost, and what was found is true, as far as it has names; the callers of the first frames are always found."""
    said = wanted
    for other in "...", "written":
        said = said[:said.index(other)] if other in said else said
    found = stack[3][1:1 + len(said)]
    return stack[2] in ("lost", "whole") and len(found) >= min(2, len(said)) and found == said[:len(found)]


def known_by_bpf(program):
    text, stacks = record([program])
    whole = 0
    for line in text.splitlines():
        length, *wanted = line.split()
        of_it = [s for s in stacks if s[0] in (9, 11) and s[1] == int(length, 16)]
        all_found = all(s[2] == "whole" and matches(wanted, s[3][1:]) for s in of_it)
        ok = len(of_it) == 2 and (all_found or all(as_far_as_copied(wanted, s) for s in of_it))
        whole += ok and all_found
        result(ok, "%s, by BPF" % " ".join(wanted), "\n".join("%s: %s" % (s[2], " ".join(s[3])) for s in of_it))
    lines = len(text.splitlines())
    result(whole >= lines * 2 // 3, "%d of %d are whole" % (whole, lines))


def known(program):
    # One at a time: the maps of code that is made at run time are removed, and another run's could be among them.
    alone = open(__file__, encoding="utf-8")
    fcntl.flock(alone, fcntl.LOCK_EX)
    for check in ("every", "end"):
        text, stacks = record([program], check)
        for line in text.splitlines():
            length, *wanted = line.split()
            of_it = [s for s in stacks if s[0] in (9, 11) and s[1] == int(length, 16)]
            deep = wanted[:2] == ["leaf", "middle"] and wanted[-1] == "middle"
            end = "deep" if deep else "whole"
            ok = len(of_it) == 2 and all(s[2] == end and matches(wanted, s[3][1:]) for s in of_it)
            result(ok, "%s, --check %s" % (" ".join(wanted), check), "\n".join("%s: %s" % (s[2], " ".join(s[3])) for s in of_it))


NAMED = """import ctypes, mmap, os, threading
def work():
    ctypes.CDLL(None).prctl(15, b"a worker")
    memory = mmap.mmap(-1, 1 << 20)
    print("%x" % ctypes.addressof(ctypes.c_char.from_buffer(memory)), flush=True)
    os._exit(0)
threading.Thread(target=work).start()"""


def named():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.vmt")
        at = subprocess.run([VMAPLE, "record", "-o", path, "--", sys.executable, "-c", NAMED], stdout=subprocess.PIPE,
                            text=True, check=True, timeout=120).stdout.strip()
        life = subprocess.run([VMAPLE, "why", path, at], stdout=subprocess.PIPE, text=True, timeout=120).stdout
    result("(a worker) at" in " ".join(life.split()), "a thread is called by its name", life)


PYTHON = "import json, decimal, threading\nfor i in range(3):\n t = threading.Thread(target=lambda: bytearray(1 << 22))\n t.start(); t.join()"


def debian():
    programs = [["/usr/bin/python3", "-c", PYTHON], ["sqlite3", ":memory:", "select sum(value) from generate_series(1,1000)"],
                ["/bin/bash", "-c", "ls / | sort; (echo $BASH_VERSION)"], ["git", "--version"]]
    for command in programs:
        if not shutil.which(command[0]):
            continue
        _, stacks = record(command, "end")
        reached = [s for s in stacks if s[2] == "whole" and is_beginning(s[3])]
        lost = ["%s: %s" % (s[2], " ".join(s[3])) for s in stacks if s not in reached]
        # Where in its page a stack begins is random, and so is how much of it is copied.
        least = 0.85 if BY_BPF else 0.99
        result(len(stacks) > 10 and len(reached) >= least * len(stacks),
               "%s: %d of %d stacks reach where their thread began" % (command[0], len(reached), len(stacks)), "\n".join(lost))


def is_beginning(frames):
    """main's caller, the loader's first function, or a thread's."""
    return any(f in ("__libc_start_main", "_dl_start", "start_thread", "_start", "_dl_start_user") for f in frames[-3:])


if KIND == "known":
    known(sys.argv[4])
elif KIND == "known-bpf":
    known_by_bpf(sys.argv[4])
else:
    debian()
if KIND == "debian":
    named()
print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
