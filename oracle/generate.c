/* SPDX-License-Identifier: MIT */
/*
 * Random sequences that tell something: calls begin and end at few places, so that areas meet again and again;
 * each mix weights a family of calls and its rare paths.  What is not made, and why, is listed in docs/coverage.md:
 * anonymous names first of all, which no kernel within reach is built with.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "../tests/common/random.h"
#include "oracle.h"
#include "uapi.h"

/* Weights per call kind; how often, in percent, something special is asked for. */
struct mix {
	const char *name;
	unsigned int weight[CALL_KINDS];
	unsigned int files, shared, odd, placed, exec, grows, locked;
	unsigned int min_pages, max_pages;
	bool limits, heap, room;
	unsigned int hugetlb;
	bool huge;     /* huge pages fit */
	bool unserved; /* a userfaultfd may be there, and nobody to serve it: as with guard pages */
};

#define COMMON [CALL_MMAP] = 28, [CALL_MUNMAP] = 10, [CALL_MPROTECT] = 22, [CALL_WRITE] = 16

static const struct mix mixes[] = {
	{ "merge", { COMMON }, .files = 3, .shared = 2, .odd = 1, .min_pages = 6, .max_pages = 40 },
	{ "files", { COMMON, [CALL_MREMAP] = 8, [CALL_MADVISE] = 6, [CALL_SHMAT] = 4, [CALL_SHMDT] = 2 },
		.files = 70, .shared = 30, .odd = 2, .placed = 2, .exec = 10, .min_pages = 8,
		.max_pages = 48 },
	{ "remap", { COMMON, [CALL_MREMAP] = 40, [CALL_MLOCK] = 2, [CALL_MADVISE] = 3 }, .files = 15,
		.shared = 15, .odd = 3, .placed = 2, .grows = 2, .locked = 3, .min_pages = 8,
		.max_pages = 64 },
	{ "advice",
		{ COMMON, [CALL_MADVISE] = 50, [CALL_MLOCK] = 3, [CALL_MUNLOCK] = 2, [CALL_MSEAL] = 1,
			[CALL_FORK] = 1, [CALL_EXIT] = 1 },
		.files = 15, .shared = 15, .odd = 3, .grows = 2, .min_pages = 8, .max_pages = 48 },
	{ "lock",
		{ COMMON, [CALL_MLOCK] = 14, [CALL_MUNLOCK] = 10, [CALL_MLOCKALL] = 1, [CALL_MUNLOCKALL] = 1,
			[CALL_MREMAP] = 12, [CALL_LIMIT] = 2, [CALL_BRK] = 3 },
		.files = 10, .shared = 10, .odd = 2, .placed = 1, .grows = 3, .locked = 10, .min_pages = 8,
		.max_pages = 64, .limits = true, .heap = true },
	{ "limits",
		{ COMMON, [CALL_MREMAP] = 12, [CALL_MLOCK] = 4, [CALL_MUNLOCK] = 3, [CALL_LIMIT] = 6,
			[CALL_BRK] = 8, [CALL_MADVISE] = 3 },
		.files = 10, .shared = 10, .odd = 2, .placed = 2, .grows = 6, .locked = 4, .min_pages = 8,
		.max_pages = 64, .limits = true, .heap = true },
	{ "fork",
		{ COMMON, [CALL_FORK] = 3, [CALL_EXIT] = 3, [CALL_SPAWN] = 2, [CALL_REAP] = 1,
			[CALL_MADVISE] = 8, [CALL_MREMAP] = 8, [CALL_MLOCK] = 2 },
		.files = 8, .shared = 5, .odd = 1, .grows = 1, .min_pages = 6, .max_pages = 32 },
	{ "seal", { COMMON, [CALL_MSEAL] = 4, [CALL_MREMAP] = 10, [CALL_MADVISE] = 14 }, .files = 20,
		.shared = 10, .odd = 2, .grows = 2, .min_pages = 16, .max_pages = 96 },
	{ "heap", { COMMON, [CALL_BRK] = 35, [CALL_MLOCK] = 2, [CALL_LIMIT] = 1 }, .odd = 1, .grows = 3,
		.min_pages = 8, .max_pages = 40, .heap = true },
	{ "stack", { COMMON, [CALL_LIMIT] = 1, [CALL_MREMAP] = 6, [CALL_MADVISE] = 3 }, .odd = 2, .grows = 45,
		.locked = 3, .min_pages = 300, .max_pages = 900, .limits = true },
	{ "place", { COMMON, [CALL_MREMAP] = 12 }, .files = 25, .shared = 10, .odd = 5, .placed = 50,
		.grows = 3, .min_pages = 16, .max_pages = 96 },
	{ "keys",
		{ COMMON, [CALL_PKEY] = 12, [CALL_PKEY_ALLOC] = 3, [CALL_PKEY_FREE] = 1, [CALL_READ] = 8, [CALL_PERSONA] = 1, [CALL_MADVISE] = 6,
			[CALL_MLOCK] = 4, [CALL_MDWE] = 1, [CALL_MREMAP] = 4, [CALL_FORK] = 1,
			[CALL_EXIT] = 1 },
		.files = 20, .shared = 10, .odd = 3, .exec = 60, .locked = 5, .min_pages = 8,
		.max_pages = 48 },
	{ "room",
		{ COMMON, [CALL_MREMAP] = 14, [CALL_MADVISE] = 10, [CALL_MLOCK] = 4, [CALL_MUNLOCK] = 3,
			[CALL_BRK] = 4, [CALL_MSEAL] = 1 },
		.files = 10, .shared = 8, .odd = 1, .grows = 2, .min_pages = 12, .max_pages = 64,
		.heap = true, .room = true },
	{ "uffd",
		{ COMMON, [CALL_UFFD] = 24, [CALL_MREMAP] = 12, [CALL_MADVISE] = 8, [CALL_SHMAT] = 2,
			[CALL_BRK] = 4, [CALL_MSEAL] = 1, [CALL_FORK] = 1, [CALL_EXIT] = 1 },
		.files = 20, .shared = 20, .odd = 2, .grows = 2, .min_pages = 8, .max_pages = 48,
		.heap = true, .unserved = true },
	{ "nonlinear",
		{ COMMON, [CALL_REMAP_FILE_PAGES] = 30, [CALL_MREMAP] = 6, [CALL_MLOCK] = 4,
			[CALL_MUNLOCK] = 3, [CALL_SHMAT] = 4, [CALL_SHMDT] = 2, [CALL_MSEAL] = 1,
			[CALL_LIMIT] = 1 },
		.files = 60, .shared = 60, .odd = 2, .exec = 10, .locked = 5, .min_pages = 8, .max_pages = 48,
		.limits = true },
	{ "policy",
		{ COMMON, [CALL_MBIND] = 30, [CALL_MREMAP] = 10, [CALL_MADVISE] = 5, [CALL_FORK] = 1,
			[CALL_EXIT] = 1 },
		.files = 15, .shared = 15, .odd = 2, .min_pages = 8, .max_pages = 48 },
	{ "huge", { COMMON, [CALL_MADVISE] = 30, [CALL_MREMAP] = 10, [CALL_MLOCK] = 6, [CALL_MUNLOCK] = 6 },
		.files = 8, .shared = 8, .locked = 3, .grows = 1, .min_pages = 600, .max_pages = 1000,
		.huge = true },
	{ "hugetlb", { COMMON, [CALL_MREMAP] = 20, [CALL_MSEAL] = 1, [CALL_FORK] = 1, [CALL_EXIT] = 1 },
		.files = 5, .shared = 20, .odd = 2, .placed = 8, .exec = 5, .min_pages = 900,
		.max_pages = 1000, .hugetlb = 40 },
	{ "all",
		{ COMMON, [CALL_PKEY] = 1, [CALL_MREMAP] = 14, [CALL_MADVISE] = 14, [CALL_MLOCK] = 4,
			[CALL_MUNLOCK] = 3, [CALL_MLOCKALL] = 1, [CALL_MUNLOCKALL] = 1, [CALL_MSEAL] = 1,
			[CALL_BRK] = 4, [CALL_SHMAT] = 2, [CALL_SHMDT] = 1, [CALL_MBIND] = 1, [CALL_FORK] = 1,
			[CALL_EXIT] = 1, [CALL_SPAWN] = 1, [CALL_REAP] = 1, [CALL_LIMIT] = 2,
			[CALL_PERSONA] = 1 },
		.files = 20, .shared = 12, .odd = 3, .placed = 3, .exec = 8, .grows = 5, .locked = 4,
		.min_pages = 12, .max_pages = 96, .limits = true, .heap = true },
};
#define MIXES (sizeof(mixes) / sizeof(mixes[0]))

