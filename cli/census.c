/* SPDX-License-Identifier: MIT */
/*
 * The areas of a program while it runs: moments that are kept, and growth.
 *
 * When tables are taken. A table costs O(areas), so it is taken when an address space has grown by 2 % and
 * 16 areas since the last one, and before it ends: over n areas that is O(n) in all, as a geometric series,
 * with a constant of some fifty. Growth (of a look every tenth of a second) is only known when the space
 * ends.
 *
 * Order in one event: what ends is looked at while it is still there, then the symbols and the ledger have
 * the event, then the space that it was about is counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/forecast.h>

#include "census_internal.h"

/* Between two looks, so that the forecast's FORECAST_LOOKS latest ones cover three seconds. */
#define LOOK_SECONDS 0.1

/* A living address space. From the first event that has a mirror to the last EXIT, or to census_end(). */
struct space {
	struct space *next;
	uint32_t mm, pid;
	/* What areas has beyond taken asks for another table (count()). */
	uint64_t areas, taken; /* now; when its table was taken last */
	double next_look;      /* seconds; below 0: none yet */
	struct forecast forecast;
};

/* Where the pointer to it is, or the NULL at the list's end: it can be unlinked there. */
static struct space **find(struct census *c, uint32_t mm)
{
	struct space **at = &c->spaces;

	while (*at && (*at)->mm != mm)
		at = &(*at)->next;
	return at;
}

/* That of the event, moved to the front; made if it is new. NULL: out of memory. */
static struct space *get(struct census *c, const struct trace_event *e)
{
	struct space **at = find(c, e->mm), *s = *at;

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->mm = e->mm;
		s->next_look = -1;
	} else {
		*at = s->next;
	}
	/* In front: the next event is most likely of the same one. */
	s->pid = e->pid;
	s->next = c->spaces;
	return c->spaces = s;
}

/*
 * Looks for the forecast at every tenth of a second that has passed, of a time in which nothing happened,
 * too: then it has not grown. What is longer ago than the forecast remembers (FORECAST_LOOKS) is left out,
 * or a program that sleeps for a day would take a million steps here.
 */
static void look(struct space *s, double seconds)
{
	if (s->next_look < 0)
		s->next_look = seconds;
	if (seconds - s->next_look > FORECAST_LOOKS * LOOK_SECONDS)
		s->next_look = seconds - FORECAST_LOOKS * LOOK_SECONDS;
	for (; s->next_look <= seconds; s->next_look += LOOK_SECONDS)
		forecast_look(&s->forecast, s->next_look, (double)s->areas);
}

/*
 * The names of culprits, while the code that stacks go through is known: symbols forget a space with its
 * end. Finding them reads program files, so it is done only for what will be said. 0 or -ENOMEM.
 */
static int settle(struct census *c, struct found *f)
{
	const struct code code = { .symbols = c->symbols, .mm = f->mm, .pid = f->pid };

	if (!f->table.count || f->culprits.list || (!c->all_names && !is_wasteful(f)))
		return 0;
	return culprits_of(&f->table, &code, &f->culprits);
}

/* All of it is gone, and found[] is as at the beginning: mm 0. */
static void drop(struct found *f)
{
	explain_table_free(&f->table);
	culprits_free(&f->culprits);
	*f = (struct found){ .mm = 0 };
}

/*
 * A copy of this table is @f from now on: one table may become all three. malloc() of one byte more, for
 * a table without groups must not look like no memory. @t stays the caller's. An error leaves @f as it
 * was. examples are dropped because they are events that live until the next one.
 */
static int keep(struct found *f, const struct space *s, const struct explain_table *t, uint64_t step)
{
	struct explain_group *groups = malloc(t->count * sizeof(*groups) + 1);

	if (!groups)
		return -ENOMEM;
	drop(f);
	*f = (struct found){ .mm = s->mm, .pid = s->pid, .step = step, .table = *t };
	f->table.groups = groups;
	for (size_t i = 0; i < t->count; i++) {
		groups[i] = t->groups[i];
		groups[i].example = NULL;
	}
	return 0;
}

/*
 * A table of @s, kept if it has more of something than what was kept. @growth: areas a second, 0 while @s
 * lives. 0 or -ENOMEM.
 */
static int take(struct census *c, struct space *s, uint64_t step, double growth)
{
	struct mm_struct *mm = replay_space(explain_replay(c->x), s->mm);
	struct explain_table t;
	int err = mm ? explain_table(c->x, mm, &t) : 0;

	if (!mm || err)
		return err;
	s->taken = t.areas;
	if (t.areas > c->found[MOST_AREAS].table.areas)
		err = keep(&c->found[MOST_AREAS], s, &t, step);
	if (!err && t.needless > c->found[MOST_NEEDLESS].table.needless)
		err = keep(&c->found[MOST_NEEDLESS], s, &t, step);
	if (!err && growth > c->found[MOST_GROWTH].growth) {
		err = keep(&c->found[MOST_GROWTH], s, &t, step);
		c->found[MOST_GROWTH].growth = growth;
	}
	explain_table_free(&t);
	return err;
}

