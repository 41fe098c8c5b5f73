// SPDX-License-Identifier: MIT
// Who made the areas, as a flame graph.
const FLAME_ROW = 19;

class Flame {
	constructor() {
		this.canvas = document.getElementById("flame");
		this.weight = document.getElementById("weight");
		this.weight.addEventListener("change", () => this.build());
		this.way = [];
		this.listen();
	}

	load(meta, data) {
		this.meta = meta;
		this.data = data;
	}

	build() {
		const m = this.meta, began = (i) => isOf(this.data.rects, i, page.thread, page.chart.spans[0]), groups = new Map(), paths = [], weights = [];
		const by = this.weight.value, ever = by === "births" || by === "calls", { columns: from, chosen } = ever ? { columns: this.data.rects, chosen: began } : shown();
		const counted = new Set();
		for (let i = 0; i < from.start.length; i++) {
			if (!chosen(i))
				continue;
			// A call may have made several; of what is drawn as one each was made by a call of its own.
			if (by === "calls" && from.lives[i] === 1) {
				if (counted.has(from.step[i]))
					continue;
				counted.add(from.step[i]);
			}
			const stack = from.stack[i], key = `${stack} ${from.site[i]} ${from.reasons[i]}`;
			let at = groups.get(key);
			if (at === undefined) {
				groups.set(key, (at = paths.length));
				paths.push(flamePath(m.stacks[stack], siteOf(m, from, i), reasonWords(m, from.reasons[i], m.reasons)));
				weights.push(0);
			}
			weights[at] += by === "bytes" ? from.end[i] - from.start[i] : ever ? from.lives[i] : 1;
		}
		this.root = flameTree(paths, weights);
		this.zoomTo([this.root]);
	}

	/** Where it is entered: of each box the place among its parent's, the largest first; "" is the whole. */
	place() {
		return this.way.slice(1).map((node, i) => childrenOf(this.way[i]).indexOf(node)).join(".");
	}

	enterPlace(place) {
		const way = [this.root];
		for (const n of place ? place.split(".") : []) {
			const next = childrenOf(way[way.length - 1])[n];
			if (!next)
				break;
			way.push(next);
		}
		this.zoomTo(way);
	}

	/** To the last of nodes, each a child of the one before. */
	zoomTo(way) {
		this.way = way;
		this.at = 0;
		this.draw();
		writeLink();
	}

	draw() {
		const c = this.canvas, top = this.way[this.way.length - 1];
		this.boxes = flameBoxes(top, 0.7 / Math.max(c.clientWidth, 1));
		c.style.height = (Math.max(0, ...this.boxes.map((b) => b.depth)) + 1) * FLAME_ROW + "px";
		const { context, w } = surface(c);
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