struct maker {
	struct random *r;
	const struct mix *p;
	unsigned long pages, grid;
	unsigned int nr_locks; /* mlockall() takes its time */
	/*
	 * Guard pages are contents, of which the engine knows nothing: where they are installed, nothing is faulted in
	 * by calls.
	 */
	bool guards;
	bool locks; /* what is mapped may be faulted in: no terabytes */
};

static unsigned long pick(struct maker *m, unsigned long n)
{
	return random_below(m->r, n);
}

static bool chance(struct maker *m, unsigned int percent)
{
	return pick(m, 100) < percent;
}

/* Mostly on the grid. */
static unsigned long some_page(struct maker *m)
{
	unsigned long page = pick(m, m->pages);

	return chance(m, 70) ? page - page % m->grid : page;
}

static unsigned long some_addr(struct maker *m)
{
	unsigned long addr = WINDOW + some_page(m) * PAGE;

	return chance(m, m->p->odd) ? addr + pick(m, PAGE) : addr;
}

static unsigned long some_len(struct maker *m)
{
	unsigned long pages = chance(m, 70) ? m->grid * (1 + pick(m, 3)) : 1 + pick(m, m->pages / 2 + 1);

	if (chance(m, m->p->odd)) {
		static const unsigned long odd[] = { 0, 1, ~0UL, ~0UL - PAGE, 1UL << 47, 1UL << 46,
			PAGE - 1 };

		pages = odd[pick(m, 7)];
		return pages > MARGIN && m->locks ? ~0UL : pages;
	}
	return pages * PAGE - (chance(m, m->p->odd) ? pick(m, PAGE) : 0);
}

