#!/usr/bin/env python3
"""A vmaple built with -Dbpf=disabled: attach, top, why and maps work, and say what they lack.

usage: without_bpf.py SOURCES FOLDER MAPPER    (FOLDER: where it is built, and stays)
"""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases

sources, build, mapper = sys.argv[1:4]
vmaple = os.path.join(build, "vmaple")
LACKS = "built without BPF"


def program():
    p = subprocess.Popen([mapper, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    return p


def end(p):
    out, _ = p.communicate("over\n", timeout=60)
    assert out == "0 surprises, 0 signals\n" and p.returncode == 5, out


def run(*args):
    return subprocess.run([vmaple, *args], capture_output=True, text=True, timeout=60)


def it_builds(folder):
    if not os.path.exists(os.path.join(build, "build.ninja")):
        subprocess.run(["meson", "setup", build, sources, "-Dbpf=disabled", "-Doptimization=0", "-Ddocs=disabled",
                        "-Dtests=false", "--werror"],
                       capture_output=True, text=True, check=True)
    p = subprocess.run(["ninja", "-C", build, "vmaple"], capture_output=True, text=True)
    assert p.returncode == 0, p.stdout[-3000:]
    linked = subprocess.run(["ldd", vmaple], capture_output=True, text=True, check=True).stdout
    assert "libbpf" not in linked, linked


def attach_takes_ptrace(folder):
    p = program()
    a = run("attach", "--for", "1", "--json", str(p.pid))
    assert a.returncode == 0 and LACKS in a.stderr and "followed by ptrace" in a.stderr, a.stderr
    s = json.loads(a.stdout.strip().splitlines()[-1])
    assert s["differences"] == 0 and s["calls"] > 10, s
    end(p)


def attach_by_bpf_is_refused(folder):
    p = program()
    for command in ["attach", "--via", "bpf", str(p.pid)], ["run", "--via", "bpf", "--", "true"]:
        a = run(*command)
        assert a.returncode == 125 and LACKS in a.stderr and a.stderr.count("\n") == 1, a.stderr
    a = run("run", "--via", "auto", "--", "true")
    assert a.returncode == 0 and "differences: 0" in a.stderr, a.stderr
    end(p)


def why_and_maps_read_proc(folder):
    p = program()
    for command in ["why", "--pid", str(p.pid), "--top"], ["maps", "--pid", str(p.pid)]:
        a = run(*command)
        assert a.returncode == 0 and a.stdout and LACKS in a.stderr, a.stdout + a.stderr
    a = run("why", "--pid", str(p.pid), "--top")
    assert "uncertain" in a.stdout + a.stderr, a.stdout + a.stderr
    end(p)


def top_counts_lines(folder):
    if not shutil.which("tmux"):
        raise Skip("tmux is not installed")
    p = program()
    tmux = ["tmux", "-L", f"vmaple-{os.getpid()}"]
    subprocess.run([*tmux, "new-session", "-d", "-x", "100", "-y", "24", vmaple, "top"], check=True)
    try:
        for _ in range(100):
            screen = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True).stdout
            if "mapper" in screen or "vm.max_map_count" in screen:
                break
            time.sleep(0.1)
        assert LACKS in screen, screen
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True)
    end(p)


def metrics_say_so(folder):
    p = subprocess.Popen([vmaple, "metrics", "--textfile", folder + "/vmaple.prom", "--interval", "1"],
                         stderr=subprocess.PIPE, text=True)
    assert LACKS in p.stderr.readline()
    for _ in range(100):
        if os.path.exists(folder + "/vmaple.prom"):
            break
        time.sleep(0.1)
    p.terminate()
    p.wait()
    p.stderr.close()
    with open(folder + "/vmaple.prom") as f:
        assert "vmaple_maps_limit" in f.read()


run_cases(it_builds, attach_takes_ptrace, attach_by_bpf_is_refused, why_and_maps_read_proc, top_counts_lines,
          metrics_say_so)
