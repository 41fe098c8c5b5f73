/* SPDX-License-Identifier: MIT */
/*
 * World E: the same calls on the engine, beginning with the same map.
 *
 *    WE1  The parent is this process as it was when the oracle began (background.c).  It is made once, and each
 *         sequence is made on a fork of it, as the kernel's are by a forked child: so what was written before has an
 *         anon_vma that is inherited, in both worlds.
 *    WE2  e->mm[depth] is the process that makes the calls.  CALL_FORK goes one deeper, CALL_EXIT comes back; those
 *         that were spawned live beside it until they are reaped or the sequence ends.
 *    WE3  Everything that differs between machines or kernels is taken from background, and from nowhere else.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include <vmaple/rmap.h>

#include "oracle.h"
#include "uapi.h"

/* What stands in for kinds of files that are not to be had. */
static enum vm_file_kind kind_here(enum vm_file_kind kind)
{
	if (kind == VM_FILE_REGULAR && !background.on_disk)
		return VM_FILE_SHMEM;
	return kind == VM_FILE_SECRET && !background.secret ? VM_FILE_SHMEM : kind;
}

static void set_up_files(struct engine *e)
{
	static const struct {
		enum vm_file_kind kind;
		bool readable, writable, huge; /* huge: placed so that huge pages fit */
	} kinds[FILE_INDICES] = {
		[FILE_RW] = { VM_FILE_REGULAR, true, true, true },
		[FILE_RO] = { VM_FILE_REGULAR, true, false, true },
		[FILE_WO] = { VM_FILE_REGULAR, false, true, true },
		[FILE_MEMFD] = { VM_FILE_SHMEM, true, true, false },
		[FILE_ZERO] = { VM_FILE_ZERO, true, true, false },
		[FILE_NOEXEC] = { VM_FILE_SHMEM, true, true, false },
		[FILE_SEALED] = { VM_FILE_SHMEM, true, true, false },
		[FILE_SECRET] = { VM_FILE_SECRET, true, true, false },
	};

	for (int i = FILE_RW; i < FILE_INDICES; i++)
		e->file[i] = (struct vm_file){ .refs = 1,
			.kind = kind_here(kinds[i].kind),
			.readable = kinds[i].readable,
			.writable = kinds[i].writable,
			/*
			 * F_SEAL_FUTURE_WRITE: a shared mapping loses VM_MAYWRITE, one that is to be
			 * written at once is refused with EPERM (seal_check_write()).
			 */
			.vm_flags_off = i == FILE_SEALED ? VM_MAYWRITE : 0,
			.noexec = i == FILE_NOEXEC && background.noexec,
			/*
			 * ext4, xfs and btrfs have thp_get_unmapped_area() as their get_unmapped_area;
			 * tmpfs has one of its own.
			 */
			.map_align = background.on_disk && kinds[i].huge ? HUGE_PAGE : 0,
			.max_bytes = background.max_bytes[i == FILE_WO ? FILE_RW : i],
			.size = i == FILE_ZERO ? 0 : FILE_PAGES * PAGE,
			.name = "" };
}

/* This process: what it wrote, a child has only inherited. */
static void set_up_parent(struct engine *e)
{
	struct mm_struct *mm = &e->parent;

	mm_system_init(&e->sys, &anon_vma_rmap);
	/* It cannot fail: the kernel's pages are ones that the engine has. */
	(void)!mm_system_set_page_shift(&e->sys, background.page_shift);
	e->sys.mmap_min_addr = background.mmap_min_addr;
	e->sys.dac_mmap_min_addr = background.dac_mmap_min_addr;
	e->sys.overcommit_memory = background.overcommit;
	e->sys.commit_limit = background.ram_pages;
	e->sys.pkeys = background.pkeys;
	e->sys.no_zero_page = background.no_zero_page;
	e->sys.thp_enabled = background.thp_enabled;
	e->sys.kernel = background.kernel;
	e->sys.machine = MM_MACHINE_HERE;
	e->sys.branch_targets = background.branch_targets;
	e->sys.memory_tags = background.memory_tags;
	mm_init(mm, &e->sys);
	/* Under the least that Linux keeps free for a stack, whose limit is below it; nothing is random here. */
	mm->mmap_base = mm->mmap_window - (128UL << 20);
	mm->task_size = background.space - PAGE;
	mm->limits.cap_ipc_lock = true;
	mm->limits.cap_sys_rawio = true;
	mm->limits.memlock = background.memlock;
	mm->limits.stack = background.stack;
	for (unsigned int i = 0; i < background.nr; i++)
		if (mm_insert_area(mm, &background.area[i]))
			fprintf(stderr, "kernel-oracle: the engine refuses an area of this process\n");
	e->ready = true;
}

