#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One program under strace with every option that changes a line, perf, ltrace, bpftrace, ftrace and gdb: the map is the kernel's own.

usage: tools.py VMAPLE PROGRAM PROGRAM.c

The program prints /proc/self/maps before it ends.  Every area that the log leads to has to be one of the kernel's, with the
same access, offset and kind of file, and the areas that the program's calls made have all to be there.  Its addresses are the same
each time (setarch -R), so that the map is also that of our own recording.  What is uncertain is counted exactly.  Prints TAP.
"""
import functools
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

VMAPLE, PROGRAM, SOURCE = (os.path.abspath(a) for a in sys.argv[1:4])
SINGLE = ["-f", "-f -y", "-f -yy", "-f -t", "-f -tt", "-f -ttt", "-f -r", "-f -r -tt", "-f -T -i", "-f -n", "-f -k -y",
          "-f -X raw", "-f -X verbose", "-f -X abbrev", "-f --decode-pids=comm", "-f --decode-pids=pidns -q",
          "-f -y -tt -T -i -n -k --decode-pids=comm", "-f -e trace=all -s 4096 -v", "-f -a 1"]
CALLS = ("mmap munmap mprotect mremap brk madvise openat close dup memfd_create clone clone3 vfork execve wait4 exit "
         "exit_group prctl").split()
I386 = ["-f", "-f -y -tt -k", "-f -X raw"]
MANY = ["-ff -ttt", "-ff -tt -y", "-ff -t", "-ff"]


def areas(text):
    """(bounds, access, offset, base name) of each line of maps that a log can know: not what exec and faults made."""
    found = []
    for line in text.splitlines():
        f = line.split(None, 5)
        name = f[5] if len(f) > 5 else ""
        if name == "[unseen]" or f[0].startswith("ffffffffff6"):
            continue
        found.append((f[0], f[1], f[2], os.path.basename(name)))
    return found


def of_the_program(kernels):
    """What its own calls made, and no loader: all that is not of an exec."""
    return [a for a in kernels if a[3] in ("jit (deleted)", "zero (deleted)") or a[1].startswith("---")]


# What bpftrace prints, and the formats that say so.
PROBES = {"mmap": "addr len prot flags fd off", "munmap": "addr len", "mprotect": "start len prot", "brk": "brk",
          "mremap": "addr old_len new_len flags new_addr", "madvise": "start len_in behavior", "close": "fd",
          "dup": "fildes", "clone": "clone_flags", "clone3": "", "vfork": "", "exit_group": "error_code"}
NAMED = {"openat": "filename", "execve": "filename", "memfd_create": "uname"}
FORMATS = ["{time} {pid}/{tid} {call} {1:x} {2:x} {3:x} {4:x} {5:x} {6:x} = {result:x}"] + [
    "{time} {pid}/{tid} named {call=%s}%s {path} = {result:x}" % (c, c) for c in NAMED]


def bpftrace_program(comm):
    """One line for each call of ours, when it has returned: others run programs of these names, too."""
    head = 'printf("%%lld.%%09lld %%d/%%d ", nsecs / 1000000000, nsecs %% 1000000000, pid, tid);'.replace("%%", "%")
    mine = '(pid == cpid || @child[pid]) && (comm == "%s" || comm == "true")' % comm
    text = "tracepoint:sched:sched_process_fork /pid == cpid/ { @child[args->child_pid] = 1; }\n"
    for call, names in PROBES.items():
        args = ["args->" + n for n in names.split()] + ["0"] * (6 - len(names.split()))
        text += "tracepoint:syscalls:sys_enter_%s /%s/ { %s }\n" % (
            call, mine, " ".join("@a%d[tid] = (uint64)%s;" % (i, a) for i, a in enumerate(args)))
        text += 'tracepoint:syscalls:sys_exit_%s /%s/ { %s printf("%s %%lx %%lx %%lx %%lx %%lx %%lx = %%lx\\n", %s, args->ret); }\n' % (
            call, mine, head, call, ", ".join("@a%d[tid]" % i for i in range(6)))
    for call, name in NAMED.items():
        text += "tracepoint:syscalls:sys_enter_%s /%s/ { @n[tid] = args->%s; }\n" % (call, mine, name)
        text += 'tracepoint:syscalls:sys_exit_%s /%s/ { %s printf("named %s %%s = %%lx\\n", str(@n[tid]), args->ret); }\n' % (
            call, mine, head, call)
    return text + "END { %s clear(@n); clear(@child); }" % " ".join("clear(@a%d);" % i for i in range(6))


X86 = os.uname().machine == "x86_64"  # whose faults have a tracepoint
OF_EXEC = ("[stack]", "[vdso]", "[vvar]", "[vvar_vclock]")  # where these lie depends on the environment, too
ALL, NAMELESS, FILELESS = range(3)  # what a tool tells of an area: all, no names of files, neither names nor offsets


def is_kernels(area, kernels, told):
    """One of the kernel's areas; where a tool does not tell files apart, a part of one."""
    if told == ALL:
        return area in kernels
    if told == NAMELESS:
        return area[:2] in [k[:2] for k in kernels]
    start, end = (int(x, 16) for x in area[0].split("-"))
    return any(int(k[0].split("-")[0], 16) <= start and end <= int(k[0].split("-")[1], 16) and area[1] == k[1]
               for k in kernels)


