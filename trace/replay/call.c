/* SPDX-License-Identifier: MIT */
/*
 * A recorded call on the engine: arguments in, prediction out.
 *
 * Three things are taken from the recording rather than predicted, because no map determines them: where MAP_32BIT
 * mappings go in a randomised process, where anything goes in an address space that was seen in part only, and mmap_base
 * of a process that was not seen to begin (it is learned from the placements themselves).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

enum replay_call_kind replay_kind_of(uint32_t nr)
{
	switch (nr) {
	case NR_mmap:
		return REPLAY_MMAP;
	case NR_munmap:
		return REPLAY_MUNMAP;
	case NR_mprotect:
	case NR_pkey_mprotect:
		return REPLAY_MPROTECT;
	case NR_mremap:
		return REPLAY_MREMAP;
	case NR_brk:
		return REPLAY_BRK;
	case NR_madvise:
		return REPLAY_MADVISE;
	case NR_mlock:
	case NR_mlock2:
	case NR_munlock:
	case NR_mlockall:
	case NR_munlockall:
		return REPLAY_MLOCK;
	default:
		return REPLAY_OTHER;
	}
}

const char *replay_call_kind_name(enum replay_call_kind kind)
{
	static const char *const names[REPLAY_CALL_KINDS] = { "mmap", "munmap", "mprotect", "mremap", "brk",
		"madvise", "mlock", "other" };

	return names[kind];
}

/* Refused before the map was looked at: a bad descriptor, a signal, a file that cannot be mapped. */
static bool refused_elsewhere(const struct trace_call *c)
{
	switch (c->result) {
	case -EBADF:
	case -ENODEV:
	case -EINTR:
	case -ENOSYS:
	case -ETXTBSY:
	case -EOVERFLOW: /* beyond what the file's own file system can hold */
		return true;
	default:
		return false;
	}
}

static bool succeeded(const struct trace_call *c)
{
	return !IS_ERR_VALUE(c->result);
}

/* Where searches go upwards: a placement below what the base was thought to be, or the first one, shows where it is. */
static void learn_lowest(struct space *s, unsigned long *base, unsigned long addr)
{
	if (addr < *base || !find_vma_intersection(&s->mm, *base, addr))
		*base = addr;
}

/* Likewise for 32-bit calls of a 64-bit program; but what is full below its base is searched upwards, beyond it. */
static void learn_compat_base(struct space *s, unsigned long end, unsigned long len)
{
	unsigned long *base = &s->mm.mmap_compat_base;

	if (end <= *base || (*base && mm_get_unmapped_area(&s->mm, NULL, 0, len, 0, MM_IN_32BIT) >= *base))
		return;
	*base = end;
}

/* A placement above what mmap_base was thought to be shows where it is. */
static void learn_base(struct space *s, unsigned long flags, unsigned long addr, unsigned long len)
{
	unsigned long end = (addr + len + 4095) & ~4095UL;
	bool compat = (flags & MM_IN_32BIT) && s->mm.task_size > 1UL << 32;

	if ((s->base_exact && !compat) || (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT)) ||
		IS_ERR_VALUE(addr))
		return;
	if (end >= s->mm.start_stack)
		return;
	if (!s->mm.topdown)
		learn_lowest(s, compat ? &s->mm.mmap_compat_legacy_base : &s->mm.mmap_legacy_base, addr);
	else if (compat)
		learn_compat_base(s, end, end - addr);
	else if (end > s->mm.mmap_base)
		s->mm.mmap_base = end;
}

/*
 * Of a space that was attached to: a file that areas of its first map have, as far as anybody knows, for these do not say which
 * open file they are of.  What was guessed of it is known now.
 */
static struct vm_file *seen_before(struct space *s, struct vm_file *told)
{
	struct vm_file *seen = NULL;

