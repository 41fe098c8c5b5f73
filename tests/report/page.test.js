// SPDX-License-Identifier: MIT
// The pure parts of the report's script. usage: node --test page.test.js (REPORT_JS names the script)
"use strict";
const test = require("node:test");
const assert = require("node:assert");
const page = require(process.env.REPORT_JS);

test("addresses are folded: used ones keep their order, gaps shrink", () => {
	const segments = page.foldAddresses([0x1000, 0x7f0000000000, 0x2000], [0x2000, 0x7f0000001000, 0x3000]);
	assert.strictEqual(segments.length, 2);
	assert.deepStrictEqual([segments[0].start, segments[0].end, segments[0].areas], [0x1000, 0x3000, 2]);
	assert.ok(segments[0].low === 0 && segments[0].high < segments[1].low && segments[1].high <= 1.0001);
	assert.ok(segments[1].low - segments[0].high < 0.2);
});

test("an address on the line lies in its segment, and order is kept", () => {
	const segments = page.foldAddresses([0x1000, 0x100000], [0x5000, 0x200000]);
	const places = [0x1000, 0x2000, 0x4fff, 0x100000, 0x180000].map((a) => page.addressToLine(segments, a));
	assert.deepStrictEqual([...places].sort((a, b) => a - b), places);
	assert.strictEqual(page.segmentAt(segments, 0xfff), -1);
	assert.strictEqual(page.segmentAt(segments, 0x100000), 1);
});

test("sizes are read and written", () => {
	assert.strictEqual(page.parseSize("1M"), 1048576);
	assert.strictEqual(page.parseSize("1.5K"), 1536);
	assert.ok(Number.isNaN(page.parseSize("many")));
	assert.strictEqual(page.sizeText(4096), "4.0 KiB");
	assert.strictEqual(page.sizeText(3 * 2 ** 30), "3.0 GiB");
	assert.strictEqual(page.sizeText(132 * 1024), "132.0 KiB");
	assert.strictEqual(page.sizeText(7), "7 B");
});

test("filters: sizes, access, words, and a sentence for what is wrong", () => {
	const area = { size: 2 << 20, start: 0x7f00, prot: "rw-", kind: "anonymous", name: "[anon:jit code]", reason: "prot + written", site: "mmap at libx", thread: 77 };
	const yes = ["size>1M", "prot=rw", "name~jit", "reason=written", "size>1M prot=rw name~jit reason=written", "JIT", "site~libx", "start=7f00", "thread=77", "thread=77 prot=rw"];
	const no = ["size<1M", "prot=r", "name~heap", "reason=uffd", "size>1M prot=rx", "thread=7"];
	for (const f of yes)
		assert.strictEqual(page.parseFilter(f)(area), true, f);
	for (const f of no)
		assert.strictEqual(page.parseFilter(f)(area), false, f);
	assert.match(page.parseFilter("colour=red"), /no column colour/);
	assert.match(page.parseFilter("size=big"), /wants a number/);
	assert.match(page.parseFilter("thread~7"), /wants a number behind =/);
});

test("forecast: ten areas a second over a minute, and none where nothing grows", () => {
	const times = Array.from({ length: 61 }, (_, i) => i * 1e9), grows = times.map((_, i) => 100 + 10 * i);
	const f = page.forecast(times, grows, 1700);
	assert.ok(Math.abs(f.slope - 10) < 1e-6);
	assert.ok(Math.abs(f.seconds - 100) < 1e-6);
	assert.strictEqual(page.forecast(times, times.map(() => 100), 1700), null);
	assert.strictEqual(page.forecast(times, times.map((_, i) => 100 + (i % 2)), 1700), null);
	assert.strictEqual(page.forecast(times.map((t) => t / 100), grows, 1700), null);
});

const RECTS = {
	born: [1, 5, 6, 20], ended: [30, 7, 30, 30], site: [0, 1, 1, 1], reasons: [2, 2, 4, 4], start: [0, 0, 0, 0], end: [10, 10, 10, 10], thread: [8, 9, 8, 0],
	needless: [0, 0, 1, 0], lives: [1, 1, 1, 1],
};
const sums = (groups) => [...groups].map(([k, g]) => [k, g.areas, g.marked, g.markedBytes]);

test("what began in a span and was there at its end: by who made it, by reason, by both, of one thread", () => {
	assert.deepStrictEqual(sums(page.bornBetween(RECTS, [2, 10], "site", 0, 40)), [[1, 2, 1, 10]]);
	assert.deepStrictEqual(sums(page.bornBetween(RECTS, [0, 10], "reasons", 0, 40)), [[2, 2, 1, 10], [4, 1, 1, 10]]);
	assert.deepStrictEqual(sums(page.bornBetween(RECTS, [0, 40], "both", 0, 40)).map((g) => g[1]), [1, 1, 2]);
	assert.deepStrictEqual(sums(page.bornBetween(RECTS, [0, 10], "site", 8, 40)), [[0, 1, 1, 10], [1, 1, 1, 10]]);
	assert.deepStrictEqual(page.threadsOf(RECTS), [[8, 2], [9, 1]]);
});

test("what lives to the recording's end is there at the end of a span that ends there", () => {
	assert.deepStrictEqual(sums(page.bornBetween(RECTS, [0, 30], "site", 0, 30)), [[0, 1, 1, 10], [1, 3, 2, 20]]);
	assert.deepStrictEqual(sums(page.bornBetween(RECTS, [0, 30], "site", 0, 40)), [[0, 1, 0, 0], [1, 3, 0, 0]]);
});