def run(command):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert r.returncode == 0, r.stderr
    return r.stdout


def strace(options, log, program=PROGRAM):
    kernels = run(["setarch", "-R", "strace", *options.split(), "-o", log, program])
    return kernels, sorted(glob.glob(log + ".*")) if "-ff" in options else [log]


def program_i386(source, program):
    run(["i686-linux-gnu-gcc", "-static", "-O1", "-D_GNU_SOURCE", "-o", program, source, "-lpthread"])


def strace_i386(options, log):
    program_i386(SOURCE, log + ".mapped")
    return strace(options, log, log + ".mapped")


def perf_trace(options, log):
    return run(["setarch", "-R", "perf", "trace", *options.split(), "-o", log, PROGRAM]), [log]


def perf_script(options, log):
    events = [a for c in CALLS for a in ("-e", "syscalls:sys_enter_%s,syscalls:sys_exit_%s" % (c, c))]
    faults = ["-c", "1", "-e", "exceptions:page_fault_user,exceptions:page_fault_kernel"] if X86 else []
    kernels = run(["setarch", "-R", "perf", "record", "-q", "-d", *events, *faults, "-o", log + ".data", PROGRAM,
                   *(["faults"] if X86 else [])])
    with open(log, "w", encoding="utf-8") as f:
        f.write(run(["perf", "script", "-i", log + ".data", *options.split()]))
    return kernels, [log]


def ltrace(options, log):
    return run(["setarch", "-R", "ltrace", "-S", "-f", *options.split(), "-o", log, PROGRAM]), [log]


def bpftrace(options, log):
    with open(log + ".bt", "w", encoding="utf-8") as f:
        f.write(bpftrace_program(os.path.basename(PROGRAM)))
    text = "exec setarch -R %s > %s.maps" % (PROGRAM, log)
    with open(log + ".sh", "w", encoding="utf-8") as f:
        f.write(text + "\n")
    run(["bpftrace", "-c", "/bin/sh " + log + ".sh", "-o", log, log + ".bt"])
    with open(log + ".maps", encoding="utf-8") as f:
        return f.read(), [log] + [a for form in FORMATS for a in ("--line-format", form)]


TRACING = "/sys/kernel/tracing"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def ftrace(options, log):
    """The kernel's own trace, of this program and its tasks alone: an instance of its own."""
    of = os.path.join(TRACING, "instances", "vmaple-%d" % os.getpid())
    events = [os.path.join(of, "events/syscalls/sys_%s_%s/enable" % (side, c)) for c in CALLS for side in ("enter", "exit")]
    os.mkdir(of)
    try:
        write(os.path.join(of, "set_event_pid"), "2")
        write(os.path.join(of, "options/event-fork"), "1")
        for e in events:
            write(e, "1")
        kernels = run(["sh", "-c", "echo $$ >> %s/set_event_pid; exec setarch -R %s" % (of, PROGRAM)])
        with open(os.path.join(of, "trace"), encoding="utf-8") as trace:
            write(log, trace.read())
    finally:
        for e in events:
            write(e, "0")
        os.rmdir(of)
    return kernels, [log]


