/* SPDX-License-Identifier: MIT */
/*
 * What the files of the ledger share.
 *
 *   explain.c   the ledger as a sink: events, and what each has changed
 *   life.c      the payload of areas: cut, copied, merged, ended
 *   changes.c   where an event has changed something
 *   shown.c     lives as the caller sees them
 *   kept.c      memory of events and lives
 *   sites.c     where calls came from
 *   reasons.c   why two neighbours are two
 *   words.c     the same for people
 *   table.c     all boundaries of a moment, counted
 *   series.c    numbers over time
 *
 * Ownership: an explain owns its replay, and the replay its spaces and areas; each area's vm_private_data
 * is a life of the pool in kept.c, had in open, split or duplicate and given back in close. So lives and
 * events must outlive the replay: explain_free() frees the replay first, whose end closes every area, and
 * only then the pools. Nothing here takes a lock: who shows the ledger while it grows (cli) sees to it that
 * no event comes meanwhile.
 */
#ifndef EXPLAIN_INTERNAL_H
#define EXPLAIN_INTERNAL_H

#include <stddef.h>
#include <string.h>

#include <vmaple/explain.h>
#include <vmaple/mm_operations.h>

/* The number of a kept event; 0: none. */
typedef uint32_t event_id;

/* What few areas have: names, memory policies and userfaultfds, and what they were when the ledger last looked. */
struct rare {
	/* Each is the event that last changed it; 0: none did since the area is known. */
	event_id named, policy, uffd;
	/*
	 * Compared, never followed: what they point to may be freed by now. The engine tells only that
	 * something has changed, so that the difference from these says what.
	 */
	const void *name, *policy_was, *uffd_ctx;
};

/* The slots of a life, as <vmaple/explain.h> describes them: one line of the processor's cache. */
struct life {
	_Alignas(64) event_id made;
	/*
	 * low and high: what put each end where it is. low_changed and high_changed: what last made the
	 * area, seen from that end, other than it was; of areas that joined, each end keeps its own.
	 */
	event_id low, high, low_changed, high_changed, grown, prot, flags, written, inherited, moved;
	struct rare *rare; /* its own; NULL: it has had none of it */
};
_Static_assert(sizeof(struct life) == 64, "a life is one line");

/*
 * Events and lives are had in pieces, so that all of them can be gone through.  A piece is as large as a huge page of the
 * processor: what calls touch lies anywhere in them, and where it lies is then mostly known to the processor.  With checks it
 * is so small that few events take several.
 */
#ifdef VMAPLE_CHECKS
#define PIECE_BYTES (16UL << 10)
#else
#define PIECE_BYTES (2UL << 20)
#endif
#define PIECE_EVENTS (PIECE_BYTES / sizeof(struct explain_event))
#define PIECE_LIVES  (PIECE_BYTES / sizeof(struct life) - 1)
struct life_piece {
	struct life_piece *next;
	size_t used; /* so many have been had, and are lives or free */
	struct life life[PIECE_LIVES];
};
_Static_assert(sizeof(struct life_piece) <= PIECE_BYTES, "a piece fits its page");

struct kept {
	struct explain_event *
		*events; /* pieces; event n is number n % PIECE_EVENTS of piece n / PIECE_EVENTS */
	uint8_t *taken;  /* for each of them: 1, it is */
	size_t pieces;
	size_t next; /* the next free one; pieces * PIECE_EVENTS: there is none */
	size_t made,
		sweep_at; /* events that are taken; so many that it is time to look which are referred to */
	struct life_piece *life_pieces; /* the first one has lives that were not had yet, or none has */
	struct life **free_lives;       /* a stack; has room for all */
	size_t lives, lives_free;
	size_t cleared; /* so many of these, from the bottom, refer to nothing */
};

static inline const struct explain_event *event_of(const struct kept *k, event_id id)
{
	return id ? &k->events[id / PIECE_EVENTS][id % PIECE_EVENTS] : NULL;
}

/* What explain_life() has shown since the last event. */
struct shown;

struct sites;

/* Where the event that is carried out has changed something. */
struct changes {
	const struct mm_struct *mm; /* NULL: nowhere */
	unsigned long lo, hi;
};

struct explain {
	/* First: explain_sink() gives it away, and on_event() takes the whole by it. */
	struct trace_sink sink;
	/*
	 * A copy, not a pointer to the table: ledger_of() counts back from it, and so needs no word in each
	 * area.
	 */
	struct mm_operations ops;      /* by which an area finds its ledger */
	struct replay_options options; /* the caller's */
	struct replay *replay;
	struct trace_sink *mirror; /* the replay's */
	/* The caller's; dead when on_event() returns, which is why note_now() copies what is kept of it. */
	const struct trace_event *now; /* being carried out; NULL: none */
	event_id noted;                /* of now; 0: not needed so far */
	struct changes changes;
	struct shown *shown;
	/* Of the first event and of the latest; 0: none has come. */
	uint64_t begin_ns, now_ns;
	struct kept kept;
	struct sites *sites;
	bool any_rare;  /* a life has had some of it, ever */
	bool no_memory; /* something could not be noted */
};

/* life.c */
extern const struct mm_operations life_operations;
struct explain *ledger_of(const struct vm_area_struct *vma);
static inline struct life *life_of(const struct vm_area_struct *vma)
{
	return vma->vm_private_data;
}
static inline void life_clear(struct life *l)
{
	memset(l, 0, sizeof(*l));
}

/* changes.c */
void area_has_changed(struct explain *x, const struct vm_area_struct *vma);
void area_has_ended(struct explain *x, const struct vm_area_struct *vma);

/* shown.c */
void shown_forget(struct explain *x);

/* kept.c; 0, NULL: no memory */
event_id event_new(struct kept *k);
struct life *life_new(struct kept *k); /* to be cleared */
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
/* An area with a file has come, gone or moved: what was found lately may be found no more. */
void sites_forget_lately(struct sites *s);

#endif /* EXPLAIN_INTERNAL_H */
