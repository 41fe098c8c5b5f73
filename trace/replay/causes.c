/* SPDX-License-Identifier: MIT */
/*
 * What a disagreement comes from.
 *
 * 1. Touched.  s->touched has the addresses that calls and faults were about since they were last found equal, with a byte more on
 *    both sides.  A disagreement elsewhere is of something that no recorded event did: it came from *outside*.
 *
 * 2. Caused.  s->caused has the addresses that a disagreement was about, until something new is mapped there.  What is
 *    repaired may still lack what no observation shows (whether it was written, how it was made), so another
 *    disagreement there is a consequence of the first, and counted with it.  A result that differs in the same way
 *    as one before, in calls of the same kind, is a consequence, too.
 *
 * 3. Forks.  A child has its parent's sets: they are one, which counts who has it, until one of them changes its own.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "internal.h"
#include "uapi.h"

/* [start, end) in bytes; the last address of all is never in one, which end UINT64_MAX stands for. */
struct bounds {
	uint64_t start, end;
};

/* Of addresses; none is an empty one. */
struct address_set {
	unsigned long users;
	struct maple_tree at;
};

/* One user fewer; the last one takes the set away. */
static void leave(struct address_set **set)
{
	if (*set && --(*set)->users == 0) {
		mtree_destroy(&(*set)->at);
		free(*set);
	}
	*set = NULL;
}

/* One that is nobody else's, with what @set has.  NULL: no memory, which has been counted. */
static struct address_set *copy_of(struct address_set *set)
{
	struct address_set *own = calloc(1, sizeof(*own));

	if (!own) {
		port_count_failure();
		return NULL;
	}
	own->users = 1;
	mt_init_flags(&own->at, 0);
	if (set && mtree_dup(&set->at, &own->at, GFP_KERNEL)) {
		free(own);
		return NULL;
	}
	return own;
}

/*
 * The tree of a set that only *@set's owner has, made by copying if others have it. Before it is changed.
 * NULL: no memory, which has been counted.
 */
static struct maple_tree *own(struct address_set **set)
{
	struct address_set *copy;

	if (*set && (*set)->users == 1)
		return &(*set)->at;
	copy = copy_of(*set);
	if (!copy)
		return NULL;
	leave(set);
	*set = copy;
	return &copy->at;
}

/* The value at the first address in [start, end) that is in the set; NULL: none is. O(log n). */
static void *first_in(struct address_set *set, uint64_t start, uint64_t end)
{
	unsigned long at = start;

	return set && end > start ? mt_find(&set->at, &at, end - 1) : NULL;
}

/* @value: in s->caused the verdict. What cannot be stored has been counted as a failure. */
static void add(struct address_set **set, uint64_t start, uint64_t end, unsigned long value)
{
	struct maple_tree *at;

	if (end <= start)
		return;
	if (start == 0 && end == UINT64_MAX)
		leave(set); /* all of it: what was there need not be copied */
	at = own(set);
	if (at)
		(void)!mtree_store_range(at, start, end - 1, xa_mk_value(value), GFP_KERNEL);
}

/* Nothing is copied where there is nothing to take out. */
static void drop(struct address_set **set, uint64_t start, uint64_t end)
{
	struct maple_tree *at = first_in(*set, start, end) ? own(set) : NULL;

	if (at)
		(void)!mtree_store_range(at, start, end - 1, NULL, GFP_KERNEL);
}

static bool meets(struct address_set *set, uint64_t start, uint64_t end)
{
	return first_in(set, start, end) != NULL;
}

/*
 * A byte more on both sides: a call changes the neighbours that it joins, and they are found by that byte.
 * A range that ends with the last page has no byte behind it.
 */
static struct bounds around(const struct space *s, struct trace_range r)
{
	uint64_t last = -mm_page_size(&s->mm);

	return (struct bounds){ r.start - (r.start != 0), r.end == last ? UINT64_MAX : r.end + 1 };
}

static struct bounds around_len(const struct space *s, uint64_t start, uint64_t len)
{
	uint64_t last = -mm_page_size(&s->mm), end = mm_page_align(&s->mm, start + len);

	/* -page size is the address of the last page and the mask of page numbers. */
	start &= last;
	return around(s, (struct trace_range){ start, end < start ? last : end });
}

/* brk, mmap and mremap may have been expected elsewhere than where they were, or to have gone further. */
static unsigned int expected_range(const struct space *s, const struct trace_call *c, struct bounds *b)
{
	const uint64_t *a = c->args;

	switch (c->nr) {
	case NR_mmap:
	case NR_map_shadow_stack:
		*b = around_len(s, a[0], a[1]);
		return a[0] != 0;
	case NR_mremap:
		*b = around_len(s, a[0], a[2]);
		return 1;
	case NR_brk:
		*b = around_len(s, s->mm.start_brk, (a[0] > s->mm.brk ? a[0] : s->mm.brk) - s->mm.start_brk);
		return 1;
	default:
		return 0;
	}
}

