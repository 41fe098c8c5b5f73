/* SPDX-License-Identifier: MIT */
/*
 * mmap: checks in Linux's order, a place, then the mapping itself.
 */
#include "internal.h"
#include "machine.h"

/* What Linux knows under MAP_SHARED_VALIDATE for ordinary files. */
#define MAP_KNOWN                                                                                    \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |     \
		MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | \
		(0x3fUL << 26) | MAP_UNINITIALIZED)

/* A request on its path. */
struct mapping {
	struct mm_struct *mm;
	unsigned long addr, len, prot, flags;
	pgoff_t pgoff;
	vm_flags_t vm_flags;
	struct vm_file *file;  /* a reference is held while one was made here */
	struct vm_file *shmem; /* the caller's, for shared anonymous memory; or NULL */
	bool own_file;
	struct hole hole; /* where it goes, if that was searched for */
};

_Static_assert(
	VM_READ == PROT_READ && VM_WRITE == PROT_WRITE && VM_EXEC == PROT_EXEC, "rights need no translation");

/* What few calls ask for: the flags of a plain one take 25 instructions where they took 63. */
static vm_flags_t rare_flags_of_call(const struct mapping *m)
{
	vm_flags_t vm = 0;

	vm |= m->flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0;
	vm |= m->flags & MAP_LOCKED ? VM_LOCKED : 0;
	vm |= m->flags & MAP_SYNC ? VM_SYNC : 0;
	vm |= (m->flags & MAP_STACK) && m->mm->sys->kernel->stack_not_huge ? VM_NOHUGEPAGE : 0;
	return vm;
}

static bool may_be_tagged(const struct mapping *m)
{
	if ((m->flags & MAP_HUGETLB) || (m->file && m->file->kind == VM_FILE_HUGETLB))
		return has_since(m->mm, &machine_of(m->mm)->huge_tags);
	return (m->flags & MAP_ANONYMOUS) || (m->file && m->file->kind == VM_FILE_SHMEM);
}

static vm_flags_t flags_of_call(const struct mapping *m)
{
	vm_flags_t vm = VM_MAY_FLAGS | m->mm->def_flags | (m->prot & VM_ACCESS_FLAGS);

	vm |= (m->prot & PROT_BTI) && m->mm->sys->branch_targets ? VM_ARM64_BTI : 0;
	if (m->mm->sys->memory_tags)
		vm |= (m->prot & PROT_MTE ? VM_MTE : 0) | (may_be_tagged(m) ? VM_MTE_ALLOWED : 0);
	if (m->flags & (MAP_GROWSDOWN | MAP_LOCKED | MAP_SYNC | MAP_STACK))
		vm |= rare_flags_of_call(m);
	if (m->prot == PROT_EXEC)
		vm |= (vm_flags_t)execute_only_pkey(m->mm, m->prot) << VM_PKEY_SHIFT;
	return vm;
}

static int check_shared_file(struct mapping *m)
{
	if ((m->prot & PROT_WRITE) && !m->file->writable)
		return -EACCES;
	m->vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (!m->file->writable)
		m->vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	return 0;
}

/* Disk file systems know MAP_SYNC, if only to refuse it. */
static unsigned long known_flags(const struct mapping *m)
{
	unsigned long low = MAP_32BIT | (m->mm->sys->kernel->above4g ? MAP_ABOVE4G : 0);

	return MM_IN_32BIT | MAP_KNOWN | (m->file->kind == VM_FILE_REGULAR ? MAP_SYNC : 0) |
	       (machine_of(m->mm)->low_flags ? low : 0);
}

/* Does the mapping end within what the file can ever hold? */
static bool offset_ok(const struct mapping *m)
{
	unsigned long max = m->file->max_bytes ? m->file->max_bytes : ~0UL;

	return m->len <= max && m->pgoff <= to_pages(m->mm, max - m->len);
}

/* What is sealed against writing cannot be mapped for it. */
static int check_seals(const struct mapping *m)
{
	return (m->vm_flags & VM_SHARED) && (m->vm_flags & VM_WRITE) && (m->file->vm_flags_off & VM_MAYWRITE)
		       ? -EPERM
		       : 0;
}