	if (!s->attached || !told->ino || (told->kind != VM_FILE_REGULAR && told->kind != VM_FILE_SHMEM))
		return told;
	if (inodes_find(s, told->dev, told->ino, told->writable, &seen) || !seen || was_told(seen) ||
		seen->kind != told->kind) {
		vm_file_put(seen);
		return told;
	}
	seen->readable = told->readable;
	seen->noexec = told->noexec;
	seen->map_align = told->map_align;
	seen->vm_flags_off = told->vm_flags_off;
	vm_file_put(told);
	return seen;
}

static struct vm_file *file_of_call(struct replay *r, struct space *s, const struct trace_call *c)
{
	if (!c->file || c->file != r->pending_id)
		return NULL;
	return r->pending = seen_before(s, r->pending);
}

/* It is not there, or not where it was foretold: what comes after is not to suffer from it. */
static void unmake_mapping(
	struct space *s, const struct trace_call *c, const struct mmap_request *req, unsigned long at)
{
	struct mmap_request there = *req;

	(void)!mm_munmap(&s->mm, at, req->len);
	if (!succeeded(c))
		return;
	there.addr = (unsigned long)c->result;
	there.flags = (req->flags & ~(unsigned long)MAP_FIXED_NOREPLACE) | MAP_FIXED;
	(void)!mm_mmap(&s->mm, &there);
}

/* Of a request: through which kind of table it came. */
static unsigned long width_of(const struct trace_call *c)
{
	return trace_abi_is_32bit(c->abi) ? MM_IN_32BIT : 0;
}

static struct prediction do_mmap(struct replay *r, struct space *s, const struct trace_call *c)
{
	struct vm_file *file = file_of_call(r, s, c);
	struct mmap_request req = { .addr = c->args[0],
		.len = c->args[1],
		.prot = c->args[2],
		.flags = (c->args[3] & 0xffffffff) | width_of(c),
		.offset = c->args[5] };
	bool anonymous = req.flags & MAP_ANONYMOUS, huge = req.flags & MAP_HUGETLB;
	struct prediction p = { .made = true, .compared = true };

	/* The file of huge pages is known when one was mapped. */
	if (!file && (!anonymous || huge)) {
		p.made = p.compared = pool_that_refuses(c) && (req.flags & MAP_FIXED);
		p.result = (int64_t)req.addr;
		return p;
	}
	if (!anonymous || huge)
		req.file = file;
	else
		req.shmem = file;
	if (anonymous && (req.flags & MAP_TYPE) != MAP_SHARED && !huge)
		req.shmem = NULL;
	/* A place that was asked for says nothing of where searches begin. */
	if (!width_of(c) || !req.addr || req.addr != (unsigned long)c->result)
		learn_base(s, req.flags, (unsigned long)c->result, req.len);
	if ((((req.flags & MAP_32BIT) && !width_of(c) && s->randomised) || s->partial) &&
		!(req.flags & MAP_FIXED) && succeeded(c)) {
		req.addr = (unsigned long)c->result;
		req.flags = (req.flags & ~(unsigned long)MAP_FIXED_NOREPLACE) | MAP_FIXED;
	}
	/* Who refuses, and when, decides whether what was there before is still there: the next look tells. */
	if (driver_that_refuses(file, c->result) && (req.flags & MAP_FIXED) && !succeeded(c)) {
		p.result = (int64_t)req.addr;
		return p;
	}
	p.result = (int64_t)mm_mmap(&s->mm, &req);
	s->ring |= driver_of(file) && strcmp(driver_of(file), "io_uring") == 0 && succeeded(c);
	if (!IS_ERR_VALUE(p.result) && p.result != c->result)
		unmake_mapping(s, c, &req, (unsigned long)p.result);
	if (req.file && !IS_ERR_VALUE(p.result))
		inodes_note(s, req.file);
	return p;
}

static struct prediction do_mremap(struct space *s, const struct trace_call *c)
{
	struct mremap_request req = { c->args[0], c->args[1], c->args[2], c->args[3] | width_of(c),
		c->args[4] };
	struct prediction p = { .made = true, .compared = true };

