/* SPDX-License-Identifier: MIT */
/*
 * Lives as the caller sees them: pointers to events instead of numbers, made when they are asked for.
 *
 * They are there until the next event, and so is their memory.
 */
#include <stdlib.h>

#include "internal.h"

struct shown {
	struct shown *next;
	struct explain_life life;
};

void shown_forget(struct explain *x)
{
	while (x->shown) {
		struct shown *s = x->shown;

		x->shown = s->next;
		free(s);
	}
}

/*
 * Never NULL: without memory all of it is NULL, and explain_incomplete() says so. Each call allocates anew,
 * even of the same area.
 */
const struct explain_life *explain_life(const struct vm_area_struct *vma)
{
	static const struct explain_life nothing;
	struct explain *x = ledger_of(vma);
	const struct kept *k = &x->kept;
	const struct life *l = life_of(vma);
	const struct rare *rare = l->rare;
	struct shown *s = malloc(sizeof(*s));

	if (!s) {
		x->no_memory = true;
		return &nothing;
	}
	s->life = (struct explain_life){ .made = event_of(k, l->made),
		.low = event_of(k, l->low),
		.high = event_of(k, l->high),
		.low_changed = event_of(k, l->low_changed),
		.high_changed = event_of(k, l->high_changed),
		.grown = event_of(k, l->grown),
		.prot = event_of(k, l->prot),
		.flags = event_of(k, l->flags),
		.written = event_of(k, l->written),
		.inherited = event_of(k, l->inherited),
		.moved = event_of(k, l->moved),
		.named = rare ? event_of(k, rare->named) : NULL,
		.policy = rare ? event_of(k, rare->policy) : NULL,
		.uffd = rare ? event_of(k, rare->uffd) : NULL };
	s->next = x->shown;
	x->shown = s;
	return &s->life;
}
