// SPDX-License-Identifier: MIT
// Numbers over time, and the spans of time that the rest of the page is of.
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
	}

	/** What is drawn: numbers, and how one is said. */
	values() {
		const s = this.samples, a_second = (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} a second`;
		return {
			areas: () => [s.areas, (n) => `${n.toLocaleString("en")} areas`], bytes: () => [s.bytes, (n) => sizeText(n) + " mapped"],
			needless: () => [s.needless, (n) => `${n.toLocaleString("en")} areas that need not be`],
			needlessBytes: () => [s.needlessBytes, (n) => sizeText(n) + " in areas that need not be"],
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
		const { context, w, h } = surface(this.canvas), times = this.samples.time, n = times.length, [numbers, words] = this.values();
		const begin = this.meta.begin, span = Math.max(1, this.meta.end - begin), highest = numbers.reduce((a, b) => Math.max(a, b), 0), most = Math.max(highest, 1e-9) * 1.1;
		const x = (t) => ((t - begin) / span) * w, y = (a) => h - AXIS - 2 - (a / most) * (h - AXIS - 10);
		context.clearRect(0, 0, w, h);
		context.fillStyle = "rgba(120,140,220,.25)";
		for (const p of this.spans)
			if (p)
				context.fillRect(x(p[0]), 0, Math.max(1, x(p[1]) - x(p[0])), h - AXIS);
		paintAxis(context, w, h - AXIS, begin, begin + span, this.meta.started);
		context.strokeStyle = "#4c78a8";
		context.lineWidth = 1.5;
		context.beginPath();
		for (let i = 0; i < n; i++)
			context.lineTo(x(times[i]), y(numbers[i]));
		context.stroke();
		context.fillStyle = color("--dim");
		context.font = "12px system-ui, sans-serif";
		context.textAlign = "right";
		context.fillText(`at most ${words(highest)}`, w - 6, y(highest) - 6);
		context.textAlign = "left";
		if (this.measure.value === "areas" && this.meta.limit < most) {
			context.strokeStyle = color("--mark");
			context.beginPath();
			context.moveTo(0, y(this.meta.limit));
			context.lineTo(w, y(this.meta.limit));
			context.stroke();
			context.fillText("max_map_count", 6, y(this.meta.limit) + 14);
		}
		paintCursor(context, x(page.cursor), h - AXIS);
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
		if (page.ready)
			showSpan();
		if (!a)
			return;
		element("p", `Began between ${seconds(a[0])} and ${seconds(a[1])}${b ? `, and between ${seconds(b[0])} and ${seconds(b[1])}` : ""}${this.meta.left_out ? `, without ${this.meta.left_out.toLocaleString("en")} areas that are not drawn` : ""}:`, box);
		this.table(box, "made by", "site", (i) => siteOf(this.meta, this.rects, i));
		this.table(box, "apart from the area below", "reasons", (i) => reasonWords(this.meta, this.rects.reasons[i], this.meta.reasons));
	}

	/** What began in the spans, in groups: [of the first, of the second or null]. */
	groups(by) {
		return groupsByGrowth(...this.spans.map((span) => span && bornBetween(this.rects, span, by, page.thread, this.meta.end)));
	}

	/** What began in the span, or in both and what grew between them, by a column of the areas. */
	table(box, title, by, words) {
		const both = this.spans[1];
		fillTable(element("table", undefined, box), `By ${by === "site" ? "who made it" : "reason"}`, both ? ["#first", "#second", "#more", title] : ["#began", "#still there", "#bytes", title],
			this.groups(by).slice(0, 30).map(([f, s]) => [...(both ? [f.areas, s.areas, s.areas - f.areas] : [f.areas, f.marked, sizeText(f.markedBytes)]), words(f.first ?? s.first)]));
	}
}
