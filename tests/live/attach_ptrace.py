#!/usr/bin/env python3
"""`vmaple attach --via ptrace`: from the middle of a program on nothing differs, and the program does not notice.

usage: attach_ptrace.py VMAPLE MAPPER [ROUNDS]
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import Skip, run_cases

vmaple, mapper = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
# What mlockall asks for of areas to come shows in what may be done with them: no memory of a locked one can be given up.
LOCKED = """
import ctypes, mmap, select, sys
libc = ctypes.CDLL(None)
if sys.argv[1] != "0": assert libc.mlockall(int(sys.argv[1])) == 0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.001)[0]:
    m = mmap.mmap(-1, 65536, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    at = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m)))
    assert (libc.madvise(at, ctypes.c_ulong(8192), 4) == 0) == (sys.argv[1] == "0")
"""


# The first segment of an IPC namespace has the number 0, and its file that inode.
SEGMENT = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
number = libc.shmget(0, 16384, 0o1600)
at = libc.shmat(number, None, 0)
print(number, flush=True)
sys.stdin.readline()
assert libc.mprotect(ctypes.c_void_p(at + 4096), ctypes.c_size_t(4096), 1) == 0
assert libc.shmdt(ctypes.c_void_p(at)) == 0
print("over", flush=True)
sys.stdin.readline()
"""


