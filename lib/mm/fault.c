/* SPDX-License-Identifier: MIT */
/*
 * Faults: what a touch does to the map.
 *
 * Two things only: a stack grows down to the page that was touched, and an area that is written for the first time
 * gets an anon_vma, which from then on decides with whom it can merge.  Pages are not this room's business.
 */
#include "internal.h"

int anon_vma_prepare(struct vm_area_struct *vma)
{
	struct vm_area_struct *prev, *next;
	int err;

	if (vma->anon_vma)
		return 0;
	ops_prefetch(vma);
	index_neighbours(
		vma, &prev, &next); /* faults are under the mmap_lock for reading: no call changes the list */
	err = vma->vm_mm->sys->rmap->prepare(vma, prev, next);
	if (!err)
		ops_written(vma);
	return err;
}

static bool accessible(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_ACCESS_FLAGS;
}

static int check_stack_growth(const struct vm_area_struct *vma, unsigned long addr, unsigned long grow)
{
	struct mm_struct *mm = vma->vm_mm;

	if (grow > vma->vm_pgoff || !may_expand_vm(mm, vma->vm_flags, grow))
		return -ENOMEM;
	if (vma->vm_end - addr > mm->limits.stack)
		return -ENOMEM;
	return mlock_future_ok(mm, vma->vm_flags, grow << mm->sys->page_shift) ? 0 : -ENOMEM;
}

static int host_grows_stack(struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long grow = to_pages(vma->vm_mm, vma->vm_start - addr);
	struct vma_merge vmg = vma_merge_like(vma, addr, vma->vm_start, vma->vm_pgoff - grow);

	return ops_host(&vmg);
}

/*
 *      before          |--- stack ---|          after   |------- stack -------|
 *                   addr ^
 */
int expand_downwards(struct vm_area_struct *vma, unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long grow;
	struct vm_area_struct *prev = NULL;
	struct index_store st;
	int err;

	addr &= ~(mm_page_size(mm) - 1);
	if (addr < mm->sys->mmap_min_addr)
		return -EPERM;
	(void)index_find_prev(mm, vma->vm_start, &prev);
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && accessible(prev) &&
		addr - prev->vm_end < mm->sys->stack_guard_gap)
		return -ENOMEM;
	if (anon_vma_prepare(vma))
		return -ENOMEM;
	grow = to_pages(mm, vma->vm_start - addr);
	if (check_stack_growth(vma, addr, grow) || index_prepare(&st, mm, addr, vma->vm_end, vma))
		return -ENOMEM;
	if (vm_charge(mm, grow)) {
		index_cancel(&st);
		return -ENOMEM;
	}
	err = host_grows_stack(vma, addr);
	if (err) {
		vm_uncharge(mm, grow);
		index_cancel(&st);
		return err;
	}

	/* Point of no return. */
	vma_start_write(vma);
	vma_adjust_begin(vma, NULL);
	set_field(vma, vm_start, addr);
	set_field(vma, vm_pgoff, vma->vm_pgoff - grow);
	vma_adjust_end(vma, NULL);
	index_commit(&st, vma);
	ops_adjust(vma, NULL, addr, addr + (grow << mm->sys->page_shift));
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += grow;
	vm_stat_account(mm, vma->vm_flags, (long)grow);
	return 0;
}

/*
 * A page of zeros is shared by all, and says nothing of its area; a huge one is mapped as one that may be written soon,
 * and its area prepared, where one fits.  Of a huge page file's pages there is none of zeros: who does not share it has its own.
 */
static bool read_prepares(const struct vm_area_struct *vma, unsigned long addr)
{
	const struct mm_system *sys = vma->vm_mm->sys;
	unsigned long start = addr & ~(sys->pmd_size - 1);

	if (vma->vm_flags & VM_HUGETLB)
		return !(vma->vm_flags & VM_MAYSHARE);
	if (!vma_is_anonymous(vma) || (vma->vm_flags & VM_SHARED))
		return false;
	if (sys->no_zero_page)
		return true;
	if (!sys->pmd_size || (vma->vm_flags & VM_NOHUGEPAGE))
		return false;
	if (sys->thp_enabled == 0 || (sys->thp_enabled == 1 && !(vma->vm_flags & VM_HUGEPAGE)))
		return false;
	return start >= vma->vm_start && start + sys->pmd_size <= vma->vm_end;
}

