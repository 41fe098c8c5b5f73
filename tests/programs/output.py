#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the command writes, and what: JSON beside a program's output, a stdout that is full, names with control
characters, its own peak of memory.

usage: output.py VMAPLE

Prints TAP.
"""
import json
import os
import pty
import subprocess
import sys
import tempfile

VMAPLE = os.path.abspath(sys.argv[1])
EVIL = "red\033[31m\u009b0m\x7f"
MAP_EVIL = "import mmap; f = open(%r, 'w+b'); f.truncate(4096); m = mmap.mmap(f.fileno(), 4096); import os; os._exit(0)" % EVIL
results = []


def run(*command, **kw):
    return subprocess.run(command, stdout=kw.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, check=False, timeout=120, **kw)


def equal(got, want):
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))


def true(what, *shown):
    if not what:
        raise AssertionError(repr(shown)[-1500:])


def json_is_the_line_behind_the_programs_last():
    lines = run(VMAPLE, "run", "--json", "--", "echo", "hi").stdout.split(b"\n")
    equal([lines[0], lines[1][:1], lines[2:]], [b"hi", b"{", [b""]])


def json_into_a_file_leaves_stdout_to_the_program():
    r = run(VMAPLE, "run", "--json=s.json", "--", "printf", "no newline")
    equal((r.returncode, r.stdout, r.stderr), (0, b"no newline", b""))
    with open("s.json", encoding="utf-8") as f:
        equal(json.load(f)["differences"], 0)
    r = run(VMAPLE, "run", "--json=/nonexistent/s.json", "--", "touch", "started")
    equal((r.returncode, os.path.exists("started")), (125, False))
    true(b"/nonexistent/s.json: cannot be written: No such file" in r.stderr, r.stderr)


def a_full_stdout_is_an_error_of_every_command():
    run(VMAPLE, "record", "-o", "t.vmt", "--", "true")
    commands = [["--version"], ["help"], ["help", "run"], ["run", "--help"], ["run", "--json", "--", "true"],
                ["verify", "t.vmt"], ["verify", "--json", "t.vmt"], ["maps", "t.vmt"], ["maps", "--format", "json", "t.vmt"],
                ["maps", "--pid", str(os.getpid()), "--no-bpf"], ["lab", "--list"]]
    for command in commands:
        with open("/dev/full", "wb") as full:
            r = run(VMAPLE, *command, stdout=full)
        equal((command, r.returncode), (command, 125))
        true(b"No space left on device" in r.stderr or b"cannot be written" in r.stderr, command, r.stderr)
    with open("/dev/full", "wb") as full:
        equal(run(VMAPLE, "run", "--", "sh", "-c", "exit 3", stdout=full).returncode, 3)


def control_characters_are_quoted_and_raw_only_into_a_pipe():
    r = run(VMAPLE, "run", "-o", "e.vmt", "--", "python3", "-c", MAP_EVIL, EVIL)
    equal(r.returncode, 0)
    names = run(VMAPLE, "maps", "e.vmt").stdout
    true(b"red\\033[31m\\302\\2330m\\177" in names, names)
    errors = run(VMAPLE, "verify", "no\033such.vmt").stderr + run(VMAPLE, "bad\033").stderr
    for shown in (names, r.stderr, run(VMAPLE, "verify", "e.vmt").stdout, errors):
        true(b"\033" not in shown and b"\xc2\x9b" not in shown, shown)
    true(EVIL.encode() in run(VMAPLE, "maps", "--raw", "e.vmt").stdout)
    master, terminal = pty.openpty()
    equal(run(VMAPLE, "maps", "--raw", "t.vmt", stdout=terminal).returncode, 0)
    process = subprocess.Popen([VMAPLE, "maps", "--raw", "e.vmt"], stdout=terminal)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(master, 65536):
            shown += part
    except OSError:  # the other end is closed
        pass
    process.wait()
    true(b"red\\033[31m" in shown and b"\033" not in shown, shown)


def its_peak_of_memory_is_its_own():
    code = ("import os, sys; b = bytearray(400 << 20); b[::4096] = b'x' * len(b[::4096]); "
            "os.execv(sys.argv[1], [sys.argv[1], 'run', '--json', '--', 'true'])")
    s = json.loads(run("python3", "-c", code, VMAPLE).stdout)
    true(1000 < s["recorder_peak_kib"] < 300 << 10, s["recorder_peak_kib"])


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    for function in (json_is_the_line_behind_the_programs_last, json_into_a_file_leaves_stdout_to_the_program,
                     a_full_stdout_is_an_error_of_every_command, control_characters_are_quoted_and_raw_only_into_a_pipe,
                     its_peak_of_memory_is_its_own):
        name = function.__name__.replace("_", " ")
        try:
            function()
            results.append(True)
        except AssertionError as e:
            results.append(False)
            print("# " + str(e).replace("\n", "\n# "))
        print("%sok %d - %s" % ("" if results[-1] else "not ", len(results), name))
    os.chdir("/")
print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