/* Flags that the file itself brings. */
static vm_flags_t flags_of_file(const struct vm_file *file)
{
	switch (file->kind) {
	case VM_FILE_HUGETLB:
		return file->vm_flags | VM_HUGETLB | VM_DONTEXPAND;
	case VM_FILE_SECRET:
		return file->vm_flags | VM_LOCKED | VM_DONTDUMP;
	default:
		return file->vm_flags;
	}
}

static int check_file(struct mapping *m)
{
	unsigned long type = m->flags & MAP_TYPE;
	int err;

	if (!offset_ok(m))
		return -EOVERFLOW;

	if (type == MAP_SHARED_VALIDATE && (m->flags & ~known_flags(m)))
		return -EOPNOTSUPP;
	if (type != MAP_SHARED && type != MAP_SHARED_VALIDATE && type != MAP_PRIVATE)
		return -EINVAL;
	if (type != MAP_PRIVATE) {
		err = check_shared_file(m);
		if (err)
			return err;
	}
	if (!m->file->readable)
		return -EACCES;
	if (m->file->noexec || m->file->kind == VM_FILE_SECRET) {
		if (m->vm_flags & VM_EXEC)
			return -EPERM;
		m->vm_flags &= ~VM_MAYEXEC;
	}
	if (m->vm_flags & VM_GROWSDOWN)
		return -EINVAL;
	if (m->vm_flags & VM_SHARED)
		m->vm_flags &= ~m->file->vm_flags_off; /* what is sealed cannot be made writable later */
	return m->mm->sys->kernel->seals_first ? check_seals(m) : 0;
}

