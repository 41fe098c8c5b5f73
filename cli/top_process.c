/* SPDX-License-Identifier: MIT */
/*
 * vmaple top: one process.  Its map is read now and then, by BPF where that is permitted: each reading holds its mmap lock
 * for a moment, so that large ones are read less often.
 *
 * From top to bottom: the process and its share of the limit; where the map came from; calls
 * (top_seen.c); reasons; a strip of all areas; culprits or areas, whichever TAB has chosen; keys or the
 * last message. Each draw function is given its line and returns the one below, so that what is missing
 * leaves no hole.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "top.h"

#define LEAST_PAUSE 2.0  /* seconds between readings */
#define LOCK_SHARE  1e-3 /* of the time the lock is held at most */

/*
 * So that the process is kept from mapping for a thousandth of the time at most. @map NULL: none was read
 * yet.
 */
static double pause_after(const struct live_map *map)
{
	double seconds = map ? (double)map->held_ns / 1e9 / LOCK_SHARE : 0;

	return seconds > LEAST_PAUSE ? seconds : LEAST_PAUSE;
}

/*
 * An error leaves the last map on the screen, with the sentence above it.
 *
 * @now is the time of this turn of the loop. p->error is live_map_read()'s own sentence, or that of a map
 * that contradicts itself, in which case the tally is of nothing and the map is still drawn.
 */
void top_read_process(struct top *t, double now)
{
	struct top_process *p = &t->process;
	struct live_map *map;
	int err;

	/* Also behind a failed reading: an error is not asked for again at once. */
	if (p->read_at > 0 && now - p->read_at < pause_after(p->map))
		return;
	p->read_at = now;
	if (live_map_read(&map, p->pid, 0, p->error, sizeof(p->error)))
		return;
	p->error[0] = '\0';
	if (p->map)
		live_map_free(p->map);
	p->map = map;
	err = each_boundary(map, &p->tally, NULL, NULL);
	if (err)
		snprintf(p->error, sizeof(p->error), "the map changed while it was read");
}

/* The thread first: it is joined there. All 0 is the list again, with its selection. */
void top_leave_process(struct top *t)
{
	top_forget_seen(&t->process);
	if (t->process.map)
		live_map_free(t->process.map);
	t->process = (struct top_process){ .pid = 0 };
}

/* Nothing on a terminal that is too narrow for it. */
static void draw_bar(const struct top *t, int y, double share)
{
	int width = COLS - 20, full;

	if (width < 10)
		return;
	/* A share above 1 is drawn full: the loop below ends at the width. */
	full = (int)(share * width + 0.5);
	mvprintw(y, 0, "of the limit [");
	attron(top_attr(t, top_share_pair(share)));
	for (int i = 0; i < width - 2; i++)
		addch(i < full ? '#' : '.');
	attroff(top_attr(t, top_share_pair(share)));
	printw("] %.1f%%", share * 100);
}

/* By the watch's last look, which is not that of the map: the two counts may differ. */
static int draw_head(const struct top *t)
{
	const struct watched *w = watch_find(&t->watch, t->process.pid);
	char growth[32] = "-", left[32], command[80];

	if (!w) {
		mvprintw(0, 0, "process %d has ended", (int)t->process.pid);
		return 1;
	}
	/* 0 is "not known, or noise", and is drawn as "-". */
	if (w->growth > 0 || w->growth < 0)
		snprintf(growth, sizeof(growth), "%.2f/s", w->growth);
	attron(A_BOLD);
	mvprintw(0, 0, "%d %s", (int)w->task.pid, quoted_text(w->task.command, command, sizeof(command)));
	attroff(A_BOLD);
	printw("  %u areas of %" PRIu64 ", growth %s, limit in %s%s", w->task.count, t->watch.limit, growth,
		duration_text(w->seconds_left, left, sizeof(left)), t->paused ? "  PAUSED" : "");
	draw_bar(t, 1, (double)w->task.count / (double)t->watch.limit);
	return 2;
}

/* What fills an area of memory. The first that fits, in an order in which code is never hidden. */
static char kind_of(const struct live_area *a)
{
	if (a->vm_flags & VM_EXEC)
		return 'x';
	if (a->vm_flags & VM_MAYSHARE)
		return 's';
	if (!(a->vm_flags & VM_ACCESS_FLAGS))
		return '-';
	return a->vm_flags & VM_WRITE ? 'w' : 'r';
}

