// SPDX-License-Identifier: MIT
// Free ranges by size over time.
const HOLE_CLASSES = ["< 64 KiB", "< 1 MiB", "< 16 MiB", "< 256 MiB", "< 4 GiB", "larger"];
const HOLE_COLORS = ["#b2182b", "#ef8a62", "#fddbc7", "#d1e5f0", "#67a9cf", "#2166ac"];

class Holes {
	constructor() {
		this.canvas = document.getElementById("holes");
		this.canvas.addEventListener("pointermove", (e) => {
			const [from, to] = this.span();
			moveCursor(from + (e.offsetX / this.canvas.clientWidth) * (to - from));
		});
		this.canvas.addEventListener("keydown", (e) => {
			const sign = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
			if (!sign)
				return;
			e.preventDefault();
			moveCursor(page.cursor + (sign * (this.meta.end - this.meta.begin)) / 50);
		});
		HOLE_CLASSES.forEach((name, i) => legendItem("holelegend", name, HOLE_COLORS[i]));
		legendItem("holelegend", "the largest (logarithm)", "var(--fg)");
	}

	load(meta, data) {
		this.meta = meta;
		this.holes = data.holes;
		this.rects = data.rects;
	}

	/** What it shows: the span that is chosen, or all the time. */
	span() {
		return page.chart.spans[0] || [this.meta.begin, Math.max(this.meta.end, this.meta.begin + 1)];
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
		const { context, w, h: all } = surface(this.canvas), h = all - AXIS, holes = this.holes, n = holes.time.length, [begin, end] = this.span();
		const x = (t) => ((t - begin) / (end - begin)) * w;
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
		context.strokeStyle = color("--fg");
		context.lineWidth = 1.5;
		context.beginPath();
		for (let i = 0; i < n; i++) {
			const y = h - ((Math.log2(Math.max(4096, holes.largest[i])) - 12) / 36) * h;
			context.lineTo(x(holes.time[i]), y);
			context.lineTo(i + 1 < n ? x(holes.time[i + 1]) : w, y);
		}
		context.stroke();
		paintAxis(context, w, h, begin, end, this.meta.started);
		paintCursor(context, x(page.cursor), h);
		this.tell();
	}
}
