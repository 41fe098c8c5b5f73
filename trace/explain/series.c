/* SPDX-License-Identifier: MIT */
/*
 * The number of areas over time, in bounded memory.
 *
 * A sample stands for `stride` events of its address space and has the largest number of areas among them, so that no
 * peak is lost.  When all samples are there, every other one goes, its number into the one that stays, and the stride
 * doubles.
 */
#include "internal.h"

void explain_series_begin(struct explain_series *s, uint32_t mm)
{
	*s = (struct explain_series){ .mm = mm, .stride = 1 };
}

static void halve(struct explain_series *s)
{
	for (size_t i = 0; i < EXPLAIN_SAMPLES / 2; i++) {
		const struct explain_sample *a = &s->sample[2 * i], *b = a + 1;
		uint64_t most = a->areas > b->areas ? a->areas : b->areas;

		s->sample[i] = *b;
		s->sample[i].areas = most;
	}
	s->count = EXPLAIN_SAMPLES / 2;
	s->stride *= 2;
}

static void add_sample(struct explain_series *s, const struct trace_event *e, uint64_t areas)
{
	struct explain_sample *last = s->count ? &s->sample[s->count - 1] : NULL;

	/*
	 * `skipped` counts the events that the last sample has taken in besides its first; its step and
	 * time are those of the last, its areas the most.
	 */
	if (last && s->skipped + 1 < s->stride) {
		s->skipped++;
		last->step = e->step;
		last->time_ns = e->time_ns;
		last->areas = areas > last->areas ? areas : last->areas;
		return;
	}
	if (s->count == EXPLAIN_SAMPLES)
		halve(s);
	s->skipped = 0;
	s->sample[s->count++] = (struct explain_sample){ e->step, e->time_ns, areas };
}

/*
 * After the replay has carried out @e. Of space 0, which is none, only the peak of all spaces is kept:
 * samples of several would not be comparable.
 */
void explain_series_event(struct explain_series *s, struct replay *replay, const struct trace_event *e)
{
	struct mm_struct *mm = e->mm && (!s->mm || s->mm == e->mm) ? replay_space(replay, e->mm) : NULL;
	uint64_t areas = mm ? (uint64_t)mm->map_count : 0;

	if (!mm)
		return;
	if (areas > s->peak.areas) {
		s->peak = (struct explain_sample){ e->step, e->time_ns, areas };
		s->peak_mm = e->mm;
		s->peak_pid = e->pid;
	}
	if (s->mm)
		add_sample(s, e, areas);
}