	if ((req.flags & MREMAP_MAYMOVE) && !(req.flags & MREMAP_FIXED) && succeeded(c) &&
		(unsigned long)c->result != req.addr) {
		learn_base(s, width_of(c), (unsigned long)c->result, req.new_len);
		if (s->partial) {
			req.new_addr = (unsigned long)c->result;
			req.flags |= MREMAP_FIXED;
		}
	}
	p.result = (int64_t)mm_mremap(&s->mm, &req);
	if (!IS_ERR_VALUE(p.result) && succeeded(c) && p.result != c->result)
		(void)!mm_mremap(
			&s->mm, &(struct mremap_request){ (unsigned long)p.result, req.new_len, req.new_len,
					MREMAP_MAYMOVE | MREMAP_FIXED, (unsigned long)c->result });
	return p;
}

/* The results of these depend on what pages and files hold. */
static bool contents_decide(int advice)
{
	return advice == MADV_REMOVE || advice == MADV_WILLNEED || advice == MADV_COLLAPSE ||
	       advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE || advice == MADV_PAGEOUT ||
	       advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE;
}

/* Whether a protection key forbids writing is in a register of the thread, not in the map. */
static bool key_decides(struct space *s, const struct trace_call *c)
{
	unsigned long end = c->args[0] + c->args[1];
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, c->args[0], end);

	for (; vma && c->result == -EPERM; vma = find_vma_intersection(&s->mm, vma->vm_end, end))
		if ((vma->vm_flags & VM_SEALED) && (vma->vm_flags & VM_PKEY_MASK))
			return true;
	return false;
}

static struct prediction do_madvise(struct space *s, const struct trace_call *c)
{
	int advice = (int)c->args[2];

	if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
		return (struct prediction){ 0 };
	s->guards |= advice == MADV_GUARD_INSTALL;
	return (struct prediction){ true, !contents_decide(advice) && !key_decides(s, c),
		mm_madvise(&s->mm, c->args[0], c->args[1], advice) };
}

/* Of pairs of address and length, the lengths. */
static uint64_t sum_of_lengths(const struct trace_call *c)
{
	uint64_t sum = 0;

	for (uint32_t at = 0; at + 16 <= c->data_len; at += 16) {
		uint64_t v[2];

		memcpy(v, (const char *)c->data + at, sizeof(v));
		sum += v[1];
	}
	return sum;
}

/*
 * data: pairs of address and length.  The result: how many bytes were advised before something was refused. Linux 7.3 looks
 * at the advice for nothing at all, too, and refuses it then; kernels before it do not.
 */
static struct prediction do_process_madvise(struct space *s, const struct trace_call *c)
{
	int advice = (int)c->args[3];
	int64_t done = 0, err = 0;
	uint64_t left = sum_of_lengths(c);

	/* A kernel that does not take this advice here. */
	if (c->result == -EINVAL || c->result == -EPERM || c->result == -ESRCH)
		return (struct prediction){ 0 };
	s->guards |= advice == MADV_GUARD_INSTALL;
	for (uint32_t at = 0; !err && left && at + 16 <= c->data_len; at += 16) {
		uint64_t v[2];

		memcpy(v, (const char *)c->data + at, sizeof(v));
		left -= v[1];
		err = mm_madvise(&s->mm, v[0], v[1], advice);
		done += err ? 0 : (int64_t)v[1];
	}
	return (struct prediction){ true, !contents_decide(advice), done ? done : err };
}

/*
 * Locking faults pages in, and what cannot be is ENOMEM: a file may be shorter than its mapping, a page may be a guard, a
 * key may forbid the access, and whoever serves a userfaultfd may refuse.  Elsewhere the map alone decides.
 */
static bool faulting_in_may_fail(struct space *s, const struct trace_call *c)
{
	unsigned long end = c->args[0] + c->args[1];
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, c->args[0], end);

	if (s->guards || s->partial)
		return true;
	for (; vma; vma = find_vma_intersection(&s->mm, vma->vm_end, end))
		if (vma->vm_file || (vma->vm_flags & (VM_UFFD_FLAGS | VM_PKEY_MASK)))
			return true;
	return false;
}

