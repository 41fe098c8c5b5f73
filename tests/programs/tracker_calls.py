#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trackers of emulators on range maps, fed with what real programs did: recorded, turned into a tracker's calls by
tools/tracker-calls, and carried out by examples/box64_rbtree and examples/fex_tracker beside arrays of pages.

usage: tracker_calls.py TAP_FOLDER VMAPLE TRACKER_CALLS EXAMPLE... -- PROGRAM...    (PROGRAM: python3, gcc, java)
"""
import os
import shutil
import subprocess
import sys

common = sys.argv[1]
vmaple, tracker_calls, *examples = (os.path.abspath(path) for path in sys.argv[2:sys.argv.index("--")])
programs = sys.argv[sys.argv.index("--") + 1:]
sys.path.insert(0, common)
import tap

C_SOURCE = "#include <stdio.h>\nint main(void) { return printf(\"%d\\n\", 1) < 0; }\n"
JAVA_SOURCE = "public class One { public static void main(String[] a) { System.out.println(new int[1 << 20].length); } }\n"


def run(*command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, "%s: %d\n%s%s" % (" ".join(command), done.returncode, done.stdout[-1000:], done.stderr[-1000:])
    return done.stdout


def command_of(program, folder):
    if program == "gcc":
        with open(os.path.join(folder, "one.c"), "w", encoding="ascii") as file:
            file.write(C_SOURCE)
        return ["gcc", "-O2", "one.c", "-o", "one"]
    if program == "java":
        with open(os.path.join(folder, "One.java"), "w", encoding="ascii") as file:
            file.write(JAVA_SOURCE)
        return ["java", "One.java"]
    return ["python3", "-c", "import json, email, decimal, ctypes; x = [bytearray(1 << 18) for i in range(20)]"]


def case_of(program):
    def case(folder):
        if not shutil.which(program):
            raise tap.Skip("no %s here" % program)
        run(vmaple, "record", "-o", "p.vmt", "--", *command_of(program, folder), folder=folder)
        calls = run(sys.executable, tracker_calls, "--vmaple", vmaple, "p.vmt", folder=folder)
        kinds = {line.split()[0] for line in calls.splitlines()}
        assert kinds >= {"set", "protect", "erase", "find"}, kinds
        with open(os.path.join(folder, "calls"), "w", encoding="ascii") as file:
            file.write(calls)
        for example in examples:
            said = run(example, "calls", folder=folder)
            assert said.startswith("%d calls" % len(calls.splitlines())), said
    case.__name__ = "what_%s_did_has_the_answers_of_an_array_of_pages" % program
    return case


tap.run_cases(*[case_of(program) for program in programs])
