/* SPDX-License-Identifier: MIT */
/*
 * Sequences by chance: a few areas close together, then a few calls about them.  Each family weights a kind of call,
 * and each sequence has a seed of its own, so that it stays what it is when others are added.
 *
 * What is not made: what depends on how a kernel was built or set up (huge pages, protection keys, swap), rights that
 * machines understand differently (writing or executing without reading), and what may or may not happen (MADV_FREE).
 * No call reaches beyond the window: the kit itself lies there.
 */
#include "../tests/common/random.h"
#include "notation.h"

struct family {
	const char *name;
	unsigned char weight[CONFORM_OPS];
	unsigned int files, shared, searched, locked; /* per cent of mmap's */
	unsigned int odd;                             /* per cent of calls with something wrong */
	bool fork;
};

#define USUAL [CONFORM_MMAP] = 8, [CONFORM_MUNMAP] = 6, [CONFORM_MPROTECT] = 10, [CONFORM_WRITE] = 8

static const struct family families[] = {
	{ "map", { [CONFORM_MMAP] = 16, [CONFORM_MUNMAP] = 12, [CONFORM_WRITE] = 4 }, .shared = 10,
		.searched = 10 },
	{ "protect",
		{ [CONFORM_MMAP] = 8, [CONFORM_MUNMAP] = 4, [CONFORM_MPROTECT] = 24, [CONFORM_WRITE] = 8 },
		.files = 15, .shared = 15 },
	{ "merge",
		{ [CONFORM_MMAP] = 12, [CONFORM_MPROTECT] = 14, [CONFORM_WRITE] = 12, [CONFORM_MUNMAP] = 2 },
		.files = 3 },
	{ "search", { [CONFORM_MMAP] = 14, [CONFORM_MUNMAP] = 14, [CONFORM_MREMAP] = 4 }, .searched = 70 },
	{ "remap", { USUAL, [CONFORM_MREMAP] = 40 }, .files = 15, .shared = 15 },
	{ "advice", { USUAL, [CONFORM_MADVISE] = 30 }, .files = 15, .shared = 15 },
	{ "lock",
		{ USUAL, [CONFORM_MLOCK] = 14, [CONFORM_MUNLOCK] = 10, [CONFORM_MLOCKALL] = 2,
			[CONFORM_MUNLOCKALL] = 2, [CONFORM_MREMAP] = 8, [CONFORM_MSYNC] = 3 },
		.locked = 15 },
	{ "fork", { USUAL, [CONFORM_MADVISE] = 10, [CONFORM_MREMAP] = 6 }, .shared = 20, .fork = true },
	{ "file", { USUAL, [CONFORM_MREMAP] = 8, [CONFORM_REMAP_FILE_PAGES] = 10, [CONFORM_MADVISE] = 4 },
		.files = 80, .shared = 50 },
	{ "heap", { [CONFORM_BRK] = 20, [CONFORM_MMAP] = 2 }, .odd = 5 },
	{ "wrong",
		{ USUAL, [CONFORM_MREMAP] = 14, [CONFORM_MADVISE] = 10, [CONFORM_MLOCK] = 6,
			[CONFORM_MUNLOCK] = 4, [CONFORM_MSYNC] = 8 },
		.files = 25, .shared = 25, .odd = 70 },
};

#define PER_FAMILY 50U

struct maker {
	struct random r;
	const struct family *f;
	unsigned long page[CONFORM_MAX_CALLS], pages[CONFORM_MAX_CALLS]; /* that mmap was asked for */
	unsigned int nr_mapped;
};

static unsigned long pick(struct maker *m, unsigned long n)
{
	return random_below(&m->r, n);
}

static bool chance(struct maker *m, unsigned int percent)
{
	return pick(m, 100) < percent;
}

/* --- arguments ----------------------------------------------------------------------------------------------- */

