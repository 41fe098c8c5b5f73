/* SPDX-License-Identifier: MIT */
/*
 * The areas of one address space from birth to end, as the ledger goes from event to event: what the page draws and what the
 * exports write.
 *
 * A life is an area with these bounds, this access, kind and name, as long as it had them.  An event changes areas only where
 * it says so, and their neighbours, which it may join: there what was open is compared with what is there now.  What is no
 * longer so ends, what is new begins.  A stack that has grown reaches beyond the place that was looked at: all that lies
 * across a new area ends.  Where an observation is not as foretold, as where a call has cut areas before it failed, its place is
 * looked at, too.
 *
 * Memory: O(areas that live).  Each event costs O(log n) for each area that it may have changed.
 */
#ifndef REPORT_LIVES_H
#define REPORT_LIVES_H

#include <vmaple/explain.h>
#include <vmaple/maple_tree.h>

#include "../cli/made_by.h"

enum report_kind {
	REPORT_ANON,
	REPORT_HEAP,
	REPORT_STACK,
	REPORT_TEXT,
	REPORT_FILE,
	REPORT_NONE,  /* no access at all */
	REPORT_GUARD, /* has guard pages (MADV_GUARD_INSTALL), or is such itself: report_kind_of() */
	REPORT_SHARED,
	REPORT_HUGE,
	REPORT_SPECIAL, /* the kernel's own */
	REPORT_KINDS
};
extern const char *const report_kind_names[REPORT_KINDS];
/* Guard pages are also memory of no file without access, at most 1 MiB directly below such that has some: a stack's lower end. */
#define REPORT_GUARD_MOST (1ul << 20)
enum report_kind report_kind_of(const struct vm_area_struct *vma);

/* Strings by number, each once. */
struct report_words {
	char **word;
	uint32_t count, allocated, *slots, nr_slots;
};
/* The number of a string; UINT32_MAX: no memory. */
uint32_t report_word(struct report_words *w, const char *text);
void report_words_free(struct report_words *w);

/* What put an area's lower end where it is, without what lives only until the next event. */
struct life_birth {
	const struct explain_site *site; /* lives as long as the ledger; NULL: not known */
	uint64_t step, time_ns;
	uint32_t tid;                  /* the thread that did it; 0: not known */
	uint32_t type, call_nr, stack; /* type: of the event; 0: it was there before the recording */
};
struct life_birth life_birth_of(const struct explain_event *event);
/* The call that it was, or NULL. */
const char *life_birth_call(const struct life_birth *birth);
/* The call and the place that it came from, see made_by.h: "mmap at malloc+0x12 (libc.so.6)". @code may be NULL. @return @buf. */
const char *life_birth_text(const struct code *code, const struct life_birth *birth, char *buf, size_t size);

struct life {
	uint64_t start, end, born_ns, born_step, ended_ns, ended_step;
	struct life_birth birth;
	const void *anon_name; /* to compare only */
	uint32_t reasons;      /* the main ones, as they were at its birth */
	uint32_t name;         /* number of a word */
	uint8_t kind, prot;    /* prot: 1 read, 2 write, 4 execute */
	bool shared, needless;
	bool needless_now; /* as the boundary was when it was last looked at */
	struct life *next_gone;
};

struct lives {
	struct mm_struct *mm; /* NULL: it is not there (any more) */
	uint32_t mm_id;
	struct maple_tree open; /* struct life by range */
	/* now_ns: of the latest event so far, where the clock of the recording jumps back; brk: as it was before the event */
	uint64_t nr_open, calls, begin_ns, now_ns, now_step, brk;
	uint64_t needless,
		needless_bytes; /* open ones that need not be apart from what is below, and their size */
	struct report_words *names;
	/* A life has ended; it is gone afterwards. NULL: nobody wants to know, and lives are not followed. */
	void (*ended)(void *ctx, const struct life *life);
	void *ctx;
	bool no_memory;
};

void lives_begin(struct lives *l, uint32_t mm_id, struct report_words *names,
	void (*ended)(void *ctx, const struct life *life), void *ctx);
/* After each event of the ledger. Was it of this address space, which is there? */
bool lives_event(struct lives *l, struct explain *x, const struct trace_event *e);
/* All that live end now; lives_begin() may follow. */
void lives_end(struct lives *l);

#endif /* REPORT_LIVES_H */
