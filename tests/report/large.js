// SPDX-License-Identifier: MIT
// A large page in a real browser: how soon it can be used, and its frames while the wheel zooms, in and out.
// usage: node large.js CHROMIUM PAGE
"use strict";
const assert = require("node:assert");
const { Browser, sleep } = require("./browser.js");

const sorted = (list) => [...list].sort((a, b) => a - b);
const quantile = (list, q) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * q))].toFixed(1);

/** Main-thread time so far, in seconds. */
async function busy(b) {
	const { metrics } = await b.send("Performance.getMetrics");
	return metrics.find((m) => m.name === "ThreadTime").value;
}

async function main(chromium, file) {
	const b = new Browser(chromium);
	try {
		await b.open(file);
		await b.send("Performance.enable");
		const before = await busy(b);
		await b.open(file);
		await b.until("document.documentElement.dataset.loaded");
		console.log(`# interactive after ${await b.value("document.documentElement.dataset.loaded")} ms, ${((await busy(b)) - before).toFixed(2)} s of them its own CPU time`);
		await b.value("(() => { window.frames_at = []; const next = (t) => { frames_at.push(t); requestAnimationFrame(next); }; requestAnimationFrame(next); page.picture.frames = []; })()");
		const place = await b.at("#picture", 0.5, 0.5), whole = await b.value("({ ...page.picture.view })");
		for (let i = 0; i < 120; i++) {
			await b.mouse("mouseWheel", place, { deltaX: 0, deltaY: Math.floor(i / 30) % 2 ? 100 : -100 });
			if (i === 29)
				assert.ok((await b.value("page.picture.view.y1 - page.picture.view.y0")) < 0.01 * (whole.y1 - whole.y0), "it zooms");
			await sleep(10);
		}
		const at = await b.value("frames_at"), gaps = at.slice(1).map((t, i) => t - at[i]), own = await b.value("page.picture.frames");
		console.log(`# zooming: ${gaps.length} frames, median ${quantile(gaps, 0.5)} ms, 95% ${quantile(gaps, 0.95)} ms, longest ${quantile(gaps, 1)} ms; drawing takes ${quantile(own, 0.5)} ms, at most ${quantile(own, 1)} ms`);
		assert.ok(own.length > 20, "frames were drawn while the wheel turned");
		b.quiet();
	} finally {
		await b.close();
	}
}

main(process.argv[2], process.argv[3]).catch((e) => {
	console.log("# " + String(e.stack).replace(/\n/g, "\n# "));
	process.exitCode = 1;
});
