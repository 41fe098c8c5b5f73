/* SPDX-License-Identifier: MIT */
/* Every process of the machine, watched: the number of its areas, its growth, and when that reaches the limit. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include <vmaple/forecast.h>
#include <vmaple/live_tasks.h>

/*
 * A process at the last look. Copied from look to look by pid and birth; growth and seconds_left are of
 * the forecast, whose looks they are. task: as the source has it, whose list ends with the next look;
 * this is a copy.
 */
struct watched {
	struct live_task task;
	struct forecast forecast;
	double growth;         /* areas a second; 0: none, or noise */
	double seconds_left;   /* to the limit; negative: it does not get there */
	double changes_second; /* negative: not known */
};

/* list is sorted by pid and renewed as a whole by each look: pointers into it end there. */
struct watch {
	struct live_tasks *tasks;
	struct watched *list; /* by pid */
	uint32_t nr;
	uint64_t total, limit; /* areas of all; vm.max_map_count */
	double begun, last;    /* seconds of CLOCK_MONOTONIC: watching, last look */
};

/* 0 or -errno. */
int watch_open(struct watch *w);
/* Look again: pointers into the list end. 0 or -errno, and then the old list stays. */
int watch_look(struct watch *w);
void watch_close(struct watch *w);
/* The process, or NULL. */
const struct watched *watch_find(const struct watch *w, pid_t pid);
/*
 * "41 s", "12 min", "3.2 h", "5 d": in the largest unit of which there are two at least; "-" for a
 * negative number, which is never. @return @buf.
 */
const char *duration_text(double seconds, char *buf, size_t size);

#endif /* CLI_WATCH_H */
