/* SPDX-License-Identifier: MIT */
/*
 * vmaple top: all processes, by what they are sorted by.
 *
 * The list is made anew from the watch at each look and at each key: filter, sort, and find the selected
 * process again, O(n log n). Drawing only reads it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli.h"
#include "top.h"

/*
 * For in_order() alone: qsort() hands nothing through to it. Set by top_arrange() in front of each
 * qsort().
 */
static enum top_column sort_by;
static bool sort_reverse;

/* The larger one first. Doubles, as counts below 2^53 are exact in them and rates are none. */
static int compare(double x, double y)
{
	return (x < y) - (x > y);
}

/* Those that have no end come last. 1e300: no time that is known is longer. */
static double time_left(const struct watched *p)
{
	return p->seconds_left < 0 ? 1e300 : p->seconds_left;
}

/* Equal ones by areas, then by pid: a list in which nothing changes must not flicker. */
static int in_order(const void *a, const void *b)
{
	const struct watched *x = *(const struct watched *const *)a, *y = *(const struct watched *const *)b;
	int c = 0;

	switch (sort_by) {
	case BY_GROWTH:
		c = compare(x->growth, y->growth);
		break;
	case BY_TIME:
		c = -compare(time_left(x), time_left(y));
		break;
	case BY_CHANGES:
		c = compare(x->changes_second, y->changes_second);
		break;
	case BY_SIZE:
		c = compare((double)x->task.total_pages, (double)y->task.total_pages);
		break;
	case BY_PID:
		c = -compare(x->task.pid, y->task.pid);
		break;
	case BY_COMMAND:
		c = strcasecmp(x->task.command, y->task.command);
		break;
	default:
		break;
	}
	if (!c)
		c = compare(x->task.count, y->task.count);
	if (!c)
		c = -compare(x->task.pid, y->task.pid);
	return sort_reverse ? -c : c;
}

/*
 * Part of the command in any case of letters, or all of the number: "1" is not every process with a 1 in
 * its number.
 */
static bool passes(const struct top *t, const struct watched *p)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)p->task.pid);
	return !*t->filter || strcasestr(p->task.command, t->filter) || strcmp(pid, t->filter) == 0;
}

/*
 * The one that was selected stays so, wherever it has gone. The process that has gone leaves the
 * selection on its line, on whichever is there now.
 */
static void follow_selected(struct top *t)
{
	for (uint32_t i = 0; i < t->nr; i++)
		if (t->selected_pid && t->order[i]->task.pid == t->selected_pid)
			t->selected = (int)i;
	if (t->selected >= (int)t->nr)
		t->selected = (int)t->nr - 1;
	if (t->selected < 0)
		t->selected = 0;
	t->selected_pid = t->nr ? t->order[t->selected]->task.pid : 0;
}

/*
 * On -ENOMEM the old order is still there, of pointers that the look has ended: nothing of it may be
 * drawn.
 */
int top_arrange(struct top *t)
{
	const struct watched **order = realloc(t->order, (t->watch.nr + 1) * sizeof(struct watched *));

	if (!order)
		return -ENOMEM;
	t->order = order;
	t->nr = 0;
	for (uint32_t i = 0; i < t->watch.nr; i++)
		if (passes(t, &t->watch.list[i]))
			order[t->nr++] = &t->watch.list[i];
	sort_by = t->by;
	sort_reverse = t->reverse;
	qsort(order, t->nr, sizeof(struct watched *), in_order);
	follow_selected(t);
	return 0;
}

/*
 * By enum; `shown` below has the order from left to right, LIMIT stands behind AREAS and is a share of
 * it.
 */
static const struct {
	const char *title;
	int width; /* negative: to the left */
} columns[] = { [BY_PID] = { "PID", 7 },
	[BY_AREAS] = { "AREAS", 7 },
	[BY_GROWTH] = { "GROWTH/s", 9 },
	[BY_TIME] = { "TO LIMIT", 9 },
	[BY_CHANGES] = { "CHANGES/s", 9 },
	[BY_SIZE] = { "MAPPED", 9 },
	[BY_COMMAND] = { "COMMAND", -7 } };

