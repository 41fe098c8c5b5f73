/* SPDX-License-Identifier: MIT */
/*
 * Random sequences that tell something: calls begin and end at few places, so that areas meet again and again.  What is
 * not made, and why, is listed in docs/coverage.md: anonymous names first of all, which no kernel within reach is built
 * with.
 *
 * 1. Few places.  All addresses are in a window of min_pages to max_pages, drawn for each sequence, and most of them on
 *    a grid of 1 to 4 pages, or of parts of a huge page: two calls out of a few then name the same bounds, or adjoining
 *    ones.
 * 2. One sequence is of one mix (mixes.c), which weights the kinds of calls; what one argument is drawn from is in
 *    arguments.c.
 * 3. The same seed and mix give the same sequence on one machine: nothing is drawn but from the random numbers that are
 *    passed in, and nothing depends on what the kernel answered.  So a sequence is made as a whole before its first
 *    call.
 */
#include <sys/mman.h>

#include "maker.h"
#include "uapi.h"

/* By weight. The sum is not 0: COMMON is in every mix. */
static enum call_kind some_kind(struct maker *m)
{
	unsigned int sum = 0, at, kind = 0;

	for (int i = 0; i < CALL_KINDS; i++)
		sum += m->p->weight[i];
	at = (unsigned int)pick(m, sum);
	while (at >= m->p->weight[kind])
		at -= m->p->weight[kind++];
	return (enum call_kind)kind;
}

static void add(struct sequence *s, struct call c)
{
	s->call[s->nr++] = c;
}

/*
 * Calls that only a first one can be: a capability is given up once, a heap begins at one place, and what
 * fills the map counts what is mapped then. As long as CAP_SYS_RAWIO is held, mmap below mmap_min_addr is
 * allowed (cap_mmap_addr()).
 */
static void begin(struct maker *m, struct sequence *s)
{
	if (m->p->limits && chance(m, 60))
		add(s, (struct call){ CALL_DROP_LOCK, { 0 } });
	if (chance(m, 15))
		add(s, (struct call){ CALL_DROP_RAWIO, { 0 } });
	if (m->p->heap)
		add(s, (struct call){
			       CALL_BREAK_AT, { WINDOW + pick(m, m->pages) * PAGE + pick(m, 2) * 16 } });
	if (m->p->room)
		add(s, (struct call){ CALL_ROOM, { 3 + pick(m, 12) } });
}

/*
 * A read maps a huge page only where no page table is yet, and those outlive mappings: among huge pages it is told by
 * the first touch alone what a read does.
 */
static bool may_read(const struct maker *m, const struct sequence *s)
{
	if (!m->p->huge)
		return true;
	for (unsigned int i = 0; i < s->nr; i++) {
		const struct call *c = &s->call[i];

		if (c->kind == CALL_MMAP && !(c->arg[3] & (MAP_POPULATE | MAP_LOCKED)))
			continue;
		if (c->kind != CALL_MADVISE || c->arg[2] != MADV_HUGEPAGE)
			return false;
	}
	return true;
}

bool generate(struct sequence *s, struct random *r, unsigned int nr, const char *mix)
{
	struct maker m = { .r = r, .p = find_mix(r, mix) };
	unsigned long scale = 1;

	s->nr = 0;
	if (!m.p)
		return false;
	/* Filling the map takes as long as thousands of calls. */
	while (!mix && m.p->room && pick(&m, 40))
		m.p = find_mix(r, NULL);
	if (m.p->room)
		nr = nr * 4 < MAX_CALLS ? nr * 4 : MAX_CALLS;
	m.pages = m.p->min_pages + pick(&m, m.p->max_pages - m.p->min_pages + 1);
	/* The window of the mixes about huge pages has a little less than two of 2 MiB. */
	if (m.p->huge || m.p->hugetlb)
		scale = HUGE_PAGE / PAGE / 512;
	m.pages *= scale;
	m.grid = m.p->hugetlb ? 256UL << pick(&m, 2) : m.p->huge ? 64UL << pick(&m, 3) : 1 + pick(&m, 4);
	m.grid *= scale;
	/* One of both for a whole sequence: see struct maker. */
	m.guards = m.p->unserved || chance(&m, 30);
	/* MADV_POPULATE_WRITE and MADV_WILLNEED walk pages as locking does. */
	m.locks = m.p->locked || m.p->weight[CALL_MLOCK] || m.p->weight[CALL_MADVISE];
	begin(&m, s);
	while (s->nr < nr) {
		struct call c = { .kind = some_kind(&m) };

		make_arguments(&m, &c);
		if (c.kind == CALL_WRITE && may_read(&m, s) && chance(&m, m.p->huge ? 60 : 10))
			c.kind = CALL_READ;
		add(s, c);
	}
	return true;
}