#define RANGES_MAX 4

/*
 * Everything that the call names or has made, at most two named, one placed, one expected; where it names
 * nothing (mlockall, prctl), all there is. shmat's placed range is not taken: it ends where the segment
 * does, of which the call alone knows nothing.
 */
static unsigned int ranges_of(const struct space *s, const struct trace_call *c, struct bounds b[RANGES_MAX])
{
	const struct trace_heap heap = { s->mm.start_brk, s->mm.brk };
	struct trace_range named[2], placed;
	unsigned int nr = trace_named_pages(c, &heap, mm_page_size(&s->mm), named), n = 0;

	for (unsigned int i = 0; i < nr; i++)
		b[n++] = around(s, named[i]);
	if (trace_placed_pages(c, mm_page_size(&s->mm), &placed) && c->nr != NR_shmat)
		b[n++] = around(s, placed);
	n += expected_range(s, c, &b[n]);
	if (!n && c->nr != NR_mmap)
		b[n++] = (struct bounds){ 0, UINT64_MAX };
	return n;
}

void causes_end(struct space *s)
{
	leave(&s->touched);
	leave(&s->caused);
}

static struct address_set *share(struct address_set *set)
{
	if (set)
		set->users++;
	return set;
}

void causes_fork(struct space *child, const struct space *parent)
{
	causes_end(child);
	child->touched = share(parent->touched);
	child->caused = share(parent->caused);
}

void causes_touch(struct space *s, uint64_t start, uint64_t end)
{
	add(&s->touched, start, end, 0);
}

void causes_of_call(struct space *s, const struct trace_call *c)
{
	struct bounds b[RANGES_MAX];
	unsigned int n = ranges_of(s, c, b);

	for (unsigned int i = 0; i < n; i++)
		add(&s->touched, b[i].start, b[i].end, 0);
	if (IS_ERR_VALUE(c->result) || (c->nr != NR_mmap && c->nr != NR_munmap))
		return;
	/* What was there before is gone. */
	b[0] = c->nr == NR_mmap ? around_len(s, (uint64_t)c->result, c->args[1])
				: around_len(s, c->args[0], c->args[1]);
	/* Without the bytes around: the neighbours are as they were. */
	drop(&s->caused, b[0].start + 1, b[0].end - 1);
}

void causes_compared(struct space *s, uint64_t lo, uint64_t hi)
{
	drop(&s->touched, lo, hi);
}

/* No recorded event was about it. */
bool cause_is_outside(struct space *s, uint64_t start, uint64_t end)
{
	return !meets(s->touched, start, end);
}

/*
 * A disagreement about any of it was told, and nothing new was mapped there since: this one follows from
 * that.
 */
bool cause_is_known(struct space *s, uint64_t start, uint64_t end)
{
	void *verdict = first_in(s->caused, start, end);

	/* What changed from outside before has done so again. */
	return verdict && (xa_to_value(verdict) != REPLAY_OUTSIDE || !cause_is_outside(s, start, end));
}

void cause_note(struct space *s, uint64_t start, uint64_t end, enum replay_verdict verdict)
{
	add(&s->caused, start, end, verdict);
}

bool cause_of_call_is_known(struct space *s, const struct trace_call *c)
{
	struct bounds b[RANGES_MAX];
	unsigned int n = ranges_of(s, c, b);

	for (unsigned int i = 0; i < n; i++)
		/* A call about all there is (mlockall) would follow from anything. */
		if (b[i].end < UINT64_MAX && meets(s->caused, b[i].start, b[i].end))
			return true;
	return false;
}

void cause_note_call(struct space *s, const struct trace_call *c, enum replay_verdict verdict)
{
	struct bounds b[RANGES_MAX];
	unsigned int n = ranges_of(s, c, b);

	for (unsigned int i = 0; i < n; i++)
		if (b[i].end < UINT64_MAX)
			add(&s->caused, b[i].start, b[i].end, verdict);
}

/* Two errors, or an error and a success: the same pair again is the same reason. */
bool cause_repeats(struct replay *r, uint32_t nr, int64_t expected, int64_t found)
{
	struct repeated now = { nr, IS_ERR_VALUE(expected) ? expected : 0, IS_ERR_VALUE(found) ? found : 0 };

	if (!now.expected && !now.found)
		return false;
	for (unsigned int i = 0; i < r->nr_repeated; i++) {
		const struct repeated *p = &r->repeated[i];

		if (p->nr == now.nr && p->expected == now.expected && p->found == now.found)
			return true;
	}
	if (r->nr_repeated < REPEATED_MAX)
		r->repeated[r->nr_repeated++] = now;
	return false;
}
