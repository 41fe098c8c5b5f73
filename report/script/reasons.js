// SPDX-License-Identifier: MIT
// The table of reasons: of the peak as the ledger has it, or of the spans that are chosen; of one thread where one is.
const REASON_ROWS = 100;

class Reasons {
	constructor() {
		this.table = document.getElementById("reasons");
		this.more = document.getElementById("morereasons");
	}

	load(meta, data) {
		this.meta = meta;
		this.areas = data.areas;
		this.rects = data.rects;
	}

	show() {
		const [first, second] = page.chart.spans, of = page.thread ? `, of thread ${page.thread}` : "";
		const words = (c, i) => reasonWords(this.meta, c.reasons[i], this.meta.reasons) + (c.needless[i] ? " (need not be)" : "");
		const { caption, titles, rows, columns } = second ? this.growth() : first ? this.began() : this.peak();
		fillTable(this.table, caption + of, [...titles, "reason", "made by"],
			rows.slice(0, REASON_ROWS).map(([numbers, i]) => [...numbers, words(columns, i), siteOf(this.meta, columns, i)]));
		this.more.textContent = rows.length > REASON_ROWS ? `and ${rows.length - REASON_ROWS} more groups.` : "";
	}

	/** As `vmaple why --top` has them; marked is what was made in the second half of the time until then. */
	peak() {
		const c = this.areas, { since, peak, begin } = this.meta, half = (peak - since) / 2;
		const young = (i) => c.born[i] >= since + half && c.born[i] > 0, { chosen } = shown();
		const groups = groupsByGrowth(countAreas(c, "both", chosen, young), null);
		return {
			caption: `Why areas are apart, at the peak (${seconds(Math.max(peak, begin))})${c.start.length < this.meta.most ? `: of the lowest ${c.start.length.toLocaleString("en")}` : ""}`, titles: ["#areas", "#size", "#growth a second"], columns: c,
			rows: groups.map(([g]) => [[g.areas.toLocaleString("en"), sizeText(g.bytes), (half > 0 ? (g.marked * 1e9) / half : 0).toFixed(1)], g.first]),
		};
	}

	began() {
		const [a, b] = page.chart.spans[0];
		return {
			caption: `Why areas that began between ${seconds(a)} and ${seconds(b)} are apart`, titles: ["#began", "#still there", "#their size"], columns: this.rects,
			rows: page.chart.groups("both").map(([g]) => [[g.areas.toLocaleString("en"), g.marked.toLocaleString("en"), sizeText(g.markedBytes)], g.first]),
		};
	}

	growth() {
		return {
			caption: "What grew from the first span to the second", titles: ["#first", "#second", "#more"], columns: this.rects,
			rows: page.chart.groups("both").map(([f, s]) => [[f.areas, s.areas, s.areas - f.areas], f.first ?? s.first]),
		};
	}
}
