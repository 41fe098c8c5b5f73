/* SPDX-License-Identifier: MIT */
/*
 * The metrics as OpenMetrics text.  What is dear is bounded: of the processes above the threshold those with most areas
 * are told, and of the first few the map is read to see which areas nothing keeps apart.
 *
 * A page is made whole or not at all: metrics_write() is given a stream that goes to a partial file or to
 * memory. Cost: one pass over all processes, a read of /proc/PID/cgroup for each that is told, and
 * MAPS_READ maps.
 *
 * Labels are the same on each look, as long as a process is the same one: Prometheus tells series apart
 * by them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "boundaries.h"
#include "cli.h"
#include "metrics.h"

/* Each reading holds the mmap lock of its process and takes O(areas). */
#define MAPS_READ 4

/*
 * One process that is told: its labels are the same in all series, so they are made once. p is the watch's,
 * valid until its next look.
 */
struct series {
	const struct watched *p;
	char labels[3072];
	int64_t unneeded; /* -1: not looked at */
};

/*
 * As a person may see it (quote.c), so that it is UTF-8: one label that is not takes all of the page with
 * it. Backslash and quote are written as two characters. @size is at least 2; the result is cut, never
 * half an escape. A newline, which OpenMetrics would want as \n, is \012 by quoted_text() already, and
 * its backslash two.
 */
static void put_label(char *to, size_t size, const char *text)
{
	char shown[1024];
	size_t n = 0;

	/* Each of its bytes may become two. */
	quoted_text(text, shown, size / 2 < sizeof(shown) ? size / 2 : sizeof(shown));
	for (const char *from = shown; *from; from++) {
		if (*from == '\\' || *from == '"')
			to[n++] = '\\';
		to[n++] = *from;
	}
	to[n] = '\0';
}

/*
 * The line of cgroup v2 in /proc/PID/cgroup, without its "0::"; "" when there is none, or the process is
 * gone: between the look and here it may end. Only the last such line counts; the kernel writes one. A
 * path that does not fit is cut.
 */
static void cgroup_of(pid_t pid, char *buf, size_t size)
{
	char path[64], line[512];
	FILE *f;

	buf[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			snprintf(buf, size, "%.*s", (int)size - 1, line + 3);
	}
	if (f)
		fclose(f);
}

/*
 * The innermost part of a cgroup's path that systemd calls a unit; "" when there is none. From the end
 * on, a part of the path at a time: of user@1000.service/app.slice/firefox.scope it is the scope. A part
 * that is only ".service" is no unit.
 */
static void unit_of(const char *cgroup, char *buf, size_t size)
{
	const char *end = cgroup + strlen(cgroup), *part;

	buf[0] = '\0';
	for (; end > cgroup; end = part) {
		size_t len;

		for (part = end; part > cgroup && part[-1] != '/'; part--)
			;
		len = (size_t)(end - part);
		if ((len > 8 && strncmp(end - 8, ".service", 8) == 0) ||
			(len > 6 && strncmp(end - 6, ".scope", 6) == 0)) {
			snprintf(buf, size, "%.*s", (int)len, part);
			return;
		}
		if (part > cgroup)
			part--;
	}
}

/*
 * The three escaped texts and what stands between them fit in labels: a label that is cut would leave its
 * quote open.
 */
static void describe(struct series *s)
{
	char cgroup[512], unit[256], command[160], group[2048], name[600];

	cgroup_of(s->p->task.pid, cgroup, sizeof(cgroup));
	unit_of(cgroup, unit, sizeof(unit));
	put_label(command, sizeof(command), s->p->task.command);
	put_label(group, sizeof(group), cgroup);
	put_label(name, sizeof(name), unit);
	snprintf(s->labels, sizeof(s->labels), "pid=\"%d\",command=\"%s\",cgroup=\"%s\",systemd_unit=\"%s\"",
		(int)s->p->task.pid, command, group, name);
}

/*
 * -1: not known. Only by BPF: from /proc, whether two may join is uncertain for too many. The process may
 * have ended since the look, and then live_map_read() fails.
 */
