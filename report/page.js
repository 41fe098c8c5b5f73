// SPDX-License-Identifier: MIT
// The report's pictures and lists.  Everything from the recording becomes text nodes or pixels, never markup.
"use strict";

const COLORS = ["#4c78a8", "#f58518", "#e45756", "#54a24b", "#a6c96a", "#9aa3af", "#b279a2", "#eeca3b", "#79706e"];

// ---- pure functions, tested by themselves ----

/** Used addresses as segments, gaps between them folded away: where each lies on a line from 0 to 1. */
function foldAddresses(starts, ends) {
	const order = Array.from(starts.keys()).sort((a, b) => starts[a] - starts[b]);
	const segments = [];
	for (const i of order) {
		const last = segments[segments.length - 1];
		if (last && starts[i] <= last.end) {
			last.end = Math.max(last.end, ends[i]);
			last.areas++;
		} else {
			segments.push({ start: starts[i], end: ends[i], areas: 1 });
		}
	}
	let total = 0;
	for (const s of segments) {
		s.weight = 1 + Math.log2(1 + (s.end - s.start) / 4096) + Math.sqrt(s.areas);
		total += s.weight + 1;
	}
	// The largest gaps have room for their size in words.
	const gaps = segments.map((s, i) => (i ? s.start - segments[i - 1].end : 0)).sort((a, b) => b - a);
	const large = gaps[Math.min(6, gaps.length - 1)], room = total * 0.035;
	total = 0;
	segments.forEach((s, i) => {
		if (i)
			total += s.start - segments[i - 1].end >= Math.max(large, 1) ? room : 1;
		s.low = total;
		total += s.weight;
	});
	for (const s of segments) {
		s.high = (s.low + s.weight) / total;
		s.low /= total;
	}
	return segments;
}

