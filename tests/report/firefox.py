#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A report in Firefox, over WebDriver BiDi: it loads, shows its tables and pictures, says nothing and asks nobody.

usage: firefox.py VMAPLE PROGRAM SCREENSHOTS

PROGRAM has children and is recorded; a picture of the page is kept in SCREENSHOTS.  No package is needed: the protocol
is JSON in frames of a WebSocket.  Prints TAP.
"""
import base64
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from tap import run_cases, skip_all  # noqa: E402

VMAPLE, PROGRAM, SHOTS = (os.path.abspath(p) for p in sys.argv[1:4])
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
HOSTILE = b"/tmp/</script><img src=x onerror=alert(1)>"


class WebSocket:
    """Text frames to a server on this machine (RFC 6455)."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (path, port, key)).encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.socket.recv(4096)
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        assert b" 101 " in head.split(b"\r\n")[0], head

    def take(self, count):
        while len(self.rest) < count:
            data = self.socket.recv(1 << 16)
            assert data, "the browser has gone"
            self.rest += data
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack(">BH", 0x80 | 126, len(data)) \
            if len(data) < 1 << 16 else struct.pack(">BQ", 0x80 | 127, len(data))
        self.socket.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        text = b""
        while True:
            first, size = self.take(2)
            size = struct.unpack(">H", self.take(2))[0] if size == 126 else struct.unpack(">Q", self.take(8))[0] \
                if size == 127 else size
            data = self.take(size)
            if first & 15 in (0, 1):
                text += data
                if first & 128:
                    return text.decode("utf-8")