unsigned long vma_next_huge_page(const struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long size = vma->vm_mm->sys->pmd_size, next = (addr & ~(size - 1)) + size;

	return size && next < vma->vm_end ? next : vma->vm_end;
}

/* Reads from @start to @end: where the first huge page does not fit, the next one may. */
static bool reads_prepare(const struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	unsigned long next = vma_next_huge_page(vma, start);

	return read_prepares(vma, start) || (next < min(end, vma->vm_end) && read_prepares(vma, next));
}

/*
 * Memory that may be executed alone has a protection key, where there are any, that forbids all else.  A key that the
 * process has allocated forbids what the thread says, of which the engine knows nothing: it allows all, as pkey_alloc()
 * has it.
 */
static bool key_forbids_data(const struct vm_area_struct *vma)
{
	int key = (int)((vma->vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT);

	return key && key == vma->vm_mm->execute_only_pkey;
}

bool vma_may_fault(const struct vm_area_struct *vma, unsigned int flags)
{
	vm_flags_t needed = flags & MM_FAULT_WRITE ? VM_WRITE : VM_ACCESS_FLAGS;

	return flags & MM_FAULT_FILL || ((vma->vm_flags & needed) && !key_forbids_data(vma));
}

/* mm_fault() may be setting anon_vma meanwhile: that it is set is all that counts. */
bool vma_fault_prepares(const struct vm_area_struct *vma, unsigned long addr, unsigned int flags)
{
	if (__atomic_load_n(&vma->anon_vma, __ATOMIC_RELAXED) || (vma->vm_flags & VM_SHARED))
		return false;
	if (vma->vm_mm->sys->no_zero_page)
		flags &= ~(unsigned int)MM_FAULT_SMALL;
	return (flags & (MM_FAULT_WRITE | MM_FAULT_FILL)) ||
	       (!(flags & MM_FAULT_SMALL) && read_prepares(vma, addr));
}

/* A call of its own: several faults may be handled at a time, but only one that changes the map. */
static int grow_stack(struct vm_area_struct *vma, unsigned long addr)
{
	mm_call(vma->vm_mm);

	return vma->vm_flags & VM_GROWSDOWN ? expand_downwards(vma, addr) : -EFAULT;
}

int mm_fault(struct mm_struct *mm, unsigned long addr, unsigned int flags)
{
	struct vm_area_struct *vma;

	if (flags & ~(unsigned int)MM_FAULT_FLAGS)
		return -EINVAL;
	vma = find_vma(mm, addr);
	if (!vma)
		return -EFAULT;
	if (vma->vm_start > addr && (flags & MM_FAULT_FILL || grow_stack(vma, addr)))
		return -EFAULT;
	if (!vma_may_fault(vma, flags))
		return -EFAULT;
	return vma_fault_prepares(vma, addr, flags) ? anon_vma_prepare(vma) : 0;
}

/* Can its pages be faulted in? */
static bool can_fault_in(const struct vm_area_struct *vma)
{
	return accessible(vma) && !key_forbids_data(vma) && !vma_is_secret(vma);
}

bool vma_reaches_beyond_file(const struct vm_area_struct *vma, unsigned long end)
{
	/* Beside truncation on another thread. */
	unsigned long size = vma->vm_file ? __atomic_load_n(&vma->vm_file->size, __ATOMIC_RELAXED) : 0;

	end = min(end, vma->vm_end);
	return size && vma_pgoff_at(vma, end) > to_pages(vma->vm_mm, mm_page_align(vma->vm_mm, size));
}

int mm_populate(struct mm_struct *mm, unsigned long start, unsigned long end, bool ignore_errors)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, start);

	for_each_vma_range (vmi, vma, end) {
		bool writes = (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;

		if (vma->vm_flags & (VM_IO | VM_PFNMAP))
			continue;
		if ((vma->vm_flags & VM_LOCKONFAULT) && mm->sys->kernel->onfault_unasked)
			continue;
		if (!can_fault_in(vma)) {
			if (ignore_errors)
				continue;
			return -ENOMEM;
		}
		if (vma->vm_flags & VM_LOCKONFAULT)
			continue;
		if ((writes || reads_prepare(vma, max(start, vma->vm_start), end)) && anon_vma_prepare(vma) &&
			!ignore_errors)
			return -EAGAIN;
		if (vma_reaches_beyond_file(vma, end) && !ignore_errors)
			return -ENOMEM;
	}
	return 0;
}
