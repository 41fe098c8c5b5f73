// SPDX-License-Identifier: MIT
// A report in a real browser, driven by real input events over its debugging pipe: no package is needed for that.
// usage: node browser.js CHROMIUM PAGE HOSTILE PROGRAM [FOLDER]
// PAGE: of a program with children; HOSTILE: of areas with hostile names; PROGRAM: of a program with one; FOLDER keeps screenshots
"use strict";
const assert = require("node:assert");
const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const [chromium, pageFile, hostileFile, programFile, shots] = process.argv.slice(2);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The protocol: JSON with a zero byte behind it, to descriptor 3, from descriptor 4. */
class Browser {
	constructor(program = chromium) {
		this.profile = fs.mkdtempSync(path.join(os.tmpdir(), "vmaple-browser-"));
		const options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
			"--disable-sync", "--hide-scrollbars", "--window-size=1200,900", "--remote-debugging-pipe", "--user-data-dir=" + this.profile, "about:blank"];
		this.process = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
		this.waiting = new Map();
		this.events = [];
		this.next = 0;
		let rest = "";
		this.process.stdio[4].on("data", (data) => {
			const parts = (rest + data.toString("utf8")).split("\0");
			rest = parts.pop();
			parts.forEach((text) => this.receive(JSON.parse(text)));
		});
	}

	receive(message) {
		if (!message.id) {
			this.events.push(message);
			return;
		}
		const { done, failed } = this.waiting.get(message.id);
		this.waiting.delete(message.id);
		message.error ? failed(new Error(message.error.message)) : done(message.result);
	}

	send(method, params = {}) {
		const id = ++this.next;
		return new Promise((done, failed) => {
			this.waiting.set(id, { done, failed });
			this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.session }) + "\0");
		});
	}

	async open(file) {
		if (!this.session) {
			const { targetInfos } = await this.send("Target.getTargets");
			const { sessionId } = await this.send("Target.attachToTarget", { targetId: targetInfos.find((t) => t.type === "page").targetId, flatten: true });
			this.session = sessionId;
			for (const domain of ["Page", "Runtime", "Log", "Network"])
				await this.send(domain + ".enable");
		}
		this.events = [];
		await this.send("Page.navigate", { url: "about:blank" });
		await this.send("Page.navigate", { url: file.startsWith("file:") ? file : "file://" + path.resolve(file) });
		await this.until(`document.documentElement?.dataset.ready === "yes"`);
		await this.frames();
	}

	async value(expression) {
		const r = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
		assert.ok(!r.exceptionDetails, expression + ": " + JSON.stringify(r.exceptionDetails));
		return r.result.value;
	}

	async until(expression) {
		for (let i = 0; i < 600; i++) {
			if (await this.value(expression))
				return;
			await sleep(100);
		}
		assert.fail("never: " + expression);
	}

	/** What was asked to be drawn is. */
	frames() {
		return this.value("new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => d(true)))))");
	}

	/** Where a place of an element is on the screen; it is scrolled into view. */
	async at(selector, x, y) {
		await this.value(`document.querySelector(${JSON.stringify(selector)}).scrollIntoView({ block: "center" })`);
		const box = await this.value(`(() => { const b = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()`);
		return { x: box[0] + box[2] * x, y: box[1] + box[3] * y };
	}

	async mouse(type, place, more = {}) {
		await this.send("Input.dispatchMouseEvent", { type, ...place, button: "none", ...more });
	}

	async click(selector, x = 0.5, y = 0.5) {
		const place = await this.at(selector, x, y);
		await this.mouse("mouseMoved", place);
		await this.mouse("mousePressed", place, { button: "left", clickCount: 1 });
		await this.mouse("mouseReleased", place, { button: "left", clickCount: 1 });
		await this.frames();
	}

	async drag(selector, from, to, modifiers = 0) {
		const a = await this.at(selector, ...from), b = await this.at(selector, ...to);
		await this.mouse("mousePressed", a, { button: "left", clickCount: 1, modifiers });
		for (let i = 1; i <= 5; i++)
			await this.mouse("mouseMoved", { x: a.x + ((b.x - a.x) * i) / 5, y: a.y + ((b.y - a.y) * i) / 5 }, { button: "left", buttons: 1, modifiers });
		await this.mouse("mouseReleased", b, { button: "left", clickCount: 1, modifiers });
		await this.frames();
	}

	async key(key, modifiers = 0) {
		const codes = { Enter: 13, Escape: 27, Tab: 9, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 };
		const what = { key, code: key, windowsVirtualKeyCode: codes[key] || key.toUpperCase().charCodeAt(0), modifiers };
		if (key.length === 1)
			what.text = key;
		if (key === "Enter")
			what.text = "\r";
		await this.send("Input.dispatchKeyEvent", { type: what.text ? "keyDown" : "rawKeyDown", ...what });
		await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...what, text: undefined });
		await this.frames();
	}

	async shot(name, whole = false) {
		if (!shots)
			return;
		const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
		fs.writeFileSync(path.join(shots, name + ".png"), Buffer.from(data, "base64"));
	}

	/** Nothing was said on the console, and nothing was asked of anybody. */
	quiet() {
		const said = this.events.filter((e) => ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"].includes(e.method));
		assert.deepStrictEqual(said.map((e) => JSON.stringify(e.params).slice(0, 400)), []);
		const asked = this.events.filter((e) => e.method === "Network.requestWillBeSent").map((e) => e.params.request.url);
		assert.deepStrictEqual(asked.filter((url) => !url.startsWith("file:") && !url.startsWith("about:")), []);
	}

	async close() {
		await this.send("Browser.close").catch(() => {});
		await new Promise((done) => (this.process.exitCode === null ? this.process.on("exit", done) : done()));
		fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
	}
}

