/* SPDX-License-Identifier: MIT */
/*
 * The mirror beside what was seen: compare, report, take over.
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
 * 3. Take over.  After a disagreement the mirror gets the observed areas, with the hidden properties (flags, touched)
 *    that it believed in at each place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define REPORT_LINES 12
#define REPORT_SIZE  4096

static uint32_t prot_of(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_READ ? PROT_READ : 0) | (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
	       (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0);
}

/* Has it a file as maps shows one? */
static bool has_file(const struct vm_area_struct *vma)
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

/* Everything but the bounds, at an address that both contain. */
static bool same_properties(const struct vm_area_struct *vma, const struct trace_area *a, uint64_t addr,
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

static uint64_t at_least(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Within the window: same addresses, same properties at each; only the cuts differ. */
static bool only_cuts_differ(struct space *s, const struct trace_map *map)
{
	struct vm_area_struct *vma = first_in_window(s, map);
	uint64_t at = map->lo;
	uint32_t i = 0;

	while (vma && i < map->count) {
		const struct trace_area *a = &map->areas[i];
		uint64_t end = at_most(vma->vm_end, a->end);

		if (at_least(vma->vm_start, at) != at_least(a->start, at))
			return false;
		at = at_least(a->start, at);
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

static int area_line(const struct trace_area *a, char *buf, size_t size)
{
	char head[128];

	snprintf(head, sizeof(head),
		"%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %02" PRIx64 ":%02" PRIx64 " %" PRIu64,
		a->start, a->end, a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
		a->prot & PROT_EXEC ? 'x' : '-', a->shared ? 's' : 'p', a->offset, a->dev >> 32,
		a->dev & 0xffffffff, a->ino);
	return *a->name ? snprintf(buf, size, "%-72s %s\n", head, a->name)
			: snprintf(buf, size, "%s\n", head);
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

	for (vma = first_in_window(s, map); vma; vma = next_in_window(s, vma, map)) {
		if (vma->vm_end <= from)
			continue;
		vma_format(vma, line, sizeof(line));
		add_line(expected, line);
	}
	for (uint32_t i = 0; i < map->count; i++) {
		if (map->areas[i].end <= from)
			continue;
		area_line(&map->areas[i], line, sizeof(line));
		add_line(found, line);
	}
	if (!expected->lines)
		add_line(expected, "(nothing)\n");
	if (!found->lines)
		add_line(found, "(nothing)\n");
}

static void report(
	struct replay *r, struct space *s, const struct trace_event *e, struct replay_difference *d)
{
	char text[CALL_TEXT] = "";
	size_t n;

	if (d->uncertain)
		r->stats.uncertain++;
	else
		r->stats.differences++;
	if (!r->options.difference)
		return;
	if (s->call_step) {
		trace_call_text(&s->call, text, sizeof(text));
		n = strlen(text);
		if (IS_ERR_VALUE(s->call.result))
			snprintf(text + n, sizeof(text) - n, " = -%s", strerrorname_np((int)-s->call.result));
		else
			snprintf(text + n, sizeof(text) - n, " = %#" PRIx64, (uint64_t)s->call.result);
	}
	d->step = e->step;
	d->call_step = s->call_step;
	d->pid = e->pid;
	d->mm = e->mm;
	d->call = text;
	r->options.difference(r->options.ctx, d);
}

static void result_text(char *buf, size_t size, int64_t result)
{
	if (IS_ERR_VALUE(result))
		snprintf(buf, size, "-%s\n", strerrorname_np((int)-result));
	else
		snprintf(buf, size, "%#" PRIx64 "\n", (uint64_t)result);
}

void check_result(struct replay *r, struct space *s, const struct trace_event *e, const struct prediction *p)
{
	char expected[32], found[32];
	struct replay_difference d = {
		.what = "the call's result is not the one expected", .expected = expected, .found = found
	};

	if (r->options.unchecked)
		return;
	result_text(expected, sizeof(expected), p->result);
	result_text(found, sizeof(found), e->call.result);
	report(r, s, e, &d);
}

/* --- taking over ------------------------------------------------------------------------------------------ */

/* What the mirror believed at one place. */
struct belief {
	struct area_spec spec;
	char name[96];
};

static uint32_t file_kind(const struct trace_area *a)
{
	if (!a->ino && a->name[0] == '[')
		return TRACE_FILE_SPECIAL;
	if (strncmp(a->name, "/memfd:", 7) == 0 || strncmp(a->name, "/SYSV", 5) == 0 ||
		strncmp(a->name, "/dev/zero", 9) == 0)
		return TRACE_FILE_SHMEM;
	return TRACE_FILE_REGULAR;
}

/* Areas without a file: the heap, the stack and whatever has no name or an anonymous one. */
static bool area_is_anonymous(const struct trace_area *a)
{
	return !a->ino && (a->name[0] != '[' || strcmp(a->name, "[heap]") == 0 ||
				  strncmp(a->name, "[stack", 6) == 0 || strncmp(a->name, "[anon:", 6) == 0);
}

/* The file of an area that no call brought: the same one as that of an area seen before, if it may be. */
static struct vm_file *file_of_area(struct replay *r, struct space *s, const struct trace_area *a)
{
	struct trace_file t = { .kind = file_kind(a), .dev = a->dev, .ino = a->ino, .path = a->name };
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &s->mm, 0);

	if (a->ino) {
		for_each_vma (vmi, vma)
			if (has_file(vma) && vma->vm_file->ino == a->ino && vma->vm_file->dev == a->dev)
				return vm_file_get(vma->vm_file);
	}
	if (a->shared && (a->prot & PROT_WRITE))
		t.open_flags = 2;
	return replay_file(r, &t);
}

static vm_flags_t flags_of_area(const struct trace_area *a)
{
	vm_flags_t flags = (a->prot & PROT_READ ? VM_READ : 0) | (a->prot & PROT_WRITE ? VM_WRITE : 0) |
			   (a->prot & PROT_EXEC ? VM_EXEC : 0) | VM_MAY_FLAGS;

	if (a->shared)
		return flags | VM_SHARED | VM_MAYSHARE;
	return a->prot & PROT_WRITE ? flags | VM_ACCOUNT : flags;
}

static int insert_area(
	struct replay *r, struct space *s, const struct trace_area *a, vm_flags_t flags, bool touched)
{
	struct area_spec spec = { .start = a->start,
		.end = a->end,
		.pgoff = a->offset >> 12,
		.vm_flags = flags,
		.touched = touched };
	char name[96];
	int err;

	if (!area_is_anonymous(a)) {
		spec.file = file_of_area(r, s, a);
		if (!spec.file)
			return -12;
	} else if (strncmp(a->name, "[anon:", 6) == 0) {
		snprintf(name, sizeof(name), "%.*s", (int)strlen(a->name) - 7, a->name + 6);
		spec.anon_name = name;
	}
	err = mm_insert_area(&s->mm, &spec);
	vm_file_put(spec.file);
	return err;
}

int begin_map(struct replay *r, struct space *s, const struct trace_map *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct trace_area *a = &map->areas[i];
		int err = insert_area(r, s, a, a->vm_flags & ~VM_SOFTDIRTY, a->touched);

		/* An area that cannot be there is the recording's fault, and a later check names it. */
		if (err == -12)
			return err;
	}
	return 0;
}

static void believe(struct space *s, const struct trace_area *a, struct belief *b)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, a->start, a->end);

	*b = (struct belief){ .spec = { .start = a->start, .end = a->end, .pgoff = a->offset >> 12 } };
	if (!vma) {
		b->spec.vm_flags = flags_of_area(a);
		return;
	}
	b->spec.vm_flags = (vma->vm_flags & ~(VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE)) |
			   (flags_of_area(a) & (VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE));
	if (has_file(vma) && vma->vm_file->ino == a->ino)
		b->spec.file = vm_file_get(vma->vm_file);
	for (; vma && !b->spec.touched; vma = find_vma_intersection(&s->mm, vma->vm_end, a->end))
		b->spec.touched = vma->anon_vma != NULL;
}

