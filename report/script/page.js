// SPDX-License-Identifier: MIT
// What the parts share: the moment, the link, which process and thread; and how it all begins.
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
	writeLink();
}

function paintCursor(context, x, h) {
	if (page.cursor < 0)
		return;
	context.strokeStyle = color("--mark");
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
		drawOthers(page.flameToo);
		page.flameToo = false;
	});
	page.picture.draw();
}

function drawOthers(flame) {
	page.chart.draw();
	page.holes.draw();
	if (flame)
		page.flame.draw();
}

/** What a link says of the page, where it is not as a page begins. */
function linkParts() {
	const v = page.picture.view, list = page.list, root = document.documentElement.classList;
	return {
		t: `${Math.round(v.t0)}-${Math.round(v.t1)}`, y: `${v.y0.toFixed(6)}-${v.y1.toFixed(6)}`, filter: list.input.value, process: page.number, thread: page.thread,
		sort: list.key === "start" && !list.down ? "" : list.key + (list.down ? "-" : ""), pin: page.picture.pinnedAt < 0 ? "" : page.picture.pinnedAt + 1,
		numbers: page.chart.measure.value.replace(/^areas$/, ""), culprits: page.flame.weight.value.replace(/^areas$/, ""), box: page.flame.place(),
		at: page.cursor < 0 ? "" : Math.round(page.cursor), theme: root.contains("dark") ? "dark" : root.contains("light") ? "light" : "",
		...Object.fromEntries(page.chart.spans.map((p, i) => [i ? "second" : "span", p ? p.map(Math.round).join("-") : ""])),
	};
}

function writeLink() {
	if (!page.ready)
		return;
	clearTimeout(page.linking);
	// Browsers refuse more than some hundred a minute.
	page.linking = setTimeout(() => {
		const link = new URLSearchParams(Object.entries(linkParts()).filter(([, value]) => value));
		history.replaceState(null, "", "#" + link);
	}, 150);
}

function pair(text) {
	const [a, b] = (text || "").split("-").map(Number);
	return b > a ? [a, b] : null;
}

/** All that a link says; what it does not say is as a page begins. */
function readLink() {
	const link = new URLSearchParams(location.hash.slice(1)), list = page.list, t = pair(link.get("t")), y = pair(link.get("y"));
	const choose = (select, value, otherwise) => (select.value = [...select.options].some((o) => o.value === value) ? value : otherwise);
	const sort = /^(\w+?)(-?)$/.exec(link.get("sort") || "start"), number = Number(link.get("process")), root = document.documentElement.classList;
	for (const theme of ["dark", "light"])
		root.toggle(theme, link.get("theme") === theme);
	show(page.meta.spaces[number] ? number : 0);
	document.getElementById("process").value = page.number;
	if (t)
		Object.assign(page.picture.view, { t0: t[0], t1: t[1] });
	if (y)
		Object.assign(page.picture.view, { y0: y[0], y1: y[1] });
	choose(page.chart.measure, link.get("numbers"), "areas");
	choose(page.flame.weight, link.get("culprits"), "areas");
	page.chart.spans = [pair(link.get("span")), pair(link.get("second"))];
	list.input.value = link.get("filter") || "";
	list.down = sort !== null && sort[2] === "-";
	list.key = sort && document.querySelector(`#areas th button[data-key=${sort[1]}]`) ? sort[1] : "start";
	page.thread = Number(choose(document.getElementById("thread"), link.get("thread"), "0"));
	page.cursor = link.has("at") ? Number(link.get("at")) || 0 : -1;
	refresh();
	page.flame.enterPlace(link.get("box"));
	const pin = Number(link.get("pin")) - 1;
	page.picture.pin(page.picture.rects.start[pin] === undefined ? -1 : pin);
}

/** The areas that tables, culprits and the list are of: those of the peak or, of a span, what began in it and was there at its end. */
function shown() {
	const data = page.data[page.number], span = page.chart.spans[0], columns = span ? data.rects : data.areas;
	return { columns, chosen: (i) => isOf(columns, i, page.thread, span) && (!span || isThere(columns, i, span[1], page.space.end)) };
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
	page.flame.load(page.space, data);
	page.reasons.load(page.space, data);
	page.list.load(page.space);
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

/** All that is of the span, or of all the time where there is none. */
function showSpan() {
	page.flame.build();
	page.reasons.show();
	page.list.fill();
}

function refresh() {
	page.chart.show();
	drawAll(true);
}

function setProcesses() {
	const select = document.getElementById("process"), spaces = page.meta.spaces;
	spaces.forEach((s, i) => (element("option", `${s.pid} ${s.program} (${s.areas} areas)`, select).value = i));
	select.parentElement.hidden = spaces.length < 2;
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
	const button = document.getElementById("theme");
	button.hidden = false;
	button.addEventListener("click", () => {
		const root = document.documentElement.classList, dark = root.contains("dark") || (!root.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
		root.toggle("dark", !dark);
		root.toggle("light", dark);
		drawAll(true);
	});
}

/** On paper it is light whatever it is on the screen, and drawn at once. */
function setPrinting() {
	const root = document.documentElement.classList;
	let dark = false, light = false;
	addEventListener("beforeprint", () => {
		[dark, light, page.printing] = [root.contains("dark"), root.contains("light"), true];
		root.remove("dark");
		root.add("light");
		page.picture.paintAll();
		drawOthers(true);
	});
	addEventListener("afterprint", () => {
		page.printing = false;
		root.toggle("dark", dark);
		root.toggle("light", light);
		drawAll(true);
	});
}

async function main() {
	const meta = JSON.parse(document.getElementById("meta").textContent);
	page.meta = meta;
	meta.names = meta.names.map(visible);
	meta.sites = meta.sites.map(visible);
	meta.spaces.forEach((s) => (s.program = visible(s.program)));
	for (const [number, frames] of Object.entries(meta.stacks))
		meta.stacks[number] = frames.split("\n").map(visible).join("\n");
	page.data = await readColumns(meta);
	for (const id of ["life", "counts", "culprits", "free", "list"])
		document.getElementById(id).hidden = false;
	meta.kinds.forEach((kind, i) => legendItem("legend", kind, meta.colors[i]));
	Object.assign(page, { picture: new Picture(), chart: new Chart(), flame: new Flame(), holes: new Holes(), reasons: new Reasons(), list: new List() });
	setProcesses();
	setTheme();
	page.ready = true;
	readLink();
	addEventListener("hashchange", readLink);
	addEventListener("resize", () => drawAll(true));
	setPrinting();
	document.documentElement.dataset.ready = "yes";
	// Milliseconds from the beginning of the load until everything is there and can be used.
	requestAnimationFrame(() => setTimeout(() => (document.documentElement.dataset.loaded = Math.round(performance.now()))));
}

if (typeof document !== "undefined")
	main();
