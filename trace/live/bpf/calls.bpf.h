/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which call a task is in, and what that names of the map.
 *
 * Nothing is kept from a call's entry: whatever asks which call this is reads the user's registers at
 * the base of the kernel's stack, where they stay until it returns.
 */
#ifndef LIVE_BPF_CALLS_BPF_H
#define LIVE_BPF_CALLS_BPF_H

#include "sample.bpf.h"

/* [lo, hi) in bytes; empty where lo >= hi. A byte more than pages where what touches it is meant as well. */
struct range {
	u64 lo, hi;
};

/* A call that is under way. As the registers have it: not what the kernel has made of it. */
struct call {
	u64 args[6];
	u32 nr, pad;
};

static __always_inline bool is_fork(u32 nr)
{
	return nr == NR_clone || nr == NR_fork || nr == NR_vfork || nr == NR_clone3;
}

#ifndef ARCH_SHSTK_ENABLE
#define ARCH_SHSTK_ENABLE  0x5001
#define ARCH_SHSTK_DISABLE 0x5002
#endif

/*
 * Of these only some are about the map. The number of an ioctl and the first argument of prctl(2) and
 * arch_prctl(2) say what it is.
 */
static __always_inline bool is_meant(const struct call *c)
{
	u32 request = (u32)c->args[1];

	if (c->nr == NR_ioctl)
		return request == UFFDIO_REGISTER || request == UFFDIO_UNREGISTER;
	if (c->nr == NR_prctl)
		return c->args[0] == PR_SET_VMA || c->args[0] == PR_SET_MM || c->args[0] == PR_SET_MDWE ||
		       c->args[0] == PR_SET_MEMORY_MERGE;
	if (c->nr == NR_arch_prctl)
		return (c->args[0] >= ARCH_MAP_VDSO_X32 && c->args[0] <= ARCH_MAP_VDSO_64) ||
		       c->args[0] == ARCH_SHSTK_ENABLE || c->args[0] == ARCH_SHSTK_DISABLE;
	return true;
}

/*
 * False: the task is in none that is told.  Where a fault or an interrupt has entered the kernel, its
 * number is -1. PF_EXITING: exit_mmap() and the closing of files are carried out within exit(2), whose
 * number is still there.
 */
static __always_inline bool call_read(struct call *c)
{
	struct pt_regs *regs = current_registers();
	u64 nr = regs->orig_ax;

	if (nr >= NR_CALLS || !wanted[nr & (NR_CALLS - 1)])
		return false;
	/* Through int 0x80 the numbers are of another table: what it changes is told as no call's.  Who ends returns from none. */
	if (current_task()->thread_info.status & TS_COMPAT || current_task()->flags & PF_EXITING)
		return false;
	c->args[0] = regs->di;
	c->args[1] = regs->si;
	c->args[2] = regs->dx;
	c->args[3] = regs->r10;
	c->args[4] = regs->r8;
	c->args[5] = regs->r9;
	c->nr = (u32)nr;
	return is_meant(c);
}

/*
 * [lo, hi) is taken in; empty ones change nothing. The hole between two is taken in, too: a window is
 * one range.
 */
static __always_inline void widen(struct range *r, u64 lo, u64 hi)
{
	if (lo >= hi)
		return;
	if (r->lo >= r->hi) {
		r->lo = lo;
		r->hi = hi;
		return;
	}
	if (lo < r->lo)
		r->lo = lo;
	if (hi > r->hi)
		r->hi = hi;
}

static __always_inline u64 page_align(u64 addr)
{
	return (addr + PAGE - 1) & ~(PAGE - 1);
}

/* Guard regions are since 6.13: before, the advice is refused before any lock is taken. */
static __always_inline bool gives_guards(const struct call *c)
{
	return (c->nr == NR_madvise && (u32)c->args[2] == MADV_GUARD_INSTALL) ||
	       (c->nr == NR_process_madvise && (u32)c->args[3] == MADV_GUARD_INSTALL);
}

