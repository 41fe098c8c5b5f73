/* SPDX-License-Identifier: MIT */
/*
 * The mirror beside what was seen: compare and report.
 *
 * 1. Compare.  An observation holds every area of the kernel's that touches a window, whole.  The mirror's areas that
 *    touch the window must be the same: bounds, access, sharing, and, where they are known, file, offset and the
 *    names that the map itself determines (heap, stack, anonymous names; a file's path changes when it is renamed).
 *
 * 2. Uncertain.  Where both cover the same addresses with the same properties and only the cuts differ, the cause can
 *    be a first write that the recording does not have.  That is claimed only for address spaces in doubt: attached
 *    ones, sources that miss some, lost events, writes beside another thread's call that the call may have
 *    depended on.  A stack that grew beside another thread's call can have done so before or after it.
 *
 * After a disagreement the observation is taken over: takeover.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"
#include "internal.h"
#include "minmax.h"

#define REPORT_LINES 12
#define REPORT_SIZE  4096

static uint32_t prot_of(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_READ ? PROT_READ : 0) | (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
	       (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0);
}

bool has_file(const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_file->kind != VM_FILE_SPECIAL;
}

static uint64_t offset_at(const struct vm_area_struct *vma, uint64_t addr)
{
	return has_file(vma) ? (vma->vm_pgoff << 12) + (addr - vma->vm_start) : 0;
}

static bool same_name(const struct vm_area_struct *vma, const struct trace_area *a)
{
	char buf[128];
	bool anon_shmem = vma->vm_file && vma->anon_name;

	if (has_file(vma) && !anon_shmem)
		return true;
	return strcmp(vma_name(vma, buf, sizeof(buf)), a->name) == 0;
}

bool same_properties(const struct vm_area_struct *vma, const struct trace_area *a, uint64_t addr,
	const struct trace_map *map)
{
	bool shared = vma->vm_flags & VM_MAYSHARE;
	uint64_t dev = has_file(vma) ? vma->vm_file->dev : 0, ino = has_file(vma) ? vma->vm_file->ino : 0;

	if (prot_of(vma) != a->prot || shared != a->shared)
		return false;
	if (has_file(vma) && offset_at(vma, addr) != a->offset + (addr - a->start))
		return false;
	if (!has_file(vma) && a->ino)
		return false;
	/* A file that the engine made for shared memory has no number of its own. */
	if (ino && (ino != a->ino || dev != a->dev))
		return false;
	return !map->has_names || same_name(vma, a);
}

static struct vm_area_struct *first_in_window(struct space *s, const struct trace_map *map)
{
	return find_vma_intersection(&s->mm, map->lo, map->hi);
}

static struct vm_area_struct *next_in_window(
	struct space *s, const struct vm_area_struct *vma, const struct trace_map *map)
{
	return find_vma_intersection(&s->mm, vma->vm_end, map->hi);
}

static bool maps_equal(struct space *s, const struct trace_map *map)
{
	struct vm_area_struct *vma = first_in_window(s, map);

	for (uint32_t i = 0; i < map->count; i++) {
		const struct trace_area *a = &map->areas[i];

		if (!vma || vma->vm_start != a->start || vma->vm_end != a->end)
			return false;
		if (!same_properties(vma, a, a->start, map))
			return false;
		vma = next_in_window(s, vma, map);
	}
	return !vma;
}

/* Within the window: same addresses, same properties at each; only the cuts differ. */
static bool only_cuts_differ(struct space *s, const struct trace_map *map)
{
	struct vm_area_struct *vma = first_in_window(s, map);
	uint64_t at = map->lo;
	uint32_t i = 0;

	while (vma && i < map->count) {
		const struct trace_area *a = &map->areas[i];
		uint64_t end = min(vma->vm_end, a->end);

		if (max(vma->vm_start, at) != max(a->start, at))
			return false;
		at = max(a->start, at);
		if (!same_properties(vma, a, at, map))
			return false;
		at = end;
		if (vma->vm_end == end)
			vma = next_in_window(s, vma, map);
		if (a->end == end)
			i++;
	}
	return !vma && i == map->count;
}

static const char *observed_line(const struct trace_area *a, char *buf, size_t size)
{
	struct maps_line line = { .start = a->start,
		.end = a->end,
		.vm_flags = flags_of_area(a),
		.offset = a->offset,
		.dev = a->dev,
		.ino = a->ino,
		.name = a->name };

	maps_line_format(&line, buf, size);
	return buf;
}

/* Lines for a report, as many as a person reads. */
struct excerpt {
	char text[REPORT_SIZE];
	size_t len;
	int lines;
};

static void add_line(struct excerpt *x, const char *line)
{
	int n = 0;

	if (x->lines == REPORT_LINES)
		n = snprintf(x->text + x->len, sizeof(x->text) - x->len, "...\n");
	else if (x->lines < REPORT_LINES)
		n = snprintf(x->text + x->len, sizeof(x->text) - x->len, "%s", line);
	x->lines++;
	x->len += (size_t)n;
	if (x->len >= sizeof(x->text))
		x->len = sizeof(x->text) - 1;
}

