#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pages that vmaple report writes: what is in them, of hostile input too.

usage: pages.py VMAPLE PROGRAM MAKE_RECORDING

PROGRAM is recorded; MAKE_RECORDING makes recordings of text.  Prints TAP.
"""
import base64
import hashlib
import html.parser
import itertools
import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE, PROGRAM, MAKE = (os.path.abspath(p) for p in sys.argv[1:4])
HOSTILE = [b"/tmp/</script><img src=x onerror=alert(1)>", b"/tmp/\"quote' & <b>", b"/tmp/\xff\xfe not utf-8",
           "/tmp/\u202eright to left".encode(), b"/tmp/\x01\x1b[31m control", b"/tmp/{{7*7}} ${x} `y`"]
RECTS = ["start", "end", "born", "ended", "step", "lives"]  # the first columns: four of doubles, the others of 32 bits


def vmaple(*command):
    return subprocess.run([VMAPLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=120)


class Parts(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.text, self.inside = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.scripts.append([tag, dict(attrs), ""])
            self.inside = tag

    def handle_endtag(self, tag):
        if tag == self.inside:
            self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1][2] += data
        else:
            self.text.append(data)

    def script(self, name):
        return next(s[2] for s in self.scripts if s[1].get("id") == name)


class Page:
    def __init__(self, path, recording, *options):
        r = vmaple("report", recording, "-o", path, *options)
        assert r.returncode == 0, r.stderr
        with open(path, "rb") as f:
            self.bytes = f.read()
        self.source = self.bytes.decode("utf-8")
        self.parts = Parts(self.source)
        self.meta = json.loads(self.parts.script("meta"))
        self.space = self.meta["spaces"][0]
        self.data = zlib.decompress(base64.b64decode(self.parts.script("data")))

    def doubles(self, column, count):
        return struct.unpack_from("<%dd" % count, self.data, 8 * column * count)

    def rects(self, name):
        """A column of the first space's."""
        n, at = self.space["rects"], RECTS.index(name)
        return self.doubles(at, n) if at < 4 else struct.unpack_from("<%dI" % n, self.data, 32 * n + 4 * (at - 4) * n)


    def kinds(self):
        """Of the first space's rects: their column follows four of doubles and seven of 32 bits."""
        n = self.space["rects"]
        return self.data[60 * n:61 * n]


def recorded(folder):
    path = os.path.join(folder, "r.vmt")
    r = vmaple("record", "-o", path, "--", PROGRAM)
    assert r.returncode == 0, r.stderr
    return path


def hostile(folder):
    path = os.path.join(folder, "maps")
    with open(path, "wb") as f:
        for i, name in enumerate(HOSTILE):
            f.write(b"7f%010x-7f%010x r--p 00000000 08:01 %d %s\n" % (i << 16, (i << 16) + 4096, i + 1, name))
    return path


def the_page_has_what_the_ledger_has(folder):
    recording = recorded(folder)
    page = Page(os.path.join(folder, "p.html"), recording)
    top = json.loads(vmaple("why", recording, "--top", "1000", "--json").stdout)
    assert page.space["areas"] == top["areas"], (page.space["areas"], top["areas"])
    rows = re.findall(r"<tr><td class=n>([\d,]+)<td", page.source.split("<table id=reasons>")[1])
    wanted = [g["areas"] for g in top["groups"]][:40]
    assert [int(n.replace(",", "")) for n in rows[:len(wanted)]] == wanted, (rows, wanted)
    assert "max_map_count" in page.source


def every_area_of_the_end_is_a_rectangle(folder):
    recording = recorded(folder)
    page = Page(os.path.join(folder, "p.html"), recording)
    n = page.space["rects"]
    starts, ends, born, ended = (page.doubles(c, n) for c in range(4))
    live = {(int(s), int(e)) for s, e, t in zip(starts, ends, ended) if t == page.space["end"]}
    maps = json.loads(vmaple("maps", "--format", "json", recording).stdout)
    assert {(a["start"], a["end"]) for a in maps} <= live
    assert all(b <= t for b, t in zip(born, ended))


