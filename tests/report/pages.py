#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pages that vmaple report writes: what is in them, of hostile input too.

usage: pages.py VMAPLE PROGRAM

PROGRAM is recorded.  Prints TAP.
"""
import base64
import hashlib
import html.parser
import json
import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases  # noqa: E402

VMAPLE, PROGRAM = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HOSTILE = [b"/tmp/</script><img src=x onerror=alert(1)>", b"/tmp/\"quote' & <b>", b"/tmp/\xff\xfe not utf-8",
           "/tmp/\u202eright to left".encode(), b"/tmp/\x01\x1b[31m control", b"/tmp/{{7*7}} ${x} `y`"]


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


def the_size_is_bounded(folder):
    recording = recorded(folder)
    whole = Page(os.path.join(folder, "p.html"), recording)
    size = len(whole.parts.script("data"))
    small = Page(os.path.join(folder, "q.html"), recording, "--max-size", str(size - 200))
    assert len(small.parts.script("data")) <= size - 200, (len(small.parts.script("data")), size)
    rects = [sum(s["rects"] for s in p.meta["spaces"]) for p in (small, whole)]
    assert rects[0] < rects[1]
    assert re.search(r"<dt>merged<dd>areas of process \d+ that (lived less than [\d.]+ ms|"
                     r"(lived less than [\d.]+ ms or )?were smaller than [1-9]\d* KiB): [\d,]+ are drawn as one with", small.source)
    r = vmaple("report", recording, "-o", os.path.join(folder, "no.html"), "--max-size", "10")
    assert r.returncode == 125 and "--max-size" in r.stderr and r.stderr.count("\n") == 1, r.stderr
    assert not [f for f in os.listdir(folder) if f.startswith("no.html")]


def many_processes_and_clocks_that_jump_make_a_page(folder):
    log = os.path.join(folder, "many.log")
    with open(log, "w", encoding="ascii") as f:
        f.write('1 1000.0 execve("/bin/x", ["x"], 0x0 /* 1 vars */) = 0\n')
        for i in range(2, 20002):
            f.write("1 1000.%06d fork() = %d\n" % (i, i))
            f.write("%d %s mmap(0x8000000000, %d, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x8000000000\n" %
                    (i, "1.000000" if i % 100 == 0 else "1000.%06d" % i, 4096 * i))
            if i % 10:
                f.write("%d 1000.%06d +++ exited with 0 +++\n" % (i, i))
    page = Page(os.path.join(folder, "p.html"), log)
    assert len(page.meta["spaces"]) == 12 and "and 19989 more" in page.source, len(page.meta["spaces"])
    assert len(page.bytes) < 300000


def an_area_of_everything_is_one(folder):
    log = os.path.join(folder, "huge.log")
    with open(log, "w", encoding="ascii") as f:
        f.write('1 execve("/bin/x", ["x"], 0x0 /* 1 vars */) = 0\n1 mmap(0x10000, 140737488220160, PROT_NONE, MAP_PRIVATE|'
                "MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x10000\n")
    page = Page(os.path.join(folder, "p.html"), log)
    assert page.space["areas"] == 1 and (page.doubles(0, 1)[0], page.doubles(1, 1)[0]) == (65536, 65536 + 140737488220160)
    assert "128.0 TiB" in page.source


run_cases(the_page_has_what_the_ledger_has, every_area_of_the_end_is_a_rectangle, only_our_own_script_is_permitted,
          hostile_names_are_text, pictures_are_xml_and_say_what_is_there, the_size_is_bounded,
          many_processes_and_clocks_that_jump_make_a_page, an_area_of_everything_is_one)
