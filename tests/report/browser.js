// SPDX-License-Identifier: MIT
// A report in a real browser, driven by real input events over its debugging pipe: no package is needed for that.
// usage: node browser.js CHROMIUM PAGE HOSTILE [FOLDER]       PAGE: of a program with children; FOLDER keeps screenshots
"use strict";
const assert = require("node:assert");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const [chromium, pageFile, hostileFile, shots] = process.argv.slice(2);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The protocol: JSON with a zero byte behind it, to descriptor 3, from descriptor 4. */
class Browser {
	constructor() {
		this.profile = fs.mkdtempSync(path.join(os.tmpdir(), "vmaple-browser-"));
		const options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
			"--disable-sync", "--hide-scrollbars", "--window-size=1200,900", "--remote-debugging-pipe", "--user-data-dir=" + this.profile, "about:blank"];
		this.process = spawn(chromium, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
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
const rows = "document.querySelectorAll('#areas tbody tr').length";
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
		assert.match(await b.value(text("tip")), /^[0-9a-f]{12}-[0-9a-f]{12} [r-][w-][x-] /);
		assert.ok((await b.value("page.cursor")) > 0);
		await b.click("#picture", 0.8, hit);
		assert.match(await b.value(text("pinned")), /its lower end: .*\napart from the area below: .*\nits upper end: .*\napart from the area above: /);
		await b.shot("3-pinned");
	},
	async "a span, and a second one, tell what began in them"(b) {
		await b.drag("#chart", [0.02, 0.5], [0.6, 0.5]);
		assert.ok((await b.value("document.querySelectorAll('#span tbody tr').length")) > 0);
		assert.match(await b.value(text("span")), /Began between/);
		assert.strictEqual(await b.value("document.querySelectorAll('#span table').length"), 2, "by site and by reason");
		await b.value("(() => { const w = page.flame.weight; w.value = 'births'; w.dispatchEvent(new Event('change')); })()");
		const inside = await b.value("(() => { const [a, z] = page.chart.spans[0], born = [...page.chart.rects.born]; return born.filter((t) => t >= a && t <= z).length; })()");
		assert.strictEqual(await b.value("page.flame.root.value"), inside, "the flame graph is of the span");
		await b.drag("#chart", [0.62, 0.5], [0.98, 0.5], CTRL);
		assert.match(await b.value(text("span")), /, and between/);
		await b.shot("4-difference");
		await b.click("#clear");
		assert.strictEqual(await b.value("document.getElementById('span').hidden"), true);
		assert.strictEqual(await b.value("page.flame.root.value"), await b.value("page.space.rects"));
		await b.value("(() => { const w = page.flame.weight; w.value = 'areas'; w.dispatchEvent(new Event('change')); })()");
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
		const left = await b.value("page.list.chosen().length");
		assert.ok(left < all, `${left} of ${all}`);
		assert.ok(await b.value(`page.list.chosen().every((a) => a.thread === ${tid})`));
		assert.strictEqual(await b.value("page.flame.root.value"), left);
		await b.drag("#chart", [0.02, 0.5], [0.98, 0.5]);
		assert.ok(await b.value("page.list.chosen().length") <= left);
		assert.match(await b.value(text("found")), /of those that began in the span/);
		await b.shot("10-thread", true);
		await sleep(400);
		const link = await b.value("location.href");
		assert.match(link, new RegExp(`thread=${tid}`));
		await b.open(link);
		assert.strictEqual(await b.value("page.thread"), tid);
		await b.click("#clear");
		await b.value("(() => { const t = document.getElementById('thread'); t.value = '0'; t.dispatchEvent(new Event('change')); })()");
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
	},
	async "another process is shown, and its link reopens it"(b) {
		if ((await b.value("page.meta.spaces.length")) < 2)
			assert.fail("the recording has one address space");
		await b.value("document.getElementById('process').focus()");
		await b.key("ArrowDown");
		await b.until("page.number === 1");
		await b.frames();
		assert.strictEqual(await b.value("page.list.rows.length"), await b.value("page.meta.spaces[1].areas"));
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
	async "dark, and light again"(b) {
		const background = "getComputedStyle(document.body).backgroundColor", before = await b.value(background);
		await b.click("#theme");
		assert.notStrictEqual(await b.value(background), before);
		await b.shot("8-dark", true);
		await b.click("#theme");
		assert.strictEqual(await b.value(background), before);
	},
	async "it prints"(b) {
		const { data } = await b.send("Page.printToPDF", { printBackground: false });
		const pdf = Buffer.from(data, "base64");
		assert.ok(pdf.subarray(0, 5).toString() === "%PDF-" && pdf.length > 20000, String(pdf.length));
		if (shots)
			fs.writeFileSync(path.join(shots, "9-print.pdf"), pdf);
		await b.send("Emulation.setEmulatedMedia", { media: "print" });
		assert.strictEqual(await b.value("getComputedStyle(document.getElementById('theme')).display"), "none");
		await b.send("Emulation.setEmulatedMedia", { media: "" });
	},
	async "hostile names are text"(b) {
		await b.open(hostileFile);
		assert.strictEqual(await b.value("document.querySelectorAll('img, iframe, svg').length"), 0);
		assert.ok(await b.value("document.body.textContent.includes('<img src=x onerror=alert(1)>')"));
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