/*
 * Each mm_fork() here is the kernel_start() of world K: areas are copied, those with VM_DONTCOPY not, and
 * what has an anon_vma inherits it.
 */
void engine_begin(struct engine *e)
{
	if (!e->ready)
		set_up_parent(e);
	e->depth = e->nr_spawned = e->nr_segments = 0;
	e->first_own[0] = 0;
	e->break_set = e->guards = false;
	e->sys.max_map_count = background.max_map_count;
	set_up_files(e);
	if (mm_fork(&e->mm[0], &e->parent))
		fprintf(stderr, "kernel-oracle: no memory for the engine\n");
}

void engine_end(struct engine *e)
{
	while (e->nr_spawned)
		mm_exit(&e->spawned[--e->nr_spawned]);
	for (unsigned int i = e->depth + 1; i-- > 0;)
		mm_exit(&e->mm[i]);
}

/* Only those that this process has spawned: a child's first_own is how many there were when it began. */
static void reap(struct engine *e)
{
	while (e->nr_spawned > e->first_own[e->depth])
		mm_exit(&e->spawned[--e->nr_spawned]);
}

/* At most eight, as in world K; one more is not made, and says 0 in both. */
static int64_t spawn(struct engine *e)
{
	int err;

	if (e->nr_spawned == 8)
		return 0;
	err = mm_fork(&e->spawned[e->nr_spawned], engine_mm(e));
	if (!err)
		e->nr_spawned++;
	return err;
}

static int64_t fork_here(struct engine *e)
{
	int err;

	if (e->depth == MAX_DEPTH - 1)
		return 0;
	err = mm_fork(&e->mm[e->depth + 1], engine_mm(e));
	if (!err)
		e->first_own[++e->depth] = e->nr_spawned;
	return err;
}

static void leave(struct engine *e)
{
	if (!e->depth)
		return;
	reap(e);
	mm_exit(&e->mm[e->depth--]);
}

/*
 * As world K's set_limit(): the soft limit, to what is mapped at the beginning and so many pages more;
 * NO_LIMIT: up to the hard one, which only LIMIT_NO_DATA lowers. The engine's data_hard is what
 * do_brk_flags() and mmap use for a soft limit of 0 (may_expand_vm(), which 4.7 made so for old valgrinds).
 */
static int64_t set_limit(struct mm_struct *mm, unsigned long which, unsigned long pages)
{
	unsigned long bytes = pages * PAGE;

	switch (which) {
	case LIMIT_AS:
		mm->limits.as = pages == NO_LIMIT ? MM_UNLIMITED : bytes + background.total_vm * PAGE;
		return 0;
	case LIMIT_DATA:
		mm->limits.data =
			pages == NO_LIMIT ? mm->limits.data_hard : bytes + background.data_vm * PAGE;
		return 0;
	case LIMIT_NO_DATA:
		mm->limits.data = 0;
		mm->limits.data_hard =
			pages == NO_LIMIT ? mm->limits.data_hard : bytes + background.data_vm * PAGE;
		return 0;
	case LIMIT_STACK:
		mm->limits.stack = pages == NO_LIMIT ? background.stack : bytes;
		return 0;
	case LIMIT_MEMLOCK:
		mm->limits.memlock = pages == NO_LIMIT ? background.memlock : bytes;
		return 0;
	default:
		return -EINVAL;
	}
}

