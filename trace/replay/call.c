/* SPDX-License-Identifier: MIT */
/*
 * A recorded call on the engine: arguments in, prediction out.
 *
 * 1. Made or not.  A call that failed is made as well: mprotect, madvise, mlock and mmap change what lies before the
 *    place at which they fail, and the engine does the same.  Not made are calls whose refusal has nothing to do with
 *    the map (refused_elsewhere()): they never came to it, and the engine, which knows no descriptors, would have
 *    mapped.
 * 2. Compared or not.  What pages and files hold decides about some results (contents_decide(), key_decides()).  The
 *    engine makes the call for what it does to areas; its result is no prediction.
 * 3. After a wrong prediction the mirror is put where the kernel is, as far as the result says where that is
 *    (do_brk(), unmake_mapping() in mapping.c): one cause is to be one difference.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "minmax.h"
#include "system_calls.h"
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

/*
 * Refused before the map was looked at: a bad descriptor, a signal, a file that cannot be mapped (do_mmap()
 * asks for its mmap operation first), or that is being written while it is executed.
 */
static bool refused_elsewhere(const struct trace_call *c)
{
	switch (c->result) {
	case -EBADF:
	/* A file without mmap, or one that a kernel without the file system's support refuses. */
	case -ENODEV:
	case -ENOSYS:
	case -ETXTBSY:
	case -EOVERFLOW: /* beyond what the file's own file system can hold */
		return true;
	default:
		return call_is_interrupted(c->result);
	}
}

/* The results of these depend on what pages and files hold. */
static bool contents_decide(int advice)
{
	return advice == MADV_REMOVE || advice == MADV_WILLNEED || advice == MADV_COLLAPSE ||
	       advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE || advice == MADV_PAGEOUT ||
	       advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE;
}

/*
 * Whether a protection key forbids writing is in a register of the thread, not in the map; madvise of
 * sealed memory asks for it (is_ro_anon() of mm/mseal.c, by arch_vma_access_permitted()).
 */
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

	/* Pages of the machine go, areas do not change. */
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

#define PAIR_LENGTH_MAX 0x7ffff000ul /* MAX_RW_COUNT */

/*
 * Does one of the pairs reach beyond all addresses that a program may have? import_iovec() asks for each
 * (access_ok()) before any is looked at, of a single one only after its length has been cut to MAX_RW_COUNT
 * (import_ubuf()).
 */
static bool has_pair_beyond(const struct space *s, const struct trace_call *c)
{
	for (uint32_t at = 0; at + 16 <= c->data_len; at += 16) {
		uint64_t v[2];

		memcpy(v, (const char *)c->data + at, sizeof(v));
		if (c->data_len == sizeof(v))
			v[1] = min(v[1], PAIR_LENGTH_MAX);
		if (v[0] > s->mm.task_size || v[1] > s->mm.task_size - v[0])
			return true;
	}
	return false;
}

/*
 * data: pairs of address and length.  The result: how many bytes were advised before something was refused, or, where that
 * was the first pair, the error, and what lies below the place is changed. Linux 7.3 looks at the advice for nothing at
 * all, too, and refuses it then; kernels before it do not.  A process may give itself any advice since 6.13, as it has
 * guard regions; before, few were taken, and others refused before the map was looked at.
 */
static struct prediction do_process_madvise(struct space *s, const struct trace_call *c)
{
	int advice = (int)c->args[3];
	int64_t done = 0, err = 0;
	uint64_t left = sum_of_lengths(c);

	/* Another process's, or flags, of which there are none yet, or pairs that could not be read. */
	if (c->result == -ESRCH || c->args[4] || (!c->data_len && c->result < 0))
		return (struct prediction){ 0 };
	if ((c->result == -EINVAL || c->result == -EPERM) && !s->mm.sys->kernel->guard_regions)
		return (struct prediction){ 0 };
	if (has_pair_beyond(s, c))
		return (struct prediction){ true, true, -EFAULT };
	s->guards |= advice == MADV_GUARD_INSTALL;
	for (uint32_t at = 0; !err && left && at + 16 <= c->data_len; at += 16) {
		uint64_t v[2];

		memcpy(v, (const char *)c->data + at, sizeof(v));
		/*
		 * The kernel's loop ends when all bytes are done, so that pairs of no length behind the
		 * last others are not looked at.
		 */
		left -= v[1];
		err = mm_madvise(&s->mm, v[0], v[1], advice);
		done += err ? 0 : (int64_t)v[1];
	}
	return (struct prediction){ true, !contents_decide(advice), done ? done : err };
}

/*
 * Locking faults pages in, and what cannot be is ENOMEM (__mlock_posix_error_return() makes it of EFAULT):
 * a file may be shorter than its mapping, a page may be a guard, a key may forbid the access, and whoever
 * serves a userfaultfd may refuse. Elsewhere the map alone decides.
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

/*
 * Keys are allocated without being recorded: which ones are, the calls that use them say. One that succeeds
 * shows that its key was allocated; one that is EINVAL may have had a key that was not, and is not made.
 */
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

/*
 * A write to an area that is served prepares it (vmf_anon_prepare()) before it waits for the page.  If it is refused, or given up
 * for a signal, no page comes: only a source that has each fault knows.
 */
