#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is promised of `run` and `record` holds by either source: ptrace and BPF.

usage: either_source.py VMAPLE

Each case is tried with both; where BPF is not permitted that half is skipped.  Prints TAP.
"""
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../common"))
from tap import Skip, run_cases  # noqa: E402

VMAPLE = os.path.abspath(sys.argv[1])
FILLS = """import mmap, random
m = [mmap.mmap(-1, 4096 * random.randrange(1, 99)) for i in range(6000)]
print("ran on")"""


def command(name, via, *rest):
    return [VMAPLE, name, "--via", via, *rest]


def run(*words, **kw):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **kw)


def verify(path):
    return run(VMAPLE, "verify", "--json", path)


def the_summary_goes_where_it_is_wanted(via, folder):
    path = os.path.join(folder, "s.json")
    r = run(*command("run", via, "--json=" + path, "--", "sh", "-c", "printf abc; exit 3"))
    assert (r.returncode, r.stdout) == (3, "abc"), r
    with open(path, encoding="ascii") as f:
        s = json.load(f)
    assert s["exit_status"] == 3 and s["differences"] == 0 and s["privileges_lost"] == 0, s
    assert s["recorder_cpu_seconds"] > 0 and s["recorder_peak_kib"] > 1000, s
    r = run(*command("run", via, "--json", "--", "echo", "line"))
    lines = r.stdout.split("\n")
    assert len(lines) == 3 and lines[0] == "line" and json.loads(lines[1]) and not lines[2], lines
    r = run(*command("run", via, "--json=" + folder + "/none/s.json", "--", "echo", "line"))
    assert r.returncode == 125 and r.stdout == "" and "s.json: cannot be written" in r.stderr, r
    r = run(*command("run", via, "--", "true"))
    assert re.search(r"^  overhead +\d", r.stderr, re.M), r.stderr


def killed_while_nothing_happens(via, folder):
    path = os.path.join(folder, "k.vmt")
    p = subprocess.Popen(command("record", via, "-o", path, "--", "sleep", "60"), start_new_session=True)
    time.sleep(2.5)
    p.kill()
    p.wait()
    subprocess.run(["pkill", "-s", str(p.pid)], check=False)
    r = verify(path)
    s = json.loads(r.stdout)
    assert r.returncode == 3 and s["calls"] > 10 and s["processes"] == 1, r
    assert "without its end mark" in r.stderr, r.stderr


def killed_where_it_was_attached(via, folder):
    path = os.path.join(folder, "a.vmt")
    program = subprocess.Popen(["sleep", "60"])
    p = subprocess.Popen([VMAPLE, "attach", "--via", via, "-o", path, str(program.pid)])
    time.sleep(2.5)
    p.kill()
    p.wait()
    assert program.poll() is None
    program.kill()
    program.wait()
    assert json.loads(verify(path).stdout)["vmas_peak"] > 10


HEARD = signal.SIGTERM, signal.SIGHUP, signal.SIGINT


def asked_to_end(via, folder):
    """By TERM to vmaple: the program is, and decides.  By INT to all in front of a terminal: the program decides."""
    for to_all, sig in (False, signal.SIGTERM), (False, signal.SIGHUP), (True, signal.SIGINT):
        path = os.path.join(folder, "t.json")
        script = "trap 'echo asked; sleep 0.3; exit 7' %s; echo ready; while :; do sleep 0.05; done" % sig.name[3:]
        # Who runs the tests may ignore it, as nohup does, and a shell sets no trap for what is ignored.
        p = subprocess.Popen(command("run", via, "--json=" + path, "--", "sh", "-c", script), stdout=subprocess.PIPE,
                             text=True, start_new_session=True,
                             preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in HEARD])
        assert p.stdout.readline() == "ready\n"
        if to_all:
            os.killpg(p.pid, sig)
        else:
            p.send_signal(sig)
        try:
            out, _ = p.communicate(timeout=30)
        except subprocess.TimeoutExpired as e:
            p.kill()
            raise AssertionError(sig) from e
        with open(path, encoding="ascii") as f:
            s = json.load(f)
        assert (p.returncode, out, s["exit_status"], s["differences"]) == (7, "asked\n", 7, 0), (via, sig, p.returncode, out, s)


COUNTS = """import signal, time
asked = []
for s in signal.SIGTERM, signal.SIGHUP:
    signal.signal(s, lambda s, frame: asked.append(s))