/*
 * One area where the kernel has as many as fill its map, and max_map_count less by what it has too few: the
 * room that is left is the same. fill is what world K computes from its own map.
 */
static int64_t leave_room(struct engine *e, unsigned long areas)
{
	struct mm_struct *mm = engine_mm(e);
	long fill = e->sys.max_map_count - mm->map_count - (long)areas;
	struct area_spec filler = { .start = FILLER,
		.end = FILLER + (unsigned long)fill * PAGE,
		.vm_flags = VM_MAY_FLAGS | VM_NORESERVE };

	if (fill < 1 || mm_insert_area(mm, &filler))
		return -EINVAL;
	e->sys.max_map_count -= (int)fill - 1;
	return 0;
}

/* Huge pages are of an open file of their own for each mapping; none is in the pool, so none is reserved. */
static struct vm_file *huge_file(struct engine *e)
{
	struct vm_file *file = &e->segment[e->nr_segments++];

	*file = (struct vm_file){ .refs = 1,
		.kind = VM_FILE_HUGETLB,
		.readable = true,
		.writable = true,
		.map_align = HUGE_PAGE,
		.max_bytes = ~0UL >> 1,
		.vm_flags = VM_HUGETLB | VM_DONTEXPAND,
		.name = "" };
	return file;
}

/* What the system call does before do_mmap(): ksys_mmap_pgoff() and, before it, the check of the offset. */
static int64_t do_mmap(struct engine *e, const unsigned long *a)
{
	struct mmap_request req = { .addr = a[0], .len = a[1], .prot = a[2], .flags = a[3], .offset = a[5] };

	if (!(a[3] & MAP_ANONYMOUS)) {
		/* The descriptor is looked at after the offset. */
		if (!a[4] || a[4] >= FILE_INDICES)
			return a[5] & (PAGE - 1) ? -EINVAL : -EBADF;
		req.file = &e->file[a[4]];
	}
	if ((a[3] & (MAP_ANONYMOUS | MAP_HUGETLB)) == (MAP_ANONYMOUS | MAP_HUGETLB)) {
		/* None is in the pool. */
		if (!(a[3] & MAP_NORESERVE))
			return -ENOMEM;
		if (e->nr_segments == MAX_SEGMENTS)
			return -ENFILE;
		req.file = huge_file(e);
	}
	return (int64_t)mm_mmap(engine_mm(e), &req);
}

static int64_t do_mremap(struct mm_struct *mm, const unsigned long *a)
{
	struct mremap_request req = {
		.addr = a[0], .old_len = a[1], .new_len = a[2], .flags = a[3], .new_addr = a[4]
	};

	return (int64_t)mm_mremap(mm, &req);
}

static int64_t move_kernels(struct mm_struct *mm, unsigned long number, unsigned long addr)
{
	struct mremap_request req = { .flags = MREMAP_MAYMOVE | MREMAP_FIXED, .new_addr = addr };

	if (number >= background.nr_kernels)
		return 0;
	req.addr = background.kernels[number];
	req.old_len = req.new_len = background.kernels_len[number];
	return (int64_t)mm_mremap(mm, &req);
}

/*
 * shmat(2) is a mapping of the segment through an open file of its own, made by do_shmat() of ipc/shm.c,
 * whose checks these are, in its order: alignment (SHM_RND rounds down to SHMLBA, a page), SHM_REMAP
 * without an address, what is there already.
 */
