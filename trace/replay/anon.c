/* SPDX-License-Identifier: MIT */
/*
 * Which areas share an anon_vma: the mirror beside the kernel.
 *
 * Two areas of the mirror share one exactly when two of the kernel's do.  A number of the event goes with one anon_vma
 * of the mirror, and it with that number: sorted by either, equal ones stand side by side.  Areas that lie elsewhere in
 * the mirror are the map's own disagreement, which was told.  What a mirror in doubt has is not compared: it does not
 * know who wrote first.
 *
 * Before its first map the event is no comparison: the areas of that map begin as it says, and then there is no doubt.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* One area, by one of its two properties. */
struct held {
	uint64_t start;
	uint32_t number;    /* the kernel's */
	const void *mirror; /* the mirror's; NULL: none */
};

static int by_number(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int by_mirror(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return ((uintptr_t)x->mirror > (uintptr_t)y->mirror) - ((uintptr_t)x->mirror < (uintptr_t)y->mirror);
}

/*
 * Two areas that share on one side only, of @n > 0; false: there are none. Both relations are equivalences,
 * so neighbours in an order are enough: if a class of one side is no class of the other, two neighbours of
 * that class differ there. O(n log n).
 */
static bool find_odd_pair(struct held *h, uint32_t n, struct held pair[2])
{
	for (int side = 0; side < 2; side++) {
		qsort(h, n, sizeof(*h), side ? by_mirror : by_number);
		for (uint32_t i = 1; i < n; i++) {
			bool numbers = h[i].number == h[i - 1].number,
			     mirrors = h[i].mirror == h[i - 1].mirror;

			if ((side ? mirrors : numbers) && numbers != mirrors) {
				pair[0] = h[i - 1].start < h[i].start ? h[i - 1] : h[i];
				pair[1] = h[i - 1].start < h[i].start ? h[i] : h[i - 1];
				return true;
			}
		}
	}
	return false;
}

static void side_text(struct space *s, char *buf, size_t size, const struct held pair[2], bool share)
{
	char first[512] = "", second[512] = "";
	struct vm_area_struct *vma = vma_lookup(&s->mm, pair[0].start);

	if (vma)
		vma_format(vma, first, sizeof(first));
	vma = vma_lookup(&s->mm, pair[1].start);
	if (vma)
		vma_format(vma, second, sizeof(second));
	snprintf(buf, size, "%s%s%s", first, second, share ? "share one\n" : "have one each\n");
}

/*
 * Once for a space: the mirror is not made to share as the kernel's areas do, so the same pair would be
 * told with each look.
 */
static void tell(struct replay *r, struct space *s, const struct trace_event *e, const struct held pair[2])
{
	bool kernel = pair[0].number == pair[1].number;
	char expected[1100], found[1100];

	side_text(s, expected, sizeof(expected), pair, !kernel);
	side_text(s, found, sizeof(found), pair, kernel);
	report_anon(r, s, e, "two areas share an anon_vma on one side only", expected, found);
	s->anon_differs = true;
}

/* Those that both sides have an anon_vma of; how many. @h has room for anon->count. */
static uint32_t gather(struct space *s, const struct trace_anon *anon, struct held *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < anon->count; i++) {
		const struct trace_anon_area *a = &anon->areas[i];
		struct vm_area_struct *vma = vma_lookup(&s->mm, a->start);

		/* One that the mirror has no write of: when a call meets it the map shows what follows. */
		if (!vma || vma->vm_start != a->start || !vma->anon_vma)
			continue;
		h[n++] = (struct held){ .start = a->start, .number = a->anon_vma, .mirror = vma->anon_vma };
	}
	return n;
}

int check_anon(struct replay *r, struct space *s, const struct trace_event *e)
{
	struct held *h, pair[2];
	uint32_t n;

	if (r->options.unchecked || !s->begun || s->doubt || s->order || s->lost || s->anon_differs)
		return 0;
	if (s->waited)
		return 0;
	h = calloc(e->anon.count + 1ul, sizeof(*h));
	if (!h)
		return -ENOMEM;
	r->stats.anon_checks++;
	n = gather(s, &e->anon, h);
	if (find_odd_pair(h, n, pair))
		tell(r, s, e, pair);
	free(h);
	return 0;
}

/* A second event before the map replaces the first. */
int note_sharing(struct space *s, const struct trace_anon *anon)
{
	struct trace_anon_area *copy = calloc(anon->count + 1ul, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (anon->count)
		memcpy(copy, anon->areas, anon->count * sizeof(*copy));
	forget_sharing(s);
	s->sharing = copy;
	s->nr_sharing = anon->count;
	return 0;
}

void forget_sharing(struct space *s)
{
	free(s->sharing);
	s->sharing = NULL;
	s->nr_sharing = 0;
}

/*
 * The first area of those that share its anon_vma has it made, the others are made like it; in an own one
 * (its root) nothing is of a parent. Areas come in order of addresses, so *@at only moves on; the search
 * for the first is O(n) for each.
 */
void share_as_told(struct space *s, uint64_t start, uint32_t *at, struct area_spec *spec)
{
	const struct trace_anon_area *a;

	while (*at < s->nr_sharing && s->sharing[*at].start < start)
		++*at;
	if (*at == s->nr_sharing || s->sharing[*at].start != start)
		return;
	a = &s->sharing[*at];
	spec->touched = true;
	spec->inherited = a->root != a->anon_vma;
	for (uint32_t i = 0; i < *at && !spec->anon_like; i++)
		if (s->sharing[i].anon_vma == a->anon_vma)
			spec->anon_like = vma_lookup(&s->mm, s->sharing[i].start);
}