static unsigned int may_get_anon_vma(struct space *s, uint64_t start, uint64_t end)
{
	struct vm_area_struct *vma;
	unsigned int areas = 0;

	for (; areas < 2 && (vma = find_vma_intersection(&s->mm, start, end)) != NULL; start = vma->vm_end)
		areas += !vma->anon_vma && !(vma->vm_flags & VM_MAYSHARE);
	return areas;
}

/*
 * data: struct uffdio_register or uffdio_range, as the program gave it. Only successes are made: what is
 * refused for the descriptor's sake is not told from what is refused for the map's, and neither changes
 * anything.
 */
static struct prediction do_userfaultfd(struct replay *r, struct space *s, const struct trace_call *c)
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
	if ((mode & VM_UFFD_MISSING) && r->header.fault_source != TRACE_FAULTS_EACH && s->waited < 2)
		s->waited += may_get_anon_vma(s, range[0], range[0] + range[1]);
	/* It was accepted, so that what it serves is in order. */
	mode |= MM_UFFD_WP_ASYNC;
	return (struct prediction){ true, true,
		/* The descriptor's number stands for the context: two areas join only under the same one. */
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

/* Mapping again begins with cutting out what is there: a limit refuses the rest. */
static struct prediction do_remap_file_pages(struct space *s, const struct trace_call *c)
{
	const uint64_t *a = c->args;
	unsigned long in_page = mm_page_size(&s->mm) - 1;
	bool removed = may_be_removed(s, c);
	int result;

	if (!succeeded(c) && !removed && c->result != -ENOMEM && c->result != -EAGAIN)
		return (struct prediction){ 0 };
	result = mm_remap_file_pages(&s->mm, a[0], a[1], a[2], a[3], a[4]);
	if (removed && !result) {
		result = mm_munmap(&s->mm, a[0] & ~in_page, a[1] & ~in_page);
		result = result ? result : (int)c->result;
	}
	return (struct prediction){ true, true, result };
}

/*
 * Calls that map things which the engine has no words for (map_shadow_stack, io_setup): the next look is
 * believed.
 */
static struct prediction not_modelled(struct space *s, const struct trace_call *c)
{
	s->take_over |= succeeded(c);
	return (struct prediction){ 0 };
}

/*
 * Where the heap of a process that was attached to ends, the first break that is refused says to the byte.  A heap that ends
 * elsewhere than was foretold: what comes after is not to suffer from it.
 */
static int64_t do_brk(struct space *s, const struct trace_call *c)
{
	struct mm_struct *mm = &s->mm;
	unsigned long found = (unsigned long)c->result;
	int64_t result;

	if (s->brk_in_pages && found != c->args[0] && found >= mm->start_brk && found < mm->brk)
		mm->brk = found;
	s->brk_in_pages = false;
	result = (int64_t)mm_brk(mm, c->args[0]);
	if (result != c->result && succeeded(c))
		/*
		 * brk(2) fails by returning the break that there was; its result always is where the heap
		 * ends.
		 */
		(void)!mm_brk(mm, (unsigned long)c->result);
	return result;
}

/* Calls about which the recording says no more than their arguments. False: it is none of them. */
static bool plain_call(struct space *s, const struct trace_call *c, int64_t *result)
{
	struct mm_struct *mm = &s->mm;
	const uint64_t *a = c->args;

	switch (c->nr) {
	case NR_brk:
		*result = do_brk(s, c);
		return true;
	case NR_munmap:
		*result = mm_munmap(mm, a[0], a[1]);
		return true;
	case NR_mprotect:
		*result = mm_mprotect(mm, a[0], a[1], a[2], -1);
		return true;
	case NR_munlock:
		*result = mm_munlock(mm, a[0], a[1]);
		return true;
	case NR_mlockall:
		*result = mm_mlockall(mm, (int)a[0]);
		return true;
	case NR_munlockall:
		*result = mm_munlockall(mm);
		return true;
	case NR_mseal:
		*result = mm_mseal(mm, a[0], a[1], a[2]);
		return true;
	case NR_shmdt:
		*result = mm_shmdt(mm, a[0]);
		return true;
	default:
		return false;
	}
}

struct prediction replay_call(struct replay *r, struct space *s, const struct trace_call *c)
{
	int64_t result;

	if (c->nr == NR_mremap && call_is_interrupted(c->result))
		return interrupted_mremap(s, c);
	if (refused_elsewhere(c))
		return (struct prediction){ 0 };
	switch (c->nr) {
	case NR_mmap:
		return call_mmap(r, s, c);
	case NR_mremap:
		return call_mremap(s, c);
	case NR_madvise:
		return do_madvise(s, c);
	case NR_process_madvise:
		return do_process_madvise(s, c);
	case NR_prctl:
		return call_prctl(s, c);
	case NR_mbind:
		return call_mbind(s, c);
	case NR_set_mempolicy_home_node:
		return call_home_node(s, c);
	case NR_shmat:
		return call_shmat(r, s, c);
	case NR_ioctl:
		return do_userfaultfd(r, s, c);
	case NR_arch_prctl:
		return vdso_map(s, c);
	case NR_remap_file_pages:
		return do_remap_file_pages(s, c);
	case NR_pkey_mprotect:
		return do_pkey_mprotect(s, c);
	case NR_mlock:
		return do_mlock(s, c, 0);
	case NR_mlock2:
		return do_mlock(s, c, (int)c->args[2]);
	default:
		if (plain_call(s, c, &result))
			return (struct prediction){ true, true, result };
		return not_modelled(s, c);
	}
}
