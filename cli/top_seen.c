/* SPDX-License-Identifier: MIT */
/*
 * vmaple top: what the process that is looked at does meanwhile.  A look takes a table of all its boundaries, so that looks
 * are fewer where that takes long.
 *
 * Two looks are kept: rates are differences between them, and growth of a culprit is found by its name in
 * both. A look that fails leaves both as they are, and is tried again in the next turn.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "top.h"

/* The ledger stands still while it is looked at, and the kernel's ring fills meanwhile. */
#define LEAST_PAUSE 0.9 /* seconds between looks */
#define MOST_PAUSE  5.0
#define LOOK_SHARE  0.02 /* of the time, if that is no longer */

/*
 * The process is begun to be followed here, at the first look: who only passes by it in the list loads no
 * programs.
 *
 * The pause follows from how long the last look took, from asking for the lock to the end. before is
 * given up for the last now; both are the process's to free. No thread: it is tried again each turn, as
 * memory may come back.
 */
void top_look_at_seen(struct top *t, double now)
{
	struct top_process *p = &t->process;
	struct top_numbers n;
	double pause = (p->now.seconds - p->now.asked) / LOOK_SHARE;

	if (!p->live)
		p->live = top_live_start(p->pid);
	pause = pause < LEAST_PAUSE ? LEAST_PAUSE : pause > MOST_PAUSE ? MOST_PAUSE : pause;
	if (!p->live || now - p->now.seconds < pause)
		return;
	if (top_live_look(p->live, &n))
		return;
	culprits_free(&p->before.culprits);
	p->before = p->now;
	p->now = n;
	/* It has begun anew. */
	if (n.stats.calls < p->before.stats.calls)
		p->before.seconds = 0;
}

void top_forget_seen(struct top_process *p)
{
	if (p->live)
		top_live_stop(p->live);
	p->live = NULL;
	culprits_free(&p->now.culprits);
	culprits_free(&p->before.culprits);
}

/*
 * Of something that is counted, between the last two looks; 0 until there are two. A count that has gone
 * back is of a ledger that has begun anew in between: 0.
 */
static double a_second(const struct top_process *p, uint64_t now, uint64_t before)
{
	double seconds = p->now.seconds - p->before.seconds;

	return p->before.seconds > 0 && seconds > 0 && now >= before ? (double)(now - before) / seconds : 0;
}

/*
 * Differences and losses are shown only where there are any: here they say that what is drawn may be
 * wrong.
 */
int top_draw_calls(const struct top_process *p, int y)
{
	const struct replay_stats *now = &p->now.stats, *before = &p->before.stats;

	attron(A_BOLD);
	mvprintw(y, 0, "calls   ");
	for (int i = 0; i < REPLAY_CALL_KINDS; i++)
		printw(" %8s", replay_call_kind_name((enum replay_call_kind)i));
	attroff(A_BOLD);
	mvprintw(y + 1, 0, "a second");
	for (int i = 0; i < REPLAY_CALL_KINDS; i++)
		printw(" %8.0f", a_second(p, now->calls_by_kind[i], before->calls_by_kind[i]));
	mvprintw(y + 2, 0, "splits %.0f/s, merges %.0f/s; %" PRIu64 " of %" PRIu64 " areas need not be",
		a_second(p, now->splits, before->splits), a_second(p, now->merges, before->merges),
		p->now.needless, p->now.areas);
	if (now->differences || now->lost)
		printw("; %" PRIu64 " differences, LOST %" PRIu64 " times", now->differences, now->lost);
	return y + 3;
}

/* --- culprits ------------------------------------------------------------------------------------------------ */

/* text is what is shown, filtered and sorted by; growth in areas a second. */
struct line {
	const struct culprit *culprit;
	double growth;
	char text[320];
};

static int by_areas(const void *a, const void *b)
{
	uint64_t x = ((const struct line *)a)->culprit->group.areas,
		 y = ((const struct line *)b)->culprit->group.areas;

	return (x < y) - (x > y);
}

static int by_growth(const void *a, const void *b)
{
	double x = ((const struct line *)a)->growth, y = ((const struct line *)b)->growth;

	return x != y ? (x < y) - (x > y) : by_areas(a, b);
}

static int by_bytes(const void *a, const void *b)
{
	uint64_t x = ((const struct line *)a)->culprit->group.bytes,
		 y = ((const struct line *)b)->culprit->group.bytes;

	return x != y ? (x < y) - (x > y) : by_areas(a, b);
}

static int by_text(const void *a, const void *b)
{
	int order = strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);

	return order ? order : by_areas(a, b);
}

/*
 * By what it is called: groups have no number that lasts from table to table. O(culprits), for each of
 * them. 0: it is new.
 */
static uint64_t areas_before(const struct top_process *p, const struct culprit *c)
{
	for (size_t i = 0; i < p->before.culprits.count; i++) {
		const struct culprit *b = &p->before.culprits.list[i];

		if (b->group.main_reasons == c->group.main_reasons && strcmp(b->made_by, c->made_by) == 0)
			return b->group.areas;
	}
	return 0;
}

/*
 * Those that have the filter, sorted. How many; @lines has room for all. What the filter leaves out is
 * written over by the next.
 */
static int choose_lines(const struct top_process *p, struct line *lines)
{
	static int (*const orders[])(const void *, const void *) = { [TOP_BY_PLACE] = by_areas,
		[TOP_BY_GROWTH] = by_growth,
		[TOP_BY_SIZE] = by_bytes,
		[TOP_BY_NAME] = by_text };
	int nr = 0;

	for (size_t i = 0; i < p->now.culprits.count; i++) {
		const struct culprit *c = &p->now.culprits.list[i];
		struct line *l = &lines[nr];
		double seconds = p->now.seconds - p->before.seconds;
		char reasons[160];

		l->culprit = c;
		l->growth = p->before.seconds > 0 && seconds > 0
				    ? ((double)c->group.areas - (double)areas_before(p, c)) / seconds
				    : 0;
		snprintf(l->text, sizeof(l->text), "%s: %s", c->made_by,
			explain_reason_names(c->group.main_reasons, reasons, sizeof(reasons)));
		nr += strstr(l->text, p->filter) != NULL;
	}
	qsort(lines, (size_t)nr, sizeof(*lines), orders[p->order]);
	return nr;
}

/* Without memory an empty list is drawn. */
void top_draw_culprits(struct top_process *p, int y)
{
	struct line *lines = calloc(p->now.culprits.count + 1, sizeof(*lines));
	int nr = lines ? choose_lines(p, lines) : 0, rows = LINES - 2 - y;

	attron(A_BOLD);
	mvprintw(y++, 0, "%7s %8s %9s  MADE BY: WHY THEY ARE APART", "AREAS", "GROWTH/s", "SIZE");
	attroff(A_BOLD);
	if (p->first > nr - rows)
		p->first = nr - rows;
	if (p->first < 0)
		p->first = 0;
	for (int i = 0; i < rows && p->first + i < nr; i++) {
		const struct line *l = &lines[p->first + i];
		char size[24], text[512];

		mvprintw(y + i, 0, "%7" PRIu64 " %8.1f %9s  %.*s", l->culprit->group.areas, l->growth,
			size_text(l->culprit->group.bytes, size, sizeof(size)), COLS > 28 ? COLS - 28 : 0,
			quoted_text(l->text, text, sizeof(text)));
	}
	free(lines);
}
