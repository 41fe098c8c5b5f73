#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A page of 60,000 areas and 1,000,000 calls: its size, what it takes to make, and to use in a browser.

usage: large.py VMAPLE MANY_AREAS [AREAS CALLS]

Memory and sizes are bounds; times, which depend on what else the machine does, are told as comments.  Prints TAP.
"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE, PROGRAM = (os.path.abspath(p) for p in sys.argv[1:3])
AREAS, CALLS = (int(n) for n in sys.argv[3:5]) if len(sys.argv) > 4 else (60000, 1000000)


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def a_large_recording_makes_a_small_page_that_is_quick_to_use(folder):
    recording, page = os.path.join(folder, "r.vmt"), os.path.join(folder, "page.html")
    subprocess.run([VMAPLE, "record", "--check", "end", "-o", recording, "--", PROGRAM, str(AREAS), str(CALLS)], check=True)
    print("# recording: %d bytes" % os.path.getsize(recording))
    cpu, begun = children(), time.monotonic()
    with subprocess.Popen([VMAPLE, "report", recording, "-o", page]) as p:
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode == 0
    print("# page: %d bytes, made in %.1f s (%.1f s of CPU time) and %d MiB" % (
        os.path.getsize(page), time.monotonic() - begun, children() - cpu, used.ru_maxrss >> 10))
    assert os.path.getsize(page) < 5 << 20 and used.ru_maxrss < 1 << 20, (os.path.getsize(page), used.ru_maxrss)
    with open(page, encoding="utf-8") as f:
        meta = json.loads(re.search(r"<script type=application/json id=meta>(.*?)</script>", f.read(), re.S).group(1))
    assert meta["spaces"][0]["most"] >= AREAS, meta["spaces"][0]
    browser, node = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("node")
    if not browser or not node:
        print("# %s is not installed: the page is not opened" % ("node" if browser else "chromium"))
        return
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "large.js")
    subprocess.run([node, script, browser, page], check=True, timeout=300)


run_cases(a_large_recording_makes_a_small_page_that_is_quick_to_use)
