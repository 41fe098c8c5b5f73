// SPDX-License-Identifier: MIT
// The address space over time: areas as rectangles, a map of the whole beside it.
class Picture {
	constructor() {
		this.canvas = document.getElementById("picture");
		this.mini = document.getElementById("mini");
		this.axis = document.getElementById("axis");
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
		// They are in order of their lower ends; of upper ends, the highest so far is in order, too.
		this.reach = this.high.slice();
		for (let i = 1; i < n; i++)
			this.reach[i] = Math.max(this.reach[i], this.reach[i - 1]);
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
			reason: reasonWords(m, r.reasons[i], m.keys), site: siteOf(m, r, i), thread: r.thread[i],
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
			this.paintAll();
			this.frames.push(performance.now() - begin);
			if (this.frames.length > 200)
				this.frames.shift();
			writeLink();
		});
	}

	paintAll() {
		this.paint(this.canvas, this.view, true);
		this.paintMini();
		const { context, w } = surface(this.axis);
		paintAxis(context, w, 0, this.view.t0, this.view.t1, this.meta.started);
	}

	/** Those that may be between two places on the line of addresses: [from, to). */
	between(y0, y1) {
		return [firstFrom(this.reach, y0), lastAt(this.low, y1) + 1];
	}

	/**
	 * Rectangles as pixels, those that are chosen or the others.  Detail ends at a pixel: of areas that share a row of pixels, one
	 * whose time another has filled there changes nothing and is not drawn.
	 */
	fill(pixels, w, h, view, wanted) {
		const { rects, low, high, chosen } = this, { born, ended, kind } = rects, xScale = w / (view.t1 - view.t0), yScale = h / (view.y1 - view.y0);
		const [from, to] = this.between(view.y0, view.y1), colors = wanted ? this.colors : this.faint, begun = new Int32Array(h), done = new Int32Array(h);
		for (let i = from; i < to; i++) {
			if (ended[i] < view.t0 || born[i] > view.t1 || high[i] < view.y0 || (chosen ? chosen[i] : 1) !== wanted)
				continue;
			const x0 = Math.max(0, Math.min(w - 1, ((born[i] - view.t0) * xScale) | 0));
			const x1 = Math.min(w, Math.max(x0 + 1, ((ended[i] - view.t0) * xScale) | 0));
			const top = Math.max(0, Math.min(h - 1, Math.round(h - (high[i] - view.y0) * yScale)));
			const bottom = Math.min(h, Math.max(top + 1, Math.round(h - (low[i] - view.y0) * yScale)));
			if (bottom === top + 1) {
				if (x0 >= begun[top] && x1 <= done[top])
					continue;
				[begun[top], done[top]] = [x0, x1];
			}
			const edge = bottom - top > 3 && x1 - x0 > 3 ? 1 : 0;
			for (let y = top; y < bottom - edge; y++)
				pixels.fill(colors[kind[i]], y * w + x0, y * w + x1 - edge);
		}
	}

	/** The pixels of a view, made again only where it has changed. */
	image(canvas, view) {
		const w = canvas.width, h = canvas.height, key = [w, h, view.t0, view.t1, view.y0, view.y1, this.version].join(" "), old = this.images.get(canvas);
		if (old && old.key === key)
			return old.image;
		const image = new ImageData(w, h), pixels = new Uint32Array(image.data.buffer);
		if (this.chosen)
			this.fill(pixels, w, h, view, 0);
		this.fill(pixels, w, h, view, 1);
		this.images.set(canvas, { key, image });
		return image;
	}

	paint(canvas, view, labels) {
		const { context, w, h } = surface(canvas);
		if (!w || !h)
			return null;
		context.putImageData(this.image(canvas, view), 0, 0);
		if (!labels)
			return { context, w, h };
		this.paintGaps(context, w, h, view, h / (view.y1 - view.y0));
		paintCursor(context, ((page.cursor - view.t0) / (view.t1 - view.t0)) * w, h);
		return { context, w, h };
	}

	paintGaps(context, w, h, view, yScale) {
		context.font = "11px system-ui, sans-serif";
		context.fillStyle = color("--dim");
		for (let i = 1; i < this.segments.length; i++) {
			const a = this.segments[i - 1], b = this.segments[i];
			const y = h - ((a.high + b.low) / 2 - view.y0) * yScale, room = (b.low - a.high) * yScale;
			if (y > 0 && y < h && room > 9)
				context.fillText(sizeText(b.start - a.end) + " free", 6, y + 4);
		}
	}

	paintMini() {
		const all = { t0: this.meta.begin, t1: Math.max(this.meta.end, this.meta.begin + 1), y0: 0, y1: 1 };
		const there = this.paint(this.mini, all, false);
		if (!there)
			return;
		const { context: c, w, h } = there, span = all.t1 - all.t0, v = this.view;
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
		const [from, to] = this.between(at - slack, at + slack);
		let best = -1;
		for (let i = from; i < to; i++)
			if (t >= this.rects.born[i] && t <= this.rects.ended[i] && at >= this.low[i] - slack && at <= this.high[i] + slack &&
				(best < 0 || this.high[i] - this.low[i] < this.high[best] - this.low[best]))
				best = i;
		return best;
	}

	line(i) {
		const r = this.rects;
		const several = r.lives[i] > 1 ? ` (${r.lives[i]}, one after the other)` : "";
		return `${hex(r.start[i])}-${hex(r.end[i])} ${protText(r.prot[i])}${r.prot[i] & 8 ? "s" : "p"} ${sizeText(r.end[i] - r.start[i])} ${this.meta.names[r.name[i]] || this.meta.kinds[r.kind[i]]}${several}`;
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
		const k = this.above(i), r = this.rects, upper = k < 0 ? "" : `\nits upper end: ${siteOf(this.meta, r, k)}\napart from the area above: ${reasonWords(this.meta, r.reasons[k], this.meta.reasons)}`;
		return this.describeLower(i) + upper;
	}

	describeLower(i) {
		const r = this.rects, lived = r.ended[i] >= this.meta.end ? "lives to the end" : `ended after ${seconds(r.ended[i])}`;
		return `${this.line(i)}\nso since step ${r.step[i]}, ${seconds(r.born[i])}; ${lived}\nits lower end: ${siteOf(this.meta, r, i)}\napart from the area below: ${reasonWords(this.meta, r.reasons[i], this.meta.reasons)}`;
	}

	pin(i) {
		const pinned = document.getElementById("pinned");
		this.pinnedAt = i;
		pinned.hidden = i < 0;
		if (i >= 0)
			pinned.textContent = this.describe(i);
		writeLink();
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
			document.getElementById("tip").textContent = i < 0 ? "" : `${this.line(i)}, since ${seconds(this.rects.born[i])}: ${siteOf(this.meta, this.rects, i)}`;
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
