/* SPDX-License-Identifier: MIT */
/*
 * mprotect: area by area, as far as it goes; what lies before a failure has changed.
 */
#include "internal.h"
#include "machine.h"

#define PKEYS 16

/* Kernels for some machines have had no calls that are about keys. */
static bool has_key_calls(const struct mm_struct *mm)
{
	return has_since(mm, &machine_of(mm)->keys);
}

/*
 * Without keys there is one to be allocated, once, to which no access can be given; where key 0 is always allocated there
 * is none.
 */
int mm_pkey_alloc(struct mm_struct *mm)
{
	int pkeys = mm->sys->pkeys ? PKEYS : machine_of(mm)->key_0 ? 0 : 1;

	if (!has_key_calls(mm))
		return -ENOSYS;
	for (int pkey = 0; pkey < pkeys; pkey++) {
		if (mm->pkeys_allocated & 1U << pkey)
			continue;
		mm->pkeys_allocated |= (uint16_t)(1U << pkey);
		return mm->sys->pkeys ? pkey : -EINVAL;
	}
	return -ENOSPC;
}

/* The key of memory that may be executed alone is the kernel's own. */
static bool pkey_is_allocated(const struct mm_struct *mm, int pkey)
{
	int pkeys = mm->sys->pkeys ? PKEYS : machine_of(mm)->key_0 ? 1 : 0;

	return pkey >= 0 && pkey < pkeys && pkey != mm->execute_only_pkey &&
	       (mm->pkeys_allocated & 1U << pkey);
}

int mm_pkey_free(struct mm_struct *mm, int pkey)
{
	if (!has_key_calls(mm))
		return -ENOSYS;
	if (!pkey_is_allocated(mm, pkey))
		return -EINVAL;
	mm->pkeys_allocated &= (uint16_t) ~(1U << pkey);
	return 0;
}

int execute_only_pkey(struct mm_struct *mm, unsigned long prot)
{
	int pkey;

	if (prot != PROT_EXEC || !mm->sys->pkeys)
		return 0;
	if (mm->execute_only_pkey == -1) {
		pkey = mm_pkey_alloc(mm);
		if (pkey < 0)
			return 0;
		mm->execute_only_pkey = (signed char)pkey;
	}
	return mm->execute_only_pkey;
}

static int pkey_of(const struct vm_area_struct *vma)
{
	return (int)((vma->vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT);
}

/* The key that an area has after mprotect() with @prot and @pkey. */
static vm_flags_t pkey_flags(const struct vm_area_struct *vma, unsigned long prot, int pkey)
{
	bool execute_only =
		(vma->vm_flags & VM_ACCESS_FLAGS) == VM_EXEC && pkey_of(vma) == vma->vm_mm->execute_only_pkey;

	if (pkey != -1)
		return (vm_flags_t)pkey << VM_PKEY_SHIFT;
	if (execute_only && prot != PROT_EXEC)
		return 0;
	pkey = execute_only_pkey(vma->vm_mm, prot);
	return pkey ? (vm_flags_t)pkey << VM_PKEY_SHIFT : vma->vm_flags & VM_PKEY_MASK;
}

static vm_flags_t prot_flags(unsigned long prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0) | (prot & PROT_BTI ? VM_ARM64_BTI : 0) |
	       (prot & PROT_MTE ? VM_MTE : 0);
}

/* What mprotect knows, and gives anew; tags stay. */
static unsigned long known_prot(const struct mm_struct *mm)
{
	return PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | (mm->sys->branch_targets ? PROT_BTI : 0) |
	       (mm->sys->memory_tags ? PROT_MTE : 0);
}

#define GIVEN_ANEW (VM_ACCESS_FLAGS | VM_PKEY_MASK | VM_ARM64_BTI)

/*
 * Private memory that becomes writable is charged.  The charge stays when it is made unwritable again, unless
 * nothing can have been written: *flags says which.  0, -ENOMEM.
 */
