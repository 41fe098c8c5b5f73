#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How `vmaple why` and `whatif` tell what they know: times, names of threads, areas and functions, on 80 columns.

usage: told.py VMAPLE FOLDER_OF_CASES [--names]
"""
import ctypes.util
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import time

from recorded import VMAPLE, Skip, record, run, run_cases

IN_THE_HEAP = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
static char *page;
static void *work(void *unused)
{
	pthread_setname_np(pthread_self(), "heap-cutter");
	usleep(50000);
	mprotect(page, 4096, PROT_READ);
	printf("%lx\n", (unsigned long)page);
	usleep(300000);
	return unused;
}
int main(void)
{
	pthread_t thread;
	page = (char *)(((uintptr_t)sbrk(65536) + 8191) & ~4095UL);
	*page = 1;
	pthread_create(&thread, 0, work, 0);
	return pthread_join(thread, 0);
}
"""
IN_CXX = r"""
#include <sys/mman.h>
namespace shapes {
struct Box {
	char *at;
	__attribute__((noinline)) int grow(int by, const char *) { return mprotect(at + 8192 * by, 4096, PROT_READ); }
};
}
int main()
{
	shapes::Box box = { static_cast<char *>(mmap(nullptr, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) };
	int failed = 0;
	for (int i = 0; i < 64; i++)
		failed += box.grow(i, "");
	return failed;
}
"""
IN_C = r"""
#include <sys/mman.h>
__attribute__((noinline)) int served_by_its_build_id(char *at) { return mprotect(at, 4096, PROT_READ) + 1; }
int main(void)
{
	char *at = mmap(0, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int good = 0;
	for (int i = 0; i < 64; i++)
		good += served_by_its_build_id(at + 8192 * i);
	return good - 64;
}
"""


def build(folder, source, name="program", compiler="cc", options=()):
    program = os.path.join(folder, name)
    if not shutil.which(compiler):
        raise Skip("there is no %s" % compiler)
    r = subprocess.run([compiler, "-O1", "-g0", *options, "-x", "c++" if compiler == "c++" else "c", "-", "-o", program],
                       input=source, stderr=subprocess.PIPE, text=True, check=False)
    assert r.returncode == 0, r.stderr
    return program


def recorded(folder, program, *options):
    path = os.path.join(folder, "told.vmt")
    r = run(VMAPLE, "record", "--check", "end", *options, "-o", path, "--", program)
    assert r.returncode == 0, r.stderr
    return path, r.stdout