static const enum top_column shown[] = { BY_PID, BY_AREAS, BY_GROWTH, BY_TIME, BY_CHANGES, BY_SIZE,
	BY_COMMAND };

/* The mark is v for the natural order (largest first) and ^ for the reverse. */
static void draw_titles(const struct top *t, int y)
{
	attron(A_REVERSE);
	mvhline(y, 0, ' ', COLS);
	move(y, 0);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		enum top_column c = shown[i];

		if (c == t->by)
			attron(A_BOLD);
		printw("%*s%s", columns[c].width, columns[c].title,
			c == t->by ? (t->reverse ? "^" : "v") : " ");
		attroff(A_BOLD);
		if (c == BY_AREAS)
			printw("%6s ", "LIMIT");
	}
	attroff(A_REVERSE);
}

/* What would be shown as 0.00 is "-". From a hundred on decimals would only flicker. */
static void rate_text(double rate, char *buf, size_t size)
{
	if (rate > -0.005 && rate < 0.005)
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%.*f", rate > -100 && rate < 100 ? 2 : 0, rate);
}

/*
 * The selected row is reverse and has no colour of its own. changes is "-" where the source does not know
 * it (/proc).
 */
static void draw_row(const struct top *t, int y, const struct watched *p, bool selected)
{
	double share = (double)p->task.count / (double)t->watch.limit;
	char growth[24], left[24], changes[24] = "-", size[24];
	char command[80];
	attr_t attr = selected ? A_REVERSE : top_attr(t, top_share_pair(share));

	rate_text(p->growth, growth, sizeof(growth));
	duration_text(p->seconds_left, left, sizeof(left));
	if (p->changes_second >= 0)
		rate_text(p->changes_second, changes, sizeof(changes));
	size_text(p->task.total_pages * (uint64_t)sysconf(_SC_PAGESIZE), size, sizeof(size));
	attron(attr);
	mvhline(y, 0, ' ', COLS);
	/* 64 columns stand before the command. */
	mvprintw(y, 0, "%7d %7u %5.1f%% %9s %9s %9s %9s %.*s", (int)p->task.pid, p->task.count, share * 100,
		growth, left, changes, size, COLS > 64 ? COLS - 64 : 0,
		quoted_text(p->task.command, command, sizeof(command)));
	attroff(attr);
}

/*
 * The second line is where the numbers come from, or why not from the kernel: what is counted by /proc
 * may leave out processes of others.
 */
static void draw_head(const struct top *t)
{
	const char *reason = live_tasks_reason(t->watch.tasks);

	attron(A_BOLD | top_attr(t, TOP_TITLE));
	mvprintw(0, 0, "vmaple top");
	attroff(A_BOLD | top_attr(t, TOP_TITLE));
	printw("  %u processes, %" PRIu64 " areas; a process can have %" PRIu64 "%s", t->watch.nr,
		t->watch.total, t->watch.limit, t->paused ? "  PAUSED" : "");
	mvprintw(1, 0, "%.*s", COLS, *reason ? reason : "counted in the kernel by BPF");
	if (*t->filter || t->typing)
		mvprintw(2, 0, "filter: %s%s", t->filter, t->typing ? "_" : "");
}

/*
 * Lines 0 to 2 are the head, 3 the titles, the last the keys: LINES - 5 are rows. first follows the
 * selection, so that it is always on the screen.
 */
void top_draw_list(struct top *t)
{
	int rows = LINES - 5;

	draw_head(t);
	draw_titles(t, 3);
	if (t->selected < t->first)
		t->first = t->selected;
	if (rows > 0 && t->selected >= t->first + rows)
		t->first = t->selected - rows + 1;
	for (int i = 0; i < rows && t->first + i < (int)t->nr; i++)
		draw_row(t, 4 + i, t->order[t->first + i], t->first + i == t->selected);
	attron(A_REVERSE);
	mvhline(LINES - 1, 0, ' ', COLS);
	mvprintw(LINES - 1, 0, "%.*s", COLS,
		" q quit  h help  ENTER look closer  < > sort  r reverse  / filter  SPACE pause  + - pace");
	attroff(A_REVERSE);
}
