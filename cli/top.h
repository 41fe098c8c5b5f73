/* SPDX-License-Identifier: MIT */
/*
 * What the files of vmaple top share.
 *
 *   top.c         options, the terminal, keys
 *   top_list.c    all processes
 *   top_process.c one process: its count, why its areas are apart, the areas
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <ncurses.h>

#include "boundaries.h"
#include "watch.h"

enum top_column { BY_AREAS, BY_GROWTH, BY_TIME, BY_CHANGES, BY_SIZE, BY_PID, BY_COMMAND, TOP_COLUMNS };

enum { TOP_PLAIN, TOP_TITLE, TOP_GOOD, TOP_WARN, TOP_BAD }; /* colour pairs */

/* One process, looked at closely. */
struct top_process {
	pid_t pid; /* 0: none */
	struct live_map *map;
	struct boundary_tally tally;
	double read_at; /* seconds */
	char error[256];
	int first; /* area shown first */
};

struct top {
	struct watch watch;
	const struct watched **order; /* as shown */
	uint32_t nr;                  /* of them */
	enum top_column by;
	bool reverse, paused, help, colour, typing;
	char filter[64];
	int first, selected; /* of the order */
	pid_t selected_pid;
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

/* A pair for so much of the limit. */
attr_t top_attr(const struct top *t, int pair);
int top_share_pair(double share);

#endif /* CLI_TOP_H */
