/* SPDX-License-Identifier: MIT */
/*
 * What an area carries besides its access: seal, anonymous name, memory policy, userfaultfd.
 *
 * Each walks the range, and cuts and joins through vma_modify().
 */
#include "internal.h"
#include "machine.h"

/* What one step changes; the unused members keep the area's own. */
struct change {
	vm_flags_t set, clear;
	struct anon_vma_name *name;
	const void *policy, *uffd_ctx;
	bool names, policies, uffds; /* which of the three are meant */
	bool not_left;               /* it joins nothing on its left */
};

/* Apply @c to [start, end) of @vma; the area that has it, or ERR_PTR(). */
static struct vm_area_struct *change_area(
	struct vm_area_struct *vma, unsigned long start, unsigned long end, const struct change *c)
{
	struct vma_merge vmg = vma_merge_change(vma, start, end);

	vmg.flags = (vmg.flags | c->set) & ~c->clear;
	if (c->names)
		vmg.name = c->name;
	if (c->policies)
		vmg.policy = c->policy;
	if (c->uffds)
		vmg.uffd_ctx = c->uffd_ctx;
	if (c->uffds && start > vma->vm_start && !vma->vm_mm->sys->kernel->served_part_joins)
		vmg.just_expand = true;
	if (c->not_left)
		vmg.prev = NULL;
	vma = vma_modify(&vmg);
	if (IS_ERR(vma))
		return vma;
	vma_start_write(vma);
	vma->policy = vmg.policy;
	vma->uffd_ctx = vmg.uffd_ctx;
	if (c->names && vma->anon_name != c->name) {
		anon_vma_name_put(vma->anon_name);
		vma->anon_name = anon_vma_name_get(c->name);
	}
	vma_set_flags(vma, vmg.flags | (vma->vm_flags & VM_MAYBE_GUARD));
	return vma;
}

static bool range_is_mapped(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	while (start < end) {
		struct vm_area_struct *vma = find_vma(mm, start);

		if (!vma || vma->vm_start > start)
			return false;
		start = vma->vm_end;
	}
	return true;
}

/* Checks that these calls share: 0, a positive number for "nothing to do", or -EINVAL. */
static int check_range(const struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long *end)
{
	*end = addr + mm_page_align(mm, len);
	if (offset_in_page(mm, addr) || (len && !mm_page_align(mm, len)) || *end < addr)
		return -EINVAL;
	return *end == addr;
}

int mm_mseal(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long flags)
{
	struct change c = { .set = VM_SEALED };
	unsigned long end, last;
	int err;
	mm_call(mm);

	addr = plain_address(mm, addr);
	err = flags ? -EINVAL : check_range(mm, addr, len, &end);
	if (!mm->sys->kernel->mseal)
		return -ENOSYS;
	if (err)
		return err < 0 ? err : 0;
	if (!range_is_mapped(mm, addr, end))
		return -ENOMEM;
	while (addr < end) {
		struct vm_area_struct *vma = find_vma(mm, addr);

		last = min(end, vma->vm_end);
		if (!vma_is_sealed(vma))
			vma = change_area(vma, addr, last, &c);
		if (IS_ERR(vma))
			return (int)PTR_ERR(vma);
		addr = vma->vm_end;
		c.not_left = addr > last && mm->sys->kernel->seals_piecewise;
	}
	return 0;
}

static int name_range(struct mm_struct *mm, unsigned long addr, unsigned long end, const struct change *c)
{
	int unmapped = 0;

	while (addr < end) {
		struct vm_area_struct *vma = find_vma(mm, addr);
		bool anon_shmem;

		if (!vma || vma->vm_start > addr)
			unmapped = -ENOMEM;
		if (!vma || vma->vm_start >= end)
			break;
		anon_shmem = vma->vm_file && vma->vm_file->kind == VM_FILE_SHMEM && vma->vm_file->anonymous;
		if (vma_file(vma) && !anon_shmem)
			return -EBADF;
		vma = change_area(vma, max(addr, vma->vm_start), min(end, vma->vm_end), c);
		if (IS_ERR(vma))
			return PTR_ERR(vma) == -ENOMEM ? -EAGAIN : (int)PTR_ERR(vma);
		addr = vma->vm_end;
	}
	return unmapped;
}

#define ANON_NAME_BYTES 79

/* What prints, in Latin-1: what looks like the kernel's own words in maps does not count. */
static bool is_anon_name(const char *name)
{
	size_t length = 0;

	for (; name[length]; length++) {
		unsigned char c = (unsigned char)name[length];

		if (length == ANON_NAME_BYTES || c < ' ' || (c > '~' && c < 0xa0) || c == '\\' || c == '`' ||
			c == '$' || c == '[' || c == ']')
			return false;
	}
	return true;
}

int mm_set_anon_name(struct mm_struct *mm, unsigned long addr, unsigned long len, const char *name)
{
	struct change c = { .names = true };
	unsigned long end;
	int err = name && !is_anon_name(name) ? -EINVAL : check_range(mm, addr, len, &end);
	mm_call(mm);

	if (err)
		return err < 0 ? err : 0;
	if (name) {
		c.name = anon_vma_name_alloc(name);
		if (!c.name)
			return -ENOMEM;
	}
	err = name_range(mm, addr, end, &c);
	anon_vma_name_put(c.name);
	return err;
}

