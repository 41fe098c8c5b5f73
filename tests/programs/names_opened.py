#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which files that a recording names are opened here, as SECURITY.md says: by commands that look up code, where they are
regular files; by the others none.

usage: names_opened.py VMAPLE

Prints TAP.
"""
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile

VMAPLE = os.path.abspath(sys.argv[1])
IN_OPEN = 0x20
LOOKS_UP = [
    ["why", "--top", "t.vmt"],
    ["report", "-o", "t.html", "t.vmt"],
    ["diff", "t.vmt", "t.vmt"],
    ["sql", "t.vmt", "select * from culprits"],
] + [["export", "--format", f, "t.vmt"] for f in ("jsonl", "folded", "perfetto")]
OPENS_NONE = [
    ["verify", "t.vmt"],
    ["verify", "--json", "t.vmt"],
    ["maps", "t.vmt"],
    ["lab", "t.vmt"],
    ["whatif", "t.vmt", "--guards", "install"],
    ["export", "--format", "strace", "t.vmt"],
]
libc = ctypes.CDLL(None, use_errno=True)


class Opens:
    """Whether a file is opened."""

    def __init__(self, path):
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if libc.inotify_add_watch(self.fd, os.fsencode(path), IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), path)

    def any(self):
        try:
            return bool(os.read(self.fd, 4096))
        except BlockingIOError:
            return False


def command(arguments):
    r = subprocess.run([VMAPLE, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=20)
    if r.returncode not in (0, 1):
        raise AssertionError("%r: status %d: %r" % (arguments, r.returncode, r.stderr))


def opening(path, commands):
    """Those of the commands that open it."""
    opens, found = Opens(path), []
    for arguments in commands:
        command(arguments)
        if opens.any():
            found.append(arguments)
    return found


def equal(got, want):
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))


def only_commands_that_look_up_code_open_the_program():
    equal(opening("program", OPENS_NONE), [])
    # Where nothing that they say is of that program, they need not look.
    equal(bool(opening("program", LOOKS_UP)), True)


def a_pipe_with_the_name_of_the_program_is_opened_by_none():
    os.rename("program", "kept")
    os.mkfifo("program")
    equal(opening("program", LOOKS_UP + OPENS_NONE), [])
    os.unlink("program")
    os.rename("kept", "program")


def a_pipe_with_the_name_of_debug_information_is_opened_by_none():
    with open("program", "rb") as f:
        link = re.search(rb"[0-9a-f]{38}\.debug", f.read())
    if not link:
        return "# SKIP this shell names no debug information"
    os.mkdir(".debug")
    for path in (link.group().decode(), ".debug/" + link.group().decode()):
        os.mkfifo(path)
        equal(opening(path, LOOKS_UP), [])
        os.unlink(path)
    return ""


def main():
    tests = [
        only_commands_that_look_up_code_open_the_program,
        a_pipe_with_the_name_of_the_program_is_opened_by_none,
        a_pipe_with_the_name_of_debug_information_is_opened_by_none,
    ]
    failed = 0
    print("1..%d" % len(tests))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copy("/bin/sh", "program")
        command(["record", "--stacks", "-o", "t.vmt", "--", "./program", "-c", ":"])
        for number, test in enumerate(tests, 1):
            try:
                print("ok %d - %s %s" % (number, test.__name__, test() or ""))
            except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
                failed = 1
                print("not ok %d - %s\n# %s" % (number, test.__name__, str(e).replace("\n", "\n# ")))
        os.chdir("/")
    return failed


sys.exit(main())