static int64_t do_shmat(struct engine *e, unsigned long addr, unsigned long flags)
{
	struct mm_struct *mm = engine_mm(e);
	struct mmap_request req = { .flags = MAP_SHARED, .len = SEGMENT_PAGES * PAGE, .prot = PROT_READ };
	unsigned long page = addr & (PAGE - 1);

	if (addr && page && !(flags & SHM_RND))
		return -EINVAL;
	req.addr = addr - page;
	if (addr && !req.addr && (flags & SHM_REMAP))
		return -EINVAL;
	if (!addr && (flags & SHM_REMAP))
		return -EINVAL;
	if (addr)
		req.flags |= MAP_FIXED;
	if (!(flags & SHM_RDONLY))
		req.prot |= PROT_WRITE;
	if (flags & SHM_EXEC)
		req.prot |= PROT_EXEC;
	if (addr && !(flags & SHM_REMAP)) {
		if (req.addr + req.len < req.addr || find_vma_intersection(mm, req.addr, req.addr + req.len))
			return -EINVAL;
	}
	if (e->nr_segments == MAX_SEGMENTS)
		return -ENFILE;
	req.file = &e->segment[e->nr_segments++];
	*req.file = (struct vm_file){ .refs = 1,
		.kind = VM_FILE_SHMEM,
		.readable = true,
		.writable = !(flags & SHM_RDONLY),
		.has_close = true,
		.size = SEGMENT_PAGES * PAGE,
		.max_bytes = background.max_bytes[FILE_MEMFD],
		.name = "" };
	return (int64_t)mm_mmap(mm, &req);
}

/* Equal policies are equal pointers. */
static int64_t do_mbind(struct mm_struct *mm, const unsigned long *a)
{
	static const char policies[8];

	if (a[2] != 0 && a[2] != 1 && a[2] != 2 && a[2] != 4)
		return -EINVAL;
	return mm_mbind(mm, a[0], a[1], a[2] ? &policies[a[2]] : NULL);
}

/* A process has one userfaultfd; its modes are in the order of VM_UFFD_FLAGS' letters. */
static int64_t do_uffd(struct mm_struct *mm, const unsigned long *a)
{
	vm_flags_t mode = (a[2] & 1 ? VM_UFFD_MISSING : 0) | (a[2] & 2 ? VM_UFFD_WP : 0) |
			  (a[2] & 4 ? VM_UFFD_MINOR : 0);

	if (!background.uffd)
		return -EBADF;
	return mm_userfaultfd(mm, a[0], a[1], a[2] ? mm : NULL, mode);
}

/*
 * userfaultfd_release(): each area that the descriptor serves, as a whole. An area may merge with its
 * neighbours meanwhile: at is behind what it was, and find_vma() goes on from there.
 */
static int64_t close_uffd(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	unsigned long at = 0;
	int err = 0;

	while (!err && (vma = find_vma(mm, at)) != NULL) {
		at = vma->vm_end;
		if (vma->uffd_ctx == mm)
			err = mm_userfaultfd(
				mm, vma->vm_start, vma->vm_end - vma->vm_start, NULL, MM_UFFD_WP_ASYNC);
	}
	return err;
}

/* As many bytes as were advised before a range was refused. */
static int64_t advise_process(struct engine *e, const unsigned long *a)
{
	struct mm_struct *mm = engine_mm(e);
	int64_t err = mm_madvise(mm, a[0], a[1], (int)a[2]);

	e->guards |= a[2] == MADV_GUARD_INSTALL;
	if (err)
		return err;
	err = mm_madvise(mm, a[3], a[4], (int)a[2]);
	return err && a[1] ? (int64_t)a[1] : err ? err : (int64_t)(a[1] + a[4]);
}

/*
 * Only what the kernel has accepted comes here: refused_switch() of compare.c keeps the rest away, so
 * nothing is checked.
 */
static int64_t set_mm(struct engine *e, const unsigned long *a)
{
	struct mm_struct *mm = engine_mm(e);

	if (e->break_set)
		*(a[0] ? &mm->brk : &mm->start_brk) = a[1];
	return 0;
}

/* Without a key it is mprotect, but where there are no such calls at all. */
static int64_t do_pkey_mprotect(struct mm_struct *mm, const unsigned long *a)
{
	int key = (int)a[3];

	if (key == -1 && mm_pkey_free(mm, key) == -ENOSYS)
		return -ENOSYS;
	return mm_mprotect(mm, a[0], a[1], a[2], key);
}

/* -EFAULT is a SIGSEGV, 0 everything else that may come of it. */
static int64_t do_touch(struct mm_struct *mm, unsigned long addr, bool write)
{
	return mm_fault(mm, addr, write ? MM_FAULT_WRITE : 0);
}

