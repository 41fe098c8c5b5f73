#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/kernel_mm: a toy kernel whose memory manager is the engine, built, booted in QEMU, and its programs' words held
to what fork, copy on write and rights mean.
usage: kernel_mm.py SOURCE_FOLDER TAP_FOLDER CC..."""
import os
import platform
import re
import shutil
import subprocess
import sys

source, common, *cc = sys.argv[1:]
sys.path.insert(0, common)
import tap

EMULATOR = "qemu-system-x86_64"
said = []


def boot(folder):
    """Build it in @folder and let it run to its end. Its lines."""
    make = ["make", "-s", "-C", os.path.join(source, "examples/kernel_mm"), "OUT=" + folder]
    built = subprocess.run(make + ["CC=" + " ".join(cc)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run(make + ["run"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    # make ends with 2 whatever the emulator ended with: that is in its complaint.
    assert re.search(r"Error 1\b", ran.stderr), ran.stdout + ran.stderr
    return ran.stdout.splitlines()


def numbers(line):
    """What a line of the program of copies has read: data, bss, heap, private, shared."""
    return [int(number) for number in re.findall(r" (\d+)(?= |$)", line)]


def it_boots_and_all_memory_comes_back(folder):
    said.extend(boot(folder))
    assert said[0] == "kernel: 0 frames are in use", said
    assert said[-1] == "kernel: all programs have ended, 0 frames are in use", "\n".join(said)


def a_child_has_copies_of_its_own_and_shares_what_is_shared(_folder):
    parent = [numbers(line) for line in said if line.startswith("copies: parent reads")]
    child = [numbers(line) for line in said if line.startswith("copies: child reads")]
    assert parent == [[1, 0, 0, 0, 0], [1, 2, 3, 4, 15], [21, 22, 23, 24, 25]], parent
    assert child == [[1, 2, 3, 4, 5], [11, 12, 13, 14, 25]], child
    assert "copies: child has ended with %d" % (7 << 8) in said, said


def an_access_that_is_not_allowed_ends_the_program(_folder):
    verdicts = dict(line[len("bounds: "):].split(": ", 1) for line in said if line.count(": ") == 2 and line.startswith("bounds"))
    fine = {"write", "read what is read-only", "run what may be run", "use 64 pages of stack"}
    illegal = {"disable interrupts"}
    wrong = {"run", "write what is read-only", "read what has no rights", "read what was unmapped", "read at 0",
             "read the kernel", "use too much stack"}
    assert set(verdicts) == fine | illegal | wrong, verdicts
    for what, verdict in verdicts.items():
        expected = "fine" if what in fine else "killed by 4" if what in illegal else "killed by 11"
        assert verdict == expected, (what, verdict)
    assert "bounds: a line from nowhere is -14" in said, said


def areas_are_cut_by_mprotect_as_on_linux(_folder):
    shown = [line.split()[1] for line in said if re.match(r"7ffff7ff[b-f]000-", line)]
    assert shown[-3:] == ["rw-p", "r--p", "rw-p"], said
    assert any(line.endswith("[stack]") for line in said) and any(line.endswith("[heap]") for line in said), said


if platform.machine() != "x86_64":
    tap.skip_all("the kernel is x86-64's")
if not shutil.which(EMULATOR) or not shutil.which("make"):
    tap.skip_all("no %s or no make here" % EMULATOR)
tap.run_cases(it_boots_and_all_memory_comes_back, a_child_has_copies_of_its_own_and_shares_what_is_shared,
              an_access_that_is_not_allowed_ends_the_program, areas_are_cut_by_mprotect_as_on_linux)
