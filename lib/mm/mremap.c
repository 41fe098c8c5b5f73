/* SPDX-License-Identifier: MIT */
/*
 * mremap: shrink, grow in place, move.
 *
 *      shrink      |-- vma --|#####|            the tail is unmapped
 *      grow        |-- vma --|+++++|            where free, joined like a new range
 *      move        |######|       ->   |------| copied, then unmapped at the old place
 *      DONTUNMAP   |------|       ->   |------| copied; what is left behind is empty
 *      old_len 0   |-- vma --|    ->   |------| a second view of shared memory
 *
 * Here is what is asked for, and whether that can be; moving is in move.c.  A move without a change of size
 * (MREMAP_FIXED, old_len == new_len) may span several areas and the holes between them, since Linux 6.17.
 */
#include "machine.h"
#include "mremap.h"

static bool implies_new_addr(const struct remap *r)
{
	return r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

static bool overlaps(const struct remap *r)
{
	return r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr;
}

/* Two cuts for the target, and those of the move. */
static int check_room(const struct remap *r)
{
	const struct mm_struct *mm = r->mm;

	return !mm->sys->kernel->mremap_counts_cuts && mm->map_count + 2 >= mm->sys->max_map_count - 3
		       ? -ENOMEM
		       : 0;
}

/* Is the place that is asked for one, and is there room for its cuts? */
static int check_target(const struct remap *r)
{
	struct mm_struct *mm = r->mm;

	if (r->new_len > end_for_calls(mm) || r->new_addr > end_for_calls(mm) - r->new_len)
		return -EINVAL;
	if (offset_in_page(mm, r->new_addr) || overlaps(r))
		return -EINVAL;
	return check_room(r);
}

/* At worst the target is cut out of an area, and the old range out of another; what is kept may be cut out before. */
static bool has_room_for_cuts(const struct remap *r)
{
	const struct kernel_profile *kernel = r->mm->sys->kernel;
	int cuts = (r->flags & MREMAP_DONTUNMAP) && kernel->dontunmap_cuts ? 5 : 4;

	return !kernel->mremap_counts_cuts || r->mm->map_count + cuts <= r->mm->sys->max_map_count;
}

static int check_request(const struct remap *r, const struct mremap_request *req)
{
	struct mm_struct *mm = r->mm;

	if (r->flags & ~(MM_IN_32BIT | MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (offset_in_page(mm, r->addr) || !r->new_len)
		return -EINVAL;
	if (implies_new_addr(r) && !(r->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && r->old_len != r->new_len)
		return -EINVAL;
	if (mm->sys->kernel->mremap_aligns_first && implies_new_addr(r) && offset_in_page(mm, r->new_addr))
		return -EINVAL;
	if (!mm->sys->kernel->mremap_checks_first) {
		if ((r->flags & MREMAP_DONTUNMAP) && req->old_len != req->new_len)
			return -EINVAL;
		return mm->sys->kernel->mremap_aligns_first && implies_new_addr(r) ? check_room(r) : 0;
	}
	if (r->new_len > end_for_calls(mm))
		return -EINVAL;
	return implies_new_addr(r) ? check_target(r) : 0;
}

/* A longer mapping: is there room for it in offsets and limits? */
static int check_growth(struct remap *r)
{
	const struct vm_area_struct *vma = r->vma;
	unsigned long delta = r->new_len - r->old_len;
	pgoff_t pgoff = vma_pgoff_at(vma, r->addr);

	if (vma->vm_flags & VM_LOCKED)
		r->populate = true;
	if (pgoff + to_pages(r->mm, r->new_len) < pgoff)
		return -EINVAL;
	if (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return -EFAULT;
	if (!mlock_future_ok(r->mm, vma->vm_flags, delta))
		return -EAGAIN;
	return may_expand_vm(r->mm, vma->vm_flags, to_pages(r->mm, delta)) ? 0 : -ENOMEM;
}

/* Where mremap does not look at areas first, it refuses those of huge page files when it does. */
static bool huge_pages_stay(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_HUGETLB) && !vma->vm_mm->sys->kernel->mremap_looks;
}

/* Can the area be what is asked for? */
static int check_resize(struct remap *r)
{
	struct vm_area_struct *vma = r->vma;
	unsigned long old_len = min(r->old_len, r->new_len);

	if (r->new_len <= r->old_len && !implies_new_addr(r))
		return 0;
	if (!r->old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && (!vma_is_anonymous(vma) || (vma->vm_flags & VM_SHARED)) &&
		!r->mm->sys->kernel->dontunmap_files)
		return -EINVAL;
	if (huge_pages_stay(vma))
		return -EINVAL;
	if (old_len > vma->vm_end - r->addr)
		return -EFAULT;
	return r->new_len > r->old_len ? check_growth(r) : 0;
}

/* Of huge pages whole ones move, and no more than there are. */
static int align_to_pages(struct remap *r)
{
	unsigned long mask = vma_page_mask(r->vma);

	r->old_len = (r->old_len + mask) & ~mask;
	r->new_len = (r->new_len + mask) & ~mask;
	if (!(r->vma->vm_flags & VM_HUGETLB))
		return 0;
	return (r->addr | r->new_addr) & mask || r->new_len > r->old_len ? -EINVAL : 0;
}

/* Nothing is looked at but the request: is that enough? */
static bool needs_no_area(const struct remap *r)
{
	return !r->mm->sys->kernel->mremap_looks && (implies_new_addr(r) || r->new_len <= r->old_len);
}

static int check_area(struct remap *r)
{
	int err;

	if (needs_no_area(r))
		return implies_new_addr(r) ? check_target(r) : 0;
	if (!r->vma)
		return -EFAULT;
	if (vma_is_sealed(r->vma))
		return -EPERM;
	err = huge_pages_stay(r->vma) ? -EINVAL : align_to_pages(r);
	if (err)
		return err;
	if (r->mm->sys->kernel->mremap_checks_first || !implies_new_addr(r))
		return check_resize(r);
	return check_target(r);
}

static bool expandable(const struct remap *r)
{
	struct vm_area_struct *vma = r->vma;
	unsigned long delta = r->new_len - r->old_len, end = vma->vm_end + delta;

	if (r->old_len != vma->vm_end - r->addr || end < vma->vm_end)
		return false;
	if (find_vma_intersection(r->mm, vma->vm_end, end))
		return false;
	return !IS_ERR_VALUE(
		mm_get_unmapped_area(r->mm, NULL, vma->vm_start, end - vma->vm_start, 0, MAP_FIXED));
}

static int expand_in_place(struct remap *r)
{
	struct vm_area_struct *vma = r->vma;
	unsigned long delta = r->new_len - r->old_len, charged;
	vm_flags_t flags = vma->vm_flags;
	struct vma_merge vmg =
		vma_merge_like(vma, vma->vm_end, vma->vm_end + delta, vma->vm_pgoff + vma_pages(vma));

	if (remap_charge(r, &charged))
		return -ENOMEM;
	vmg.just_expand = vma_has_close(vma) || !r->mm->sys->kernel->growth_joins;
	vmg.prev = vma;
	vmg.next = find_vma(r->mm, vma->vm_end);
	if (!vma_merge_new_range(&vmg)) {
		vm_uncharge(r->mm, charged);
		return vmg.err ? vmg.err : -ENOMEM;
	}
	remap_account(r, flags, delta);
	return 0;
}

static int choose_place(struct remap *r)
{
	const struct vm_area_struct *vma = r->vma;
	unsigned long flags = (r->flags & MREMAP_FIXED ? MAP_FIXED : 0) |
			      (vma->vm_flags & VM_MAYSHARE ? MAP_SHARED : 0) | (r->flags & MM_IN_32BIT);
	unsigned long hint = implies_new_addr(r) ? r->new_addr : 0;

	r->new_addr = mm_get_unmapped_area(
		r->mm, vma_file(vma), hint, r->new_len, vma_pgoff_at(vma, r->addr), flags);
	return IS_ERR_VALUE(r->new_addr) ? (int)r->new_addr : 0;
}

/* With MREMAP_FIXED or MREMAP_DONTUNMAP. */
static unsigned long remap_to(struct remap *r)
{
	int err;

	if (r->flags & MREMAP_FIXED) {
		err = mm_munmap(r->mm, r->new_addr, r->new_len);
		if (err)
			return err;
		r->vma = vma_lookup(r->mm, r->addr);
		if (!r->vma && r->mm->sys->kernel->mremap_checks_first)
			return -EFAULT;
	}
	if (r->new_len < r->old_len) {
		err = mm_munmap(r->mm, r->addr + r->new_len, r->old_len - r->new_len);
		if (err)
			return err;
		r->old_len = r->new_len;
		r->vma = vma_lookup(r->mm, r->addr);
	}
	if (!r->vma)
		return -EFAULT;
	if (!r->mm->sys->kernel->mremap_checks_first) {
		err = check_resize(r);
		if (err)
			return err;
	}
	if ((r->flags & MREMAP_DONTUNMAP) &&
		!may_expand_vm(r->mm, r->vma->vm_flags, to_pages(r->mm, r->old_len)))
		return -ENOMEM;
	err = choose_place(r);
	return err ? (unsigned long)err : remap_move(r);
}

/* Where it is, or wherever there is room. */
static unsigned long remap_at(struct remap *r)
{
	int err;

	if (r->new_len == r->old_len)
		return r->addr;
	if (r->new_len < r->old_len) {
		err = mm_munmap(r->mm, r->addr + r->new_len, r->old_len - r->new_len);
		return err ? (unsigned long)err : r->addr;
	}
	if (expandable(r)) {
		err = expand_in_place(r);
		return err ? (unsigned long)err : r->addr;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	err = choose_place(r);
	return err ? (unsigned long)err : remap_move(r);
}

/*
 * Only areas whose place is sure to be honoured move together: not those of files with an odd
 * placement of their own.  Of a map that was adopted the flags alone tell that a userfaultfd serves them.
 */
static bool multi_allowed(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_UFFD_FLAGS)
		return false;
	if (!vma->vm_file)
		return true;
	return vma->vm_file->kind != VM_FILE_ZERO &&
	       (vma->vm_file->kind == VM_FILE_HUGETLB || !vma_is_segment(vma));
}

/* One area's part of a pure move. */
static unsigned long move_part(
	const struct remap *whole, struct vm_area_struct *vma, unsigned long new_addr, unsigned long *len)
{
	struct remap part = *whole;
	int err;

	part.vma = vma;
	part.addr = max(vma->vm_start, whole->addr);
	part.old_len = part.new_len = *len = min(vma->vm_end, whole->addr + whole->old_len) - part.addr;
	part.new_addr = new_addr;
	err = check_area(&part);
	return err ? (unsigned long)err : remap_to(&part);
}

static unsigned long move_all(struct remap *r)
{
	unsigned long end = r->addr + r->old_len, target = r->new_addr, last_end = 0, result = -EFAULT,
		      at = r->addr;
	struct vm_area_struct *vma;
	bool seen = false;

	while ((vma = find_vma_intersection(r->mm, at, end)) != NULL) {
		unsigned long len, res, vma_end = vma->vm_end;

		if (!seen && r->addr < vma->vm_start)
			return -EFAULT;
		if (!multi_allowed(vma) && (seen || vma_end < end))
			return -EFAULT;
		res = move_part(r, vma, target + (seen ? vma->vm_start - last_end : 0), &len);
		if (IS_ERR_VALUE(res))
			return res;
		if (!seen)
			result = res;
		seen = true;
		target = res + len;
		last_end = at = vma_end;
	}
	return result;
}

unsigned long mm_mremap(struct mm_struct *mm, const struct mremap_request *req)
{
	struct remap r = { .mm = mm,
		.addr = plain_address(mm, req->addr),
		.old_len = mm_page_align(mm, req->old_len),
		.new_len = mm_page_align(mm, req->new_len),
		.flags = req->flags,
		.new_addr = req->new_addr };
	unsigned long result;
	int err = check_request(&r, req);
	mm_call(mm);

	if (err)
		return err;
	if (!has_room_for_cuts(&r))
		return -ENOMEM;
	if ((r.flags & MREMAP_FIXED) && r.old_len == r.new_len && mm->sys->kernel->mremap_several)
		return move_all(&r);
	r.vma = vma_lookup(mm, r.addr);
	err = check_area(&r);
	if (err)
		return err;
	result = implies_new_addr(&r) ? remap_to(&r) : remap_at(&r);
	if (!IS_ERR_VALUE(result) && r.populate)
		(void)mm_populate(mm, result + r.old_len, result + r.new_len, true);
	return result;
}
