/* SPDX-License-Identifier: MIT */
/* Ready questions as views of a database: docs/export.md lists them. Of a database with many runs each says which. */
#include "export.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* Each stack as one text. */
#define STACKS_AS_TEXT                                                                                 \
	"SELECT run_id, mm, stack, group_concat(name, ';') AS frames FROM (SELECT run_id, mm, stack, " \
	"frame, "                                                                                      \
	"replace(coalesce(function, printf('%s+0x%x', module, function_offset), printf('0x%x', "       \
	"address)), ';', '_') "                                                                        \
	"AS name FROM stacks "                                                                         \
	"ORDER BY run_id, mm, stack, frame DESC) GROUP BY run_id, mm, stack"

const struct export_view export_views[] = {
	{ "largest", "the address space with the most areas of each run, and when it had them",
		"SELECT r.run_id, s.mm, s.pid, s.program, s.peak_areas, s.peak_ns / 1e9 AS peak_seconds, "
		"r.max_map_count, "
		"round(100.0 * s.peak_areas / r.max_map_count, 1) AS percent_of_limit "
		"FROM runs r JOIN spaces s ON s.run_id = r.run_id AND s.mm = r.largest_mm" },
	{ "culprits",
		"who made the areas at each peak, and why they are apart: the groups of `vmaple why --top`",
		"SELECT run_id, mm, reasons, max(needless) AS needless, made_by, max(call) AS call, "
		"max(module) AS module, "
		"max(module_offset) AS module_offset, max(stack) AS stack, count(*) AS areas, sum(bytes) AS "
		"bytes FROM boundaries "
		"GROUP BY run_id, mm, reasons, made_by ORDER BY areas DESC, min(start)" },
	{ "reasons", "why areas are apart at each peak",
		"SELECT run_id, mm, reasons, max(needless) AS needless, count(*) AS areas, sum(bytes) AS "
		"bytes "
		"FROM boundaries GROUP BY run_id, mm, reasons ORDER BY areas DESC" },
	{ "kinds", "what the areas at each peak are",
		"SELECT run_id, mm, kind, count(*) AS areas, sum(bytes) AS bytes FROM boundaries "
		"GROUP BY run_id, mm, kind ORDER BY areas DESC" },
	{ "calls", "how often each call was made, and failed",
		"SELECT run_id, mm, call, count(*) AS calls, sum(error IS NOT NULL) AS failed FROM events "
		"WHERE type = 'call' GROUP BY run_id, mm, call ORDER BY calls DESC" },
	{ "errors", "what failed, and the first time",
		"SELECT run_id, mm, call, error, count(*) AS calls, min(step) AS first_step, text AS first "
		"FROM events "
		"WHERE error IS NOT NULL GROUP BY run_id, mm, call, error ORDER BY calls DESC" },
	{ "threads", "which task made how many calls",
		"SELECT run_id, pid, tid, count(*) AS calls, min(time_ns) / 1e9 AS first_seconds, "
		"max(time_ns) / 1e9 AS last_seconds FROM events WHERE type = 'call' "
		"GROUP BY run_id, pid, tid ORDER BY calls DESC" },
	{ "short_lived", "areas that lived for less than a millisecond",
		"SELECT run_id, mm, name, kind, prot, call, module, module_offset, bytes, lived_ns, "
		"born_step FROM areas "
		"WHERE lived_ns < 1000000 AND NOT at_end ORDER BY lived_ns" },
	{ "never_unmapped", "who mapped what was there to the end",
		"SELECT run_id, mm, call, module, module_offset, count(*) AS areas, sum(bytes) AS bytes FROM "
		"areas "
		"WHERE at_end AND event = 'call' GROUP BY run_id, mm, call, module, module_offset ORDER BY "
		"bytes DESC" },
	{ "modules", "which library's calls made areas, and how many of them are there at the end",
		"SELECT run_id, mm, module, count(*) AS areas, sum(at_end) AS at_end, "
		"sum(CASE WHEN at_end THEN bytes ELSE 0 END) AS bytes_at_end FROM areas WHERE event = 'call' "
		"GROUP BY run_id, mm, module ORDER BY areas DESC" },
	{ "files", "which files were mapped, and for how long",
		"SELECT run_id, mm, name, count(*) AS areas, max(bytes) AS largest, sum(lived_ns) / 1e9 AS "
		"area_seconds, "
		"max(at_end) AS at_end FROM areas WHERE name LIKE '/%' GROUP BY run_id, mm, name ORDER BY "
		"areas DESC" },
	{ "growth", "areas and mapped bytes, second by second",
		"SELECT run_id, mm, time_ns / 1000000000 AS second, max(areas) AS areas, max(mapped) AS "
		"mapped, "
		"max(calls) AS calls FROM counts GROUP BY run_id, mm, second ORDER BY run_id, mm, second" },
	{ "fragmentation", "the largest free range over time, and how many there are",
		"SELECT run_id, mm, time_ns / 1e9 AS seconds, largest_free, free_ranges FROM counts "
		"ORDER BY run_id, mm, time_ns" },
	{ "folded", "each stack as one text, the outermost frame first", STACKS_AS_TEXT },
};
const int export_nr_views = COUNT(export_views);

#define FOLDED(weight)                                                                                      \
	"WITH folded AS (" STACKS_AS_TEXT ") "                                                              \
	"SELECT coalesce(f.frames || ';', '') || replace(b.made_by, ';', '_') || ' ' || " weight            \
	" FROM boundaries b "                                                                               \
	"JOIN runs r ON r.run_id = b.run_id AND r.largest_mm = b.mm "                                       \
	"LEFT JOIN folded f ON f.run_id = b.run_id AND f.mm = b.mm AND f.stack = b.stack AND b.stack <> 0 " \
	"GROUP BY f.frames, b.made_by ORDER BY " weight " DESC, b.made_by"
const char export_folded_areas[] = FOLDED("count(*)");
const char export_folded_bytes[] = FOLDED("sum(b.bytes)");
