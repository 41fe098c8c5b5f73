#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the command writes, and what: JSON beside a program's output, a stdout that is full, names with control
characters, its own peak of memory.

usage: output.py VMAPLE

Prints TAP.
"""
import json
import os
import pty
import stat
import subprocess
import sys
import tempfile

VMAPLE = os.path.abspath(sys.argv[1])
EVIL = "red\033[31m\u009b0m\x7f"
MAP_EVIL = "import mmap; f = open(%r, 'w+b'); f.truncate(4096); m = mmap.mmap(f.fileno(), 4096); import os; os._exit(0)" % EVIL
results = []


def run(*command, **kw):
    return subprocess.run(command, stdout=kw.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, check=False, timeout=120, **kw)


def equal(got, want):
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))


def true(what, *shown):
    if not what:
        raise AssertionError(repr(shown)[-1500:])


def json_is_the_line_behind_the_programs_last():
    lines = run(VMAPLE, "run", "--json", "--", "echo", "hi").stdout.split(b"\n")
    equal([lines[0], lines[1][:1], lines[2:]], [b"hi", b"{", [b""]])


def json_into_a_file_leaves_stdout_to_the_program():
    r = run(VMAPLE, "run", "--json=s.json", "--", "printf", "no newline")
    equal((r.returncode, r.stdout, r.stderr), (0, b"no newline", b""))
    with open("s.json", encoding="utf-8") as f:
        equal(json.load(f)["differences"], 0)
    r = run(VMAPLE, "run", "--json=/nonexistent/s.json", "--", "touch", "started")
    equal((r.returncode, os.path.exists("started")), (125, False))
    true(b"/nonexistent/s.json: cannot be written: No such file" in r.stderr, r.stderr)


# What each command writes to stdout, by every way that it has.  A recording of its own: t.vmt; a log: s.log.
WRITES = {
    "run": [["--json", "--", "true"], ["--json=-", "--", "true"]],
    "record": [],  # stdout is the program's
    "verify": [["t.vmt"], ["--json", "t.vmt"]],
    "maps": [["t.vmt"], ["--format", "json", "t.vmt"], ["--format", "svg", "t.vmt"], ["--pid", str(os.getpid()), "--no-bpf"]],
    "why": [["t.vmt", "AREA"], ["--json", "t.vmt", "AREA"], ["--top", "t.vmt"], ["--top", "--json", "t.vmt"]],
    "diff": [["t.vmt", "t.vmt"], ["--json", "t.vmt", "t.vmt"]],
    "whatif": [["--touch", "late", "t.vmt"], ["--touch", "late", "--json", "t.vmt"]],
    "report": [["t.vmt", "-o", "-"], ["t.vmt", "-o", "stdout"], ["t.vmt", "--svg", "-"]],
    "export": [["t.vmt", "--format", form, *rest] for form in ("jsonl", "csv", "perfetto", "folded", "strace")
               for rest in (([], ["-o", "-"], ["-o", "stdout"]) if form != "csv" else (["--table", "areas"],))] + [["--columns"]],
    "sql": [["t.vmt", "select 1"], ["--json", "t.vmt", "select 1"], ["--csv", "t.vmt", "select 1"]],
    "import": [["-o", "i.vmt", "s.log"], ["--json", "-o", "i.vmt", "s.log"]],
    "attach": [["--via", "ptrace", "--for", "0.1", "--json", "PID"]],
    "top": [],  # a terminal's
    "metrics": [["--once", "--threshold", "1", "--textfile", "stdout"], ["--once", "--threshold", "1", "--textfile", "-"]],
    "lab": [["--list"], ["--repeat", "1", "--no-check", "t.vmt"], ["--json", "--repeat", "1", "--no-check", "t.vmt"]],
    "conform": [["answers"], ["--json", "answers"]],
}
WRITES_NO_COMMAND = [["--version"], ["--help"], ["-h"], ["help"], ["help", "run"]]


def what_is_written():
    run(VMAPLE, "record", "-o", "t.vmt", "--", "true")
    with open("s.log", "w", encoding="ascii") as f:
        f.write('7 execve("/bin/true", ["true"], 0x7ffc) = 0\n7 +++ exited with 0 +++\n')
    # As /dev/stdout, which is not to be lost if it is not written where it is.
    os.symlink("/proc/self/fd/1", "stdout")
    run(VMAPLE, "conform", "--emit", "kit")
    run("make", "-C", "kit")
    with open("answers", "wb") as f:
        run("kit/vmaple-conform", stdout=f)
    area = run(VMAPLE, "maps", "t.vmt").stdout.decode().splitlines()[2].split("-")[0]
    equal(sorted(WRITES), sorted(commands()))
    yield from WRITES_NO_COMMAND
    for name, ways in WRITES.items():
        for arguments in [["--help"], *ways]:
            yield [name, *(area if word == "AREA" else word for word in arguments)]


def a_full_stdout_is_an_error_of_every_command():
    for command in what_is_written():
        beside = subprocess.Popen(["sleep", "60"]) if "PID" in command else None
        command = [str(beside.pid) if word == "PID" else word for word in command]
        with open("/dev/full", "wb") as full:
            r = run(VMAPLE, *command, stdout=full)
        equal((command, r.returncode), (command, 125))
        said = [line for line in r.stderr.splitlines() if b"written" in line or b"write" in line]
        equal((command, len(said)), (command, 1))
        # Where it was an earlier line that did not arrive, why is not known any more.
        true(b"No space left on device" in said[0] or said[0].endswith(b"to its end"), command, said)
        if beside:
            beside.kill()
            beside.wait()
    with open("/dev/full", "wb") as full:
        equal(run(VMAPLE, "run", "--", "sh", "-c", "exit 3", stdout=full).returncode, 3)


def what_is_no_file_is_written_where_it_is():
    run(VMAPLE, "record", "-o", "t.vmt", "--", "true")
    page = run(VMAPLE, "report", "t.vmt", "-o", "-").stdout
    true(page.startswith(b"<!doctype html>") and page.rstrip().endswith(b"</html>"), page[:80], page[-80:])
    true(not os.path.exists("-"))
    open("target", "w", encoding="ascii").close()
    for name in ("device", "link", "fifo"):
        for command in (["report", "t.vmt", "-o"], ["export", "t.vmt", "--format", "jsonl", "-o"],
                        ["metrics", "--once", "--textfile"], ["export", "t.vmt", "--format", "sqlite", "-o"], ["record", "-o"]):
            if name == "device":
                os.symlink("/dev/null", name)
            elif name == "link":
                os.symlink("target", name)
            else:
                os.mkfifo(name)
                reader = subprocess.Popen(["cat", name], stdout=subprocess.DEVNULL)
            r = run(VMAPLE, *command, name, *(["--", "true"] if command[0] == "record" else []))
            true(os.path.islink(name) or stat.S_ISFIFO(os.stat(name).st_mode), name, command, r.stderr)
            true(r.returncode == 0 or (r.returncode == 125 and b"cannot" in r.stderr), name, command, r.stderr)
            equal((name, command, os.path.exists(name + ".partial")), (name, command, False))
            os.unlink(name)
            if name == "fifo":
                reader.kill()
                reader.wait()
    for command in (["record", "-o", "-", "--", "touch", "x"], ["run", "-o", "-", "--", "touch", "x"], ["import", "-o", "-", "s.log"]):
        r = run(VMAPLE, *command)
        equal((command, r.returncode, r.stdout, os.path.exists("x")), (command, 2, b"", False))


def control_characters_are_quoted_and_raw_only_into_a_pipe():
    r = run(VMAPLE, "run", "-o", "e.vmt", "--", "python3", "-c", MAP_EVIL, EVIL)
    equal(r.returncode, 0)
    summary = run(VMAPLE, "run", "-o", "e\033.vmt", "--", "true").stderr
    true(b"  recording   e\\033.vmt\n" in summary and b"\033" not in summary, summary)
    lab = run(VMAPLE, "lab", "--repeat", "1", "--no-check", "e\033.vmt").stdout
    true(b"e\\033.vmt\n" in lab and b"\033" not in lab, lab)
    lab = run(VMAPLE, "lab", "--repeat", "1", "--rmap", "all", "e\033.vmt").stdout
    true(b"e\\033.vmt\n" in lab and b"\033" not in lab, lab)
    with open("red\033.log", "w", encoding="ascii") as f:
        f.write("mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\nmunmap(0x7f0000001000, 4096) = 0\n"
                "mmap(NULL, 8192, PROT_READ, MAP_WHAT, -1, 0) = 0x7f0000010000\n")
    told = run(VMAPLE, "import", "red\033.log", "-o", "i\033.vmt").stdout
    true(b"vmaple: i\\033.vmt from red\\033.log\n" in told and b"\033" not in told, told)
    true(b"[first: red\\033.log:" in told, told)
    names = run(VMAPLE, "maps", "e.vmt").stdout
    true(b"red\\033[31m\\302\\2330m\\177" in names, names)
    errors = run(VMAPLE, "verify", "no\033such.vmt").stderr + run(VMAPLE, "bad\033").stderr
    for shown in (names, r.stderr, run(VMAPLE, "verify", "e.vmt").stdout, errors):
        true(b"\033" not in shown and b"\xc2\x9b" not in shown, shown)
    true(EVIL.encode() in run(VMAPLE, "maps", "--raw", "e.vmt").stdout)
    shown = on_a_terminal("maps", "--raw", "e.vmt")
    true(b"red\\033[31m" in shown and b"\033" not in shown, shown)


def on_a_terminal(*command):
    """What a command writes there, stdout and stderr."""
    master, terminal = pty.openpty()
    process = subprocess.Popen([VMAPLE, *command], stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(master, 65536):
            shown += part
    except OSError:  # the other end is closed
        pass
    process.wait()
    return shown.replace(b"\r\n", b"\n")


def commands():
    listed = run(VMAPLE, "--help").stdout.split(b"\n\n")[2].splitlines()[1:]
    names = [line.split()[0].decode() for line in listed]
    true({"run", "why", "whatif", "diff", "conform"} <= set(names), names)
    return names


def help_fits_a_terminal_of_80_columns():
    for command in [["--help"]] + [[name, "--help"] for name in commands()]:
        r = run(VMAPLE, *command)
        equal((command, r.returncode), (command, 0))
        true(r.stdout.startswith(b"usage: ") or command == ["--help"], command)
        equal((command, [line for line in r.stdout.split(b"\n") if len(line) > 80]), (command, []))


def summaries_fit_a_terminal_of_80_columns():
    long = "true " + "x" * 200
    for r in (run(VMAPLE, "run", "-o", "w.vmt", "--", "sh", "-c", long).stderr, run(VMAPLE, "verify", "w.vmt").stdout):
        true(b"  calls       " in r and b"  faults      " in r, r)
        equal([line for line in r.split(b"\n") if len(line) > 80], [])


def errors_fit_a_terminal_and_are_one_line_elsewhere():
    long = "/nonexistent/" + "a-folder-of-a-name/" * 4 + "file.vmt"
    for command in (["why", "--room", "64M", "--top", "file.vmt"], ["verify", long], ["maps", "--at", "never", "file.vmt"],
                    ["run", "--budget", "areas=many,growth=much"]):
        equal((command, run(VMAPLE, *command).stderr.count(b"\n")), (command, 1))
        wide = [line for line in on_a_terminal(*command).split(b"\n") if len(line) > 80]
        equal((command, [line for line in wide if max(map(len, line.split())) < 60]), (command, []))


def its_peak_of_memory_is_its_own():
    code = ("import os, sys; b = bytearray(400 << 20); b[::4096] = b'x' * len(b[::4096]); "
            "os.execv(sys.argv[1], [sys.argv[1], 'run', '--json', '--', 'true'])")
    s = json.loads(run("python3", "-c", code, VMAPLE).stdout)
    true(1000 < s["recorder_peak_kib"] < 300 << 10, s["recorder_peak_kib"])


with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
    os.chdir(folder)
    for function in (json_is_the_line_behind_the_programs_last, json_into_a_file_leaves_stdout_to_the_program,
                     a_full_stdout_is_an_error_of_every_command, what_is_no_file_is_written_where_it_is, control_characters_are_quoted_and_raw_only_into_a_pipe,
                     help_fits_a_terminal_of_80_columns, errors_fit_a_terminal_and_are_one_line_elsewhere,
                     summaries_fit_a_terminal_of_80_columns, its_peak_of_memory_is_its_own):
        name = function.__name__.replace("_", " ")
        try:
            function()
            results.append(True)
        except AssertionError as e:
            results.append(False)
            print("# " + str(e).replace("\n", "\n# "))
        print("%sok %d - %s" % ("" if results[-1] else "not ", len(results), name))
    os.chdir("/")
print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
