/* SPDX-License-Identifier: MIT */
/*
 * Which code is mapped where, in each address space: asked of the kernel, or of the source that knows (live.code_at), at the first
 * frame that lies there, told then, and forgotten when a call has changed something about those addresses.
 *
 * Modules are ascending and do not overlap, one for each area that was asked for. The list is grown by
 * whoever adds, shared by nobody, and copied at a fork. The recording's reader keeps the same list by
 * the same events: a MODULE replaces what it overlaps.
 *
 *     frame at 0x7f0000012345: no module has it -> the area is asked for -> MODULE 0x7f0000010000-... is told, kept
 *     frame at 0x7f0000012350: kept, nothing is asked
 *     munmap of a part of it: forgotten, and asked for again at the next frame there
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stacks.h"
#include "system_calls.h"

/* The first module that ends above @addr. */
static size_t first_above(const struct code_map *map, uint64_t addr)
{
	size_t lo = 0, hi = map ? map->nr : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (map->modules[mid].end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Not told: whatever comes there is told when it is met. O(log n) and what moves. */
void stacks_forget(struct live_mm *mm, uint64_t start, uint64_t end)
{
	struct code_map *map = mm->code;
	size_t from = first_above(map, start), to = from;

	while (map && to < map->nr && map->modules[to].start < end)
		code_file_put(map->of, map->modules[to++].file);
	if (!map || from == to)
		return;
	memmove(&map->modules[from], &map->modules[to], (map->nr - to) * sizeof(map->modules[0]));
	map->nr -= to - from;
}

/* Room for one more. False: no memory, and the list is as it was. */
static bool map_room(struct live *l, struct live_mm *mm)
{
	size_t nr = mm->code ? mm->code->nr : 0, want = nr ? 2 * nr : 16;
	struct code_map *grown;

	if (mm->code && nr < mm->code->allocated)
		return true;
	grown = realloc(mm->code, sizeof(*grown) + want * sizeof(grown->modules[0]));
	if (!grown)
		return false;
	grown->of = l->stacks;
	grown->nr = nr;
	grown->allocated = want;
	mm->code = grown;
	return true;
}

/* Told for the space of @t, before the stack that goes through it. */
static void emit_module(struct live *l, struct task *t, const struct code_module *m, const char *path)
{
	struct trace_event e = { .type = TRACE_EVENT_MODULE };

	e.module = (struct trace_module){ .start = m->start,
		.end = m->end,
		.offset = m->offset,
		.bias = m->bias,
		.has_bias = m->has_bias,
		.path = path };
	if (m->file && m->file->build_id_len) {
		e.module.build_id = m->file->build_id;
		e.module.build_id_len = m->file->build_id_len;
	}
	emit(l, t, &e);
}

/*
 * Valid until the next one is asked for. The area is asked for once for each module and change: from
 * the source that follows areas itself (code_at), or by a line of /proc/PID/maps. What cannot be
 * executed is NULL, and ends the walk as lost.
 */
const struct code_module *code_module_at(struct live *l, struct task *t, uint64_t addr)
{
	struct live_mm *mm = t->mm;
	size_t at = first_above(mm->code, addr);
	struct code_module *m;
	struct trace_area area;
	char name[AREA_NAME_MAX];
	uint64_t page_size;

	if (mm->code && at < mm->code->nr && mm->code->modules[at].start <= addr)
		return &mm->code->modules[at];
	if (!(l->code_at ? l->code_at(l, t, addr, name, &area)
			 : observe_named_area(l, t, addr, name, &area, &page_size)) ||
		!(area.prot & PROT_EXEC))
		return NULL;
	/* What was known about these addresses had other bounds. */
	stacks_forget(mm, area.start, area.end);
	if (!map_room(l, mm))
		return NULL;
	at = first_above(mm->code, addr);
	m = &mm->code->modules[at];
	memmove(m + 1, m, (mm->code->nr - at) * sizeof(*m));
	mm->code->nr++;
	*m = (struct code_module){ .start = area.start, .end = area.end, .offset = area.offset };
	m->file = code_file_get(l, t, &area);
	mm->ran_code |= !m->file || !m->file->elf;
	m->has_bias = m->file && code_file_bias(m->file, m->start, m->offset, &m->bias);
	emit_module(l, t, m, name);
	return m;
}

/* At a fork, when both have the same areas. */
void stacks_copy(const struct live_mm *from, struct live_mm *to)
{
	size_t size =
		from->code ? sizeof(*from->code) + from->code->allocated * sizeof(from->code->modules[0]) : 0;

	/* Without memory the child's modules are asked for and told again. */
	to->code = size ? malloc(size) : NULL;
	if (!to->code)
		return;
	memcpy(to->code, from->code, size);
	for (size_t i = 0; i < to->code->nr; i++)
		if (to->code->modules[i].file)
			to->code->modules[i].file->refs++;
}

/* The address space ends, or its task becomes another program. */
void stacks_leave(struct live_mm *mm)
{
	stacks_forget(mm, 0, UINT64_MAX);
	free(mm->code);
	mm->code = NULL;
}

/*
 * Forgets what the call names and where it has placed something, whether or not it has changed it: to
 * ask again is cheap. madvise takes no code away that could be met again elsewhere.
 */
void stacks_follow_call(struct task *t, int64_t result)
{
	struct range r[2], placed;
	unsigned int n;

	if (!t->mm->code || t->call.nr == NR_madvise)
		return;
	n = named_ranges(t, r);
	for (unsigned int i = 0; i < n; i++)
		stacks_forget(t->mm, r[i].start, r[i].end);
	if (placed_range(&t->call, result, &placed))
		stacks_forget(t->mm, placed.start, placed.end);
}