print("ready", flush=True)
end = time.monotonic() + 30
while not asked and time.monotonic() < end:
    time.sleep(0.01)
end = time.monotonic() + 0.7
while time.monotonic() < end:
    time.sleep(0.05)
print(len(asked))"""


def asked_to_end_once(via, folder):
    """However it is asked: by way of vmaple, itself, or both as parts of a process group."""
    for sig in signal.SIGTERM, signal.SIGHUP:
        for whom in "vmaple", "program", "group":
            p = subprocess.Popen(command("run", via, "--", sys.executable, "-c", COUNTS), stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True, start_new_session=True)
            assert p.stdout.readline() == "ready\n"
            if whom == "group":
                os.killpg(p.pid, sig)
            else:
                children = "/proc/%d/task/%d/children" % (p.pid, p.pid)
                os.kill(p.pid if whom == "vmaple" else int(run("cat", children).stdout.split()[0]), sig)
            out, _ = p.communicate(timeout=60)
            assert (p.returncode, out) == (0, "1\n"), (sig, whom, p.returncode, out)


def asked_to_end_behind_the_program(via, folder):
    """What it has left behind is asked, too."""
    p = subprocess.Popen(command("run", via, "--", "sh", "-c", "sleep 60 & echo ready"), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    time.sleep(0.5)
    begin = time.monotonic()
    p.send_signal(signal.SIGTERM)
    assert p.wait(timeout=30) == 0 and time.monotonic() - begin < 30
    p.communicate()


def a_disk_that_fills(via, folder):
    """The program runs on, the mirror goes on, and it is said how much there is."""
    path = os.path.join(folder, "f.vmt")
    limit = (40 << 10, 40 << 10)
    for name in "run", "record":
        r = run(*command(name, via, "-o", path, "--", sys.executable, "-c", FILLS),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
        said = re.search(r"f\.vmt: the recording stopped after (\d+) events: File too large", r.stderr)
        assert (r.returncode, r.stdout) == (125, "ran on\n") and said, r
        got = verify(path)
        assert got.returncode == 3 and "after %s events" % said.group(1) in got.stderr, got
        if name == "run":
            assert re.search(r"calls +1\d\d\d\d ", r.stderr) and "differences: 0" in r.stderr, r.stderr


def files_that_may_not_grow(via, folder):
    """It is the program's limit: what the recorder has in memory is none of its business."""
    program = [sys.executable, "-c", "import resource; print(*resource.getrlimit(resource.RLIMIT_FSIZE))"]
    for limit in (0, 0), (512, 512), (512, resource.RLIM_INFINITY):
        r = run(*command("run", via, "--", *program),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))  # pylint: disable=cell-var-from-loop
        assert (r.returncode, r.stdout) == (0, "%d %d\n" % limit) and "differences: 0" in r.stderr, (limit, r)


def memory_that_it_may_use(via, folder):
    """It is the recorder's limit, not the program's."""
    program = [sys.executable, "-c", "x = bytearray(600 << 20); print(len(x))"]
    r = run(*command("run", via, "--max-memory", "400M", "--", *program))
    assert (r.returncode, r.stdout) == (0, "%d\n" % (600 << 20)), r
    r = run(*command("run", via, "--max-memory", "1M", "--", sys.executable, "-c", FILLS))
    assert r.returncode == 125 and "out of memory" in r.stderr and r.stdout == "ran on\n", r


CASES = [the_summary_goes_where_it_is_wanted, killed_while_nothing_happens, killed_where_it_was_attached, asked_to_end,
         asked_to_end_once, asked_to_end_behind_the_program, a_disk_that_fills, files_that_may_not_grow,
         memory_that_it_may_use]


def by(via, case):
    def tried(folder):
        if via == "bpf" and NO_BPF:
            raise Skip(NO_BPF)
        case(via, folder)
    tried.__name__ = "%s by %s" % (case.__name__, via)
    return tried


REFUSED = run(*command("run", "bpf", "--", "true"))
NO_BPF = REFUSED.stderr.strip() if REFUSED.returncode == 125 and "BPF" in REFUSED.stderr else ""
run_cases(*[by(via, case) for via in ("ptrace", "bpf") for case in CASES])
