/* SPDX-License-Identifier: MIT */
/*
 * Page tables that a thread has set aside before it takes an mmap_lock for writing, and how many a call may need.
 *
 * A table of any level is a block of one size, so that it does not matter which level needs it. What was set aside is
 * its thread's alone, needs no lock, and goes back when the thread ends or gives back what it has.
 */
#include "internal.h"
#include "pool.h"
#include "thread_local.h"

struct block {
	struct block *next;
};

_Static_assert(sizeof(struct leaf) >= sizeof(struct table), "a block holds either");

static THREAD_LOCAL struct {
	struct block *blocks;
	unsigned long nr;
	bool watched;
} preallocated THREAD_LOCAL_STATIC;

static struct block *take(void)
{
	struct block *block = preallocated.blocks;

	if (block) {
		preallocated.blocks = block->next;
		preallocated.nr--;
	}
	return block;
}

static void give_back(void)
{
	for (struct block *block = take(); block; block = take())
		port_free(block, sizeof(struct leaf));
	preallocated.watched = false;
}

void *table_block_alloc(void)
{
	struct block *block = take();

	return block ? block : port_alloc(sizeof(struct leaf), 64, GFP_KERNEL);
}

void table_block_free(void *block)
{
	port_free(block, sizeof(struct leaf));
}

int tables_preallocate(unsigned long nr)
{
	if (nr && !preallocated.watched)
		preallocated.watched = pool_at_thread_exit(give_back);
	if (nr && !preallocated.watched)
		return -ENOMEM;
	while (preallocated.nr < nr) {
		struct block *block = port_alloc(sizeof(struct leaf), 64, GFP_KERNEL);

		if (!block)
			return -ENOMEM;
		block->next = preallocated.blocks;
		preallocated.blocks = block;
		preallocated.nr++;
	}
	return 0;
}

/* PTEs of @leaf that are not empty. Reclaim may be at them. */
static unsigned long count_entries(struct leaf *leaf)
{
	unsigned long nr = 0;

	rw_read_lock(&leaf->lock);
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
		nr += leaf->pte[i] != 0;
	rw_read_unlock(&leaf->lock);
	return nr;
}

struct tally {
	unsigned long tables, entries;
	bool counts_entries;
};

static void count_below(const struct table *t, int level, struct tally *tally) // NOLINT(misc-no-recursion)
{
	tally->tables++;
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		if (!t->slot[i])
			continue;
		if (level > 1) {
			count_below(t->slot[i], level - 1, tally);
			continue;
		}
		tally->tables++;
		if (tally->counts_entries)
			tally->entries += count_entries(t->slot[i]);
	}
}

void fork_needs(struct mm_struct *parent, struct mm_needs *needs)
{
	const struct rmap_ops *rmap = parent->pgd->paging->rmap;
	struct tally tally = { .counts_entries = rmap->reserve_needs };

	count_below(parent->pgd->top, LEVELS - 1, &tally);
	needs->small++; /* struct page_tables */
	needs->tables += tally.tables;
	if (rmap->reserve_needs)
		rmap->reserve_needs(tally.entries + FORK_BATCH, needs);
}

static unsigned long at_most(unsigned long most, const struct mm_struct *mm, unsigned long len, int level)
{
	unsigned long nr = (len >> table_shift(mm, level)) + 2;

	return nr < most ? nr : most;
}

/* @leaves somewhere in @len bytes, and the tables above them but for the top. */
static unsigned long tables_over(const struct mm_struct *mm, unsigned long len, unsigned long leaves)
{
	unsigned long nr = 0;

	for (int level = 1; level < LEVELS; level++)
		nr += at_most(leaves, mm, len, level);
	return nr;
}

void move_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs)
{
	unsigned long addr = start, leaves = 0;
	struct leaf *leaf;

	for (; (leaf = leaf_next(mm->pgd, &addr, end)) != NULL; addr = leaf_stop(leaf, end))
		leaves += 2; /* where it is to be it may lie across two */
	needs->tables += tables_over(mm, end - start, leaves);
}

void guard_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs)
{
	needs->tables += tables_over(mm, end - start, ~0UL);
}
