#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The recorded program under signals and job control.

usage: control.py VMAPLE BLOCKED_CALL

Prints TAP.
"""
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time

VMAPLE, BLOCKED_CALL = (os.path.abspath(p) for p in sys.argv[1:3])
# Under nohup(1) it is ignored, and so it would be by every program that is recorded.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
results = []


def case(function):
    try:
        function()
        results.append(True)
        print("ok %d - %s" % (len(results), function.__name__.replace("_", " ")))
    except AssertionError as e:
        results.append(False)
        print("not ok %d - %s" % (len(results), function.__name__.replace("_", " ")))
        print("# " + str(e).replace("\n", "\n# "))


def state(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def child_of(pid, patience=10):
    """The recorded program: vmaple's own child."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            children = f.read().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    raise AssertionError("vmaple has started nothing")


def wait_for(what, patience=10):
    until = time.monotonic() + patience
    while not what():
        if time.monotonic() > until:
            raise AssertionError("waited in vain for: " + what.__name__)
        time.sleep(0.01)


def a_program_that_is_stopped_and_continued_goes_on():
    p = subprocess.Popen([VMAPLE, "run", "--json", "--", "sh", "-c", "echo begun; sleep 0.5; echo ended"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "begun\n"
    program = child_of(p.pid)
    for _ in range(3):
        os.kill(program, signal.SIGSTOP)

        def stopped():
            return state(program) in "tT"
        wait_for(stopped)
        time.sleep(0.1)
        assert state(p.pid) != "T", "vmaple stopped, and cannot hear what continues its program"
        os.kill(program, signal.SIGCONT)
    out, err = p.communicate(timeout=60)
    assert "ended\n" in out and p.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["differences"] == 0, err


def job(terminal_input, signals_job):
    """vmaple in the foreground of a terminal of its own; what its shell sees of it, and what it prints."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        vmaple = os.fork()
        if vmaple == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.execv(VMAPLE, [VMAPLE, "run", "--", "python3", "-S", "-c",
                                "import time; print('begun', flush=True); time.sleep(0.3); print('ended')"])
        _, status = os.waitpid(vmaple, os.WUNTRACED)
        print("stopped" if os.WIFSTOPPED(status) else "not stopped %x" % status, flush=True)
        if os.WIFSTOPPED(status):
            signals_job(vmaple)
            _, status = os.waitpid(vmaple, 0)
        print("status %d" % status, flush=True)
        os._exit(0)
    text = b""
    try:
        while True:
            text += os.read(terminal, 4096)
            if b"begun" in text and terminal_input:
                os.write(terminal, terminal_input)
                terminal_input = b""
    except OSError:
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return text.decode()


def the_job_stops_with_its_program_and_goes_on_with_it():
    text = job(b"\x1a", lambda vmaple: os.killpg(vmaple, signal.SIGCONT))
    assert "Zstopped" in text and "ended" in text and "status 0" in text and "differences: 0" in text, text


def a_continuation_of_vmaple_alone_continues_the_program():
    text = job(b"\x1a", lambda vmaple: os.kill(vmaple, signal.SIGCONT))
    assert "Zstopped" in text and "ended" in text and "status 0" in text, text


def blocked_signals_make_no_difference():
    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    r = subprocess.run([VMAPLE, "run", "--json", "--", BLOCKED_CALL], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, check=False, timeout=60, preexec_fn=block)
    assert r.returncode in (0, 77), r.stderr
    r = subprocess.run([VMAPLE, "run", "--", "grep", "SigBlk", "/proc/self/status"], stdout=subprocess.PIPE, text=True,
                       stderr=subprocess.PIPE, check=False, timeout=60, preexec_fn=block)
    alone = subprocess.run(["grep", "SigBlk", "/proc/self/status"], stdout=subprocess.PIPE, text=True, check=False,
                           preexec_fn=block)
    assert r.stdout == alone.stdout, r.stdout + alone.stdout


def ignored_signals_make_no_difference():
    def ignore():
        for sig in (signal.SIGCHLD, signal.SIGALRM, signal.SIGTSTP):
            signal.signal(sig, signal.SIG_IGN)
    show = ["grep", "-E", "Sig(Ign|Blk|Cgt)", "/proc/self/status"]
    r = subprocess.run([VMAPLE, "run", "--"] + show, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       check=False, timeout=60, preexec_fn=ignore)
    alone = subprocess.run(show, stdout=subprocess.PIPE, text=True, check=False, preexec_fn=ignore)
    assert r.returncode == 0 and r.stdout == alone.stdout, r.stdout + alone.stdout


def recorded(*command):
    r = subprocess.run([VMAPLE, "run", "--json", "--"] + list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, check=False, timeout=60)
    return r, json.loads(r.stdout.splitlines()[-1])


COUNTS_SIGTERM = """
import signal, time
had = []
signal.signal(signal.SIGTERM, lambda *_: had.append(1))
print("begun", flush=True)
until = time.monotonic() + 30
while not had and time.monotonic() < until:
    time.sleep(0.02)
time.sleep(0.5)
print("had %d" % len(had))
"""


def asked_to_end(program, ask, *options):
    """Record a program that says when it has begun, ask by a signal, and wait."""
    p = subprocess.Popen([VMAPLE] + list(options) + ["--"] + program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         start_new_session=True)
    assert p.stdout.readline() == "begun\n"
    ask(p.pid)
    out, err = p.communicate(timeout=60)
    return p.returncode, out, err


def a_request_to_end_ends_the_program_and_the_summary_comes():
    for sig in (signal.SIGTERM, signal.SIGHUP):
        status, _, err = asked_to_end(["sh", "-c", "echo begun; exec sleep 60"], lambda pid, sig=sig: os.kill(pid, sig), "run")
        assert status == -sig and "differences: 0" in err, "%d %s" % (status, err)
    # Where calls are made all the time, too, and by what the program has left behind.
    status, _, err = asked_to_end(["python3", "-S", "-c", "import mmap\nprint('begun', flush=True)\nwhile True: mmap.mmap(-1, 4096)"],
                                  lambda pid: os.kill(pid, signal.SIGTERM), "run")
    assert status == -signal.SIGTERM and "differences: 0" in err, "%d %s" % (status, err)

    def when_it_is_alone(pid):
        def it_has_ended():
            with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
                return not f.read()
        wait_for(it_has_ended)
        os.kill(pid, signal.SIGTERM)
    status, _, err = asked_to_end(["sh", "-c", "sleep 60 & echo begun"], when_it_is_alone, "run")
    assert status == 0 and "differences: 0" in err, "%d %s" % (status, err)


def a_request_to_end_is_the_programs_to_answer():
    status, out, err = asked_to_end(["sh", "-c", "trap 'echo asked; exit 5' TERM; echo begun; while :; do sleep 0.1; done"],
                                    lambda pid: os.kill(pid, signal.SIGTERM), "run", "--json")
    assert status == 5 and "asked" in out and json.loads(out.splitlines()[-1])["exit_status"] == 5, out + err
    status, _, err = asked_to_end(["sh", "-c", "echo begun; exec sleep 60"], lambda pid: os.kill(pid, signal.SIGTERM),
                                  "record", "-o", "asked.vmt")
    r = subprocess.run([VMAPLE, "verify", "asked.vmt"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert status == -signal.SIGTERM and r.returncode == 0, err + r.stdout


def a_request_comes_once_also_to_the_whole_group():
    for ask in (os.kill, os.killpg):
        status, out, err = asked_to_end(["python3", "-S", "-c", COUNTS_SIGTERM], lambda pid, ask=ask: ask(pid, signal.SIGTERM), "run")
        assert status == 0 and "had 1" in out, out + err


def where_descriptors_are_few_what_is_not_seen_is_lost():
    r, s = recorded("bash", "-c", "for i in {1..20}; do sleep 0.5 & done; wait")
    assert r.returncode == 0 and s["lost"] == 0, r.stdout
    r = subprocess.run(["bash", "-c", 'ulimit -n 16; exec "$0" run --json -- bash -c "for i in {1..20}; do sleep 0.5 & done; wait"',
                        VMAPLE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    s = json.loads(r.stdout.splitlines()[-1])
    assert r.returncode == 0 and s["differences"] == 0 and s["lost"] > 0, r.stdout + r.stderr


def a_debugger_and_a_tracer_work_in_a_recorded_program():
    if not shutil.which("strace"):
        print("# strace is not installed: not tried inside")
    else:
        r, s = recorded("strace", "-f", "-o", "log", "-e", "trace=mprotect", "sh", "-c", "true; /bin/true")
        assert r.returncode == 0 and s["differences"] == 0, r.stderr
        with open("log", encoding="ascii") as f:
            assert "mprotect(" in f.read(), r.stderr
    if not shutil.which("gdb"):
        print("# gdb is not installed: not tried inside")
    else:
        r, s = recorded("gdb", "-q", "-nx", "-batch", "-ex", "run", "/bin/true")
        assert "exited normally" in r.stdout and s["differences"] == 0, r.stdout + r.stderr
        assert r.stderr.count("wants to be traced") == 1, r.stderr


def what_a_recorded_program_can_notice_is_as_documented():
    r, _ = recorded("grep", "-E", "^(TracerPid|Seccomp):", "/proc/self/status")
    tracer = [line for line in r.stdout.splitlines() if line.startswith("TracerPid")][0]
    assert int(tracer.split()[1]) > 0 and "Seccomp:\t2" in r.stdout, r.stdout
    r, _ = recorded("sh", "-c", "(kill -STOP $(exec sh -c 'echo $PPID')) & sleep 0.3; cut -d' ' -f3 /proc/$!/stat; kill -CONT $!; wait")
    assert r.stdout.splitlines()[0] == "t", r.stdout


def who_behaves_otherwise_is_told_of_once():
    stopped = "(kill -STOP $(exec sh -c 'echo $PPID')) & sleep 2; kill -CONT $!; wait; "
    r, _ = recorded("sh", "-c", stopped + stopped)
    assert r.stderr.count("has the state t while it is recorded") == 1, r.stderr
    r, _ = recorded("sh", "-c", "(kill -STOP $(exec sh -c 'echo $PPID')) & sleep 0.2; kill -CONT $!; wait")
    assert "has the state" not in r.stderr, r.stderr
    attach = ("import ctypes, os, time\nlibc = ctypes.CDLL(None, use_errno=True)\npid = os.fork()\nif not pid: time.sleep(30)\n"
              "assert libc.ptrace(0x4206, pid, 0, 0) == -1 and ctypes.get_errno() == 1\nos.kill(pid, 9)")
    r, s = recorded("python3", "-S", "-c", attach)
    assert r.returncode == 0 and s["differences"] == 0 and r.stderr.count("attaching to process") == 1, r.stderr


def what_gains_no_privilege_is_told_of():
    """As somebody without privilege, who may not read this folder: su is set-user-ID."""
    su = shutil.which("su")
    if os.getuid() or not shutil.which("setpriv") or not su or not os.stat(su).st_mode & 0o4000:
        print("# root, setpriv and a set-user-ID su are needed: not tried")
        return
    with tempfile.TemporaryDirectory(prefix="vmaple-", dir="/tmp") as open_to_all:
        os.chmod(open_to_all, 0o755)
        copy = shutil.copy(VMAPLE, open_to_all)
        r = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", copy, "run", "--", su, "--version"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    if "tracing is not permitted" in r.stderr or r.returncode == 127:
        print("# not tried: " + r.stderr.strip())
        return
    assert r.returncode == 0 and r.stderr.count("gains privilege") == 1, r.stderr


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    for function in (a_program_that_is_stopped_and_continued_goes_on, the_job_stops_with_its_program_and_goes_on_with_it,
                     a_continuation_of_vmaple_alone_continues_the_program, blocked_signals_make_no_difference,
                     ignored_signals_make_no_difference, where_descriptors_are_few_what_is_not_seen_is_lost,
                     a_request_to_end_ends_the_program_and_the_summary_comes,
                     a_request_to_end_is_the_programs_to_answer, a_request_comes_once_also_to_the_whole_group,
                     who_behaves_otherwise_is_told_of_once, what_gains_no_privilege_is_told_of,
                     a_debugger_and_a_tracer_work_in_a_recorded_program,
                     what_a_recorded_program_can_notice_is_as_documented):
        case(function)
    os.chdir("/")
print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
