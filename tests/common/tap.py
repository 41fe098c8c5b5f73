# SPDX-License-Identifier: MIT
"""Cases of a test in Python, told as TAP."""
import sys
import tempfile


class Skip(Exception):
    """What this machine lacks."""


def skip_all(reason):
    """Ends the program: Meson takes the status 77 of a test that prints TAP for a failure."""
    print("1..0 # SKIP %s" % reason)
    sys.exit(0)


def run_cases(*cases):
    """Each in a folder of its own.  Prints TAP, and ends the program."""
    good = True
    print("1..%d" % len(cases))
    for number, case in enumerate(cases, 1):
        name = case.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(folder)
                print("ok %d - %s" % (number, name))
            except Skip as reason:
                print("ok %d - %s # SKIP %s" % (number, name, reason))
            except AssertionError as error:
                good = False
                print("not ok %d - %s\n# %s" % (number, name, str(error)[:3000].replace("\n", "\n# ")))
        sys.stdout.flush()
    sys.exit(0 if good else 1)
