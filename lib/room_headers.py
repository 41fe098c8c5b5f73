#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Folders of headers, one for each room: FOLDER/ROOM/vmaple/NAME leads to the public header NAME.

A room is compiled with its own folder and those of the rooms that it stands on, and not with include/, so that it cannot
include what lies above it.  They lead there by a relative path, so that a copied tree leads into itself; one that stays
as it was keeps its time.

usage: room_headers.py INCLUDE FOLDER ROOM=NAME,NAME...     (INCLUDE: the folder that has vmaple/)
"""
import os
import pathlib
import sys


def lead(folder, names, include):
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(os.listdir(folder)) - set(names):
        (folder / stale).unlink()
    for name in names:
        at = os.path.relpath((include / "vmaple" / name).resolve(), folder.resolve())
        text = '#include "%s"\n' % pathlib.Path(at).as_posix()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8")


def main(include, folder, *rooms):
    there, given = set(os.listdir(include / "vmaple")), []
    for room, names in (words.split("=") for words in rooms):
        lead(folder / room / "vmaple", names.split(","), include)
        given += names.split(",")
    if sorted(given) != sorted(there):
        wrong = sorted(there.symmetric_difference(given)) + sorted({n for n in given if given.count(n) > 1})
        sys.exit("include/meson.build: each public header belongs to one room: %s" % ", ".join(wrong))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *sys.argv[3:])