static bool is_full(const struct excerpt *x)
{
	return x->lines > REPORT_LINES;
}

/* The first area of each side from which on they differ: lines before it are left out. */
static uint64_t first_difference(struct space *s, const struct trace_map *map)
{
	struct vm_area_struct *vma = first_in_window(s, map);
	uint64_t from = map->lo;

	for (uint32_t i = 0; i < map->count && vma; i++) {
		const struct trace_area *a = &map->areas[i];

		if (vma->vm_start != a->start || vma->vm_end != a->end ||
			!same_properties(vma, a, a->start, map))
			break;
		from = a->start;
		vma = next_in_window(s, vma, map);
	}
	return from;
}

static void write_excerpts(
	struct space *s, const struct trace_map *map, struct excerpt *expected, struct excerpt *found)
{
	uint64_t from = first_difference(s, map);
	struct vm_area_struct *vma;
	char line[1024];

	for (vma = first_in_window(s, map); vma && !is_full(expected); vma = next_in_window(s, vma, map)) {
		if (vma->vm_end <= from)
			continue;
		vma_format(vma, line, sizeof(line));
		add_line(expected, line);
	}
	for (uint32_t i = 0; i < map->count && !is_full(found); i++) {
		if (map->areas[i].end <= from)
			continue;
		add_line(found, observed_line(&map->areas[i], line, sizeof(line)));
	}
	if (!expected->lines)
		add_line(expected, "(nothing)\n");
	if (!found->lines)
		add_line(found, "(nothing)\n");
}

/* With what stands before and behind it. */
static void result_text(char *buf, size_t size, const char *before, int64_t result, const char *behind)
{
	const char *error = result == -TRACE_ERROR_UNSEEN ? "(an error that was not seen)" : NULL;

	if (!IS_ERR_VALUE(result)) {
		snprintf(buf, size, "%s%#" PRIx64 "%s", before, (uint64_t)result, behind);
		return;
	}
	if (!error)
		error = strerrorname_np((int)-result);
	snprintf(buf, size, "%s-%s%s", before, error ? error : "(no error of this system)", behind);
}

static void report(
	struct replay *r, struct space *s, const struct trace_event *e, struct replay_difference *d)
{
	char text[CALL_TEXT] = "";
	size_t n;

	/* What the mirror could not do for want of memory is no difference. */
	if (r->failures != port_failures())
		return;
	if (d->uncertain)
		r->stats.uncertain++;
	else
		r->stats.differences++;
	if (!r->options.difference)
		return;
	if (s->call_step) {
		trace_call_text(&s->call, text, sizeof(text));
		n = strlen(text);
		result_text(text + n, sizeof(text) - n, " = ", s->call.result, "");
	}
	d->step = e->step;
	d->call_step = s->call_step;
	d->pid = e->pid;
	d->mm = e->mm;
	d->call = text;
	r->options.difference(r->options.ctx, d);
}

void check_result(struct replay *r, struct space *s, const struct trace_event *e, const struct prediction *p)
{
	char expected[40], found[40];
	struct replay_difference d = {
		.what = "the call's result is not the one expected", .expected = expected, .found = found
	};

	if (r->options.unchecked)
		return;
	if (s->partial) {
		d.uncertain = true;
		d.what = "the call's result is not the one expected; areas that were not seen may decide it";
	}
	result_text(expected, sizeof(expected), "", p->result, "\n");
	result_text(found, sizeof(found), "", e->call.result, "\n");
	report(r, s, e, &d);
}

void report_doubt(struct replay *r, struct space *s, const struct trace_event *e, const char *what,
	const char *expected, const char *found)
{
	struct replay_difference d = {
		.uncertain = true, .what = what, .expected = expected, .found = found
	};

	if (!r->options.unchecked)
		report(r, s, e, &d);
}

int check_map(struct replay *r, struct space *s, const struct trace_event *e)
{
	const struct trace_map *map = &e->map;
	static const char only_cuts[] =
		"areas are cut elsewhere, and whether their pages had been written is not known";
	static const char grown_beside[] =
		"a stack grew while another thread's call was carried out: which came first is not known";
	struct excerpt expected = { .len = 0 }, found = { .len = 0 };
	struct replay_difference d = {
		.what = "the map is not the one expected", .expected = expected.text, .found = found.text
	};

	r->stats.checks++;
	if (maps_equal(s, map)) {
		if (map->lo == 0 && map->hi == UINT64_MAX)
			s->grown_beside = false;
		return 0;
	}
	if (!s->take_over) {
		if (s->doubt && only_cuts_differ(s, map)) {
			d.uncertain = true;
			d.what = only_cuts;
		} else if (s->grown_beside) {
			d.uncertain = true;
			d.what = grown_beside;
		}
		write_excerpts(s, map, &expected, &found);
		report(r, s, e, &d);
	}
	s->take_over = false;
	return take_over(r, s, map);
}
