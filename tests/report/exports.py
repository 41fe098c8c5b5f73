#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What vmaple export and vmaple sql say of a recording: against arithmetic, against each other, against what others read.

usage: exports.py VMAPLE KNOWN MAPPED DOCS

KNOWN is a program whose areas are known (known.c), MAPPED one with files, threads and a child.  Prints TAP.
"""
import csv
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
import trace_event_format  # noqa: E402
from tap import run_cases  # noqa: E402

VMAPLE, KNOWN, MAPPED = (os.path.abspath(p) for p in sys.argv[1:4])
DOCS = sys.argv[4]
PAGE, WINDOW, FAILING = 4096, 128, 7
TABLES = ["runs", "spaces", "events", "areas", "boundaries", "stacks", "counts"]


def vmaple(*command, status=0):
    r = subprocess.run([VMAPLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                       timeout=120)
    assert r.returncode == status, (command, r.returncode, r.stderr)
    return r


def sql(recording, question, *options):
    return json.loads(vmaple("sql", "--json", *options, recording, question).stdout)


def one(recording, question):
    return list(sql(recording, question)[0].values())[0]


def known(folder):
    path = os.path.join(folder, "known.vmt")
    return path, int(vmaple("record", "-o", path, "--", KNOWN).stdout, 16)


def mapped(folder):
    path = os.path.join(folder, "mapped.vmt")
    vmaple("record", "-o", path, "--", MAPPED)
    return path


def counts_are_those_of_arithmetic(folder):
    recording, base = known(folder)
    end, inside = base + WINDOW * PAGE, "start >= %d and end <= %d" % (base, base + WINDOW * PAGE)
    assert one(recording, "select count(*) n from events where call = 'mprotect' and arg0 between %d and %d" %
               (base, end)) == WINDOW // 2
    assert one(recording, "select count(*) n from events where error = 'EINVAL' and call = 'munmap'") == FAILING
    assert one(recording, "select failed_calls from spaces") == FAILING
    assert one(recording, "select count(*) n from areas where " + inside) == 3 + 3 * (WINDOW // 2 - 1)
    assert one(recording, "select count(*) n from areas where at_end and " + inside) == WINDOW // 2
    rows = sql(recording, "select reasons, bytes, birth_step from boundaries where " + inside)
    assert len(rows) == WINDOW and all(r["bytes"] == PAGE for r in rows)
    assert [r["reasons"] for r in rows].count("prot") >= WINDOW - 1
    assert one(recording, "select count(*) n from areas where bytes = 3 * 4096 and shared and not at_end "
               "and kind = 'shared' and prot = 'r--'") == 1
    assert one(recording, "select count(*) n from files where at_end and name = '%s'" % KNOWN) == 1


def the_end_is_the_map_of_the_end(folder):
    recording = mapped(folder)
    maps = json.loads(vmaple("maps", "--format", "json", recording).stdout)
    rows = sql(recording, "select start, end, name from areas where at_end and mm = "
               "(select mm from spaces order by begin_step limit 1) order by start")
    assert [(m["start"], m["end"], m["name"]) for m in maps if m["start"] < 1 << 63] == \
        [(r["start"], r["end"], r["name"]) for r in rows if r["start"] >= 0]


def every_event_and_peak_is_there(folder):
    recording = mapped(folder)
    summary = json.loads(vmaple("verify", "--json", recording).stdout)
    calls = one(recording, "select count(*) n from events where type = 'call'")
    assert calls == summary["calls"], (calls, summary)
    # between the steps of a call there can be more, which the summary counts
    peak = json.loads(vmaple("why", recording, "--top", "1", "--json").stdout)["areas"]
    assert one(recording, "select max(peak_areas) n from spaces") == peak <= summary["vmas_peak"], (peak, summary)
    for r in sql(recording, "select s.mm, peak_areas, (select count(*) from boundaries b where b.mm = s.mm) there, "
                 "(select max(areas) from counts c where c.mm = s.mm) most from spaces s"):
        assert r["there"] == r["peak_areas"] and r["most"] <= r["peak_areas"], r
    assert one(recording, "select max(areas) n from events") == peak


def page_database_and_why_say_the_same(folder):
    recording, stacks = known(folder)[0], os.path.join(folder, "stacks.vmt")
    vmaple("record", "--stacks", "-o", stacks, "--", KNOWN)
    for path in (recording, stacks, mapped(folder)):
        the_same_three_times(folder, path)


def the_same_three_times(folder, recording):
    top = json.loads(vmaple("why", recording, "--top", "100000", "--json").stdout)
    page = os.path.join(folder, "p.html")
    vmaple("report", recording, "-o", page)
    with open(page, encoding="utf-8") as f:
        source = f.read()
    meta = json.loads(re.search(r"<script type=application/json id=meta>(.*?)</script>", source, re.S).group(1))
    first = meta["spaces"][0]
    total = sql(recording, "select count(*) areas, sum(bytes) bytes, sum(needless) needless from boundaries "
                "join largest using (run_id, mm)")[0]
    assert (total["areas"], total["bytes"], total["needless"]) == (top["areas"], top["bytes"], top["needless"])
    assert first["areas"] == total["areas"]
    assert first["peak"] == one(recording, "select peak_ns from spaces join largest using (run_id, mm)")
    groups = {("+".join(g["reasons"]), g["made_by"]): (g["areas"], g["bytes"]) for g in top["groups"]}
    rows = sql(recording, "select reasons, made_by, areas, bytes from culprits join largest using (run_id, mm)")
    assert {(r["reasons"], r["made_by"]): (r["areas"], r["bytes"]) for r in rows} == groups
    assert len(rows) == len(groups) == len(top["groups"])
    on_page = [int(n.replace(",", "")) for n in re.findall(r"<tr><td class=n>([\d,]+)<td", source.split("<table id=reasons>")[1])][:len(top["groups"])]
    assert on_page == [g["areas"] for g in top["groups"]][:len(on_page)], (on_page, top)
    assert sum(on_page) == total["areas"] or len(top["groups"]) > len(on_page)


def files_say_the_same_as_the_database(folder):
    recording = mapped(folder)
    path = os.path.join(folder, "x.db")
    vmaple("export", recording, "--format", "sqlite", "-o", path, "--host", "h1", "--build", "b;1")
    vmaple("export", recording, "--format", "csv", "-o", os.path.join(folder, "csv"), "--host", "h1", "--build", "b;1")
    lines = vmaple("export", recording, "--format", "jsonl", "--host", "h1", "--build", "b;1").stdout.splitlines()
    objects = [json.loads(line) for line in lines]
    db = sqlite3.connect(path)
    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    for table in TABLES:
        rows = db.execute("select * from " + table).fetchall()
        names = [c[1] for c in db.execute("pragma table_info(%s)" % table)]
        assert names[:4] == ["run_id", "host", "build", "kernel"], names
        mine = [o for o in objects if o["table"] == table]
        assert [tuple(o[n] for n in names) for o in mine] == rows, table
        with open(os.path.join(folder, "csv", table + ".csv"), newline="", encoding="utf-8") as f:
            read = list(csv.reader(f))
        assert read[0] == names and read[1:] == [["" if v is None else str(v) for v in r] for r in rows], table
        assert all(r[1:3] == ("h1", "b;1") for r in rows)
    assert len({o["run_id"] for o in objects}) == 1
    only = vmaple("export", recording, "--format", "csv", "--table", "spaces").stdout
    assert only.startswith("run_id,host,build,kernel,mm,pid,program,")


def several_recordings_are_runs(folder):
    first, second = known(folder)[0], mapped(folder)
    rows = json.loads(vmaple("sql", "--json", first, second, "select run_id, command from runs").stdout)
    assert len({r["run_id"] for r in rows}) == 2
    alone = sql(second, "select * from largest")
    both = json.loads(vmaple("sql", "--json", first, second, "select * from largest").stdout)
    assert alone[0] in both and len(both) == 2
    # the same bytes, the same run
    copy = shutil.copy(first, os.path.join(folder, "copy.vmt"))
    assert one(copy, "select run_id from runs") == rows[0]["run_id"]


def trace_events_are_what_perfetto_documents(folder):
    recording = mapped(folder)
    trace = json.loads(vmaple("export", recording, "--format", "perfetto").stdout)
    assert set(trace) == {"traceEvents", "displayTimeUnit", "otherData"} and trace["displayTimeUnit"] in ("ms", "ns")
    assert all(isinstance(v, str) for v in trace["otherData"].values())
    assert not trace_event_format.problems(trace), trace_event_format.problems(trace)[:5]
    seen = {e["ph"] for e in trace["traceEvents"]}
    assert seen == set("iCbeM"), seen
    calls = one(recording, "select count(*) n from events where type = 'call'")
    assert sum(e["ph"] == "i" for e in trace["traceEvents"]) == calls
    large = one(recording, "select count(*) n from areas where bytes >= 1 << 20")
    assert sum(e["ph"] == "b" for e in trace["traceEvents"]) == large > 0


def what_perfetto_does_not_document_is_noticed(_):
    common = {"name": "x", "ph": "i", "ts": 1.5, "pid": 1, "tid": 1, "s": "t"}
    begin, end = ({**{k: v for k, v in common.items() if k != "s"}, "ph": ph, "cat": "area", "id": "0x1"} for ph in "be")
    good = [[common], [{**common, "cat": "a,b", "args": {}}], [begin, end], [{**begin, "ts": 1}, {**end, "ts": 1}],
            [{"name": "process_name", "ph": "M", "ts": 0, "pid": 1, "tid": 0, "args": {"name": "x"}}],
            [{"name": "x", "ph": "C", "ts": 0, "pid": 1, "tid": 0, "args": {"areas": 1}}]]
    for events in good:
        assert not trace_event_format.problems({"traceEvents": events}), (events, trace_event_format.problems({"traceEvents": events}))
    bad = [[{**common, "ts": "1"}], [{**common, "ts": -1}], [{**common, "pid": "1"}], [{**common, "s": "x"}], [{**common, "ph": "X"}],
           [{**common, "dur": 3}], [{**common, "args": [1]}], [{**common, "cat": "a,"}], [begin], [end], [begin, {**end, "id": "0x2"}],
           [begin, {**end, "ts": 1}], [begin, {**end, "name": "y"}], [{k: v for k, v in common.items() if k != "tid"}],
           [{"name": "x", "ph": "C", "ts": 0, "pid": 1, "tid": 0, "args": {"areas": "1"}}],
           [{"name": "x", "ph": "C", "ts": 0, "pid": 1, "tid": 0, "args": {}}],
           [{"name": "process_name", "ph": "M", "ts": 0, "pid": 1, "tid": 0, "args": {"title": "x"}}]]
    for events in bad:
        assert trace_event_format.problems({"traceEvents": events}), events
    assert trace_event_format.problems([common]) and trace_event_format.problems({"traceEvents": [], "displayTimeUnit": "us"})


def folded_lines_weigh_what_the_peak_has(folder):
    recording = os.path.join(folder, "s.vmt")
    vmaple("record", "--stacks", "-o", recording, "--", KNOWN)
    size = one(recording, "select sum(bytes) n from boundaries join largest using (run_id, mm)")
    areas = one(recording, "select peak_areas from largest")
    lines = vmaple("export", recording, "--format", "folded").stdout.splitlines()
    parts = [re.fullmatch(r"(\S.*) (\d+)", line) for line in lines]
    assert all(parts) and sum(int(p.group(2)) for p in parts) == areas
    lines = vmaple("export", recording, "--format", "folded", "--weight", "bytes").stdout.splitlines()
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) == size
    if one(recording, "select count(*) n from stacks"):
        assert any(";main;" in line and line.split(" ")[0].split(";")[-1].endswith("mprotect") for line in lines), lines


def joined(text):
    """Areas of maps as (start, end, access, offset, file), what is adjacent and alike as one: a log has no first writes."""
    areas = []
    for line in text.splitlines():
        f = line.split(None, 5)
        start, end = (int(x, 16) for x in f[0].split("-"))
        name = f[5] if len(f) > 5 and f[5].startswith("/") else ""
        offset = int(f[2], 16) if name else 0
        if start >= 1 << 63:
            continue
        last = areas[-1] if areas else None
        if last and last[1] == start and (last[2], last[4]) == (f[1], name) and \
                (not name or last[3] + start - last[0] == offset):
            areas[-1] = (last[0], end, *last[2:])
        else:
            areas.append((start, end, f[1], offset, name))
    return areas


def a_log_of_strace_leads_to_the_same_map(folder):
    for recording in (known(folder)[0], mapped(folder)):
        log = recording + ".log"
        vmaple("export", recording, "--format", "strace", "-o", log)
        back = os.path.join(folder, "back.vmt")
        words = [d["what"] for d in json.loads(vmaple("import", "--json", "-o", back, log).stdout)["uncertain"]]
        assert not any("could not be read" in w or "is not known (strace" in w for w in words), words
        for pid in [r["pid"] for r in sql(recording, "select distinct pid from spaces")][:3]:
            here, there = vmaple("maps", "--pid", str(pid), recording), vmaple("maps", "--pid", str(pid), back)
            assert joined(here.stdout) == joined(there.stdout), (here.stdout, there.stdout)
            assert len(joined(here.stdout)) > 10
    # The last was of a program that maps one open file through two descriptors, which is one area.
    with open(log, encoding="utf-8") as f:
        assert " dup(" in f.read()
    ours, theirs = ([line.split() for line in vmaple("maps", of).stdout.splitlines()] for of in (recording, back))
    of_files = [[(f[0], f[1], f[2], f[5]) for f in lines if len(f) > 5 and f[5].startswith("/")] for lines in (ours, theirs)]
    assert of_files[0] == of_files[1], of_files


def a_log_of_strace_has_no_control_characters_and_keeps_names(folder):
    program = os.path.join(folder, 'a\x1b[31m\nb\x7f\\"<c>\u00e9')
    shutil.copy("/bin/true", program)
    first, log, second = (os.path.join(folder, name) for name in ("first.vmt", "log", "second.vmt"))
    vmaple("record", "-o", first, "--", program)
    vmaple("export", first, "--format", "strace", "-o", log)
    vmaple("import", log, "-o", second)
    with open(log, "rb") as f:
        assert not set(f.read()) - set(range(32, 127)) - {10}
    mapped_names = [[line[73:] for line in vmaple("maps", r).stdout.splitlines() if folder in line] for r in (first, second)]
    assert mapped_names[0] == mapped_names[1] and len(mapped_names[0]) > 2, mapped_names


def what_cannot_be_written_leaves_nothing(folder):
    recording = known(folder)[0]
    for fmt in ("sqlite", "jsonl", "csv", "perfetto", "folded", "strace"):
        r = vmaple("export", recording, "--format", fmt, "-o", os.path.join(folder, "none", "x"), status=125)
        assert r.stderr.count("\n") == 1 or fmt == "strace", r.stderr
    assert sorted(os.listdir(folder)) == ["known.vmt"]
    r = subprocess.run("%s export %s --format jsonl > /dev/full" % (VMAPLE, recording), shell=True, check=False,
                       stderr=subprocess.PIPE, text=True)
    assert r.returncode == 125 and "No space left" in r.stderr, r.stderr
    r = vmaple("export", recording, "--format", "csv", "-o", folder, status=125)
    assert os.listdir(folder) == ["known.vmt"], "a folder that is there stays as it is"


def a_folder_by_the_partial_name_is_somebody_elses(folder):
    recording, out = known(folder)[0], os.path.join(folder, "x")
    os.mkdir(out + ".partial")
    for kept in (["mine", "areas.csv"], []):
        for name in kept:
            with open(os.path.join(out + ".partial", name), "w", encoding="ascii") as f:
                f.write(name)
        for fmt in ("csv", "sqlite", "jsonl"):
            r = vmaple("export", recording, "--format", fmt, "-o", out, status=125)
            assert r.stderr.count("\n") == 1, r.stderr
            assert sorted(os.listdir(out + ".partial")) == sorted(kept), (fmt, kept)
            assert sorted(os.listdir(folder)) == ["known.vmt", "x.partial"], fmt
        for name in kept:
            with open(os.path.join(out + ".partial", name), encoding="ascii") as f:
                assert f.read() == name
            os.unlink(os.path.join(out + ".partial", name))


def what_is_interrupted_leaves_nothing(folder):
    log, out = long_log(folder), os.path.join(folder, "out")
    for fmt in ("jsonl", "csv", "sqlite"):
        with subprocess.Popen([VMAPLE, "export", log, "--format", fmt, "-o", out], stderr=subprocess.DEVNULL) as p:
            while p.poll() is None and not os.path.exists(out + ".partial"):
                time.sleep(0.01)
            time.sleep(0.1)
            assert p.poll() is None, "it was done before it could be interrupted"
            p.send_signal(signal.SIGINT)
            assert p.wait(60) == -signal.SIGINT
        assert os.listdir(folder) == ["long.log"], (fmt, os.listdir(folder))
    for command in (("report", log, "-o", out, "--svg", out + ".svg"), ("export", log, "--format", "perfetto", "-o", out)):
        with subprocess.Popen([VMAPLE, *command], stderr=subprocess.DEVNULL) as p:
            time.sleep(0.15)
            assert p.poll() is None, "it was done before it could be interrupted"
            p.send_signal(signal.SIGINT)
            assert p.wait(60) == -signal.SIGINT
        assert os.listdir(folder) == ["long.log"], (command, os.listdir(folder))


def long_log(folder):
    log = os.path.join(folder, "long.log")
    with open(log, "w", encoding="ascii") as f:
        f.write('1 execve("/bin/x", ["x"], 0x0 /* 1 vars */) = 0\n')
        f.write("1 mmap(0x7000000000, 8192, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x7000000000\n" * 150000)
    return log


def on_a_terminal(command, words):
    """What a terminal is shown on stderr, and the rest: (stderr, stdout).  Until all words are there the command is held up, a second
    at a time, after each twentieth of what it takes otherwise: so each part of its work takes longer than that, however fast the
    machine."""
    begin = time.monotonic()
    assert vmaple(*command).stderr == "", command
    part_of_it = (time.monotonic() - begin) / 20
    master, terminal = pty.openpty()
    with subprocess.Popen([VMAPLE, *command], stdout=subprocess.PIPE, stderr=terminal, text=True) as p:
        os.close(terminal)
        shown = ""
        try:
            while True:
                if select.select([master], [], [], part_of_it)[0]:
                    part = os.read(master, 65536).decode()
                    if not part:
                        break
                    shown += part
                elif not all("\r" + word in shown for word in words) and p.poll() is None:
                    p.send_signal(signal.SIGSTOP)
                    time.sleep(1.1)
                    p.send_signal(signal.SIGCONT)
        except OSError:  # the other end is closed
            pass
        os.close(master)
        out = p.stdout.read()
    assert p.returncode == 0, (command, shown)
    return shown, out


def what_takes_long_says_how_far_it_is_on_a_terminal_alone(folder):
    log, page, count = long_log(folder), os.path.join(folder, "p.html"), "with recursive n(i) as (select 1 union all select i + 1 " \
        "from n where i < 2000000) select count(*) as n from n join (select 1 from spaces)"
    for command, words in ((("report", log, "-o", page), ("looking for the peak", "replaying")),
                           (("sql", log, count), ("replaying", "asking, "))):
        missing = set(words)
        # On a busy machine a part can be over before it is stopped in.
        for _ in range(5):
            shown, out = on_a_terminal(command, missing)
            missing -= {text for text in words if "\r" + text in shown}
            assert shown.endswith("\r\x1b[K"), repr(shown[-50:])
            assert out == ("" if command[0] != "sql" else "      n\n2000000\n"), out
            if not missing:
                break
        assert not missing, (command, missing, shown[-300:])


def of_a_damaged_recording_is_what_could_be_read(folder):
    recording = known(folder)[0]
    whole = one(recording, "select count(*) n from events")
    with open(recording, "rb") as f:
        content = f.read()
    with open(recording, "wb") as f:
        f.write(content[:len(content) - 40])
    r = vmaple("sql", "--json", recording, "select count(*) n from events", status=3)
    assert 0 <= json.loads(r.stdout)[0]["n"] <= whole and r.stderr.count("\n") == 1, (r.stdout, r.stderr)
    vmaple("export", recording, "--format", "jsonl", "-o", os.path.join(folder, "x.jsonl"), status=3)
    assert os.path.exists(os.path.join(folder, "x.jsonl"))


def questions_have_one_sentence_when_they_are_wrong(folder):
    recording = known(folder)[0]
    r = vmaple("sql", recording, "selec", status=1)
    assert "syntax error" in r.stderr and r.stderr.count("\n") == 1
    vmaple("sql", recording, "drop table areas", status=1)
    vmaple("sql", recording, status=2)
    vmaple("export", recording, status=2)
    vmaple("export", recording, "--format", "csv", status=2)
    table = vmaple("sql", recording, "select 'a' || x'0a' || 'b' as text, 12 as number, null as empty").stdout
    assert table == "text    number  empty\na\\012b      12       \n", repr(table)
    assert vmaple("sql", "--csv", recording, "select 'a,\"b' t, null n, '' e").stdout == 't,n,e\n"a,""b",,""\n'


def the_page_of_columns_is_complete(_):
    with open(os.path.join(DOCS, "export.md"), encoding="utf-8") as f:
        text = f.read()
    table = None
    for line in vmaple("export", "--columns").stdout.splitlines():
        if not line.startswith(" "):
            table = line.split(":")[0]
            assert not line or table == "views" or "## %s\n" % table in text, table
            section = text.split("## %s\n" % ("Views" if table == "views" else table))[-1].split("\n## ")[0] if line else ""
            continue
        name = line.split()[0]
        if name in ("run_id", "host", "build", "kernel"):
            continue
        row = next((r for r in section.splitlines() if r.startswith("| `%s` |" % name)), None)
        assert row, (table, name)
        meaning = re.split(r"\s{2,}", line.strip())[-1]
        assert meaning in row or table == "views" or meaning in ("integer", "text"), (row, meaning)


def the_cookbook_is_answered(folder):
    recording = known(folder)[0]
    with open(os.path.join(DOCS, "cookbook.md"), encoding="utf-8") as f:
        questions = re.findall(r"```sql\n(.*?)```", f.read(), re.S)
    assert len(questions) >= 10, len(questions)
    for q in questions:
        answer = sql(recording, q)
        assert isinstance(answer, list), q
    rows = [r for q in questions for r in sql(recording, q)]
    assert len(rows) > 30, "questions that find nothing: %d rows" % len(rows)


run_cases(counts_are_those_of_arithmetic, the_end_is_the_map_of_the_end, every_event_and_peak_is_there,
          page_database_and_why_say_the_same, files_say_the_same_as_the_database, several_recordings_are_runs,
          trace_events_are_what_perfetto_documents, what_perfetto_does_not_document_is_noticed,
          folded_lines_weigh_what_the_peak_has,
          a_log_of_strace_leads_to_the_same_map, a_log_of_strace_has_no_control_characters_and_keeps_names,
          what_cannot_be_written_leaves_nothing, a_folder_by_the_partial_name_is_somebody_elses, what_is_interrupted_leaves_nothing,
          what_takes_long_says_how_far_it_is_on_a_terminal_alone, of_a_damaged_recording_is_what_could_be_read, questions_have_one_sentence_when_they_are_wrong,
          the_page_of_columns_is_complete, the_cookbook_is_answered)