def only_our_own_script_is_permitted(folder):
    page = Page(os.path.join(folder, "p.html"), recorded(folder))
    policy = next(a["content"] for t, a in page.parts.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy, policy
    for kind, source in (("script", "script-src"), ("style", "style-src")):
        own = [s for s in page.parts.scripts if s[0] == kind and "type" not in s[1]]
        assert len(own) == 1
        digest = base64.b64encode(hashlib.sha256(own[0][2].encode()).digest()).decode()
        assert "%s 'sha256-%s'" % (source, digest) in policy, policy
    assert not [t for t, a in page.parts.tags if "src" in a or "href" in a or any(k.startswith("on") for k in a)]


def hostile_names_are_text(folder):
    page = Page(os.path.join(folder, "p.html"), hostile(folder))
    assert not [t for t, a in page.parts.tags if t == "img"]
    assert "/tmp/</script><img src=x onerror=alert(1)>" in page.meta["names"], page.meta["names"]
    assert "/tmp/\\xff\\xfe not utf-8" in page.meta["names"], page.meta["names"]
    assert "\u202eright" not in page.source


def pictures_are_xml_and_say_what_is_there(folder):
    recording = recorded(folder)
    life, areas = os.path.join(folder, "life.svg"), vmaple("maps", "--format", "svg", recording)
    assert vmaple("report", recording, "--svg", life).returncode == 0 and areas.returncode == 0, areas.stderr
    there = [a for a in json.loads(vmaple("maps", "--format", "json", recording).stdout)]
    root = xml.etree.ElementTree.fromstring(areas.stdout)
    boxes = [r for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.find("{http://www.w3.org/2000/svg}title") is not None]
    assert len(boxes) == len(there), (len(boxes), len(there))
    words = " ".join(t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "%d areas" % len(there) in words and "[stack]" in words and " free" in words, words
    with open(life, encoding="utf-8") as f:
        root = xml.etree.ElementTree.fromstring(f.read())
    peak = json.loads(vmaple("why", recording, "--top", "1", "--json").stdout)["areas"]
    assert str(peak) in [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 4
    xml.etree.ElementTree.fromstring(vmaple("maps", "--format", "svg", hostile(folder)).stdout)


GUARDED = """header kernel 7.3.4
begin
call mmap 0x500000000000 0x800000 0 0x32 -1 0 = 0x500000000000
call mprotect 0x500000001000 0x7ff000 3 0 0 0 = 0
call mmap 0x600000000000 0x200000 3 0x32 -1 0 = 0x600000000000
call mprotect 0x600000100000 0x100000 0 0 0 0 = 0
call mmap 0x610000000000 0x300000 0 0x32 -1 0 = 0x610000000000
call mprotect 0x610000200000 0x100000 3 0 0 0 = 0
call mmap 0x620000000000 0x10000 3 0x32 -1 0 = 0x620000000000
call madvise 0x620000000000 0x1000 102 0 0 0 = 0
"""


def guard_pages_are_a_kind_of_their_own(folder):
    """Below a stack, and by advice; memory without access above what is used, or that is large, is none."""
    recording, life = os.path.join(folder, "guards.vmt"), os.path.join(folder, "life.svg")
    subprocess.run([MAKE, recording], input=GUARDED, text=True, check=True)
    page = Page(os.path.join(folder, "p.html"), recording)
    at_end = {s: page.meta["kinds"][k] for s, k, t in zip(page.rects("start"), page.kinds(), page.rects("ended"))
              if t == page.space["end"]}
    kinds = {0x500000000000: "guard pages", 0x500000001000: "anonymous", 0x600000000000: "anonymous", 0x600000100000: "no access",
             0x610000000000: "no access", 0x610000200000: "anonymous", 0x620000000000: "guard pages"}
    assert at_end == kinds, at_end
    rows = json.loads(vmaple("sql", "--json", recording, "select start, kind from areas where at_end").stdout)
    assert {int(r["start"]): r["kind"] for r in rows} == kinds, rows
    color = page.meta["colors"][page.meta["kinds"].index("guard pages")]
    assert vmaple("report", recording, "--svg", life).returncode == 0
    with open(life, encoding="utf-8") as f:
        pictures = [f.read(), vmaple("maps", "--format", "svg", recording).stdout]
    for picture in pictures:
        # in the legend, and drawn
        assert ">guard pages</text>" in picture and picture.count(color) >= 2, picture[:3000]


# How who sees no red, no green, no blue sees a colour: Machado, Oliveira, Fernandes 2009, severity 1.
SIGHT = [((1, 0, 0), (0, 1, 0), (0, 0, 1)),
         ((.152286, 1.052583, -.204868), (.114503, .786281, .099216), (-.003882, -.048116, 1.051998)),
         ((.367322, .860646, -.227968), (.280085, .672501, .047413), (-.01182, .04294, .968881)),
         ((1.255528, -.076749, -.178779), (-.078411, .930809, .147602), (.004733, .691367, .3039))]


def oklab(color, sight):
    """Equal steps in it look about equal: Ottosson 2020."""
    values = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= .04045 else ((v + .055) / 1.055) ** 2.4 for v in values]
    r, g, b = (min(1, max(0, sum(m * v for m, v in zip(row, linear)))) for row in sight)
    cones = [(x * r + y * g + z * b) ** (1 / 3) for x, y, z in ((.4122214708, .5363325363, .0514459929), (
        .2119034982, .6806995451, .1073969566), (.0883024619, .2817188376, .6299787005))]
    return [sum(m * c for m, c in zip(row, cones)) for row in ((.2104542553, .793617785, -.0040720468), (
        1.9779984951, -2.428592205, .4505937099), (.0259040371, .7827717662, -.808675766))]


def colours_are_told_apart_by_all_eyes(folder):
    page = Page(os.path.join(folder, "p.html"), hostile(folder))
    grounds = re.findall(r"--bg: (#[0-9a-f]+);", page.source)
    full = ["#" + "".join(c * 2 for c in g[1:]) if len(g) == 4 else g for g in sorted(set(grounds))]
    assert len(full) == 2 and len(page.meta["colors"]) == len(page.meta["kinds"]), (full, page.meta["kinds"])
    for sight in SIGHT:
        places = {c: oklab(c, sight) for c in page.meta["colors"] + full}
        for a, b in itertools.combinations(places, 2):
            # 0.02 is what is just seen side by side
            assert math.dist(places[a], places[b]) > .1, (a, b, math.dist(places[a], places[b]), sight)


def the_size_is_bounded(folder):
    recording = recorded(folder)
    whole = Page(os.path.join(folder, "p.html"), recording)
    size = len(whole.bytes) - 200
    small = Page(os.path.join(folder, "q.html"), recording, "--max-size", str(size))
    assert len(small.bytes) <= size, (len(small.bytes), size)
    rects = [sum(s["rects"] for s in p.meta["spaces"]) for p in (small, whole)]
    assert rects[0] < rects[1]
    assert re.search(r"<dt>merged<dd>areas of process \d+ that (lived less than [\d.]+ ms|"
                     r"(lived less than [\d.]+ ms or )?were smaller than [1-9]\d* KiB): [\d,]+ are drawn as one with", small.source)
    r = vmaple("report", recording, "-o", os.path.join(folder, "no.html"), "--max-size", "10")
    assert r.returncode == 125 and "--max-size" in r.stderr and r.stderr.count("\n") == 1, r.stderr
    assert not [f for f in os.listdir(folder) if f.startswith("no.html")]


def a_program_whose_name_is_markup_is_text(folder):
    inside = os.path.join(folder.encode(), b"<", b"script><img src=x onerror=alert(1)>\"'&\xff\x01\xe2\x80\xae")
    os.mkdir(os.path.dirname(inside))
    shutil.copy(PROGRAM, inside)
    path = os.path.join(folder, "r.vmt")
    r = subprocess.run([VMAPLE.encode(), b"record", b"--stacks", b"-o", path.encode(), b"--", inside, b"</dd><b>bold"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert r.returncode == 0, r.stderr
    page = Page(os.path.join(folder, "p.html"), path)
    assert not [t for t, a in page.parts.tags if t in ("img", "b")]
    assert len(page.parts.scripts) == 4, [s[:2] for s in page.parts.scripts]
    words = "".join(page.parts.text)
    for text in ("<img src=x onerror=alert(1)>\"'&\\xff\\u0001\\u202e", "</dd><b>bold"):
        assert text in words, (text, words[:3000])
    assert any("<img src=x onerror=alert(1)>" in name for name in page.meta["names"] + page.meta["sites"])
    unseen = [c for c in page.source if c in "\u202e\u2066\u200f" or (c < " " and c not in "\n\t")]
    assert not unseen, unseen


def a_hundred_thousand_processes_make_a_page(folder):
    log = os.path.join(folder, "many.log")
    with open(log, "w", encoding="ascii") as f:
        f.write('1 1700000000.000000 execve("/bin/x", ["x"], 0x0 /* 1 vars */) = 0\n')
        for i in range(2, 100002):
            f.write("1 1700000000.%06d fork() = %d\n" % (i, i))
            f.write("%d 1700000000.%06d mmap(0x8000000000, %d, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x8000000000\n" %
                    (i, i, 4096 * i))
            if i % 10:
                f.write("%d 1700000000.%06d +++ exited with 0 +++\n" % (i, i))
    page = Page(os.path.join(folder, "p.html"), log)
    assert len(page.meta["spaces"]) == 12 and "and 99989 more" in page.source, len(page.meta["spaces"])
    assert len(page.bytes) < 300000


def jumping(folder, jumps):
    """Pages mapped, each other one unmapped by the next call, the clock jumping before each."""
    path, text = os.path.join(folder, "jumps.vmt"), ["begin"]
    for i, jump in enumerate(jumps):
        at = 0x7f0000000000 + i * 0x10000
        text += ["jump %d" % jump, "call mmap 0x%x 4096 1 0x32 -1 0 = 0x%x" % (at, at)]
        if i % 2:
            text.append("call munmap 0x%x 4096 0 0 0 0 = 0" % (at - 0x10000))
    subprocess.run([MAKE, path], input="\n".join(text) + "\n", text=True, check=True)
    return path


def clocks_that_jump_leave_time_in_order(folder):
    jumps = [10 ** 9, 10 ** 12, -10 ** 12 - 5 * 10 ** 8, 7, -3 * 10 ** 8, 2 * 10 ** 9, -2 * 10 ** 9, 10 ** 17, -10 ** 17, 0, 10 ** 9]
    page = Page(os.path.join(folder, "p.html"), jumping(folder, jumps))
    assert page.space["rects"] == len(jumps), page.space
    begin, end = float(page.space["begin"]), float(page.space["end"])
    for b, e in zip(page.rects("born"), page.rects("ended")):
        assert begin <= b <= e <= end, (begin, b, e, end)
    rows = json.loads(vmaple("sql", "--json", jumping(folder, jumps), "select born_ns, ended_ns from areas").stdout)
    assert sorted((float(r["born_ns"]), float(r["ended_ns"])) for r in rows) == sorted(zip(page.rects("born"), page.rects("ended")))
    assert end >= 10 ** 17


# A stack of two pages grows by two, and by one more when its upper half has changed; then half of it goes, and the rest.
GROWN = """begin
call mmap 0x7f0000008000 0x2000 3 0x132 -1 0 = 0x7f0000008000
grow 0x7f0000006000 ambiguous
call mprotect 0x7f0000008000 0x2000 1 0 0 0 = 0
grow 0x7f0000005000 ambiguous
call munmap 0x7f0000005000 0x2000 0 0 0 0 = 0
call munmap 0x7f0000000000 0x10000 0 0 0 0 = 0
"""
# A segment could not be put over half of an area, and has cut it: the map says where.
CUT = """begin
call mmap 0x7f0000000000 0x4000 3 0x32 -1 0 = 0x7f0000000000
call shmat 5 0x7f0000002000 0x4000 0 0 0 = -12
map
7f0000000000-7f0000002000 rw-p 00000000 00:00 0
7f0000002000-7f0000004000 rw-p 00000000 00:00 0
call munmap 0x7f0000000000 0x4000 0 0 0 0 = 0
"""


def lives_of(folder, text):
    """In pages from 0x7f0000000000: from, to, and the steps of birth and end."""
    path, at = os.path.join(folder, "lives.vmt"), 0x7f0000000000
    subprocess.run([MAKE, path], input=text, text=True, check=True)
    rows = json.loads(vmaple("sql", "--json", path, "select start, end, born_step, ended_step from areas").stdout)
    return sorted(((r["start"] - at) // 4096, (r["end"] - at) // 4096, r["born_step"], r["ended_step"]) for r in rows)


def a_stack_that_grows_ends_what_it_was(folder):
    lives = lives_of(folder, GROWN)
    assert lives == [(5, 8, 6, 7), (6, 8, 5, 6), (6, 10, 4, 5), (7, 8, 7, 8), (8, 10, 3, 4), (8, 10, 5, 8)], lives


def an_area_that_was_cut_on_the_way_to_a_failure_is_two(folder):
    lives = lives_of(folder, CUT)
    assert lives == [(0, 2, 5, 6), (0, 4, 3, 5), (2, 4, 5, 6)], lives


def short_lives_in_one_place_are_merged_and_none_is_lost(folder):
    log = os.path.join(folder, "turns.log")
    with open(log, "w", encoding="ascii") as f:
        f.write('1 1700000000.000000 execve("/bin/x", ["x"], 0x0 /* 1 vars */) = 0\n')
        f.write("1 1700000000.000001 mmap(0x8000000000, 819200, PROT_NONE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x8000000000\n")
        for i in range(20000):
            f.write("1 1700000000.%06d mprotect(0x%x, 4096, %s) = 0\n" %
                    (i + 2, 0x8000000000 + (1 + 2 * (i * 7 % 99)) * 4096, ("PROT_READ", "PROT_READ|PROT_WRITE")[i // 99 % 2]))
    rows = json.loads(vmaple("sql", "--json", log, "select count(*) n from areas").stdout)[0]["n"]
    whole = Page(os.path.join(folder, "p.html"), log)
    assert sum(whole.rects("lives")) == whole.space["rects"] == rows, (whole.space, rows)
    assert whole.space["left_out"] == 0 and "<dt>merged" not in whole.source
    size = len(whole.bytes) - len(whole.parts.script("data")) // 3
    small = Page(os.path.join(folder, "q.html"), log, "--max-size", str(size))
    assert len(small.bytes) <= size and small.space["rects"] < rows / 2, small.space
    assert sum(small.rects("lives")) + small.space["left_out"] == rows, (sum(small.rects("lives")), small.space, rows)
    said = re.search(r"<dt>merged<dd>areas of process 1 that lived less than [\d.]+ ms: ([\d,]+) are drawn as one .*, ([\d,]+) are not", small.source)
    joined, left_out = (int(n.replace(",", "")) for n in said.groups())
    assert left_out == small.space["left_out"] and joined == sum(n - 1 for n in small.rects("lives")), (joined, left_out)
    assert joined > 10 * left_out, "pages that turn stay in the picture: %d, %d" % (joined, left_out)
    # at no moment do two in one place overlap
    by_place = sorted(zip(small.rects("start"), small.rects("born"), small.rects("ended")))
    for (place, _, ended), (other, born, _) in zip(by_place, by_place[1:]):
        assert place != other or ended <= born, (place, ended, born)


def names_without_end_make_a_page_of_bounded_size(folder):
    maps = os.path.join(folder, "maps")
    with open(maps, "w", encoding="ascii") as f:
        for i in range(10000):
            f.write("%012x-%012x r--p 00000000 08:01 %d /%s%05d\n" % (0x7f0000000000 + (i << 16), 0x7f0000001000 + (i << 16), i + 1, "n" * 2000, i))
    page = Page(os.path.join(folder, "p.html"), maps)
    assert len(page.bytes) <= 10 << 20, len(page.bytes)
    told = len(page.meta["names"])
    assert 100 < told < 10000 and page.space["rects"] == page.space["areas"] == 10000, (told, page.space)
    untold = re.search(r"<dt>names and places not told<dd>([\d,]+), for which", page.source).group(1)
    assert int(untold.replace(",", "")) == 10000 - told, (untold, told)
    small = Page(os.path.join(folder, "q.html"), maps, "--max-size", "1M")
    assert len(small.bytes) <= 1 << 20 and len(small.meta["names"]) < told


def the_script_is_small(folder):
    page = Page(os.path.join(folder, "p.html"), hostile(folder))
    own = next(s[2] for s in page.parts.scripts if s[0] == "script" and "type" not in s[1])
    assert len(own) < 150 * 1000, len(own)


def an_area_of_everything_is_one(folder):
    log = os.path.join(folder, "huge.log")
    with open(log, "w", encoding="ascii") as f:
        f.write('1 execve("/bin/x", ["x"], 0x0 /* 1 vars */) = 0\n1 mmap(0x10000, 140737488220160, PROT_NONE, MAP_PRIVATE|'
                "MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x10000\n")
    page = Page(os.path.join(folder, "p.html"), log)
    assert page.space["areas"] == 1 and (page.doubles(0, 1)[0], page.doubles(1, 1)[0]) == (65536, 65536 + 140737488220160)
    assert "128.0 TiB" in page.source


run_cases(the_page_has_what_the_ledger_has, every_area_of_the_end_is_a_rectangle, only_our_own_script_is_permitted,
          hostile_names_are_text, pictures_are_xml_and_say_what_is_there,
          guard_pages_are_a_kind_of_their_own, colours_are_told_apart_by_all_eyes, the_size_is_bounded,
          a_program_whose_name_is_markup_is_text, a_hundred_thousand_processes_make_a_page,
          clocks_that_jump_leave_time_in_order, a_stack_that_grows_ends_what_it_was,
          an_area_that_was_cut_on_the_way_to_a_failure_is_two, short_lives_in_one_place_are_merged_and_none_is_lost,
          names_without_end_make_a_page_of_bounded_size, the_script_is_small, an_area_of_everything_is_one)
