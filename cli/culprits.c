/* SPDX-License-Identifier: MIT */
/*
 * Groups of a table by who made them: sorted by reasons and text, equal ones joined, then sorted by
 * areas.
 *
 * A table of the ledger has a group for each call stack; people think in places. Stacks that blame the
 * same place for the same reasons become one line here, with the stack of the largest of them as its
 * example.
 *
 * Cost: one name for each group (which may open a program file), then O(n log n).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "culprits.h"

/*
 * Equal ones with most areas first: join_equal() keeps the first, whose stack and example are shown for
 * all.
 */
static int by_maker(const void *a, const void *b)
{
	const struct culprit *c = a, *d = b;
	int text;

	if (c->group.main_reasons != d->group.main_reasons)
		return c->group.main_reasons < d->group.main_reasons ? -1 : 1;
	text = strcmp(c->made_by, d->made_by);
	if (text)
		return text;
	return (c->group.areas < d->group.areas) - (c->group.areas > d->group.areas);
}

/* The start decides between equal ones, so that the order is the same on every run. */
static int by_areas(const void *a, const void *b)
{
	const struct explain_group *g = &((const struct culprit *)a)->group;
	const struct explain_group *h = &((const struct culprit *)b)->group;

	if (g->areas != h->areas)
		return g->areas < h->areas ? 1 : -1;
	return g->start < h->start ? -1 : g->start > h->start;
}

/* A tie is broken by the reasons, which are different in each sum: the same order on every run. */
static int sums_by_areas(const void *a, const void *b)
{
	const struct reason_sum *r = a, *s = b;

	if (r->areas != s->areas)
		return r->areas < s->areas ? 1 : -1;
	return r->main_reasons < s->main_reasons ? -1 : 1;
}

/*
 * Equal neighbours into the first of them, which is the largest. The text of each that is joined is
 * freed, and its place in the list is behind count: culprits_free() does not see it again. needless is a
 * matter of the reasons' places and is the first one's.
 */
static void join_equal(struct culprits *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct culprit *last = kept ? &c->list[kept - 1] : NULL, *this = &c->list[i];

		if (!last || last->group.main_reasons != this->group.main_reasons ||
			strcmp(last->made_by, this->made_by) != 0) {
			c->list[kept++] = *this;
			continue;
		}
		last->group.areas += this->group.areas;
		last->group.bytes += this->group.bytes;
		last->group.young += this->group.young;
		last->stacks += this->stacks;
		free(this->made_by);
	}
	c->count = kept;
}

/*
 * They are sorted by reasons (by_maker()), so that equal sets are neighbours; before by_areas() makes it
 * otherwise. Room for one sum a group was made, and there are never more.
 */
static void sum_up(struct culprits *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct explain_group *g = &c->list[i].group;

		if (!c->nr_sums || c->sums[c->nr_sums - 1].main_reasons != g->main_reasons)
			c->sums[c->nr_sums++] = (struct reason_sum){ .main_reasons = g->main_reasons };
		c->sums[c->nr_sums - 1].areas += g->areas;
		c->sums[c->nr_sums - 1].bytes += g->bytes;
		c->sums[c->nr_sums - 1].young += g->young;
	}
}

/*
 * @t's groups are copied, what they point to is not: sites and example events stay the ledger's. An error
 * leaves *@c empty. A name that could not be found for want of memory is no error here;
 * names_lacked_memory() tells.
 */
int culprits_of(const struct explain_table *t, const struct code *code, struct culprits *c)
{
	char text[512];

	/* One more than there are: calloc(0) may be NULL, which would look like no memory. */
	*c = (struct culprits){ .list = calloc(t->count + 1, sizeof(*c->list)),
		.sums = calloc(t->count + 1, sizeof(*c->sums)) };
	for (size_t i = 0; c->list && c->sums && i < t->count; i++) {
		struct culprit *culprit = &c->list[i];

		culprit->group = t->groups[i];
		culprit->stacks = t->groups[i].stack != 0;
		culprit->made_by = strdup(made_by_group(code, &t->groups[i], text, sizeof(text)));
		if (!culprit->made_by)
			break;
		c->count++;
	}
	if (!c->list || !c->sums || c->count < t->count) {
		culprits_free(c);
		return -ENOMEM;
	}
	qsort(c->list, c->count, sizeof(*c->list), by_maker);
	join_equal(c);
	sum_up(c);
	qsort(c->list, c->count, sizeof(*c->list), by_areas);
	qsort(c->sums, c->nr_sums, sizeof(*c->sums), sums_by_areas);
	return 0;
}

/* Also of a zeroed one, and again. */
void culprits_free(struct culprits *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->list[i].made_by);
	free(c->list);
	free(c->sums);
	*c = (struct culprits){ .count = 0 };
}
