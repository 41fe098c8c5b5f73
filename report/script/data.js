// SPDX-License-Identifier: MIT
// The page's data as typed arrays, and what every part of the page draws and writes with.

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
		rects: columns(m.rects, [["start", F], ["end", F], ["born", F], ["ended", F], ["step", U], ["lives", U], ["reasons", U], ["site", U], ["name", U], ["stack", U], ["thread", U], ["kind", B], ["prot", B], ["needless", B]]),
		samples: columns(m.samples, [["time", F], ["step", F], ["areas", F], ["bytes", F], ["needless", F], ["needlessBytes", F], ["calls", F], ["splits", F], ["merges", F]]),
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

/** Who made an area; a page that has no room for all says so. */
function siteOf(meta, columns, i) {
	return meta.sites[columns.site[i]] ?? "not told";
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

/** What a table has: titles that begin with # are of numbers, and so are the cells below. */
function fillTable(table, caption, titles, rows) {
	const number = titles.map((t) => (t[0] === "#" ? "n" : ""));
	table.replaceChildren();
	element("caption", caption, table);
	const head = element("tr", undefined, element("thead", undefined, table)), body = element("tbody", undefined, table);
	titles.forEach((t, i) => (element("th", t.replace("#", ""), head, number[i]).scope = "col"));
	for (const row of rows) {
		const tr = element("tr", undefined, body);
		row.forEach((text, i) => element("td", text, tr, number[i]));
	}
}

/** A canvas ready to be drawn on in CSS pixels, with as many of its own as the screen, or paper, has. */
function surface(canvas) {
	const ratio = Math.max(window.devicePixelRatio || 1, page.printing ? 2 : 1), w = canvas.clientWidth, h = canvas.clientHeight, context = canvas.getContext("2d");
	canvas.width = Math.round(w * ratio);
	canvas.height = Math.round(h * ratio);
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	return { context, w, h };
}

function color(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name);
}

const AXIS = 30;

/** Moments below a picture: since the recording began, and by the clock where that is known. */
function paintAxis(context, w, y, t0, t1, started) {
	const { step, at } = ticks(t0, t1, Math.max(2, w / 110));
	let before = "";
	context.fillStyle = color("--dim");
	context.font = "11px system-ui, sans-serif";
	context.textAlign = "left";
	for (const t of at) {
		const x = Math.min(w - 1, ((t - t0) / (t1 - t0)) * w), clock = clockText(started, t);
		context.fillRect(Math.round(x), y, 1, 4);
		if (x + 60 > w)
			break;
		context.fillText(tickText(t, step), x + 3, y + 12);
		if (clock !== before)
			context.fillText(clock + " UTC", x + 3, y + 26);
		before = clock;
	}
}
