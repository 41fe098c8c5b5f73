#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every control of controls.txt: the right recording agrees, and what is wrong in the other is said and counted.

usage: controls.py VMAPLE MAKE_RECORDING controls.txt

Prints TAP.
"""
import json
import os
import subprocess
import sys
import tempfile

VMAPLE, MAKE, TABLE = sys.argv[1:4]
COUNTS = {"difference": "differences", "uncertain": "uncertain", "foreign": "foreign", "outside": "outside"}


class Control:
    def __init__(self, line):
        self.verdict, status, self.step, self.title = line.split(" ", 3)
        self.step, _, process = self.step.partition("@")
        self.process = process or "100"
        self.status, self.right, self.wrong, self.says, self.counts = int(status), [], [], [], []

    def add(self, line):
        word, _, rest = line.partition(": ")
        if word in ("right", "wrong", "says", "counts"):
            getattr(self, word).append(rest)
        elif line:
            self.right.append(line)
            self.wrong.append(line)


def read(path):
    controls = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("### "):
                controls.append(Control(line[4:]))
            elif controls:
                controls[-1].add(line)
    return controls


def verify(lines, directory):
    """(status, counts by verdict, status with --json, text, summary) of a recording."""
    path = os.path.join(directory, "control.vmt")
    subprocess.run([MAKE, path], input="\n".join(lines) + "\n", text=True, check=True, timeout=20)
    plain, as_json = (subprocess.run([VMAPLE, "verify", *option, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                                     if not option else subprocess.DEVNULL, text=True, check=False, timeout=20)
                      for option in ([], ["--json"]))
    summary = json.loads(as_json.stdout)
    return (plain.returncode, {v: summary[key] for v, key in COUNTS.items()}, as_json.returncode,
            [" ".join(line.split()) for line in plain.stdout.splitlines()], summary)


def complaints(control, directory):
    none = dict.fromkeys(COUNTS, 0)
    status, counts, json_status, text, summary = verify(control.right, directory)
    if (status, counts, json_status) != (0, none, 0):
        yield f"the right one: status {status}, with --json {json_status}, {counts}: {text}"
    for name, value in (line.split() for line in control.counts):
        if summary[name] != int(value):
            yield f"the right one: {name} is {summary[name]}, expected {value}"
    status, counts, json_status, text, _ = verify(control.wrong, directory)
    if (status, json_status) != (control.status, control.status):
        yield f"status {status}, with --json {json_status}, expected {control.status}"
    if counts != {**none, control.verdict: 1}:
        yield f"counted as {counts}, expected one {control.verdict}"
    title = f"{control.verdict} at step {control.step}, process {control.process}: {control.says[0]}"
    if not any(line.startswith(title) for line in text):
        yield f"not said: {title}"
    for line in control.says[1:]:
        if line not in text:
            yield f"not said: {line}"


def main():
    controls = read(TABLE)
    failed = 0
    print(f"1..{len(controls)}")
    with tempfile.TemporaryDirectory() as directory:
        for n, control in enumerate(controls, 1):
            wrong = list(complaints(control, directory))
            print(f"{'not ' if wrong else ''}ok {n} - {control.title}")
            for line in wrong:
                print(f"# {line}")
            failed += bool(wrong)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