/*
 * All areas from the lowest to the highest, equally many in each column: the kind that most of them are.
 *
 * By number and not by address: of an address space that is nearly empty only holes would be seen.
 */
static int draw_strip(const struct live_map *map, int y)
{
	static const char kinds[] = "xsrw-";

	mvprintw(y, 0, "areas from low to high (x code, w writable, r read-only, s shared, - no access):");
	move(y + 1, 0);
	for (uint64_t c = 0; map->nr && c < (uint64_t)COLS; c++) {
		/* 64 bits: the product of a column and a number of areas does not fit 32. */
		uint64_t from = c * map->nr / (uint64_t)COLS, to = (c + 1) * map->nr / (uint64_t)COLS;
		unsigned int counts[sizeof(kinds)] = { 0 }, best = 0;

		/* At least one, where there are fewer areas than columns. */
		for (uint64_t i = from; i == from || i < to; i++)
			counts[strchr(kinds, kind_of(&map->areas[i])) - kinds]++;
		/* The NUL at the end of kinds counts nothing. */
		for (unsigned int k = 1; k < sizeof(kinds); k++)
			if (counts[k] > counts[best])
				best = k;
		addch((chtype)kinds[best]);
	}
	return y + 2;
}

/*
 * Not so many that nothing is left for the list.
 *
 * Eleven lines are kept for strip, list, titles and keys.
 */
static int draw_reasons(const struct top_process *p, int y)
{
	const struct boundary_tally *t = &p->tally;
	int end = LINES - 11;

	attron(A_BOLD);
	mvprintw(y++, 0,
		"%" PRIu64 " boundaries between areas that touch, and why they are there:", t->boundaries);
	attroff(A_BOLD);
	for (unsigned int i = 0; i < BOUNDARY_REASONS && y < end; i++) {
		const struct reason_count *c = &t->reasons[i];

		if (c->alone + c->together + c->uncertain)
			mvprintw(y++, 0, "%8" PRIu64 " alone %8" PRIu64 " with others%s  %s", c->alone,
				c->together, c->uncertain ? " (uncertain)" : "",
				vma_merge_blocker_name((enum vma_merge_blocker)(1u << i)));
	}
	/* Even where the reasons have filled their lines: it is one line, and the one to act on. */
	if (t->joinable)
		mvprintw(y++, 0, "%8" PRIu64 " that nothing keeps apart", t->joinable);
	return y;
}

/*
 * Areas that are shown: those whose name has the filter, in the order that is asked for. list is
 * malloc()'s, of pointers into the map.
 */
struct shown {
	const struct live_area **list;
	int nr;
};

/* Largest first, equal ones by address. */
static int by_size(const void *a, const void *b)
{
	const struct live_area *x = *(const struct live_area *const *)a,
			       *y = *(const struct live_area *const *)b;
	uint64_t left = x->end - x->start, right = y->end - y->start;

	return left != right ? (left < right) - (left > right)
			     : (x->start > y->start) - (x->start < y->start);
}

static int by_name(const void *a, const void *b)
{
	const struct live_area *x = *(const struct live_area *const *)a,
			       *y = *(const struct live_area *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->start > y->start) - (x->start < y->start);
}

/*
 * No memory: an empty list is drawn. By place is the order of the map. TOP_BY_GROWTH is nothing that an
 * area has: it is the order of the map as well.
 */
static struct shown choose_areas(const struct top_process *p)
{
	struct shown s = { .list = malloc((p->map->nr + 1ul) * sizeof(struct live_area *)) };

	for (uint32_t i = 0; s.list && i < p->map->nr; i++)
		if (strstr(p->map->areas[i].name, p->filter))
			s.list[s.nr++] = &p->map->areas[i];
	if (s.list && (p->order == TOP_BY_SIZE || p->order == TOP_BY_NAME))
		qsort(s.list, (size_t)s.nr, sizeof(struct live_area *),
			p->order == TOP_BY_SIZE ? by_size : by_name);
	return s;
}

