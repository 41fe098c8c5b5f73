// SPDX-License-Identifier: MIT
// The report's pictures and lists.  Everything from the recording becomes text nodes or pixels, never markup.
"use strict";

const HOLE_CLASSES = ["< 64 KiB", "< 1 MiB", "< 16 MiB", "< 256 MiB", "< 4 GiB", "larger"];
const HOLE_COLORS = ["#b2182b", "#ef8a62", "#fddbc7", "#d1e5f0", "#67a9cf", "#2166ac"];

// ---- pure functions, tested by themselves ----

/** Used addresses as segments, gaps between them folded away: where each lies on a line from 0 to 1. */
function foldAddresses(starts, ends) {
	let order = null;
	for (let i = 1; i < starts.length && !order; i++)
		if (starts[i] < starts[i - 1])
			order = Array.from(starts.keys()).sort((a, b) => starts[a] - starts[b]);
	const segments = [];
	for (let k = 0; k < starts.length; k++) {
		const i = order ? order[k] : k;
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
		if (!["size", "start", "prot", "kind", "name", "reason", "site", "thread"].includes(key))
			return `there is no column ${key}`;
		if (key === "size" || key === "start") {
			const n = key === "size" ? parseSize(value) : parseInt(value, 16);
			if (Number.isNaN(n) || op === "~")
				return `${key} wants a number`;
			const compare = { ">": (x) => x > n, "<": (x) => x < n, "=": (x) => x === n, ">=": (x) => x >= n, "<=": (x) => x <= n };
			tests.push((a) => compare[op](a[key]));
		} else if (key === "prot" && op === "=") {
			tests.push((a) => a.prot.replace(/-/g, "") === value.replace(/-/g, ""));
		} else if (key === "thread") {
			if (op !== "=")
				return "thread wants a number behind =";
			tests.push((a) => a.thread === Number(value));
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

/** What one thread (0: all) did in a span of time (null: ever): of a number of columns. */
function isOf(columns, i, thread, span) {
	return (!thread || columns.thread[i] === thread) && (!span || (columns.born[i] >= span[0] && columns.born[i] <= span[1]));
}

/** Threads by how many areas they began, the most first: [number, areas]. */
function threadsOf(rects) {
	const sums = new Map();
	for (const t of rects.thread)
		if (t)
			sums.set(t, (sums.get(t) || 0) + 1);
	return [...sums].sort((a, b) => b[1] - a[1]);
}

/** What began in a span of time, by a column such as the site: how many, and how many bytes are still there at its end. */
function bornBetween(rects, from, to, by = "site", thread = 0) {
	const sums = new Map();
	for (let i = 0; i < rects.born.length; i++) {
		if (!isOf(rects, i, thread, [from, to]))
			continue;
		const s = sums.get(rects[by][i]) || { born: 0, left: 0, bytes: 0 };
		s.born++;
		if (rects.ended[i] > to) {
			s.left++;
			s.bytes += rects.end[i] - rects.start[i];
		}
		sums.set(rects[by][i], s);
	}
	return sums;
}

/** Paths with weights as a tree: { name, value, children: Map }. */
function flameTree(paths, weights) {
	const root = { name: "all", value: 0, children: new Map() };
	paths.forEach((path, i) => {
		let at = root;
		root.value += weights[i];
		for (const name of path) {
			let next = at.children.get(name);
			if (!next)
				at.children.set(name, (next = { name, value: 0, children: new Map() }));
			next.value += weights[i];
			at = next;
		}
	});
	return root;
}

/** Boxes of a tree, or of a part of it: { node, depth, x, width } on a line from 0 to 1, the largest child first. */
function flameBoxes(top, least) {
	const boxes = [], below = (node, depth, x, width) => {
		boxes.push({ node, depth, x, width });
		for (const child of [...node.children.values()].sort((a, b) => b.value - a.value)) {
			const w = (width * child.value) / node.value;
			if (w < least)
				break;
			below(child, depth + 1, x, w);
			x += w;
		}
	};
	if (top.value)
		below(top, 0, 0, 1);
	return boxes;
}

/** What an area's flame is made of: its stack, else the module and the place; then why it is apart. */
function flamePath(stack, site, reason) {
	const module = /\(([^()]+)\)$/.exec(site), frames = stack ? stack.split("\n") : [module ? module[1] : "no file"];
	return [...frames, site, reason];
}

/** The last index whose value is not above; -1: all are. */
function lastAt(values, v) {
	let lo = 0, hi = values.length;
	while (lo < hi) {
		const mid = (lo + hi) >> 1;
		if (values[mid] <= v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/** Base64 without line breaks as bytes: several times faster than atob() and a loop over its string. */
function decodeBase64(text) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", value = new Uint8Array(128);
	for (let i = 0; i < 64; i++)
		value[digits.charCodeAt(i)] = i;
	const pad = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0, bytes = new Uint8Array((text.length / 4) * 3 - pad);
	for (let i = 0, to = 0; i < text.length; i += 4) {
		const v = (value[text.charCodeAt(i)] << 18) | (value[text.charCodeAt(i + 1)] << 12) | (value[text.charCodeAt(i + 2)] << 6) | value[text.charCodeAt(i + 3)];
		bytes[to++] = v >> 16;
		bytes[to++] = v >> 8;
		bytes[to++] = v;
	}
	return bytes;
}

/** Events a second between samples, of a number that only grows. */
function rates(times, counts) {
	return Array.from(counts, (c, i) => (i && times[i] > times[i - 1] ? ((c - counts[i - 1]) * 1e9) / (times[i] - times[i - 1]) : 0));
}

function csvField(text) {
	const safe = /^[=+\-@\t]/.test(text) ? "'" + text : text;
	return /[",\n\r]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
}

function protText(bits) {
	return (bits & 1 ? "r" : "-") + (bits & 2 ? "w" : "-") + (bits & 4 ? "x" : "-");
}

if (typeof module !== "undefined")
	module.exports = { foldAddresses, segmentAt, addressToLine, sizeText, parseSize, parseFilter, forecast, bornBetween, threadsOf, flameTree, flameBoxes, flamePath, lastAt, decodeBase64, rates, csvField, protText };

// ---- the data ----

async function readColumns(meta) {
	const bytes = decodeBase64(document.getElementById("data").textContent);
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
	const ranges = HOLE_CLASSES.map((_, i) => ["class" + i, U]);
	return meta.spaces.map((m) => ({
		rects: columns(m.rects, [["start", F], ["end", F], ["born", F], ["ended", F], ["step", U], ["reasons", U], ["site", U], ["name", U], ["thread", U], ["kind", B], ["prot", B]]),
		samples: columns(m.samples, [["time", F], ["step", F], ["areas", F], ["bytes", F], ["calls", F], ["splits", F], ["merges", F]]),
		holes: columns(m.holes, [["time", F], ["largest", F], ["start", F], ...ranges]),
		areas: columns(m.areas, [["start", F], ["end", F], ["born", F], ["step", U], ["reasons", U], ["name", U], ["site", U], ["stack", U], ["thread", U], ["kind", B], ["prot", B], ["needless", B]]),
	}));
}

/** The words of a set of bits; most sets come again and again. */
function reasonWords(meta, bits, words) {
	let known = reasonWords.known.get(words);
	if (!known)
		reasonWords.known.set(words, (known = new Map()));
	let text = known.get(bits);
	if (text === undefined)
		known.set(bits, (text = words.filter((_, i) => (bits >>> i) & 1).join(" + ")));
	return text;
}
reasonWords.known = new Map();

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
	constructor() {
		this.canvas = document.getElementById("picture");
		this.mini = document.getElementById("mini");
		this.frames = [];
		this.listen();
	}

	load(meta, rects) {
		this.meta = meta;
		this.rects = rects;
		this.segments = foldAddresses(rects.start, rects.end);
		const n = rects.start.length;
		this.low = new Float32Array(n);
		this.high = new Float32Array(n);
		for (let i = 0; i < n; i++) {
			const s = this.segments[segmentAt(this.segments, rects.start[i])], scale = (s.high - s.low) / (s.end - s.start);
			this.low[i] = s.low + scale * (rects.start[i] - s.start);
			this.high[i] = s.low + scale * (rects.end[i] - s.start);
		}
		const colors = meta.colors.map((c) => parseInt(c.slice(1), 16)).map((v) => ((v & 255) << 16) | (v & 0xff00) | (v >> 16));
		this.colors = new Uint32Array(colors.map((c) => (0xff << 24) | c));
		this.faint = new Uint32Array(colors.map((c) => (0x28 << 24) | c));
		this.chosen = null;
		this.version = 0;
		this.images = new Map();
		this.reset();
		this.pin(-1);
	}

	/** Only these are drawn in full: a function of an area's description, or null. */
	choose(filter) {
		const r = this.rects, m = this.meta;
		this.chosen = !filter && !page.thread ? null : Uint8Array.from(r.start, (start, i) => isOf(r, i, page.thread, null) && (!filter || filter({
			start, size: r.end[i] - start, prot: protText(r.prot[i]), kind: m.kinds[r.kind[i]], name: m.names[r.name[i]] || "",
			reason: reasonWords(m, r.reasons[i], m.keys), site: m.sites[r.site[i]] || "", thread: r.thread[i],
		})));
		this.version++;
		this.draw();
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

	/** The pixels of a view, made again only where it has changed. */
	image(canvas, view) {
		const w = canvas.width, h = canvas.height, key = [w, h, view.t0, view.t1, view.y0, view.y1, this.version].join(" "), old = this.images.get(canvas);
		if (old && old.key === key)
			return old.image;
		const image = new ImageData(w, h), pixels = new Uint32Array(image.data.buffer);
		const { rects, low, high, chosen } = this, { born, ended, kind } = rects, xScale = w / (view.t1 - view.t0), yScale = h / (view.y1 - view.y0);
		for (let i = 0; i < low.length; i++) {
			if (ended[i] < view.t0 || born[i] > view.t1 || high[i] < view.y0 || low[i] > view.y1)
				continue;
			const x0 = Math.max(0, Math.min(w - 1, ((born[i] - view.t0) * xScale) | 0));
			const x1 = Math.min(w, Math.max(x0 + 1, ((ended[i] - view.t0) * xScale) | 0));
			const top = Math.max(0, Math.min(h - 1, Math.round(h - (high[i] - view.y0) * yScale)));
			const bottom = Math.min(h, Math.max(top + 1, Math.round(h - (low[i] - view.y0) * yScale)));
			const color = (!chosen || chosen[i] ? this.colors : this.faint)[kind[i]], edge = bottom - top > 3 && x1 - x0 > 3 ? 1 : 0;
			for (let y = top; y < bottom - edge; y++)
				pixels.fill(color, y * w + x0, y * w + x1 - edge);
		}
		this.images.set(canvas, { key, image });
		return image;
	}

	paint(canvas, view, labels) {
		const w = (canvas.width = canvas.clientWidth), h = (canvas.height = canvas.clientHeight);
		if (!w || !h)
			return;
		const context = canvas.getContext("2d");
		context.putImageData(this.image(canvas, view), 0, 0);
		if (!labels)
			return;
		this.paintGaps(context, w, h, view, h / (view.y1 - view.y0));
		paintCursor(context, ((page.cursor - view.t0) / (view.t1 - view.t0)) * w, h);
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

	/** The area that began where this one ended, while both lived; -1: there was none. */
	above(i) {
		const r = this.rects;
		for (let k = lastAt(r.start, r.end[i]); k >= 0 && r.start[k] === r.end[i]; k--)
			if (r.born[k] <= r.ended[i] && r.ended[k] >= r.born[i])
				return k;
		return -1;
	}

	describe(i) {
		const k = this.above(i), r = this.rects, upper = k < 0 ? "" : `\nits upper end: ${this.meta.sites[r.site[k]]}\napart from the area above: ${reasonWords(this.meta, r.reasons[k], this.meta.reasons)}`;
		return this.describeLower(i) + upper;
	}

	describeLower(i) {
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
			this.zoom((e.deltaY || e.deltaX) > 0 ? 1.25 : 0.8, x, y, !e.shiftKey, true);
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
			moveCursor(this.view.t0 + (this.view.t1 - this.view.t0) * x);
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
	constructor() {
		this.canvas = document.getElementById("chart");
		this.measure = document.getElementById("measure");
		this.measure.addEventListener("change", () => this.draw());
		this.listen();
	}

	load(meta, samples, rects) {
		this.meta = meta;
		this.samples = samples;
		this.rects = rects;
		this.spans = [null, null];
		this.from = null;
		this.tell();
		this.show();
	}

	/** What is drawn: numbers, and how one is said. */
	values() {
		const s = this.samples, a_second = (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} a second`;
		return {
			areas: () => [s.areas, (n) => `${n.toLocaleString("en")} areas`], bytes: () => [s.bytes, (n) => sizeText(n) + " mapped"],
			calls: () => [rates(s.time, s.calls), (n) => a_second(n) + ", mapping calls"],
			splits: () => [rates(s.time, s.splits), (n) => a_second(n) + ", splits"],
			merges: () => [rates(s.time, s.merges), (n) => a_second(n) + ", merges"],
		}[this.measure.value]();
	}

	tell() {
		const s = this.samples, f = forecast(s.time, s.areas, this.meta.limit);
		document.getElementById("forecast").textContent = f
			? `${f.slope.toFixed(1)} areas a second over the later half: max_map_count (${this.meta.limit.toLocaleString("en")}) would be reached ${f.seconds.toFixed(0)} s after the end.`
			: `No steady growth over five seconds or more; max_map_count is ${this.meta.limit.toLocaleString("en")}.`;
	}

	draw() {
		const c = this.canvas, w = (c.width = c.clientWidth), h = (c.height = c.clientHeight), context = c.getContext("2d");
		const style = getComputedStyle(document.documentElement), times = this.samples.time, n = times.length, [numbers, words] = this.values();
		const begin = this.meta.begin, span = Math.max(1, this.meta.end - begin), highest = numbers.reduce((a, b) => Math.max(a, b), 0), most = Math.max(highest, 1e-9) * 1.1;
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
			context.lineTo(x(times[i]), y(numbers[i]));
		context.stroke();
		context.fillStyle = style.getPropertyValue("--dim");
		context.font = "12px system-ui, sans-serif";
		context.textAlign = "right";
		context.fillText(`at most ${words(highest)}`, w - 6, y(highest) - 6);
		context.fillText(seconds(this.meta.end), w - 6, h - 2);
		context.textAlign = "left";
		context.fillText(seconds(begin), 4, h - 2);
		if (this.measure.value === "areas" && this.meta.limit < most) {
			context.strokeStyle = style.getPropertyValue("--mark");
			context.beginPath();
			context.moveTo(0, y(this.meta.limit));
			context.lineTo(w, y(this.meta.limit));
			context.stroke();
			context.fillText("max_map_count", 6, y(this.meta.limit) + 14);
		}
		paintCursor(context, x(page.cursor), h);
		const at = lastAt(times, page.cursor);
		document.getElementById("now").textContent = at < 0 ? "" : `${seconds(page.cursor)}: ${words(numbers[at])}`;
	}

	/** A span from one end to the other; the second is the one of a difference. */
	setSpan(which, a, b) {
		this.spans[which] = [Math.min(a, b), Math.max(a, b)];
		this.draw();
	}

	clear() {
		this.spans = [null, null];
		this.from = null;
		this.draw();
		this.show();
	}

	/** The first press begins a span at the cursor, the next ends it. */
	mark(which) {
		if (this.from === null) {
			this.from = page.cursor;
			return;
		}
		this.setSpan(which, this.from, page.cursor);
		this.from = null;
		this.show();
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
			moveCursor(time(e));
			if (from !== null)
				this.setSpan(which, from, time(e));
		});
		c.addEventListener("pointerup", () => {
			from = null;
			this.show();
		});
		c.addEventListener("keydown", (e) => {
			const step = (this.meta.end - this.meta.begin) / (e.shiftKey ? 500 : 50);
			const keys = {
				ArrowLeft: () => moveCursor(page.cursor - step), ArrowRight: () => moveCursor(page.cursor + step),
				Enter: () => this.mark(e.ctrlKey ? 1 : 0), Escape: () => this.clear(),
			};
			if (!keys[e.key])
				return;
			e.preventDefault();
			keys[e.key]();
		});
		document.getElementById("clear").addEventListener("click", () => this.clear());
	}

	show() {
		const box = document.getElementById("span"), [a, b] = this.spans;
		box.replaceChildren();
		box.hidden = !a;
		if (page.ready) {
			page.flame.build();
			page.list.show();
		}
		if (!a)
			return;
		element("p", `Began between ${seconds(a[0])} and ${seconds(a[1])}${b ? `, and between ${seconds(b[0])} and ${seconds(b[1])}` : ""}:`, box);
		this.table(box, "made by", "site", (site) => this.meta.sites[site]);
		this.table(box, "apart from the area below", "reasons", (reasons) => reasonWords(this.meta, reasons, this.meta.reasons));
	}

	/** What began in the span, or in both and what grew between them, by a column of the areas. */
	table(box, title, by, words) {
		const [a, b] = this.spans, first = bornBetween(this.rects, ...a, by, page.thread), second = b ? bornBetween(this.rects, ...b, by, page.thread) : null;
		const table = element("table", undefined, box), head = element("tr", undefined, element("thead", undefined, table));
		for (const text of b ? ["first", "second", "more", title] : ["began", "still there", "bytes", title])
			element("th", text, head, text === title ? "" : "n");
		const body = element("tbody", undefined, table), none = { born: 0, left: 0, bytes: 0 };
		const keys = [...new Set([...first.keys(), ...(second ? second.keys() : [])])];
		const rank = (k) => (b ? (second.get(k) || none).born - (first.get(k) || none).born : first.get(k).born);
		keys.sort((p, q) => rank(q) - rank(p));
		for (const k of keys.slice(0, 30)) {
			const f = first.get(k) || none, g = second && (second.get(k) || none), row = element("tr", undefined, body);
			for (const text of b ? [f.born, g.born, g.born - f.born] : [f.born, f.left, sizeText(f.bytes)])
				element("td", String(text), row, "n");
			element("td", words(k), row);
		}
	}
}

// ---- the list ----

class List {
	load(meta, columns) {
		this.rows = Array.from(columns.start, (start, i) => ({
			start, size: columns.end[i] - start, prot: protText(columns.prot[i]), kind: meta.kinds[columns.kind[i]],
			name: meta.names[columns.name[i]] || "", reason: reasonWords(meta, columns.reasons[i], meta.keys),
			words: reasonWords(meta, columns.reasons[i], meta.reasons) + (columns.needless[i] ? " (need not be)" : ""),
			site: meta.sites[columns.site[i]] || "", thread: columns.thread[i], number: i,
		}));
		this.columns = columns;
	}

	constructor() {
		this.body = document.querySelector("#areas tbody");
		this.key = "start";
		this.down = false;
		this.input = document.getElementById("filter");
		this.input.addEventListener("input", () => this.filter());
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
		const span = page.chart.spans[0], rows = this.rows.filter((a) => isOf(this.columns, a.number, page.thread, span) && filter(a)), sign = this.down ? -1 : 1;
		if (this.key !== "start" || this.down)
			rows.sort((a, b) => (a[this.key] < b[this.key] ? -sign : a[this.key] > b[this.key] ? sign : 0));
		found.textContent = `${rows.length} of ${this.rows.length} areas${span ? ", of those that began in the span" : ""}${rows.length > 500 ? "; the first 500 are shown" : ""}`;
		return rows;
	}

	/** The list and the picture have what the filter lets through. */
	filter() {
		const filter = parseFilter(this.input.value);
		page.picture.choose(typeof filter === "string" || !this.input.value.trim() ? null : filter);
		this.show();
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

// ---- culprits ----

const FLAME_ROW = 19;

class Flame {
	constructor() {
		this.canvas = document.getElementById("flame");
		this.weight = document.getElementById("weight");
		this.weight.addEventListener("change", () => this.build());
		this.listen();
	}

	load(meta, data) {
		this.meta = meta;
		this.data = data;
		this.build();
	}

	build() {
		const m = this.meta, births = this.weight.value === "births", from = births ? this.data.rects : this.data.areas, groups = new Map(), paths = [], weights = [];
		for (let i = 0; i < from.start.length; i++) {
			if (!isOf(from, i, page.thread, page.chart.spans[0]))
				continue;
			const stack = births ? 0 : from.stack[i], key = `${stack} ${from.site[i]} ${from.reasons[i]}`;
			let at = groups.get(key);
			if (at === undefined) {
				groups.set(key, (at = paths.length));
				paths.push(flamePath(m.stacks[stack], m.sites[from.site[i]] || "", reasonWords(m, from.reasons[i], m.reasons)));
				weights.push(0);
			}
			weights[at] += this.weight.value === "bytes" ? from.end[i] - from.start[i] : 1;
		}
		this.root = flameTree(paths, weights);
		this.zoomTo([this.root]);
	}

	/** To the last of nodes, each a child of the one before. */
	zoomTo(way) {
		this.way = way;
		this.at = 0;
		this.draw();
	}

	draw() {
		const c = this.canvas, w = c.clientWidth, top = this.way[this.way.length - 1];
		this.boxes = flameBoxes(top, 0.7 / Math.max(w, 1));
		c.style.height = (Math.max(0, ...this.boxes.map((b) => b.depth)) + 1) * FLAME_ROW + "px";
		c.width = w;
		c.height = c.clientHeight;
		const context = c.getContext("2d");
		context.font = "12px system-ui, sans-serif";
		this.boxes.forEach((b, i) => this.paintBox(context, b, w, i === this.at));
		this.tell();
	}

	paintBox(context, b, w, marked) {
		const x = b.x * w, width = b.width * w, y = b.depth * FLAME_ROW;
		let hash = 7;
		for (let i = 0; i < b.node.name.length; i++)
			hash = (hash * 31 + b.node.name.charCodeAt(i)) | 0;
		context.fillStyle = `hsl(${18 + (Math.abs(hash) % 38)} 78% ${62 + (Math.abs(hash >> 8) % 12)}%)`;
		context.fillRect(x, y, Math.max(0.5, width - 1), FLAME_ROW - 1);
		if (marked) {
			context.strokeStyle = "#b00020";
			context.lineWidth = 2;
			context.strokeRect(x + 1, y + 1, Math.max(1, width - 3), FLAME_ROW - 3);
		}
		if (width < 36)
			return;
		context.save();
		context.beginPath();
		context.rect(x, y, width - 4, FLAME_ROW);
		context.clip();
		context.fillStyle = "#1b1f24";
		context.fillText(b.node.name, x + 4, y + 13);
		context.restore();
	}

	amount(value) {
		return this.weight.value === "bytes" ? sizeText(value) : `${value} ${this.weight.value}`;
	}

	tell() {
		const b = this.boxes[this.at];
		document.getElementById("flametip").textContent = b ? `${b.node.name}: ${this.amount(b.node.value)}, ${((100 * b.node.value) / this.root.value).toFixed(1)}%` : "";
	}

	select(i) {
		if (i < 0 || i >= this.boxes.length || i === this.at)
			return;
		this.at = i;
		this.draw();
	}

	find(x, y) {
		const depth = Math.floor(y / FLAME_ROW), at = x / this.canvas.clientWidth;
		return this.boxes.findIndex((b) => b.depth === depth && at >= b.x && at < b.x + b.width);
	}

	/** Into the selected box; at the top of what is shown, out again. */
	enter() {
		const b = this.boxes[this.at];
		if (!b)
			return;
		if (b.depth === 0) {
			this.zoomTo(this.way.length > 1 ? this.way.slice(0, -1) : this.way);
			return;
		}
		const way = [...this.way], holds = (o) => o.x <= b.x + 1e-12 && o.x + o.width >= b.x + b.width - 1e-12;
		for (let d = 1; d <= b.depth; d++)
			way.push(this.boxes.find((o) => o.depth === d && holds(o)).node);
		this.zoomTo(way);
	}

	/** The next box in a direction. */
	step(depth, along) {
		const b = this.boxes[this.at], middle = b.x + b.width / 2;
		if (along) {
			const row = this.boxes.map((_, i) => i).filter((i) => this.boxes[i].depth === b.depth).sort((p, q) => this.boxes[p].x - this.boxes[q].x);
			this.select(row[row.indexOf(this.at) + along] ?? -1);
			return;
		}
		const in_row = (o) => o.depth === b.depth + depth;
		this.select(this.boxes.findIndex((o) => in_row(o) && (depth > 0 ? o.x >= b.x - 1e-12 && o.x < b.x + b.width : o.x <= middle && o.x + o.width >= middle)));
	}

	listen() {
		const c = this.canvas;
		c.addEventListener("pointermove", (e) => this.select(this.find(e.offsetX, e.offsetY)));
		c.addEventListener("click", (e) => {
			this.select(this.find(e.offsetX, e.offsetY));
			this.enter();
		});
		c.addEventListener("keydown", (e) => {
			const keys = {
				ArrowUp: () => this.step(-1, 0), ArrowDown: () => this.step(1, 0), ArrowLeft: () => this.step(0, -1), ArrowRight: () => this.step(0, 1),
				Enter: () => this.enter(), Escape: () => this.zoomTo([this.root]),
			};
			if (!keys[e.key])
				return;
			e.preventDefault();
			keys[e.key]();
		});
	}
}

// ---- free ranges ----

class Holes {
	constructor() {
		this.canvas = document.getElementById("holes");
		this.canvas.addEventListener("pointermove", (e) => moveCursor(this.meta.begin + (e.offsetX / this.canvas.clientWidth) * (this.meta.end - this.meta.begin)));
		this.canvas.addEventListener("keydown", (e) => {
			const sign = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
			if (!sign)
				return;
			e.preventDefault();
			moveCursor(page.cursor + (sign * (this.meta.end - this.meta.begin)) / 50);
		});
		HOLE_CLASSES.forEach((name, i) => legendItem("holelegend", name, HOLE_COLORS[i]));
		legendItem("holelegend", "the largest (logarithm)", "#1b1f24");
	}

	load(meta, data) {
		this.meta = meta;
		this.holes = data.holes;
		this.rects = data.rects;
	}

	/** What lay around the largest free range then. */
	around(i) {
		const h = this.holes, r = this.rects, low = h.start[i], high = low + h.largest[i], t = h.time[i];
		let below = "nothing", above = "nothing";
		for (let k = 0; k < r.start.length; k++) {
			if (r.born[k] > t || r.ended[k] < t)
				continue;
			const name = this.meta.names[r.name[k]] || this.meta.kinds[r.kind[k]];
			below = r.end[k] === low ? name : below;
			above = r.start[k] === high ? name : above;
		}
		return `between ${below} and ${above}`;
	}

	tell() {
		const h = this.holes, i = Math.max(0, lastAt(h.time, page.cursor)), counts = HOLE_CLASSES.map((_, k) => h["class" + k][i]);
		document.getElementById("holetip").textContent = h.time.length
			? `${seconds(h.time[i])}: ${counts.reduce((a, b) => a + b, 0)} free ranges; the largest has ${sizeText(h.largest[i])} at ${hex(h.start[i])}, ${this.around(i)}` : "";
	}

	draw() {
		const c = this.canvas, w = (c.width = c.clientWidth), h = (c.height = c.clientHeight), context = c.getContext("2d"), holes = this.holes, n = holes.time.length;
		const span = Math.max(1, this.meta.end - this.meta.begin), x = (t) => ((t - this.meta.begin) / span) * w;
		const sums = Array.from(holes.time, (_, i) => HOLE_CLASSES.reduce((a, _c, k) => a + holes["class" + k][i], 0)), most = Math.max(1, ...sums) * 1.1;
		for (let i = 0; i < n; i++) {
			const from = x(holes.time[i]), to = i + 1 < n ? x(holes.time[i + 1]) : w;
			let y = h;
			for (let k = 0; k < HOLE_CLASSES.length; k++) {
				const high = (holes["class" + k][i] / most) * h;
				context.fillStyle = HOLE_COLORS[k];
				context.fillRect(from, y - high, to - from + 0.5, high);
				y -= high;
			}
		}
		context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--fg");
		context.lineWidth = 1.5;
		context.beginPath();
		for (let i = 0; i < n; i++) {
			const y = h - ((Math.log2(Math.max(4096, holes.largest[i])) - 12) / 36) * h;
			context.lineTo(x(holes.time[i]), y);
			context.lineTo(i + 1 < n ? x(holes.time[i + 1]) : w, y);
		}
		context.stroke();
		paintCursor(context, x(page.cursor), h);
		this.tell();
	}
}

// ---- the page ----

const page = { cursor: -1 };

function legendItem(id, name, color) {
	const item = element("span", undefined, document.getElementById(id));
	element("i", undefined, item).style.background = color;
	item.append(name);
}

/** One moment, in every picture. */
function moveCursor(time) {
	const s = page.space;
	page.cursor = Math.min(Math.max(s.begin, time), s.end);
	drawAll(false);
}

function paintCursor(context, x, h) {
	if (page.cursor < 0)
		return;
	context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--mark");
	context.lineWidth = 1;
	context.beginPath();
	context.moveTo(Math.round(x) + 0.5, 0);
	context.lineTo(Math.round(x) + 0.5, h);
	context.stroke();
}

/** At the next frame; the flame graph has no time. */
function drawAll(flame) {
	page.flameToo |= flame;
	if (page.drawing)
		return;
	page.drawing = true;
	requestAnimationFrame(() => {
		page.drawing = false;
		page.chart.draw();
		page.holes.draw();
		if (page.flameToo)
			page.flame.draw();
		page.flameToo = false;
	});
	page.picture.draw();
}

function writeLink() {
	if (!page.ready)
		return;
	const v = page.picture.view, link = new URLSearchParams({ t: `${Math.round(v.t0)}-${Math.round(v.t1)}`, y: `${v.y0.toFixed(6)}-${v.y1.toFixed(6)}` });
	if (page.list.input.value)
		link.set("filter", page.list.input.value);
	if (page.number)
		link.set("process", page.number);
	if (page.thread)
		link.set("thread", page.thread);
	if (page.chart.measure.value !== "areas")
		link.set("numbers", page.chart.measure.value);
	if (page.flame.weight.value !== "areas")
		link.set("culprits", page.flame.weight.value);
	page.chart.spans.forEach((p, i) => p && link.set(i ? "second" : "span", p.map(Math.round).join("-")));
	clearTimeout(page.linking);
	// Browsers refuse more than some hundred a minute.
	page.linking = setTimeout(() => history.replaceState(null, "", "#" + link), 150);
}

function pair(text) {
	const [a, b] = (text || "").split("-").map(Number);
	return b > a ? [a, b] : null;
}

function readLink() {
	const link = new URLSearchParams(location.hash.slice(1)), v = page.picture.view, t = pair(link.get("t")), y = pair(link.get("y"));
	const choose = (select, value) => [...select.options].some((o) => o.value === value) && (select.value = value);
	if (t)
		Object.assign(v, { t0: t[0], t1: t[1] });
	if (y)
		Object.assign(v, { y0: y[0], y1: y[1] });
	choose(page.chart.measure, link.get("numbers"));
	choose(page.flame.weight, link.get("culprits"));
	page.chart.spans = [pair(link.get("span")), pair(link.get("second"))];
	page.list.input.value = link.get("filter") || "";
	choose(document.getElementById("thread"), link.get("thread"));
	page.thread = Number(document.getElementById("thread").value);
}

/** The address space with this number. */
function show(number) {
	const data = page.data[number];
	page.number = number;
	page.space = { ...page.meta, ...page.meta.spaces[number] };
	page.cursor = -1;
	page.picture.load(page.space, data.rects);
	page.chart.load(page.space, data.samples, data.rects);
	page.holes.load(page.space, data);
	page.list.load(page.space, data.areas);
	setThreads(threadsOf(data.rects));
}

/** Of one address space; the rest is out of sight where one is chosen. */
function setThreads(threads) {
	const select = document.getElementById("thread");
	page.thread = 0;
	select.replaceChildren();
	element("option", `all ${threads.length}`, select).value = 0;
	for (const [tid, areas] of threads)
		element("option", `${tid} (began ${areas} areas)`, select).value = tid;
	select.parentElement.hidden = threads.length < 2;
}

function refresh() {
	page.flame.load(page.space, page.data[page.number]);
	page.chart.show();
	page.list.filter();
	drawAll(true);
}

function setProcesses(wanted) {
	const select = document.getElementById("process"), spaces = page.meta.spaces;
	spaces.forEach((s, i) => (element("option", `${s.pid} ${s.program} (${s.areas} areas)`, select).value = i));
	select.parentElement.hidden = spaces.length < 2;
	select.value = wanted;
	select.addEventListener("change", () => {
		show(Number(select.value));
		refresh();
	});
	document.getElementById("thread").addEventListener("change", (e) => {
		page.thread = Number(e.target.value);
		refresh();
	});
}

function setTheme() {
	document.getElementById("theme").addEventListener("click", () => {
		const root = document.documentElement.classList, dark = root.contains("dark") || (!root.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
		root.toggle("dark", !dark);
		root.toggle("light", dark);
		drawAll(true);
	});
}

async function main() {
	const meta = JSON.parse(document.getElementById("meta").textContent);
	page.meta = meta;
	page.data = await readColumns(meta);
	for (const id of ["life", "counts", "culprits", "free", "list"])
		document.getElementById(id).hidden = false;
	meta.kinds.forEach((kind, i) => legendItem("legend", kind, meta.colors[i]));
	Object.assign(page, { picture: new Picture(), chart: new Chart(), flame: new Flame(), holes: new Holes(), list: new List() });
	const wanted = Number(new URLSearchParams(location.hash.slice(1)).get("process")) || 0, number = meta.spaces[wanted] ? wanted : 0;
	show(number);
	setProcesses(number);
	readLink();
	setTheme();
	page.ready = true;
	refresh();
	for (const event of ["resize", "beforeprint", "afterprint"])
		addEventListener(event, () => drawAll(true));
	document.documentElement.dataset.ready = "yes";
	// Milliseconds from the beginning of the load until everything is there and can be used.
	requestAnimationFrame(() => setTimeout(() => (document.documentElement.dataset.loaded = Math.round(performance.now()))));
}

if (typeof document !== "undefined")
	main();