def told(*argv, status=0, **env):
    r = subprocess.run([VMAPLE, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                       env={**os.environ, **env})
    assert r.returncode == status, r.stderr
    wide = [line for line in r.stdout.splitlines() if len(line) > 80]
    assert not wide, wide
    return r.stdout


def joined(text):
    return re.sub(r"\s+", " ", text)


def names_of_threads_and_areas_and_the_time_of_day(folder):
    began = time.time()
    path, address = recorded(folder, build(folder, IN_THE_HEAP, options=["-pthread"]))
    ended = time.time()
    text = told("why", path, address.strip(), TZ="UTC")
    assert re.search(r"by thread \d+ \(heap-cutter\)", joined(text)), text
    assert "[heap]" in text and "anonymous memory" not in text.split("below it")[0], text
    begins = re.search(r"the recording began at (\S+ \S+) \+0000\)", text).group(1)
    at = time.mktime(time.strptime(begins, "%Y-%m-%d %H:%M:%S")) - time.timezone
    assert began - 2 <= at <= ended, (began, begins, ended)
    steps = re.findall(r"^ +(\d+\.\d{6}) s  (\d\d:\d\d:\d\d)  \S", text, re.M)
    assert len(steps) >= 2, text
    for seconds, clock in steps:
        assert clock == time.strftime("%H:%M:%S", time.gmtime(at + int(float(seconds)))), (seconds, clock)
    assert re.search(r", at \d\d:\d\d:\d\d", joined(told("why", "--top", path))), "also of a moment"


def names_of_threads_also_by_bpf(folder):
    program, path = build(folder, IN_THE_HEAP, options=["-pthread"]), os.path.join(folder, "bpf.vmt")
    r = run(VMAPLE, "record", "--via", "bpf", "-o", path, "--", program)
    if r.returncode == 125:
        raise Skip(r.stderr.strip().splitlines()[-1])
    assert r.returncode == 0, r.stderr
    text = told("why", path, r.stdout.strip())
    assert re.search(r"by thread \d+ \(heap-cutter\)", joined(text)) and "[heap]" in text, text


def without_a_time_there_is_no_clock(folder):
    log = os.path.join(folder, "log")
    with open(log, "w", encoding="utf-8") as f:
        f.write("7 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\n"
                "7 mprotect(0x7f0000000000, 4096, PROT_NONE) = 0\n")
    text = told("why", log, "7f0000000000")
    assert "its life:\n" in text and not re.search(r"\d\d:\d\d:\d\d", text), text


def names_of_cxx_are_those_of_the_sources(folder):
    if "--names" not in sys.argv:
        raise Skip("there is no libdw")
    if not ctypes.util.find_library("stdc++"):
        raise Skip("there is no C++ library to read them with")
    path, _ = recorded(folder, build(folder, IN_CXX, compiler="c++"), "--stacks")
    text = told("why", "--top", path)
    assert re.search(r"mprotect at shapes::Box::grow\(int, char const\*\)\+0x[0-9a-f]+ \(program\)", joined(text)), text
    assert "_ZN" not in text, text


def a_change_that_makes_no_difference(folder):
    path = record(folder, "commit_order", "even")
    text = joined(told("whatif", path, "--names", "off"))
    assert "With --names off nothing would be different: the recording has no call or write that it changes." in text, text
    assert "(0 events" not in text and "would be as many" not in text, text
    text = joined(told("whatif", path, "--without", "mlock", "--max-map-count", "100000"))
    assert "With --without mlock --max-map-count 100000 there would be as many areas at every moment" in text, text
    text = joined(told("whatif", path, "--touch", "late"))
    assert "With" not in text, text


class Server(http.server.BaseHTTPRequestHandler):
    """A debuginfod that has one file."""
    served, asked, body = "", [], b""

    def do_GET(self):
        Server.asked.append(self.path)
        found = self.path == Server.served
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(Server.body) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(Server.body)

    def log_message(self, *_):
        pass


def build_id(program):
    return re.search(r"Build ID: ([0-9a-f]+)", run("readelf", "-n", program).stdout).group(1)


def names_come_from_a_debuginfod_that_is_configured(folder):
    if "--names" not in sys.argv or not ctypes.util.find_library("debuginfod"):
        raise Skip("there is no libdw, or no libdebuginfod")
    program = build(folder, IN_C, options=["-Wl,--build-id"])
    path, _ = recorded(folder, program, "--stacks")
    with open(program, "rb") as f:
        Server.body = f.read()
    Server.served = "/buildid/%s/executable" % build_id(program)
    os.unlink(program)
    cache = {"DEBUGINFOD_CACHE_PATH": os.path.join(folder, "cache"), "XDG_CACHE_HOME": folder, "HOME": folder}
    name = "mprotect at served_by_its_build_id+0x"
    assert name not in joined(told("why", "--top", path, DEBUGINFOD_URLS="", **cache)), "from nowhere"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        text = joined(told("why", "--top", path, DEBUGINFOD_URLS="http://127.0.0.1:%d" % server.server_port, no_proxy="*", **cache))
    finally:
        server.shutdown()
    assert name in text, (text, Server.asked)
    assert Server.served in Server.asked, Server.asked


run_cases(names_of_threads_and_areas_and_the_time_of_day, names_of_threads_also_by_bpf, without_a_time_there_is_no_clock,
          names_of_cxx_are_those_of_the_sources, a_change_that_makes_no_difference,
          names_come_from_a_debuginfod_that_is_configured)
