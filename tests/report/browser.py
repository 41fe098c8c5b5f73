#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pages in a real browser: made here, driven by browser.js.

usage: browser.py VMAPLE PROGRAM SCREENSHOTS

PROGRAM has children and is recorded; pictures of each view are kept in SCREENSHOTS.  Prints TAP.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import skip_all  # noqa: E402

VMAPLE, PROGRAM, SHOTS = (os.path.abspath(p) for p in sys.argv[1:4])
NAMES = [b"/tmp/</script><img src=x onerror=alert(1)>", b"/tmp/\"quote' & <b>", b"/tmp/\xff\xfe not utf-8",
         "/tmp/\u202eright to left".encode(), b"/tmp/\x01\x1b[31m control"]


def main():
    browser, node = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("node")
    if not browser or not node:
        skip_all("%s is not installed: no page is opened" % ("chromium" if not browser else "node"))
    os.makedirs(SHOTS, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        recording, maps = os.path.join(folder, "r.vmt"), os.path.join(folder, "maps")
        pages = [os.path.join(folder, name) for name in ("page.html", "hostile.html", "program.html")]
        inside = os.path.join(folder.encode(), b"<", b"script><img src=x onerror=alert(1)>\"'&\xff\x01\xe2\x80\xae")
        os.mkdir(os.path.dirname(inside))
        shutil.copy(PROGRAM, inside)
        with open(maps, "wb") as f:
            for i, name in enumerate(NAMES):
                f.write(b"7f%010x-7f%010x r--p 00000000 08:01 %d %s\n" % (i << 16, (i << 16) + 4096, i + 1, name))
        subprocess.run([VMAPLE, "record", "-o", recording, "--", PROGRAM], stdout=subprocess.DEVNULL, check=True)
        subprocess.run([VMAPLE, "report", recording, "-o", pages[0]], check=True)
        subprocess.run([VMAPLE, "report", maps, "-o", pages[1]], check=True)
        subprocess.run([VMAPLE, "record", "--stacks", "-o", recording, "--", inside], stdout=subprocess.DEVNULL, check=True)
        subprocess.run([VMAPLE, "report", recording, "-o", pages[2]], check=True)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser.js")
        sys.exit(subprocess.run([node, script, browser, *pages, SHOTS], check=False).returncode)


main()