const CTRL = 2;
const view = "({ ...page.picture.view })";
const page_is = (expression) => `(() => { const p = page, s = p.chart.spans, r = p.data[p.number].rects, end = p.space.end; return ${expression}; })()`;
const rows = "document.querySelectorAll('#areas tbody tr').length";
const cells = (id) => `[...document.querySelectorAll("#${id} tbody tr")].map((tr) => [...tr.cells].map((c) => c.textContent))`;
const numbers = (list) => list.map((n) => Number(n.replace(/,/g, "")));
const total = (list) => list.reduce((a, b) => a + b, 0);
const change = (id, value) => `(() => { const e = document.getElementById("${id}"); e.value = "${value}"; e.dispatchEvent(new Event("change")); })()`;
/** What is written on canvases when all is drawn. */
const drawn = `new Promise((done) => {
	const proto = CanvasRenderingContext2D.prototype, own = proto.fillText, said = [];
	proto.fillText = function (text, ...place) { said.push([this.canvas.id, text]); return own.call(this, text, ...place); };
	drawAll(true);
	requestAnimationFrame(() => requestAnimationFrame(() => { proto.fillText = own; done(said); }));
})`;
const text = (id) => `document.getElementById(${JSON.stringify(id)}).textContent`;

const cases = {
	async "the page is drawn, and says nothing to anybody"(b) {
		await b.open(pageFile);
		assert.strictEqual(await b.value(rows), await b.value("Math.min(500, page.space.areas)"));
		const colored = await b.value("(() => { const c = document.getElementById('picture'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (d.length / 4); })()");
		assert.ok(colored > 0.05, "pixels that are drawn: " + colored);
		await b.shot("1-page", true);
		b.quiet();
	},
	async "the wheel zooms where the pointer is, dragging moves, 0 goes back"(b) {
		const all = await b.value(view), place = await b.at("#picture", 0.5, 0.5);
		for (let i = 0; i < 4; i++)
			await b.mouse("mouseWheel", place, { deltaX: 0, deltaY: -100 });
		await b.frames();
		const near = await b.value(view);
		assert.ok(near.t1 - near.t0 < (all.t1 - all.t0) * 0.5 && near.y1 - near.y0 < 0.5, JSON.stringify(near));
		await b.shot("2-zoomed");
		await b.drag("#picture", [0.5, 0.5], [0.3, 0.5]);
		const moved = await b.value(view);
		assert.ok(moved.t0 > near.t0 && Math.abs(moved.t1 - moved.t0 - (near.t1 - near.t0)) < 2, JSON.stringify([near, moved]));
		await sleep(300);
		assert.match(await b.value("location.hash"), /t=\d+-\d+/);
		await b.value("document.getElementById('picture').focus()");
		await b.key("0");
		assert.deepStrictEqual(await b.value(view), all);
	},
	async "the pointer tells an area, a click pins it with both its boundaries"(b) {
		const hit = await b.value("(() => { const p = page.picture; for (let y = 0.02; y < 1; y += 0.01) if (p.find(0.8, y) >= 0 && p.above(p.find(0.8, y)) >= 0) return y; })()");
		const place = await b.at("#picture", 0.8, hit);
		await b.mouse("mouseMoved", place);
		await b.frames();
		assert.match(await b.value(text("tip")), /^[0-9a-f]{12}-[0-9a-f]{12} [r-][w-][x-][ps] .*, since [\d.]+ s: \S/);
		assert.ok((await b.value("page.cursor")) > 0);
		await b.click("#picture", 0.8, hit);
		assert.match(await b.value(text("pinned")), /its lower end: .*\napart from the area below: .*\nits upper end: .*\napart from the area above: /);
		await b.shot("3-pinned");
	},
	async "the table of reasons is what the page has without a script, and numbers agree with those of the list and the culprits"(b) {
		const source = fs.readFileSync(pageFile, "utf8"), plain = /<table id=reasons>.*?<\/table>/s.exec(source)[0].split("<tr><td class=n>").slice(1);
		const without = plain.map((row) => row.split(/<td[^>]*>/).map((c) => c.replace(/\n|<\/tbody>.*/gs, "").replace(/&gt;/g, ">").replace(/&#39;|&apos;/g, "'")));
		const rowsHere = await b.value(cells("reasons"));
		assert.deepStrictEqual(rowsHere.map(String).sort(), without.map(String).sort());
		assert.strictEqual(total(numbers(rowsHere.map((r) => r[0]))), await b.value("page.list.chosen().length"));
		assert.strictEqual(total(numbers(rowsHere.map((r) => r[0]))), await b.value("page.flame.root.value"));
	},
	async "a span, and a second one: everything below is of them"(b) {
		await b.drag("#chart", [0.02, 0.5], [0.6, 0.5]);
		assert.ok((await b.value("document.querySelectorAll('#span tbody tr').length")) > 0);
		assert.match(await b.value(text("span")), /Began between/);
		assert.strictEqual(await b.value("document.querySelectorAll('#span table').length"), 2, "by site and by reason");
		const inside = await b.value(page_is("[...r.born].filter((t) => t >= s[0][0] && t <= s[0][1]).length"));
		const left = await b.value(page_is("[...r.born].filter((t, i) => t >= s[0][0] && t <= s[0][1] && (r.ended[i] > s[0][1] || r.ended[i] >= end)).length"));
		assert.ok(left > 0 && left < inside, `${left} of ${inside}`);
		const why = await b.value(cells("reasons"));
		assert.deepStrictEqual([total(numbers(why.map((r) => r[0]))), total(numbers(why.map((r) => r[1])))], [inside, left], "reasons are of the span");
		assert.match(await b.value("document.querySelector('#reasons caption').textContent"), /began between/);
		assert.strictEqual(await b.value("page.flame.root.value"), left, "culprits are of the span");
		assert.strictEqual(await b.value("page.list.chosen().length"), left, "the list is of the span");
		assert.match(await b.value(text("listname")), /began in the span/);
		assert.deepStrictEqual(await b.value("page.holes.span()"), await b.value("page.chart.spans[0]"), "free ranges are of the span");
		await b.value(change("weight", "births"));
		assert.strictEqual(await b.value("page.flame.root.value"), inside, "all that began, too");
		await b.drag("#chart", [0.62, 0.5], [0.98, 0.5], CTRL);
		assert.match(await b.value(text("span")), /, and between/);
		const later = await b.value(page_is("[...r.born].filter((t) => t >= s[1][0] && t <= s[1][1]).length")), grown = await b.value(cells("reasons"));
		assert.deepStrictEqual([0, 1, 2].map((c) => total(numbers(grown.map((r) => r[c])))), [inside, later, later - inside], "by reason and site");
		for (const n of [0, 1]) {
			const table = await b.value(`[...document.querySelectorAll('#span table')[${n}].tBodies[0].rows].map((tr) => [...tr.cells].map((c) => c.textContent))`);
			assert.deepStrictEqual([0, 1, 2].map((c) => total(numbers(table.map((r) => r[c])))), [inside, later, later - inside], "by site, by reason");
			const more = numbers(table.map((r) => r[2]));
			assert.deepStrictEqual(more, [...more].sort((p, q) => q - p), "what grew most first");
		}
		await b.shot("4-difference");
		await b.click("#clear");
		assert.strictEqual(await b.value("document.getElementById('span').hidden"), true);
		assert.strictEqual(await b.value("page.flame.root.value"), await b.value("page.space.rects"));
		assert.match(await b.value("document.querySelector('#reasons caption').textContent"), /at the peak/);
		await b.value(change("weight", "areas"));
	},
	async "the axes tell moments since the beginning, and the clock where the recording knows it"(b) {
		const begun = await b.value("page.meta.started"), said = await b.value(drawn);
		assert.ok(Math.abs(begun - Date.now() / 1000) < 3600, "the recording was made just now: " + begun);
		for (const id of ["axis", "chart", "holes"]) {
			const words = said.filter(([canvas]) => canvas === id).map(([, t]) => t);
			assert.ok(words.some((t) => /^[\d.]+ s$/.test(t)), `${id}: ${words}`);
			const clock = words.find((t) => /^\d\d:\d\d:\d\d UTC$/.test(t)), at = new Date((begun + Math.floor((await b.value("page.space.begin")) / 1e9)) * 1000);
			assert.ok(clock && Math.abs(Date.parse(at.toISOString().slice(0, 11) + clock.slice(0, 8) + "Z") - at) <= 60000, `${id}: ${clock}, ${at.toISOString()}`);
		}
		await b.value("page.space.started = page.picture.meta.started = page.chart.meta.started = 0");
		assert.deepStrictEqual((await b.value(drawn)).filter(([, t]) => t.includes("UTC")), []);
		await b.value(`page.space.started = ${begun}`);
	},
	async "the filter works on the list and on the picture"(b) {
		await b.click("#filter");
		await b.send("Input.insertText", { text: "prot=rx" });
		await b.frames();
		const left = await b.value("page.list.chosen().length"), all = await b.value("page.list.rows.length");
		assert.ok(left > 0 && left < all, `${left} of ${all}`);
		assert.ok(await b.value("page.list.chosen().every((a) => a.prot === 'r-x')"));
		const drawn = await b.value("[...page.picture.chosen].filter(Boolean).length");
		assert.ok(drawn > 0 && drawn < (await b.value("page.space.rects")), String(drawn));
		await b.value("page.list.input.select()");
		await b.send("Input.insertText", { text: "reason=prot" });
		await b.frames();
		assert.ok(await b.value("page.list.chosen().length > 0 && page.list.chosen().every((a) => a.reason.includes('prot'))"));
		await b.shot("5-filtered");
		await b.value("page.list.input.select()");
		await b.send("Input.insertText", { text: "colour=red" });
		await b.frames();
		assert.match(await b.value(text("found")), /no column colour/);
		await b.value("page.list.input.select()");
		await b.key("Backspace");
		await b.value("(page.list.input.value = '', page.list.filter())");
		assert.strictEqual(await b.value("page.list.chosen().length"), all);
	},
	async "one thread: what it began is in the list, the culprits, the spans and the picture, and a link says so"(b) {
		assert.strictEqual(await b.value("document.getElementById('thread').parentElement.hidden"), false);
		const all = await b.value("page.list.chosen().length"), births = await b.value("page.space.rects");
		await b.value("document.getElementById('thread').focus()");
		await b.key("ArrowDown");
		await b.until("page.thread !== 0");
		await b.frames();
		const tid = await b.value("page.thread"), own = await b.value(`[...page.chart.rects.thread].filter((t) => t === ${tid}).length`);
		assert.ok(own > 0 && own < births, `${own} of ${births}`);
		assert.strictEqual(await b.value("[...page.picture.chosen].filter(Boolean).length"), own);
		const left = await b.value("page.list.chosen().length"), why = "document.querySelector('#reasons caption').textContent";
		assert.ok(left < all, `${left} of ${all}`);
		assert.match(await b.value(why), new RegExp(`at the peak.*, of thread ${tid}$`));
		assert.strictEqual(total(numbers((await b.value(cells("reasons"))).map((r) => r[0]))), left, "reasons are of the thread");
		assert.ok(await b.value(`page.list.chosen().every((a) => a.thread === ${tid})`));
		assert.strictEqual(await b.value("page.flame.root.value"), left);
		await b.drag("#chart", [0.02, 0.5], [0.98, 0.5]);
		assert.ok(await b.value(`page.list.chosen().every((a) => a.thread === ${tid})`));
		assert.match(await b.value(why), new RegExp(`began between.*, of thread ${tid}$`));
		const inside = await b.value(page_is(`[...r.born].filter((t, i) => t >= s[0][0] && t <= s[0][1] && r.thread[i] === ${tid}).length`));
		assert.strictEqual(total(numbers((await b.value(cells("reasons"))).map((r) => r[0]))), inside, "reasons are of the thread and of the span");
		await b.shot("10-thread", true);
		await sleep(400);
		const link = await b.value("location.href");
		assert.match(link, new RegExp(`thread=${tid}`));
		await b.open(link);
		assert.strictEqual(await b.value("page.thread"), tid);
		await b.click("#clear");
		await b.value(change("thread", "0"));
		assert.strictEqual(await b.value("page.list.chosen().length"), all);
		assert.strictEqual(await b.value("page.picture.chosen"), null);
		b.quiet();
	},
	async "a column sorts, and again the other way"(b) {
		await b.click("#areas th button[data-key=size]");
		const up = await b.value("page.list.chosen().map((a) => a.size)");
		assert.deepStrictEqual(up, [...up].sort((p, q) => p - q));
		await b.click("#areas th button[data-key=size]");
		assert.deepStrictEqual(await b.value("page.list.chosen().map((a) => a.size)"), [...up].sort((p, q) => q - p));
	},
	async "the flame graph has every area of the peak, and is entered by a click"(b) {
		assert.strictEqual(await b.value("page.flame.root.value"), await b.value("page.space.areas"));
		await b.value("document.getElementById('flame').scrollIntoView({ block: 'center' })");
		const box = await b.value("(() => { const x = page.flame.boxes.findIndex((b) => b.depth === 1), b = page.flame.boxes[x]; return [b.x + b.width / 2, b.node.value]; })()");
		const place = await b.at("#flame", box[0], 0);
		place.y += 19 * 1.5;
		await b.mouse("mouseMoved", place);
		await b.shot("6-flame");
		await b.mouse("mousePressed", place, { button: "left", clickCount: 1 });
		await b.mouse("mouseReleased", place, { button: "left", clickCount: 1 });
		await b.frames();
		assert.strictEqual(await b.value("page.flame.boxes[0].node.value"), box[1]);
		await b.value("document.getElementById('flame').focus()");
		await b.key("Escape");
		assert.strictEqual(await b.value("page.flame.boxes[0].node.name"), "all");
		await b.value(change("weight", "births"));
		const births = await b.value("page.flame.root.value"), steps = await b.value("new Set(page.picture.rects.step).size");
		assert.strictEqual(births, await b.value("page.space.rects"));
		await b.value(change("weight", "calls"));
		assert.strictEqual(await b.value("page.flame.root.value"), steps, "each call once, however many areas it made");
		assert.ok(steps < births);
		assert.match(await b.value("document.getElementById('flametip').textContent"), /^all: [0-9]+ calls, 100.0%$/);
		await b.value(change("weight", "areas"));
	},
	async "another process is shown, and its link reopens it"(b) {
		if ((await b.value("page.meta.spaces.length")) < 2)
			assert.fail("the recording has one address space");
		await b.value("document.getElementById('process').focus()");
		await b.key("ArrowDown");
		await b.until("page.number === 1");
		await b.frames();
		assert.strictEqual(await b.value("page.list.rows.length"), await b.value("page.meta.spaces[1].areas"));
		assert.strictEqual(total(numbers((await b.value(cells("reasons"))).map((r) => r[0]))), await b.value("page.meta.spaces[1].areas"), "its reasons");
		await b.shot("7-process", true);
		await sleep(400);
		const link = await b.value("location.href");
		assert.match(link, /process=1/);
		await b.open(link);
		assert.strictEqual(await b.value("page.number"), 1);
		b.quiet();
	},
	async "everything by the keyboard alone"(b) {
		await b.open(pageFile);
		const reached = new Set();
		for (let i = 0; i < 40; i++) {
			await b.key("Tab");
			reached.add(await b.value("document.activeElement.id || document.activeElement.dataset.key || ''"));
		}
		for (const id of ["theme", "process", "thread", "picture", "measure", "chart", "clear", "weight", "flame", "holes", "filter", "csv", "size"])
			assert.ok(reached.has(id), `${id} is not reached: ${[...reached]}`);
		await b.value("document.getElementById('picture').focus()");
		const all = await b.value(view);
		await b.key("+");
		await b.key("ArrowRight");
		const near = await b.value(view);
		assert.ok(near.t1 - near.t0 < all.t1 - all.t0 && near.t0 > all.t0);
		await b.key("Enter");
		await b.key("0");
		await b.value("document.getElementById('chart').focus()");
		for (const key of ["ArrowRight", "Enter", ...Array(20).fill("ArrowRight"), "Enter"])
			await b.key(key);
		assert.ok(await b.value("page.chart.spans[0] && page.chart.spans[0][1] > page.chart.spans[0][0]"));
		await b.key("Escape");
		assert.ok(await b.value("page.chart.spans[0] === null"));
		await b.value("document.getElementById('flame').focus()");
		await b.key("ArrowDown");
		assert.strictEqual(await b.value("page.flame.boxes[page.flame.at].depth"), 1);
		await b.key("Enter");
		assert.strictEqual(await b.value("page.flame.way.length"), 2);
		await b.key("Escape");
		b.quiet();
	},
	async "every view has a link that reopens it, in a new page and in the same one"(b) {
		await b.open(pageFile);
		const state = "JSON.stringify({ ...linkParts(), pinned: document.getElementById('pinned').textContent, theme: document.documentElement.className, rows: document.querySelector('#areas tbody').textContent, reasons: document.getElementById('reasons').textContent, box: page.flame.way.map((n) => n.name) })";
		const fresh = await b.value(state);
		await b.click("#theme");
		await b.click("#areas th button[data-key=size]");
		await b.click("#areas th button[data-key=size]");
		await b.value(change("measure", "needless"));
		await b.value(change("weight", "bytes"));
		await b.drag("#chart", [0.1, 0.5], [0.7, 0.5]);
		await b.drag("#chart", [0.75, 0.5], [0.9, 0.5], CTRL);
		await b.value("document.getElementById('flame').focus()");
		await b.key("ArrowDown");
		await b.key("Enter");
		await b.value("document.getElementById('picture').focus()");
		await b.key("+");
		await b.value("page.picture.pin(page.picture.rects.start.length - 1)");
		await b.click("#filter");
		await b.send("Input.insertText", { text: "size>8K" });
		await sleep(400);
		const link = await b.value("location.href"), there = await b.value(state);
		for (const part of ["t=", "y=", "filter=", "sort=size-", "pin=", "numbers=needless", "culprits=bytes", "box=", "at=", "theme=dark", "span=", "second="])
			assert.ok(link.includes(part), `${part} is not in ${link}`);
		await b.open(link);
		assert.deepStrictEqual(JSON.parse(await b.value(state)), JSON.parse(there));
		await b.open(pageFile);
		assert.strictEqual(await b.value(state), fresh, "a page without a link is as it was");
		await b.value(`location.hash = ${JSON.stringify(new URL(link).hash)}`);
		await b.until("page.cursor >= 0");
		await b.frames();
		assert.deepStrictEqual(JSON.parse(await b.value(state)), JSON.parse(there));
		await b.open(pageFile + "#process=99&t=x&sort=none&pin=9999999&box=7.7.7&at=nothing&span=9-1&thread=abc");
		assert.strictEqual(await b.value("page.list.key + page.number + page.thread"), "start00", "of what is nonsense the page is as it begins");
		b.quiet();
	},
	async "screen readers get the tables, with headings, and words for the pictures"(b) {
		await b.open(pageFile);
		await b.send("Accessibility.enable");
		const { nodes } = await b.send("Accessibility.getFullAXTree"), seen = nodes.filter((n) => !n.ignored).map((n) => [n.role.value, n.name?.value || ""]);
		const named = (role) => seen.filter(([r]) => r === role).map(([, name]) => name);
		assert.deepStrictEqual(named("table").filter((n) => !n), [], "each table has a name");
		for (const name of [/^Why areas are apart/, /^Largest free ranges/, /^Address spaces/, /^Areas/])
			assert.ok(named("table").some((n) => name.test(n)), `${name}: ${named("table")}`);
		for (const role of ["image", "button", "combobox", "textbox"])
			assert.deepStrictEqual(named(role).filter((n) => !n), [], `each ${role} has a name`);
		assert.strictEqual(named("image").length, 4, "the pictures; the map beside and the axis are decoration");
		for (const heading of ["areas", "size", "reason", "made by", "start", "name"])
			assert.ok(named("columnheader").some((n) => n.includes(heading)), `${heading}: ${named("columnheader")}`);
		assert.ok(seen.filter(([r]) => r === "heading").length >= 7);
		await b.send("Accessibility.disable");
		assert.strictEqual(await b.value("document.querySelector('#areas th[aria-sort=ascending] button').dataset.key"), "start");
		await b.click("#areas th button[data-key=size]");
		assert.strictEqual(await b.value("document.querySelector('#areas th[aria-sort=ascending] button').dataset.key"), "size");
	},
	async "on a narrow screen nothing is cut off, and words stay words"(b) {
		await b.open(pageFile);
		await b.send("Emulation.setDeviceMetricsOverride", { width: 400, height: 800, deviceScaleFactor: 1, mobile: false });
		await b.frames();
		assert.deepStrictEqual(await b.value("[document.documentElement.scrollWidth, ...[...document.querySelectorAll('select, input, canvas, pre')].map((e) => e.getBoundingClientRect().right)].filter((right) => right > 400)"), []);
		const narrowest = await b.value("Math.min(...[...document.querySelectorAll('#reasons td:not(.n)')].map((td) => td.clientWidth))");
		assert.ok(narrowest >= 60, `a column of words has ${narrowest} pixels`);
		await b.shot("13-narrow", true);
		await b.send("Emulation.clearDeviceMetricsOverride");
		await b.frames();
		b.quiet();
	},
	async "dark, and light again; by itself where the system is"(b) {
		const background = "getComputedStyle(document.body).backgroundColor", before = await b.value(background), ink = "getComputedStyle(document.body).color";
		await b.click("#theme");
		const dark = await b.value(background);
		assert.notStrictEqual(dark, before);
		await b.shot("8-dark", true);
		await b.click("#theme");
		assert.strictEqual(await b.value(background), before);
		await b.open(pageFile);
		await b.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
		assert.strictEqual(await b.value(background), dark);
		assert.notStrictEqual(await b.value(ink), dark);
		await b.send("Emulation.setEmulatedMedia", { features: [] });
		assert.strictEqual(await b.value(background), before);
	},
	async "it prints: light, with headings in words on each page, without what only a screen can do"(b) {
		await b.click("#theme");
		await b.value("addEventListener('beforeprint', () => (window.printed = [document.documentElement.className, document.getElementById('picture').width / document.getElementById('picture').clientWidth]))");
		const { data } = await b.send("Page.printToPDF", { printBackground: false });
		const pdf = Buffer.from(data, "base64");
		assert.ok(pdf.subarray(0, 5).toString() === "%PDF-" && pdf.length > 20000, String(pdf.length));
		if (shots)
			fs.writeFileSync(path.join(shots, "9-print.pdf"), pdf);
		assert.deepStrictEqual(await b.value("window.printed"), ["light", 2], "light, and twice as sharp");
		await b.frames();
		assert.strictEqual(await b.value("document.documentElement.className"), "dark", "as it was");
		await b.click("#theme");
		const words = spawnSync("pdftotext", ["-layout", "-", "-"], { input: pdf, encoding: "utf8" });
		if (!words.error) {
			const pages = words.stdout.split("\f").filter((p) => p.trim()), listed = pages.filter((p) => /^ *[0-9a-f]{12} .*(r|-)(w|-)(x|-) /m.test(p));
			assert.ok(listed.length > 1 && listed.every((p) => /start +size +access +kind/.test(p)), `${listed.length} of ${pages.length} pages`);
			assert.doesNotMatch(words.stdout, /Wheel zooms|dark or light|size>1M/);
		}
		await b.send("Emulation.setEmulatedMedia", { media: "print" });
		for (const what of ["#theme", "#mini", "#filters", "#areas th button"])
			assert.strictEqual(await b.value(`getComputedStyle(document.querySelector("${what}")).display`), "none", what);
		const shape = await b.value("(() => { const c = document.getElementById('picture'); return [c.clientWidth / c.clientHeight, c.width / c.height]; })()");
		assert.ok(Math.abs(shape[0] - shape[1]) < 0.05, "pictures keep their proportions: " + shape);
		assert.strictEqual(await b.value("getComputedStyle(document.querySelector('#legend i')).printColorAdjust"), "exact");
		await b.send("Emulation.setEmulatedMedia", { media: "" });
	},
	async "without a script the page says the essential"(b) {
		await b.send("Emulation.setScriptExecutionDisabled", { value: true });
		await b.send("Page.navigate", { url: "file://" + path.resolve(pageFile) });
		await b.until("document.readyState === 'complete'");
		const said = await b.value("document.body.innerText");
		for (const words of [/most areas\s+\d+ at step/, /mapping calls\s+\d/, /Why areas are apart, at the peak/, /made by\s/, /Largest free ranges/, /Without JavaScript/])
			assert.match(said, words);
		assert.doesNotMatch(said, /Wheel zooms|Filter|dark or light/);
		assert.ok((await b.value(cells("reasons"))).length > 5);
		await b.shot("12-without-script");
		await b.send("Emulation.setScriptExecutionDisabled", { value: false });
	},
	async "hostile names are text"(b) {
		await b.open(hostileFile);
		assert.strictEqual(await b.value("document.querySelectorAll('img, iframe, svg').length"), 0);
		assert.ok(await b.value("document.body.textContent.includes('<img src=x onerror=alert(1)>')"));
		b.quiet();
		await b.open(programFile);
		for (const id of ["spaces", "reasons", "areas"])
			assert.ok(await b.value(`document.getElementById("${id}").textContent.includes("<img src=x onerror=alert(1)>")`), id);
		const option = await b.value("document.querySelector('#process option').textContent"), csv = await b.value("page.list.csv()");
		assert.ok(option.includes("\\xff\\u0001\\u202e"), option);
		assert.match(csv, /,"[^\n]*<img src=x onerror=alert\(1\)>""'&\\xff\\u0001\\u202e/);
		const frames = await b.value("page.picture.rects.site.length && [...document.querySelectorAll('*')].every((e) => ![...e.childNodes].some((n) => n.nodeType === 3 && e.tagName !== 'SCRIPT' && /[\\u202e\\u0001]/.test(n.data)))");
		assert.ok(frames, "nothing that turns or hides text is in the page");
		assert.strictEqual(await b.value("document.querySelectorAll('img, iframe, svg, b').length"), 0);
		assert.deepStrictEqual((await b.value(drawn)).filter(([, t]) => /[\u202e\u0001]/.test(t)), []);
		await b.shot("11-hostile");
		b.quiet();
	},
};

async function main() {
	const browser = new Browser();
	let number = 0, failed = 0;
	for (const [name, run] of Object.entries(cases)) {
		number++;
		try {
			await run(browser);
			console.log(`ok ${number} - ${name}`);
		} catch (e) {
			failed++;
			console.log(`not ok ${number} - ${name}\n# ${String(e.stack).replace(/\n/g, "\n# ")}`);
		}
	}
	console.log(`1..${number}`);
	await browser.close();
	process.exitCode = failed ? 1 : 0;
}

if (require.main === module)
	main();
else
	module.exports = { Browser, sleep };
