/* SPDX-License-Identifier: MIT */
/*
 * What FEX keeps of a guest's mappings, on a range map: each has a place in a resource (a file by device and inode, or
 * a segment of shared memory), and each resource knows its mappings, so that translated code is thrown away wherever a
 * file is mapped once it is written.
 *
 * A mapping is the payload of a range. Cuts, merges and ends come as callbacks, and keep the lists of the resources
 * right: no call has to think of them. Everything is compared with an array of pages after each call. With a file of
 * tools/tracker-calls the calls are those of a recorded program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/range_map.h>

#include "tracker_calls.h"

#define PAGES     1024UL
#define RESOURCES 6UL
#define CALLS     60000UL

struct resource {
	uint64_t dev, ino;
	struct mapping *mappings;
};

struct mapping {
	struct resource *resource;
	uint64_t offset; /* of its first page, in pages */
	uint64_t first;  /* where that is: a payload never moves */
	struct mapping *next, **link;
};

struct tracker {
	struct range_map map; /* pages; bits are rights */
	struct resource *resources;
	unsigned long nr_resources;
};

static struct mapping *mapping_new(struct resource *resource, uint64_t first, uint64_t offset)
{
	struct mapping *mapping = malloc(sizeof(*mapping));

	if (!mapping)
		return NULL;
	*mapping = (struct mapping){ resource, offset, first, resource->mappings, &resource->mappings };
	if (mapping->next)
		mapping->next->link = &mapping->next;
	resource->mappings = mapping;
	return mapping;
}

static void mapping_end(struct mapping *mapping)
{
	*mapping->link = mapping->next;
	if (mapping->next)
		mapping->next->link = mapping->link;
	free(mapping);
}

static int on_split(void *ctx, const struct range_map_range *whole, uint64_t at, void **right)
{
	const struct mapping *mapping = whole->value;

	(void)ctx;
	*right = mapping_new(mapping->resource, at, mapping->offset + (at - whole->first));
	return *right ? 0 : -ENOMEM;
}

static bool may_merge(void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	const struct mapping *a = left->value, *b = right->value;

	(void)ctx;
	return left->bits == right->bits && a->resource == b->resource &&
	       a->offset + (right->first - left->first) == b->offset;
}

static void on_merge(void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	(void)ctx;
	(void)left;
	mapping_end(right->value);
}

static void on_free(void *ctx, const struct range_map_range *range)
{
	(void)ctx;
	mapping_end(range->value);
}

static const struct range_map_ops ops = {
	.split = on_split, .may_merge = may_merge, .merge = on_merge, .free = on_free
};

/* mmap */
static int track(struct tracker *t, uint64_t first, uint64_t last, uint64_t prot, struct resource *resource,
	uint64_t offset)
{
	struct mapping *mapping = mapping_new(resource, first, offset);
	int err = mapping ? range_map_set(&t->map, first, last, mapping, prot) : -ENOMEM;

	if (err && mapping)
		mapping_end(mapping);
	return err;
}

/* munmap */
static int delete (struct tracker *t, uint64_t first, uint64_t last)
{
	return range_map_erase(&t->map, first, last);
}

/* mprotect */
static int change_prot(struct tracker *t, uint64_t first, uint64_t last, uint64_t prot)
{
	return range_map_update(&t->map, first, last, prot, 7);
}

/* shmdt: the mapping that begins here, with all that was cut from it. @return how many pages went. */
static uint64_t delete_segment(struct tracker *t, uint64_t first)
{
	struct range_map_range range;
	struct resource *resource;
	uint64_t at = first, offset;

	if (!range_map_find(&t->map, first, &range))
		return 0;
	resource = ((struct mapping *)range.value)->resource;
	offset = ((struct mapping *)range.value)->offset + (first - range.first);
	while (range_map_find(&t->map, at, &range)) {
		const struct mapping *mapping = range.value;

		if (mapping->resource != resource ||
			mapping->offset + (at - range.first) != offset + (at - first))
			break;
		at = range.last + 1;
	}
	return at > first && !delete (t, first, at - 1) ? at - first : 0;
}

/* A part of a file was written: mark the pages that show it. */
static void invalidate(
	struct tracker *t, uint64_t dev, uint64_t ino, uint64_t offset, uint64_t pages, bool *stale)
{
	for (unsigned long i = 0; i < t->nr_resources; i++) {
		const struct resource *resource = &t->resources[i];

		if (resource->dev != dev || resource->ino != ino)
			continue;
		for (const struct mapping *m = resource->mappings; m; m = m->next) {
			struct range_map_range range;

			if (!range_map_find(&t->map, m->first, &range))
				exit(1);
			for (uint64_t page = range.first; page <= range.last; page++)
				if (m->offset + (page - range.first) - offset < pages)
					stale[page] = true;
		}
	}
}

/* --- the comparison ------------------------------------------------------------------------------------------ */

static struct tracker tracker;
static struct {
	struct resource *resource;
	uint64_t offset, prot;
} * pages;
static unsigned long nr_pages = PAGES;
static bool *stale; /* for each page */

