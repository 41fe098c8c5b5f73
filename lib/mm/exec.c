/* SPDX-License-Identifier: MIT */
/*
 * exec: the stack of a new program.
 *
 * Arguments are copied before it is known where the stack is to be, or how large they are.  So it begins at the top
 * of the space and grows down, and is moved as a whole when all of it is there.  The area is the same throughout:
 *
 *      before                                      |-- stack --|   top of the space
 *      grown       |------------------- stack -----------------|
 *      moved       |-- pages --|                                   same offsets: they are known by them
 *      cut         |-- stack --|
 *
 * While the area reaches over both places, what its offsets say of the old one is wrong: the reverse map looks for
 * the pages at the new place only, before they are there.  It does not find them, so they are not swapped out, which
 * hurts nobody; who has to find all places of a page sees by the area's flags that it cannot, and leaves the page
 * alone.  That is why page tables move without the locks of the reverse map here.
 */
#include "internal.h"
#include "machine.h"

#define STACK_ROOM (128UL << 10) /* below the arguments, for a start */

static vm_flags_t stack_flags(const struct mm_struct *mm, enum exec_stack executable)
{
	bool exec = executable == EXSTACK_ENABLE_X ||
		    (executable == EXSTACK_DEFAULT && mm->limits.read_implies_exec);

	return VM_READ | VM_WRITE | VM_MAY_FLAGS | VM_GROWSDOWN | VM_ACCOUNT | machine_of(mm)->data_flags |
	       (exec ? VM_EXEC : 0);
}

int mm_begin_stack(struct mm_struct *mm)
{
	const struct area_spec spec = { .start = mm->task_size - mm_page_size(mm),
		.end = mm->task_size,
		.vm_flags = stack_flags(mm, EXSTACK_DEFAULT) | VM_STACK_INCOMPLETE_SETUP };
	int err = mm_insert_area(mm, &spec);

	if (!err)
		mm->start_stack = mm->task_size - sizeof(void *);
	return err;
}

static void set_bounds(struct vm_area_struct *vma, unsigned long start, unsigned long end, pgoff_t pgoff)
{
	vma_adjust_begin(vma, NULL);
	set_field(vma, vm_start, start);
	set_field(vma, vm_end, end);
	set_field(vma, vm_pgoff, pgoff);
	vma_adjust_end(vma, NULL);
}

/* While it reaches over both places it counts as long as it is, without being asked: soon it is cut. */
static void account(struct vm_area_struct *vma, long npages)
{
	commit_account(vma->vm_mm->sys, npages);
	vm_stat_account(vma->vm_mm, vma->vm_flags, npages);
}

static int move_pages(struct vm_area_struct *vma, unsigned long old_addr, unsigned long len)
{
	const struct mm_move move = { .from = vma,
		.to = vma,
		.old_addr = old_addr,
		.new_addr = vma->vm_start,
		.len = len,
		.temporary = true };

	return vma->vm_mm->pgd ? vma->vm_mm->sys->pages->move(&move) : 0;
}

/* The area, and the pages in it, from @old_start on, come to lie at @start as well. */
static int grow_and_move(struct vm_area_struct *vma, unsigned long start)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long old_start = vma->vm_start, end = vma->vm_end;
	pgoff_t linear = vma->vm_pgoff - to_pages(mm, old_start - start);
	struct index_store st;
	int err;

	if (index_prepare(&st, mm, start, end, vma))
		return -ENOMEM;

	/* Point of no return, as far as the area goes. */
	vma_start_write(vma);
	set_bounds(vma, start, end, mm->sys->rmap->by_address ? linear : vma->vm_pgoff);
	index_commit(&st, vma);
	account(vma, (long)to_pages(mm, old_start - start));
	err = move_pages(vma, old_start, end - old_start);
	if (err) /* they are where they were: so are their offsets */
		set_bounds(vma, start, end, linear);
	return err;
}

static int cut_off(struct vm_area_struct *vma, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_area_struct *next = find_vma(mm, vma->vm_end);
	unsigned long old_end = vma->vm_end;
	struct index_store st;

	if (index_prepare(&st, mm, end, old_end, NULL))
		return -ENOMEM;

	/* Point of no return. */
	set_bounds(vma, vma->vm_start, end, vma->vm_pgoff);
	index_commit(&st, NULL);
	account(vma, -(long)to_pages(mm, old_end - end));
	if (mm->pgd)
		mm->sys->pages->free_tables(mm, end, old_end, end, next ? next->vm_start : ~0UL);
	return 0;
}

static int relocate_down(struct vm_area_struct *vma, unsigned long shift)
{
	unsigned long end = vma->vm_end - shift;
	int err;

	if (find_vma(vma->vm_mm, vma->vm_start - shift) != vma)
		return -EFAULT;
	err = grow_and_move(vma, vma->vm_start - shift);
	return err ? err : cut_off(vma, end);
}

/* Walks rely on it from now on: those that have begun are waited for. */
static void set_flags(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma_start_write(vma);
	vma_adjust_begin(vma, NULL);
	vma_set_flags(vma, flags);
	vma_adjust_end(vma, NULL);
}

static int make_room(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long limit = mm->limits.stack & ~(mm_page_size(mm) - 1);
	unsigned long base = vma->vm_end - min(limit, vma->vm_end - vma->vm_start + STACK_ROOM);

	if (base >= vma->vm_start)
		return 0;
	return find_vma(mm, base) != vma || expand_downwards(vma, base) ? -EFAULT : 0;
}

int mm_setup_stack(struct mm_struct *mm, unsigned long top, enum exec_stack executable)
{
	struct vm_area_struct *vma = vma_lookup(mm, mm->task_size - 1);
	unsigned long low = mm->sys->mmap_min_addr;
	vm_flags_t flags = stack_flags(mm, executable) | (mm->def_flags & ~VM_LOCKED_MASK);
	int err = 0;
	mm_call(mm);

	top = mm_page_align(mm, top);
	if (!vma || !vma_is_temporary_stack(vma) || top > vma->vm_end || mm->ops ||
		(unsigned int)executable > EXSTACK_ENABLE_X)
		return -EINVAL;
	if (top < low || vma->vm_end - vma->vm_start >= top - low)
		return -ENOMEM;
	set_flags(vma, flags | VM_STACK_INCOMPLETE_SETUP);
	if (top < vma->vm_end) {
		unsigned long shift = vma->vm_end - top;

		err = relocate_down(vma, shift);
		if (err)
			return err;
		mm->start_stack -= shift;
	}
	set_flags(vma, flags);
	return make_room(vma);
}
