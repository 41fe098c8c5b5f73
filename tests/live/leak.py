#!/usr/bin/env python3
"""Map areas that cannot join, RATE of them a second by the clock, until killed.  usage: leak.py RATE"""
import mmap
import sys
import time

rate = float(sys.argv[1])
kept = []
begin = time.monotonic()
print("ready", flush=True)
while True:
    while len(kept) < rate * (time.monotonic() - begin):
        prot = mmap.PROT_READ if len(kept) % 2 else mmap.PROT_READ | mmap.PROT_WRITE
        kept.append(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=prot))
    time.sleep(0.01)