test("several that are drawn as one count as several that began, and as one that is there", () => {
	assert.deepStrictEqual(sums(page.bornBetween({ ...RECTS, lives: [7, 1, 1, 1] }, [0, 2], "site", 0, 40)), [[0, 7, 1, 10]]);
});

test("between two spans what grew most comes first, what shrank last, and what is in one alone is there", () => {
	const first = page.bornBetween(RECTS, [0, 5], "site", 0, 40), second = page.bornBetween(RECTS, [6, 40], "site", 0, 40);
	const rows = page.groupsByGrowth(first, second).map(([f, s]) => [f.areas, s.areas]);
	assert.deepStrictEqual(rows, [[1, 2], [1, 0]]);
	assert.deepStrictEqual(page.groupsByGrowth(second, null).map(([f, s]) => [f.areas, s]), [[2, null]]);
});

test("an axis has round moments, as many as there is room for, in digits that tell them apart", () => {
	assert.deepStrictEqual(page.ticks(0, 10e9, 5), { step: 2e9, at: [0, 2e9, 4e9, 6e9, 8e9, 10e9] });
	assert.deepStrictEqual(page.ticks(1.3e9, 1.6e9, 4).at, [1.3e9, 1.4e9, 1.5e9, 1.6e9]);
	assert.strictEqual(page.tickText(1.5e9, 1e8), "1.5 s");
	assert.strictEqual(page.tickText(2e9, 1e9), "2 s");
	assert.strictEqual(page.tickText(1234567, 1), "0.001234567 s");
	for (const [a, b] of [[0, 0], [5, 6], [0, 1e19]])
		assert.ok(page.ticks(a, b, 8).at.length <= 20);
});

test("the clock of the recording, in UTC; nothing where it is not known or cannot be", () => {
	assert.strictEqual(page.clockText(1700000000, 1.5e9), "22:13:21");
	assert.strictEqual(page.clockText(0, 5e9), "");
	assert.strictEqual(page.clockText(2 ** 62, 0), "");
});

test("the largest gaps have room for words, all others next to none, however many are alike", () => {
	const starts = Array.from({ length: 2000 }, (_, i) => 0x100000 + i * 0x2000), ends = starts.map((s) => s + 0x1000);
	const segments = page.foldAddresses(starts, ends), used = segments.reduce((sum, s) => sum + s.high - s.low, 0);
	assert.ok(segments.length === 2000 && used > 0.5, String(used));
});

test("what is not seen is shown: controls, and marks that turn the direction of text", () => {
	assert.strictEqual(page.visible("a\u202eb\u0001\n\u2066\u200f\u009b"), "a\\u202eb\\u0001\\u000a\\u2066\\u200f\\u009b");
	assert.strictEqual(page.visible("\u05d0 \u00e9 \u4e2d \ud83d\ude00"), "\u05d0 \u00e9 \u4e2d \ud83d\ude00", "letters of any script stay");
});

test("CSV: quotes, and formulas that a spreadsheet would run", () => {
	assert.strictEqual(page.csvField('a"b,c'), '"a""b,c"');
	assert.strictEqual(page.csvField("=HYPERLINK(1)"), "'=HYPERLINK(1)");
	assert.strictEqual(page.csvField("plain"), "plain");
});

test("access", () => {
	assert.strictEqual(page.protText(5), "r-x");
	assert.strictEqual(page.protText(0), "---");
});

test("a flame graph has the weights of its paths, the largest first", () => {
	const root = page.flameTree([["a", "x"], ["b"], ["a", "y"], ["a", "x"]], [1, 2, 3, 1]);
	assert.strictEqual(root.value, 7);
	const boxes = page.flameBoxes(root, 0).map((b) => [b.node.name, b.depth, +b.x.toFixed(6), +b.width.toFixed(6)]);
	assert.deepStrictEqual(boxes, [["all", 0, 0, 1], ["a", 1, 0, 0.714286], ["y", 2, 0, 0.428571], ["x", 2, 0.428571, 0.285714], ["b", 1, 0.714286, 0.285714]]);
	assert.strictEqual(page.flameBoxes(root, 0.3).length, 3, "what is too narrow is left out");
	assert.deepStrictEqual(page.flameBoxes(page.flameTree([], []), 0), []);
});

test("the path of an area: its stack, or its module; then the place and the reason", () => {
	assert.deepStrictEqual(page.flamePath("main\nf", "mmap at f (a.out)", "prot"), ["main", "f", "mmap at f (a.out)", "prot"]);
	assert.deepStrictEqual(page.flamePath("", "mmap at f (a.out)", "prot"), ["a.out", "mmap at f (a.out)", "prot"]);
	assert.deepStrictEqual(page.flamePath(undefined, "no call", "gap"), ["no file", "no call", "gap"]);
});

test("the last one that is not above, the first that is not below, and rates between samples", () => {
	assert.deepStrictEqual([0, 1, 2, 3.5, 9].map((v) => page.firstFrom([1, 3, 3, 4], v)), [0, 0, 1, 3, 4]);
	assert.deepStrictEqual([0, 1, 2, 3.5, 9].map((v) => page.lastAt([1, 3, 3, 4], v)), [-1, 0, 0, 2, 3]);
	assert.deepStrictEqual(page.rates([0, 1e9, 1e9, 3e9], [5, 10, 12, 20]), [0, 5, 0, 4]);
});

test("base64 is read whatever its padding", () => {
	for (const text of ["", "a", "ab", "abc", "\u0000\u00ff~?>", "x".repeat(1000)])
		assert.deepStrictEqual(Buffer.from(page.decodeBase64(Buffer.from(text, "latin1").toString("base64"))).toString("latin1"), text);
});
