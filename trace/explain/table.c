/* SPDX-License-Identifier: MIT */
/*
 * All boundaries of a moment, counted by main reasons and birth site.
 *
 * One pass over the areas, an open hash table of groups, then a sort: O(areas + groups log groups).
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

struct counting {
	struct explain_table *table;
	size_t *slot; /* 1 + index of a group; 0: free */
	size_t slots; /* a power of two, more than groups can fill */
	size_t room;  /* of groups */
};

/*
 * Site and stack are compared as they are: sites.c has one site for each place, and recordings number each
 * stack once. All else of the birth, such as its arguments, is left out: a loop's calls are to fall
 * together.
 */
static struct explain_group key_of(const struct explain_boundary *b)
{
	const struct explain_event *e = b->birth;
	struct explain_group g = { .main_reasons = b->main_reasons, .needless = b->needless, .call_nr = ~0U };

	if (!e)
		return g;
	g.birth_type = e->type;
	if (e->type == TRACE_EVENT_CALL)
		g.call_nr = e->call.nr;
	g.stack = e->stack;
	g.site = e->site;
	return g;
}

static bool same_group(const struct explain_group *a, const struct explain_group *b)
{
	return a->main_reasons == b->main_reasons && a->birth_type == b->birth_type &&
	       a->call_nr == b->call_nr && a->stack == b->stack && a->site == b->site;
}

static size_t hash_of(const struct explain_group *g)
{
	uint64_t h = (uint64_t)g->main_reasons * 0x9e3779b97f4a7c15ULL;

	h = (h ^ (uintptr_t)g->site ^ ((uint64_t)g->stack << 32) ^ g->call_nr ^
		    (uint64_t)g->birth_type << 24) *
	    0xbf58476d1ce4e5b9ULL;
	return (size_t)(h ^ h >> 31);
}

/* Twice as many slots as groups can be: a search always meets a free one and ends. */
static int rehash(struct counting *c, size_t slots)
{
	size_t *slot = calloc(slots, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	free(c->slot);
	c->slot = slot;
	c->slots = slots;
	for (size_t i = 0; i < c->table->count; i++) {
		size_t at = hash_of(&c->table->groups[i]) & (slots - 1);

		while (slot[at])
			at = (at + 1) & (slots - 1);
		slot[at] = i + 1;
	}
	return 0;
}

static int make_room(struct counting *c)
{
	size_t room = c->room ? c->room * 2 : 64;
	struct explain_group *groups;

	if (c->table->count < c->room)
		return 0;
	groups = realloc(c->table->groups, room * sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	c->table->groups = groups;
	c->room = room;
	return rehash(c, room * 2);
}

/* The group of @key, made if there is none. NULL: out of memory. */
static struct explain_group *group_of(struct counting *c, const struct explain_group *key)
{
	struct explain_group *groups;
	size_t at;

	if (make_room(c))
		return NULL;
	groups = c->table->groups;
	at = hash_of(key) & (c->slots - 1);
	for (; c->slot[at]; at = (at + 1) & (c->slots - 1))
		if (same_group(&groups[c->slot[at] - 1], key))
			return &groups[c->slot[at] - 1];
	groups[c->table->count] = *key;
	c->slot[at] = ++c->table->count;
	return &groups[c->table->count - 1];
}

static int count(struct counting *c, const struct explain_boundary *b)
{
	struct explain_table *t = c->table;
	struct explain_group key = key_of(b), *g = group_of(c, &key);
	uint64_t bytes = b->right->vm_end - b->right->vm_start;

	if (!g)
		return -ENOMEM;
	if (!g->areas) {
		g->left_start = b->left ? b->left->vm_start : ~0UL;
		g->start = b->right->vm_start;
		g->example = b->birth;
	}
	g->areas++;
	g->bytes += bytes;
	/*
	 * Boundaries that are there now and were born in the second half of the time; those that came and
	 * went count for nothing.
	 */
	g->young += b->birth && b->birth->time_ns >= t->begin_ns + (t->now_ns - t->begin_ns) / 2;
	t->areas++;
	t->bytes += bytes;
	t->needless += b->needless;
	return 0;
}

/* The lowest address decides among equals, so that two runs over one recording print the same. */
static int by_areas(const void *a, const void *b)
{
	const struct explain_group *g = a, *h = b;

	if (g->areas != h->areas)
		return g->areas < h->areas ? 1 : -1;
	return g->start < h->start ? -1 : g->start > h->start;
}

int explain_table(struct explain *x, struct mm_struct *mm, struct explain_table *t)
{
	struct counting c = { .table = t };
	struct vm_area_struct *left = NULL, *vma;
	int err = 0;
	VMA_ITERATOR(vmi, mm, 0);

	*t = (struct explain_table){ .begin_ns = x->begin_ns, .now_ns = x->now_ns };
	for_each_vma (vmi, vma) {
		struct explain_boundary b;

		boundary_between(left, vma, &b);
		err = count(&c, &b);
		if (err)
			break;
		left = vma;
	}
	free(c.slot);
	if (err)
		explain_table_free(t);
	else if (t->count)
		qsort(t->groups, t->count, sizeof(t->groups[0]), by_areas);
	return err;
}

void explain_table_free(struct explain_table *t)
{
	free(t->groups);
	*t = (struct explain_table){ .areas = 0 };
}

/*
 * Areas per second, from the second half alone: a program's start makes many that say nothing of how it
 * goes on. 0 as well when no time has passed.
 */
double explain_growth(const struct explain_table *t, const struct explain_group *g)
{
	double half = (double)(t->now_ns - t->begin_ns) / 2e9;

	return half > 0 ? (double)g->young / half : 0;
}
