#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trackers of emulators on range maps, fed with what real programs did: recorded, turned into a tracker's calls by
tools/tracker-calls, and carried out by examples/box64_rbtree and examples/fex_tracker beside arrays of pages.

usage: tracker_calls.py TAP_FOLDER VMAPLE TRACKER_CALLS EXAMPLE... -- PROGRAM... [CALLS]    (PROGRAM: python3, gcc, java, wine)

With CALLS so many calls follow of all the programs that are here: what each did, by turns and again and again, every time in
other pages, over what the ones before have left.
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
    if program == "wine":
        return ["wine", "--version"]
    return ["python3", "-c", "import json, email, decimal, ctypes; x = [bytearray(1 << 18) for i in range(20)]"]


def calls_of(program, folder):
    run(vmaple, "record", "-o", "p.vmt", "--", *command_of(program, folder), folder=folder)
    calls = run(sys.executable, tracker_calls, "--vmaple", vmaple, "p.vmt", folder=folder).splitlines()
    kinds = {line.split()[0] for line in calls}
    assert kinds >= {"set", "protect", "erase", "find"}, kinds
    return calls


def follow(calls, folder):
    with open(os.path.join(folder, "calls"), "w", encoding="ascii") as file:
        file.write("\n".join(calls) + "\n")
    for example in examples:
        said = run(example, "calls", folder=folder)
        assert said.startswith("%d calls" % len(calls)), said


def case_of(program):
    def case(folder):
        if not shutil.which(program):
            raise tap.Skip("no %s here" % program)
        follow(calls_of(program, folder), folder)
    case.__name__ = "what_%s_did_has_the_answers_of_an_array_of_pages" % program
    return case


def moved(call, pages):
    """The same call, so many pages higher: kind, first page, last page, rights, resource, offset."""
    kind, *numbers = call.split()
    numbers = [int(n) for n in numbers]
    for i in (0, 1, 4):
        if i < len(numbers):
            numbers[i] += pages
    return " ".join([kind, *map(str, numbers)])


def case_of_many(names, count):
    def case(folder):
        there = [calls_of(name, folder) for name in names if shutil.which(name)]
        assert len(there) > 1, "one of these programs, or none, is here: %s" % names
        calls = []
        while len(calls) < count:
            turn = len(calls) // 1000
            source = there[turn % len(there)]
            calls += [moved(call, turn * 37 % 1009) for call in source]
        follow(calls[:count], folder)
    case.__name__ = "%d_calls_of_real_programs_have_the_answers_of_an_array_of_pages" % count
    return case


count = [int(name) for name in programs if name.isdigit()]
programs = [name for name in programs if not name.isdigit()]
tap.run_cases(*[case_of(program) for program in programs], *[case_of_many(programs, n) for n in count])
