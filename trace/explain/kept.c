/* SPDX-License-Identifier: MIT */
/*
 * Memory of events and lives.
 *
 * A call changes some areas, each of which refers to a dozen events that may be anywhere: to count references would be a wait
 * for memory each.  So nothing is counted.  Lives refer to events by number, and a bit for each number says whether it is
 * taken.  When there are twice as many as were referred to at the last look, all lives are gone through, the bits of what they
 * refer to are set, and all others cleared: lives and bits are read one behind the other, the events themselves not at all,
 * at twice the memory that has to be.  New events fill the free places in their order.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define SWEEP_FIRST 4096
#define WORD        64

static void *new_piece(void)
{
	void *piece = aligned_alloc(PIECE_BYTES, PIECE_BYTES);

	if (piece)
		(void)!madvise(piece, PIECE_BYTES, MADV_HUGEPAGE);
	return piece;
}

static bool add_events(struct kept *k)
{
	struct explain_event **events = realloc(k->events, (k->pieces + 1) * sizeof(struct explain_event *));
	uint64_t *taken;

	if (!events)
		return false;
	k->events = events;
	taken = realloc(k->taken, (k->pieces + 1) * PIECE_WORDS * sizeof(uint64_t));
	if (!taken)
		return false;
	k->taken = taken;
	events[k->pieces] = new_piece();
	if (!events[k->pieces])
		return false;
	memset(taken + k->pieces * PIECE_WORDS, 0, PIECE_WORDS * sizeof(uint64_t));
	/* Number 0 is none. */
	taken[0] |= 1;
	k->pieces++;
	return true;
}

event_id event_new(struct kept *k)
{
	size_t word = k->next / WORD;
	uint64_t free_ones = 0;

	for (; word < k->pieces * PIECE_WORDS; word++) {
		free_ones = ~k->taken[word];
		if (free_ones)
			break;
	}
	if (!free_ones) {
		if (!add_events(k))
			return 0;
		free_ones = ~k->taken[word];
	}
	k->next = word * WORD + (size_t)__builtin_ctzll(free_ones);
	k->taken[word] |= free_ones & -free_ones;
	k->made++;
	return (event_id)k->next;
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
	if (!k->lives_free) {
		if ((!k->life_pieces || k->life_pieces->used == PIECE_LIVES) && !add_lives(k))
			return NULL;
		return &k->life_pieces->life[k->life_pieces->used++];
	}
	k->lives_free--;
	if (k->cleared > k->lives_free)
		k->cleared = k->lives_free;
	return k->free_lives[k->lives_free];
}

/* The last one is the next to be had. */
void life_free(struct kept *k, struct life *l)
{
	life_is_wanted(l);
	k->free_lives[k->lives_free++] = l;
}

static event_id take(struct kept *k, event_id id, event_id before)
{
	/* Much of a life is of one event. */
	if (id != before)
		k->taken[id / WORD] |= 1ULL << id % WORD;
	return id;
}

static void take_all_of(struct kept *k, const struct life *l)
{
	const event_id ids[] = { l->made, l->low, l->low_changed, l->high_changed, l->high, l->grown, l->prot,
		l->flags, l->written, l->inherited, l->moved };
	event_id before = 0;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		before = take(k, ids[i], before);
	if (!l->has_rare)
		return;
	before = take(k, l->named, 0);
	before = take(k, l->policy, before);
	(void)take(k, l->uffd, before);
}

void events_sweep(struct kept *k)
{
	if (k->made < k->sweep_at || k->made < SWEEP_FIRST)
		return;
	for (; k->cleared < k->lives_free; k->cleared++)
		life_clear(k->free_lives[k->cleared]);
	memset(k->taken, 0, k->pieces * PIECE_WORDS * sizeof(uint64_t));
	k->taken[0] = 1;
	for (struct life_piece *p = k->life_pieces; p; p = p->next)
		for (size_t i = 0; i < p->used; i++)
			take_all_of(k, &p->life[i]);
	k->made = 0;
	for (size_t i = 0; i < k->pieces * PIECE_WORDS; i++)
		k->made += (size_t)__builtin_popcountll(k->taken[i]);
	k->next = 0;
	k->sweep_at = 2 * k->made;
}

void kept_free(struct kept *k)
{
	while (k->life_pieces) {
		struct life_piece *p = k->life_pieces;

		k->life_pieces = p->next;
		free(p);
	}
	for (size_t i = 0; i < k->pieces; i++)
		free(k->events[i]);
	free(k->events);
	free(k->taken);
	free(k->free_lives);
}
