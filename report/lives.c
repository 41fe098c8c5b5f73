/* SPDX-License-Identifier: MIT */
/* See lives.h. */
#include "lives.h"
#include "system_calls.h"

#include <stdlib.h>
#include <string.h>

const char *const report_kind_names[REPORT_KINDS] = { "anonymous", "heap", "stack", "file, code",
	"file, data", "no access", "guard pages", "shared", "huge pages", "kernel's own" };

static bool has_guards(const struct vm_area_struct *vma)
{
	const struct vm_area_struct *above;

	if (vma->vm_flags & VM_MAYBE_GUARD)
		return true;
	if ((vma->vm_flags & VM_ACCESS_FLAGS) || vma->vm_file ||
		vma->vm_end - vma->vm_start > REPORT_GUARD_MOST)
		return false;
	above = vma_lookup(vma->vm_mm, vma->vm_end);
	return above && !above->vm_file && (above->vm_flags & VM_ACCESS_FLAGS);
}

enum report_kind report_kind_of(const struct vm_area_struct *vma)
{
	char buf[64];
	const char *name = vma_name(vma, buf, sizeof(buf));

	if (vma->vm_file && vma->vm_file->kind == VM_FILE_SPECIAL)
		return REPORT_SPECIAL;
	if (has_guards(vma))
		return REPORT_GUARD;
	if (!(vma->vm_flags & VM_ACCESS_FLAGS))
		return REPORT_NONE;
	if (strcmp(name, "[heap]") == 0)
		return REPORT_HEAP;
	if (strncmp(name, "[stack", 6) == 0)
		return REPORT_STACK;
	if (vma->vm_flags & VM_HUGETLB)
		return REPORT_HUGE;
	if (vma->vm_flags & VM_MAYSHARE)
		return REPORT_SHARED;
	if (!vma->vm_file)
		return REPORT_ANON;
	return vma->vm_flags & VM_EXEC ? REPORT_TEXT : REPORT_FILE;
}

struct life_birth life_birth_of(const struct explain_event *e)
{
	bool call = e && e->type == TRACE_EVENT_CALL;

	if (!e)
		return (struct life_birth){ .call_nr = ~0U };
	return (struct life_birth){ .site = e->site,
		.step = e->step,
		.time_ns = e->time_ns,
		.tid = e->tid,
		.type = e->type,
		.call_nr = call ? e->call.nr : ~0U,
		.stack = call ? e->call.stack : 0 };
}

const char *life_birth_call(const struct life_birth *birth)
{
	return birth->type == TRACE_EVENT_CALL ? trace_call_name(birth->call_nr) : NULL;
}

const char *life_birth_text(const struct code *code, const struct life_birth *birth, char *buf, size_t size)
{
	const struct explain_group g = { .birth_type = birth->type,
		.call_nr = birth->call_nr,
		.stack = birth->stack,
		.site = birth->site };

	return made_by_group(code, &g, buf, size);
}

/* ---- births and ends ---- */

/* A boundary changes with the areas on both its sides, so wherever lives are looked at. */
static void set_needless(struct lives *l, struct life *life, bool needless)
{
	if (life->needless_now == needless)
		return;
	life->needless_now = needless;
	l->needless += needless ? 1 : -1ull;
	l->needless_bytes += needless ? life->end - life->start : life->start - life->end;
}

static void close_life(struct lives *l, struct life *life)
{
	mtree_erase(&l->open, life->start);
	set_needless(l, life, false);
	life->ended_ns = l->now_ns;
	life->ended_step = l->now_step;
	l->nr_open--;
	if (l->ended)
		l->ended(l->ctx, life);
	free(life);
}

static uint8_t prot_of(const struct vm_area_struct *vma)
{
	return (uint8_t)((vma->vm_flags & VM_READ ? 1 : 0) | (vma->vm_flags & VM_WRITE ? 2 : 0) |
			 (vma->vm_flags & VM_EXEC ? 4 : 0));
}

static bool is_still(const struct life *life, const struct vm_area_struct *vma)
{
	return vma && life->start == vma->vm_start && life->end == vma->vm_end &&
	       life->anon_name == vma->anon_name && life->prot == prot_of(vma) &&
	       life->kind == (uint8_t)report_kind_of(vma);
}

/* Two that live have no address in common. */
static void close_across(struct lives *l, const struct vm_area_struct *vma)
{
	unsigned long at = vma->vm_start;
	struct life *life;

	while ((life = mt_find(&l->open, &at, vma->vm_end - 1)) != NULL)
		close_life(l, life);
}

static void open_life(struct lives *l, const struct vm_area_struct *vma)
{
	struct life *life = malloc(sizeof(*life));
	struct explain_boundary b;
	char name[4096];

	if (!life) {
		l->no_memory = true;
		return;
	}
	close_across(l, vma);
	explain_boundary(vma, &b);
	*life = (struct life){ .start = vma->vm_start,
		.end = vma->vm_end,
		.born_ns = l->now_ns,
		.born_step = l->now_step,
		.birth = life_birth_of(b.birth),
		.anon_name = vma->anon_name,
		.reasons = b.main_reasons,
		.name = report_word(l->names, vma_name(vma, name, sizeof(name))),
		.kind = (uint8_t)report_kind_of(vma),
		.prot = prot_of(vma),
		.shared = vma->vm_flags & VM_MAYSHARE,
		.needless = b.needless };
	l->no_memory |= life->name == UINT32_MAX;
	if (mtree_store_range(&l->open, life->start, life->end - 1, life, GFP_KERNEL)) {
		l->no_memory = true;
		free(life);
		return;
	}
	set_needless(l, life, b.needless);
	l->nr_open++;
}

