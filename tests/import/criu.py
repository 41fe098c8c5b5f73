#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images of CRIU, encoded by its own crit from what maps(5) says of real programs, and what is said of bad ones.

usage: criu.py VMAPLE

Prints TAP.  Exit status 77 where crit is not installed.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases, skip_all  # noqa: E402

VMAPLE = os.path.abspath(sys.argv[1])
SPECIAL = {"[heap]": "VMA_AREA_HEAP", "[stack]": "VMA_AREA_STACK", "[vdso]": "VMA_AREA_VDSO", "[vvar]": "VMA_AREA_VVAR"}
# include/linux/mm.h
GROWSDOWN, LOCKED, DONTCOPY, NORESERVE = 0x100, 0x2000, 0x20000, 0x200000
DONTDUMP, HUGEPAGE = 0x4000000, 0x20000000
LINE = re.compile(r"(\w+)-(\w+) (\S{4}) (\w+) \S+ \d+ *(.*)")


def vmaple(*command):
    return subprocess.run([VMAPLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=60)


def encode(folder, name, magic, entries):
    source = os.path.join(folder, name + ".json")
    with open(source, "w", encoding="utf-8") as f:
        json.dump({"magic": magic, "entries": entries}, f)
    subprocess.run(["crit", "encode", "-i", source, "-o", os.path.join(folder, name)], check=True)
    return os.path.join(folder, name)


def image(folder, vmas, page=4096):
    entry = {"mm_" + name: "0x0" for name in ("start_code", "end_code", "start_data", "end_data", "start_stack", "start_brk",
                                              "brk", "arg_start", "arg_end", "env_start", "env_end")}
    return encode(folder, "mm-7.img", "MM", [entry | {"exe_file_id": 1, "mm_saved_auxv": [33, 0, 6, page, 0, 0], "vmas": vmas,
                                                      "dumpable": 1, "thp_disabled": False}])


def vma(start, end, prot="PROT_READ", flags="MAP_PRIVATE", status="VMA_AREA_REGULAR | VMA_ANON_PRIVATE", **more):
    return {"start": hex(start), "end": hex(end), "pgoff": 0, "shmid": 0, "prot": prot, "flags": flags, "status": status,
            "fd": -1} | more


def files(folder, names):
    fown = {"uid": 0, "euid": 0, "signum": 0, "pid_type": 0, "pid": 0}
    return encode(folder, "files.img", "FILES", [
        {"type": "REG", "id": n, "reg": {"id": n, "flags": "0x0", "pos": 0, "fown": fown, "name": name}}
        for name, n in names.items()])


def images_of(folder, maps):
    """As CRIU writes a map: [vsyscall] and those of no kind are its own affair."""
    names, vmas = {}, []
    for start, end, letters, offset, name in maps:
        shared, status, shmid = letters[3] == "s", "VMA_ANON_PRIVATE", 0
        if name.startswith("/"):
            shmid = names.setdefault(name, len(names) + 1)
            status = "VMA_FILE_SHARED" if shared else "VMA_FILE_PRIVATE"
        elif name in SPECIAL:
            status = SPECIAL[name] + (" | VMA_ANON_PRIVATE")
        prot = [p for p, letter in zip(("PROT_READ", "PROT_WRITE", "PROT_EXEC"), letters) if letter != "-"]
        vmas.append(vma(start, end, " | ".join(prot) or "0x0", "MAP_SHARED" if shared else "MAP_PRIVATE",
                        "VMA_AREA_REGULAR | " + status, pgoff=offset if name.startswith("/") else 0, shmid=shmid))
    files(folder, names)
    return image(folder, vmas)


def map_of(program):
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if program == ["cat"]:  # what comes back says that it has been executed
            process.stdin.write(b"\n")
            process.stdin.flush()
        process.stdout.readline()
        with open("/proc/%d/maps" % process.pid, encoding="utf-8") as f:
            lines = [LINE.fullmatch(line.rstrip("\n")).groups() for line in f]
        process.communicate(b"\n")
    return [(int(a, 16), int(b, 16), letters, int(offset, 16), name) for a, b, letters, offset, name in lines
            if name != "[vsyscall]" and not name.startswith("[vvar_")]


def shown(path):
    r = vmaple("maps", path)
    assert r.returncode == 0, r.stderr
    lines = [LINE.fullmatch(line).groups() for line in r.stdout.splitlines()]
    return [(int(a, 16), int(b, 16), letters, int(offset, 16), name) for a, b, letters, offset, name in lines]


def images_show_the_map_that_they_were_made_of(folder):
    for n, program in enumerate((["cat"], ["python3", "-c", "import mmap, json; m = mmap.mmap(-1, 8192); print(flush=True); input()"],
                                 ["sh", "-c", "echo; read x"])):
        of = os.path.join(folder, str(n))
        os.mkdir(of)
        expected = [(a, b, letters, offset if name.startswith("/") else 0, name) for a, b, letters, offset, name in map_of(program)]
        assert len(expected) > 15
        assert shown(images_of(of, expected)) == expected


def a_memfd_has_the_name_of_its_inode(folder):
    fown = {"uid": 0, "euid": 0, "signum": 0, "pid_type": 0, "pid": 0}
    encode(folder, "files.img", "FILES", [{"type": "MEMFD", "id": 9, "memfd": {
        "id": 9, "flags": "0x0", "pos": 0, "fown": fown, "inode_id": 4}}])
    encode(folder, "memfd.img", "MEMFD_INODE", [{"name": "a b", "uid": 0, "gid": 0, "size": 8192, "shmid": 5, "seals": "0x0",
                                                 "inode_id": 4}])
    path = image(folder, [vma(0x10000, 0x12000, "PROT_READ | PROT_WRITE", "MAP_SHARED", "VMA_AREA_REGULAR | VMA_FILE_SHARED",
                              shmid=9)])
    assert shown(path) == [(0x10000, 0x12000, "rw-s", 0, "/memfd:a b (deleted)")]


def flags_and_advice_are_kept(folder):
    path = image(folder, [vma(0x10000, 0x12000, "PROT_READ | PROT_WRITE", "MAP_PRIVATE | 0x2000 | 0x4000",
                              madv=hex(1 << 10 | 1 << 14 | 1 << 16)),
                          vma(0x20000, 0x22000, "PROT_READ", "MAP_PRIVATE | MAP_GROWSDOWN")])
    flags = [area["vm_flags"] for area in json.loads(vmaple("maps", "--format", "json", path).stdout)]
    kept = LOCKED | NORESERVE | DONTCOPY | HUGEPAGE | DONTDUMP
    assert flags[0] & (kept | GROWSDOWN) == kept and flags[1] & (kept | GROWSDOWN) == GROWSDOWN, [hex(f) for f in flags]


def the_vector_of_the_program_tells_how_large_pages_are(folder):
    out = os.path.join(folder, "out.vmt")
    for page in (4096, 16384, 65536):
        r = vmaple("import", "-o", out, image(folder, [vma(0x10000, 0x20000)], page))
        assert r.returncode == 0, r.stderr
        r = vmaple("sql", "--csv", out, "select page_size from runs")
        assert r.stdout.split() == ["page_size", str(page)], r.stdout + r.stderr


def a_name_that_is_not_beside_is_in_doubt(folder):
    path = image(folder, [vma(0x10000, 0x12000, status="VMA_AREA_REGULAR | VMA_FILE_PRIVATE", shmid=3)])
    r = vmaple("import", "-o", os.path.join(folder, "out.vmt"), path)
    assert r.returncode == 0 and "what a mapped file is called is not in the images beside" in r.stdout, r.stdout
    files(folder, {"/bin/x": 3})
    r = vmaple("import", "-o", os.path.join(folder, "out.vmt"), path)
    assert r.returncode == 0 and "is not in the images beside" not in r.stdout, r.stdout
    assert shown(path)[0][4] == "/bin/x"


def refused(path, words=""):
    r = vmaple("maps", path)
    assert r.returncode == 3 and r.stderr.count("\n") == 1 and words in r.stderr, (r.returncode, r.stderr)


def areas_that_overlap_are_refused(folder):
    refused(image(folder, [vma(0x10000, 0x12000), vma(0x11000, 0x13000)]), "overlap")
    refused(image(folder, [vma(0x10000, 0x12001)]), "whole pages")


def an_image_that_is_cut_is_refused_at_any_byte(folder):
    path = image(folder, [vma(0x10000, 0x12000), vma(0x20000, 0x22000)])
    with open(path, "rb") as f:
        whole = f.read()
    for cut in range(8, len(whole), 3):
        with open(path, "wb") as f:
            f.write(whole[:cut])
        refused(path)


def damaged_images_do_no_harm(folder):
    path = images_of(folder, map_of(["cat"]))
    names = os.path.join(folder, "files.img")
    seed = int(os.environ.get("VMAPLE_SEED", "2022"))
    print("# seed", seed)
    rng = random.Random(seed)
    for target in (path, names):
        with open(target, "rb") as f:
            whole = f.read()
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(8, len(data))] = rng.randrange(256)
            with open(target, "wb") as f:
                f.write(data)
            r = vmaple("maps", path)
            assert r.returncode in (0, 3) and r.stderr.count("\n") == (r.returncode == 3), (r.returncode, r.stderr)
        with open(target, "wb") as f:
            f.write(whole)


if not shutil.which("crit"):
    skip_all("crit is not installed (package criu)")
run_cases(images_show_the_map_that_they_were_made_of, a_memfd_has_the_name_of_its_inode, flags_and_advice_are_kept,
          the_vector_of_the_program_tells_how_large_pages_are, a_name_that_is_not_beside_is_in_doubt, areas_that_overlap_are_refused, an_image_that_is_cut_is_refused_at_any_byte,
          damaged_images_do_no_harm)
