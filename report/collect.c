/* SPDX-License-Identifier: MIT */
/*
 * What a page keeps of the lives of areas and of the numbers over time, in bounded memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"

/* ---- ended areas ---- */

static bool is_merged(const struct report *r, const struct report_rect *rect)
{
	return rect->ended_ns - rect->born_ns < r->shortest_ns || rect->end - rect->start < r->smallest;
}

/* What lived shortest goes, until a quarter has gone; where all lived long, a quarter of the time, the smallest. */
static void make_room(struct report *r)
{
	uint32_t kept = r->nr_rects;

	while (kept > REPORT_RECTS - REPORT_RECTS / 4) {
		if (r->shortest_ns * 4 < r->lives.now_ns - r->lives.begin_ns)
			r->shortest_ns = r->shortest_ns ? r->shortest_ns * 2 : 1000;
		else
			r->smallest = r->smallest ? r->smallest * 2 : 8192;
		kept = 0;
		for (uint32_t i = 0; i < r->nr_rects; i++)
			if (!is_merged(r, &r->rects[i]))
				r->rects[kept++] = r->rects[i];
		r->merged += r->nr_rects - kept;
		r->nr_rects = kept;
	}
}

/* Who put the lower end there, in words. */
static uint32_t site_number(struct report *r, const struct life_birth *birth)
{
	const struct explain_site *site = birth->site;
	const char *call = life_birth_call(birth);
	const char *slash = site ? strrchr(site->module, '/') : NULL;
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s",
		call          ? call
		: birth->type ? "no call"
			      : "before the recording",
		site ? " at " : "", site && site->module[0] ? (slash ? slash + 1 : site->module) : "");
	if (site)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%#llx",
			site->module[0] ? "+" : "", (unsigned long long)site->offset);
	return report_word(&r->sites, text);
}

static bool have_room(struct report *r)
{
	uint32_t size = r->allocated ? r->allocated * 2 : 1024;
	struct report_rect *grown;

	if (r->nr_rects == REPORT_RECTS)
		make_room(r);
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
		.reasons = life->reasons,
		.name = life->name,
		.kind = life->kind,
		.prot = life->prot };

	if (is_merged(r, &rect)) {
		r->merged++;
	} else if (have_room(r)) {
		rect.site = site_number(r, &life->birth);
		r->rects[r->nr_rects++] = rect;
	}
}

/* ---- numbers over time ---- */

static void halve(struct report *r)
{
	for (uint32_t i = 0; i < REPORT_SAMPLES / 2; i++) {
		uint64_t most = r->samples[2 * i].areas;

		r->samples[i] = r->samples[2 * i + 1];
		if (most > r->samples[i].areas)
			r->samples[i].areas = most;
	}
	r->nr_samples = REPORT_SAMPLES / 2;
	r->stride *= 2;
}

static void sample(struct report *r, const struct trace_event *e)
{
	struct report_sample *last = r->nr_samples ? &r->samples[r->nr_samples - 1] : NULL;
	struct report_sample now = { .time_ns = e->time_ns,
		.step = e->step,
		.areas = (uint64_t)r->lives.mm->map_count,
		.bytes = r->lives.mm->total_vm << 12,
		.calls = r->lives.calls,
		.splits = r->lives.mm->counters.splits,
		.merges = r->lives.mm->counters.merges };

	if (last && r->skipped + 1 < r->stride) {
		r->skipped++;
		if (last->areas > now.areas)
			now.areas = last->areas;
		*last = now;
		return;
	}
	if (r->nr_samples == REPORT_SAMPLES)
		halve(r);
	r->skipped = 0;
	r->samples[r->nr_samples++] = now;
}

/* ---- the interface ---- */

void report_begin(struct report *r, uint32_t mm_id)
{
	*r = (struct report){ .stride = 1 };
	lives_begin(&r->lives, mm_id, &r->names, keep, r);
}

void report_event(struct report *r, struct explain *x, const struct trace_event *e)
{
	if (lives_event(&r->lives, x, e))
		sample(r, e);
}

void report_end(struct report *r)
{
	lives_end(&r->lives);
	r->no_memory |= r->lives.no_memory;
}

void report_free(struct report *r)
{
	report_end(r);
	report_words_free(&r->names);
	report_words_free(&r->sites);
	free(r->rects);
}
