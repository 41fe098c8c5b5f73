/* SPDX-License-Identifier: MIT */
/*
 * What must have happened between two snapshots: the least that leads from the one to the other.
 *
 *    IB1  A page is the same memory in both where the file and the place in it are the same, or where it is anonymous in both.
 *         What was unmapped and mapped again alike is not seen.
 *    IB2  Memory that is in the second alone was born, in the first alone has died; a piece of either lies in one area.
 *    IB3  An area of the first of which n areas of the second have memory was cut n - 1 times, whether they touch or not; joins
 *         are the same with the snapshots exchanged.
 *    IB4  Memory of both was changed where its access differs, and where both snapshots have them also flags or names.
 *
 * Both are gone through once, side by side, from one bound of either to the next.
 *
 *     before    |--- A rw- ---|        |-- B r-- --|
 *     now       |- C r-- -|-D-|  |---- E r-- ------|
 *
 *     cut       at the start of D: A has memory in C and in D
 *     change    all of C, whose access is another than A's, and of D where that is
 *     birth     from the start of E to that of B
 *     none      the rest of E: it is B's memory, though E begins elsewhere
 */
#include <string.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "minmax.h"

/* What the kernel changes by itself: /proc/PID/clear_refs clears it, and areas of different ones merge. */
#define IGNORED_FLAGS ((uint64_t)VM_SOFTDIRTY)

static const char *const inferred_text[TRACE_INFERRED_KINDS] = {
	[TRACE_INFERRED_BIRTH] = "memory was mapped",
	[TRACE_INFERRED_DEATH] = "memory was unmapped",
	[TRACE_INFERRED_CUT] = "an area was cut",
	[TRACE_INFERRED_JOIN] = "two areas were joined",
	[TRACE_INFERRED_CHANGE] = "access, flags or the name of memory changed",
};

/* The comparison: each kind's piece may go on in the next interval. */
struct between {
	struct trace_import *im;
	struct trace_inferred piece[TRACE_INFERRED_KINDS];
	bool begun[TRACE_INFERRED_KINDS];
	bool flags; /* of both snapshots are known */
	/*
	 * Pointers into both maps, compared by identity: an area of one that is met again with another of
	 * the other is a cut or a join.
	 */
	const struct trace_area *before, *now; /* that had memory in common last; NULL: none yet */
};

/* Counted for the summary, and given to whoever listens. */
static void tell(struct between *b, const struct trace_inferred *what)
{
	struct trace_import *im = b->im;

	import_count(&im->inferred[what->kind], what->path, what->line);
	if (im->on_inferred)
		im->on_inferred(im->inferred_ctx, what);
}

/* The interval that comes does not go on with it. */
static void end_piece(struct between *b, enum trace_inferred_kind kind)
{
	if (b->begun[kind])
		tell(b, &b->piece[kind]);
	b->begun[kind] = false;
}

/*
 * Goes on with the piece of the last interval where areas and kind are the same and nothing lies
 * between: bounds of the other map do not cut it.
 */
static void add_piece(struct between *b, enum trace_inferred_kind kind, const struct trace_area *before,
	const struct trace_area *now, uint64_t start, uint64_t end)
{
	struct trace_inferred *p = &b->piece[kind];

	if (b->begun[kind] && p->end == start && p->before == before && p->now == now) {
		p->end = end;
		return;
	}
	end_piece(b, kind);
	b->begun[kind] = true;
	p->before = before;
	p->now = now;
	p->start = start;
	p->end = end;
}

/*
 * Of no length, and told at once: cuts and joins are places, while the other kinds are pieces that may go
 * on.
 */
static void tell_edge(struct between *b, enum trace_inferred_kind kind, const struct trace_area *before,
	const struct trace_area *now, uint64_t at)
{
	struct trace_inferred *p = &b->piece[kind];

	p->before = before;
	p->now = now;
	p->start = p->end = at;
	tell(b, p);
}

/* Of no file, and not the kernel's own pages either. */
static bool is_anonymous(const struct trace_area *a)
{
	return !a->ino && (!a->name[0] || strcmp(a->name, "[heap]") == 0 ||
				  strncmp(a->name, "[stack", 6) == 0 || strncmp(a->name, "[anon:", 6) == 0);
}

