#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recorder that is killed loses at most the last second, whether the program is busy or quiet then.

usage: killed_recorder.py VMAPLE

The program locks a page, says so, and locks the next one after a while.  The recorder is killed at a random moment: what
was said more than a second before has to be in the recording, which has to be readable to where it ends.
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

vmaple = sys.argv[1]
seed = int(os.environ.get("VMAPLE_SEED", random.randrange(1 << 30)))
random.seed(seed)
failures = 0

# Locks MANY pages with a pause between them, then does nothing.
PROGRAM = """
import ctypes, mmap, sys, time
libc = ctypes.CDLL(None)
page = ctypes.addressof(ctypes.c_char.from_buffer(m := mmap.mmap(-1, 4096)))
for i in range(int(sys.argv[1])):
    libc.mlock(ctypes.c_void_p(page), 4096)
    libc.munlock(ctypes.c_void_p(page), 4096)
    print(i, flush=True)
    time.sleep(float(sys.argv[2]))
time.sleep(60)
"""


def check(good, what):
    global failures
    if not good:
        failures += 1
        print(f"# seed {seed}: {what}")


def start(path, many, pause, *options):
    return subprocess.Popen([vmaple, "record", *options, "-o", path, "--", sys.executable, "-c", PROGRAM, str(many),
                             str(pause)], stdout=subprocess.PIPE, start_new_session=True)


def kill_after(recorder, lines, seconds, sig):
    """Kill it so long after so many lines. When each line was read, and when all of it has to be in the recording."""
    times, slip, before = [], 0.0, time.monotonic()
    os.set_blocking(recorder.stdout.fileno(), False)
    while len(times) < lines or time.monotonic() < times[lines - 1] + seconds + slip:
        data = recorder.stdout.read() or b""
        times += [time.monotonic()] * data.count(b"\n")
        # By how much this process was late at most, on a busy machine: the recorder's timer is not better served.
        slip, before = max(slip, time.monotonic() - before - 0.005), time.monotonic()
        time.sleep(0.005)
    killed = time.monotonic()
    recorder.send_signal(sig)
    recorder.wait()
    return times, killed - 1 - slip


def locks_in(path, sig):
    result = subprocess.run([vmaple, "verify", "--json", path], capture_output=True, text=True)
    cut = result.returncode == 3 and "without its end mark" in result.stderr
    # Asked to end, a recorder may end its recording.
    check(cut or (result.returncode == 0 and sig == signal.SIGTERM), f"{sig.name}, then verify: {result}")
    summary = json.loads(result.stdout)
    check(summary["differences"] == 0, f"{summary['differences']} differences")
    return summary["calls_by_kind"]["mlock"] / 2


def one(path, many, pause, seconds, sig, *options):
    """Those that are not many are all said."""
    times, safe = kill_after(start(path, many, pause, *options), many if many < 100 else 1, seconds, sig)
    wanted = sum(t < safe for t in times)
    found = locks_in(path, sig)
    check(found >= wanted, f"{sig.name}, {options}: {wanted} locks said a second before the end, {found} recorded")
    return wanted


def test_mode(path):
    os.umask(0)
    subprocess.run([vmaple, "record", "--sync", "-o", path, "--", "true"], check=True)
    check(os.stat(path).st_mode & 0o777 == 0o600, f"a new recording has mode {os.stat(path).st_mode:o}")
    os.chmod(path, 0o644)
    subprocess.run([vmaple, "record", "-o", path, "--", "true"], check=True)
    check(os.stat(path).st_mode & 0o777 == 0o600, f"one that was there has mode {os.stat(path).st_mode:o}")
    check(subprocess.run([vmaple, "verify", path], capture_output=True).returncode == 0, "verify of a whole one")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.vmt")
        test_mode(path)
        wanted = one(path, 20, 0, 1.6, signal.SIGKILL)
        check(wanted == 20, f"quiet: {wanted} of 20 lines were read")
        wanted += one(path, 20, 0, 1.6, signal.SIGKILL, "--check", "end")
        for i in range(int(os.environ.get("VMAPLE_ROUNDS", 3))):
            sig = random.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
            wanted += one(path, 10000, random.choice([0.001, 0.02, 0.3]), random.uniform(1, 2.5), sig,
                          "--check", random.choice(["every", "end"]))
    print(f"# {wanted} locks had to be there")
    print(f"{'not ok' if failures else 'ok'} 1 killed recorders")
    print("1..1")
    return 1 if failures else 0


sys.exit(main())