/* Mostly even pages, so that areas meet. */
static unsigned long some_page(struct maker *m)
{
	unsigned long page = pick(m, CONFORM_PAGES - 2);

	return chance(m, 75) ? page & ~1UL : page;
}

/* That stays inside the window. */
static unsigned long some_pages(struct maker *m, unsigned long page)
{
	unsigned long most = CONFORM_PAGES - page,
		      pages = chance(m, 75) ? 2 * (1 + pick(m, 4)) : 1 + pick(m, 12);

	return pages < most ? pages : most;
}

static unsigned long some_prot(struct maker *m)
{
	static const unsigned long prots[] = { RW, RW, RW, R, R, NONE, RX };

	return prots[pick(m, sizeof(prots) / sizeof(prots[0]))];
}

static unsigned long some_advice(struct maker *m)
{
	static const unsigned long advice[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTNEED,
		MADV_DONTNEED, MADV_DONTFORK, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP,
		MADV_WIPEONFORK, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_POPULATE_READ, MADV_POPULATE_WRITE };

	return advice[pick(m, sizeof(advice) / sizeof(advice[0]))];
}

static void range(struct maker *m, struct conform_call *c)
{
	unsigned long page = some_page(m);

	c->arg[0] = W(page);
	c->arg[1] = L(some_pages(m, page));
}

static void make_mmap(struct maker *m, struct conform_call *c)
{
	const struct family *f = m->f;
	bool file = chance(m, f->files), shared = chance(m, f->shared);
	unsigned long page = some_page(m), pages = some_pages(m, page);

	c->arg[0] = W(page);
	c->arg[1] = L(pages);
	m->page[m->nr_mapped] = page;
	m->pages[m->nr_mapped++] = pages;
	c->arg[2] = some_prot(m);
	c->arg[3] = (shared ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS);
	if (file) {
		c->arg[4] = chance(m, 80) ? CONFORM_MEMFD : CONFORM_READ_ONLY;
		c->arg[5] = L(pick(m, CONFORM_FILE_PAGES));
	}
	if (chance(m, f->searched))
		c->arg[0] = chance(m, 70) ? 0 : c->arg[0];
	else
		c->arg[3] |= chance(m, 85) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (chance(m, f->locked))
		c->arg[3] |= MAP_LOCKED;
	if (!file && !shared && chance(m, 4))
		c->arg[3] |= MAP_NORESERVE;
}

static void make_mremap(struct maker *m, struct conform_call *c)
{
	static const unsigned long flags[] = { 0, 0, MOVE_TO, MOVE_TO, MOVE_TO, MOVE_TO, MOVE_TO | LEAVE };
	unsigned long page = some_page(m), to = some_page(m);
	unsigned long from_pages = some_pages(m, page), to_pages = some_pages(m, to);

	/* Mostly one area, or its end. */
	if (m->nr_mapped && chance(m, 80)) {
		unsigned long i = pick(m, m->nr_mapped), skipped = chance(m, 60) ? 0 : pick(m, m->pages[i]);

		page = m->page[i] + skipped;
		from_pages = m->pages[i] - skipped;
	}
	/* Never onto the fence. */
	if (chance(m, 50))
		from_pages = to_pages = from_pages < to_pages ? from_pages : to_pages;
	c->arg[0] = W(page);
	c->arg[1] = L(from_pages);
	c->arg[2] = L(to_pages);
	c->arg[3] = chance(m, m->f->searched) ? MOVE : flags[pick(m, sizeof(flags) / sizeof(flags[0]))];
	c->arg[4] = W(to);
	if (chance(m, 5))
		c->arg[1] = 0;
}