/** The segment that holds an address, or the last one below it; -1: none. */
function segmentAt(segments, address) {
	let lo = 0, hi = segments.length;
	while (lo < hi) {
		const mid = (lo + hi) >> 1;
		if (segments[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

function addressToLine(segments, address) {
	const s = segments[segmentAt(segments, address)];
	if (!s)
		return 0;
	return s.low + (s.high - s.low) * Math.min(1, (address - s.start) / (s.end - s.start));
}

function sizeText(bytes) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let i = 0;
	while (bytes >= 1024 && i < 5) {
		bytes /= 1024;
		i++;
	}
	return (i && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[i];
}

function parseSize(text) {
	const m = /^(\d+(?:\.\d+)?)([KMGT]?)/i.exec(text);
	return m ? Number(m[1]) * 1024 ** " KMGT".indexOf(m[2].toUpperCase() || " ") : NaN;
}

/** "size>1M prot=rw name~jit reason=written": a function of an area, or a sentence about what is wrong. */
function parseFilter(text) {
	const tests = [];
	for (const word of text.trim().split(/\s+/).filter(Boolean)) {
		const m = /^(\w+)(>=|<=|>|<|=|~)(.+)$/.exec(word);
		if (!m) {
			tests.push((a) => (a.name + " " + a.site).toLowerCase().includes(word.toLowerCase()));
			continue;
		}
		const [, key, op, value] = m;
		if (!["size", "start", "prot", "kind", "name", "reason", "site"].includes(key))
			return `there is no column ${key}`;
		if (key === "size" || key === "start") {
			const n = key === "size" ? parseSize(value) : parseInt(value, 16);
			if (Number.isNaN(n) || op === "~")
				return `${key} wants a number`;
			const compare = { ">": (x) => x > n, "<": (x) => x < n, "=": (x) => x === n, ">=": (x) => x >= n, "<=": (x) => x <= n };
			tests.push((a) => compare[op](a[key]));
		} else if (key === "prot" && op === "=") {
			tests.push((a) => a.prot.replace(/-/g, "") === value.replace(/-/g, ""));
		} else {
			tests.push((a) => (op === "=" && key !== "reason" ? a[key] === value : a[key].includes(value)));
		}
	}
	return (a) => tests.every((t) => t(a));
}

/** Areas a second over the later half, and seconds until the limit; null: it does not grow, or is too short to tell. */
function forecast(times, areas, limit) {
	const from = Math.floor(times.length / 2), n = times.length - from;
	let t = 0, a = 0, ta = 0, tt = 0;
	for (let i = from; i < times.length; i++) {
		t += times[i] / n;
		a += areas[i] / n;
	}
	for (let i = from; i < times.length; i++) {
		ta += (times[i] - t) * (areas[i] - a);
		tt += (times[i] - t) ** 2;
	}
	const slope = tt ? (ta / tt) * 1e9 : 0, last = areas[areas.length - 1];
	if (n < 8 || times[times.length - 1] - times[from] < 5e9 || slope <= 0.05 || areas[times.length - 1] <= areas[from])
		return null;
	return { slope, seconds: (limit - last) / slope };
}

/** What began in a span of time, by site: [site, began, still there at its end], most first. */
function bornBetween(rects, from, to) {
	const sums = new Map();
	for (let i = 0; i < rects.born.length; i++) {
		if (rects.born[i] < from || rects.born[i] > to)
			continue;
		const s = sums.get(rects.site[i]) || { born: 0, left: 0, bytes: 0 };
		s.born++;
		if (rects.ended[i] > to) {
			s.left++;
			s.bytes += rects.end[i] - rects.start[i];
		}
		sums.set(rects.site[i], s);
	}
	return sums;
}

function csvField(text) {
	const safe = /^[=+\-@\t]/.test(text) ? "'" + text : text;
	return /[",\n\r]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
}

function protText(bits) {
	return (bits & 1 ? "r" : "-") + (bits & 2 ? "w" : "-") + (bits & 4 ? "x" : "-");
}

if (typeof module !== "undefined")
	module.exports = { foldAddresses, segmentAt, addressToLine, sizeText, parseSize, parseFilter, forecast, bornBetween, csvField, protText };

// ---- the data ----

async function readColumns(meta) {
	const text = atob(document.getElementById("data").textContent);
	const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
	const buffer = await new Response(stream).arrayBuffer();
	let at = 0;
	const column = (type, n) => {
		const bytesLong = n * type.BYTES_PER_ELEMENT;
		const c = new type(buffer.slice(at, at + bytesLong));
		at += bytesLong;
		return c;
	};
	const columns = (n, shape) => Object.fromEntries(shape.map(([name, type]) => [name, column(type, n)]));
	const F = Float64Array, U = Uint32Array, B = Uint8Array;
	return {
		rects: columns(meta.rects, [["start", F], ["end", F], ["born", F], ["ended", F], ["step", U], ["reasons", U], ["site", U], ["name", U], ["kind", B], ["prot", B]]),
		samples: columns(meta.samples, [["time", F], ["step", F], ["areas", F], ["bytes", F], ["calls", F], ["splits", F], ["merges", F]]),
		areas: columns(meta.areas, [["start", F], ["end", F], ["step", U], ["reasons", U], ["name", U], ["site", U], ["kind", B], ["prot", B], ["needless", B]]),
	};
}

function reasonWords(meta, bits, words) {
	return words.filter((_, i) => (bits >>> i) & 1).join(" + ");
}

const hex = (n) => n.toString(16).padStart(12, "0");
const seconds = (ns) => (ns / 1e9).toFixed(3) + " s";

function element(tag, text, parent, className) {
	const e = document.createElement(tag);
	if (text !== undefined)
		e.textContent = text;
	if (className)
		e.className = className;
	if (parent)
		parent.append(e);
	return e;
}

// ---- the picture ----

class Picture {
	constructor(meta, rects) {
		this.meta = meta;
		this.rects = rects;
		this.canvas = document.getElementById("picture");
		this.mini = document.getElementById("mini");
		this.segments = foldAddresses(rects.start, rects.end);
		const n = rects.start.length;
		this.low = new Float32Array(n);
		this.high = new Float32Array(n);
		for (let i = 0; i < n; i++) {
			this.low[i] = addressToLine(this.segments, rects.start[i]);
			const s = this.segments[segmentAt(this.segments, rects.start[i])];
			this.high[i] = s.low + (s.high - s.low) * ((rects.end[i] - s.start) / (s.end - s.start));
		}
		this.colors = new Uint32Array(COLORS.map((c) => {
			const v = parseInt(c.slice(1), 16);
			return (0xff << 24) | ((v & 255) << 16) | (v & 0xff00) | (v >> 16);
		}));
		this.reset();
		this.frames = [];
		this.pinnedAt = -1;
		this.listen();
	}

	reset() {
		const span = Math.max(1, this.meta.end - this.meta.begin);
		this.view = { t0: this.meta.begin, t1: this.meta.begin + span, y0: 0, y1: 1 };
	}

	draw() {
		if (this.waiting)
			return;
		this.waiting = true;
		requestAnimationFrame(() => {
			const begin = performance.now();
			this.waiting = false;
			this.paint(this.canvas, this.view, true);
			this.paintMini();
			this.frames.push(performance.now() - begin);
			if (this.frames.length > 200)
				this.frames.shift();
			writeLink();
		});
	}

	paint(canvas, view, labels) {
		const w = (canvas.width = canvas.clientWidth), h = (canvas.height = canvas.clientHeight);
		if (!w || !h)
			return;
		const context = canvas.getContext("2d"), image = context.createImageData(w, h), pixels = new Uint32Array(image.data.buffer);
		const { rects, low, high, colors } = this, xScale = w / (view.t1 - view.t0), yScale = h / (view.y1 - view.y0);
		for (let i = 0; i < low.length; i++) {
			if (rects.ended[i] < view.t0 || rects.born[i] > view.t1 || high[i] < view.y0 || low[i] > view.y1)
				continue;
			const x0 = Math.max(0, ((rects.born[i] - view.t0) * xScale) | 0);
			const x1 = Math.min(w, Math.max(x0 + 1, ((rects.ended[i] - view.t0) * xScale) | 0));
			const top = Math.max(0, Math.round(h - (high[i] - view.y0) * yScale));
			const bottom = Math.min(h, Math.max(top + 1, Math.round(h - (low[i] - view.y0) * yScale)));
			const color = colors[rects.kind[i]], edge = bottom - top > 3 && x1 - x0 > 3;
			for (let y = top; y < bottom - (edge ? 1 : 0); y++)
				pixels.fill(color, y * w + x0, y * w + x1 - (edge ? 1 : 0));
		}
		context.putImageData(image, 0, 0);
		if (labels)
			this.paintGaps(context, w, h, view, yScale);
	}

	paintGaps(context, w, h, view, yScale) {
		const style = getComputedStyle(document.documentElement);
		context.font = "11px system-ui, sans-serif";
		context.fillStyle = style.getPropertyValue("--dim");
		for (let i = 1; i < this.segments.length; i++) {
			const a = this.segments[i - 1], b = this.segments[i];
			const y = h - ((a.high + b.low) / 2 - view.y0) * yScale, room = (b.low - a.high) * yScale;
			if (y > 0 && y < h && room > 9)
				context.fillText(sizeText(b.start - a.end) + " free", 6, y + 4);
		}
	}

	paintMini() {
		const all = { t0: this.meta.begin, t1: Math.max(this.meta.end, this.meta.begin + 1), y0: 0, y1: 1 };
		this.paint(this.mini, all, false);
		const c = this.mini.getContext("2d"), w = this.mini.width, h = this.mini.height, span = all.t1 - all.t0, v = this.view;
		c.strokeStyle = "#e00";
		c.strokeRect(((v.t0 - all.t0) / span) * w + 0.5, h - v.y1 * h + 0.5, Math.max(2, ((v.t1 - v.t0) / span) * w - 1), Math.max(2, (v.y1 - v.y0) * h - 1));
	}

	zoom(factor, x, y, times, addresses) {
		const v = this.view, all = Math.max(1, this.meta.end - this.meta.begin);
		if (times && ((v.t1 - v.t0) * factor > all * 1e-7 || factor > 1)) {
			const at = v.t0 + (v.t1 - v.t0) * x;
			v.t0 = Math.max(this.meta.begin, at - (at - v.t0) * factor);
			v.t1 = Math.min(this.meta.begin + all, at + (v.t1 - at) * factor);
		}
		if (addresses && ((v.y1 - v.y0) * factor > 1e-7 || factor > 1)) {
			const at = v.y0 + (v.y1 - v.y0) * (1 - y);
			v.y0 = Math.max(0, at - (at - v.y0) * factor);
			v.y1 = Math.min(1, at + (v.y1 - at) * factor);
		}
		this.draw();
	}

	move(dx, dy) {
		const v = this.view, t = v.t1 - v.t0, y = v.y1 - v.y0, all = Math.max(1, this.meta.end - this.meta.begin);
		v.t0 = Math.min(Math.max(this.meta.begin, v.t0 - dx * t), this.meta.begin + all - t);
		v.t1 = v.t0 + t;
		v.y0 = Math.min(Math.max(0, v.y0 + dy * y), 1 - y);
		v.y1 = v.y0 + y;
		this.draw();
	}

	find(x, y) {
		const v = this.view, t = v.t0 + (v.t1 - v.t0) * x, at = v.y0 + (v.y1 - v.y0) * (1 - y);
		const slack = (v.y1 - v.y0) / Math.max(1, this.canvas.clientHeight);
		let best = -1;
		for (let i = 0; i < this.low.length; i++)
			if (t >= this.rects.born[i] && t <= this.rects.ended[i] && at >= this.low[i] - slack && at <= this.high[i] + slack &&
				(best < 0 || this.high[i] - this.low[i] < this.high[best] - this.low[best]))
				best = i;
		return best;
	}

	line(i) {
		const r = this.rects;
		return `${hex(r.start[i])}-${hex(r.end[i])} ${protText(r.prot[i])} ${sizeText(r.end[i] - r.start[i])} ${this.meta.names[r.name[i]] || this.meta.kinds[r.kind[i]]}`;
	}

	describe(i) {
		const r = this.rects, lived = r.ended[i] >= this.meta.end ? "lives to the end" : `ended after ${seconds(r.ended[i])}`;
		return `${this.line(i)}\nso since step ${r.step[i]}, ${seconds(r.born[i])}; ${lived}\nits lower end: ${this.meta.sites[r.site[i]]}\napart from the area below: ${reasonWords(this.meta, r.reasons[i], this.meta.reasons)}`;
	}

	pin(i) {
		const pinned = document.getElementById("pinned");
		this.pinnedAt = i;
		pinned.hidden = i < 0;
		if (i >= 0)
			pinned.textContent = this.describe(i);
	}

	listen() {
		const c = this.canvas, place = (e) => [e.offsetX / c.clientWidth, e.offsetY / c.clientHeight];
		let from = null, moved = false;
		c.addEventListener("wheel", (e) => {
			e.preventDefault();
			const [x, y] = place(e);
			this.zoom(e.deltaY > 0 ? 1.25 : 0.8, x, y, !e.shiftKey, true);
		}, { passive: false });
		c.addEventListener("pointerdown", (e) => {
			from = place(e);
			moved = false;
			c.setPointerCapture(e.pointerId);
		});
		c.addEventListener("pointermove", (e) => {
			const [x, y] = place(e);
			if (from) {
				if (Math.abs(x - from[0]) + Math.abs(y - from[1]) > 0.003 || moved) {
					this.move(x - from[0], y - from[1]);
					from = [x, y];
					moved = true;
				}
				return;
			}
			const i = this.find(x, y);
			document.getElementById("tip").textContent = i < 0 ? "" : this.line(i);
		});
		c.addEventListener("pointerup", (e) => {
			if (from && !moved)
				this.pin(this.find(...place(e)));
			from = null;
		});
		c.addEventListener("keydown", (e) => {
			const keys = {
				ArrowLeft: () => this.move(0.1, 0), ArrowRight: () => this.move(-0.1, 0),
				ArrowUp: () => this.move(0, 0.1), ArrowDown: () => this.move(0, -0.1),
				"+": () => this.zoom(0.8, 0.5, 0.5, true, true), "=": () => this.zoom(0.8, 0.5, 0.5, true, true),
				"-": () => this.zoom(1.25, 0.5, 0.5, true, true),
				"[": () => this.zoom(1.25, 0.5, 0.5, false, true), "]": () => this.zoom(0.8, 0.5, 0.5, false, true),
				0: () => { this.reset(); this.draw(); },
				Enter: () => this.pin(this.find(0.5, 0.5)), Escape: () => this.pin(-1),
			};
			if (!keys[e.key])
				return;
			e.preventDefault();
			keys[e.key]();
		});
	}
}

// ---- numbers over time ----

class Chart {
	constructor(meta, samples, rects) {
		this.meta = meta;
		this.samples = samples;
		this.rects = rects;
		this.canvas = document.getElementById("chart");
		this.spans = [null, null];
		this.listen();
		this.tell();
	}

	tell() {
		const s = this.samples, f = forecast(s.time, s.areas, this.meta.limit);
		document.getElementById("forecast").textContent = f
			? `${f.slope.toFixed(1)} areas a second over the later half: max_map_count (${this.meta.limit}) would be reached ${f.seconds.toFixed(0)} s after the end.`
			: `No steady growth over five seconds or more; max_map_count is ${this.meta.limit}.`;
	}

	draw() {
		const c = this.canvas, w = (c.width = c.clientWidth), h = (c.height = c.clientHeight), context = c.getContext("2d");
		const style = getComputedStyle(document.documentElement), s = this.samples, n = s.time.length;
		const begin = this.meta.begin, span = Math.max(1, this.meta.end - begin), most = Math.max(1, s.areas.reduce((a, b) => Math.max(a, b), 1)) * 1.1;
		const x = (t) => ((t - begin) / span) * w, y = (a) => h - 16 - (a / most) * (h - 24);
		context.clearRect(0, 0, w, h);
		context.fillStyle = "rgba(120,140,220,.25)";
		for (const p of this.spans)
			if (p)
				context.fillRect(x(p[0]), 0, Math.max(1, x(p[1]) - x(p[0])), h);
		context.strokeStyle = "#4c78a8";
		context.lineWidth = 1.5;
		context.beginPath();
		for (let i = 0; i < n; i++)
			context.lineTo(x(s.time[i]), y(s.areas[i]));
		context.stroke();
		context.fillStyle = style.getPropertyValue("--dim");
		context.font = "12px system-ui, sans-serif";
		context.fillText(`${Math.round(most / 1.1)} areas at most`, w - 150, y(most / 1.1) + 16);
		context.fillText(seconds(begin), 4, h - 2);
		context.fillText(seconds(this.meta.end), w - 70, h - 2);
		if (this.meta.limit < most) {
			context.strokeStyle = style.getPropertyValue("--mark");
			context.beginPath();
			context.moveTo(0, y(this.meta.limit));
			context.lineTo(w, y(this.meta.limit));
			context.stroke();
			context.fillText("max_map_count", 6, y(this.meta.limit) + 14);
		}
	}

	listen() {
		const c = this.canvas, time = (e) => this.meta.begin + (e.offsetX / c.clientWidth) * (this.meta.end - this.meta.begin);
		let from = null, which = 0;
		c.addEventListener("pointerdown", (e) => {
			from = time(e);
			which = e.ctrlKey ? 1 : 0;
			c.setPointerCapture(e.pointerId);
		});
		c.addEventListener("pointermove", (e) => {
			if (from === null)
				return;
			this.spans[which] = [Math.min(from, time(e)), Math.max(from, time(e))];
			this.draw();
		});
		c.addEventListener("pointerup", () => {
			from = null;
			this.show();
		});
		document.getElementById("clear").addEventListener("click", () => {
			this.spans = [null, null];
			this.draw();
			this.show();
		});
	}

	show() {
		const box = document.getElementById("span"), [a, b] = this.spans;
		box.replaceChildren();
		box.hidden = !a;
		if (!a)
			return;
		const first = bornBetween(this.rects, ...a), second = b ? bornBetween(this.rects, ...b) : null;
		element("p", `Began between ${seconds(a[0])} and ${seconds(a[1])}${b ? `, and between ${seconds(b[0])} and ${seconds(b[1])}` : ""}:`, box);
		const table = element("table", undefined, box), head = element("tr", undefined, element("thead", undefined, table));
		for (const text of b ? ["first", "second", "more", "made by"] : ["began", "still there", "bytes", "made by"])
			element("th", text, head, text === "made by" ? "" : "n");
		const body = element("tbody", undefined, table), none = { born: 0, left: 0, bytes: 0 };
		const sites = [...new Set([...first.keys(), ...(second ? second.keys() : [])])];
		const key = (s) => (b ? (second.get(s) || none).born - (first.get(s) || none).born : first.get(s).born);
		sites.sort((p, q) => key(q) - key(p));
		for (const s of sites.slice(0, 30)) {
			const f = first.get(s) || none, g = second && (second.get(s) || none), row = element("tr", undefined, body);
			for (const text of b ? [f.born, g.born, g.born - f.born] : [f.born, f.left, sizeText(f.bytes)])
				element("td", String(text), row, "n");
			element("td", this.meta.sites[s], row);
		}
	}
}

// ---- the list ----

class List {
	constructor(meta, columns) {
		this.body = document.querySelector("#areas tbody");
		this.rows = Array.from(columns.start, (start, i) => ({
			start, size: columns.end[i] - start, prot: protText(columns.prot[i]), kind: meta.kinds[columns.kind[i]],
			name: meta.names[columns.name[i]] || "", reason: reasonWords(meta, columns.reasons[i], meta.keys),
			words: reasonWords(meta, columns.reasons[i], meta.reasons) + (columns.needless[i] ? " (need not be)" : ""),
			site: meta.sites[columns.site[i]] || "",
		}));
		this.key = "start";
		this.down = false;
		this.input = document.getElementById("filter");
		this.input.addEventListener("input", () => this.show());
		for (const b of document.querySelectorAll("#areas th button"))
			b.addEventListener("click", () => {
				this.down = this.key === b.dataset.key && !this.down;
				this.key = b.dataset.key;
				this.show();
			});
		document.getElementById("csv").addEventListener("click", () => this.save());
	}

	chosen() {
		const filter = parseFilter(this.input.value), found = document.getElementById("found");
		if (typeof filter === "string") {
			found.textContent = filter;
			return [];
		}
		const rows = this.rows.filter(filter), sign = this.down ? -1 : 1;
		rows.sort((a, b) => (a[this.key] < b[this.key] ? -sign : a[this.key] > b[this.key] ? sign : 0));
		found.textContent = `${rows.length} of ${this.rows.length} areas${rows.length > 500 ? "; the first 500 are shown" : ""}`;
		return rows;
	}

	show() {
		this.body.replaceChildren();
		for (const a of this.chosen().slice(0, 500)) {
			const row = element("tr", undefined, this.body);
			element("td", hex(a.start), row, "n");
			element("td", sizeText(a.size), row, "n");
			for (const text of [a.prot, a.kind, a.name, a.words, a.site])
				element("td", text, row);
		}
		writeLink();
	}

	csv() {
		const lines = this.chosen().map((a) => [hex(a.start), a.size, a.prot, a.kind, a.name, a.words, a.site].map((f) => csvField(String(f))).join(","));
		return ["start,bytes,access,kind,name,apart,made_by", ...lines].join("\r\n") + "\r\n";
	}

	save() {
		const link = element("a");
		link.href = URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" }));
		link.download = "areas.csv";
		link.click();
		URL.revokeObjectURL(link.href);
	}
}

// ---- the page ----

const page = {};

function writeLink() {
	if (!page.picture || !page.list)
		return;
	const v = page.picture.view, link = new URLSearchParams({ t: `${Math.round(v.t0)}-${Math.round(v.t1)}`, y: `${v.y0.toFixed(6)}-${v.y1.toFixed(6)}` });
	if (page.list.input.value)
		link.set("filter", page.list.input.value);
	history.replaceState(null, "", "#" + link);
}

function readLink() {
	const link = new URLSearchParams(location.hash.slice(1)), v = page.picture.view;
	const pair = (text) => (text || "").split("-").map(Number);
	const [t0, t1] = pair(link.get("t")), [y0, y1] = pair(link.get("y"));
	if (t1 > t0)
		Object.assign(v, { t0, t1 });
	if (y1 > y0)
		Object.assign(v, { y0, y1 });
	page.list.input.value = link.get("filter") || "";
}

function setTheme() {
	document.getElementById("theme").addEventListener("click", () => {
		const root = document.documentElement.classList, dark = root.contains("dark") || (!root.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
		root.toggle("dark", !dark);
		root.toggle("light", dark);
		page.picture.draw();
		page.chart.draw();
	});
}

async function main() {
	const meta = JSON.parse(document.getElementById("meta").textContent), data = await readColumns(meta);
	for (const id of ["life", "counts", "list"])
		document.getElementById(id).hidden = false;
	meta.kinds.forEach((kind, i) => {
		const item = element("span", undefined, document.getElementById("legend"));
		element("i", undefined, item).style.background = COLORS[i];
		item.append(kind);
	});
	page.picture = new Picture(meta, data.rects);
	page.chart = new Chart(meta, data.samples, data.rects);
	page.list = new List(meta, data.areas);
	readLink();
	setTheme();
	page.picture.draw();
	page.chart.draw();
	page.list.show();
	addEventListener("resize", () => {
		page.picture.draw();
		page.chart.draw();
	});
	document.documentElement.dataset.ready = "yes";
}

if (typeof document !== "undefined")
	main();
