/* SPDX-License-Identifier: MIT */
/*
 * Memory of events and lives.
 *
 * A call changes some areas, each of which refers to a dozen events that may be anywhere: to count references would be a wait
 * for memory each.  So nothing is counted.  Lives refer to events by number, and a byte for each number says whether it is
 * taken.  When there are twice as many as were referred to at the last look, all lives are gone through, the bytes of what they
 * refer to are set, and all others cleared: lives and bytes are read one behind the other, the events themselves not at all,
 * at twice the memory that has to be.  New events fill the free places in their order.
 *
 * What a look costs is in the number of lives and of numbers, and the next comes only when as many events
 * again have been noted as it left: over all events O(1) each, as long as the lives are no more than the
 * events that made them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define SWEEP_FIRST 4096

/* Aligned as a huge page has to be; the advice is a wish, and its failure changes nothing but speed. */
static void *new_piece(void)
{
	void *piece = aligned_alloc(PIECE_BYTES, PIECE_BYTES);

	if (piece)
		(void)!madvise(piece, PIECE_BYTES, MADV_HUGEPAGE);
	return piece;
}

/*
 * When the second or third allocation fails the larger arrays stay: `pieces` has not grown, and the next
 * try grows them from there.
 */
static bool add_events(struct kept *k)
{
	struct explain_event **events = realloc(k->events, (k->pieces + 1) * sizeof(struct explain_event *));
	uint8_t *taken;

	if (!events)
		return false;
	k->events = events;
	taken = realloc(k->taken, (k->pieces + 1) * PIECE_EVENTS);
	if (!taken)
		return false;
	k->taken = taken;
	events[k->pieces] = new_piece();
	if (!events[k->pieces])
		return false;
	memset(taken + k->pieces * PIECE_EVENTS, 0, PIECE_EVENTS * sizeof(taken[0]));
	/* Number 0 is none. */
	taken[0] = 1;
	k->pieces++;
	return true;
}

/* The next one will be written where nobody has looked for long: the processor fetches its lines until then. */
static void want_next(struct kept *k)
{
	const size_t all = k->pieces * PIECE_EVENTS;
	const char *event;

	while (k->next < all && k->taken[k->next])
		k->next++;
	if (k->next == all)
		return;
	event = (const char *)event_of(k, (event_id)k->next);
	for (size_t i = 0; i < sizeof(struct explain_event); i += 64)
		__builtin_prefetch(event + i, 1);
	__builtin_prefetch(event + sizeof(struct explain_event) - 1, 1);
}

/*
 * `next` is free, or there is none left. What the number stands for is not cleared: note_now() fills all of
 * it. A number that a sweep has freed comes again, so that it is good only as long as a life refers to it,
 * or until the next sweep.
 */
event_id event_new(struct kept *k)
{
	size_t id = k->next;

	if (id == k->pieces * PIECE_EVENTS && !add_events(k))
		return 0;
	/* That of a new first piece is none. */
	id += id == 0;
	k->taken[id] = 1;
	k->next = id + 1;
	k->made++;
	want_next(k);
	return (event_id)id;
}

static bool add_lives(struct kept *k)
{
	struct life **room = realloc(k->free_lives, (k->lives + PIECE_LIVES) * sizeof(struct life *));
	struct life_piece *p;

	if (!room)
		return false;
	k->free_lives = room;
	p = new_piece();
	if (!p)
		return false;
	p->next = k->life_pieces;
	p->used = 0;
	k->life_pieces = p;
	k->lives += PIECE_LIVES;
	return true;
}

struct life *life_new(struct kept *k)
{
	struct life *l;

	if (!k->lives_free) {
		if ((!k->life_pieces || k->life_pieces->used == PIECE_LIVES) && !add_lives(k))
			return NULL;
		return &k->life_pieces->life[k->life_pieces->used++];
	}
	k->lives_free--;
	/* The stack fell below what was cleared: what is put there later is not. */
	if (k->cleared > k->lives_free)
		k->cleared = k->lives_free;
	l = k->free_lives[k->lives_free];
	free(l->rare);
	l->rare = NULL;
	return l;
}

/* The last one is the next to be had.  What it holds is mostly far from the processor: it stays as it is until then. */
void life_free(struct kept *k, struct life *l)
{
	k->free_lives[k->lives_free++] = l;
}

/* Slots that are 0 set the byte of number 0, which is set anyway: no branch for them. */
static void take_all_of(uint8_t *taken, const struct life *l)
{
	taken[l->made] = taken[l->low] = taken[l->high] = 1;
	taken[l->low_changed] = taken[l->high_changed] = taken[l->grown] = 1;
	taken[l->prot] = taken[l->flags] = taken[l->written] = 1;
	taken[l->inherited] = taken[l->moved] = 1;
	if (l->rare)
		taken[l->rare->named] = taken[l->rare->policy] = taken[l->rare->uffd] = 1;
}

void events_sweep(struct kept *k)
{
	const size_t all = k->pieces * PIECE_EVENTS;

	if (k->made < k->sweep_at || k->made < SWEEP_FIRST)
		return;
	/*
	 * The pass below goes through free lives as well: those must refer to nothing, or their events
	 * would never be free again.
	 */
	for (; k->cleared < k->lives_free; k->cleared++) {
		free(k->free_lives[k->cleared]->rare);
		life_clear(k->free_lives[k->cleared]);
	}
	memset(k->taken, 0, all);
	k->taken[0] = 1;
	for (struct life_piece *p = k->life_pieces; p; p = p->next)
		for (size_t i = 0; i < p->used; i++)
			take_all_of(k->taken, &p->life[i]);
	k->made = 0;
	for (size_t i = 0; i < all; i++)
		k->made += k->taken[i];
	k->next = 0;
	want_next(k);
	k->sweep_at = 2 * k->made;
}

void kept_free(struct kept *k)
{
	while (k->life_pieces) {
		struct life_piece *p = k->life_pieces;

		k->life_pieces = p->next;
		for (size_t i = 0; i < p->used; i++)
			free(p->life[i].rare);
		free(p);
	}
	for (size_t i = 0; i < k->pieces; i++)
		free(k->events[i]);
	free(k->events);
	free(k->taken);
	free(k->free_lives);
}
