#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmaple conform: this kernel is like itself, and what is made wrong is found in the right area.

usage: conform.py VMAPLE KIT [--build]

--build: the kit as it is emitted, built by both compilers and for other machines.  Prints TAP.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE, KIT = (os.path.abspath(p) for p in sys.argv[1:3])
AREAS = ["placement", "mapping", "merging", "errno", "partial", "mremap", "fork", "locks", "maps"]
PRINTED = subprocess.run([KIT], stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
ANSWERS = PRINTED.splitlines(keepends=True)


def run(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
                          **more)


def judge(lines, *options):
    return run(VMAPLE, "conform", *options, "-", input="".join(lines))


def scores(lines, *options):
    r = judge(lines, "--json", *options)
    return r.returncode, json.loads(r.stdout)


def one_sentence(r):
    lines = r.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("vmaple conform: "), r.stderr
    return lines[0]


def this_kernel_is_like_itself(_folder):
    r = run(VMAPLE, "conform", "--json", "--")
    assert r.returncode == 0, r.stdout[:2000] + r.stderr
    said = json.loads(r.stdout)
    assert said["complete"] and said["release"] == os.uname().release, said
    assert sorted(said["areas"]) == sorted(AREAS), said["areas"]
    for name, area in said["areas"].items():
        assert area["checks"] == area["right"] >= 100, (name, area)
    sequences = said["sequences"]
    assert sequences["ran"] == sequences["right"] >= 600 and sequences["died"] == sequences["not_run"] == 0, sequences
    people = judge(ANSWERS)
    assert people.returncode == 0 and people.stdout.count("100.0%") == len(AREAS), people.stdout


# One change of what a kernel answered, and the area that is to find it. Pages, bounds, locks: a letter a page.
def swap(word, letters):
    """The first letter of the word that is in the table becomes the other one."""
    for i, letter in enumerate(word):
        if letter in letters:
            return word[:i] + letters[letter] + word[i + 1:]
    return None


def changed(name, call, field, to):
    """The answers with one word of one call of the named sequence changed; and the number of the sequence."""
    lines = list(ANSWERS)
    at = next(i for i, line in enumerate(lines) if re.fullmatch(r"sequence \d+ %s\n" % name, line))
    words = next((i, line.split()) for i, line in enumerate(lines[at:], at) if line.startswith("call %d " % call))
    was = words[1][field]
    words[1][field] = to(was) if callable(to) else to
    assert words[1][field] not in (None, was), (name, was)
    lines[words[0]] = " ".join(words[1]) + "\n"
    return lines, int(lines[at].split()[1]), was, words[1][field]


RESULT, PAGES, BOUNDS, LOCKS, SHOWN = range(2, 7)
CONTROLS = [
    ("placement", "search_goes_downwards", 1, RESULT, "W+1"),
    ("mapping", "fixed_replaces", 2, PAGES, lambda w: swap(w, {"0": "."})),
    ("mapping", "dontneed_forgets", 3, PAGES, lambda w: swap(w, {"0": "c"})),
    ("merging", "mprotect_joins", 1, BOUNDS, lambda w: swap(w, {"|": "."})),
    ("merging", "neighbours_become_one", 1, BOUNDS, lambda w: w[:6] + "|" + w[7:]),
    ("errno", "fixed_noreplace_refuses", 1, RESULT, "-22"),
    ("errno", "mmap_of_nothing", 0, RESULT, "W+3"),
    ("partial", "mprotect_before_a_hole_is_done", 2, PAGES, lambda w: swap(w, {"-": "0"})),
    ("mremap", "mremap_to_a_place", 2, RESULT, "W+2"),
    ("mremap", "mremap_leaves_the_old", 2, PAGES, lambda w: swap(w, {"0": "."})),
    ("fork", "fork_wipes", 4, PAGES, lambda w: swap(w, {"0": "d"})),
    ("locks", "mlock_of_a_middle", 1, LOCKS, lambda w: swap(w, {"l": "."})),
    ("locks", "mlockall_of_the_future", 0, RESULT, "-1"),
    ("maps", "neighbours_become_one", 1, SHOWN, "4-6rw-p,6-8rw-p"),
]


def a_changed_answer_is_found_in_its_area(_folder):
    told = set()
    assert {c[0] for c in CONTROLS} == set(AREAS)
    for area, name, call, field, to in CONTROLS:
        lines, number, was, now = changed(name, call, field, to)
        status, said = scores(lines)
        assert status == 1, (area, name, status)
        wrong = {a: s for a, s in said["areas"].items() if s["right"] < s["checks"]}
        assert list(wrong) == [area], (name, wrong)
        assert len(said["differences"]) == 1, said["differences"]
        first = said["differences"][0]
        assert wrong[area]["checks"] - wrong[area]["right"] == 1, wrong
        assert (first["area"], first["name"], first["sequence"]) == (area, name, number), first
        assert len(first["calls"]) == call + 1, first
        assert (first["expected"], first["seen"]) == (was, now), first
        if area in told:
            continue
        told.add(area)
        people = judge(lines).stdout
        assert "\n%s: sequence %d, %s\n" % (area, number, name) in people, people
        assert people.count("  %s\n" % first["calls"][-1]) == 1, people


def rights_at_the_end_are_judged(_folder):
    lines = list(ANSWERS)
    at = next(i for i, line in enumerate(lines) if line.endswith(" other_rights_stay_apart\n"))
    end = next(i for i, line in enumerate(lines[at:], at) if line.startswith("end "))
    lines[end] = lines[end].replace("-", "w", 1)
    status, said = scores(lines)
    assert status == 1 and said["differences"][0]["what"] == "rights", said["differences"]


def what_follows_a_wrong_map_is_not_judged(_folder):
    lines, _, _, _ = changed("mremap_there_and_back", 2, RESULT, "-12")
    before, after = scores(ANSWERS)[1], scores(lines)[1]
    lost = sum(before["areas"][a]["checks"] - after["areas"][a]["checks"] for a in AREAS)
    assert lost >= 8, lost
    assert sum(after["areas"][a]["checks"] - after["areas"][a]["right"] for a in AREAS) == 1


def another_series_is_another_answer(_folder):
    status, said = scores(ANSWERS, "--kernel", "6.1")
    assert status == 1 and said["kernel"] == "6.1", said["kernel"]
    assert said["areas"]["merging"]["right"] < said["areas"]["merging"]["checks"]


def all_that_differs_is_told(_folder):
    lines, _, _, _ = changed("mmap_of_nothing", 0, RESULT, "-1")
    at = next(i for i, line in enumerate(lines) if line.endswith(" mmap_of_all\n"))
    lines[at + 1] = lines[at + 1].replace(" -12 ", " -1 ")
    assert [d["name"] for d in scores(lines)[1]["differences"]] == ["mmap_of_nothing"]
    both = scores(lines, "--all")[1]
    assert [d["name"] for d in both["differences"]] == ["mmap_of_nothing", "mmap_of_all"], both["differences"]
    assert both["areas"]["errno"]["checks"] - both["areas"]["errno"]["right"] == 2
    text = judge(lines, "--all").stdout
    assert "\n  2 differ: mmap 2\n" in text, text
    assert text.count("    result   expected") == 2 and "expected  -ENOMEM\n" in text and "seen      -EPERM\n" in text


# A system that lacks something: the call is -ENOSYS. What is left is still like Linux, or is found.
def without(call):
    if not shutil.which("strace"):
        raise Skip("no strace")
    r = run("strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
            "inject=%s:error=ENOSYS" % call, KIT)
    return scores(r.stdout.splitlines(keepends=True))[1]


def what_a_system_lacks_is_left_out(_folder):
    for call, area in (("clone", "fork"), ("memfd_create", None), ("openat", "maps")):
        said = without(call)
        sequences = said["sequences"]
        assert sequences["skipped"] >= 40 and sequences["skipped"] + sequences["ran"] >= 681, (call, sequences)
        assert sequences["right"] == sequences["ran"] and said["complete"], (call, said["differences"])
        if area:
            assert said["areas"][area]["checks"] == 0, (call, said["areas"][area])


def output_that_ends_early_is_said(_folder):
    for cut in (len(ANSWERS) - 1, len(ANSWERS) // 2, 30):
        r = judge(ANSWERS[:cut])
        assert r.returncode == 3 and "ends before the last sequence" in one_sentence(r), r.stderr
        assert "sequences are right" in r.stdout, r.stdout
    r = run(VMAPLE, "conform", "-", input=PRINTED[:len(PRINTED) // 3])
    assert r.returncode == 3 and "ends before" in one_sentence(r), r.stderr
    status, said = scores(ANSWERS[:len(ANSWERS) // 2])
    assert status == 3 and not said["complete"] and said["sequences"]["not_run"] > 100, said["sequences"]


def nonsense_is_refused_in_one_sentence(folder):
    header = ANSWERS[:next(i for i, line in enumerate(ANSWERS) if line.startswith("sequence"))]
    first = ANSWERS[len(header):len(header) + 3]
    for lines, what in [
            ([], "is empty"), (["\n"], "no output"), (["hello\n"], "no output"), (["\x00\x01\xff\n"], "no output"),
            (["vmaple-conform: there is no pipe2\n"], "cannot do without"),
            (["vmaple-conform 1 0123456789abcdef\n"], "other sequences"),
            ([ANSWERS[0].replace(" 1 ", " 2 ", 1)], "other sequences"), (header + ["gibberish\n"], "none of the kit's"),
            (header + ["call 0 0 . . . -\n"], "none of the kit's"),
            (header + ["sequence 5 x\n"], "sequence 0 was to come"), (header + first[:1] + ["call 99 0\n"], "no such call"),
            (header + first[:1] + ["call 0 0 ...\n"], "no whole"),
            (header + first[:1] + ["end ...\n"], "one letter"), (header + first + ["done\n"], "too early"),
            (ANSWERS + ["more\n"], "after the end"), (header + ["system %s\n" % ("x" * 200)], "no such system"),
            (header + ["x" * 5000 + "\n"], "none of the kit's")]:
        r = judge(lines)
        assert r.returncode == 3 and what in one_sentence(r), (what, r.returncode, r.stderr)
        assert not r.stdout, r.stdout
    r = run(VMAPLE, "conform", os.path.join(folder, "none"))
    assert r.returncode == 3 and "cannot be opened" in one_sentence(r), r.stderr


def a_command_line_that_makes_no_sense_is_2(folder):
    for options in ([], ["a", "b"], ["--kernel", "6"], ["--kernel", "2.4", "-"], ["--emit", folder, "a"], ["--what"],
                    ["--emit"], ["--emit", folder, "--json"],
                    ["--emit", folder, "--all"], ["--emit", folder, "--kernel", "6.12"]):
        r = run(VMAPLE, "conform", *options)
        assert r.returncode == 2, (options, r.returncode)
        one_sentence(r)
    assert run(VMAPLE, "conform", "--help").stdout.startswith("usage: vmaple conform")


def a_runner_that_cannot_be_is_said(_folder):
    r = run(VMAPLE, "conform", "--", "/nowhere/emulator")
    assert r.returncode == 3 and "cannot be started" in r.stderr, r.stderr


def what_is_emitted_compiles_and_answers_the_same(folder):
    kit = os.path.join(folder, "kit")
    assert run(VMAPLE, "conform", "--emit", kit).returncode == 0
    for compiler in ("gcc", "clang"):
        if not shutil.which(compiler):
            raise Skip("no " + compiler)
        r = run("make", "-B", "-C", kit, "CC=" + compiler, "CFLAGS=-O2 -Wall -Wextra -Werror")
        assert r.returncode == 0, r.stderr
        assert run(os.path.join(kit, "vmaple-conform")).stdout.splitlines() == [a.rstrip("\n") for a in ANSWERS]
    with open(os.path.join(kit, "answers.json"), encoding="utf-8") as f:
        data = json.load(f)
    assert "vmaple-conform %d %s\n" % (data["version"], data["mark"]) == ANSWERS[0]
    names = [line.split()[2] for line in ANSWERS if line.startswith("sequence ")]
    assert [s["name"] for s in data["sequences"]] == names
    for s in data["sequences"]:
        kernels = [k for e in s["expected"] for k in e["kernels"]]
        assert len(kernels) == len(set(kernels)) >= 5 and "6.12" in kernels, kernels
        assert all(len(e["calls"]) == len(s["calls"]) for e in s["expected"]), s


def it_is_written_nowhere_where_it_cannot_be(folder):
    r = run(VMAPLE, "conform", "--emit", os.path.join(folder, "a", "b"))
    assert r.returncode == 125 and "cannot be made" in one_sentence(r), r.stderr


def compiler_for(machine):
    """clang with its own linker, else gcc's cross compiler: the kit needs no library of the machine."""
    if shutil.which("clang") and shutil.which("ld.lld"):
        return "clang --target=%s-linux-gnu -fuse-ld=lld" % machine
    return machine + "-linux-gnu-gcc"


def other_machines_are_compiled_and_run(folder):
    kit = os.path.join(folder, "kit")
    assert run(VMAPLE, "conform", "--emit", kit).returncode == 0
    for machine in ("aarch64", "riscv64"):
        compiler = compiler_for(machine)
        if not shutil.which(compiler.split()[0]) or not shutil.which("qemu-" + machine):
            raise Skip("no compiler or no qemu-user for " + machine)
        r = run("make", "-B", "-C", kit, "CC=" + compiler, "CFLAGS=-O2 -Wall -Wextra -Werror")
        assert r.returncode == 0, r.stderr
        # The beginning: what qemu makes of all of it is told in docs/conformance.md.
        with subprocess.Popen(["qemu-" + machine, os.path.join(kit, "vmaple-conform")], stdout=subprocess.PIPE,
                              text=True) as p:
            lines = [p.stdout.readline() for _ in range(60)]
            p.kill()
        status, said = scores(lines)
        assert status == 3 and said["machine"] == machine and said["sequences"]["ran"] >= 10, said
        assert said["areas"]["mapping"]["right"] >= 10, said["areas"]["mapping"]


if sys.argv[3:] == ["--build"]:
    run_cases(what_is_emitted_compiles_and_answers_the_same, other_machines_are_compiled_and_run)
run_cases(this_kernel_is_like_itself, a_changed_answer_is_found_in_its_area, rights_at_the_end_are_judged,
          what_follows_a_wrong_map_is_not_judged, another_series_is_another_answer, all_that_differs_is_told,
          what_a_system_lacks_is_left_out, output_that_ends_early_is_said,
          nonsense_is_refused_in_one_sentence, a_command_line_that_makes_no_sense_is_2, a_runner_that_cannot_be_is_said,
          it_is_written_nowhere_where_it_cannot_be)
