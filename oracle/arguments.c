/* SPDX-License-Identifier: MIT */
/*
 * Arguments of random calls: mostly few places and short lengths on a grid, so that areas meet again and again; now and then
 * numbers at the ends, where adding and rounding overflow.
 */
#include <sys/mman.h>
#include <sys/shm.h>

#include "maker.h"
#include "uapi.h"

/* A page of the window, mostly on the grid. Below m->pages, so that MARGIN is never begun in. */
static unsigned long some_page(struct maker *m)
{
	unsigned long page = pick(m, m->pages);

	return chance(m, 70) ? page - page % m->grid : page;
}

/* Where adding and rounding overflow, and where addresses end. */
static unsigned long some_far_addr(struct maker *m)
{
	const unsigned long space = background.space;
	const unsigned long ends[] = { ~0UL, -PAGE, -PAGE + 1, -2 * PAGE, -HUGE_PAGE, space, space - PAGE,
		space + PAGE, 1UL << 56, 1UL << 63, (1UL << 63) - PAGE, -WINDOW };

	return ends[pick(m, sizeof(ends) / sizeof(ends[0]))] + (chance(m, 20) ? pick(m, PAGE) : 0);
}

/*
 * Mostly in the window. Of odd ones some lie at the ends of numbers; on arm64 some have a tag in the upper
 * byte, which the kernel takes off in some calls (untagged_addr()) and not in others; the rest are not
 * aligned.
 */
static unsigned long some_addr(struct maker *m)
{
	unsigned long addr = WINDOW + some_page(m) * PAGE;

	if (chance(m, m->p->odd) && chance(m, 30))
		return some_far_addr(m);
	if (MM_MACHINE_HERE == MM_MACHINE_ARM64 && chance(m, m->p->odd))
		addr |= (1 + pick(m, 255)) << 56;
	return chance(m, m->p->odd) ? addr + pick(m, PAGE) : addr;
}

/*
 * Bytes: a few steps of the grid, or up to half of the window; odd ones 0, less than a page, and so long
 * that address and length overflow.
 */
static unsigned long some_len(struct maker *m)
{
	unsigned long pages = chance(m, 70) ? m->grid * (1 + pick(m, 3)) : 1 + pick(m, m->pages / 2 + 1);

	if (chance(m, m->p->odd)) {
		const unsigned long space = background.space;
		/* Beyond the end from anywhere in the window: what is between belongs to the program. */
		const unsigned long most =
			MM_MACHINE_HERE == MM_MACHINE_ARM64 ? space - WINDOW / 2 : 1UL << 46;
		const unsigned long odd[] = { 0, 1, ~0UL, ~0UL - PAGE, space, most, PAGE - 1, -WINDOW,
			-WINDOW - PAGE, space - WINDOW };

		pages = odd[pick(m, sizeof(odd) / sizeof(odd[0]))];
		/*
		 * What would be faulted in is not to be terabytes: ~0UL is refused for its overflow before
		 * any page is touched.
		 */
		return pages > MARGIN && m->locks ? ~0UL : pages;
	}
	return pages * PAGE - (chance(m, m->p->odd) ? pick(m, PAGE) : 0);
}

/*
 * Of what is placed where there is room.  As long as all from the window to the end, it would lie over the window and end at
 * the program's own mappings: a call that begins in the window would go on into those.
 */
static unsigned long placed_len(unsigned long len)
{
	return len == background.space - WINDOW ? ~0UL - PAGE : len;
}

static unsigned long some_prot(struct maker *m)
{
	static const unsigned long plain[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE, PROT_READ | PROT_WRITE, PROT_WRITE };
	static const unsigned long exec[] = { PROT_EXEC, PROT_EXEC, PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC };

	unsigned long machine = background.branch_targets && chance(m, 20) ? PROT_BTI : 0;

	machine |= background.memory_tags && chance(m, 20) ? PROT_MTE : 0;
	return machine | (chance(m, m->p->exec) ? exec[pick(m, 5)] : plain[pick(m, 6)]);
}

/*
 * Each of MAP_GROWSDOWN and MAP_LOCKED as the mix has it, one of the rest now and then. MAP_DENYWRITE and
 * MAP_EXECUTABLE are ignored since 2.6; MAP_SYNC is looked at only with MAP_SHARED_VALIDATE.
 */
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

/*
 * arg[3] has no type yet: MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE (3), or with odd ones none, which is
 * EINVAL.
 */
