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


def what_a_recorded_program_can_notice_is_as_documented():
    r, _ = recorded("grep", "-E", "^(TracerPid|Seccomp):", "/proc/self/status")
    tracer = [line for line in r.stdout.splitlines() if line.startswith("TracerPid")][0]
    assert int(tracer.split()[1]) > 0 and "Seccomp:\t2" in r.stdout, r.stdout
    r, _ = recorded("sh", "-c", "(kill -STOP $(exec sh -c 'echo $PPID')) & sleep 0.3; cut -d' ' -f3 /proc/$!/stat; kill -CONT $!; wait")
    assert r.stdout.splitlines()[0] == "t", r.stdout


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    for function in (a_program_that_is_stopped_and_continued_goes_on, the_job_stops_with_its_program_and_goes_on_with_it,
                     a_continuation_of_vmaple_alone_continues_the_program, blocked_signals_make_no_difference,
                     ignored_signals_make_no_difference, where_descriptors_are_few_what_is_not_seen_is_lost,
                     a_debugger_and_a_tracer_work_in_a_recorded_program,
                     what_a_recorded_program_can_notice_is_as_documented):
        case(function)
    os.chdir("/")
print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
