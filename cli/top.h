/* SPDX-License-Identifier: MIT */
/*
 * What the files of vmaple top share.
 *
 *   top.c         options, the terminal, keys
 *   top_list.c    all processes
 *   top_process.c one process: its count, why its areas are apart, the areas
 *   top_seen.c    what it does meanwhile: calls, who makes its areas
 *   top_live.c    the thread that follows it
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <ncurses.h>

#include "boundaries.h"
#include "top_live.h"
#include "watch.h"

enum top_column { BY_AREAS, BY_GROWTH, BY_TIME, BY_CHANGES, BY_SIZE, BY_PID, BY_COMMAND, TOP_COLUMNS };

/* Of curses, from 1; TOP_PLAIN is none. */
enum { TOP_PLAIN, TOP_TITLE, TOP_GOOD, TOP_WARN, TOP_BAD }; /* colour pairs */

#define TOP_FILTER 64

enum top_process_list { TOP_CULPRITS, TOP_AREAS };
enum top_process_order {
	TOP_BY_PLACE,
	TOP_BY_GROWTH,
	TOP_BY_SIZE,
	TOP_BY_NAME
}; /* place: of culprits, by areas */

/*
 * One process, looked at closely. All 0: none is. map, live and the culprits in now and before are its own,
 * freed by top_leave_process().
 */
struct top_process {
	pid_t pid; /* 0: none */
	struct live_map *map;
	struct boundary_tally tally;
	/* When it was tried last, good or not. */
	double read_at; /* seconds */
	/* Of the last reading of its map; "" when it was good. */
	char error[256];
	int first; /* line of its list shown first */
	enum top_process_list list;
	enum top_process_order order; /* of that */
	char filter[TOP_FILTER];
	struct top_live *live;          /* NULL: not begun, or there was no memory */
	struct top_numbers now, before; /* looks at it; seconds 0: none */
	char message[128];              /* what became of a key */
};

/*
 * watch.list is sorted by pid, order points into it: top_arrange() is wanted behind each watch_look().
 * One thread's. selected_pid is what stays selected when the order changes, selected follows from it.
 */
struct top {
	struct watch watch;
	const struct watched **order; /* as shown */
	uint32_t nr;                  /* of them */
	enum top_column by;
	bool reverse, paused, help, colour, no_colour, typing;
	char filter[TOP_FILTER];
	/* Clamped where they are used, for lists shrink. */
	int first, selected; /* of the order */
	pid_t selected_pid;
	/* Between looks at all processes; one process has its own pauses (top_process.c, top_seen.c). */
	uint64_t interval_ms;
	struct top_process process;
};

/* top_list.c */
/* Choose and sort what is shown; 0 or -ENOMEM. */
int top_arrange(struct top *t);
void top_draw_list(struct top *t);

/* top_process.c */
/* Read the map again if the last reading is old; @now: seconds. */
void top_read_process(struct top *t, double now);
void top_draw_process(struct top *t);
void top_leave_process(struct top *t);
/* A key that is about it; false: it is not. */
bool top_process_key(struct top *t, int key);

/* top_seen.c */
/* Look at what has happened; @now: seconds. */
void top_look_at_seen(struct top *t, double now);
/* From line @y on; the first line below. */
int top_draw_calls(const struct top_process *p, int y);
void top_draw_culprits(struct top_process *p, int y);
void top_forget_seen(struct top_process *p);

/* A pair for so much of the limit. */
attr_t top_attr(const struct top *t, int pair);
int top_share_pair(double share);

#endif /* CLI_TOP_H */