/*
 * From the lowest to the highest of process_madvise. All there is where there are more than fit, or
 * they cannot be read: a window too large is slow, one too small would miss areas. Reading beyond the
 * end of fewer pairs may fail, and is then taken the same way.
 */
__noinline int range_of_pairs(const struct call *c, struct range *r)
{
	u64 pairs[PAIRS_MAX * 2] = { 0 };

	if (!c || !r)
		return 0;
	*r = (struct range){ 0, ~0ull };
	if (c->args[2] > PAIRS_MAX || bpf_probe_read_user(pairs, sizeof(pairs), (void *)c->args[1]))
		return 0;
	*r = (struct range){ 0, 0 };
	for (u32 i = 0; i < PAIRS_MAX && i < c->args[2]; i++)
		widen(r, pairs[i * 2] ? pairs[i * 2] - 1 : 0,
			page_align(pairs[i * 2] + pairs[i * 2 + 1]) + 1);
	return 0;
}

/*
 * What a call names of the map. @start and @len come as the first two arguments, which is right for
 * most calls. shmat's length is the segment's, which is not known before it is mapped: what is written
 * tells of it. brk names from the old break to the new one. mremap that grows names what it may grow
 * into.
 */
static __always_inline void named_by(const struct call *c, u64 mm, u64 *start, u64 *len)
{
	u64 vma, end, pair[2] = { 0 };

	if (c->nr == NR_prctl) {
		*start = c->args[2];
		*len = c->args[3];
	} else if (c->nr == NR_ioctl) {
		bpf_probe_read_user(pair, sizeof(pair), (void *)c->args[2]);
		*start = pair[0];
		*len = pair[1];
	} else if (c->nr == NR_shmat || c->nr == NR_shmdt) {
		*start = c->nr == NR_shmat ? c->args[1] : *start;
		*len = *start ? PAGE : 0;
	} else if (c->nr == NR_brk) {
		u64 brk = mm_by(mm)->brk;

		*len = *start > brk ? *start - brk : brk - *start;
		*start = *start > brk ? brk : *start;
	} else if (c->nr == NR_mremap && c->args[3] & MREMAP_DONTUNMAP) {
		end = page_align(*start + *len);
		/* All of each area is unlocked, not what is moved alone. */
		vma = area_at(mm, *start);
		if (vma)
			*start = area_by(vma)->vm_start;
		vma = area_at(mm, end - 1);
		if (vma && area_by(vma)->vm_end > end)
			end = area_by(vma)->vm_end;
		*len = end - *start;
	} else if (c->nr == NR_mremap && c->args[2] > *len) {
		*len = c->args[2];
	}
}

/*
 * That, and what touches it. Empty where the call names no place: what it writes to is its window then.
 * [0, ~0) where all areas are meant (fork copies all, PR_SET_MEMORY_MERGE changes all). Calls that only
 * have a hint (mmap) name it, as they may be put there.
 */
__noinline int range_of(const struct call *c, u64 mm, struct range *r)
{
	u64 start, len;

	if (!c || !r)
		return 0;
	start = c->args[0];
	len = c->args[1];
	*r = (struct range){ 0, 0 };
	if (is_fork(c->nr) || c->nr == NR_mlockall || c->nr == NR_munlockall ||
		(c->nr == NR_prctl && c->args[0] == PR_SET_MEMORY_MERGE))
		r->hi = ~0ull;
	else if (c->nr == NR_process_madvise)
		range_of_pairs(c, r);
	if (r->hi || c->nr == NR_process_madvise || c->nr == NR_io_setup || c->nr == NR_arch_prctl ||
		(c->nr == NR_mmap && !start && !(c->args[3] & MAP_FIXED)))
		return 0;
	named_by(c, mm, &start, &len);
	r->lo = (start & ~(PAGE - 1)) - (start >= PAGE ? 1 : 0);
	r->hi = page_align(start + len) + 1;
	if (r->hi < r->lo)
		r->hi = r->lo + PAGE;
	return 0;
}

#endif