/*
 * Differences of offset and start are compared modulo 2^64: a file that is mapped below its offset has
 * a negative one. Without an inode (a core, gdb) the name tells files apart. Shared anonymous memory
 * has an inode, and is a file here.
 */
static bool is_same_memory(const struct trace_area *before, const struct trace_area *now)
{
	if (before->shared != now->shared)
		return false;
	if (is_anonymous(before) || is_anonymous(now))
		return is_anonymous(before) && is_anonymous(now);
	if (before->dev != now->dev || before->ino != now->ino ||
		before->offset - before->start != now->offset - now->start)
		return false;
	return before->ino || strcmp(before->name, now->name) == 0;
}

/* [heap] and [stack] are where brk and exec have put them, and no names. */
static const char *given_name(const struct trace_area *a)
{
	return strncmp(a->name, "[anon:", 6) == 0 ? a->name : "";
}

/* Access always; names that were given; flags where both snapshots came with them. */
static bool is_changed(const struct between *b, const struct trace_area *before, const struct trace_area *now)
{
	return before->prot != now->prot || strcmp(given_name(before), given_name(now)) != 0 ||
	       (b->flags && (before->vm_flags ^ now->vm_flags) & ~IGNORED_FLAGS);
}

/*
 * Both have memory there, the same. Two areas of the one that have memory in one area of the other are
 * cut or joined. Where both are others neither was.
 */
static void note_edges(struct between *b, const struct trace_area *before, const struct trace_area *now)
{
	if (b->before == before && b->now != now)
		tell_edge(b, TRACE_INFERRED_CUT, before, now, now->start);
	else if (b->now == now && b->before != before)
		tell_edge(b, TRACE_INFERRED_JOIN, before, now, before->start);
	b->before = before;
	b->now = now;
}

/* Of [start, end) each snapshot has one area, or none. */
static void interval(struct between *b, const struct trace_area *before, const struct trace_area *now,
	uint64_t start, uint64_t end)
{
	bool same = before && now && is_same_memory(before, now);

	if (before && !same)
		add_piece(b, TRACE_INFERRED_DEATH, before, NULL, start, end);
	else
		end_piece(b, TRACE_INFERRED_DEATH);
	if (now && !same)
		add_piece(b, TRACE_INFERRED_BIRTH, NULL, now, start, end);
	else
		end_piece(b, TRACE_INFERRED_BIRTH);
	if (same)
		note_edges(b, before, now);
	if (same && is_changed(b, before, now))
		add_piece(b, TRACE_INFERRED_CHANGE, before, now, start, end);
	else
		end_piece(b, TRACE_INFERRED_CHANGE);
}

/* The area at an address, or the one behind it. *i only moves on: @at ascends. */
static const struct trace_area *area_from(const struct trace_map *m, uint32_t *i, uint64_t at)
{
	while (*i < m->count && m->areas[*i].end <= at)
		(*i)++;
	return *i < m->count ? &m->areas[*i] : NULL;
}

/* Where what is there at @at ends. */
static uint64_t bound_behind(const struct trace_area *a, uint64_t at)
{
	if (!a)
		return UINT64_MAX;
	return a->start > at ? a->start : a->end;
}

void infer_between(struct trace_import *im, const struct trace_map *before, const struct trace_map *now,
	const char *path, uint64_t line)
{
	struct between b = { .im = im, .flags = before->has_vm_flags && now->has_vm_flags };
	uint32_t i = 0, k = 0;
	uint64_t at = 0;

	for (uint32_t kind = 0; kind < TRACE_INFERRED_KINDS; kind++)
		b.piece[kind] = (struct trace_inferred){
			.kind = kind, .path = path, .line = line, .time_ns = im->time_ns
		};
	/*
	 * Each turn ends at a bound of either map, so O(areas of both); behind the last area both bounds
	 * are UINT64_MAX.
	 */
	while (at != UINT64_MAX) {
		const struct trace_area *old = area_from(before, &i, at), *new = area_from(now, &k, at);
		uint64_t end = min(bound_behind(old, at), bound_behind(new, at));

		interval(&b, old && old->start <= at ? old : NULL, new &&new->start <= at ? new : NULL, at,
			end);
		at = end;
	}
	for (uint32_t kind = 0; kind < TRACE_INFERRED_KINDS; kind++)
		end_piece(&b, kind);
}

const char *inferred_phrase(enum trace_inferred_kind kind)
{
	return inferred_text[kind];
}