static void make_arguments(struct maker *m, struct conform_call *c)
{
	range(m, c);
	switch (c->op) {
	case CONFORM_MMAP:
		make_mmap(m, c);
		break;
	case CONFORM_MPROTECT:
		c->arg[2] = some_prot(m);
		break;
	case CONFORM_MREMAP:
		make_mremap(m, c);
		break;
	case CONFORM_MADVISE:
		c->arg[2] = some_advice(m);
		break;
	case CONFORM_MSYNC:
		c->arg[2] = pick(m, 4) | (chance(m, 30) ? MS_SYNC : 0);
		break;
	case CONFORM_MLOCK:
		c->arg[2] = pick(m, 2);
		break;
	case CONFORM_MLOCKALL:
		c->arg[0] = MCL_FUTURE | (chance(m, 40) ? MCL_ONFAULT : 0);
		break;
	case CONFORM_BRK:
		c->arg[0] = CONFORM_ARG(CONFORM_HEAP, pick(m, 12), chance(m, 30) ? pick(m, 4095) : 0);
		break;
	case CONFORM_REMAP_FILE_PAGES:
		c->arg[2] = chance(m, 10) ? R : 0;
		c->arg[3] = pick(m, CONFORM_FILE_PAGES);
		break;
	default:
		break;
	}
}

/* Something that is to be refused, mostly. */
static void make_odd(struct maker *m, struct conform_call *c)
{
	static const unsigned long lengths[] = { 0, ~0UL, ~0UL - 4095 };
	static const unsigned long files[] = { CONFORM_MEMFD, CONFORM_READ_ONLY, CONFORM_CLOSED };

	switch (pick(m, 4)) {
	case 0:
		c->arg[0] = CONFORM_ARG(CONFORM_WINDOW, some_page(m), 1 + pick(m, 4095));
		break;
	case 1:
		c->arg[1] = lengths[pick(m, sizeof(lengths) / sizeof(lengths[0]))];
		break;
	case 2:
		if (c->op == CONFORM_MMAP)
			c->arg[5] = chance(m, 50) ? 100 : 1UL << 59;
		else if (c->op == CONFORM_MREMAP)
			c->arg[3] = pick(m, 16);
		else
			c->arg[2] = 64;
		break;
	default:
		if (c->op == CONFORM_MMAP)
			c->arg[4] = files[pick(m, sizeof(files) / sizeof(files[0]))];
		else if (c->op == CONFORM_MREMAP)
			c->arg[2] = lengths[pick(m, sizeof(lengths) / sizeof(lengths[0]))];
		break;
	}
}

/* --- sequences ----------------------------------------------------------------------------------------------- */

static enum conform_op some_op(struct maker *m)
{
	unsigned int sum = 0, at, op = 0;

	for (unsigned int i = 0; i < CONFORM_OPS; i++)
		sum += m->f->weight[i];
	at = (unsigned int)pick(m, sum);
	while (at >= m->f->weight[op])
		at -= m->f->weight[op++];
	return (enum conform_op)op;
}

static struct conform_call make_call(struct maker *m, enum conform_op op)
{
	struct conform_call c = { .op = op };

	make_arguments(m, &c);
	if (chance(m, m->f->odd))
		make_odd(m, &c);
	return c;
}

const char *conform_generate(
	unsigned int family, unsigned int number, struct conform_call *call, unsigned int *nr)
{
	struct maker m = { .r = { family * 1000003UL + number } };
	unsigned int length;

	if (family >= sizeof(families) / sizeof(families[0]) || number >= PER_FAMILY)
		return NULL;
	m.f = &families[family];
	length = 4 + (unsigned int)pick(&m, 4);
	*nr = 0;
	for (unsigned int i = 0; i < length; i++) {
		bool map = i < 2 && m.f->weight[CONFORM_BRK] == 0;

		if (m.f->fork && i == 3)
			call[(*nr)++] = (struct conform_call)FORK;
		call[(*nr)++] = make_call(&m, map ? CONFORM_MMAP : some_op(&m));
	}
	if (m.f->fork) {
		call[(*nr)++] = (struct conform_call)EXIT;
		call[(*nr)++] = make_call(&m, some_op(&m));
	}
	return m.f->name;
}
