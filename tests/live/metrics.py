#!/usr/bin/env python3
"""`vmaple metrics`: what it tells of a program that leaks at a known rate, as a file and over HTTP.

usage: metrics.py VMAPLE LEAK CONTRIB [prometheus]    (LEAK: leak.py; with the last word a real Prometheus scrapes it)
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

vmaple, leak, contrib = sys.argv[1:4]
RATE = 50
promtool = shutil.which("promtool")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def value(text, name, pid):
    found = re.search(rf'^{name}{{pid="{pid}",[^}}]*}} (\S+)$', text, re.M)
    return float(found[1]) if found else None


def get(url):
    with urllib.request.urlopen(url, timeout=10) as r:
        return r.headers["Content-Type"], r.read().decode()


def wait_for(url):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            get(url)
            return
        except OSError:
            time.sleep(0.2)


def check_with_promtool(text):
    if promtool:
        p = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        assert p.returncode == 0, p.stdout + p.stderr


def leak_is_forecast(url, pid):
    # Eight looks, a second each, after the leak has begun.
    deadline = time.monotonic() + 30
    while True:
        kind, text = get(url)
        growth = value(text, "vmaple_maps_growth_per_second", pid)
        if growth or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert kind.startswith("application/openmetrics-text"), kind
    assert abs(growth - RATE) <= RATE * 0.1, f"growth {growth}, not {RATE}"
    maps = value(text, "vmaple_maps", pid)
    limit = float(re.search(r"^vmaple_maps_limit (\S+)$", text, re.M)[1])
    assert limit == float(open("/proc/sys/vm/max_map_count").read())
    left = value(text, "vmaple_maps_seconds_to_limit", pid)
    assert abs(left - (limit - maps) / RATE) <= left * 0.1, f"{left} s left of {maps} areas"
    assert text.endswith("# EOF\n")
    check_with_promtool(text)


def other_pages_are_not_there(url, pid):
    for path in "/", "/metrics/x":
        try:
            get(url.replace("/metrics", path))
            assert False, path
        except urllib.error.HTTPError as e:
            assert e.code == 404, e


def a_file_is_replaced(url, pid):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/vmaple.prom"
        subprocess.run([vmaple, "metrics", "--textfile", path, "--once", "--threshold", "1"], check=True, timeout=60)
        text = open(path).read()
        # The line of the gate page is no area.
        mine = sum("[vsyscall]" not in line for line in open("/proc/self/maps"))
        assert abs(value(text, "vmaple_maps", os.getpid()) - mine) < 5, text
        assert os.listdir(folder) == ["vmaple.prom"]
        check_with_promtool(text)
        subprocess.run([vmaple, "metrics", "--textfile", path, "--once", "--threshold", "1", "--processes", "3"],
                       check=True, timeout=60)
        assert len(re.findall(r"^vmaple_maps{", open(path).read(), re.M)) == 3
    p = subprocess.run([vmaple, "metrics", "--textfile", "/nonexistent/x", "--once"], capture_output=True, text=True)
    assert p.returncode == 125 and "cannot write" in p.stderr, p.stderr


def a_name_that_is_no_text_spoils_no_page(url, pid):
    """The kernel keeps 15 bytes of a name: it cuts characters in two."""
    name = b'\xc3\xbc\x1b[31m"\\\xe2\x80\xae\xffx\xc3\xbc'
    code = f"import ctypes, sys; ctypes.CDLL(None).prctl(15, {name!r}); print('.', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    with tempfile.TemporaryDirectory() as folder, other:
        path = folder + "/vmaple.prom"
        subprocess.run([vmaple, "metrics", "--textfile", path, "--once", "--threshold", "1"], check=True, timeout=60)
        text = open(path, "rb").read().decode()
        found = re.search(rf'^vmaple_maps{{pid="{other.pid}",command="(([^"\\]|\\.)*)",', text, re.M)
        assert found, text[:2000]
        assert found[1] == "\u00fc" + r'\\033[31m\"\\\\342\\200\\256\\377x\\303', found[1]
        check_with_promtool(text)
        other.stdin.close()


def without_privilege_lines_are_counted(url, pid):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        p = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", vmaple, "metrics", "--textfile",
                            folder + "/x", "--once", "--threshold", "1"], capture_output=True, text=True, timeout=60)
        assert p.returncode == 0 and "CAP_BPF" in p.stderr, p.stderr
        assert re.search(r'^vmaple_maps{pid="\d+",command="vmaple"', open(folder + "/x").read(), re.M)


def rules_and_dashboard_are_in_order(url, pid):
    dashboard = open(contrib + "/vmaple-dashboard.json").read()
    rules = open(contrib + "/vmaple-alerts.yml").read()
    json.loads(dashboard)
    text = get(url)[1]
    for name in set(re.findall(r"vmaple_\w+", dashboard + rules)):
        assert f"# TYPE {name} gauge" in text, name
    if promtool:
        p = subprocess.run([promtool, "check", "rules", contrib + "/vmaple-alerts.yml"], capture_output=True, text=True)
        assert p.returncode == 0 and "3 rules found" in p.stdout, p.stdout + p.stderr


def prometheus_scrapes_it(url, pid):
    target = url.split("/")[2]
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/prometheus.yml", "w") as f:
            f.write("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: vmaple\n    static_configs:\n"
                    f"      - targets: ['{target}']\nrule_files: ['{os.path.abspath(contrib)}/vmaple-alerts.yml']\n")
        p = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/db",
                              f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        try:
            ask = f"http://127.0.0.1:{port}/api/v1/query?query=vmaple_maps%7Bpid%3D%22{pid}%22%7D"
            deadline = time.monotonic() + 60
            found = []
            while not found and time.monotonic() < deadline:
                time.sleep(1)
                try:
                    found = json.loads(get(ask)[1])["data"]["result"]
                except OSError:
                    continue
            assert found and float(found[0]["value"][1]) > 0, found
        finally:
            p.terminate()
            p.wait()


cases = [leak_is_forecast, other_pages_are_not_there, a_file_is_replaced, a_name_that_is_no_text_spoils_no_page,
         without_privilege_lines_are_counted, rules_and_dashboard_are_in_order]


def main():
    if "prometheus" in sys.argv:
        cases.append(prometheus_scrapes_it)
        if not shutil.which("prometheus"):
            print("1..0 # SKIP prometheus is not installed")
            return
    url = f"http://127.0.0.1:{free_port()}/metrics"
    leaker = subprocess.Popen([sys.executable, leak, str(RATE)], stdout=subprocess.PIPE)
    leaker.stdout.readline()
    server = subprocess.Popen([vmaple, "metrics", "--listen", url.split("/")[2], "--interval", "1", "--threshold", "1"])
    print(f"1..{len(cases)}")
    failed = False
    try:
        wait_for(url)
        for i, case in enumerate(cases, 1):
            name = case.__name__.replace("_", " ")
            try:
                case(url, leaker.pid)
                print(f"ok {i} - {name}")
            except (AssertionError, OSError, TypeError, subprocess.SubprocessError) as e:
                failed = True
                print(f"not ok {i} - {name}\n# " + repr(e).replace("\n", "\n# "))
    finally:
        leaker.kill()
        server.terminate()
        failed |= server.wait() != 0
    sys.exit(failed)


main()
