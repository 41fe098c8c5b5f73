#!/usr/bin/env python3
"""The map of a running process, and why its areas are apart: `vmaple maps --pid`, `vmaple why --pid`.

usage: live_map.py VMAPLE AREAS    (AREAS: the program of areas.c, whose reasons are known)
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile

vmaple, areas = sys.argv[1:3]

REASONS = {
    "flags": ["vm_flags differ"],
    "anon_vma": ["anon_vmas are not compatible"],
    "inherited": ["anon_vmas are not compatible"],
    "file": ["not the same open file"],
    "offset": ["offsets do not adjoin"],
    "name": ["anonymous names differ"],
    "policy": ["memory policies differ"],
    "uffd": ["userfaultfd contexts differ", "vm_flags differ"],
}


@contextlib.contextmanager
def program(count=0):
    """The program, its pid, and where its areas meet by case."""
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.Popen([areas, folder + "/file", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True, start_new_session=True)
        places = {}
        for line in p.stdout:
            first, second = line.split()
            if first == "ready":
                break
            places[second] = int(first, 16)
        try:
            yield int(second), places
        finally:
            p.stdin.close()
            p.wait()
            p.stdout.close()


def run(*args):
    p = subprocess.run([vmaple, *args], capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


def kernel_map(pid):
    with open(f"/proc/{pid}/maps") as f:
        return [line for line in f if "[vsyscall]" not in line]


def maps_are_the_kernels(pid, places):
    for option in [], ["--no-bpf"]:
        status, out, err = run("maps", "--pid", str(pid), *option)
        assert status == 0, err
        assert out.splitlines(True) == kernel_map(pid), f"{option}: {out}"
        assert ("from /proc" in err) == bool(option), err


def numbers_are_equal_where_objects_are(pid, places):
    status, out, err = run("maps", "--pid", str(pid), "--json")
    at = {a["start"]: a for a in json.loads(out)}
    ends = {a["end"]: a for a in at.values()}
    below, above = ends[places["file"]], at[places["file"]]
    assert below["file_id"] != above["file_id"]
    below, above = ends[places["offset"]], at[places["offset"]]
    assert below["file_id"] == above["file_id"] != 0
    below, above = ends[places["anon_vma"]], at[places["anon_vma"]]
    assert below["anon_vma_id"] and above["anon_vma_id"] and below["anon_vma_id"] != above["anon_vma_id"]
    assert ends[places["inherited"]]["inherited"] and not at[places["inherited"]]["anon_vma"]
    assert max(a["anon_vma_id"] for a in at.values()) < 1000, "not a number of our own: " + out


def reasons_are_known(pid, places):
    status, out, err = run("why", "--pid", str(pid), "--json")
    assert status == 0, err
    found = {b["at"]: b for b in json.loads(out)["list"]}
    for case, at in places.items():
        assert sorted(found[at]["reasons"]) == REASONS[case], f"{case}: {found[at]}"
        assert not found[at]["uncertain"], case
    assert {"flags", "anon_vma", "inherited", "file", "offset"} <= set(places)


def proc_says_what_it_cannot_know(pid, places):
    status, out, err = run("why", "--pid", str(pid), "--no-bpf", "--json")
    found = {b["at"]: b for b in json.loads(out)["list"]}
    assert found[places["flags"]]["reasons"] == ["vm_flags differ"]
    for case in "anon_vma", "file":
        assert not found[places[case]]["reasons"], found[places[case]]
        assert REASONS[case][0] in found[places[case]]["uncertain"], found[places[case]]


def one_address_and_the_whole(pid, places):
    status, out, err = run("why", "--pid", str(pid), hex(places["flags"]))
    assert status == 0 and "vm_flags differ: below wr" in out, out + err
    status, out, err = run("why", "--pid", str(pid), "1000")
    assert status == 1 and "has nothing at 1000" in err, err
    for word in hex(places["flags"]), "10", "1000":
        for option in [], ["--json"], ["--no-bpf"]:
            status, out, err = run("why", "--pid", str(pid), *option, "--top", word)
            assert status == 2 and not out and f"`{word}`" in err and err.count("\n") == 1, (word, option, out, err)
    status, out, err = run("why", "--pid", str(pid), "--top", "--json")
    top = json.loads(out)
    assert top["areas"] == len(kernel_map(pid)) and top["list"] == []
    assert top["boundaries"] + top["gaps"] == top["areas"] - 1
    assert sum(r["alone"] for r in top["reasons"]) <= top["boundaries"]


def sixty_thousand(pid, places):
    with program(60000) as (pid, _):
        status, out, err = run("why", "--pid", str(pid), "--top", "--json")
        top = json.loads(out)
        assert top["areas"] == len(kernel_map(pid)) > 60000
        assert [r["alone"] for r in top["reasons"] if r["reason"] == "vm_flags differ"][0] >= 59999
        assert 0 < top["held_microseconds"] < 5e6, out


def refusals(pid, places):
    for target, words in ("2", "kernel thread"), ("4194304", "there is no process"):
        for option in [], ["--no-bpf"]:
            status, out, err = run("maps", "--pid", target, *option)
            assert status == 125 and words in err and err.count("\n") == 1, err
    p = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", vmaple, "maps", "--pid", str(pid)],
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 125 and "CAP_SYS_PTRACE" in p.stderr and p.stderr.count("\n") == 1, p.stderr


def bpf_is_missing():
    status, out, err = run("maps", "--pid", str(os.getpid()))
    return err.strip() if status or "read by BPF" not in err else None


cases = [maps_are_the_kernels, numbers_are_equal_where_objects_are, reasons_are_known, proc_says_what_it_cannot_know,
         one_address_and_the_whole, sixty_thousand, refusals]


def main():
    missing = bpf_is_missing()
    if missing:
        print("1..0 # SKIP " + missing)
        return
    print(f"1..{len(cases)}")
    failed = False
    with program() as (pid, places):
        for i, case in enumerate(cases, 1):
            name = case.__name__.replace("_", " ")
            try:
                case(pid, places)
                print(f"ok {i} - {name}")
            except AssertionError as e:
                failed = True
                print(f"not ok {i} - {name}")
                print("# " + str(e).replace("\n", "\n# "))
    sys.exit(failed)


main()
