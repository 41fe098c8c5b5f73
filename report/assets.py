#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page's parts as a C header: usage: assets.py PAGE.html PAGE.css SCRIPT.js… OUT.h

The parts of the script follow each other: "use strict" of the first is for all.
"""
import base64
import hashlib
import json
import sys


def string(name, text):
    """A C string in pieces: compilers bound the length of one."""
    pieces = [text[i:i + 2000] for i in range(0, len(text), 2000)]
    return "static const char %s[] =\n%s;\n" % (name, "\n".join("\t" + quoted(p) for p in pieces))


def quoted(text):
    return json.dumps(text, ensure_ascii=True).replace("?", "\\?")


def sum_of(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


html, css, *parts = (open(p, encoding="utf-8").read() for p in sys.argv[1:-1])
js = "".join(parts)
assert "</script" not in js and "</style" not in css and css.isascii() and js.isascii()
head, rest = html.split("<!-- views -->\n")
views, tail = rest.split("<!-- tables -->\n")
with open(sys.argv[-1], "w", encoding="utf-8") as out:
    out.write("/* Made by report/assets.py. */\n")
    for name, text in (("html_head", head), ("html_views", views), ("html_tail", tail), ("css", css), ("js", js)):
        out.write(string("report_" + name, text))
    out.write(string("report_css_hash", sum_of(css)) + string("report_js_hash", sum_of(js)))
