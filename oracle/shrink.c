/* SPDX-License-Identifier: MIT */
/*
 * Shrinking: leave calls out, in halves, quarters and so on down to single ones, as long as the rest still differs
 * (Zeller and Hildebrandt 2002); then make the arguments of what is left plainer.
 *
 *    SH1  The sequence that is kept always differs: it is replaced only by a candidate that a new child has been seen
 *         to answer otherwise than the engine.
 *    SH2  Which difference it is may change on the way.  What ends as a case file is a small one, and may be another
 *         one than was found first.
 *    SH3  It goes on until a round has left no call out.
 *
 * Calls are left out from the last one backwards: the later one is, the less of the others depends on it.
 */
#include <string.h>
#include <sys/mman.h>

#include "oracle.h"

/* What is tried next; found is what it differed in. Both are too large for a stack that must not grow. */
static struct sequence candidate;
static struct difference found;

/*
 * Carry the candidate out in both worlds. True: it has become *s. An empty one is never tried: settle() has
 * shown that it does not differ.
 */
static bool still_differs(struct sequence *s, struct difference *d)
{
	if (!candidate.nr || check_sequence(&candidate, DEEP_ALWAYS, &found))
		return false;
	/* What comes after the difference is not needed. */
	if (found.call + 1 < candidate.nr)
		candidate.nr = found.call + 1;
	*s = candidate;
	*d = found;
	return true;
}

static bool leave_out(struct sequence *s, unsigned int at, unsigned int nr, struct difference *d)
{
	unsigned int after = at + nr;

	candidate.nr = s->nr - nr;
	memcpy(candidate.call, s->call, at * sizeof(struct call));
	memcpy(candidate.call + at, s->call + after, (s->nr - after) * sizeof(struct call));
	return still_differs(s, d);
}

/*
 * One round, from the end: each chunk of @size calls, where the first may be shorter. True: something was
 * left out. What is cut behind the difference (still_differs()) may end before @at, which then steps back.
 */
static bool leave_out_chunks(struct sequence *s, unsigned int size, struct difference *d)
{
	bool any = false;
	unsigned int at = s->nr;

	while (at > 0) {
		unsigned int nr = at < size ? at : size;

		at -= nr;
		if (at + nr <= s->nr)
			any |= leave_out(s, at, nr, d);
		if (at > s->nr)
			at = s->nr;
	}
	return any;
}

/*
 * True: *s has @value there now, and still differs. One that has it already is not tried: it is known to
 * differ.
 */
static bool try_argument(
	struct sequence *s, unsigned int i, int arg, unsigned long value, struct difference *d)
{
	if (s->call[i].arg[arg] == value)
		return false;
	candidate = *s;
	candidate.call[i].arg[arg] = value;
	return still_differs(s, d);
}

/* Flags one by one, lengths down to a page, bytes away. */
static void simplify_call(struct sequence *s, unsigned int i, struct difference *d)
{
	for (int arg = 0; arg < 6 && i < s->nr; arg++) {
		unsigned long v = s->call[i].arg[arg];

		if (v >= PAGE && v & (PAGE - 1) && v > WINDOW)
			(void)try_argument(s, i, arg, v & ~(PAGE - 1), d);
		if (v > PAGE && v < MARGIN)
			(void)try_argument(s, i, arg, PAGE, d);
	}
	/* Not bits 0 and 1, the type of the mapping; up to MAP_FIXED_NOREPLACE (bit 20). */
	for (int bit = 2; i < s->nr && s->call[i].kind == CALL_MMAP && bit < 22; bit++)
		if (s->call[i].arg[3] & (1ul << bit))
			(void)try_argument(s, i, 3, s->call[i].arg[3] & ~(1ul << bit), d);
	if (i < s->nr && s->call[i].kind == CALL_MMAP)
		(void)try_argument(s, i, 2, PROT_READ | PROT_WRITE, d);
}

/*
 * About log2(n) rounds of halving, then rounds of n until none helps: at worst O(n^2) children. If @s does not differ again (a race), it is left as it came, and *d too.
 */
void shrink(struct sequence *s, struct difference *d)
{
	bool again = true;

	candidate = *s;
	(void)still_differs(s, d);
	for (unsigned int size = s->nr / 2; size > 1; size /= 2)
		(void)leave_out_chunks(s, size, d);
	while (again) {
		again = leave_out_chunks(s, 1, d);
		for (unsigned int i = 0; i < s->nr; i++)
			simplify_call(s, i, d);
	}
}