static unsigned long some_prot(struct maker *m)
{
	static const unsigned long plain[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE, PROT_READ | PROT_WRITE, PROT_WRITE };
	static const unsigned long exec[] = { PROT_EXEC, PROT_EXEC, PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC };

	return chance(m, m->p->exec) ? exec[pick(m, 5)] : plain[pick(m, 6)];
}

static unsigned long map_extras(struct maker *m)
{
	static const unsigned long extras[] = { MAP_NORESERVE, MAP_STACK, MAP_POPULATE, MAP_DENYWRITE,
		MAP_EXECUTABLE, MAP_POPULATE | MAP_NONBLOCK, MAP_SYNC, 0x40 /* MAP_32BIT */, MAP_ABOVE4G };
	unsigned long flags = 0;

	if (chance(m, m->p->grows))
		flags |= MAP_GROWSDOWN;
	if (chance(m, m->p->locked) && !m->guards)
		flags |= MAP_LOCKED;
	if (chance(m, 6))
		flags |= extras[pick(m, sizeof(extras) / sizeof(extras[0]))];
	return flags;
}

static void make_file_mapping(struct maker *m, struct call *c)
{
	static const unsigned long files[] = { FILE_RW, FILE_RW, FILE_RW, FILE_RO, FILE_MEMFD, FILE_MEMFD,
		FILE_WO, FILE_ZERO, FILE_NOEXEC };

	c->arg[4] = files[pick(m, 9)];
	c->arg[3] |= chance(m, 50) ? MAP_PRIVATE : chance(m, 50) ? MAP_SHARED : 3;
	/* Where address and offset agree, neighbours can merge. */
	c->arg[5] = ((c->arg[0] - WINDOW) & ~(PAGE - 1)) % (FILE_PAGES * PAGE);
	if (chance(m, 15))
		c->arg[5] = pick(m, 64) * PAGE;
	if (chance(m, m->p->odd))
		c->arg[5] = chance(m, 50) ? ~0UL << 12 : c->arg[5] + 7;
	if (chance(m, m->p->odd))
		c->arg[3] &= ~15UL;
}