class Program:
    """tests/live/mapper.c, in the middle of its loop."""

    def __init__(self, *args):
        self.p = subprocess.Popen([mapper, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.p.stdout.readline() == "ready\n"

    def end(self, signals=0):
        out, _ = self.p.communicate("over\n", timeout=60)
        assert out == f"0 surprises, {signals} signals\n", out
        assert self.p.returncode == 5, self.p.returncode

    def state(self):
        with open(f"/proc/{self.p.pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]


def tracers(pid):
    found = set()
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status") as f:
            found |= {line.split()[1] for line in f if line.startswith("TracerPid:")}
    return found


def attach(pid, *args, **kw):
    return subprocess.run([vmaple, "attach", "--via", "ptrace", "--json", *args, str(pid)], capture_output=True,
                          text=True, timeout=120, **kw)


def begin(pid, *args):
    """One that has begun to trace every thread."""
    a = subprocess.Popen([vmaple, "attach", "--via", "ptrace", "--json", *args, str(pid)], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    for _ in range(1000):
        if tracers(pid) == {str(a.pid)}:
            return a
        assert a.poll() is None, a.communicate()
        time.sleep(0.01)
    raise AssertionError("it does not begin")


def check(out, err, least):
    s = json.loads(out.strip().splitlines()[-1])
    # On a machine where a thread does not run for half a second others pass it, which is told.
    passed = "others of its address space went on" in err
    assert s["differences"] == 0 and (s["lost"] == 0 or passed), err + str(s)
    assert s["calls"] > least and s["checks"] > least, s
    return s


def what_is_locked_in_future(folder):
    """mlockall before it is attached to: MCL_FUTURE, with MCL_ONFAULT, and neither."""
    for flags in "2", "6", "0":
        p = subprocess.Popen([sys.executable, "-c", LOCKED, flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n"
        a = attach(p.pid, "--for", "0.5")
        p.communicate("over\n", timeout=60)
        assert p.returncode == 0 and a.returncode == 0, a.stderr
        check(a.stdout, a.stderr, 20)


def a_segment_of_number_0(folder):
    p = subprocess.Popen(["unshare", "--ipc", sys.executable, "-c", SEGMENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
    number = p.stdout.readline()
    if number != "0\n":
        p.kill()
        p.wait()
        raise Skip("no IPC namespace can be made here")
    a = begin(p.pid)
    time.sleep(0.5)
    p.stdin.write("go\n")
    p.stdin.flush()
    assert p.stdout.readline() == "over\n"
    a.send_signal(signal.SIGINT)
    out, err = a.communicate(timeout=60)
    p.communicate("over\n", timeout=60)
    assert a.returncode == 0, err
    check(out, err, 1)


def in_the_middle_of(folder, threads, children):
    program = Program(str(threads), *([str(children)] if children else []))
    a = attach(program.p.pid, "--for", "2", "-o", folder + "/a.vmt")
    assert a.returncode == 0, a.stderr
    s = check(a.stdout, a.stderr, 50)
    assert s["threads"] >= threads + 1 and (not children or s["processes"] > 2), s
    assert tracers(program.p.pid) == {"0"}
    program.end()
    v = subprocess.run([vmaple, "verify", "--json", folder + "/a.vmt"], capture_output=True, text=True, timeout=60)
    assert v.returncode == 0, v.stdout + v.stderr
    assert json.loads(v.stdout)["differences"] == 0, v.stdout


def one_thread(folder):
    in_the_middle_of(folder, 1, 0)


def six_threads(folder):
    in_the_middle_of(folder, 6, 0)


def threads_and_children(folder):
    in_the_middle_of(folder, 2, 60)


def to_the_end(folder):
    """The program's end is seen, and is its own."""
    program = Program("2")
    a = begin(program.p.pid)
    time.sleep(0.5)
    program.end()
    out, err = a.communicate(timeout=60)
    assert a.returncode == 0, err
    check(out, err, 20)


def over_and_over(folder):
    """Nothing is left behind, with signals that come all the time."""
    program = Program("3")
    sent = 0
    for i in range(rounds):
        a = begin(program.p.pid, "--for", "0.3")
        for _ in range(3):
            os.kill(program.p.pid, signal.SIGRTMIN)
            sent += 1
            time.sleep(0.05)
        out, err = a.communicate(timeout=60)
        assert a.returncode == 0, err
        check(out, err, 1)
        assert tracers(program.p.pid) == {"0"}, i
    program.end(signals=sent)


def interrupted(folder):
    for sig in signal.SIGINT, signal.SIGTERM:
        program = Program("2")
        a = begin(program.p.pid)
        time.sleep(0.5)
        a.send_signal(sig)
        out, err = a.communicate(timeout=60)
        assert a.returncode == 0, err
        check(out, err, 10)
        program.end()


def told_to_end_at_once(folder):
    """As soon as it traces a thread: it ends without a recording, or by its last look if the first one was done."""
    program = Program("6")
    given_up = 0
    for turn in range(4 * rounds):
        out = folder + "/told.vmt"
        a = subprocess.Popen([vmaple, "attach", "--via", "ptrace", "-o", out, str(program.p.pid)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        while a.poll() is None and str(a.pid) not in tracers(program.p.pid):
            pass
        a.send_signal((signal.SIGINT, signal.SIGTERM)[turn % 2])
        _, err = a.communicate(timeout=60)
        assert a.returncode in (0, 125), err
        if a.returncode == 125:
            assert "told to end before its first look" in err and err.count("\n") == 1, err
            assert not os.path.exists(out)
            given_up += 1
        else:
            os.remove(out)
        assert tracers(program.p.pid) == {"0"}
    assert given_up
    program.end()


def killed(folder):
    """The kernel lets a program go on whose tracer is gone."""
    program = Program("3")
    a = begin(program.p.pid)
    time.sleep(0.5)
    a.kill()
    a.communicate(timeout=60)
    assert tracers(program.p.pid) == {"0"}
    program.end()


def stopped(folder):
    """A program that a signal has stopped stays so, until it is continued."""
    program = Program("2")
    program.p.send_signal(signal.SIGSTOP)
    while program.state() != "T":
        time.sleep(0.01)
    a = attach(program.p.pid, "--for", "0.5")
    assert a.returncode == 0, a.stderr
    s = json.loads(a.stdout.strip().splitlines()[-1])
    assert s["differences"] == 0 and s["calls"] == 0
    time.sleep(0.2)
    assert program.state() == "T", program.state()
    program.p.send_signal(signal.SIGCONT)
    program.end()


def continued(folder):
    program = Program("2")
    program.p.send_signal(signal.SIGSTOP)
    while program.state() != "T":
        time.sleep(0.01)
    a = begin(program.p.pid, "--for", "2")
    time.sleep(0.3)
    program.p.send_signal(signal.SIGCONT)
    out, err = a.communicate(timeout=60)
    assert a.returncode == 0, err
    check(out, err, 10)
    program.end()


def by_itself_where_bpf_is_not_permitted(folder):
    """Without the capabilities of BPF, of the same user: it says why, and what it costs."""
    program = Program("1")
    without = "-bpf,-perfmon,-sys_admin"
    a = subprocess.run(["setpriv", "--bounding-set=" + without, "--inh-caps=" + without, vmaple, "attach", "--json",
                        "--for", "0.5", str(program.p.pid)], capture_output=True, text=True, timeout=60)
    assert a.returncode == 0, a.stderr
    check(a.stdout, a.stderr, 1)
    assert "CAP_BPF" in a.stderr and "by ptrace, which stops it twice" in a.stderr, a.stderr
    program.end()


def one_sentence_each(folder):
    program = Program("1")
    own = subprocess.Popen([vmaple, "record", "-o", "/dev/null", "--", "sleep", "60"])
    traced = ""
    while not traced or tracers(traced) != {str(own.pid)}:
        with open(f"/proc/{own.pid}/task/{own.pid}/children") as f:
            traced = f.read().split(" ")[0]
        time.sleep(0.01)
    try:
        for pid, words in ("2", "kernel thread"), ("4194304", "there is no process"), (traced, "traced by process"):
            a = attach(pid)
            assert a.returncode == 125 and words in a.stderr and a.stderr.count("\n") == 1, a.stderr
    finally:
        own.kill()
        own.wait()
    a = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", vmaple, "attach", str(program.p.pid)],
                       capture_output=True, text=True, timeout=60)
    assert a.returncode == 125 and a.stderr.count("\n") == 1, a.stderr
    for words in "CAP_BPF", "CAP_SYS_PTRACE", "ptrace_scope":
        assert words in a.stderr, a.stderr
    program.end()


def many_groups(folder):
    """Groups of /proc/PID/status takes more than a page, and stands before most of what is asked there."""
    p = subprocess.Popen([sys.executable, "-c", LOCKED, "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                         extra_groups=range(100000, 102000))
    assert p.stdout.readline() == "ready\n"
    with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
        assert f.read().index("\nVmSize:") > 8192
    a = attach(p.pid, "--for", "0.5")
    p.communicate("over\n", timeout=60)
    assert p.returncode == 0 and a.returncode == 0, a.stderr
    check(a.stdout, a.stderr, 20)


def a_recording_that_cannot_be_written(folder):
    """It is named, whoever records: from the start, where it is full, and where there is no such folder."""
    program = Program("1")
    for path, words in ("/dev/full", "No space left"), (folder + "/none/a.vmt", "No such file"), (folder, "Is a directory"):
        wanted = "%s: cannot be written: %s" % (path, words)
        r = subprocess.run([vmaple, "record", "-o", path, "--", "true"], capture_output=True, text=True, timeout=60)
        for a in attach(program.p.pid, "--for", "1", "-o", path), r:
            assert a.returncode == 125 and wanted in a.stderr and a.stderr.count("\n") == 1, a
    program.end()


def on_the_disk(folder):
    """The recording and its folder, once each: only when asked."""
    if not shutil.which("strace"):
        raise Skip("strace is missing")
    program, log = Program("1"), folder + "/strace"
    # Who is traced cannot look for leaks.
    env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    for options, wanted in ([], 0), (["--sync"], 2):
        r = subprocess.run(["strace", "-o", log, "-e", "trace=fsync", vmaple, "attach", "--via", "ptrace", "--for", "1", *options,
                            "-o", folder + "/a.vmt", str(program.p.pid)], capture_output=True, text=True, timeout=60, env=env)
        with open(log, encoding="utf-8") as f:
            done = [line for line in f if line.startswith("fsync(") and line.endswith("= 0\n")]
        assert r.returncode == 0 and len(done) == wanted, (r.stderr, done)
    program.end()


cases = [one_thread, six_threads, threads_and_children, to_the_end, over_and_over, interrupted, told_to_end_at_once, a_segment_of_number_0, killed, stopped,
         continued, what_is_locked_in_future, a_recording_that_cannot_be_written, on_the_disk]
if os.geteuid() == 0:
    cases += [by_itself_where_bpf_is_not_permitted, one_sentence_each, many_groups]
run_cases(*cases)