static void make_file_mapping(struct maker *m, struct call *c)
{
	static const unsigned long files[] = { FILE_RW, FILE_RW, FILE_RW, FILE_RO, FILE_MEMFD, FILE_MEMFD,
		FILE_WO, FILE_ZERO, FILE_NOEXEC, FILE_SEALED, FILE_SECRET };

	c->arg[4] = files[pick(m, sizeof(files) / sizeof(files[0]))];
	c->arg[3] |= chance(m, 50) ? MAP_PRIVATE : chance(m, 50) ? MAP_SHARED : 3;
	/* Where address and offset agree, neighbours can merge; and beside what was moved, where they differ by as much. */
	c->arg[5] = ((c->arg[0] - WINDOW) & ~(PAGE - 1)) % (FILE_PAGES * PAGE);
	if (chance(m, 15))
		c->arg[5] = (c->arg[5] - (m->moved.arg[4] - m->moved.arg[0])) & (FILE_PAGES * PAGE - PAGE);
	if (chance(m, 15))
		c->arg[5] = pick(m, 64) * PAGE;
	if (chance(m, m->p->odd))
		c->arg[5] = chance(m, 50) ? -PAGE : c->arg[5] + 7;
	if (chance(m, m->p->odd))
		c->arg[3] &= ~15UL;
}

/*
 * For mmap without a fixed place. On arm64 a hint above 48 bits opens the wider space of 52
 * (arch_get_mmap_end()): both sides of that bound are asked for, and one that is far beyond.
 */