static struct prediction do_mlock(struct space *s, const struct trace_call *c, int flags)
{
	int64_t result = mm_mlock(&s->mm, c->args[0], c->args[1], flags);
	/* With MLOCK_ONFAULT, too: areas that cannot be locked, as droppable ones, do not get the flag, and are faulted in. */
	bool faults = !result && c->result == -ENOMEM;

	/* What others do while it populates can decide. */
	if (s->populating && (result == -ENOMEM || c->result == -ENOMEM))
		return (struct prediction){ true, false, result };
	return (struct prediction){ true, !faults || !faulting_in_may_fail(s, c), result };
}

static void set_mm_field(struct mm_struct *mm, unsigned long field, unsigned long value)
{
	switch (field) {
	case PR_SET_MM_START_CODE:
		mm->start_code = value;
		break;
	case PR_SET_MM_END_CODE:
		mm->end_code = value;
		break;
	case PR_SET_MM_START_DATA:
		mm->start_data = value;
		break;
	case PR_SET_MM_END_DATA:
		mm->end_data = value;
		break;
	case PR_SET_MM_START_STACK:
		mm->start_stack = value;
		break;
	case PR_SET_MM_START_BRK:
		mm->start_brk = value;
		break;
	case PR_SET_MM_BRK:
		mm->brk = value;
		break;
	default:
		break;
	}
}

/* data: struct prctl_mm_map. */
static void set_mm_map(struct mm_struct *mm, const struct trace_call *c)
{
	struct prctl_mm_map m;

	if (c->data_len != sizeof(m))
		return;
	memcpy(&m, c->data, sizeof(m));
	mm->start_code = m.start_code;
	mm->end_code = m.end_code;
	mm->start_data = m.start_data;
	mm->end_data = m.end_data;
	mm->start_brk = m.start_brk;
	mm->brk = m.brk;
	mm->start_stack = m.start_stack;
	mm->arg_start = m.arg_start;
	mm->arg_end = m.arg_end;
	mm->env_start = m.env_start;
	mm->env_end = m.env_end;
}

static struct prediction do_prctl(struct space *s, const struct trace_call *c)
{
	if (c->args[0] == PR_SET_VMA && c->args[1] == PR_SET_VMA_ANON_NAME) {
		/* A kernel without names, or a name that cannot be one. */
		if (c->result == -EFAULT || c->result == -EINVAL)
			return (struct prediction){ 0 };
		return (struct prediction){ true, true,
			mm_set_anon_name(&s->mm, c->args[2], c->args[3], c->data_len ? c->data : NULL) };
	}
	if (c->args[0] == PR_SET_MEMORY_MERGE && c->result == 0)
		return (struct prediction){ true, true, mm_set_memory_merge(&s->mm, c->args[1]) };
	if (c->args[0] == PR_SET_MDWE && c->result == 0) {
		s->mm.mdwe = c->args[1] & 1;
		s->mm.mdwe_no_inherit = c->args[1] & 2;
	}
	if (c->args[0] == PR_SET_MM && c->args[1] == PR_SET_MM_MAP && c->result == 0)
		set_mm_map(&s->mm, c);
	else if (c->args[0] == PR_SET_MM && c->result == 0)
		set_mm_field(&s->mm, c->args[1], c->args[2]);
	return (struct prediction){ 0 };
}

/* Keys are allocated without being recorded: which ones are, the calls that use them say. */
static struct prediction do_pkey_mprotect(struct space *s, const struct trace_call *c)
{
	struct mm_struct *mm = &s->mm;
	const uint64_t *a = c->args;
	int key = (int)a[3];

	/* A kernel that has no calls about keys. */
	if (c->result == -ENOSYS)
		return (struct prediction){ 0 };
	if (mm->sys->pkeys && key >= 0 && key < 16) {
		if (c->result == -EINVAL)
			return (struct prediction){ 0 };
		mm->pkeys_allocated |= (uint16_t)(1U << key);
	}
	return (struct prediction){ true, true, mm_mprotect(mm, a[0], a[1], a[2], key) };
}

