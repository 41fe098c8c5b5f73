#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Short histories that a recorder can misread: the mirror never differs, and doubts only where nobody can know.

usage: histories.py VMAPLE HISTORIES RECORDED_CALLS

Prints TAP.
"""
import json
import os
import subprocess
import sys
import tempfile

VMAPLE, HISTORIES, RECORDED_CALLS = sys.argv[1:4]
# What may be uncertain at most: the order of two writes that no call came between; what lies far off.
NAMES = {"last-seen-first-written": 1, "order-not-seen": 1, "row-seen-at-its-middle": 0, "grows-between-moved": 0, "enormous-area": 1,
         "written-before-a-neighbour-comes": 0}

def order_of_writes(name):
    with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
        path = os.path.join(folder, "x.vmt")
        subprocess.run([VMAPLE, "record", "-o", path, "--", HISTORIES, name], check=True, timeout=60)
        r = subprocess.run([RECORDED_CALLS, "--writes", path], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return [line.split()[1] for line in r.stdout.splitlines()]


good = True
print("1..%d" % (len(NAMES) + 1))
for n, (name, doubts) in enumerate(NAMES.items(), 1):
    r = subprocess.run([VMAPLE, "run", "--json", "--", HISTORIES, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, check=False, timeout=60)
    if r.returncode == 77:
        print("ok %d - %s # SKIP this kernel does not know the call" % (n, name))
        continue
    s = json.loads(r.stdout.splitlines()[-1]) if r.stdout else {}
    ok = r.returncode == 0 and s["differences"] == 0 and s["uncertain"] <= doubts and s["first_writes"] > 0
    good &= ok
    print("%sok %d - %s" % ("" if ok else "not ", n, name))
    if not ok:
        print("# " + r.stderr.replace("\n", "\n# "))
# A sleeping thread makes no order doubtful: areas that may be written soon are searched before each call.
order = order_of_writes("written-before-a-neighbour-comes")
ok = len(order) >= 8 and set(order) == {"known"}
good &= ok
print("%sok %d - the order of what one thread wrote is known" % ("" if ok else "not ", len(NAMES) + 1))
if not ok:
    print("# %s" % order)
sys.exit(0 if good else 1)
