/* SPDX-License-Identifier: MIT */
/* What the files of `vmaple why` share. */
#ifndef WHY_H
#define WHY_H

#include "moment.h"
#include "text.h"

#define WHY_ADDRESSES 2
#define WHY_TOP       10 /* groups that --top shows */

/*
 * As the command line says. Behind parse(): running, or moment.path is set. running: moment.pid is the
 * process, and the rest of moment is not used.
 */
struct why {
	struct moment moment;
	unsigned int nr_addr;
	uint64_t addr[WHY_ADDRESSES];
	bool json, folded;
	bool running, no_bpf;               /* no recording: a running process is asked */
	uint64_t top;                       /* groups to show; 0: not asked for */
	uint64_t room, room_low, room_high; /* bytes of a map to be, and where; 0: not asked for, anywhere */
};

/* why_history.c: what happened at an address, of which the first and the last entries are kept */
#define HISTORY_FIRST 8
#define HISTORY_LAST  24
/*
 * Alike are events of the same call, from the same place, that did the same: a loop is one entry. event
 * is a copy, with pointers to sites of the ledger. what: "cut, now r--", from compare().
 */
struct history_entry {
	struct explain_event event; /* the first of `times` that are alike */
	uint64_t times, last_step;
	char what[96];
};
/*
 * Entry i lies in first[i], behind these in last[], a ring: what is in the middle of a long life is counted
 * and not kept.
 */
struct history {
	uint64_t total; /* entries since the area was made, kept or not */
	struct history_entry first[HISTORY_FIRST], last[HISTORY_LAST];
};
struct histories;
/*
 * Of these addresses in every address space, for which process will be asked is known at the end alone.
 * NULL: out of memory.
 */
struct histories *histories_new(unsigned int nr, const uint64_t *addr);
/* Behind the ledger's own, of each event from the first on. */
void histories_event(struct histories *h, struct moment *m, const struct trace_event *e);
/* Of address @i in address space @mm, or NULL. */
const struct history *history_of(const struct histories *h, uint32_t mm, unsigned int i);
/* Was memory missing for some of it? */
bool histories_incomplete(const struct histories *h);
void histories_free(struct histories *h);

/* Each answers at the moment that w->moment has reached, on stdout, and returns an exit status. */
int why_area(struct why *w, const struct histories *h);
int why_top(struct why *w);
/* What stands in the way of a map of w->room bytes. */
int why_room(const struct why *w);

#endif /* WHY_H */