/* What is no mapping call. */
static int64_t do_other(struct engine *e, const struct call *c)
{
	struct mm_struct *mm = engine_mm(e);

	switch (c->kind) {
	case CALL_BREAK_AT:
		mm->start_brk = mm->brk = c->arg[0];
		mm->start_data = mm->end_data = WINDOW;
		e->break_set = true;
		return 0;
	case CALL_FORK:
		return fork_here(e);
	case CALL_EXIT:
		leave(e);
		return 0;
	case CALL_SPAWN:
		return spawn(e);
	case CALL_REAP:
		reap(e);
		return 0;
	case CALL_LIMIT:
		return set_limit(mm, c->arg[0], c->arg[1]);
	case CALL_DROP_LOCK:
		mm->limits.cap_ipc_lock = false;
		return 0;
	case CALL_DROP_RAWIO:
		mm->limits.cap_sys_rawio = false;
		return 0;
	case CALL_MDWE:
		mm->mdwe = true;
		mm->mdwe_no_inherit = c->arg[0] & PR_MDWE_NO_INHERIT;
		return 0;
	case CALL_MEMORY_MERGE:
		return mm_set_memory_merge(mm, c->arg[0]);
	case CALL_PERSONA:
		mm->limits.read_implies_exec = c->arg[0];
		return 0;
	case CALL_ROOM:
		return leave_room(e, c->arg[0]);
	default:
		return -ENOSYS;
	}
}

int64_t engine_call(struct engine *e, const struct call *c)
{
	struct mm_struct *mm = engine_mm(e);
	const unsigned long *a = c->arg;

	switch (c->kind) {
	case CALL_MMAP:
		return do_mmap(e, a);
	case CALL_MUNMAP:
		return mm_munmap(mm, a[0], a[1]);
	case CALL_MPROTECT:
		return mm_mprotect(mm, a[0], a[1], a[2], -1);
	case CALL_PKEY:
		return do_pkey_mprotect(mm, a);
	case CALL_PKEY_ALLOC:
		return mm_pkey_alloc(mm);
	case CALL_PKEY_FREE:
		return mm_pkey_free(mm, (int)a[0]);
	case CALL_MREMAP:
		return do_mremap(mm, a);
	case CALL_MADVISE:
		e->guards |= a[2] == MADV_GUARD_INSTALL;
		return mm_madvise(mm, a[0], a[1], (int)a[2]);
	case CALL_MLOCK:
		return mm_mlock(mm, a[0], a[1], (int)a[2]);
	case CALL_MUNLOCK:
		return mm_munlock(mm, a[0], a[1]);
	case CALL_MLOCKALL:
		return mm_mlockall(mm, (int)a[0]);
	case CALL_MUNLOCKALL:
		return mm_munlockall(mm);
	case CALL_MSEAL:
		return mm_mseal(mm, a[0], a[1], 0);
	case CALL_BRK:
		return e->break_set ? (int64_t)mm_brk(mm, a[0]) : 0;
	case CALL_WRITE:
	case CALL_READ:
		return do_touch(mm, place_of_touch(c), c->kind == CALL_WRITE);
	case CALL_MBIND:
		return do_mbind(mm, a);
	case CALL_UFFD:
		return do_uffd(mm, a);
	case CALL_UFFD_CLOSE:
		return close_uffd(mm);
	case CALL_PROCESS_MADVISE:
		return advise_process(e, a);
	case CALL_SET_MM:
		return set_mm(e, a);
	case CALL_REMAP_FILE_PAGES:
		return mm_remap_file_pages(mm, a[0], a[1], a[2], a[3], a[4]);
	case CALL_NAME:
		return background.names ? mm_set_anon_name(mm, a[0], a[1], name_of_number(a[2])) : -EINVAL;
	case CALL_KERNELS:
		return move_kernels(mm, a[0], a[1]);
	case CALL_SHMAT:
		return do_shmat(e, a[0], a[1]);
	case CALL_SHMDT:
		return mm_shmdt(mm, a[0]);
	default:
		return do_other(e, c);
	}
}
