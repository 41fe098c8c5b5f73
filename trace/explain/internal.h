/* SPDX-License-Identifier: MIT */
/*
 * What the files of the ledger share.
 *
 *   explain.c   the ledger as a sink: events, and what each has changed
 *   life.c      the payload of areas: cut, copied, merged, ended
 *   kept.c      memory of events and lives
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
	struct noted_event *next_free;
	bool referred; /* kept.c */
};

/* Every member is an event or NULL. */
#define LIFE_EVENTS (sizeof(struct explain_life) / sizeof(struct explain_event *))
struct life {
	struct explain_life life;
	/* What the area was when the ledger last looked. */
	vm_flags_t vm_flags;
	const void *name, *policy, *uffd_ctx;
	struct life *next_free;
	bool in_use;
};

/* Events and lives are had in pieces, so that all of them can be gone through. */
#define PIECE 256
struct event_piece {
	struct event_piece *next;
	struct noted_event event[PIECE];
};
struct life_piece {
	struct life_piece *next;
	struct life life[PIECE];
};

struct kept {
	struct event_piece *event_pieces;
	struct life_piece *life_pieces;
	struct noted_event *free_events;
	struct life *free_lives;
	size_t made,
		sweep_at; /* events that are not free; so many that it is time to look which are referred to */
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
	struct kept kept;
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
void will_change(struct explain *x, struct mm_struct *mm, unsigned long lo, unsigned long hi);

/* kept.c; NULL: no memory */
struct noted_event *event_new(struct kept *k);
struct life *life_new(struct kept *k);
void life_free(struct kept *k, struct life *l);
/* Between events: what no life refers to is free. */
void events_sweep(struct kept *k);
void kept_free(struct kept *k);

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
