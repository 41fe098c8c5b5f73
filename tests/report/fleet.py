#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two hundred recordings of eight hosts into the databases of docs/fleet.md, by the commands that stand there.

usage: fleet.py VMAPLE KNOWN DOCS

KNOWN is recorded.  DuckDB is npm's @duckdb/node-api, in build-node or where Node finds it; ClickHouse its server and client, of which one is
started here.  What is not installed is skipped.  Prints TAP.
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

VMAPLE, KNOWN, DOCS = (os.path.abspath(p) for p in sys.argv[1:4])
MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build-node", "node_modules")
NODE = dict(os.environ, NODE_PATH=MODULES + ":" + os.environ.get("NODE_PATH", ""))
HOSTS, EACH = 8, 25
QUESTION = ("select reasons, made_by, count(distinct run_id) runs, count(*) areas from boundaries group by reasons, made_by "
            "order by areas desc limit 20")
DUCK = """
const { DuckDBInstance } = require("@duckdb/node-api");
(async () => {
	const db = await (await DuckDBInstance.create(":memory:")).connect(), answers = [];
	for (const q of JSON.parse(process.argv[1]))
		answers.push((await (await db.run(q)).getRowObjectsJson()));
	console.log(JSON.stringify(answers));
})();
"""
SERVER = """<yandex><logger><level>warning</level><console>1</console></logger><tcp_port>%d</tcp_port>
<listen_host>127.0.0.1</listen_host><path>%s/</path><tmp_path>%s/tmp/</tmp_path><users_config>users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>
</yandex>"""
USERS = """<yandex><profiles><default/></profiles><users><default><password></password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></default></users><quotas><default/></quotas></yandex>"""


def run(*command, **more):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=600, **more)
    assert r.returncode == 0, (command, r.stderr[-2000:])
    return r.stdout


def block(section, language):
    with open(os.path.join(DOCS, "fleet.md"), encoding="utf-8") as f:
        text = f.read().split("# %s\n" % section)[1]
    return re.search(r"```%s\n(.*?)```" % language, text, re.S).group(1)


def fleet(folder):
    """The recordings, exported as the page says; and every one of them."""
    os.mkdir(os.path.join(folder, "fleet"))
    recordings = []
    for h in range(1, HOSTS + 1):
        os.mkdir(os.path.join(folder, "web%d" % h))
        for i in range(EACH):
            recordings.append("web%d/%d.vmt" % (h, i))
            run(VMAPLE, "record", "-o", recordings[-1], "--", KNOWN, cwd=folder)
        path = os.path.dirname(VMAPLE) + ":" + os.environ["PATH"]
        run("sh", "-ec", block("Recordings of a fleet", "sh").replace("web1", "web%d" % h), cwd=folder,
            env=dict(os.environ, PATH=path))
    return recordings


def answers_of(rows):
    return [(r["reasons"], r["made_by"], int(r["runs"]), int(r["areas"])) for r in rows]


def duckdb(folder, expected):
    if not shutil.which("node") or subprocess.run(["node", "-e", "require.resolve('@duckdb/node-api')"], check=False,
                                                  stderr=subprocess.DEVNULL, env=NODE).returncode:
        return "@duckdb/node-api is not installed (tools/install-deps long)"
    questions = [q for q in block("DuckDB", "sql").split(";") if q.strip()]
    answers = json.loads(run("node", "-e", DUCK, json.dumps(questions), cwd=folder, env=NODE))
    hosts = answers[-2]
    assert [(r["host"], int(r["runs"])) for r in hosts] == [("web%d" % h, EACH) for h in range(1, HOSTS + 1)], hosts
    assert sorted(answers_of(answers[-1])) == sorted(expected), (answers[-1], expected)
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clickhouse(folder, expected):
    if not shutil.which("clickhouse-server") or not shutil.which("clickhouse-client"):
        return "clickhouse-server and clickhouse-client are not installed"
    data, tools, port = os.path.join(folder, "data"), os.path.join(folder, "tools"), free_port()
    os.makedirs(os.path.join(data, "tmp"))
    os.mkdir(tools)
    for name, text in (("config.xml", SERVER % (port, data, data)), ("users.xml", USERS)):
        with open(os.path.join(data, name), "w", encoding="utf-8") as f:
            f.write(text)
    client = os.path.join(tools, "clickhouse-client")
    with open(client, "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\nexec %s --port %d "$@"\n' % (shutil.which("clickhouse-client"), port))
    os.chmod(client, 0o755)
    with open(os.path.join(data, "log"), "w", encoding="utf-8") as log, \
            subprocess.Popen(["clickhouse-server", "--config-file=" + os.path.join(data, "config.xml")], stdout=log,
                             stderr=log) as server:
        try:
            for _ in range(300):
                if subprocess.run([client, "--query", "SELECT 1"], check=False, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.2)
            out = run("sh", "-ec", block("ClickHouse", "sh"), cwd=folder,
                      env=dict(os.environ, PATH=tools + ":" + os.environ["PATH"]))
        finally:
            server.terminate()
    rows = [line.split("\t") for line in out.splitlines()]
    assert sorted((r[0], r[1], int(r[2]), int(r[3])) for r in rows) == sorted(expected), (rows, expected)
    return None


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        recordings = fleet(folder)
        expected = answers_of(json.loads(run(VMAPLE, "sql", "--json", *recordings, QUESTION, cwd=folder)))
        largest = max(e[3] for e in expected)
        # known.c: every other one of 128 pages is given other access, in each recording
        good = largest == 127 * HOSTS * EACH and max(e[2] for e in expected) == HOSTS * EACH
        print("%s 1 - %d recordings have the areas of arithmetic" % ("ok" if good else "not ok", len(recordings)))
        failed += not good
        for number, case in enumerate((duckdb, clickhouse), 2):
            try:
                why = case(folder, expected)
                print("ok %d - %s%s" % (number, case.__name__, " # SKIP " + why if why else ""))
            except AssertionError as e:
                failed += 1
                print("not ok %d - %s\n# %s" % (number, case.__name__, str(e)[:3000].replace("\n", "\n# ")))
    print("1..3")
    sys.exit(1 if failed else 0)


main()