static int64_t unneeded_areas(pid_t pid)
{
	struct boundary_tally tally;
	struct live_map *map;
	char error[512];
	int64_t n = -1;

	if (live_map_read(&map, pid, 0, error, sizeof(error)))
		return -1;
	if (map->source == LIVE_MAP_BPF && each_boundary(map, &tally, NULL, NULL) == 0)
		n = (int64_t)tally.joinable;
	live_map_free(map);
	return n;
}

/* Equal ones in any order: only which of them are the last to be told hangs on it. */
static int most_areas_first(const void *a, const void *b)
{
	const struct series *x = a, *y = b;

	return (x->p->task.count < y->p->task.count) - (x->p->task.count > y->p->task.count);
}

/*
 * The series, and how many; NULL: out of memory.
 *
 * The caller's to free. p's are the watch's. Room for all, though few are told: their number is known
 * only when all were looked at.
 */
static struct series *choose(const struct watch *w, const struct metrics_options *o, size_t *nr)
{
	struct series *list = calloc(w->nr + 1, sizeof(*list));

	*nr = 0;
	for (uint32_t i = 0; list && i < w->nr; i++)
		if (w->list[i].task.count >= o->threshold)
			list[(*nr)++].p = &w->list[i];
	if (!list)
		return NULL;
	qsort(list, *nr, sizeof(*list), most_areas_first);
	if (*nr > o->processes)
		*nr = o->processes;
	for (size_t i = 0; i < *nr; i++) {
		describe(&list[i]);
		list[i].unneeded = i < MAPS_READ ? unneeded_areas(list[i].p->task.pid) : -1;
	}
	return list;
}

/* All four are gauges: a number of areas goes down, too. */
static void head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/*
 * OpenMetrics wants all samples of one metric together, so the list is gone through once for each; a sample
 * that is not known is left out, not 0.
 */
static void write_series(FILE *out, const struct series *list, size_t nr)
{
	head(out, "vmaple_maps", "Memory areas of the process.");
	for (size_t i = 0; i < nr; i++)
		fprintf(out, "vmaple_maps{%s} %u\n", list[i].labels, list[i].p->task.count);
	head(out, "vmaple_maps_growth_per_second", "Growth of the areas; 0 where it may be noise.");
	for (size_t i = 0; i < nr; i++)
		fprintf(out, "vmaple_maps_growth_per_second{%s} %.6g\n", list[i].labels, list[i].p->growth);
	head(out, "vmaple_maps_seconds_to_limit",
		"Time until vm.max_map_count is reached, where the areas grow.");
	for (size_t i = 0; i < nr; i++)
		if (list[i].p->seconds_left >= 0)
			fprintf(out, "vmaple_maps_seconds_to_limit{%s} %.6g\n", list[i].labels,
				list[i].p->seconds_left);
	head(out, "vmaple_maps_unneeded", "Areas that nothing keeps apart from their neighbour.");
	for (size_t i = 0; i < nr; i++)
		if (list[i].unneeded >= 0)
			fprintf(out, "vmaple_maps_unneeded{%s} %" PRId64 "\n", list[i].labels,
				list[i].unneeded);
}

/* @w has had a look. ferror() of @out also tells of what a full disk has refused before. */
int metrics_write(FILE *out, const struct watch *w, const struct metrics_options *o)
{
	size_t nr;
	struct series *list = choose(w, o, &nr);

	if (!list)
		return -ENOMEM;
	head(out, "vmaple_maps_limit", "vm.max_map_count: no process can have more areas.");
	fprintf(out, "vmaple_maps_limit %" PRIu64 "\n", w->limit);
	head(out, "vmaple_processes", "Processes that were looked at.");
	fprintf(out, "vmaple_processes %u\n", w->nr);
	write_series(out, list, nr);
	/* Demanded by OpenMetrics: a page without it was cut off. */
	fprintf(out, "# EOF\n");
	free(list);
	return ferror(out) ? -EIO : 0;
}
