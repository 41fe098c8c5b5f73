#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that nobody chose: those of /usr/bin with --help and --version, alone and recorded.

usage: usr_bin.py VMAPLE DESCRIPTORS COUNT

A program counts when it says the same twice alone, within some seconds.  Recorded it has to write the same, end with the same
status and the same descriptors open (DESCRIPTORS is descriptors.c), and the mirror may not differ from the kernel.  Prints
each that does not, and ends with how many were tried, and of how many the descriptors were seen.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

VMAPLE, DESCRIPTORS, COUNT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3])
FOLDER = "/usr/bin"


# Wine numbers its threads in the order in which its processes begin, which is a matter of time.
WINE_THREAD = re.compile(rb"^[0-9a-f]{4}:(?=err:|fixme:|warn:)", re.M)


def run(command, seconds, *recorder):
    """Status, output and what was open at the end, or None: it did not end."""
    if os.path.exists("open"):
        os.unlink("open")
    watched = [*recorder, "/usr/bin/env", "LD_PRELOAD=" + DESCRIPTORS, "VMAPLE_DESCRIPTORS=" + os.path.abspath("open"), *command]
    try:
        r = subprocess.run(watched, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                           timeout=seconds, start_new_session=True)
    except subprocess.TimeoutExpired:
        return None
    seen = ""
    if os.path.exists("open"):
        with open("open", encoding="utf-8", errors="replace") as f:
            seen = f.read()
    return r.returncode, r.stdout, WINE_THREAD.sub(b"thread:", r.stderr), seen


def candidates():
    """In an order that is the same each time, without those that gain privilege by being started: recorded they do not."""
    paths = []
    for name in sorted(os.listdir(FOLDER)):
        path = os.path.join(FOLDER, name)
        if os.path.isfile(path) and os.access(path, os.X_OK) and not os.stat(path).st_mode & 0o6000:
            paths.append(path)
    random.Random(1).shuffle(paths)
    for path in paths:
        for option in ("--version", "--help"):
            yield [path, option]


def wrong(command, alone):
    """What was not as alone, or None."""
    recorded = run(command, 120, VMAPLE, "run", "--json=s.json", "--")
    if recorded is None:
        return "does not end when it is recorded"
    with open("s.json", encoding="utf-8") as f:
        s = json.load(f)
    for count in ("differences", "uncertain", "lost"):
        if s[count]:
            return "%s: %d\n%s" % (count, s[count], recorded[2].decode(errors="replace")[-1500:])
    # What it says may change meanwhile, alone too: how much of a file system is free.
    if recorded != alone and run(command, 5) == alone:
        return "alone %r, recorded %r" % (alone, recorded)
    return None


tried = bad = seen = 0
with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder, XDG_RUNTIME_DIR=folder, LC_ALL="C.UTF-8", PERL_HASH_SEED="0", PYTHONHASHSEED="0")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        os.environ.pop(name, None)
    for command in candidates():
        if tried == COUNT:
            break
        alone = run(command, 5)
        if alone is None or run(command, 5) != alone:
            continue
        tried += 1
        seen += bool(alone[3])
        why = wrong(command, alone)
        if why:
            bad += 1
            print("%s: %s" % (" ".join(command), why))
    os.chdir("/")
print("%d programs, %d not as alone; the descriptors of %d were seen" % (tried, bad, seen))
if tried < COUNT or seen < COUNT / 2:
    sys.exit("fewer than %d programs could be tried, or of too few it was seen what was open" % COUNT)
sys.exit(1 if bad else 0)