static unsigned long some_hint(struct maker *m)
{
	const unsigned long window = 1UL << arm64_window_bits(background.page_shift);

	if (MM_MACHINE_HERE == MM_MACHINE_ARM64 && chance(m, 10))
		return chance(m, 50) ? window + pick(m, 3) * PAGE - PAGE : 1UL << 50;
	return chance(m, 25) ? some_far_addr(m) : 0;
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
		c->arg[0] = chance(m, 20) ? pick(m, 32) * PAGE : some_hint(m); /* around mmap_min_addr, too */
	if (!(c->arg[3] & MAP_FIXED))
		c->arg[1] = placed_len(c->arg[1]);
	if (!(c->arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && chance(m, 15))
		c->arg[1] = (1 + pick(m, 3)) * HUGE_PAGE;
	/* MAP_32BIT, whose mappings go to [1 GiB, 2 GiB) (find_start_end() of x86). */
	/* The second gigabyte is soon used up. */
	if (m->p->placed > 10 && chance(m, 3))
		c->arg[3] = (c->arg[3] & ~(unsigned long)(MAP_FIXED | MAP_FIXED_NOREPLACE)) | 0x40;
	if ((c->arg[3] & 0x40) && !(c->arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && chance(m, 50)) {
		c->arg[1] = 1UL << (28 + pick(m, 3));
		c->arg[2] = PROT_NONE;
	}
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

/* What lies behind what was moved last, or before it, by the same way: there they are neighbours again. */
static void move_along(struct maker *m, struct call *c)
{
	const unsigned long *last = m->moved.arg;

	c->arg[1] = c->arg[2] = (1 + pick(m, 3)) * PAGE;
	c->arg[0] = chance(m, 60) ? last[0] + last[1] : last[0] - c->arg[1];
	c->arg[3] = MREMAP_MAYMOVE | MREMAP_FIXED;
	c->arg[4] = c->arg[0] + (last[4] - last[0]);
	if (c->arg[4] - WINDOW >= m->pages * PAGE)
		c->arg[4] = WINDOW;
	if (c->arg[0] - WINDOW >= m->pages * PAGE)
		c->arg[0] = WINDOW;
}

/*
 * Half of them neither shrink nor grow; 4 is MREMAP_DONTUNMAP; an old length of 0 copies a shared mapping.
 * What was asked is remembered, whether it succeeds or not, for move_along() and for offsets that fit
 * behind a move.
 */
static void make_mremap(struct maker *m, struct call *c)
{
	static const unsigned long flags[] = { 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE | 4, MREMAP_MAYMOVE | 4,
		MREMAP_MAYMOVE | MREMAP_FIXED | 4, MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED };

	c->arg[0] = some_addr(m);
	c->arg[1] = some_len(m);
	c->arg[2] = placed_len(chance(m, 50) ? c->arg[1] : some_len(m));
	c->arg[3] = flags[pick(m, 10)];
	c->arg[4] = some_addr(m);
	if (chance(m, 4))
		c->arg[1] = 0;
	if (chance(m, m->p->odd))
		c->arg[3] = pick(m, 16);
	if (chance(m, 20))
		move_along(m, c);
	m->moved = *c;
}

/*
 * 102 and 103 are MADV_GUARD_INSTALL and REMOVE (Linux 6.13), 22 and 23 MADV_POPULATE_READ and WRITE. The
 * two pairs exclude each other in one sequence: to populate a guard page is -EFAULT, which only the kernel
 * can know.
 */
static unsigned long some_advice(struct maker *m)
{
	static const unsigned char advices[] = { 0, 1, 2, 3, 4, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18,
		18, 19, 20, 21, 22, 23, 24, 25, 102, 102, 103, 1, 2, 0, 4 };

	unsigned long advice = m->p->huge && chance(m, 40) ? MADV_HUGEPAGE
			       : chance(m, m->p->odd)      ? pick(m, 110)
							   : advices[pick(m, sizeof(advices))];
	bool guard = advice == 102 || advice == 103, populate = advice == 22 || advice == 23;

	/* Pages are not to be poisoned in earnest. */
	if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
		return MADV_NORMAL;
	return (m->guards ? populate : guard) ? MADV_NORMAL : advice;
}

/*
 * In pages beyond the beginning (set_limit() of both worlds). A stack is never limited to fewer than 64:
 * the child's own one has to live under it. A memlock of 0 is another error (EPERM, can_do_mlock()) than
 * one that does not suffice.
 */
static void make_limit(struct maker *m, struct call *c)
{
	c->arg[0] = pick(m, 5);
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
	/* Where guard pages may be, and where nobody serves a userfaultfd, nothing may be faulted in. */
	if (c->kind == CALL_MLOCK && m->guards)
		c->arg[2] = MLOCK_ONFAULT;
	if (c->kind != CALL_MLOCKALL)
		return;
	if (m->guards) {
		c->arg[0] = MCL_FUTURE | MCL_ONFAULT;
		return;
	}
	/* Locking all that there is takes its time. */
	c->arg[0] = chance(m, 50) ? MCL_FUTURE : MCL_FUTURE | MCL_ONFAULT;
	/*
	 * MCL_CURRENT populates every area of the process, and with a CALL_ROOM there are tens of
	 * thousands.
	 */
	if (m->nr_locks++ < 2 && !m->p->room)
		c->arg[0] = pick(m, 8);
}

/* Few, so that those that were allocated are met again. */
static long some_key(struct maker *m)
{
	return chance(m, 90) ? (long)pick(m, 4) : (long)pick(m, 20) - 2;
}

/* For all kinds that makers[] has nothing for: also those whose arguments calls.c does not even print. */
static void make_range(struct maker *m, struct call *c)
{
	c->arg[1] = some_len(m);
}

/*
 * The key is for CALL_PKEY: none (-1) is mprotect, 0 is every process's, the others mostly were not
 * allocated, which is EINVAL.
 */
static void make_mprotect(struct maker *m, struct call *c)
{
	c->arg[2] = some_prot(m);
	if (chance(m, m->p->grows / 2 + m->p->odd))
		c->arg[2] |= PROT_GROWSDOWN;
	if (chance(m, m->p->odd))
		c->arg[2] |= 1UL << pick(m, 27);
	c->arg[3] = chance(m, 40) ? 0 : chance(m, 50) ? ~0UL : (unsigned long)some_key(m);
	c->arg[1] = some_len(m);
}

/* Not key 0: a later mapping that can only be executed would take it, and all memory be out of reach. */
static void make_pkey_free(struct maker *m, struct call *c)
{
	c->arg[0] = (unsigned long)some_key(m);
	c->arg[0] += !c->arg[0];
}

static void make_madvise(struct maker *m, struct call *c)
{
	c->arg[2] = some_advice(m);
	/*
	 * One of the two huge pages that the window of these mixes has: only an aligned one that lies whole
	 * in the area is collapsed.
	 */
	if (c->arg[2] == MADV_COLLAPSE && m->p->huge && chance(m, 60)) {
		c->arg[0] = WINDOW + pick(m, 2) * HUGE_PAGE;
		c->arg[1] = HUGE_PAGE;
		return;
	}
	c->arg[1] = some_len(m);
	/* Advice passes over holes: it would reach the program itself. */
	if (c->arg[1] > MARGIN && c->arg[1] < 1UL << 63)
		c->arg[1] = ~0UL;
}

/*
 * Of the policies of CALL_MBIND; MPOL_INTERLEAVE (3) is not among them, with one node there is nothing to
 * choose.
 */
static void make_mbind(struct maker *m, struct call *c)
{
	c->arg[2] = "\0\1\2\2\4"[pick(m, 5)];
	c->arg[1] = some_len(m);
}

/* Few, so that neighbours get the same one and merge; 0 takes it away. */
static void make_name(struct maker *m, struct call *c)
{
	c->arg[2] = pick(m, 4);
	c->arg[1] = some_len(m);
}

/* Sets of modes: 1 missing, 2 write-protected, 4 minor; 0 unregisters. */
static void make_uffd(struct maker *m, struct call *c)
{
	c->arg[2] = "\0\0\1\2\2\3\4\6"[pick(m, 8)];
	c->arg[1] = some_len(m);
}

/*
 * Mostly a page offset near the beginning, or the one that the place has already; with odd ones an overflow
 * of it. A prot other than 0 is EINVAL since 3.16's emulation, as before.
 */
static void make_remap_file_pages(struct maker *m, struct call *c)
{
	c->arg[1] = some_len(m);
	c->arg[3] = chance(m, 60) ? pick(m, 64) : ((c->arg[0] - WINDOW) / PAGE) % FILE_PAGES;
	if (chance(m, m->p->odd))
		c->arg[3] = ~0UL >> pick(m, 16);
	c->arg[2] = chance(m, m->p->odd) ? some_prot(m) : 0;
	c->arg[4] = chance(m, 30) ? MAP_NONBLOCK : 0;
}

static void make_mdwe(struct maker *m, struct call *c)
{
	c->arg[0] = chance(m, 30) ? 3 : 1;
}

static void make_memory_merge(struct maker *m, struct call *c)
{
	c->arg[0] = chance(m, 75);
}

/* What no user can have is refused before anything is looked at. */
static void make_process_madvise(struct maker *m, struct call *c)
{
	c->arg[0] = WINDOW + some_page(m) * PAGE;
	c->arg[1] = m->grid * PAGE * (1 + pick(m, 3));
	c->arg[2] = some_advice(m);
	c->arg[3] = WINDOW + some_page(m) * PAGE;
	c->arg[4] = m->grid * PAGE * (1 + pick(m, 3));
}

/* The address that make_arguments() drew moves to the second place. */
static void make_set_mm(struct maker *m, struct call *c)
{
	c->arg[1] = c->arg[0] + (chance(m, 20) ? pick(m, PAGE) : 0);
	c->arg[0] = pick(m, 2);
}

static void make_shmat(struct maker *m, struct call *c)
{
	c->arg[1] = chance(m, 70) ? SHM_REMAP : 0;
	c->arg[1] |= chance(m, 30) ? SHM_RDONLY : 0;
	c->arg[1] |= chance(m, 10) ? SHM_EXEC : 0;
	c->arg[1] |= chance(m, 20) ? SHM_RND : 0;
}

/* Also numbers of areas that this machine does not have: nothing happens then, in both worlds. */
static void make_kernels(struct maker *m, struct call *c)
{
	c->arg[1] = c->arg[0];
	c->arg[0] = pick(m, KERNELS_AREAS);
}

/*
 * brk takes bytes and rounds up itself: those that lie in one page are a change of mm->brk without one of
 * the map.
 */
static void make_brk(struct maker *m, struct call *c)
{
	if (chance(m, 30))
		c->arg[0] += pick(m, PAGE);
	if (chance(m, 3))
		c->arg[0] = some_far_addr(m);
}

static void make_personality(struct maker *m, struct call *c)
{
	c->arg[0] = chance(m, 30);
}

/* An address is all that it needs. */
static void make_nothing(struct maker *m, struct call *c)
{
	(void)m;
	(void)c;
}

static void make_mlock(struct maker *m, struct call *c)
{
	make_lock(m, c);
	c->arg[1] = some_len(m);
}

/* What is made of each kind besides an address; of others a length. */
static void (*const makers[CALL_KINDS])(struct maker *m, struct call *c) = {
	[CALL_MMAP] = make_mmap,
	[CALL_MREMAP] = make_mremap,
	[CALL_MPROTECT] = make_mprotect,
	[CALL_PKEY] = make_mprotect,
	[CALL_PKEY_FREE] = make_pkey_free,
	[CALL_MADVISE] = make_madvise,
	[CALL_MBIND] = make_mbind,
	[CALL_NAME] = make_name,
	[CALL_UFFD] = make_uffd,
	[CALL_UFFD_CLOSE] = make_nothing,
	[CALL_REMAP_FILE_PAGES] = make_remap_file_pages,
	[CALL_MDWE] = make_mdwe,
	[CALL_MEMORY_MERGE] = make_memory_merge,
	[CALL_PROCESS_MADVISE] = make_process_madvise,
	[CALL_SET_MM] = make_set_mm,
	[CALL_SHMAT] = make_shmat,
	[CALL_KERNELS] = make_kernels,
	[CALL_BRK] = make_brk,
	[CALL_WRITE] = make_nothing,
	[CALL_READ] = make_nothing,
	[CALL_LIMIT] = make_limit,
	[CALL_PERSONA] = make_personality,
	[CALL_MLOCK] = make_mlock,
	[CALL_MLOCKALL] = make_lock,
};

void make_arguments(struct maker *m, struct call *c)
{
	c->arg[0] = some_addr(m);
	(makers[c->kind] ? makers[c->kind] : make_range)(m, c);
}
