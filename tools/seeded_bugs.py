# SPDX-License-Identifier: MIT
"""For tools/mutate and tools/seed-bug: tests/seeded-bugs.txt, read."""
import re


def bugs(text, name):
    """(file, line as it is, what stands there instead), of those below `## NAME`."""
    part = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    yield from re.findall(r"^(\S+): (.*)\n +-> (.*)$", part.group(1) if part else "", re.M)
