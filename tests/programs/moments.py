#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmaple is killed, interrupted or stopped at a random moment beside programs of every kind (moments.c).

usage: moments.py VMAPLE PROGRAM MOMENTS [SEED]

Afterwards no process of the program is left, stopped or with a filter that nobody answers; the recording can be read and
has no difference; and all that the program said more than a second before the end is in it.  Where vmaple was not killed,
the program came to its end as alone, and everything is in the recording.  Prints TAP.
"""
import concurrent.futures
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

VMAPLE, PROGRAM = (os.path.abspath(p) for p in sys.argv[1:3])
MOMENTS = int(sys.argv[3])
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 30)
ACTIONS = ("kill", "term", "interrupt", "interrupt-all", "stop", "stop-kill")
# A second of patience for what is killed, and more where the machine is busy.
PATIENCE = 20
MARK = "VMAPLE_MOMENT"


def processes_with(mark):
    """Those that have it in their environment, which a fork and an exec keep: (pid, name, state)."""
    wanted = ("%s=%s" % (MARK, mark)).encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as f:
                if wanted not in f.read().split(b"\0"):
                    continue
            with open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as f:
                name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        if rest.split()[0] not in "ZX":
            yield int(pid), name, rest.split()[0]


class Watch(threading.Thread):
    """Reads what the program says: when each byte came, and by how much this reader itself was late at most."""

    def __init__(self, stdout):
        super().__init__(daemon=True)
        self.stdout, self.times, self.slip = stdout, [], 0.0

    def run(self):
        before = time.monotonic()
        while data := os.read(self.stdout.fileno(), 65536):
            now = time.monotonic()
            self.times += [now] * len(data)
            self.slip = max(self.slip, now - before - 0.1 if len(self.times) > len(data) else 0)
            before = now


class Moment:
    def __init__(self, number, kind, folder):
        rng = random.Random("%d %d" % (SEED, number))
        self.kind, self.counts = kind
        self.action = ACTIONS[rng.randrange(len(ACTIONS))]
        self.after = rng.uniform(0, 0.05) if rng.random() < 0.2 else rng.uniform(0.05, 1.8)
        self.pause = rng.uniform(0, 0.4)
        self.check = rng.choice(["every", "every", "end", "7"])
        self.mark = "%d-%d-%d" % (os.getpid(), SEED, number)
        self.path = os.path.join(folder, "%d.vmt" % number)
        self.name = "%d: %s, %s after %.3f s, --check %s" % (number, self.kind, self.action, self.after, self.check)

    def killed(self):
        return self.action in ("kill", "term", "stop-kill")

    def start(self):
        # Whoever is to be killed does not end by itself; one that a tracer lets go has to.  SIGTERM is passed on to the program.
        life = "60000" if self.action in ("kill", "stop-kill") and self.kind != "traces" else "1000"
        return subprocess.Popen([VMAPLE, "record", "--check", self.check, "-o", self.path, "--", PROGRAM, self.kind],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                env={**os.environ, MARK: self.mark, "MOMENT_LIFE_MS": life})

    def act(self, p):
        """When it could work for the last time."""
        time.sleep(self.after)
        acted = time.monotonic()
        if self.action == "kill":
            p.kill()
        elif self.action == "term":
            p.terminate()
        elif self.action == "interrupt":
            p.send_signal(signal.SIGINT)
        elif self.action == "interrupt-all":
            os.killpg(p.pid, signal.SIGINT)
        else:
            p.send_signal(signal.SIGSTOP)
            time.sleep(self.pause)
            if self.action == "stop-kill":
                p.kill()
            else:
                p.send_signal(signal.SIGCONT)
        return acted

    def run(self):
        p = self.start()
        watch = Watch(p.stdout)
        watch.start()
        acted = self.act(p)
        try:
            p.wait(timeout=60)
            yield from self.left(p)
            watch.join(timeout=5)
            yield from self.recorded(p, watch, acted)
        except subprocess.TimeoutExpired:
            yield "vmaple has not ended; its processes: %r" % list(processes_with(self.mark))
        finally:
            for pid, _, _ in processes_with(self.mark):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass

    def left(self, p):
        until = time.monotonic() + PATIENCE
        while (left := list(processes_with(self.mark))) and time.monotonic() < until:
            time.sleep(0.02)
        if left:
            yield "left: %r" % left
        said = p.stderr.read().decode(errors="replace")
        if "let go" in said:
            yield said
        if "Sanitizer" in said or "runtime error" in said:
            yield said

    def recorded(self, p, watch, acted):
        if not os.path.exists(self.path):
            if watch.times:
                yield "there is no recording, and the program has said something"
            return
        r = subprocess.run([VMAPLE, "verify", "--json", self.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           check=False, timeout=120)
        early = not watch.times and "not a vmaple recording" in r.stderr and os.path.getsize(self.path) == 0
        if early and self.killed():
            return
        cut = r.returncode == 3 and "without its end mark" in r.stderr
        if not (r.returncode == 0 or (cut and self.killed())):
            yield "verify: status %d\n%s" % (r.returncode, r.stderr[-800:])
            return
        if cut and not watch.times and not r.stdout and "after 0 events" in r.stderr:
            return  # Not even the header was written: the program had not begun.
        found = json.loads(r.stdout)
        if found["differences"]:
            yield "%d differences\n%s" % (found["differences"], r.stderr[-800:])
        whole = r.returncode == 0
        wanted = len(watch.times) if whole else sum(t < acted - 1 - watch.slip for t in watch.times)
        if found["calls_by_kind"]["mlock"] < 2 * wanted:
            yield "%d locks recorded, %d were said%s" % (found["calls_by_kind"]["mlock"] // 2, wanted,
                                                        "" if whole else " more than a second before the end")
        # A program that lives for a second has ended before a later signal comes, and vmaple may be ending, its work done.
        late = self.action == "interrupt" and self.after > 1 and whole and p.returncode == -signal.SIGINT
        if self.action in ("interrupt", "stop") and p.returncode and not late:
            yield "status %d, alone 0" % p.returncode


def kinds():
    listed = subprocess.run([PROGRAM, "list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [(line.split()[0], line.split()[1:]) for line in listed.splitlines()]


def main():
    all_kinds, failures = kinds(), 0
    print("# seed %d" % SEED)
    with tempfile.TemporaryDirectory(prefix="vmaple-") as folder, concurrent.futures.ThreadPoolExecutor(4) as pool:
        def one(number):
            moment = Moment(number, all_kinds[number % len(all_kinds)], folder)
            wrong = list(moment.run())
            if os.path.exists(moment.path):
                os.unlink(moment.path)
            return moment.name, wrong
        for name, wrong in pool.map(one, range(MOMENTS)):
            failures += bool(wrong)
            for text in wrong:
                print("# %s: %s" % (name, text.rstrip().replace("\n", "\n# ")))
    print("%sok 1 - %d moments beside %d kinds of programs" % ("not " if failures else "", MOMENTS, len(all_kinds)))
    print("1..1")
    return 1 if failures else 0


sys.exit(main())