def gcore(options, log):
    with open(log + ".gdb", "w", encoding="utf-8") as f:
        f.write("catch syscall exit_group\nrun > %s.maps\ngenerate-core-file %s\nkill\n" % (log, log))
    run(["gdb", "-batch", "-nx", "-x", log + ".gdb", PROGRAM])
    with open(log + ".maps", encoding="utf-8") as f:
        return f.read(), [log]


def logged(tool, options, folder, out):
    """What the kernel says, and what the importer is uncertain of."""
    kernels, logs = tool(options, os.path.join(folder, "log"))
    uncertain = json.loads(run([VMAPLE, "import", "--json", "-o", out, *logs]))["uncertain"]
    return kernels, {d["what"]: d["count"] for d in uncertain}


# The program and /bin/true begin with an exec each.  Five opened files are mapped: two times ld.so.cache and libc, and the program.
SPACES, ALWAYS = "the map that an address space began with", {"first writes": 1, "the kernel is not known": 1}
FILES = {"the file behind a descriptor": 5, "the flags of a clone": 1}
EXACTLY = {"strace": {SPACES: 2, **ALWAYS}, "strace_i386": {SPACES: 2, **ALWAYS}, "perf_trace": {SPACES: 2, **ALWAYS, **FILES},
           "perf_script": {SPACES: 2, **ALWAYS, **FILES}, "bpftrace": {SPACES: 2, **ALWAYS, "the flags of a clone": 1},
           "gcore": {"first writes": 1, "the kernel is not known": 1, "which areas were shared": 1}}


def check_counts(tool, options, words):
    """What is in doubt, and how often; of threads beside each other, and of mmap events, as often as they come."""
    if tool.__name__ not in EXACTLY or "mmap-events" in options or any("lost events" in w for w in words):
        return
    left = dict(words)
    for begin, count in EXACTLY[tool.__name__].items():
        found = [w for w in left if w.startswith(begin)]
        assert len(found) == 1 and left.pop(found[0]) == count, "%s: %d times is wanted: %s" % (begin, count, words)
    left = [w for w in left if not w.startswith(("calls of threads", "a munmap that returned later", "a page fault"))]
    if tool is gcore:
        left = [w for w in left if not w.startswith("an area of a file has no segment")]
    if options == "-ff":
        left = [w for w in left if not w.startswith("the logs have no times of day")]
    assert not left, "nobody expects %s" % left


OWN = []  # the areas of our own recording, as soon as there is one


def own_recording(folder):
    """The program's map does not depend on who looks, and ours is the kernel's."""
    out = os.path.join(folder, "own.vmt")
    kernels = areas(run(["setarch", "-R", VMAPLE, "record", "-o", out, "--", PROGRAM]))
    own = areas(run([VMAPLE, "maps", out]))
    assert kernels == own, "not the kernel's: %s" % sorted(set(own) ^ set(kernels))
    OWN.extend(a for a in own if a[3] not in OF_EXEC)


def check_core(folder):
    """gdb leaves out what it could read from a file, and says that all can be read; who shares is not in a core."""
    out = os.path.join(folder, "core.vmt")
    kernels, words = logged(gcore, "", folder, out)
    check_counts(gcore, "", words)
    got = {a[0]: a for a in areas(run([VMAPLE, "maps", out]))}
    for bounds, access, offset, name in areas(kernels):
        if name.startswith("[vv"):
            continue
        assert bounds in got, "missing: %s %s" % (bounds, name)
        assert got[bounds][2:] == (offset, "" if name.startswith("[") else name), got[bounds]
        assert got[bounds][1][1] == access[1] or not name == "", got[bounds]
    assert len(got) <= len(areas(kernels)), got


def check_wrapped(folder, maps):
    """The same log in the journal's words leads to the same map."""
    wrapped, out = os.path.join(folder, "wrapped"), os.path.join(folder, "wrapped.vmt")
    with open(os.path.join(folder, "log"), encoding="utf-8", errors="surrogateescape") as log, \
            open(wrapped, "w", encoding="utf-8", errors="surrogateescape") as f:
        f.writelines("Nov 29 00:39:26 host strace[77]: " + line for line in log)
    run([VMAPLE, "import", "-o", out, wrapped])
    again = run([VMAPLE, "maps", out])
    assert maps == again, "wrapped by the journal:\n%s\nis not\n%s" % (again, maps)


