/* SPDX-License-Identifier: MIT */
/*
 * What a page keeps of the lives of areas and of the numbers over time, in bounded memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"

/* ---- ended areas ---- */

static int by_place(const void *a, const void *b)
{
	const struct report_rect *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->born_ns < y->born_ns ? -1 : x->born_ns > y->born_ns;
}

static bool is_short(const struct report *r, const struct report_rect *rect)
{
	return rect->ended_ns - rect->born_ns < r->shortest_ns;
}

/* One began where and when the other ended, and they differ in nothing that a list is sorted by but the access. */
static bool follows(const struct report_rect *before, const struct report_rect *rect)
{
	return before->start == rect->start && before->end == rect->end &&
	       before->ended_ns == rect->born_ns && before->reasons == rect->reasons &&
	       before->site == rect->site && before->name == rect->name && before->stack == rect->stack &&
	       before->thread == rect->thread && before->kind == rect->kind &&
	       before->needless == rect->needless;
}

static void join(struct report *r, struct report_rect *before, const struct report_rect *rect)
{
	before->ended_ns = rect->ended_ns;
	before->lives += rect->lives;
	r->joined++;
}

/* Of the first @kept the last, where it is short, becomes one with what was in its place before; how many are kept then. */
static uint32_t join_rest(struct report *r, uint32_t kept)
{
	struct report_rect *last = kept > 1 ? &r->rects[kept - 1] : NULL;

	if (!last || !is_short(r, last) || !follows(last - 1, last))
		return kept;
	join(r, last - 1, last);
	return kept - 1;
}

/* What is short becomes one with what follows it in its place, until that is long; a short rest with what was before it. */
static void join_short(struct report *r)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->nr_rects; i++) {
		const struct report_rect *rect = &r->rects[i];
		struct report_rect *last = kept ? &r->rects[kept - 1] : NULL;

		if (last && is_short(r, last) && follows(last, rect)) {
			join(r, last, rect);
			continue;
		}
		kept = join_rest(r, kept);
		r->rects[kept++] = *rect;
	}
	r->nr_rects = join_rest(r, kept);
}

/* What is short by itself, or small, is left out. */
static void leave_out(struct report *r)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->nr_rects; i++) {
		const struct report_rect *rect = &r->rects[i];

		if (is_short(r, rect) || rect->end - rect->start < r->smallest)
			r->left_out += rect->lives;
		else
			r->rects[kept++] = *rect;
	}
	r->nr_rects = kept;
}

/* Detail of half as much time; where that would be a quarter of all the time, of areas twice as large. */
static void want_less(struct report *r)
{
	if (r->shortest_ns * 4 < r->lives.now_ns - r->lives.begin_ns)
		r->shortest_ns = r->shortest_ns ? r->shortest_ns * 2 : 1000;
	else
		r->smallest = r->smallest ? r->smallest * 2 : 8192;
}

void report_coarsen(struct report *r, uint32_t most)
{
	for (bool less = r->shortest_ns == 0;; less = true) {
		if (less)
			want_less(r);
		if (r->nr_rects)
			qsort(r->rects, r->nr_rects, sizeof(*r->rects), by_place);
		join_short(r);
		leave_out(r);
		if (r->nr_rects <= most)
			return;
	}
}

/* Who put the lower end there, in words: the same for many areas. */
static uint32_t site_number(struct report *r, const struct life_birth *birth)
{
	size_t slot = ((uintptr_t)birth->site / 16 * 31 + birth->stack * 7 + birth->call_nr + birth->type) %
		      REPORT_KNOWN;
	struct report_known *known = &r->known[slot];
	char text[512];

	if (known->has && known->site == birth->site && known->call_nr == birth->call_nr &&
		known->stack == birth->stack && known->type == birth->type)
		return known->word;
	*known = (struct report_known){ .has = true,
		.site = birth->site,
		.call_nr = birth->call_nr,
		.stack = birth->stack,
		.type = birth->type,
		.word = report_word(r->sites, life_birth_text(&r->code, birth, text, sizeof(text))) };
	return known->word;
}

static bool have_room(struct report *r)
{
	uint32_t size = r->allocated ? r->allocated * 2 : 1024;
	struct report_rect *grown;

	if (r->nr_rects == r->max_rects)
		report_coarsen(r, r->max_rects - r->max_rects / 4);
	if (r->nr_rects < r->allocated)
		return true;
	grown = realloc(r->rects, size * sizeof(*grown));
	r->no_memory |= !grown;
	if (!grown)
		return false;
	r->rects = grown;
	r->allocated = size;
	return true;
}

static void keep(void *ctx, const struct life *life)
{
	struct report *r = ctx;
	struct report_rect rect = { .start = life->start,
		.end = life->end,
		.born_ns = life->born_ns,
		.ended_ns = life->ended_ns,
		.step = life->born_step,
		.lives = 1,
		.reasons = life->reasons,
		.name = life->name,
		.stack = life->birth.stack,
		.thread = life->birth.tid,
		.kind = life->kind,
		.prot = (uint8_t)(life->prot | (life->shared ? 8 : 0)),
		.needless = life->needless };

	if (have_room(r)) {
		rect.site = site_number(r, &life->birth);
		r->rects[r->nr_rects++] = rect;
	}
}

/* ---- numbers over time ---- */

/* Which of @n parts of the recording's time. */
static uint32_t part_of(const struct report *r, uint64_t ns, uint32_t n)
{
	uint64_t span = r->end_ns - r->begin_ns + 1, at = ns > r->begin_ns ? ns - r->begin_ns : 0;

	return (uint32_t)((double)at / (double)span * n);
}