/* Equal policies are equal pointers: a number made of mode and nodes, and below it the home node, plus one. */
#define POLICY_HOME 0xffffUL

static const void *policy_of(const struct trace_call *c)
{
	uint64_t hash = c->args[2] * 0x9e3779b97f4a7c15ULL;

	for (uint32_t i = 0; i < c->data_len; i++)
		hash = (hash ^ ((const uint8_t *)c->data)[i]) * 0x100000001b3ULL;
	return c->args[2] & 0xff ? xa_mk_value((hash >> 1) & ~POLICY_HOME) : NULL;
}

static struct prediction do_mbind(struct space *s, const struct trace_call *c)
{
	if (!succeeded(c))
		return (struct prediction){ 0 };
	return (struct prediction){ true, true, mm_mbind(&s->mm, c->args[0], c->args[1], policy_of(c)) };
}

/* The policies of the range get another home; where there is none, none comes. */
static struct prediction do_home_node(struct space *s, const struct trace_call *c)
{
	unsigned long start = c->args[0], end = (start + c->args[1] + 0xfff) & ~0xfffUL;
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, start, end);
	int64_t result = 0;

	/* Refused at a policy of a kind that has no home: those before it have theirs. */
	if (c->result == -EOPNOTSUPP)
		s->take_over = true;
	if (!succeeded(c))
		return (struct prediction){ 0 };
	while (vma && !result) {
		unsigned long from = max(start, vma->vm_start), to = min(end, vma->vm_end);
		unsigned long policy = vma->policy ? xa_to_value(vma->policy) & ~POLICY_HOME : 0;

		if (vma->policy)
			result = mm_mbind(&s->mm, from, to - from,
				xa_mk_value(policy | ((c->args[2] + 1) & POLICY_HOME)));
		vma = find_vma_intersection(&s->mm, to, end);
	}
	return (struct prediction){ true, true, result };
}

/* data: the segment's size in bytes. */
static struct prediction do_shmat(struct replay *r, struct space *s, const struct trace_call *c)
{
	unsigned long addr = c->args[1], flags = c->args[2], size;
	struct mmap_request req = {
		.flags = MAP_SHARED | width_of(c), .file = file_of_call(r, s, c), .prot = PROT_READ
	};

	/* It may have come as far as cutting what lies there: from where, and no size, is known. */
	if (!succeeded(c) && flags & SHM_REMAP)
		s->cut_from = addr & ~4095UL;
	if (!req.file || c->data_len != sizeof(size))
		return (struct prediction){ 0 };
	memcpy(&size, c->data, sizeof(size));
	req.len = size;
	req.prot |= (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	req.addr = flags & SHM_RND ? addr & ~4095UL : addr;
	if (s->partial && succeeded(c))
		req.addr = (unsigned long)c->result;
	if (req.addr) {
		req.flags |= MAP_FIXED;
		if (!(flags & SHM_REMAP) && !s->partial &&
			find_vma_intersection(&s->mm, req.addr, req.addr + size))
			return (struct prediction){ true, true, -EINVAL };
	}
	learn_base(s, req.flags, (unsigned long)c->result, req.len);
	return (struct prediction){ true, true, (int64_t)mm_mmap(&s->mm, &req) };
}

/* data: struct uffdio_register or uffdio_range, as the program gave it. */
static struct prediction do_userfaultfd(struct space *s, const struct trace_call *c)
{
	uint64_t range[3] = { 0 };
	vm_flags_t mode;

