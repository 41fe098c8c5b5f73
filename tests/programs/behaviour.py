#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What happens around a recorded program: its end, its signals, bad input, no permission.

usage: behaviour.py VMAPLE

Prints TAP.  Each case states what a user would see.
"""
import json
import math
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import xml.dom.minidom

VMAPLE = os.path.abspath(sys.argv[1])
results = []


def run(*command, **kw):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=120, **kw)


class Skip(Exception):
    """What this machine lacks."""


def case(function):
    try:
        function()
        results.append(True)
        print("ok %d - %s" % (len(results), function.__name__.replace("_", " ")))
    except Skip as e:
        results.append(True)
        print("ok %d - %s # SKIP %s" % (len(results), function.__name__.replace("_", " "), e))
    except AssertionError as e:
        results.append(False)
        print("not ok %d - %s" % (len(results), function.__name__.replace("_", " ")))
        print("# " + str(e).replace("\n", "\n# "))


def equal(got, want, result=None):
    if got != want:
        raise AssertionError("got %r, want %r\n%s" % (got, want, result.stderr[-1500:] if result else ""))


def has(text, part):
    if part not in text:
        raise AssertionError("%r is not in %r" % (part, text[-1500:]))


def summary_of(result):
    return json.loads(result.stdout.splitlines()[-1])


def exit_status_is_the_programs():
    for status in (0, 1, 77):
        r = run(VMAPLE, "run", "--", "sh", "-c", "exit %d" % status)
        equal(r.returncode, status, r)


def lab_compares_every_index():
    r = run(VMAPLE, "lab", "--areas", "40", "--repeat", "1", "--json")
    equal(r.returncode, 0, r)
    results_ = json.loads(r.stdout)
    equal(len(results_), len(run(VMAPLE, "lab", "--list").stdout.splitlines()), r)
    for one in results_:
        equal(sorted(one["indexes"]), ["augmented", "classic", "maple"], r)
        equal(one["agreed"], True, r)
        calls = [{k: v["calls"] for k, v in i["calls"].items()} for i in one["indexes"].values()]
        equal(calls, [calls[0]] * 3, r)
        for index in one["indexes"].values():
            equal(index["ns_per_call"] > 0 and index["ns_per_call_verified"] > 0, True, r)
            # Builds with a sanitizer do not count.
            for kind in index["calls"].values():
                equal(kind.get("lines_per_call", 1) >= 1, True, r)
    r = run(VMAPLE, "lab", "--workload", "fragments", "--areas", "500", "--repeat", "1")
    equal(r.returncode, 0, r)
    for row in ("ns per call", "any call, verified", "nodes deep", "bytes per area"):
        has(r.stdout, row)


def lab_draws_cost_against_areas():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "cost.svg")
        r = run(VMAPLE, "lab", "--picture", path, "--areas", "1000", "--json")
        equal(r.returncode, 0, r)
        sizes = json.loads(r.stdout)
        equal([s["areas"] for s in sizes], [100, 300, 1000], r)
        counted = False
        for s in sizes:
            lines = {i: v["operations"]["search, other size"]["lines"] for i, v in s["indexes"].items()}
            counted = lines["classic"] > 0
            # One area is one line: the list is passed along, the trees are not.
            if counted:
                equal(s["areas"] <= lines["classic"] <= s["areas"] + 40, True, r)
                equal(0 < lines["maple"] < 100 and 0 < lines["augmented"] < 100, True, r)
            nodes = {i: v["nodes_per_find_vma"] for i, v in s["indexes"].items()}
            equal(nodes["maple"] < nodes["augmented"] <= 2 * math.log2(s["areas"] + 1), True, r)
            equal(nodes["augmented"], nodes["classic"], r)
        svg = xml.dom.minidom.parse(path)
        paths = [p for p in svg.getElementsByTagName("path") if p.getAttribute("fill") == "none"]
        equal(len(paths), 3 * (6 if counted else 4), r)
        for p in paths:
            equal(p.getAttribute("d").count("L"), len(sizes) - 1, r)
        texts = [t.firstChild.data for t in svg.getElementsByTagName("text")]
        for text in ("areas", "time", "maple", "augmented", "classic", "find_vma() of a random address"):
            equal(text in texts, True, r)
        r = run(VMAPLE, "lab", "--picture", os.path.join(d, "none", "x.svg"), "--areas", "100")
        equal(r.returncode, 125, r)
        has(r.stderr, "No such file")


def lab_replays_recordings():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "true.vmt")
        equal(run(VMAPLE, "record", "-o", path, "--", "true").returncode, 0)
        r = run(VMAPLE, "lab", "--repeat", "1", path)
        equal(r.returncode, 0, r)
        has(r.stdout, "the indexes agreed after every call")
        r = run(VMAPLE, "lab", os.path.join(d, "none.vmt"))
        equal(r.returncode, 3, r)
    equal(run(VMAPLE, "lab", "--workload", "none").returncode, 2)


def a_program_killed_by_a_signal_ends_vmaple_by_the_same():
    for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        r = run(VMAPLE, "run", "--json", "--", "sh", "-c", "kill -%d $$" % sig)
        equal(r.returncode, -sig, r)
        equal(summary_of(r)["exit_status"], 128 + sig)
        equal(summary_of(r)["differences"], 0, r)


def a_missing_program_is_127_and_one_that_cannot_start_126():
    r = run(VMAPLE, "run", "--", "/nonexistent/program")
    equal(r.returncode, 127)
    has(r.stderr, "/nonexistent/program: cannot be started: No such file or directory")
    r = run(VMAPLE, "record", "-o", "nothing.vmt", "--", "/nonexistent/program")
    equal(r.returncode, 127, r)
    equal(os.path.exists("nothing.vmt"), False)
    equal(run(VMAPLE, "record", "-o", "/dev/null", "--", "/nonexistent/program").returncode, 127)
    # What is there already is nothing of its, whoever records.
    for via in "ptrace", "bpf", "auto":
        for program, status in ("/nonexistent/program", 127), ("no-such-program", 127), (".", 126), ("/etc/passwd", 126), ("", 127):
            with open("kept.vmt", "w", encoding="ascii") as f:
                f.write("kept")
            r = run(VMAPLE, "record", "--via", via, "-o", "kept.vmt", "--", program)
            equal((r.returncode, r.stderr.count("\n")), (status, 1), r)
            has(r.stderr, "vmaple record: %s: cannot be started: " % program)
            with open("kept.vmt", encoding="ascii") as f:
                equal(f.read(), "kept")
    equal(os.path.exists("/dev/null"), True)
    r = run(VMAPLE, "run", "--", "/etc/passwd")
    equal(r.returncode, 126)
    has(r.stderr, "Permission denied")


def standard_streams_are_the_programs():
    r = run(VMAPLE, "record", "-o", "s.vmt", "--", "sh", "-c", "cat; echo err >&2", input="through\n")
    equal(r.stdout, "through\n", r)
    equal(r.stderr, "err\n")


def a_program_that_closes_every_descriptor_is_recorded():
    code = "import os\nfor fd in range(256):\n  try: os.close(fd)\n  except OSError: pass\nx = bytearray(1 << 24)\nos._exit(3)"
    r = run(VMAPLE, "run", "--json", "--", "python3", "-c", code)
    equal(r.returncode, 3, r)
    equal(summary_of(r)["differences"], 0, r)


def a_setuid_program_is_recorded_or_refused_as_the_kernel_does():
    r = run(VMAPLE, "run", "--json", "--", "su", "--version")
    equal(r.returncode, 0, r)
    equal(summary_of(r)["differences"], 0, r)


def a_killed_recorder_leaves_a_readable_recording_and_no_program():
    code = "import mmap,os,time\nprint(os.getpid(), flush=True)\nwhile True:\n  mmap.mmap(-1, 4096).close(); time.sleep(0.001)"
    p = subprocess.Popen([VMAPLE, "record", "-o", "k.vmt", "--", "python3", "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(p.stdout.readline())
    time.sleep(1)
    p.kill()
    p.wait()
    p.stdout.close()
    r = run(VMAPLE, "verify", "k.vmt")
    equal(r.returncode, 3, r)
    has(r.stderr, "without its end mark")
    has(r.stdout, "differences: 0")
    time.sleep(0.2)
    if os.path.exists("/proc/%d" % child) and "Z" not in open("/proc/%d/stat" % child, encoding="ascii").read():
        raise AssertionError("process %d still runs" % child)


def a_full_disk_stops_the_recording_not_the_program():
    if not os.path.exists("/dev/full"):
        raise Skip("there is no /dev/full")
    r = run(VMAPLE, "record", "-o", "/dev/full", "--", "echo", "hello")
    equal(r.returncode, 125)
    has(r.stderr, "No space left on device")


def a_disk_that_fills_on_the_way_keeps_what_was_written():
    code = "import mmap,random\nm=[mmap.mmap(-1,4096*random.randrange(1,99)) for i in range(9000)]\nprint('ran on')"
    r = run("bash", "-c", 'ulimit -f 24; exec "$0" record -o f.vmt -- python3 -c "$1"', VMAPLE, code)
    equal(r.returncode, 125, r)
    has(r.stdout, "ran on")
    stopped = re.search(r"the recording stopped after (\d+) events: File too large", r.stderr)
    r = run(VMAPLE, "verify", "f.vmt")
    equal(r.returncode, 3, r)
    has(r.stdout, "differences: 0")
    has(r.stderr, "after %s events" % stopped.group(1))


def a_recording_that_may_not_grow_ends_without_the_program():
    """ulimit -f: the limit is reached when the recording is written to its end, which ended vmaple by SIGXFSZ."""
    r = run(VMAPLE, "record", "-o", "l.vmt", "--", "sh", "-c", "true & wait; grep SigIgn /proc/self/status; exit 4",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)))
    alone = run("grep", "SigIgn", "/proc/self/status")
    equal((r.returncode, r.stdout), (125, alone.stdout))
    has(r.stderr, "l.vmt: cannot be written to its end: File too large")


def where_tracing_is_not_permitted_it_says_so():
    # A process that is traced already cannot be traced again: the inner vmaple is refused, the outer is not.
    # A leak checker traces, too, and would speak instead.
    r = run(VMAPLE, "run", "--json", "--", VMAPLE, "run", "--", "true",
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    equal(r.returncode, 125, r)
    has(r.stderr, "vmaple run: tracing is not permitted here")
    equal(summary_of(r)["exit_status"], 125)


def an_option_that_would_do_nothing_is_refused():
    for command in (["run"], ["record", "-o", "c.vmt"]):
        r = run(VMAPLE, *command, "--via", "bpf", "--check", "end", "--", "echo", "hello")
        equal((r.returncode, r.stdout, r.stderr.count("\n")), (2, "", 1), r)
        has(r.stderr, "takes no `--check`")
        equal(os.path.exists("c.vmt"), False)


def a_directory_that_does_not_exist_is_named():
    r = run(VMAPLE, "record", "-o", "/nonexistent/x.vmt", "--", "true")
    equal(r.returncode, 125)
    has(r.stderr, "/nonexistent/x.vmt: cannot be written: No such file or directory")


def bad_files_get_a_sentence_and_status_3():
    for name, content in (("empty.vmt", b""), ("text.vmt", b"hello\n" * 100)):
        with open(name, "wb") as f:
            f.write(content)
        for command in ("verify", "maps"):
            r = run(VMAPLE, command, name)
            equal(r.returncode, 3, r)
            has(r.stderr, "%s: this is not a vmaple recording" % name)
    r = run(VMAPLE, "verify", "nothing-here.vmt")
    equal(r.returncode, 3)
    has(r.stderr, "cannot be opened: No such file or directory")


def misused_options_are_explained():
    for command in (["run"], ["run", "--check", "sometimes", "--", "true"], ["record", "--", "true"], ["verify"],
                    ["maps", "--at", "x", "f"], ["run", "--wrong", "true"], ["nothing"]):
        r = run(VMAPLE, *command)
        equal(r.returncode, 2, r)
        equal(r.stderr.count("\n"), 1)
    for command in ("run", "record", "verify", "maps"):
        r = run(VMAPLE, command, "--help")
        equal(r.returncode, 0)
        has(r.stdout, "usage: vmaple " + command)


def maps_at_a_step_and_at_the_end():
    run(VMAPLE, "record", "-o", "m.vmt", "--", "true")
    r = run(VMAPLE, "maps", "m.vmt")
    equal(r.returncode, 0, r)
    has(r.stdout, "[stack]\n")
    has(r.stdout, "libc")
    early = run(VMAPLE, "maps", "--at", "3", "m.vmt")
    equal("libc" in early.stdout, False)
    areas = json.loads(run(VMAPLE, "maps", "--format", "json", "m.vmt").stdout)
    equal(len(areas), len(r.stdout.splitlines()))


def without_privilege_no_first_write_is_missed():
    if os.getuid() != 0:
        raise Skip("only root can give its privilege up")
    os.chmod(".", 0o777)
    r = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", VMAPLE, "run", "--json", "--", "python3", "-S", "-c", "print(1)"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    if r.returncode:
        raise AssertionError(r.stderr[-1000:])
    s = summary_of(r)
    equal(s["differences"] + s["uncertain"], 0)
    equal(s["first_writes"] > 5, True)
    has(s["fault_source"], "all that calls depend on")


def as_nobody(*command):
    return run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command)


def skip(why):
    print("# not tried: " + why)


def a_program_that_loses_its_set_user_id_bit_is_told_of():
    if os.getuid() != 0:
        skip("only root makes a set-user-ID program")
        return
    os.chmod(".", 0o777)
    for mode, name in ((0o4755, "set-user"), (0o2755, "set-group"), (0o755, "plain"), (0o755, "capable")):
        shutil.copy("/bin/true", name)
        os.chmod(name, mode)
    try:
        # cap_net_raw, permitted and effective: version 2 of the attribute
        os.setxattr("capable", "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
        capable = [("capable", 1)]
    except OSError as e:
        skip("file capabilities: %s" % e)
        capable = []
    for name, lost in [("set-user", 1), ("set-group", 1), ("plain", 0)] + capable:
        path = os.path.join(os.getcwd(), name)
        r = as_nobody(VMAPLE, "run", "--", "sh", "-c", '"$0"; "$0"', path)
        equal(r.returncode, 0, r)
        equal(path in r.stderr and "privileges" in r.stderr, bool(lost), r)
        equal("programs ran, each without its set-user-ID bit or capabilities" in r.stderr, bool(lost), r)
        equal(summary_of(as_nobody(VMAPLE, "run", "--json", "--", path))["privileges_lost"], lost)
        # Its own promise, or that of who started vmaple: alone it would not have gained anything either.
        for command in ((VMAPLE, "run", "--json", "--", "setpriv", "--no-new-privs", path),
                        ("setpriv", "--no-new-privs", VMAPLE, "run", "--json", "--", path)):
            equal(summary_of(as_nobody(*command))["privileges_lost"], 0)
        equal(summary_of(run(VMAPLE, "run", "--json", "--", path))["privileges_lost"], 0)


# What is run below in namespaces of its own: whether that is permitted is asked first.
def unshared(options, *command):
    if run("unshare", *options, "true").returncode:
        skip("unshare " + " ".join(options))
        return None
    return run("unshare", *options, *command)


THREE_PROGRAMS = ("sh", "-c", "true & /bin/true; wait; echo through")


def other_process_numbers_are_followed():
    r = run(VMAPLE, "run", "--json", "--", "unshare", "-pf", *THREE_PROGRAMS)
    if r.returncode:
        skip("unshare -pf: " + r.stderr)
        return
    s = summary_of(r)
    equal((s["differences"], s["uncertain"], s["lost"]), (0, 0, 0), r)
    equal(s["processes"] >= 4, True, r)


def is_lost_and_said_once(r):
    equal(r.returncode, 0, r)
    has(r.stdout, "through\n")
    equal(r.stderr.count("lost at step"), 1, r)
    has(r.stderr, "/proc is not there, or is that of other process numbers: nothing is recorded")
    has(r.stderr, "differences: 0")


def where_proc_is_that_of_other_process_numbers_all_is_lost():
    r = unshared(("-pf",), VMAPLE, "run", "--", *THREE_PROGRAMS)
    if r:
        is_lost_and_said_once(r)


def where_proc_is_missing_all_is_lost():
    if os.environ["VMAPLE_SANITIZED"] == "1":
        skip("a sanitizer does not begin without /proc")
        return
    r = unshared(("-m",), "sh", "-c", 'umount -l /proc && exec "$0" "$@"', VMAPLE, "run", "--", *THREE_PROGRAMS)
    if r:
        is_lost_and_said_once(r)


def where_others_processes_are_hidden_ones_own_are_not():
    for option in ("hidepid=2", "hidepid=4"):
        r = unshared(("-m",), "sh", "-c", 'mount -t proc -o %s proc /proc && exec setpriv --reuid=65534 --clear-groups "$0" "$@"'
                     % option, VMAPLE, "run", "--json", "--", *THREE_PROGRAMS)
        if not r:
            return
        if r.returncode and "mount" in r.stderr:
            skip(r.stderr)
            continue
        s = summary_of(r)
        equal((r.returncode, s["differences"], s["uncertain"], s["lost"]), (0, 0, 0, 0), r)


def a_program_that_may_only_be_executed_is_lost():
    if os.getuid() != 0:
        skip("only root becomes another user")
        return
    os.chmod(".", 0o777)
    shutil.copy("/bin/true", "executable")
    os.chmod("executable", 0o111)
    r = as_nobody(VMAPLE, "run", "--json", "--", "sh", "-c", "./executable; ./executable; echo through")
    s = summary_of(r)
    equal((r.returncode, s["differences"], s["lost"], s["lost_events"], s["lost_unknown"]), (0, 0, 2, 0, 2), r)
    equal(r.stderr.count("a program whose map cannot be read"), 1, r)
    has(r.stdout, "through\n")
    r = as_nobody(VMAPLE, "run", "--", "sh", "-c", "./executable; echo through")
    has(r.stderr, "lost        1 times something was not recorded: how much is not known 1 time\n")


def where_descriptors_are_few_many_children_are_lost_not_different():
    r = run("bash", "-c", 'ulimit -n 16; exec "$0" run --json -- bash -c "for i in {1..40}; do sleep 0.3 & done; wait; echo through"',
            VMAPLE)
    s = summary_of(r)
    equal((r.returncode, s["differences"], s["lost"] > 0), (0, 0, True), r)
    has(r.stdout, "through\n")
    equal(r.stderr.count("lost at step") <= 4, True, r)


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    for function in (exit_status_is_the_programs, a_program_killed_by_a_signal_ends_vmaple_by_the_same,
                     a_missing_program_is_127_and_one_that_cannot_start_126, standard_streams_are_the_programs,
                     a_program_that_closes_every_descriptor_is_recorded,
                     a_setuid_program_is_recorded_or_refused_as_the_kernel_does,
                     a_killed_recorder_leaves_a_readable_recording_and_no_program,
                     a_full_disk_stops_the_recording_not_the_program, a_disk_that_fills_on_the_way_keeps_what_was_written,
                     a_recording_that_may_not_grow_ends_without_the_program,
                     where_tracing_is_not_permitted_it_says_so,
                     an_option_that_would_do_nothing_is_refused,
                     a_directory_that_does_not_exist_is_named,
                     bad_files_get_a_sentence_and_status_3, misused_options_are_explained, maps_at_a_step_and_at_the_end,
                     without_privilege_no_first_write_is_missed, lab_compares_every_index, lab_draws_cost_against_areas,
                     lab_replays_recordings, a_program_that_loses_its_set_user_id_bit_is_told_of,
                     other_process_numbers_are_followed, where_proc_is_that_of_other_process_numbers_all_is_lost,
                     where_proc_is_missing_all_is_lost, where_others_processes_are_hidden_ones_own_are_not,
                     a_program_that_may_only_be_executed_is_lost,
                     where_descriptors_are_few_many_children_are_lost_not_different):
        case(function)
    os.chdir("/")
print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