/* A part of the time has one sample: what was true last in it, and the most areas. */
static void sample(struct report *r, const struct trace_event *e)
{
	uint32_t slot = part_of(r, r->lives.now_ns, REPORT_SAMPLES) + 1;
	const struct mm_struct *mm = r->lives.mm;
	struct report_sample *s, now = { .time_ns = r->lives.now_ns,
		.step = e->step,
		.areas = (uint64_t)mm->map_count,
		.bytes = mm->total_vm << mm->sys->page_shift,
		.needless = r->lives.needless,
		.needless_bytes = r->lives.needless_bytes,
		.calls = r->lives.calls,
		.splits = mm->counters.splits,
		.merges = mm->counters.merges };

	if (slot > r->last_slot && r->nr_samples < REPORT_SAMPLES) {
		r->last_slot = slot;
		r->samples[r->nr_samples++] = now;
		return;
	}
	s = &r->samples[r->nr_samples - 1];
	now.areas = s->areas > now.areas ? s->areas : now.areas;
	*s = now;
}

static int class_of(uint64_t size)
{
	static const uint64_t below[REPORT_CLASSES - 1] = { 1ull << 16, 1ull << 20, 1ull << 24, 1ull << 28,
		1ull << 32 };
	int i = 0;

	while (i < REPORT_CLASSES - 1 && size >= below[i])
		i++;
	return i;
}

static void count_hole(struct report_holes *h, uint64_t start, uint64_t end)
{
	if (end <= start)
		return;
	h->ranges[class_of(end - start)]++;
	if (end - start > h->largest) {
		h->largest = end - start;
		h->largest_start = start;
	}
}

/* Free ranges, at the first event of a part of the time. */
static void count_holes(struct report *r)
{
	uint32_t slot = part_of(r, r->lives.now_ns, REPORT_HOLES) + 1;
	struct mm_struct *mm = r->lives.mm;
	struct report_holes *h;
	struct vm_area_struct *vma;
	uint64_t end = 0;
	VMA_ITERATOR(vmi, mm, 0);

	if (slot <= r->last_hole || r->nr_holes == REPORT_HOLES || !mm->map_count)
		return;
	r->last_hole = slot;
	h = &r->holes[r->nr_holes++];
	*h = (struct report_holes){ .time_ns = r->lives.now_ns };
	for_each_vma (vmi, vma) {
		count_hole(h, end, vma->vm_start < mm->task_size ? vma->vm_start : mm->task_size);
		end = vma->vm_end;
	}
	count_hole(h, end, mm->task_size);
}

/* ---- the peak ---- */

static void take_area(struct report *r, const struct vm_area_struct *vma)
{
	struct explain_boundary b;
	struct life_birth birth;
	char name[4096];

	explain_boundary(vma, &b);
	birth = life_birth_of(b.birth);
	r->areas[r->nr_areas++] = (struct report_area){ .start = vma->vm_start,
		.end = vma->vm_end,
		.reasons = b.main_reasons,
		.step = birth.step,
		.born_ns = birth.time_ns,
		.name = report_word(r->names, vma_name(vma, name, sizeof(name))),
		.site = site_number(r, &birth),
		.stack = birth.stack,
		.thread = birth.tid,
		.kind = (uint8_t)report_kind_of(vma),
		.prot = (uint8_t)(vma->vm_flags & VM_ACCESS_FLAGS),
		.needless = b.needless };
}

static void take_peak(struct report *r, struct explain *x)
{
	struct mm_struct *mm = r->lives.mm;
	struct vm_area_struct *vma;
	int n = mm->map_count < REPORT_AREAS ? mm->map_count : REPORT_AREAS;

	r->areas = r->areas ? r->areas : calloc((size_t)n + 1, sizeof(*r->areas));
	if (!r->areas || r->nr_areas || explain_table(x, mm, &r->table) ||
		culprits_of(&r->table, &r->code, &r->culprits)) {
		r->no_memory |= !r->nr_areas;
		return;
	}
	for (vma = find_vma(mm, 0); vma && r->nr_areas < (uint32_t)n; vma = find_vma(mm, vma->vm_end))
		take_area(r, vma);
}

/* ---- the interface ---- */

void report_begin(struct report *r, const struct survey *survey, const struct survey_space *space,
	struct report_words *names, struct report_words *sites, struct symbols *symbols)
{
	*r = (struct report){ .survey = space,
		.begin_ns = survey->begin_ns,
		.end_ns = survey->end_ns,
		.max_rects = space == survey->largest ? REPORT_RECTS : REPORT_RECTS / 8,
		.names = names,
		.sites = sites,
		.code = { .symbols = symbols, .mm = space->mm, .pid = space->pid } };
	lives_begin(&r->lives, space->mm, names, keep, r);
}

void report_event(struct report *r, struct explain *x, const struct trace_event *e)
{
	if (!lives_event(&r->lives, x, e))
		return;
	if (e->type == TRACE_EVENT_SPACE && !r->program) {
		r->program = strdup(e->space.path);
		r->no_memory |= !r->program;
	}
	sample(r, e);
	count_holes(r);
	if (e->step == r->survey->peak_step)
		take_peak(r, x);
}

int report_end(struct report *r)
{
	lives_end(&r->lives);
	if (r->shortest_ns)
		report_coarsen(r, r->max_rects);
	else if (r->nr_rects)
		qsort(r->rects, r->nr_rects, sizeof(*r->rects), by_place);
	return r->no_memory || r->lives.no_memory ? -ENOMEM : 0;
}

void report_free(struct report *r)
{
	/* What is still open was not told: the ledger, whose places its words are of, is gone. */
	r->lives.ended = NULL;
	lives_end(&r->lives);
	culprits_free(&r->culprits);
	explain_table_free(&r->table);
	free(r->program);
	free(r->areas);
	free(r->rects);
}