/*
 * @s ends (@ended), or the recording does. Whatever was kept of it gets its names and how it ended now, the
 * last time that both are known.
 */
static int leave(struct census *c, struct space *s, uint64_t step, double seconds, bool ended)
{
	double growth;
	int err;

	look(s, seconds);
	growth = forecast_growth(&s->forecast);
	err = take(c, s, step, growth > 0 ? growth : 0);
	for (int i = 0; i < FOUND_KINDS && !err; i++) {
		struct found *f = &c->found[i];

		if (f->mm != s->mm)
			continue;
		f->last_growth = growth;
		f->last_areas = s->areas;
		f->ended = ended;
		err = settle(c, f);
	}
	return err;
}

/*
 * The last thread of an address space has gone (exit, exec): take the last table before the ledger hears
 * of it, for then there is nothing left to look at. 0 also for a space that never had an event of its
 * own, as a child's that only inherited.
 */
static int ends(struct census *c, const struct trace_event *e)
{
	struct space **at = find(c, e->mm), *s = *at;
	int err;

	if (!s)
		return 0;
	err = leave(c, s, e->step, c->seconds, true);
	*at = s->next;
	free(s);
	return err;
}

/*
 * What an event has made of its address space. Events of no space, and of one that the mirror has not
 * (its beginning was lost), count nothing. The peak is exact because every event passes here; of equal
 * peaks the first stays.
 */
static int count(struct census *c, const struct trace_event *e)
{
	struct mm_struct *mm = e->mm ? replay_space(explain_replay(c->x), e->mm) : NULL;
	struct space *s = mm ? get(c, e) : NULL;

	if (!mm)
		return 0;
	if (!s)
		return -ENOMEM;
	look(s, c->seconds);
	s->areas = (uint64_t)mm->map_count;
	if (s->areas > c->peak) {
		c->peak = s->areas;
		c->peak_pid = e->pid;
		c->peak_step = e->step;
	}
	return s->areas > s->taken + s->taken / 50 + 16 ? take(c, s, e->step, 0) : 0;
}

/*
 * An EXIT of a thread that is not the last is an event like any other. Of the last one nothing is counted
 * behind the ledger: the space is not there any more.
 */
static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct census *c = (struct census *)sink;
	struct trace_sink *ledger = explain_sink(c->x);
	bool over = e->type == TRACE_EVENT_EXIT && e->exit.last;
	int err;

	c->seconds = (double)e->time_ns / 1e9;
	c->step = e->step;
	err = over ? ends(c, e) : 0;
	if (!err)
		err = symbols_event(c->symbols, e);
	if (!err)
		err = ledger->event(ledger, e);
	return err || over ? err : count(c, e);
}

/*
 * Every space that is still alive is left as it is; after an error the others are only freed. An
 * incomplete ledger is no memory, too: boundaries without a birth would be blamed on nobody.
 */
int census_end(struct census *c)
{
	int err = 0;

	while (c->spaces) {
		struct space *s = c->spaces;

		err = err ? err : leave(c, s, c->step, c->seconds, false);
		c->spaces = s->next;
		free(s);
	}
	return err || !explain_incomplete(c->x) ? err : -ENOMEM;
}

/*
 * The header is read here and not kept. @options are the replay's, with the caller's callbacks:
 * differences and losses go there, not through the census.
 */
struct census *census_new(
	const struct trace_header *header, const struct replay_options *options, bool all_names)
{
	struct census *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->sink.event = on_event;
	c->all_names = all_names;
	c->max_map_count = header->max_map_count;
	c->x = explain_new(header, options);
	c->symbols = symbols_new();
	if (c->x && c->symbols)
		return c;
	census_free(c);
	return NULL;
}

/* NULL is nothing. Also of one that has never seen an event, or was not ended. */
void census_free(struct census *c)
{
	if (!c)
		return;
	while (c->spaces) {
		struct space *s = c->spaces;

		c->spaces = s->next;
		free(s);
	}
	for (int i = 0; i < FOUND_KINDS; i++)
		drop(&c->found[i]);
	if (c->symbols)
		symbols_free(c->symbols);
	explain_free(c->x);
	free(c);
}

struct trace_sink *census_sink(struct census *c)
{
	return &c->sink;
}

struct replay *census_replay(struct census *c)
{
	return explain_replay(c->x);
}
