/* SPDX-License-Identifier: MIT */
/*
 * Memory of events and lives.
 *
 * A call changes some areas, each of which refers to a dozen events that may be anywhere: to count references would be a wait
 * for memory each.  So nothing is counted.  When there are twice as many events as were referred to at the last look, all lives
 * are gone through, what they refer to is marked, and the rest is free: a few instructions for each event, at twice the
 * memory that has to be.
 */
#include <stdlib.h>

#include "internal.h"

#define SWEEP_FIRST 4096

static bool add_events(struct kept *k)
{
	struct event_piece *p = malloc(sizeof(*p));

	if (!p)
		return false;
	p->next = k->event_pieces;
	k->event_pieces = p;
	for (size_t i = PIECE; i-- > 0;) {
		p->event[i].referred = false;
		p->event[i].next_free = k->free_events;
		k->free_events = &p->event[i];
	}
	return true;
}

struct noted_event *event_new(struct kept *k)
{
	struct noted_event *n;

	if (!k->free_events && !add_events(k))
		return NULL;
	n = k->free_events;
	k->free_events = n->next_free;
	k->made++;
	return n;
}

static bool add_lives(struct kept *k)
{
	struct life_piece *p = malloc(sizeof(*p));

	if (!p)
		return false;
	p->next = k->life_pieces;
	k->life_pieces = p;
	for (size_t i = PIECE; i-- > 0;)
		life_free(k, &p->life[i]);
	return true;
}

struct life *life_new(struct kept *k)
{
	struct life *l;

	if (!k->free_lives && !add_lives(k))
		return NULL;
	l = k->free_lives;
	k->free_lives = l->next_free;
	return l;
}

void life_free(struct kept *k, struct life *l)
{
	l->in_use = false;
	l->next_free = k->free_lives;
	k->free_lives = l;
}

static void mark(const struct life *l)
{
	const struct explain_event *const *slot = (const struct explain_event *const *)&l->life;

	for (size_t i = 0; i < LIFE_EVENTS; i++)
		if (slot[i])
			((struct noted_event *)slot[i])->referred = true;
}

void events_sweep(struct kept *k)
{
	if (k->made < k->sweep_at || k->made < SWEEP_FIRST)
		return;
	for (struct life_piece *p = k->life_pieces; p; p = p->next)
		for (size_t i = 0; i < PIECE; i++)
			if (p->life[i].in_use)
				mark(&p->life[i]);
	k->free_events = NULL;
	k->made = 0;
	for (struct event_piece *p = k->event_pieces; p; p = p->next)
		for (size_t i = 0; i < PIECE; i++) {
			struct noted_event *n = &p->event[i];

			if (n->referred) {
				k->made++;
				n->referred = false;
			} else {
				n->next_free = k->free_events;
				k->free_events = n;
			}
		}
	k->sweep_at = 2 * k->made;
}

void kept_free(struct kept *k)
{
	while (k->life_pieces) {
		struct life_piece *p = k->life_pieces;

		k->life_pieces = p->next;
		free(p);
	}
	while (k->event_pieces) {
		struct event_piece *p = k->event_pieces;

		k->event_pieces = p->next;
		free(p);
	}
}
