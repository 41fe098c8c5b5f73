#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run one real program under `vmaple run` and require that the mirror never differed from the kernel.

usage: real_programs.py VMAPLE NAME [RANDOM_CALLS]

Each program is checked four times: its own output and exit status must be as without vmaple, the live mirror must have no
difference and nothing uncertain, neither after each call nor with `--check end`, and `vmaple verify` of the recording must
repeat that.  Exit status 77 and a sentence where the program is not installed.
"""
import json
import os
import re
import random
import shutil
import subprocess
import sys
import tempfile

PYTHON_WORK = """
import threading, subprocess, os, json, re, collections, email, http.client, unittest, decimal, csv, logging
def work():
    sum(range(100000))
    return [bytearray(1 << 20) for _ in range(20)]
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
subprocess.run(['true'])
pid = os.fork()
if pid == 0:
    x = [0] * 1000000
    os._exit(0)
os.waitpid(pid, 0)
print('done')
"""
POOL_WORK = """
import multiprocessing
def f(n): return sum(range(n))
if __name__ == '__main__':
    with multiprocessing.Pool(4) as pool:
        print(sum(pool.map(f, [100000] * 20)))
"""
NODE_WORK = "let a=[];for(let i=0;i<1e6;i++)a.push({i,s:'x'+i});console.log(a.length)"
SQLITE_WORK = """create table t(a,b);
with recursive c(x) as (select 1 union all select x+1 from c where x<100000) insert into t select x, hex(x*7) from c;
create index i on t(b); select count(*) from t where b like '%3%';"""
JAVA_WORK = """public class Work { public static void main(String[] a) {
  java.util.ArrayList<String> l = new java.util.ArrayList<>();
  for (int i = 0; i < 300000; i++) l.add("x" + i);
  System.out.println(l.size()); } }"""
POSTGRES_WORK = """set -e
PATH=$(ls -d /usr/lib/postgresql/*/bin | tail -1):$PATH
export PGHOST=$PWD/socket
rm -rf data socket; mkdir socket
initdb -D data -A trust >/dev/null
pg_ctl -D data -w -o "-k $PGHOST -c listen_addresses=" -l log start >/dev/null
createdb bench; pgbench -q -i -s 2 bench >/dev/null 2>&1
pgbench -c 8 -j 2 -t 200 bench 2>/dev/null | grep processed
pg_ctl -D data -w stop >/dev/null
"""
# The server takes a display that is free and says which: another run may have one.
XVFB_WORK = """rm -f display; Xvfb -displayfd 3 -screen 0 640x480x24 3>display >/dev/null 2>&1 & server=$!
until [ -s display ]; do sleep 0.2; done
export DISPLAY=:$(cat display)
until xwininfo -root >/dev/null 2>&1; do sleep 0.2; done
xlogo 2>/dev/null & until xwininfo -root -tree | grep -q XLogo; do sleep 0.2; done
xwininfo -root | grep geometry
kill $server; wait
"""


FORKS = "for i in $(seq %d); do (exit 0) & done; wait; echo forked"
# Of the long suite a new one each time; said in the end.
SEED = os.environ.get("VMAPLE_SEED", str(random.randrange(1 << 30)))


def c_source(functions):
    body = "int f%d(int a, int b) { int c = a * %d; for (int k = 0; k < b; k++) c += k * a ^ %d; return c; }\n"
    return "".join(body % (i, i, i) for i in range(functions))


def write(name, text):
    with open(name, "w", encoding="utf-8") as f:
        f.write(text)


def prepare_postgres():
    """The server refuses to run as root."""
    write("work.sh", POSTGRES_WORK)
    os.chmod(".", 0o777)


def as_user(name, command):
    return command if os.getuid() else ["setpriv", "--reuid=" + name, "--regid=" + name, "--clear-groups"] + command


def programs(random_calls):
    """Name: (what must be installed, preparation, command)."""
    sh = lambda text: ["bash", "-c", text]
    return {
        "true": ("true", None, ["true"]),
        "bash": ("bash", None, sh("ls / | sort | head -2; (echo b; echo a) | tr ab xy | sort; for i in 1 2 3; do /bin/true; done")),
        "python": ("python3", None, ["python3", "-c", PYTHON_WORK]),
        "multiprocessing": ("python3", lambda: write("pool.py", POOL_WORK), ["python3", "pool.py"]),
        "gcc": ("gcc", lambda: write("big.c", c_source(1500)), ["gcc", "-O1", "-c", "big.c", "-o", "big.o"]),
        "node": ("node", None, ["node", "-e", NODE_WORK]),
        "java": ("javac", lambda: write("Work.java", JAVA_WORK), sh("javac Work.java && java -cp . Work")),
        "git": ("git", lambda: write("big.c", c_source(2000)),
                sh("rm -rf r && git init -q r && cd r && cp ../big.c . && git add -A && "
                   "git -c user.name=a -c user.email=b commit -qm x && git gc -q && git log --format=%s")),
        "tar": ("zstd", lambda: write("big.c", c_source(5000)), sh("tar --zstd -cf x.tar.zst big.c && tar --zstd -tf x.tar.zst")),
        "sqlite": ("sqlite3", lambda: os.path.exists("x.db") and os.unlink("x.db"), ["sqlite3", "x.db", SQLITE_WORK]),
        "forks": ("bash", None, sh(FORKS % 150)),
        "forks-1000": ("bash", None, sh(FORKS % 1000)),
        "random-1": ("true", None, [random_calls, "1", "2000"]),
        "random-2": ("true", None, [random_calls, "2", "2000"]),
        "random-long": ("true", None, [random_calls, SEED, "12000"]),
        "random-threads": ("true", None, [random_calls, "3", "2000", "3"]),
        "perl": ("perl", None, ["perl", "-e", "@a = map { $_ x 10 } (1 .. 200000); print scalar @a"]),
        "clang": ("clang", lambda: write("big.c", c_source(1500)), ["clang", "-O1", "-c", "big.c", "-o", "big.o"]),
        "valgrind": ("valgrind", None, ["valgrind", "-q", "true"]),
        "redis": ("redis-server", None, sh(
            "redis-server --port 17777 --save '' >/dev/null & p=$!; sleep 1; redis-benchmark -p 17777 -n 20000 -q >/dev/null; "
            "kill $p; wait; echo served")),
        "gdb": ("gdb", None, ["gdb", "-nx", "-batch", "-ex", "disassemble main", "-ex", "info functions e", "/bin/bash"]),
        "ffmpeg": ("ffmpeg", None, ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=2:size=640x360", "-y", "x.mp4"]),
        "xvfb": ("Xvfb", None, sh(XVFB_WORK)),
        "postgres": ("pg_lsclusters", prepare_postgres, as_user("postgres", ["bash", "work.sh"])),
        "chromium": ("chromium", None, sh(
            "exec chromium --headless --no-sandbox --disable-gpu --user-data-dir=$PWD/profile --dump-dom "
            "'data:text/html,<h1>page</h1><script>document.write(6*7)</script>' 2>/dev/null")),
        "static": ("gcc", lambda: (write("s.c", '#include <stdlib.h>\nint main(void){for(int i=0;i<99;i++)free(malloc(i<<14));return 0;}'),
                                   subprocess.run(["gcc", "-static", "-o", "s", "s.c"], check=True)), ["./s"]),
    }


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=280)


def fail(text, result):
    print(text)
    print(result.stdout[-2000:])
    print(result.stderr[-6000:])
    sys.exit(1)


def read_summary(result):
    """The program's own output may end without a newline: the summary is in a file."""
    try:
        with open("summary.json", encoding="utf-8") as f:
            summary = json.load(f)
        os.unlink("summary.json")
        return summary
    except (OSError, ValueError):
        return fail("no summary", result)


KILLED = "a thread was killed before the outcome of its last call was looked at"


def lost_otherwise(name, summary, result):
    """Chromium ends its processes' threads with SIGKILL amid their calls."""
    lost = re.findall("^lost at step .*", result.stderr, re.M)
    return summary["lost"] and not (name == "chromium" and lost and all(KILLED in line for line in lost))


def check(vmaple, name, command, prepare):
    if prepare:
        prepare()
    bare = run(command)
    if prepare:
        prepare()
    mirrored = run([vmaple, "run", "--json=summary.json", "-o", "x.vmt", "--"] + command)
    summary = read_summary(mirrored)
    # Threads that fault beside each other's calls leave a merge open now and then, and vmaple says which.
    doubts = summary["calls"] // 100 if name == "random-threads" else 0
    if summary["differences"] or summary["uncertain"] > doubts or lost_otherwise(name, summary, mirrored) or summary["outside"]:
        fail("the mirror was not the kernel's map", mirrored)
    if mirrored.stdout != bare.stdout or summary["exit_status"] != bare.returncode:
        fail("the program did something else than alone: %r" % bare.stdout, mirrored)
    if summary["checks"] < summary["processes"] or summary["calls"] < 5:
        fail("hardly anything was checked", mirrored)
    if prepare:
        prepare()
    deferred = run([vmaple, "run", "--json=summary.json", "--check", "end", "--"] + command)
    at_end = read_summary(deferred)
    if at_end["differences"] or at_end["uncertain"] > doubts or lost_otherwise(name, at_end, deferred) or at_end["outside"]:
        fail("the mirror was not the kernel's map in the end", deferred)
    again = run([vmaple, "verify", "--json", "x.vmt"])
    repeated = json.loads(again.stdout.splitlines()[-1])
    for key in ("calls", "faults", "checks", "differences", "uncertain", "foreign", "outside", "vmas_peak", "splits", "merges"):
        if repeated[key] != summary[key]:
            fail("verify says %s %s, run said %s" % (key, repeated[key], summary[key]), again)
    print("%s: %d calls, %d faults, %d checks, no difference" % (" ".join([name] + command[1:2] * (name == "random-long")), summary["calls"], summary["faults"], summary["checks"]))


def main():
    vmaple, name = os.path.abspath(sys.argv[1]), sys.argv[2]
    needs, prepare, command = programs(os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else "")[name]
    if not shutil.which(needs):
        print("%s is not installed: skipped" % needs)
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="vmaple-") as folder:
        os.chdir(folder)
        check(vmaple, name, command, prepare)


main()