/* Everything of the mirror's in the window, and where observed areas lie, makes way. */
static void clear_place(struct space *s, const struct trace_map *map)
{
	uint64_t start = map->lo & ~4095UL, end = at_most(map->hi, s->mm.task_size - 1);
	struct vm_area_struct *vma;

	if (map->count) {
		start = at_most(start, map->areas[0].start);
		end = at_least(end, map->areas[map->count - 1].end);
	}
	if (start >= end)
		return;
	for (vma = find_vma_intersection(&s->mm, start, end); vma;
		vma = find_vma_intersection(&s->mm, vma->vm_end, end))
		vma->vm_flags &= ~VM_SEALED;
	/* For want of memory something stays, and the insertions find it. */
	(void)!mm_munmap(&s->mm, start, end - start);
}

static bool agrees(struct space *s, const struct trace_area *a, const struct trace_map *map)
{
	const struct vm_area_struct *vma = vma_lookup(&s->mm, a->start);

	return vma && vma->vm_start == a->start && vma->vm_end == a->end &&
	       same_properties(vma, a, a->start, map);
}

/* The part of an observation from the first to the last disagreement: what agrees keeps its anon_vmas. */
static struct trace_map disagreement(struct space *s, const struct trace_map *whole)
{
	struct trace_map map = *whole;

	while (map.count && !find_vma_intersection(&s->mm, map.lo, map.areas[0].start) &&
		agrees(s, &map.areas[0], &map)) {
		map.lo = map.areas[0].end;
		map.areas++;
		map.count--;
	}
	while (map.count) {
		const struct trace_area *last = &map.areas[map.count - 1];

		if (find_vma_intersection(&s->mm, last->end, map.hi) || !agrees(s, last, &map))
			break;
		map.hi = last->start;
		map.count--;
	}
	return map;
}

static void take_over(struct replay *r, struct space *s, const struct trace_map *whole)
{
	const struct trace_map part = disagreement(s, whole), *map = &part;
	struct belief *beliefs = calloc(map->count + 1, sizeof(*beliefs));

	if (!beliefs)
		return;
	for (uint32_t i = 0; i < map->count; i++)
		believe(s, &map->areas[i], &beliefs[i]);
	clear_place(s, map);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct area_spec *spec = &beliefs[i].spec;

		if (spec->file)
			(void)!mm_insert_area(&s->mm, spec);
		else
			(void)!insert_area(r, s, &map->areas[i], spec->vm_flags, spec->touched);
		vm_file_put(spec->file);
	}
	free(beliefs);
}

void check_map(struct replay *r, struct space *s, const struct trace_event *e)
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
		return;
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
	take_over(r, s, map);
	s->take_over = false;
}
