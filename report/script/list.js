// SPDX-License-Identifier: MIT
// Areas as a list that sorts, filters and is saved.
class List {
	load(meta) {
		this.meta = meta;
	}

	/** The areas that the page is of now, as rows. */
	fill() {
		const { columns, chosen } = shown();
		this.rows = [];
		for (let i = 0; i < columns.start.length; i++)
			if (chosen(i))
				this.rows.push(this.row(columns, i));
		document.getElementById("listname").textContent = page.chart.spans[0] ? "Areas that began in the span and were there at its end" : "Areas at the peak";
		this.filter();
	}

	row(columns, i) {
		const m = this.meta, start = columns.start[i], reasons = columns.reasons[i];
		return {
			start, size: columns.end[i] - start, prot: protText(columns.prot[i]), kind: m.kinds[columns.kind[i]], name: m.names[columns.name[i]] || "",
			reason: reasonWords(m, reasons, m.keys), words: reasonWords(m, reasons, m.reasons) + (columns.needless[i] ? " (need not be)" : ""),
			site: siteOf(m, columns, i), thread: columns.thread[i],
		};
	}

	constructor() {
		this.body = document.querySelector("#areas tbody");
		this.key = "start";
		this.down = false;
		this.input = document.getElementById("filter");
		this.input.addEventListener("input", () => this.filter());
		for (const b of document.querySelectorAll("#areas th button")) {
			// Printed instead: a table whose heading has buttons has it on its first page alone.
			b.parentElement.dataset.name = b.textContent;
			b.addEventListener("click", () => {
				this.down = this.key === b.dataset.key && !this.down;
				this.key = b.dataset.key;
				this.show();
			});
		}
		document.getElementById("csv").addEventListener("click", () => this.save());
	}

	chosen() {
		const filter = parseFilter(this.input.value), found = document.getElementById("found");
		if (typeof filter === "string") {
			found.textContent = filter;
			return [];
		}
		const rows = this.rows.filter(filter), sign = this.down ? -1 : 1;
		if (this.key !== "start" || this.down)
			rows.sort((a, b) => (a[this.key] < b[this.key] ? -sign : a[this.key] > b[this.key] ? sign : 0));
		found.textContent = `${rows.length} of ${this.rows.length} areas${rows.length > 500 ? "; the first 500 are shown" : ""}`;
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
		for (const b of document.querySelectorAll("#areas th button"))
			b.parentElement.ariaSort = b.dataset.key !== this.key ? "none" : this.down ? "descending" : "ascending";
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