/* @p->first is clamped here, where it is known how many there are. */
static void draw_areas(struct top_process *p, int y)
{
	struct shown s = choose_areas(p);
	int rows = LINES - 2 - y;

	attron(A_BOLD);
	mvprintw(y++, 0, "AREA              SIZE      NAME");
	attroff(A_BOLD);
	if (p->first > s.nr - rows)
		p->first = s.nr - rows;
	if (p->first < 0)
		p->first = 0;
	for (int i = 0; i < rows && p->first + i < s.nr; i++) {
		const struct live_area *a = s.list[p->first + i];
		char size[24], name[512];

		mvprintw(y + i, 0, "%012" PRIx64 " %9s %c%c%c%c %.*s", a->start,
			size_text(a->end - a->start, size, sizeof(size)), a->vm_flags & VM_READ ? 'r' : '-',
			a->vm_flags & VM_WRITE ? 'w' : '-', a->vm_flags & VM_EXEC ? 'x' : '-',
			a->vm_flags & VM_MAYSHARE ? 's' : 'p', COLS > 29 ? COLS - 29 : 0,
			quoted_text(a->name, name, sizeof(name)));
	}
	free(s.list);
}

/* What is typed is shown before anything else; a message until the next key. */
static void draw_foot(const struct top *t)
{
	const struct top_process *p = &t->process;

	attron(A_REVERSE);
	mvhline(LINES - 1, 0, ' ', COLS);
	if (t->typing || *p->filter)
		mvprintw(LINES - 1, 0, "filter: %s%s", p->filter, t->typing ? "_" : "");
	else if (*p->message)
		mvprintw(LINES - 1, 0, "%.*s", COLS, p->message);
	else
		mvprintw(LINES - 1, 0, "%.*s", COLS,
			" q quit  ESC back  TAB areas/culprits  AGMN sort  / filter  SPACE pause  f freeze  "
			"h");
	attroff(A_REVERSE);
}

/*
 * One line for an error, one for the source, of which the worse news wins: no BPF at all, then a thread
 * that has failed.
 */
static int draw_source(const struct top_process *p, int y)
{
	const char *live = p->live ? top_live_error(p->live) : "out of memory";

	if (*p->error)
		mvprintw(y++, 0, "%.*s", COLS, p->error);
	if (p->map && p->map->source == LIVE_MAP_PROC)
		mvprintw(y++, 0, "%.*s", COLS, p->map->reason);
	else if (*live)
		mvprintw(y++, 0, "%.*s", COLS, live);
	else if (p->map)
		mvprintw(y++, 0, "followed and read by BPF, its mmap lock was held for %.0f microseconds",
			(double)p->map->held_ns / 1e3);
	return y;
}

/* What has not been read yet is left out: the first screen is drawn before the first look is over. */
void top_draw_process(struct top *t)
{
	struct top_process *p = &t->process;
	int y = draw_source(p, draw_head(t));

	if (p->now.seconds > 0)
		y = top_draw_calls(p, y);
	if (p->map) {
		y = draw_reasons(p, y);
		y = draw_strip(p->map, y);
	}
	if (p->list == TOP_CULPRITS && p->now.seconds > 0)
		top_draw_culprits(p, y);
	else if (p->map)
		draw_areas(p, y);
	draw_foot(t);
}

/* Drawn before, for ending the source takes a while. -ENOENT stands for a thread that was never begun. */
static void freeze(struct top_process *p)
{
	char name[80];
	int err;

	mvprintw(LINES - 1, 0, " what was seen is being written ...");
	clrtoeol();
	refresh();
	err = p->live ? top_live_freeze(p->live, name, sizeof(name)) : -ENOENT;
	if (err)
		snprintf(p->message, sizeof(p->message), " no recording could be made here: %s",
			strerror(-err));
	else
		snprintf(p->message, sizeof(p->message), " kept as %s; what is seen begins anew", name);
}

/*
 * Any key takes the message away. ESC belongs to the filter as long as there is one. True: the list
 * begins at its first line again (top.c).
 */
bool top_process_key(struct top *t, int key)
{
	static const char orders[] = "AGMN"; /* in the order of enum top_process_order */
	const char *order = key > 0 && key < 127 ? strchr(orders, key) : NULL;
	struct top_process *p = &t->process;

	p->message[0] = '\0';
	if (order)
		p->order = (enum top_process_order)(order - orders);
	else if (key == '\t')
		p->list = p->list == TOP_CULPRITS ? TOP_AREAS : TOP_CULPRITS;
	else if (key == '/')
		t->typing = true;
	else if (key == 'f')
		freeze(p);
	else if (key == 27 && *p->filter)
		p->filter[0] = '\0';
	else
		return false;
	return true;
}