static int check_anonymous(struct mapping *m)
{
	switch (m->flags & MAP_TYPE) {
	case MAP_SHARED:
		if (m->vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		m->pgoff = 0;
		m->vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case MAP_DROPPABLE:
		if (!m->mm->sys->kernel->droppable || (m->flags & (MAP_LOCKED | MAP_HUGETLB)) ||
			(m->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
		m->vm_flags |= VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
		m->pgoff = to_pages(m->mm, m->addr);
		return 0;
	case MAP_PRIVATE:
		m->pgoff = to_pages(m->mm, m->addr);
		return 0;
	default:
		return -EINVAL;
	}
}

static int check_size_and_offset(struct mapping *m)
{
	struct mm_struct *mm = m->mm;

	if (m->file && m->file->kind != VM_FILE_HUGETLB && (m->flags & MAP_HUGETLB))
		return -EINVAL;
	if (m->file && m->file->kind == VM_FILE_HUGETLB)
		m->len = (m->len + m->file->map_align - 1) & ~(m->file->map_align - 1);
	if (!m->len)
		return -EINVAL;
	if (mm->limits.read_implies_exec && (m->prot & PROT_READ) && !(m->file && m->file->noexec))
		m->prot |= PROT_EXEC;
	if (m->flags & MAP_FIXED_NOREPLACE)
		m->flags |= MAP_FIXED;
	if (!(m->flags & MAP_FIXED)) {
		m->addr &= ~(mm_page_size(mm) - 1);
		if (m->addr && m->addr < mm->sys->mmap_min_addr)
			m->addr = mm_page_align(mm, mm->sys->mmap_min_addr);
	}
	m->len = mm_page_align(mm, m->len);
	if (!m->len)
		return -ENOMEM;
	if (m->pgoff + to_pages(mm, m->len) < m->pgoff)
		return -EOVERFLOW;
	return mm->map_count > mm->sys->max_map_count ? -ENOMEM : 0;
}

static int choose_place(struct mapping *m)
{
	m->addr = get_unmapped_area(m->mm, m->file, m->addr, m->len, m->pgoff, m->flags, &m->hole);
	if (IS_ERR_VALUE(m->addr))
		return (int)m->addr;
	if ((m->flags & MAP_FIXED_NOREPLACE) && find_vma_intersection(m->mm, m->addr, m->addr + m->len))
		return -EEXIST;
	return 0;
}

static bool is_shared_anonymous(const struct mapping *m)
{
	return (m->vm_flags & VM_SHARED) && (!m->file || m->file->kind == VM_FILE_ZERO);
}

/* All that is decided from the request alone. */
static int check_request(struct mapping *m)
{
	bool early = m->mm->sys->kernel->key_before_place;
	int err = check_size_and_offset(m);

	if (!err && early)
		m->vm_flags = flags_of_call(m);
	if (!err)
		err = choose_place(m);
	if (err)
		return err;
	if (!early)
		m->vm_flags = flags_of_call(m);
	if ((m->flags & MAP_LOCKED) && !can_do_mlock(m->mm))
		return -EPERM;
	if (!mlock_future_ok(m->mm, m->vm_flags, m->len))
		return -EAGAIN;
	err = m->file ? check_file(m) : check_anonymous(m);
	if (err)
		return err;
	if (m->file && !is_shared_anonymous(m))
		m->vm_flags |= flags_of_file(m->file);
	if (m->flags & MAP_NORESERVE) {
		if (m->mm->sys->overcommit_memory != 2 || (m->file && m->file->kind == VM_FILE_HUGETLB))
			m->vm_flags |= VM_NORESERVE;
	}
	return 0;
}

/* What stands behind shared anonymous memory: charged when it is made, for as long as it is there. */
struct shmem {
	struct vm_file file;
	struct mm_system *sys;
	unsigned long charged; /* pages */
};

_Static_assert(sizeof(struct shmem) <= POOL_LARGE_SIZE, "it can be set aside");

static void shmem_release(struct vm_file *file)
{
	struct shmem *shmem = (struct shmem *)file;

	commit_account(shmem->sys, -(long)shmem->charged);
	pool_free_size(shmem, sizeof(*shmem));
}

static struct vm_file *shmem_file(const struct mapping *m)
{
	unsigned long npages = m->vm_flags & VM_NORESERVE ? 0 : to_pages(m->mm, m->len);
	struct shmem *shmem = pool_alloc_size(sizeof(*shmem));

	if (!shmem)
		return NULL;
	if (vm_charge(m->mm, npages)) {
		pool_free_size(shmem, sizeof(*shmem));
		return NULL;
	}
	*shmem = (struct shmem){ .sys = m->mm->sys,
		.charged = npages,
		.file = { .refs = 1,
			.kind = VM_FILE_SHMEM,
			.readable = true,
			.writable = true,
			.anonymous = true,
			.size = m->len,
			.max_bytes = ~0UL >> 1,
			.name = "/dev/zero (deleted)",
			.release = shmem_release } };
	return &shmem->file;
}

/* Limits and charge for what is mapped, less what goes. */
static int charge(struct mapping *m, const struct unmap *um, unsigned long *charged)
{
	unsigned long npages = to_pages(m->mm, m->len);

	*charged = 0;
	if (m->mm->sys->kernel->mmap_gathers && !may_expand_vm(m->mm, m->vm_flags, npages - um->nr_pages))
		return -ENOMEM;
	if (!accountable_mapping(m->file, m->vm_flags))
		return 0;
	m->vm_flags |= VM_ACCOUNT;
	if (npages > um->nr_accounted && vm_charge(m->mm, npages - um->nr_accounted))
		return -ENOMEM;
	if (npages > um->nr_accounted)
		*charged = npages - um->nr_accounted;
	return 0;
}

/* Could the file still change the area's flags when it has been made?  Same-page merging is decided behind that. */
static bool merging_is_decided(const struct mapping *m)
{
	return m->mm->sys->kernel->mergeable_joins &&
	       (!m->file || m->file->kind == VM_FILE_REGULAR || m->file->kind == VM_FILE_SHMEM);
}

static vm_flags_t flags_to_join(const struct mapping *m)
{
	return merging_is_decided(m) ? mergeable_flags(m->mm, m->vm_flags) : m->vm_flags;
}

static struct vm_area_struct *merge_or_make(struct mapping *m, const struct unmap *um, int *err)
{
	/* All of it is named: else compilers clear it first, with a string instruction that takes long to begin. */
	struct vma_merge vmg = { .mm = m->mm,
		.prev = um->prev,
		.middle = NULL,
		.next = um->next,
		.start = m->addr,
		.end = m->addr + m->len,
		.pgoff = m->pgoff,
		.flags = flags_to_join(m),
		.file = m->file,
		.anon_vma = NULL,
		.copied_from = NULL,
		.origin = NULL,
		.name = NULL,
		.policy = NULL,
		.uffd_ctx = NULL,
		.just_expand = false,
		.after_first = !m->mm->sys->kernel->mmap_joins_before,
		.err = 0,
		.work = MM_CHANGE_MAP,
		.replaces = um->first != NULL,
		.keeps_source = false,
		.from = 0,
		.from_end = 0 };
	struct vm_area_struct *vma = um->bitten ? NULL : vma_merge_new_range(&vmg);

	vmg.flags = mergeable_flags(m->mm, m->vm_flags);
	if (vma)
		m->mm->counters.new_merged++;
	else if (!vmg.err)
		vma = vma_make_range(&vmg, um->bitten);
	*err = vmg.err;
	return vma;
}

static struct vm_area_struct *place(struct mapping *m, const struct unmap *um, int *err)
{
	if (!um->stays)
		return merge_or_make(m, um, err);
	unmap_count_stayed(um);
	return um->bitten;
}

/* VM_SPECIAL and huge page areas are never locked, droppable ones neither. */
static void settle_lock(struct mapping *m, struct vm_area_struct *vma)
{
	if (!(m->vm_flags & VM_LOCKED))
		return;
	if (m->vm_flags &
		(VM_SPECIAL | VM_HUGETLB | (m->mm->sys->kernel->droppable_unlocked ? VM_DROPPABLE : 0)))
		vma_set_flags(vma, vma->vm_flags & ~VM_LOCKED_MASK); /* it is locked already */
	else
		m->mm->locked_vm += to_pages(m->mm, m->len);
}

/*
 * What the file itself says to it: MAP_SYNC needs persistent memory, shared anonymous memory a file of its own, made
 * now unless there is one.
 */
static int ask_file(struct mapping *m)
{
	if (is_shared_anonymous(m)) {
		m->file = m->shmem ? vm_file_get(m->shmem) : shmem_file(m);
		m->own_file = true;
		return m->file ? 0 : -ENOMEM;
	}
	if (!m->file)
		return 0;
	if (check_seals(m))
		return -EPERM;
	if (m->file->kind == VM_FILE_HUGETLB && m->pgoff & to_pages(m->mm, m->file->map_align - 1))
		return -EINVAL;
	if (m->file->kind == VM_FILE_SECRET && !(m->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if (m->file->kind == VM_FILE_SECRET && !mlock_future_ok(m->mm, VM_LOCKED, m->len))
		return -EAGAIN;
	return m->file->kind == VM_FILE_REGULAR && (m->vm_flags & VM_SYNC) ? -EOPNOTSUPP : 0;
}

/* What was not cut since the call was to succeed. */
static int cut_after_all(struct unmap *um)
{
	return um->bitten ? unmap_gather(um, um->mm, um->start, um->end) : 0;
}

/* The file refuses when the old areas have lost their pages: they go all the same. */
static int leave_gap(struct unmap *um, int refusal)
{
	int err = cut_after_all(um);

	if (!err)
		err = unmap_gathered(um, true);
	return err ? err : refusal;
}

/* Pages of [start, end) that are mapped. */
static unsigned long pages_in_the_way(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	unsigned long mapped = 0;
	VMA_ITERATOR(vmi, mm, start);

	for_each_vma_range (vmi, vma, end)
		mapped += to_pages(mm, min(vma->vm_end, end) - max(vma->vm_start, start));
	return mapped;
}

/* Where mmap does not gather: what is in the way goes before anything else is known to work. */
static int unmap_first(const struct mapping *m)
{
	struct mm_struct *mm = m->mm;
	unsigned long end = m->addr + m->len;
	int err;

	if (mm->sys->kernel->mmap_gathers)
		return 0;
	if (!may_expand_vm(mm, m->vm_flags, to_pages(mm, m->len) - pages_in_the_way(mm, m->addr, end)))
		return -ENOMEM;
	/* That huge pages cannot be cut is no memory, here. */
	err = m->hole.known ? 0 : do_munmap(mm, m->addr, end);
	return err == -EINVAL ? -ENOMEM : err;
}

/* Is it left to unmap_bite() to see what is cut? */
static bool may_bite(const struct mapping *m)
{
	return m->mm->sys->kernel->mmap_gathers && !is_shared_anonymous(m);
}

/* What is in the way: nothing, where the place was searched for. */
static int gather(const struct mapping *m, struct unmap *um)
{
	struct vm_area_struct *vma;
	int err;

	*um = (struct unmap){ .mm = m->mm,
		.start = m->addr,
		.end = m->addr + m->len,
		.prev = m->hole.prev,
		.next = m->hole.next };
	if (m->hole.known)
		return 0;
	vma = index_find_prev(m->mm, um->start, &um->prev);
	um->next = vma;
	if (!vma || vma->vm_start >= um->end)
		return 0;
	err = may_bite(m) ? unmap_bite(um, vma, m->file, m->pgoff, m->vm_flags) : 0;
	return err || um->bitten ? err : unmap_gather(um, m->mm, um->start, um->end);
}

static int gather_and_charge(struct mapping *m, struct unmap *um, unsigned long *charged)
{
	int err = gather(m, um), cut;

	if (err)
		return err;
	err = charge(m, um, charged);
	if (!err)
		return 0;
	cut = cut_after_all(um);
	return cut ? cut : err;
}

static int map_region(struct mapping *m)
{
	struct mm_struct *mm = m->mm;
	struct vm_area_struct *vma;
	unsigned long charged;
	struct unmap um;
	int err = map_deny_write_exec(mm, m->vm_flags, m->vm_flags) ? -EACCES : 0;

	if (!err && tags_are_refused(m->vm_flags))
		err = -EINVAL;
	if (!err)
		err = unmap_first(m);
	if (!err)
		err = gather_and_charge(m, &um, &charged);
	if (err)
		return err;
	err = ask_file(m);
	if (err) {
		vm_uncharge(mm, charged);
		return leave_gap(&um, err);
	}
	if (um.stays) {
		err = unmap_bite_stays(&um, m->file, flags_to_join(m));
		if (err) {
			vm_uncharge(mm, charged);
			return err;
		}
	}
	unmap_lock_areas(&um);
	mm->map_count -= um.count;
	vma = place(m, &um, &err);
	if (!vma) {
		mm->map_count += um.count;
		vm_uncharge(mm, charged);
		return err;
	}
	/* Done; what was there before goes.  Its charge has become ours as far as it reached. */
	if (m->vm_flags & VM_ACCOUNT)
		commit_account(mm->sys, (long)(to_pages(mm, m->len) - charged));
	unmap_complete(&um);
	vm_stat_account(mm, m->vm_flags, (long)to_pages(mm, m->len));
	settle_lock(m, vma);
	mm->counters.new_areas++;
	return 0;
}

unsigned long do_mmap(struct mm_struct *mm, const struct mmap_request *req, pgoff_t pgoff)
{
	struct mapping m = { .mm = mm,
		.addr = req->addr,
		.len = req->len,
		.prot = req->prot,
		.flags = req->flags,
		.pgoff = pgoff,
		.file = req->file,
		.shmem = req->shmem };
	int err = check_request(&m);
	mm_call(mm);

	if (!err)
		err = map_region(&m);
	if (m.own_file)
		vm_file_put(m.file);
	if (err)
		return (unsigned long)(long)err;
	if ((m.vm_flags & VM_LOCKED) || (m.flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		(void)mm_populate(mm, m.addr, m.addr + m.len, true);
	return m.addr;
}

unsigned long mm_mmap(struct mm_struct *mm, const struct mmap_request *req)
{
	return offset_in_page(mm, req->offset) ? (unsigned long)-EINVAL
					       : do_mmap(mm, req, to_pages(mm, req->offset));
}
