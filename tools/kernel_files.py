# SPDX-License-Identifier: MIT
"""Files of a kernel's sources, unpacked once: the kernel's own tests, which are run here and belong to no commit."""
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel-source")


def unpack(series, folder, members):
    """The folder of this series below `folder`, where `members`, files or folders, are; or the end, with status 77."""
    top = os.path.join(folder, "linux-source-" + series)
    missing = [m for m in members if not os.path.exists(os.path.join(top, m))]
    if not missing:
        return top
    found = subprocess.run([SOURCE, series], stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode:
        print("no sources of Linux %s: skipped" % series)
        sys.exit(77)
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as part:
        # Files come once: what is behind the last of them is not read.
        once = ["--occurrence=1"] if all("." in m or m == "Makefile" for m in missing) else []
        subprocess.run(["tar", "xJf", found.stdout.strip(), "-C", part] + once +
                       ["linux-source-%s/%s" % (series, m) for m in missing], check=True)
        for m in missing:
            to = os.path.join(top, m)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            if not os.path.exists(to):
                shutil.move(os.path.join(part, "linux-source-" + series, m), to)
    return top


def version(top):
    """Of which kernel exactly, if its Makefile is here: 7.3.4."""
    words = {}
    with open(os.path.join(top, "Makefile"), encoding="utf-8") as f:
        for line in f:
            name, equals, value = line.partition("=")
            words.setdefault(name.strip(), value.strip() if equals else "")
    return "%(VERSION)s.%(PATCHLEVEL)s.%(SUBLEVEL)s" % words
