/* SPDX-License-Identifier: MIT */
/*
 * An address space from its beginning to its end: init, areas that exec or attach brings, fork, exit.
 */

#include "alloc.h"
#include "internal.h"
#include "machine.h"
#include "bytes.h"

#define MB (1UL << 20)

#ifdef VMAPLE_CHECKS
#define VERIFY_BY_DEFAULT MM_VERIFY_SOMETIMES
#else
#define VERIFY_BY_DEFAULT MM_VERIFY_NEVER
#endif

void mm_system_init(struct mm_system *sys, const struct rmap_ops *rmap)
{
	*sys = (struct mm_system){
		.rmap = rmap,
		.kernel = kernel_profile_default,
		.page_shift = 12,
		.max_map_count = 65530,
		.mmap_min_addr = 65536,
		.dac_mmap_min_addr = 65536,
		.stack_guard_gap = 256UL << 12,
		.overcommit_memory = 1,
		.commit_limit = ~0UL,
		.pmd_size = 2 * MB,
		.thp_enabled = 1,
		.verify = VERIFY_BY_DEFAULT,
	};
}

int mm_system_set_page_shift(struct mm_system *sys, unsigned int shift)
{
	if (shift < MM_PAGE_SHIFT_MIN || shift > MM_PAGE_SHIFT_MAX)
		return -EINVAL;
	sys->page_shift = shift;
	sys->stack_guard_gap = 256UL << shift;
	sys->pmd_size = 1UL << (shift + shift - 3);
	return 0;
}

static void begin_space(struct mm_struct *mm, unsigned long task_size)
{
	mm->task_size = task_size;
	mm->mmap_window = task_size;
	(void)!mm_set_mmap_base(mm, 8 * MB, false, 0);
	/* A small space has no searches but its own: there it is where calls end. */
	if (task_size > 1UL << 32)
		task_size = (1UL << 32) - 2 * mm_page_size(mm);
	(void)!mm_set_mmap_compat_base(mm, task_size, 8 * MB, false, 0);
}

int mm_set_task_size(struct mm_struct *mm, unsigned long task_size)
{
	if (!task_size || offset_in_page(mm, task_size) || task_size > -mm_page_size(mm) || mm->map_count)
		return -EINVAL;
	begin_space(mm, task_size);
	return 0;
}

/* The stack begins anywhere in so many bytes, of larger pages in those that are whole: a 32-bit process has few to give away. */
static unsigned long stack_area(const struct mm_struct *mm, unsigned long window)
{
	unsigned long area = window <= 1UL << 32 ? 0x7ffUL << MM_PAGE_SHIFT_MIN : machine_of(mm)->stack_area;

	return area & ~(mm_page_size(mm) - 1);
}

/* How far the base lies below the end of a window. */
static unsigned long gap_below(
	const struct mm_struct *mm, unsigned long window, unsigned long stack_limit, bool randomised)
{
	unsigned long pad = mm->sys->stack_guard_gap, gap = stack_limit;

	if (randomised)
		pad += stack_area(mm, window);
	if (gap + pad > gap)
		gap += pad;
	return min(max(gap, 128 * MB), window / 6 * 5);
}

/* The gap is five sixths at most: a base stays above 0 with a sixth that is random. */
static bool may_be_random(const struct mm_struct *mm, unsigned long window, unsigned long random_pages)
{
	return random_pages <= to_pages(mm, window / 6);
}

int mm_set_mmap_base(
	struct mm_struct *mm, unsigned long stack_limit, bool randomised, unsigned long random_pages)
{
	unsigned long window = mm->mmap_window, random = random_pages << mm->sys->page_shift;

	if (!may_be_random(mm, window, random_pages))
		return -EINVAL;
	mm->mmap_base = mm_page_align(mm, window - gap_below(mm, window, stack_limit, randomised) - random);
	mm->mmap_legacy_base = mm_page_align(mm, window / machine_of(mm)->share) + random;
	return 0;
}

