// SPDX-License-Identifier: MIT
// What the page reckons with, without a document: tested by itself.  The parts are one script, in the order of report/meson.build.
// Everything from the recording becomes text nodes or pixels, never markup.
"use strict";

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
	const gap = (i) => segments[i].start - segments[i - 1].end, room = total * 0.035;
	const large = new Set([...segments.keys()].slice(1).sort((a, b) => gap(b) - gap(a)).slice(0, 7));
	total = 0;
	segments.forEach((s, i) => {
		if (i)
			total += large.has(i) ? room : 1;
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

/** As vmaple writes sizes everywhere. */
function sizeText(bytes) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let i = 0;
	while (bytes >= 1024 && i < 5) {
		bytes /= 1024;
		i++;
	}
	return (i ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[i];
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

/** Was it there at a moment? What lives to the end of the recording, which is @p end, is so at all later ones. */
function isThere(rects, i, time, end) {
	return rects.born[i] <= time && (rects.ended[i] > time || rects.ended[i] >= end);
}

/** By what areas are counted: of equal ones are the reasons, who made them, or both. */
const COUNTED_BY = { reasons: (c, i) => c.reasons[i], site: (c, i) => c.site[i], both: (c, i) => c.site[i] * 2 ** 32 + c.reasons[i] };

/** Areas that @p counts lets through, in groups: how many, how many of these are marked, and sizes of both; first is one of them. */
function countAreas(columns, by, counts, marks) {
	const groups = new Map(), key = COUNTED_BY[by];
	for (let i = 0; i < columns.start.length; i++) {
		if (!counts(i))
			continue;
		const k = key(columns, i), size = columns.end[i] - columns.start[i];
		let g = groups.get(k);
		if (!g)
			groups.set(k, (g = { first: i, areas: 0, bytes: 0, marked: 0, markedBytes: 0, needless: 0 }));
		// Of several that are drawn as one, the last alone can be there at a later moment.
		g.areas += columns.lives ? columns.lives[i] : 1;
		g.bytes += size;
		g.needless += columns.needless[i];
		if (marks(i)) {
			g.marked++;
			g.markedBytes += size;
		}
	}
	return groups;
}

/** What began in a span of time; marked is what was still there at its end. */
function bornBetween(rects, span, by, thread, end) {
	return countAreas(rects, by, (i) => isOf(rects, i, thread, span), (i) => isThere(rects, i, span[1], end));
}

/** Groups of one span, and of a second one where there is one, the most or what grew most first: [first, second or null]. */
function groupsByGrowth(first, second) {
	const none = { areas: 0, bytes: 0, marked: 0, markedBytes: 0, needless: 0 }, keys = new Set([...first.keys(), ...(second ? second.keys() : [])]);
	const pairs = [...keys].map((k) => [first.get(k) || none, second && (second.get(k) || none)]);
	const rank = ([f, s]) => (s ? s.areas - f.areas : f.areas);
	return pairs.sort((p, q) => rank(q) - rank(p));
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

/** The largest first. */
function childrenOf(node) {
	return [...node.children.values()].sort((a, b) => b.value - a.value);
}

/** Boxes of a tree, or of a part of it: { node, depth, x, width } on a line from 0 to 1, the largest child first. */
function flameBoxes(top, least) {
	const boxes = [], below = (node, depth, x, width) => {
		boxes.push({ node, depth, x, width });
		for (const child of childrenOf(node)) {
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

/** The first index whose value is not below; their number: all are. */
function firstFrom(values, v) {
	let lo = 0, hi = values.length;
	while (lo < hi) {
		const mid = (lo + hi) >> 1;
		if (values[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
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

/** Round moments of an axis, at most @p most: the distance between them, and where they are. */
function ticks(from, to, most) {
	const least = Math.max(1, (to - from) / most), power = 10 ** Math.floor(Math.log10(least)), at = [];
	const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= least * (1 - 1e-9));
	for (let n = Math.ceil(from / step); n * step <= to; n++)
		at.push(n * step);
	return { step, at };
}

/** Nanoseconds as seconds, with the digits that a step of an axis needs. */
function tickText(ns, step) {
	return (ns / 1e9).toFixed(Math.max(0, Math.ceil(9 - Math.log10(step) - 1e-9))) + " s";
}

/** What a clock showed, in UTC; "" where the recording does not know when it began. @p started: seconds since 1970. */
function clockText(started, ns) {
	const date = new Date(started * 1000 + ns / 1e6);
	return started > 0 && !Number.isNaN(date.getTime()) ? date.toISOString().slice(11, 19) : "";
}

/** What is not seen, but changes how what follows is read: controls, and marks that turn the direction of text. As lab/markup.h has it. */
function visible(text) {
	return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function csvField(text) {
	const safe = /^[=+\-@\t]/.test(text) ? "'" + text : text;
	return /[",\n\r]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
}

function protText(bits) {
	return (bits & 1 ? "r" : "-") + (bits & 2 ? "w" : "-") + (bits & 4 ? "x" : "-");
}

if (typeof module !== "undefined")
	module.exports = { foldAddresses, segmentAt, addressToLine, sizeText, parseSize, parseFilter, forecast, isThere, countAreas, bornBetween, groupsByGrowth, threadsOf, ticks, tickText, clockText, flameTree, flameBoxes, flamePath, lastAt, firstFrom, decodeBase64, rates, visible, csvField, protText };