class Firefox:
    def __init__(self, folder):
        self.log = os.path.join(folder, "firefox.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [FIREFOX, "--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0", "about:blank"],
                stdout=log, stderr=log, env={**os.environ, "HOME": folder, "MOZ_DISABLE_CONTENT_SANDBOX": "1"})
        self.socket, self.next, self.events = WebSocket(self.port(), "/session"), 0, []
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.page = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def port(self):
        for _ in range(600):
            with open(self.log, encoding="utf-8", errors="replace") as f:
                found = re.search(r"WebDriver BiDi listening on ws://127\.0\.0\.1:(\d+)", f.read())
            if found:
                return int(found.group(1))
            assert self.process.poll() is None, "it ended with status %s" % self.process.returncode
            time.sleep(0.1)
        raise AssertionError("it does not listen")

    def call(self, method, **params):
        self.next += 1
        self.socket.send(json.dumps({"id": self.next, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == self.next:
                assert message["type"] == "success", message
                return message["result"]
            self.events.append(message)

    def open(self, path):
        self.events = []
        self.call("browsingContext.navigate", context=self.page, url="file://" + path, wait="complete")
        for _ in range(600):
            if self.value("document.documentElement.dataset.ready === 'yes'"):
                return
            time.sleep(0.1)
        raise AssertionError("the page is never ready")

    def value(self, expression):
        r = self.call("script.evaluate", expression="Promise.resolve(%s).then((v) => JSON.stringify(v))" % expression,
                      target={"context": self.page}, awaitPromise=True)
        assert r["type"] == "success", r
        return json.loads(r["result"]["value"]) if "value" in r["result"] else None

    def press(self, selector, *keys):
        self.value("document.querySelector('%s').focus()" % selector)
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("input.performActions", context=self.page, actions=[{"type": "key", "id": "keys", "actions": actions}])

    def quiet(self):
        said = [e["params"].get("text") for e in self.events if e["method"] == "log.entryAdded"]
        assert not said, said
        asked = [e["params"]["request"]["url"] for e in self.events if e["method"] == "network.beforeRequestSent"]
        assert not [u for u in asked if not u.startswith(("file:", "about:"))], asked

    def close(self):
        self.process.terminate()
        self.process.wait(60)


def opened(folder, recording):
    path = os.path.join(folder, "page.html")
    subprocess.run([VMAPLE, "report", recording, "-o", path], check=True)
    profile = os.path.join(folder, "profile")
    os.mkdir(profile)
    browser = Firefox(profile)
    try:
        browser.open(path)
    except BaseException:
        browser.close()
        raise
    return browser


def recorded(folder):
    recording = os.path.join(folder, "r.vmt")
    subprocess.run([VMAPLE, "record", "-o", recording, "--", PROGRAM], stdout=subprocess.DEVNULL, check=True)
    return recording


def the_page_loads_shows_its_tables_and_pictures_and_says_nothing(folder):
    recording = recorded(folder)
    top = json.loads(subprocess.run([VMAPLE, "why", recording, "--top", "1000", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    b = opened(folder, recording)
    try:
        rows = b.value("[...document.querySelectorAll('#reasons tbody tr')].map((r) => r.cells[0].textContent)")
        assert [int(r.replace(",", "")) for r in rows] == [g["areas"] for g in top["groups"]], rows
        assert b.value("document.querySelectorAll('#areas tbody tr').length") == top["areas"]
        assert not b.value("['life', 'counts', 'culprits', 'free', 'list'].filter((id) => document.getElementById(id).hidden)")
        for canvas, least in (("picture", 0.05), ("flame", 0.5), ("holes", 0.1), ("chart", 0.001), ("axis", 0.0005)):
            drawn = b.value("(() => { const c = document.getElementById('%s'), d = c.getContext('2d').getImageData(0, 0, c.width, "
                            "c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return 4 * n / d.length; })()" % canvas)
            assert drawn > least, (canvas, drawn)
        shot = b.call("browsingContext.captureScreenshot", context=b.page, origin="document")["data"]
        with open(os.path.join(SHOTS, "firefox.png"), "wb") as f:
            f.write(base64.b64decode(shot))
        pdf = base64.b64decode(b.call("browsingContext.print", context=b.page)["data"])
        assert pdf.startswith(b"%PDF-") and len(pdf) > 20000, len(pdf)
        with open(os.path.join(SHOTS, "firefox.pdf"), "wb") as f:
            f.write(pdf)
        b.quiet()
    finally:
        b.close()


def keys_and_links_do_what_they_do_elsewhere(folder):
    b = opened(folder, recorded(folder))
    try:
        whole = b.value("page.picture.view")
        b.press("#picture", "+", "+", "\ue014")  # right
        near = b.value("page.picture.view")
        assert near["t1"] - near["t0"] < 0.7 * (whole["t1"] - whole["t0"]) and near["t0"] > whole["t0"], near
        b.press("#chart", "\ue014", "\ue007", *["\ue014"] * 25, "\ue007")  # enter
        assert b.value("document.querySelectorAll('#span table').length") == 2
        link = b.value("new Promise((done) => setTimeout(() => done(location.hash), 500))")
        state, span = b.value("JSON.stringify(linkParts())"), b.value("page.chart.spans[0]")
        assert span and "span=" in link, link
        b.open(os.path.join(folder, "page.html") + "?" + link)
        assert b.value("page.chart.spans[0]") == [round(t) for t in span] and json.loads(b.value("JSON.stringify(linkParts())")) == json.loads(state)
        b.quiet()
    finally:
        b.close()


def hostile_names_are_text(folder):
    maps = os.path.join(folder, "maps")
    with open(maps, "wb") as f:
        f.write(b"7f0000000000-7f0000001000 r--p 00000000 08:01 1 " + HOSTILE + b"\n")
    b = opened(folder, maps)
    try:
        assert b.value("document.querySelectorAll('img, iframe, svg').length") == 0
        assert b.value("document.getElementById('areas').textContent.includes('%s')" % HOSTILE.decode().replace("/script", "\\/script"))
        b.quiet()
    finally:
        b.close()


if not FIREFOX:
    skip_all("firefox is not installed: no page is opened in it")
os.makedirs(SHOTS, exist_ok=True)
run_cases(the_page_loads_shows_its_tables_and_pictures_and_says_nothing, keys_and_links_do_what_they_do_elsewhere, hostile_names_are_text)