int mm_set_mmap_compat_base(struct mm_struct *mm, unsigned long task_size, unsigned long stack_limit,
	bool randomised, unsigned long random_pages)
{
	unsigned long random = random_pages << mm->sys->page_shift;

	if (!task_size || offset_in_page(mm, task_size) || task_size > mm->task_size ||
		!may_be_random(mm, task_size, random_pages))
		return -EINVAL;
	mm->compat_task_size = task_size;
	mm->mmap_compat_base =
		mm_page_align(mm, task_size - gap_below(mm, task_size, stack_limit, randomised) - random);
	mm->mmap_compat_legacy_base = mm_page_align(mm, task_size / 3) + random;
	return 0;
}

void mm_init(struct mm_struct *mm, struct mm_system *sys)
{
	*mm = (struct mm_struct){
		.sys = sys,
		.limits = { .as = MM_UNLIMITED,
			.data = MM_UNLIMITED,
			.stack = MM_UNLIMITED,
			.memlock = MM_UNLIMITED,
			.data_hard = MM_UNLIMITED },
		.topdown = true,
		.pkeys_allocated = sys->pkeys || machines[sys->machine].key_0,
		.execute_only_pkey = -1,
		.mm_lock_seq = 1,
	};
	begin_space(mm, machine_window(mm));
	index_init(mm);
}

void mm_exit(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *areas = NULL;
	VMA_ITERATOR(vmi, mm, 0);
	mm_call(mm);

	for_each_vma (vmi, vma) {
		if (vma->vm_mm != mm)
			break; /* a fork has failed: the rest is the parent's */
		vma_start_write(vma);
		vma->vm_next = areas;
		areas = vma;
	}
	index_destroy(mm);
	while (areas) {
		vma = areas;
		areas = vma->vm_next;
		if (vma->vm_flags & VM_ACCOUNT)
			vm_uncharge(mm, vma_pages(vma));
		vma_zap(vma, vma->vm_start, vma->vm_end);
		ops_close(vma);
		vma_free(vma);
	}
	if (mm->pgd)
		mm->sys->pages->exit(mm);
	mm->map_count = 0;
	mm->total_vm = mm->data_vm = mm->exec_vm = mm->stack_vm = mm->locked_vm = 0;
}

static struct vm_area_struct *area_of_spec(struct mm_struct *mm, const struct area_spec *spec)
{
	struct vm_area_struct *vma = vma_alloc(mm);

	if (!vma)
		return NULL;
	vma->vm_start = spec->start;
	vma->vm_end = spec->end;
	vma->vm_flags = spec->vm_flags;
	vma->vm_file = vm_file_get(spec->file);
	vma->vm_pgoff = spec->file || spec->has_pgoff ? spec->pgoff : to_pages(mm, spec->start);
	vma->policy = spec->policy;
	vma->uffd_ctx = spec->uffd_ctx;
	if (spec->anon_name) {
		vma->anon_name = anon_vma_name_alloc(spec->anon_name);
		if (!vma->anon_name) {
			vma_free(vma);
			return NULL;
		}
	}
	return vma;
}

/* As from a parent that has gone: the parent's anon_vma stays in the chain. */
static int inherit_anon_vma(struct vm_area_struct *vma)
{
	const struct rmap_ops *rmap = vma->vm_mm->sys->rmap;
	struct vm_area_struct *parent = vma_copy(vma, vma->vm_mm);
	int err = -ENOMEM;

	if (!parent)
		return -ENOMEM;
	if (!rmap->prepare(parent, NULL, NULL))
		err = rmap->fork(vma, parent);
	vma_free(parent);
	return err;
}

static int touch_area(struct vm_area_struct *vma, const struct area_spec *spec)
{
	const struct rmap_ops *rmap = vma->vm_mm->sys->rmap;

	if (!spec->touched)
		return 0;
	if (spec->anon_like)
		return rmap->clone(vma, spec->anon_like);
	return spec->inherited ? inherit_anon_vma(vma) : rmap->prepare(vma, NULL, NULL);
}