static int settle_charge(
	const struct vm_area_struct *vma, vm_flags_t *flags, unsigned long npages, unsigned long *charged)
{
	struct mm_struct *mm = vma->vm_mm;
	vm_flags_t old = vma->vm_flags;

	*charged = 0;
	if (!(*flags & VM_WRITE)) {
		if (mm->sys->kernel->uncharges_untouched && (old & VM_ACCOUNT) && vma_is_anonymous(vma) &&
			!vma->anon_vma)
			*flags &= ~VM_ACCOUNT;
		return 0;
	}
	if (!may_expand_vm(mm, *flags, npages) && may_expand_vm(mm, old, npages))
		return -ENOMEM;
	if (old & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE))
		return 0;
	if (vm_charge(mm, npages))
		return -ENOMEM;
	*charged = npages;
	*flags |= VM_ACCOUNT;
	return 0;
}

/* Change [start, end) of one area. *reached: up to where areas have the new flags. */
static int protect_area(struct vm_area_struct *vma, unsigned long start, unsigned long end, vm_flags_t flags,
	unsigned long *reached)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long npages = to_pages(mm, end - start), charged;
	vm_flags_t old = vma->vm_flags;
	int err;

	if (vma_is_sealed(vma))
		return -EPERM;
	*reached = vma->vm_end;
	if (flags == old)
		return 0;
	err = settle_charge(vma, &flags, npages, &charged);
	if (err)
		return err;
	vma = vma_modify_flags(vma, start, end, flags);
	if (IS_ERR(vma)) {
		vm_uncharge(mm, charged);
		return (int)PTR_ERR(vma);
	}
	*reached = vma->vm_end;
	if ((old & VM_ACCOUNT) && !(flags & VM_ACCOUNT))
		vm_uncharge(mm, npages);
	vm_stat_account(mm, old, -(long)npages);
	vm_stat_account(mm, flags, (long)npages);
	if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && (flags & VM_WRITE))
		(void)mm_populate(mm, start, end, true);
	return 0;
}

struct protection {
	unsigned long prot;
	int pkey;
	bool read_implies_exec;
};

/* @vma: the first area that ends above @start. */
static int protect_range(
	struct vm_area_struct *vma, unsigned long start, unsigned long end, const struct protection *p)
{
	struct mm_struct *mm = vma->vm_mm;

	for (;;) {
		unsigned long prot = p->prot;
		vm_flags_t flags;
		int err;

		if (!vma || vma->vm_start > start)
			return -ENOMEM;
		if (p->read_implies_exec && (vma->vm_flags & VM_MAYEXEC))
			prot |= PROT_EXEC;
		flags = prot_flags(prot) | pkey_flags(vma, prot, p->pkey) | (vma->vm_flags & ~GIVEN_ANEW);
		if (((flags & ~(flags >> 4)) & VM_ACCESS_FLAGS) ||
			map_deny_write_exec(mm, vma->vm_flags, flags))
			return -EACCES;
		if (tags_are_refused(flags))
			return -EINVAL;
		err = protect_area(vma, start, min(vma->vm_end, end), flags, &start);
		if (err || start >= end)
			return err;
		vma = index_find(mm, start);
	}
}

int mm_mprotect(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long prot, int pkey)
{
	unsigned long grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP), end;
	struct protection p = { .prot = prot & ~(unsigned long)(PROT_GROWSDOWN | PROT_GROWSUP),
		.pkey = pkey,
		.read_implies_exec = mm->limits.read_implies_exec && (prot & PROT_READ) };
	struct vm_area_struct *vma;
	mm_call(mm);

	addr = plain_address(mm, addr);
	if (pkey != -1 && !has_key_calls(mm))
		return -ENOSYS;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || offset_in_page(mm, addr))
		return -EINVAL;
	if (!len)
		return 0;
	end = addr + mm_page_align(mm, len);
	if (end <= addr)
		return -ENOMEM;
	if (p.prot & ~known_prot(mm))
		return -EINVAL;
	if (pkey != -1 && !pkey_is_allocated(mm, pkey))
		return -EINVAL;
	vma = index_find_until(mm, addr, end - 1);
	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		addr = vma->vm_start;
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
	} else if (vma->vm_start > addr) {
		return -ENOMEM;
	} else if (grows & PROT_GROWSUP) {
		return -EINVAL;
	}
	return protect_range(vma, addr, end, &p);
}