static void make_mmap(struct maker *m, struct call *c)
{
	c->arg[0] = some_addr(m);
	c->arg[1] = some_len(m);
	c->arg[2] = some_prot(m);
	c->arg[3] = map_extras(m);
	if (!chance(m, m->p->placed + 2))
		c->arg[3] |= chance(m, 85) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	else if (chance(m, 50))
		c->arg[0] = chance(m, 20) ? pick(m, 32) * PAGE : 0; /* around mmap_min_addr, too */
	if (!(c->arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && chance(m, 15))
		c->arg[1] = (1 + pick(m, 3)) << 21;
	if (c->arg[1] > MARGIN)
		c->arg[3] &= ~(unsigned long)MAP_POPULATE;
	if (chance(m, m->p->files)) {
		make_file_mapping(m, c);
		return;
	}
	c->arg[3] |= MAP_ANONYMOUS;
	if (chance(m, m->p->hugetlb)) {
		/* There may be no huge page: nothing is reserved, and nothing faulted in. */
		c->arg[3] |= MAP_HUGETLB | MAP_NORESERVE;
		c->arg[3] &= ~(unsigned long)(MAP_POPULATE | MAP_LOCKED);
	}
	c->arg[3] |= chance(m, m->p->shared) ? MAP_SHARED
		     : chance(m, 3)          ? 8 /* MAP_DROPPABLE */
					     : MAP_PRIVATE;
	if (chance(m, m->p->odd))
		c->arg[3] = (c->arg[3] & ~15UL) | pick(m, 16);
}

static void make_mremap(struct maker *m, struct call *c)
{
	static const unsigned long flags[] = { 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE | 4, MREMAP_MAYMOVE | 4,
		MREMAP_MAYMOVE | MREMAP_FIXED | 4, MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED };

	c->arg[0] = some_addr(m);
	c->arg[1] = some_len(m);
	c->arg[2] = chance(m, 50) ? c->arg[1] : some_len(m);
	c->arg[3] = flags[pick(m, 10)];
	c->arg[4] = some_addr(m);
	if (chance(m, 4))
		c->arg[1] = 0;
	if (chance(m, m->p->odd))
		c->arg[3] = pick(m, 16);
}

static unsigned long some_advice(struct maker *m)
{
	static const unsigned char advices[] = { 0, 1, 2, 3, 4, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18,
		18, 19, 20, 21, 22, 23, 24, 102, 102, 103, 1, 2, 0, 4 };

	unsigned long advice = m->p->huge && chance(m, 40) ? MADV_HUGEPAGE
			       : chance(m, m->p->odd)      ? pick(m, 110)
							   : advices[pick(m, sizeof(advices))];
	bool guard = advice == 102 || advice == 103, populate = advice == 22 || advice == 23;

	/* Pages are not to be poisoned in earnest. */
	if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
		return MADV_NORMAL;
	return (m->guards ? populate : guard) ? MADV_NORMAL : advice;
}

static void make_limit(struct maker *m, struct call *c)
{
	c->arg[0] = pick(m, 4);
	c->arg[1] = chance(m, 25) ? NO_LIMIT : pick(m, m->pages + 8);
	if (c->arg[0] == LIMIT_STACK && c->arg[1] != NO_LIMIT)
		c->arg[1] += 64;
	if (c->arg[0] == LIMIT_MEMLOCK && chance(m, 10))
		c->arg[1] = 0;
}

static void make_lock(struct maker *m, struct call *c)
{
	if (c->kind == CALL_MLOCK)
		c->arg[2] = chance(m, 40) ? MLOCK_ONFAULT : chance(m, m->p->odd) ? pick(m, 4) : 0;
	if (c->kind != CALL_MLOCKALL)
		return;
	/* Locking all that there is takes its time. */
	c->arg[0] = chance(m, 50) ? MCL_FUTURE : MCL_FUTURE | MCL_ONFAULT;
	if (m->nr_locks++ < 2 && !m->p->room)
		c->arg[0] = pick(m, 8);
}

/* Few, so that those that were allocated are met again. */
static long some_key(struct maker *m)
{
	return chance(m, 90) ? (long)pick(m, 4) : (long)pick(m, 20) - 2;
}

static void make_arguments(struct maker *m, struct call *c)
{
	c->arg[0] = some_addr(m);
	switch (c->kind) {
	case CALL_MMAP:
		make_mmap(m, c);
		return;
	case CALL_MREMAP:
		make_mremap(m, c);
		return;
	case CALL_MPROTECT:
	case CALL_PKEY:
		c->arg[2] = some_prot(m);
		if (chance(m, m->p->grows / 2 + m->p->odd))
			c->arg[2] |= PROT_GROWSDOWN;
		if (chance(m, m->p->odd))
			c->arg[2] |= 1UL << pick(m, 27);
		c->arg[3] = chance(m, 40) ? 0 : chance(m, 50) ? ~0UL : (unsigned long)some_key(m);
		break;
	case CALL_PKEY_FREE:
		c->arg[0] = (unsigned long)some_key(m);
		return;
	case CALL_MADVISE:
		c->arg[2] = some_advice(m);
		break;
	case CALL_MBIND:
		c->arg[2] = "\0\1\2\2\4"[pick(m, 5)];
		break;
	case CALL_UFFD:
		c->arg[2] = "\0\0\1\2\2\3\4\6"[pick(m, 8)];
		c->arg[1] = some_len(m);
		return;
	case CALL_REMAP_FILE_PAGES:
		c->arg[1] = some_len(m);
		c->arg[3] = chance(m, 60) ? pick(m, 64) : ((c->arg[0] - WINDOW) / PAGE) % FILE_PAGES;
		if (chance(m, m->p->odd))
			c->arg[3] = ~0UL >> pick(m, 16);
		c->arg[2] = chance(m, m->p->odd) ? some_prot(m) : 0;
		c->arg[4] = chance(m, 30) ? MAP_NONBLOCK : 0;
		return;
	case CALL_MDWE:
		c->arg[0] = chance(m, 30) ? 3 : 1;
		return;
	case CALL_SHMAT:
		c->arg[1] = chance(m, 70) ? SHM_REMAP : 0;
		c->arg[1] |= chance(m, 30) ? SHM_RDONLY : 0;
		c->arg[1] |= chance(m, 10) ? SHM_EXEC : 0;
		c->arg[1] |= chance(m, 20) ? SHM_RND : 0;
		return;
	case CALL_BRK:
		if (chance(m, 30))
			c->arg[0] += pick(m, PAGE);
		return;
	case CALL_WRITE:
	case CALL_READ:
		return;
	case CALL_LIMIT:
		make_limit(m, c);
		return;
	case CALL_PERSONA:
		c->arg[0] = chance(m, 30);
		return;
	case CALL_MLOCK:
	case CALL_MLOCKALL:
		make_lock(m, c);
		break;
	default:
		break;
	}
	if (c->kind != CALL_MLOCKALL)
		c->arg[1] = some_len(m);
	/* Advice passes over holes: it would reach the program itself. */
	if (c->kind == CALL_MADVISE && c->arg[1] > MARGIN && c->arg[1] < 1UL << 63)
		c->arg[1] = ~0UL;
}

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

static const struct mix *find_mix(struct random *r, const char *name)
{
	if (!name)
		return &mixes[random_below(r, 4 * MIXES) % MIXES];
	for (size_t i = 0; i < MIXES; i++)
		if (strcmp(mixes[i].name, name) == 0)
			return &mixes[i];
	return NULL;
}

static void add(struct sequence *s, struct call c)
{
	s->call[s->nr++] = c;
}

/* What the calls presuppose. */
static void begin(struct maker *m, struct sequence *s)
{
	if (m->p->limits && chance(m, 60))
		add(s, (struct call){ CALL_DROP_LOCK, { 0 } });
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

	s->nr = 0;
	if (!m.p)
		return false;
	/* Filling the map takes as long as thousands of calls. */
	while (!mix && m.p->room && pick(&m, 40))
		m.p = find_mix(r, NULL);
	if (m.p->room)
		nr = nr * 4 < MAX_CALLS ? nr * 4 : MAX_CALLS;
	m.pages = m.p->min_pages + pick(&m, m.p->max_pages - m.p->min_pages + 1);
	m.grid = m.p->hugetlb ? 256UL << pick(&m, 2) : m.p->huge ? 64UL << pick(&m, 3) : 1 + pick(&m, 4);
	m.guards = m.p->unserved || chance(&m, 30);
	m.locks = m.p->locked || m.p->weight[CALL_MLOCK] || m.p->weight[CALL_MADVISE];
	begin(&m, s);
	while (s->nr < nr) {
		struct call c = { .kind = some_kind(&m) };

		if (m.guards && (c.kind == CALL_MLOCK || c.kind == CALL_MLOCKALL))
			c.kind = CALL_MUNLOCK;
		make_arguments(&m, &c);
		if (c.kind == CALL_WRITE && may_read(&m, s) && chance(&m, m.p->huge ? 60 : 10))
			c.kind = CALL_READ;
		add(s, c);
	}
	return true;
}

void list_mixes(FILE *f)
{
	for (size_t i = 0; i < MIXES; i++)
		fprintf(f, " %s", mixes[i].name);
}
