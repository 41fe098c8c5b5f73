#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The fragments of fragments.txt as files, for who imports this module (fragments.c asks what becomes of them); and what people
have and is not read.

usage: fragments.py VMAPLE
"""
import io
import os
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../common"))
import tap  # noqa: E402

VMAPLE = os.path.abspath(sys.argv[1])


class Fragment:
    """Its logs and options; what becomes of them stands behind, for fragments.c."""

    def __init__(self, title):
        self.title, self.files, self.formats, self.page_size, self.answered = title, [("log", [])], [], None, False

    def add(self, line):
        mark, rest = line[:4], line[4:]
        if mark in ("=== ", "@@@ ", "??? ", "!!! "):
            self.answered = True
        elif mark == "&&& ":
            self.page_size = int(rest)
        elif mark == ">>> ":
            self.formats += rest.split()
        elif mark == "$$$ ":
            self.formats += ["--line-format", rest]
        elif mark == "%%% ":
            self.files = [f for f in self.files if f[1]] + [(rest, [])]
        elif line and not self.answered:
            self.files[-1][1].append(line)


def read(path):
    fragments = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("### "):
                fragments.append(Fragment(line[4:]))
            elif fragments:
                fragments[-1].add(line)
    return fragments


def run(*command):
    return subprocess.run([VMAPLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=60)


def write(fragment, folder):
    paths = []
    for name, lines in fragment.files:
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "w", encoding="utf-8", newline="") as f:
            f.write("\n".join(lines).replace("\\r", "\r").replace("\\e", "\x1b").replace("\\a", "\a") + "\n")
    return paths


def tar_of(content):
    archive, member = io.BytesIO(), tarfile.TarInfo("strace.log")
    member.size = len(content)
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


REFUSED = [
    (b"\x1f\x8b\x08\0", "gzip -dc"), (b"\xfd7zXZ\0", "xz -dc"), (b"\x28\xb5\x2f\xfd$", "zstd -dc"), (b"BZh91AY", "bzip2 -dc"),
    (b"\x04\x22\x4d\x18d", "lz4 -dc"), (b"PK\x03\x04", "unzip"), ("brk(NULL) = 0x1000\n".encode("utf-16"), "iconv -f UTF-16"),
    (b"\xfe\xff" + "brk(NULL) = 0x1000\n".encode("utf-16-be"), "iconv -f UTF-16"), ("brk(NULL) = 0\n".encode("utf-16-le"), "iconv -f UTF-16"),
    (b"PERFILE2h\0\0\0", "perf script"),
    (b"55555000-7ffff000 ---p 00000000 00:00 0    [rollup]\nRss:    800 kB\n", "/proc/PID/smaps has them"),
    (b"555555554000 default file=/usr/bin/cat mapped=2 N0=2 kernelpagesize_kB=4\n", "numa_maps"),
    (b"          Start Addr           End Addr       Size     Offset objfile\n  0x555555554000  0x555555556000  0x2000  0x0 /bin/cat\n", "gdb"),
    (b"1234:   cat\nAddress           Kbytes     RSS   Dirty Mode  Mapping\n0000555555554000  8  8  0 r---- cat\n", "pmap"),
    (b"1234:   cat\n         Address Perm   Offset Device  Inode Size Mapping\n    555555554000 r--p 0 fe:00 331 8 cat\n", "pmap"),
    (b"COMMAND  PID USER   FD   TYPE DEVICE SIZE/OFF   NODE NAME\ncat     1234 root  mem    REG  254,0  1922 33 /lib/libc.so.6\n", "lsof"),
    (b" true-1234  [001]   100.000001: sys_enter: NR 9 (0, 2000, 3, 22, ffffffff, 0)\n", "raw_syscalls"),
    (b" 1)               |  sys_mmap() {\n 1)   0.123 us    |    ksys_mmap_pgoff();\n", "perf record"),
    (b"\x17\x08\x44tracing6\0\0\x08", "trace-cmd report"), (b"7z\xbc\xaf\x27\x1c\0\4", "7z x"),
    (tar_of(b"brk(NULL) = 0x1000\n"), "tar -xf"), (b"v 10400 3\nX ./h\nI 1000 5e2921\ns a /tmp/h\n", "heaptrack"),
    (b"--1234-- x\nSYSCALL[1234,1](9) sys_mmap ( 0x0, 8192 ) --> [pre-success]\n", "valgrind"),
    (b"1 05:00:00.1 0 true (1234) > mmap addr=0 length=8192 prot=1\n", "sysdig")]


def what_is_not_read_is_said_with_what_to_do(folder):
    """One sentence, of import and of what takes recordings."""
    log = os.path.join(folder, "log")
    for content, words in REFUSED:
        with open(log, "wb") as f:
            f.write(content)
        for command in ["import", "-o", os.path.join(folder, "out.vmt"), log], ["maps", log]:
            r = run(*command)
            assert r.returncode == 3 and words in r.stderr and log in r.stderr and r.stderr.count("\n") == 1, (words, r.stderr)


if __name__ == "__main__":
    tap.run_cases(what_is_not_read_is_said_with_what_to_do)
