# SPDX-License-Identifier: MIT
"""For tools/mutate: which lines of a room a test that is a script reaches. One that does not reach the changed line is not run.

The room's objects are compiled with --coverage, unoptimised, so that each line has its own count, and linked into the
programs of the tests. The processes of a test count into a folder of the test's own; those that it begins without its
environment count beside the objects, and speak for every test. What a process counts is written when it exits: of one that
is killed, or that leaves by _exit(), nothing is known, and what only such a process notices is called a survivor.
"""
import collections
import json
import os
import pathlib
import subprocess


def counted(folder, current):
    """{file: {line: whether it was reached}} of what was counted into @folder by programs built in @current."""
    files = sorted(path.name for path in folder.glob("*.gcda"))
    lines = collections.defaultdict(dict)
    if not files:
        return lines
    said = subprocess.run(["gcov", "--json-format", "--stdout", *files], cwd=folder, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout
    for document in filter(None, said.splitlines()):
        for file in json.loads(document)["files"]:
            of = lines[str((current / file["file"]).resolve())]
            for line in file["lines"]:
                number = line["line_number"]
                of[number] = of.get(number, False) or line["count"] > 0
    return lines


def reaches(lines, path, number):
    """A line without a count, such as one of a table, is reached with its file."""
    of = lines.get(str(path), {})
    return of.get(number, any(of.values()))


class Counting:
    """Programs that count the lines of some objects of a build."""

    def __init__(self, build, sources, folder):
        self.build, self.folder = build, folder
        self.objects, self.programs, self.begun = {}, {}, 0
        for source in sorted(sources):
            for name in build.users.get(source, ()) if source.suffix == ".c" else ():
                self.objects[name] = str(folder / f"{len(self.objects)}.o")

    def compile(self, name):
        if not os.path.exists(self.objects[name]):
            words = self.build.words_of(name)
            subprocess.run([*words, "-O0", "-g", "-w", "-Wno-error", "--coverage", "-o", self.objects[name]],
                           cwd=self.build.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def link(self, program):
        if program in self.programs:
            return
        taken = self.build.objects_in(program, set(self.objects))
        if not taken:
            return
        for name in taken:
            self.compile(name)
        target = self.folder / str(len(self.programs)) / pathlib.Path(program).name
        target.parent.mkdir()
        self.build.link(program, {name: self.objects[name] for name in taken}, target, "--coverage")
        self.programs[program] = str(target)

    def begin(self):
        """(where the processes of a test count, what its environment needs for that)"""
        self.begun += 1
        folder = self.folder / f"test-{self.begun}"
        folder.mkdir()
        folder.chmod(0o777)
        return folder, {"GCOV_PREFIX": str(folder), "GCOV_PREFIX_STRIP": "99", "GCOV_ERROR_FILE": os.devnull}

    def end(self, folder):
        """The lines that the test reached, as counted() has them."""
        for notes in self.folder.glob("*.gcno"):
            (folder / notes.name).symlink_to(notes)
        lines = counted(folder, self.build.folder)
        for file, of in counted(self.folder, self.build.folder).items():
            for number, reached in of.items():
                lines[file][number] = lines[file].get(number, False) or reached
        return lines