/*
 * Lives of which there is no such area any more, as a list in the order of their lower ends, which is that in which both are
 * looked through, side by side.  @fresh: there are areas that are no life yet.
 */
static struct life *find_gone(struct lives *l, uint64_t first, uint64_t last, bool *fresh)
{
	VMA_ITERATOR(vmi, l->mm, first);
	MA_STATE(mas, &l->open, first, first);
	struct vm_area_struct *vma = vma_next_until(&vmi, last);
	struct life *life = mas_find(&mas, last), *gone = NULL, **end = &gone;
	struct explain_boundary b;

	while (life || vma) {
		bool has_life = life && (!vma || life->start <= vma->vm_start);
		bool has_area = vma && (!life || vma->vm_start <= life->start);

		if (has_life && has_area && is_still(life, vma)) {
			explain_boundary(vma, &b);
			set_needless(l, life, b.needless);
		} else {
			*fresh |= has_area;
			if (has_life) {
				*end = life;
				end = &life->next_gone;
			}
		}
		if (has_life)
			life = mas_find(&mas, last);
		if (has_area)
			vma = vma_next_until(&vmi, last);
	}
	*end = NULL;
	return gone;
}

static void look_at(struct lives *l, uint64_t lo, uint64_t hi)
{
	uint64_t first = lo ? lo - 1 : 0, last = hi + 1 > hi ? hi + 1 : hi;
	bool fresh = false;
	struct life *gone = find_gone(l, first, last, &fresh);
	struct vm_area_struct *vma;

	while (gone) {
		struct life *next = gone->next_gone;

		close_life(l, gone);
		gone = next;
	}
	if (!fresh)
		return;
	for (vma = find_vma(l->mm, first); vma && vma->vm_start <= last; vma = find_vma(l->mm, vma->vm_end))
		if (!mtree_load(&l->open, vma->vm_start))
			open_life(l, vma);
}

/* ---- where an event may have changed something ---- */

/* It changes nothing where it names nothing, and has not been given a place. */
static bool may_name_nothing(uint32_t nr)
{
	return nr == NR_mmap || nr == NR_brk || nr == NR_prctl;
}

static void look_at_call(struct lives *l, const struct trace_call *c)
{
	const struct trace_heap heap = { .start_brk = l->mm->start_brk, .brk = l->brk };
	struct trace_range named[2], placed;
	unsigned int n = trace_named_pages(c, &heap, mm_page_size(l->mm), named);
	bool has_placed = trace_placed_pages(c, mm_page_size(l->mm), &placed);

	/* A segment's size is not known; others are about the whole of the map, or about what is in a structure. */
	if (c->nr == NR_shmat || (!n && !has_placed && !may_name_nothing(c->nr))) {
		look_at(l, 0, ~0ull);
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		look_at(l, named[i].start, named[i].end);
	if (has_placed)
		look_at(l, placed.start, placed.end);
}

static bool is_as_seen(struct lives *l, const struct trace_map *map)
{
	MA_STATE(mas, &l->open, map->lo, map->lo);
	const struct life *life;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct trace_area *a = &map->areas[i];

		life = mas_find(&mas, map->hi - 1);
		if (!life || life->start != a->start || life->end != a->end || life->prot != a->prot)
			return false;
	}
	return !mas_find(&mas, map->hi - 1);
}

static void look_at_map(struct lives *l, const struct trace_map *map)
{
	if (map->reason != TRACE_MAP_CHECK)
		look_at(l, 0, ~0ull);
	else if (!is_as_seen(l, map))
		look_at(l, map->lo, map->hi);
}

static void follow(struct lives *l, const struct trace_event *e)
{
	switch (e->type) {
	case TRACE_EVENT_MAP:
		look_at_map(l, &e->map);
		break;
	case TRACE_EVENT_FAULT:
		look_at(l, e->fault.addr, e->fault.addr + 1);
		break;
	case TRACE_EVENT_CHANGE:
		look_at(l, e->change.start, e->change.end);
		break;
	case TRACE_EVENT_CALL:
		look_at_call(l, &e->call);
		break;
	default:
		break;
	}
}

/* ---- the interface ---- */

void lives_begin(struct lives *l, uint32_t mm_id, struct report_words *names,
	void (*ended)(void *ctx, const struct life *life), void *ctx)
{
	*l = (struct lives){ .mm_id = mm_id, .names = names, .ended = ended, .ctx = ctx };
	mt_init_flags(&l->open, 0);
}

bool lives_event(struct lives *l, struct explain *x, const struct trace_event *e)
{
	bool is_fork = e->type == TRACE_EVENT_FORK && e->fork.child_mm == l->mm_id;

	if (e->mm != l->mm_id && !is_fork)
		return false;
	if (!l->begin_ns)
		l->begin_ns = e->time_ns;
	l->now_ns = e->time_ns > l->now_ns ? e->time_ns : l->now_ns;
	l->now_step = e->step;
	l->mm = replay_space(explain_replay(x), l->mm_id);
	if (!l->mm)
		return false;
	l->calls += !is_fork && e->type == TRACE_EVENT_CALL;
	if (l->ended && is_fork)
		look_at(l, 0, ~0ull);
	else if (l->ended)
		follow(l, e);
	l->brk = l->mm->brk;
	return true;
}

void lives_end(struct lives *l)
{
	struct life *life;
	unsigned long index = 0;

	for (life = mt_find(&l->open, &index, ULONG_MAX); life; life = mt_find(&l->open, &index, ULONG_MAX))
		close_life(l, life);
	mtree_destroy(&l->open);
	mt_init_flags(&l->open, 0);
}
