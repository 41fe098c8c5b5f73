#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tutorial's C is that of the program that the tests build and run, block by block, and what it prints is shown."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
import tap  # noqa: E402

ROOT, PROGRAM = pathlib.Path(sys.argv[1]), sys.argv[2]
PAGE = (ROOT / "docs/tutorial.md").read_text()


def each_block_of_c_is_a_snippet_of_the_example_in_its_order(_folder):
    source = (ROOT / "examples/verified_shadow.c").read_text()
    snippets = re.findall(r"/\* snippet: (?!end)\w+ \*/\n(.*?)/\* snippet: end \*/", source, re.S)
    blocks = re.findall(r"```c\n(.*?)```", PAGE, re.S)
    assert len(blocks) >= 4, "only %d blocks" % len(blocks)
    assert blocks == snippets, "a block is not what the example has"


def what_the_example_prints_is_what_the_page_shows(_folder):
    run = subprocess.run([PROGRAM], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode == 77:
        raise tap.Skip("the example needs pages of 4 KiB")
    assert run.returncode == 0 and run.stdout in PAGE, "it printed " + run.stdout


tap.run_cases(each_block_of_c_is_a_snippet_of_the_example_in_its_order, what_the_example_prints_is_what_the_page_shows)
