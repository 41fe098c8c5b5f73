#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""32-bit programs, and 32-bit calls of a 64-bit one, under `vmaple run`: the mirror never differs from the kernel.

usage: narrow.py VMAPLE NARROW WIDE [KERNEL_VM SERIES]

NARROW and WIDE are narrow_calls.c in 32 and 64 bits. With KERNEL_VM they run on Debian's kernel of a series, else on this
one; where it has no 32-bit calls, what vmaple says of such a program is looked at. Prints TAP.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

VMAPLE, NARROW, WIDE = (os.path.abspath(path) for path in sys.argv[1:4])
KERNEL_VM = sys.argv[4:6]
FEW = 1000  # calls: what two programs and a child make is more
BAD = re.compile(r"^(difference|uncertain|outside|lost) |not recorded", re.M)


def starts_here():
    try:
        subprocess.run([NARROW], check=False)
    except OSError:
        return False
    return True


def run_here(first, second, under=(), options=()):
    """Both under vmaple, the second by exec of the first: what it said, and its status."""
    path = os.path.dirname(NARROW) + ":" + os.environ["PATH"]
    ran = subprocess.run([*under, VMAPLE, "run", *options, "--", first, second], capture_output=True, text=True, timeout=300,
                         check=False, env={**os.environ, "PATH": path})
    return ran.stdout + ran.stderr, ran.returncode


def run_there(first, second):
    names = ["./" + os.path.basename(path) for path in (VMAPLE, first, second)]
    ran = subprocess.run([KERNEL_VM[0]] + [word for path in (VMAPLE, NARROW, WIDE) for word in ("-f", path)] +
                         [KERNEL_VM[1], "/bin/dash", "-c", "%s run -- %s %s" % tuple(names)],
                         capture_output=True, text=True, timeout=1700, check=False)
    return ran.stdout + ran.stderr, ran.returncode


# By BPF: one that runs is attached to; and one is started.
ATTACHED = """{1} - < /dev/zero &
{0} attach --via bpf $!
echo attach $?
kill $!
"""
STARTED = """{0} run --via bpf -- {1}
echo run $?
"""


def by_bpf():
    """What it does not follow it says."""
    if KERNEL_VM:
        script = STARTED.format("./" + os.path.basename(VMAPLE), "./" + os.path.basename(NARROW))
        command = [KERNEL_VM[0], "-f", VMAPLE, "-f", NARROW, KERNEL_VM[1], "/bin/dash", "-c", script]
    else:
        command = ["sh", "-c", (ATTACHED + STARTED).format(VMAPLE, NARROW)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1700, check=False)
    said = ran.stdout + ran.stderr
    if ran.returncode == 77 or re.search(r"BPF takes|has no BTF|BPF programs cannot be loaded|without BPF", said):
        return "skip", said
    good = "run 0" in said and "a 32-bit program: BPF does not follow it" in said and "by no call" not in said
    if not KERNEL_VM:
        good &= bool(re.search(r"process \d+ is a 32-bit program, which BPF does not follow$", said, re.M)) and "attach 125" in said
    return good, said


def is_traced(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return "TracerPid:\t0\n" not in f.read()


def attached(via, others):
    """By ptrace, chosen or not, a program that waits is followed from there on, and through what it becomes."""
    program = subprocess.Popen([NARROW, "-", *others], stdin=subprocess.PIPE)
    recorder = subprocess.Popen([VMAPLE, "attach", "--via", via, str(program.pid)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True)
    for _ in range(1000):
        if is_traced(program.pid) or recorder.poll() is not None:
            break
        time.sleep(0.01)
    program.stdin.close()
    status = program.wait(timeout=60)
    said, _ = recorder.communicate(timeout=60)
    calls = re.search(r"^ +calls +(\d+)", said, re.M)
    good = (status, recorder.returncode) == (0, 0) and "differences: 0, uncertain: 0" in said and not BAD.search(said) and \
        calls is not None and int(calls[1]) > FEW // 2
    return good, "status %d, of vmaple %d\n%s" % (status, recorder.returncode, said)


def refused():
    """By its path, and by a name that is found in PATH."""
    bad = 0
    print("1..2")
    for number, name in enumerate((NARROW, os.path.basename(NARROW)), 1):
        said, status = run_here(name, WIDE)
        good = status == 126 and "%s: cannot be started: Exec format error" % name in said
        bad |= not good
        print("%s %d - a program that the kernel does not start is said to be one" % ("ok" if good else "not ok", number))
        if not good:
            print("# status %d\n# %s" % (status, said.replace("\n", "\n# ")))
    return bad


def begun_with_3_gib(first, second):
    """Its recording has areas above what it began with, and says the same."""
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "r.vmt")
        said, status = run_here(first, second, ["setarch", "--3gb"], ["-o", recording])
        again = subprocess.run([VMAPLE, "verify", recording], capture_output=True, text=True, timeout=300, check=False)
    agreed = "differences: 0, uncertain: 0" in again.stdout + again.stderr
    return said + again.stdout + again.stderr, status or again.returncode or int(not agreed)


def say_agreed(number, said, status, what):
    calls = re.search(r"^ +calls +(\d+)", said, re.M)
    good = status == 0 and "differences: 0, uncertain: 0" in said and not BAD.search(said) and calls is not None and int(calls[1]) > FEW
    print("%s %d - %s" % ("ok" if good else "not ok", number, what))
    if not good:
        print("# status %d\n# %s" % (status, said.replace("\n", "\n# ")))
    sys.stdout.flush()
    return good


def main():
    if not KERNEL_VM and not starts_here():
        return refused()
    bad = 0
    print("1..%d" % (3 if KERNEL_VM else 8))
    for number, (first, second) in enumerate(((WIDE, NARROW), (NARROW, WIDE)), 1):
        said, status = (run_there if KERNEL_VM else run_here)(first, second)
        if status == 77:
            print("ok %d # SKIP %s" % (number, said.strip()))
            continue
        bad |= not say_agreed(number, said, status, "%s becomes %s" % (os.path.basename(first), os.path.basename(second)))
    good, said = by_bpf()
    if good == "skip":
        print("ok 3 # SKIP by BPF: %s" % said.strip().splitlines()[-1])
    else:
        bad |= not good
        print("%s 3 - by BPF a 32-bit program is said to be one" % ("ok" if good else "not ok"))
        if not good:
            print("# %s" % said.replace("\n", "\n# "))
    for number, (via, others) in enumerate(() if KERNEL_VM else (("ptrace", []), ("ptrace", [WIDE]), ("auto", [])), 4):
        good, said = attached(via, others)
        bad |= not good
        print("%s %d - attached to, --via %s%s" % ("ok" if good else "not ok", number, via, ", it becomes another" if others else ""))
        if not good:
            print("# %s" % said.replace("\n", "\n# "))
    for number, (first, second) in enumerate(() if KERNEL_VM else ((WIDE, NARROW), (NARROW, WIDE)), 7):
        said, status = begun_with_3_gib(first, second)
        bad |= not say_agreed(number, said, status, "begun with 3 GiB, %s becomes %s" % (os.path.basename(first),
                                                                                         os.path.basename(second)))
    return 1 if bad else 0


sys.exit(main())
