/* SPDX-License-Identifier: MIT */
/*
 * What was seen beside what is right.
 *
 * A sequence is judged call by call.  With a wrong result or a wrong map its judging ends: the engine and the system
 * are in different states from there on.  Where areas end, which pages are locked, and what /proc/self/maps shows do
 * not decide what later calls do for a caller: each is judged until it is wrong for the first time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

static const struct {
	const char *name, *meaning;
} areas[CONFORM_AREAS] = {
	[CONFORM_PLACEMENT] = { "placement", "where a mapping without a fixed place is put" },
	[CONFORM_MAPPING] = { "mapping", "pages, rights and contents after a call that went well" },
	[CONFORM_MERGING] = { "merging", "where areas end, as mremap tells" },
	[CONFORM_ERRNO] = { "errno", "that a call fails, and the error" },
	[CONFORM_PARTIAL] = { "partial", "what a call that failed has done" },
	[CONFORM_MOVES] = { "mremap", "what mremap answers, and the map after it" },
	[CONFORM_FORKED] = { "fork", "the map of a child, and of its parent afterwards" },
	[CONFORM_LOCKING] = { "locks", "what locking calls answer, and which pages are locked" },
	[CONFORM_AREAS_SHOWN] = { "maps", "the areas that /proc/self/maps shows" },
};

const char *conform_area_name(enum conform_area area)
{
	return areas[area].name;
}

const char *conform_area_meaning(enum conform_area area)
{
	return areas[area].meaning;
}

/* A sequence that is being judged. */
struct judging {
	struct conform_verdict *verdict;
	unsigned int sequence, call;
	bool closed[CONFORM_AREAS]; /* was wrong before */
	bool forked;                /* there is, or was, a child */
	bool wrong, no_memory;
};

static void note(
	struct judging *j, enum conform_area area, const char *what, const char *expected, const char *seen)
{
	struct conform_verdict *v = j->verdict;
	struct conform_difference *d;

	if (!(v->nr_differences & (v->nr_differences - 1))) {
		unsigned int room = v->nr_differences ? 2 * v->nr_differences : 1;
		void *more = realloc(v->difference, room * sizeof(*v->difference));

		if (!more) {
			j->no_memory = true;
			return;
		}
		v->difference = more;
	}
	if (v->score[area].checks - v->score[area].right == 1)
		v->score[area].first = v->nr_differences;
	d = &v->difference[v->nr_differences++];
	*d = (struct conform_difference){
		.area = area, .sequence = j->sequence, .call = j->call, .what = what
	};
	snprintf(d->expected, sizeof(d->expected), "%s", expected);
	snprintf(d->seen, sizeof(d->seen), "%s", seen);
}

static bool check(
	struct judging *j, enum conform_area area, const char *what, const char *expected, const char *seen)
{
	struct conform_score *s = &j->verdict->score[area];
	bool right = strcmp(expected, seen) == 0;

	s->checks++;
	s->right += right;
	if (!right)
		note(j, area, what, expected, seen);
	j->wrong |= !right;
	return right;
}

/* One that is no reason to stop. */
static void check_once(
	struct judging *j, enum conform_area area, const char *what, const char *expected, const char *seen)
{
	if (!j->closed[area])
		j->closed[area] = !check(j, area, what, expected, seen);
}

static bool is_error(const char *result)
{
	return result[0] == '-';
}

static bool locks(enum conform_op op)
{
	return op == CONFORM_MLOCK || op == CONFORM_MUNLOCK || op == CONFORM_MLOCKALL ||
	       op == CONFORM_MUNLOCKALL;
}

static bool is_placed(const struct conform_call *c)
{
	return (c->op == CONFORM_MMAP && !(c->arg[3] & 0x100010)) ||
	       (c->op == CONFORM_MREMAP && c->arg[3] == 1);
}

static enum conform_area area_of_result(
	const struct judging *j, const struct conform_call *c, const char *expected)
{
	if (is_error(expected))
		return CONFORM_ERRNO;
	if (is_placed(c))
		return CONFORM_PLACEMENT;
	if (c->op == CONFORM_MREMAP)
		return CONFORM_MOVES;
	if (locks(c->op))
		return CONFORM_LOCKING;
	return j->forked ? CONFORM_FORKED : CONFORM_MAPPING;
}

static enum conform_area area_of_map(
	const struct judging *j, const struct conform_call *c, const char *expected)
{
	if (is_error(expected))
		return CONFORM_PARTIAL;
	if (c->op == CONFORM_MREMAP)
		return CONFORM_MOVES;
	return j->forked ? CONFORM_FORKED : CONFORM_MAPPING;
}

static bool judge_call(struct judging *j, const struct conform_call *c, const struct conform_seen *expected,
	const struct conform_seen *seen)
{
	j->forked |= c->op == CONFORM_FORK;
	if (!check(j, area_of_result(j, c, expected->result), "result", expected->result,
		    seen->there ? seen->result : "nothing"))
		return false;
	if (!check(j, area_of_map(j, c, expected->result), "pages", expected->pages, seen->pages))
		return false;
	check_once(j, CONFORM_MERGING, "bounds", expected->bounds, seen->bounds);
	check_once(j, CONFORM_LOCKING, "locks", expected->locks, seen->locks);
	if (strcmp(seen->areas, "?") != 0)
		check_once(j, CONFORM_AREAS_SHOWN, "areas", expected->areas, seen->areas);
	return true;
}

static void judge_sequence(struct judging *j, const struct conform_set *set,
	const struct conform_answers *expected, const struct conform_answers *seen)
{
	const struct conform_sequence *s = &set->sequence[j->sequence];
	const struct conform_call *last = &set->call[s->first + s->nr - 1];

	for (j->call = 0; j->call < s->nr; j->call++)
		if (!judge_call(j, &set->call[s->first + j->call], &expected->call[j->call],
			    &seen->call[j->call]))
			return;
	j->call = s->nr - 1;
	(void)check(j, area_of_map(j, last, expected->call[j->call].result), "rights", expected->rights,
		seen->rights[0] ? seen->rights : "nothing");
}

static void count(struct conform_verdict *verdict, enum conform_state state)
{
	verdict->ran += state == CONFORM_RAN || state == CONFORM_DIED;
	verdict->died += state == CONFORM_DIED;
	verdict->skipped += state == CONFORM_SKIPPED;
	verdict->not_run += state == CONFORM_NOT_RUN;
}

int conform_judge(const struct conform_set *set, const struct conform_run *run,
	const struct kernel_profile *profile, struct conform_verdict *verdict)
{
	*verdict = (struct conform_verdict){ 0 };
	for (unsigned int i = 0; i < set->nr; i++) {
		struct judging j = { .verdict = verdict, .sequence = i };
		enum conform_state state = run->sequence[i].state;
		struct conform_answers expected;
		int err;

		count(verdict, state);
		if (state != CONFORM_RAN && state != CONFORM_DIED)
			continue;
		err = conform_expect(set, i, profile, run->zero_page, &expected);
		if (err)
			return err;
		judge_sequence(&j, set, &expected, &run->sequence[i].answers);
		if (j.no_memory)
			return -ENOMEM;
		verdict->right += !j.wrong;
	}
	return 0;
}

void conform_verdict_free(struct conform_verdict *verdict)
{
	free(verdict->difference);
	verdict->difference = NULL;
}