def check(tool, options, told, folder):
    out = os.path.join(folder, "out.vmt")
    kernels, words = logged(tool, options, folder, out)
    # perf trace and bpftrace print the buffers of several CPUs as they come: a child may be in the log before its clone, a call
    # before the one that it followed.
    for _ in range(3 if tool in (perf_trace, bpftrace) else 0):
        if not any("beginning was not logged" in w or "order of their times" in w for w in words):
            break
        kernels, words = logged(tool, options, folder, out)
    assert not any("could not be read" in w or "beginning was not logged" in w for w in words), words
    check_counts(tool, options, words)
    lost = any("lost events" in w for w in words)
    maps = run([VMAPLE, "maps", out])
    got, whole = areas(maps), areas(kernels)
    if tool in (strace, strace_i386) and "-ff" not in options:
        check_wrapped(folder, maps)
    wrong = [a for a in got if not is_kernels(a, whole, told)]
    assert lost or not wrong, "not the kernel's: %s\n%s\n%s" % (wrong, kernels, maps)
    strange = [a for a in OWN if a not in whole] if tool is strace else []
    assert not strange, "our own recording has %s, which is not the kernel's here\n%s" % (strange, kernels)
    missing = [a for a in of_the_program(whole) if not is_kernels(a, got, min(told, NAMELESS))]
    assert lost or not missing, "missing: %s\n%s" % (missing, maps)
    assert len(got) >= 15, "only %d areas" % len(got)


def unusable(name):
    """Why a tool cannot be tried here, or None."""
    if name == TRACING:
        return None if os.access(os.path.join(TRACING, "instances"), os.W_OK) else "the kernel's trace is not to be had"
    if not shutil.which(name):
        return "%s is not installed" % name
    if name == "perf":
        r = subprocess.run(["perf", "trace", "-o", "/dev/null", "true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           check=False, timeout=60)
        return "perf is not permitted to trace system calls" if r.returncode else None
    if name == "i686-linux-gnu-gcc":
        r = subprocess.run([name, "-static", "-xc", "-", "-o", "/dev/null"], input="int main(void) { return 0; }", text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
        return (shutil.which("strace") is None and "strace is not installed") or (
            "i686-linux-gnu-gcc links no program (Debian: libc6-dev-i386-cross)" if r.returncode else None)
    if name == "bpftrace":
        r = subprocess.run(["bpftrace", "-e", "tracepoint:syscalls:sys_enter_mmap { exit(); }", "-c", "/bin/true"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
        return "bpftrace is not permitted to trace system calls" if r.returncode else None
    return None


def tap_line(number, title, body, why_not):
    """One case; True where it failed."""
    if why_not:
        print("ok %d - %s # SKIP %s" % (number, title, why_not))
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            body(folder)
        except AssertionError as e:
            print("not ok %d - %s\n# %s" % (number, title, str(e).replace("\n", "\n# ")))
            return True
    print("ok %d - %s" % (number, title))
    return False


def main():
    tools = [("strace", strace, o, ALL) for o in SINGLE + MANY]
    tools += [("i686-linux-gnu-gcc", strace_i386, o, ALL) for o in I386]
    tools += [("perf", perf_trace, "", NAMELESS), ("perf", perf_trace, "-F all --syscalls", NAMELESS),
              ("perf", perf_script, "", NAMELESS), ("perf", perf_script, "-F +addr", NAMELESS),
              ("perf", perf_script, "--show-mmap-events", ALL),
              ("perf", perf_script, "--show-mmap-events --show-task-events", ALL),
              ("ltrace", ltrace, "", FILELESS), ("ltrace", ltrace, "-tt", FILELESS), ("bpftrace", bpftrace, "", ALL), (TRACING, ftrace, "", NAMELESS)]
    cases = [("setarch", "our own recording", own_recording), ("gdb", "gdb's generate-core-file", check_core)]
    cases += [(name, "%s %s" % (tool.__name__.replace("_", " "), options),
               functools.partial(check, tool, options, told)) for name, tool, options, told in tools]
    why_not = {name: unusable(name) for name in {c[0] for c in cases}}
    failed = [tap_line(i, title, body, why_not[name]) for i, (name, title, body) in enumerate(cases, 1)]
    print("1..%d" % len(cases))
    sys.exit(1 if any(failed) else 0)


if __name__ == "__main__":
    main()