	if (!succeeded(c) || c->data_len < 16)
		return (struct prediction){ 0 };
	memcpy(range, c->data, c->data_len < 24 ? c->data_len : 24);
	if ((uint32_t)c->args[1] == UFFDIO_UNREGISTER)
		return (struct prediction){ true, true,
			mm_userfaultfd(&s->mm, range[0], range[1], NULL, MM_UFFD_WP_ASYNC) };
	mode = (range[2] & 1 ? VM_UFFD_MISSING : 0) | (range[2] & 2 ? VM_UFFD_WP : 0) |
	       (range[2] & 4 ? VM_UFFD_MINOR : 0);
	/* It was accepted, so that what it serves is in order. */
	mode |= MM_UFFD_WP_ASYNC;
	return (struct prediction){ true, true,
		mm_userfaultfd(&s->mm, range[0], range[1], xa_mk_value(c->args[0]), mode) };
}

/*
 * A segment that was removed ends when it is detached for the last time; here by making room for itself: it cannot be
 * attached again, and the area is gone.
 */
static bool may_be_removed(struct space *s, const struct trace_call *c)
{
	const struct vm_area_struct *vma = vma_lookup(&s->mm, c->args[0]);

	return vma && vma->vm_file && vma->vm_file->has_close &&
	       (c->result == -EINVAL || c->result == -EIDRM);
}

static struct prediction do_remap_file_pages(struct space *s, const struct trace_call *c)
{
	const uint64_t *a = c->args;
	bool removed = may_be_removed(s, c);
	int result;

	if (!succeeded(c) && !removed)
		return (struct prediction){ 0 };
	result = mm_remap_file_pages(&s->mm, a[0], a[1], a[2], a[3], a[4]);
	if (removed && !result) {
		result = mm_munmap(&s->mm, a[0] & ~4095UL, a[1] & ~4095UL);
		result = result ? result : (int)c->result;
	}
	return (struct prediction){ true, true, result };
}

/* Calls that map things which the engine has no words for. */
static struct prediction not_modelled(struct space *s, const struct trace_call *c)
{
	s->take_over |= succeeded(c);
	return (struct prediction){ 0 };
}

struct prediction replay_call(struct replay *r, struct space *s, const struct trace_call *c)
{
	struct mm_struct *mm = &s->mm;
	const uint64_t *a = c->args;
	struct prediction p = { .made = true, .compared = true };

	if (refused_elsewhere(c))
		return (struct prediction){ 0 };
	switch (c->nr) {
	case NR_mmap:
		return do_mmap(r, s, c);
	case NR_mremap:
		return do_mremap(s, c);
	case NR_madvise:
		return do_madvise(s, c);
	case NR_process_madvise:
		return do_process_madvise(s, c);
	case NR_prctl:
		return do_prctl(s, c);
	case NR_mbind:
		return do_mbind(s, c);
	case NR_set_mempolicy_home_node:
		return do_home_node(s, c);
	case NR_shmat:
		return do_shmat(r, s, c);
	case NR_ioctl:
		return do_userfaultfd(s, c);
	case NR_arch_prctl:
		return vdso_map(s, c);
	case NR_remap_file_pages:
		return do_remap_file_pages(s, c);
	case NR_brk:
		p.result = (int64_t)mm_brk(mm, a[0]);
		if (p.result != c->result && succeeded(c))
			(void)!mm_brk(mm, (unsigned long)c->result);
		return p;
	case NR_munmap:
		p.result = mm_munmap(mm, a[0], a[1]);
		return p;
	case NR_mprotect:
		p.result = mm_mprotect(mm, a[0], a[1], a[2], -1);
		return p;
	case NR_pkey_mprotect:
		return do_pkey_mprotect(s, c);
	case NR_mlock:
		return do_mlock(s, c, 0);
	case NR_mlock2:
		return do_mlock(s, c, (int)a[2]);
	case NR_munlock:
		p.result = mm_munlock(mm, a[0], a[1]);
		return p;
	case NR_mlockall:
		p.result = mm_mlockall(mm, (int)a[0]);
		return p;
	case NR_munlockall:
		p.result = mm_munlockall(mm);
		return p;
	case NR_mseal:
		p.result = mm_mseal(mm, a[0], a[1], a[2]);
		return p;
	case NR_shmdt:
		p.result = mm_shmdt(mm, a[0]);
		return p;
	default:
		return not_modelled(s, c);
	}
}