int mm_insert_area(struct mm_struct *mm, const struct area_spec *spec)
{
	struct vm_area_struct *vma;
	bool account = spec->vm_flags & VM_ACCOUNT;
	unsigned long npages;
	int err = -ENOMEM;
	mm_call(mm);

	if (spec->start >= spec->end || spec->end > mm->task_size ||
		offset_in_page(mm, spec->start | spec->end))
		return -EINVAL;
	if (find_vma_intersection(mm, spec->start, spec->end))
		return -EEXIST;
	npages = to_pages(mm, spec->end - spec->start);
	vma = area_of_spec(mm, spec);
	if (!vma)
		return -ENOMEM;
	if (touch_area(vma, spec) || (account && vm_charge(mm, npages)))
		goto free_vma;
	err = vma_link(mm, vma, NULL, NULL);
	if (err)
		goto uncharge;
	vm_stat_account(mm, vma->vm_flags, (long)npages);
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += npages;
	return 0;

uncharge:
	if (account)
		vm_uncharge(mm, npages);
free_vma:
	vma_free(vma);
	return err;
}

/* The child's own copy of one area, in no index. */
static struct vm_area_struct *inherit_area(struct mm_struct *child, const struct vm_area_struct *vma)
{
	struct vm_area_struct *copy = vma_copy(vma, child);

	if (!copy)
		return NULL;
	copy->vm_flags &= ~(VM_LOCKED_MASK | VM_UFFD_FLAGS);
	copy->uffd_ctx = NULL;
	if (!(vma->vm_flags & VM_WIPEONFORK) && child->sys->rmap->fork(copy, vma)) {
		vma_free(copy);
		return NULL;
	}
	return copy;
}

/* It is the parent that is asked whether so much may be committed. An area of the child's in its index, or none. */
static int fork_area(struct index_fork *f, struct mm_struct *child, struct vm_area_struct *vma)
{
	bool account = vma->vm_flags & VM_ACCOUNT;
	struct vm_area_struct *copy;
	int err = -ENOMEM;

	if (account && vm_charge(vma->vm_mm, vma_pages(vma)))
		return -ENOMEM;
	copy = inherit_area(child, vma);
	if (copy)
		err = vma_link_inherited(f, copy, vma);
	if (!err) {
		vm_stat_account(child, copy->vm_flags, (long)vma_pages(copy));
		return copy->vm_flags & VM_WIPEONFORK || !child->pgd ? 0 : child->sys->pages->fork(copy, vma);
	}
	if (copy)
		vma_free(copy);
	if (account)
		vm_uncharge(child, vma_pages(vma));
	return err;
}

/* What the child has of its own before it has areas. */
static void begin_child(struct mm_struct *child, const struct mm_struct *parent)
{
	*child = *parent;
	child->calls = 0;
	index_init(child);
	child->map_count = 0;
	child->total_vm = child->data_vm = child->exec_vm = child->stack_vm = child->locked_vm = 0;
	child->def_flags = parent->def_flags & VM_NOHUGEPAGE;
	child->mdwe = parent->mdwe && !parent->mdwe_no_inherit;
	child->mdwe_no_inherit = false;
	child->counters = (struct mm_counters){ 0 };
	child->rmap_private = NULL;
	child->pgd = NULL;
}

static int fork_areas(struct mm_struct *child, struct mm_struct *parent)
{
	struct vm_area_struct *vma;
	struct index_fork f;
	int err = index_fork_begin(&f, child, parent);

	while (!err && (vma = index_fork_next(&f)) != NULL)
		err = vma->vm_flags & VM_DONTCOPY ? index_fork_drop(&f) : fork_area(&f, child, vma);
	if (err) {
		mm_exit(child);
		return err;
	}
	index_fork_end(&f);
	return 0;
}

int mm_fork(struct mm_struct *child, struct mm_struct *parent)
{
	int err;
	mm_call(parent);

	begin_child(child, parent);
	if (parent->pgd && parent->sys->pages->begin_fork(child, parent))
		return -ENOMEM;
	err = fork_areas(child, parent);
	if (err)
		return err;
	child->mm_lock_seq++; /* its areas were born locked */
	if (child->sys->verify)
		index_verify(child);
	return 0;
}