static uint64_t pick(uint64_t below)
{
	static uint64_t state = 11;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

static int model_track(
	uint64_t first, uint64_t last, uint64_t prot, struct resource *resource, uint64_t offset)
{
	for (uint64_t i = first; i <= last; i++) {
		pages[i].resource = resource;
		pages[i].offset = offset + (i - first);
		pages[i].prot = prot;
	}
	return track(&tracker, first, last, prot, resource, offset);
}

static int model_delete(uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		pages[i].resource = NULL;
	return delete (&tracker, first, last);
}

static int model_change_prot(uint64_t first, uint64_t last, uint64_t prot)
{
	for (uint64_t i = first; i <= last; i++)
		pages[i].prot = prot;
	return change_prot(&tracker, first, last, prot);
}

static int model_delete_segment(uint64_t first)
{
	uint64_t gone = 0;

	while (first + gone < nr_pages && pages[first].resource &&
		pages[first + gone].resource == pages[first].resource &&
		pages[first + gone].offset == pages[first].offset + gone)
		gone++;
	for (uint64_t i = first; i < first + gone; i++)
		pages[i].resource = NULL;
	return delete_segment(&tracker, first) == gone ? 0 : -EINVAL;
}

static int some_call(void)
{
	uint64_t first = pick(PAGES - 40), last = first + pick(40), prot = pick(8), offset = pick(200);
	struct resource *resource = &tracker.resources[pick(RESOURCES)];

	switch (pick(5)) {
	case 0:
	case 1:
		return model_track(first, last, prot, resource, offset);
	case 2:
		return model_delete(first, last);
	case 3:
		return model_change_prot(first, last, prot);
	default:
		return model_delete_segment(first);
	}
}

static int recorded_call(const struct tracker_call *call)
{
	switch (call->kind) {
	case TRACKER_SET:
		return model_track(call->first, call->last, call->bits & 7,
			&tracker.resources[call->resource], call->offset);
	case TRACKER_ERASE:
		return model_delete(call->first, call->last);
	case TRACKER_PROTECT:
		return model_change_prot(call->first, call->last, call->bits & 7);
	default:
		return 0;
	}
}

static bool page_is_alike(uint64_t page)
{
	const struct mapping *mapping;
	struct range_map_range range;

	if (range_map_find(&tracker.map, page, &range) != (pages[page].resource != NULL))
		return false;
	if (!pages[page].resource)
		return true;
	mapping = range.value;
	return mapping->resource == pages[page].resource && range.bits == pages[page].prot &&
	       mapping->offset + (page - range.first) == pages[page].offset;
}

/* Where is this part of the resource mapped? */
static bool resource_is_alike(const struct resource *resource, uint64_t offset, uint64_t nr)
{
	memset(stale, 0, nr_pages * sizeof(*stale));
	invalidate(&tracker, resource->dev, resource->ino, offset, nr, stale);
	for (uint64_t i = 0; i < nr_pages; i++)
		if (stale[i] != (pages[i].resource == resource && pages[i].offset - offset < nr))
			return false;
	return true;
}

static bool some_random_calls(void)
{
	for (unsigned long i = 0; i < CALLS; i++)
		if (some_call() || !page_is_alike(pick(PAGES)) ||
			!resource_is_alike(&tracker.resources[pick(RESOURCES)], pick(200), 1 + pick(20))) {
			printf("call %lu: another answer than the array's\n", i);
			return false;
		}
	return true;
}

static bool follow(const struct tracker_calls *all)
{
	for (size_t i = 0; i < all->nr; i++) {
		const struct tracker_call *call = &all->calls[i];

		if (recorded_call(call) || !page_is_alike(call->first) || !page_is_alike(call->last) ||
			!page_is_alike(pick(nr_pages)) ||
			!resource_is_alike(&tracker.resources[call->resource], call->offset,
				call->last - call->first + 1)) {
			printf("call %zu: another answer than the array's\n", i);
			return false;
		}
	}
	return true;
}

static bool begin(void)
{
	tracker.resources = calloc(tracker.nr_resources, sizeof(*tracker.resources));
	pages = calloc(nr_pages, sizeof(*pages));
	stale = calloc(nr_pages, sizeof(*stale));
	if (!tracker.resources || !pages || !stale)
		return false;
	for (unsigned long i = 0; i < tracker.nr_resources; i++)
		tracker.resources[i] = (struct resource){ 0x801, 100 + i, NULL };
	range_map_init(&tracker.map, &ops, NULL);
	return true;
}

int main(int argc, char **argv)
{
	struct tracker_calls all = { 0 };
	unsigned long left = 0;
	bool right;

	if (argc > 1 && tracker_calls_read(&all, argv[1]))
		return 2;
	tracker.nr_resources = argc > 1 ? all.resources : RESOURCES;
	if (argc > 1)
		nr_pages = all.pages;
	if (!begin())
		return 1;
	right = argc > 1 ? follow(&all) : some_random_calls();
	if (right)
		printf("%lu calls, %lu mappings now: all answers as an array's of pages\n",
			argc > 1 ? (unsigned long)all.nr : CALLS,
			(unsigned long)range_map_count(&tracker.map).ranges);
	range_map_destroy(&tracker.map);
	for (unsigned long i = 0; i < tracker.nr_resources; i++)
		left += tracker.resources[i].mappings != NULL;
	free(tracker.resources);
	free(pages);
	free(stale);
	free(all.calls);
	return !right || left != 0;
}