int mm_mbind(struct mm_struct *mm, unsigned long addr, unsigned long len, const void *policy)
{
	const struct change c = { .policies = true, .policy = policy };
	unsigned long end;
	int err;
	mm_call(mm);

	addr = plain_address(mm, addr);
	/* A length that wraps to 0 is nothing to do, for this call alone. */
	err = check_range(mm, addr, mm_page_align(mm, len), &end);
	if (err)
		return err < 0 ? err : 0;
	/* The default policy may be given over holes, though not where there is nothing else. */
	if (!find_vma_intersection(mm, addr, end) || (policy && !range_is_mapped(mm, addr, end)))
		return -EFAULT;
	while (addr < end) {
		struct vm_area_struct *vma = find_vma_intersection(mm, addr, end);

		if (!vma)
			break;
		if (vma->policy != policy)
			vma = change_area(vma, max(addr, vma->vm_start), min(end, vma->vm_end), &c);
		if (IS_ERR(vma))
			return (int)PTR_ERR(vma);
		addr = vma->vm_end;
	}
	return 0;
}

/* Memory that a userfaultfd can serve, and huge pages as a whole only: 0 or -errno. */
static int may_register(const struct vm_area_struct *vma, unsigned long start, unsigned long end,
	const void *ctx, vm_flags_t mode)
{
	bool huge = vma->vm_flags & VM_HUGETLB;
	bool shmem = vma->vm_file && vma->vm_file->kind == VM_FILE_SHMEM && !vma_has_close(vma);
	unsigned long in_page = vma_page_mask(vma);

	if ((vma->vm_flags & VM_DROPPABLE) && vma->vm_mm->sys->kernel->droppable_not_served)
		return -EINVAL;
	if ((vma->vm_flags & VM_SHADOW_STACK) || (!huge && (vma->vm_flags & VM_SPECIAL)))
		return -EINVAL;
	if ((mode & VM_UFFD_MINOR) && ((!huge && !shmem) || !vma->vm_mm->sys->kernel->uffd_minor))
		return -EINVAL;
	if (ctx && (mode & VM_UFFD_WP) && (huge || shmem) && !vma->vm_mm->sys->kernel->uffd_protects_files)
		return -EINVAL;
	if (mode != (VM_UFFD_WP | MM_UFFD_WP_ASYNC) && !vma_is_anonymous(vma) && !huge && !shmem)
		return -EINVAL;
	if ((start > vma->vm_start && (start & in_page)) || (end < vma->vm_end && (end & in_page)))
		return -EINVAL;
	if (!ctx)
		return 0;
	if (!(vma->vm_flags & VM_MAYWRITE))
		return -EPERM;
	if (vma->uffd_ctx && vma->uffd_ctx != ctx)
		return -EBUSY;
	/* Pages that are marked as protected would lose what tells what the mark means. */
	return vma->vm_mm->sys->kernel->wp_stays && (vma->vm_flags & ~mode & VM_UFFD_WP) ? -EBUSY : 0;
}

/* Is there something to do for it? Modes that it has already are left as they are. */
static bool registration_changes(const struct vm_area_struct *vma, const struct change *c)
{
	return vma->uffd_ctx != c->uffd_ctx || (vma->vm_flags & c->set) != c->set;
}

int mm_userfaultfd(
	struct mm_struct *mm, unsigned long addr, unsigned long len, const void *ctx, vm_flags_t mode)
{
	const struct change c = {
		.clear = VM_UFFD_FLAGS & ~mode, .set = mode & VM_UFFD_FLAGS, .uffds = true, .uffd_ctx = ctx
	};
	unsigned long end = addr + len;
	struct vm_area_struct *vma;
	int err = -EINVAL;
	mm_call(mm);

	if (offset_in_page(mm, addr | len) || !len || addr >= mm->task_size || len > mm->task_size - addr ||
		(ctx && !c.set) || (mode & ~(VM_UFFD_FLAGS | MM_UFFD_WP_ASYNC)))
		return -EINVAL;
	if (ctx && (mode & VM_UFFD_WP) && !has_since(mm, &machine_of(mm)->uffd_wp))
		return -EINVAL;
	for (unsigned long at = addr; (vma = find_vma_intersection(mm, at, end)) != NULL; at = vma->vm_end) {
		err = may_register(vma, addr, end, ctx, ctx ? mode : mode | (vma->vm_flags & VM_UFFD_FLAGS));
		if (err)
			return err;
	}
	while ((vma = find_vma_intersection(mm, addr, end)) != NULL) {
		if (registration_changes(vma, &c))
			vma = change_area(vma, max(addr, vma->vm_start), min(end, vma->vm_end), &c);
		if (IS_ERR(vma))
			return (int)PTR_ERR(vma);
		addr = vma->vm_end;
	}
	return err;
}
