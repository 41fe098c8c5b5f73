/* SPDX-License-Identifier: MIT */
/*
 * What the files of the ledger share.
 *
 *   explain.c   the ledger as a sink: events, and what each has changed
 *   life.c      the payload of areas: cut, copied, merged, ended
 *   sites.c     where calls came from
 *   reasons.c   why two neighbours are two
 *   words.c     the same for people
 *   table.c     all boundaries of a moment, counted
 *   series.c    numbers over time
 */
#ifndef EXPLAIN_INTERNAL_H
#define EXPLAIN_INTERNAL_H

#include <vmaple/explain.h>
#include <vmaple/mm_operations.h>

/*
 * An event, while areas refer to it.  The current one is made when the first area asks for it.
 */
struct noted_event {
	struct explain_event event;
	unsigned long refs;
	struct noted_event *next_free;
};

/* Every member but the first two is a counted reference or NULL: see life.c. */
#define LIFE_EVENTS (sizeof(struct explain_life) / sizeof(struct explain_event *))
struct life {
	struct explain_life life;
	/* What the area was when the ledger last looked. */
	vm_flags_t vm_flags;
	const void *name, *policy, *uffd_ctx;
	struct life *next_free;
};

struct sites;

/* Where areas are to be looked at when the event has been carried out: [lo, hi), at most four ranges of one mm. */
#define CHANGED_RANGES 4
struct changes {
	struct mm_struct *mm; /* NULL: none */
	unsigned int count;
	struct {
		unsigned long lo, hi;
	} range[CHANGED_RANGES];
};

struct explain {
	struct trace_sink sink;
	struct mm_operations ops;      /* by which an area finds its ledger */
	struct replay_options options; /* the caller's */
	struct replay *replay;
	const struct trace_event *now; /* being carried out; NULL: none */
	struct noted_event *noted;     /* of now; NULL: not needed so far */
	struct changes changes;
	uint64_t begin_ns, now_ns;
	struct noted_event *free_events;
	struct life *free_lives;
	struct sites *sites;
	bool no_memory; /* something could not be noted */
};

/* life.c */
extern const struct mm_operations life_operations;
struct explain *ledger_of(const struct vm_area_struct *vma);
/* Refer to the current event in *@slot. */
void note(struct explain *x, const struct explain_event **slot);
/* What @vma has become: compared with what it was, the difference noted. @renamed: it was given a name just now. */
void look_at(struct explain *x, struct vm_area_struct *vma, bool renamed);
void drop_event(struct explain *x, const struct explain_event *event);
void will_change(struct explain *x, struct mm_struct *mm, unsigned long lo, unsigned long hi);

/* reasons.c */
/* @left: the area before, or NULL. */
void boundary_between(
	const struct vm_area_struct *left, const struct vm_area_struct *right, struct explain_boundary *b);

/* sites.c */
struct sites *sites_new(void);
void sites_free(struct sites *s);
/* NULL: not known, or out of memory. */
const struct explain_site *site_of(struct sites *s, struct mm_struct *mm, uint64_t ip);

#endif /* EXPLAIN_INTERNAL_H */
