/* SPDX-License-Identifier: MIT */
/* See survey.h. */
#include "survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void survey_begin(struct survey *s)
{
	*s = (struct survey){ .spaces = 0 };
	mt_init_flags(&s->by_number, 0);
}

static struct survey_space *space_of(struct survey *s, uint32_t mm)
{
	struct survey_space *space = mtree_load(&s->by_number, mm);

	if (space)
		return space;
	space = calloc(1, sizeof(*space));
	if (!space || mtree_store(&s->by_number, mm, space, GFP_KERNEL)) {
		free(space);
		s->no_memory = true;
		return NULL;
	}
	space->mm = mm;
	space->next = s->last;
	s->last = space;
	s->spaces++;
	return space;
}

/* Returns the space if it has more areas now than ever. */
static struct survey_space *look_at(
	struct survey *s, struct replay *replay, uint32_t mm, uint32_t pid, const struct trace_event *e)
{
	struct mm_struct *now = mm ? replay_space(replay, mm) : NULL;
	struct survey_space *space = now ? space_of(s, mm) : NULL;

	if (!space || (uint64_t)now->map_count <= space->peak_areas)
		return NULL;
	space->pid = pid;
	space->peak_areas = (uint64_t)now->map_count;
	space->peak_step = e->step;
	space->peak_ns = e->time_ns;
	return space;
}

/* The build-id of the program that was recorded, as soon as it is told. */
static void look_for_build(struct survey *s, const struct trace_event *e)
{
	const unsigned char *id = e->module.build_id;

	if (e->type == TRACE_EVENT_SPACE && !s->program[0])
		snprintf(s->program, sizeof(s->program), "%s", e->space.path);
	if (e->type != TRACE_EVENT_MODULE || s->build[0] || strcmp(e->module.path, s->program) != 0)
		return;
	for (uint32_t i = 0; id && i < e->module.build_id_len; i++)
		snprintf(s->build + 2 * i, 3, "%02x", id[i]);
}

void survey_event(struct survey *s, struct replay *replay, const struct trace_event *e)
{
	struct survey_space *space = look_at(s, replay, e->mm, e->pid, e);

	if (space && (!s->largest || space->peak_areas > s->largest->peak_areas))
		s->largest = space;
	if (e->type == TRACE_EVENT_FORK)
		look_at(s, replay, e->fork.child_mm, e->fork.child_pid, e);
	look_for_build(s, e);
	if (!s->begun)
		s->begin_ns = e->time_ns;
	s->begun = true;
	s->end_ns = e->time_ns > s->end_ns ? e->time_ns : s->end_ns;
	s->steps = e->step;
}

const struct survey_space *survey_find(const struct survey *s, uint32_t mm)
{
	return mtree_load((struct maple_tree *)&s->by_number, mm);
}

void survey_free(struct survey *s)
{
	while (s->last) {
		struct survey_space *space = s->last;

		s->last = space->next;
		free(space);
	}
	mtree_destroy(&s->by_number);
}
