/* SPDX-License-Identifier: MIT */
/*
 * Where a mapping goes: the policies of x86-64 and arm64 over the free-area search.
 *
 * 1. Search.  The index finds the lowest or highest hole of a length between two limits in O(log n).  A stack
 *    below which the hole ends keeps its guard gap free; a hole that is too small without it is passed over and
 *    the search goes on beyond the stack.
 *
 * 2. Policy.  Top-down from mmap_base, bottom-up from mmap_legacy_base when that fails or the process prefers it;
 *    a hint is taken if it is free; MAP_32BIT lies in the second gigabyte; a hint above the 47-bit window opens
 *    what lies there (arm64: the window of 47 or 48 bits; MAP_32BIT means nothing).  Large mappings are placed so that huge pages fit, by searching for a longer hole.  What a 64-bit
 *    program asks for through a table of 32-bit calls has bases of its own, and an end; flags and hints that are about
 *    more than 4 GiB mean nothing there, nor in a space of 4 GiB, and nothing is placed for huge pages.
 *
 * 3. Colour.  Where the processor's caches ask for it (mm_system.va_align_mask) the address of a file's mapping has the
 *    same bits within the mask as its offset, plus bits drawn once for the machine: the same page of a file is then
 *    always in the same part of the cache, whoever maps it.
 *
 * Lespinasse 2012 (the search and the colour); docs/unmapped-area.md.
 */
#include "internal.h"
#include "machine.h"

#define MAP_32BIT_START 0x40000000UL
#define MAP_32BIT_END   0x80000000UL

/* What is looked for: bytes. */
struct search {
	unsigned long length, low, high;
	unsigned long align_mask, align_offset;
	bool topdown;
};

static unsigned long search_lowest(struct mm_struct *mm, const struct search *s, struct hole *hole)
{
	unsigned long length = s->length + s->align_mask, low = s->low, gap;

	if (length < s->length)
		return -ENOMEM;
	for (;;) {
		struct vm_area_struct *above;

		if (low >= s->high || s->high - low < length ||
			index_gap(mm, low, s->high, length, false, &gap))
			return -ENOMEM;
		gap += (s->align_offset - gap) & s->align_mask;
		above = hole->next = index_find_prev(mm, gap, &hole->prev);
		if (!above || !(above->vm_flags & VM_GROWSDOWN) || vm_start_gap(above) >= gap + length - 1) {
			hole->known = true;
			return gap;
		}
		low = above->vm_end;
	}
}

/* The place that is remembered, or 0. */
static unsigned long remembered(struct mm_struct *mm, const struct search *s, struct hole *hole)
{
	const struct mm_hole *h = s->align_mask ? NULL : hole_for(mm, s->low, s->high, s->length);

	if (!h)
		return 0;
	*hole = (struct hole){ true, h->prev, h->next };
	return h->end - s->length;
}

static unsigned long search_highest(struct mm_struct *mm, const struct search *s, struct hole *hole)
{
	unsigned long length = s->length + s->align_mask, high = s->high, start = remembered(mm, s, hole);

	if (start)
		return start;
	if (length < s->length)
		return -ENOMEM;
	for (;;) {
		struct vm_area_struct *above;
		unsigned long end, gap;

		if (high <= s->low || high - s->low < length ||
			index_gap(mm, s->low, high, length, true, &start))
			return -ENOMEM;
		end = start + length;
		gap = end - s->length;
		gap -= (gap - s->align_offset) & s->align_mask;
		above = hole->next = index_find_prev(mm, gap, &hole->prev);
		if (!above || !(above->vm_flags & VM_GROWSDOWN) || vm_start_gap(above) >= end) {
			hole->known = true;
			if (!s->align_mask)
				hole_found(mm, high, length, hole);
			return gap;
		}
		high = vm_start_gap(above);
	}
}

static unsigned long vm_unmapped_area(struct mm_struct *mm, struct search *s, struct hole *hole)
{
	s->low = max(s->low, mm->sys->mmap_min_addr);
	return s->topdown ? search_highest(mm, s, hole) : search_lowest(mm, s, hole);
}

/* Is [addr, addr + len) free, with the guard gap of a stack above it? */
static bool range_is_free(struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	struct vm_area_struct *vma = index_find(mm, addr);

	return !vma || addr + len <= vm_start_gap(vma);
}

/* What has to be placed: bytes; @off is where it begins in @file. */
struct request {
	const struct vm_file *file;
	unsigned long addr, len, off, flags;
	struct hole *hole; /* becomes known */
	bool compat;       /* by the bases of 32-bit calls */
};

/* From where, upwards, and until where. */
static void set_bottomup(const struct mm_struct *mm, const struct request *r, struct search *s)
{
	bool far = r->addr > mm->mmap_window;

	if (mm->topdown && !machine_of(mm)->share_drawn)
		s->low = mm_page_align(mm, mm->mmap_window / machine_of(mm)->share);
	else
		s->low = r->compat ? mm->mmap_compat_legacy_base : mm->mmap_legacy_base;
	s->high = r->compat || is_small(mm) ? mm->compat_task_size
		  : far                     ? mm->task_size
					    : min(mm->task_size, mm->mmap_window);
}

/* Where it may begin, as far as @file cares. */
static void set_alignment(const struct mm_struct *mm, const struct request *r, struct search *s)
{
	const struct mm_system *sys = mm->sys;

	if (!r->file)
		return;
	if (r->file->kind == VM_FILE_HUGETLB) {
		s->align_mask = r->file->map_align - 1;
		return;
	}
	s->align_mask = sys->va_align_mask & ~(mm_page_size(mm) - 1);
	s->align_offset = r->off + (sys->va_align_bits & s->align_mask);
}

static unsigned long area_bottomup(struct mm_struct *mm, const struct request *r)
{
	struct search s = { .length = r->len };
	unsigned long addr = r->addr, len = r->len, flags = r->flags;

	set_alignment(mm, r, &s);
	set_bottomup(mm, r, &s);
	if (flags & MAP_32BIT) {
		s.low = MAP_32BIT_START;
		s.high = MAP_32BIT_END;
	} else if (flags & MAP_ABOVE4G) {
		s.low = max(s.low, 1UL << 32);
	}
	if (len > s.high)
		return -ENOMEM;
	addr = mm_page_align(mm, addr);
	if (addr && s.high - len >= addr && range_is_free(mm, addr, len))
		return addr;
	return vm_unmapped_area(mm, &s, r->hole);
}

/* A hint is taken only where all of the mapping lies on one side of the border of the window, which a small space has not. */
static bool hint_valid(const struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	return end_for_calls(mm) - len >= addr &&
	       (is_small(mm) || (addr > mm->mmap_window) == (addr + len > mm->mmap_window));
}

static unsigned long area_topdown(struct mm_struct *mm, const struct request *r)
{
	struct search s = { .length = r->len,
		.low = mm_page_size(mm),
		.high = r->compat ? mm->mmap_compat_base : mm->mmap_base,
		.topdown = true };
	unsigned long addr = r->addr & ~(mm_page_size(mm) - 1);

	if (r->flags & MAP_32BIT)
		return area_bottomup(mm, r);
	if (addr && hint_valid(mm, addr, r->len) && range_is_free(mm, addr, r->len))
		return addr;
	set_alignment(mm, r, &s);
	if (r->flags & MAP_ABOVE4G)
		s.low = 1UL << 32;
	if (addr > mm->mmap_window && !r->compat)
		s.high += mm->task_size - mm->mmap_window;
	addr = vm_unmapped_area(mm, &s, r->hole);
	return IS_ERR_VALUE(addr) ? area_bottomup(mm, r) : addr;
}

static unsigned long longest(const struct mm_struct *mm, const struct request *r)
{
	unsigned long end = r->addr > mm->mmap_window ? mm->task_size : min(mm->task_size, mm->mmap_window);

	return machine_of(mm)->spares_low ? end - mm->sys->mmap_min_addr : end_for_calls(mm);
}

static unsigned long area_plain(struct mm_struct *mm, const struct request *r)
{
	r->hole->known = false;
	if (r->len > longest(mm, r))
		return -ENOMEM;
	if (r->flags & MAP_FIXED)
		return r->addr;
	return mm->topdown ? area_topdown(mm, r) : area_bottomup(mm, r);
}

/*
 * A place where addresses and offsets agree modulo @size, so that huge pages can map the range; 0: none, or it
 * would not help.  A hole of len + size always has one:
 *
 *      |------------- len + size -------------|
 *         ^ ret + off_sub: congruent to off
 *
 * Offsets have a sign in Linux: where the next border is 2^63, it lies before all of them, and the range is aligned.
 */
static unsigned long area_aligned(struct mm_struct *mm, const struct request *r, unsigned long size)
{
	unsigned long off_end = r->off + r->len, off_align = (r->off + size - 1) & ~(size - 1), ret, off_sub;
	struct request padded = *r;

	padded.len += size;
	if ((long)off_end <= (long)off_align || off_end - off_align < size || padded.len < r->len ||
		r->off + padded.len < r->off)
		return 0;
	ret = area_plain(mm, &padded);
	if (IS_ERR_VALUE(ret))
		return 0;
	if (ret == r->addr)
		return ret;
	off_sub = (r->off - ret) & (size - 1);
	return ret + (mm->topdown && !off_sub ? size : off_sub);
}

/*
 * The huge page that @r is placed for; 0: for none. An anonymous mapping's offset says nothing of
 * where it should be.
 */
static unsigned long wanted_alignment(const struct mm_struct *mm, const struct request *r)
{
	const struct mm_system *sys = mm->sys;
	bool shared = r->flags & MAP_SHARED;

	/* Since anonymous memory is placed for them, too. */
	if ((r->compat || is_small(mm)) && sys->kernel->anon_huge_aligned)
		return 0;
	if (r->file && r->file->kind == VM_FILE_REGULAR)
		return r->file->map_align;
	if (r->file && r->file->kind == VM_FILE_ZERO && !shared)
		return sys->kernel->zero_huge_aligned ? sys->pmd_size : 0;
	if (!r->file && !shared && !r->addr && sys->pmd_size && sys->kernel->anon_huge_aligned &&
		!(r->len & (sys->pmd_size - 1)))
		return sys->pmd_size;
	return 0;
}

/*
 * Huge page files lie on borders of huge pages: a hint is rounded up, one in the last of all pages to none; arm64 took that
 * for address 0 before it was held against the least one.  Before they were placed as other files are, it was rounded down,
 * that in the first huge page to address 0, and flags that say where to search were not looked at.
 */
static unsigned long area_huge(struct mm_struct *mm, struct request r)
{
	unsigned long mask = r.file->map_align - 1, hint = r.addr;
	bool as_files = mm->sys->kernel->huge_as_files || machine_of(mm)->huge_as_files;
	bool takes_0 = !as_files || !has_since(mm, &machine_of(mm)->huge_hints);

	if (!mm->sys->kernel->huge_as_files && r.len > longest(mm, &r))
		return -ENOMEM;
	if ((r.flags & MAP_FIXED) && (r.addr & mask))
		return -EINVAL;
	r.addr = (r.addr + (as_files ? mask : 0)) & ~mask;
	if (!as_files)
		r.flags &= ~(unsigned long)(MAP_32BIT | MAP_ABOVE4G);
	if (takes_0 && hint && !r.addr && !(r.flags & MAP_FIXED) && hint_valid(mm, 0, r.len) &&
		range_is_free(mm, 0, r.len)) {
		r.hole->known = false;
		return 0;
	}
	return area_plain(mm, &r);
}

static unsigned long area_by_kind(struct mm_struct *mm, const struct request *r)
{
	unsigned long size = wanted_alignment(mm, r), ret = size ? area_aligned(mm, r, size) : 0;

	return ret ? ret : area_plain(mm, r);
}

/*
 * Is there nothing that says how the place of a request without a hint is to be aligned? No border of a huge page lies
 * in what is shorter, and nothing is said of offsets from where they have a sign.
 */
static inline bool needs_no_alignment(
	const struct mm_struct *mm, const struct vm_file *file, unsigned long len, pgoff_t pgoff)
{
	const struct mm_system *sys = mm->sys;

	if (!file)
		return !sys->pmd_size || (len & (sys->pmd_size - 1));
	if (file->kind == VM_FILE_ZERO || sys->va_align_mask)
		return false;
	return !file->map_align || (len < file->map_align && !(pgoff >> (62 - sys->page_shift)));
}

/*
 * Most requests are for a place anywhere: is it from above, without an alignment, and does the place that is remembered
 * answer it?  Then all that follows would find the same, in 250 instructions where this takes 50 (callgrind). That place,
 * or 0.
 */
static inline unsigned long remembered_anywhere(const struct mm_struct *mm, const struct vm_file *file,
	unsigned long len, pgoff_t pgoff, unsigned long flags, struct hole *hole)
{
	const struct mm_hole *h;

	if ((flags & (MAP_FIXED | MAP_32BIT | MAP_ABOVE4G | MM_IN_32BIT)) || !mm->topdown ||
		!needs_no_alignment(mm, file, len, pgoff))
		return 0;
	h = hole_for(mm, max(mm_page_size(mm), mm->sys->mmap_min_addr), mm->mmap_base, len);
	if (!h)
		return 0;
	*hole = (struct hole){ true, h->prev, h->next };
	return h->end - len;
}

/* Below it nothing is mapped without privilege, wherever it was asked for. */
static unsigned long least_address(const struct mm_struct *mm)
{
	return min(mm->sys->mmap_min_addr, mm->sys->dac_mmap_min_addr);
}

unsigned long get_unmapped_area(struct mm_struct *mm, const struct vm_file *file, unsigned long addr,
	unsigned long len, pgoff_t pgoff, unsigned long flags, struct hole *hole)
{
	unsigned long there = addr ? 0 : remembered_anywhere(mm, file, len, pgoff, flags, hole);
	const unsigned long end = end_for_calls(mm);
	struct request r;

	if (there && there + len <= end)
		return there;
	r = (struct request){ file, addr, len, file ? pgoff << mm->sys->page_shift : 0, flags & ~MM_IN_32BIT,
		hole, (flags & MM_IN_32BIT) && !is_small(mm) };
	if (len > end)
		return -ENOMEM;
	if (r.compat || is_small(mm) || !machine_of(mm)->low_flags)
		r.flags &= ~(unsigned long)(MAP_32BIT | MAP_ABOVE4G);
	if (!mm->sys->kernel->above4g)
		r.flags &= ~(unsigned long)MAP_ABOVE4G;
	addr = file && file->kind == VM_FILE_HUGETLB ? area_huge(mm, r) : area_by_kind(mm, &r);
	if (IS_ERR_VALUE(addr))
		return addr;
	if (addr > end - len)
		return -ENOMEM;
	if (offset_in_page(mm, addr))
		return -EINVAL;
	if (addr < least_address(mm) && !mm->limits.cap_sys_rawio)
		return -EPERM;
	return addr;
}

unsigned long mm_get_unmapped_area(struct mm_struct *mm, const struct vm_file *file, unsigned long addr,
	unsigned long len, pgoff_t pgoff, unsigned long flags)
{
	struct hole hole;

	return get_unmapped_area(mm, file, addr, len, pgoff, flags, &hole);
}

/* Keep @gaps sorted, largest first. */
static int insert_gap(struct mm_gap *gaps, int have, int nr, struct mm_gap gap)
{
	int i = have < nr ? have : nr - 1;

	if (have == nr && gap.end - gap.start <= gaps[nr - 1].end - gaps[nr - 1].start)
		return have;
	for (; i > 0 && gaps[i - 1].end - gaps[i - 1].start < gap.end - gap.start; i--)
		gaps[i] = gaps[i - 1];
	gaps[i] = gap;
	return have < nr ? have + 1 : nr;
}

int mm_largest_gaps(struct mm_struct *mm, struct mm_gap *gaps, int nr)
{
	unsigned long end = 0;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	int have = 0;

	if (nr <= 0)
		return 0;
	for_each_vma (vmi, vma) {
		if (vma->vm_start > end && end < mm->task_size)
			have = insert_gap(
				gaps, have, nr, (struct mm_gap){ end, min(vma->vm_start, mm->task_size) });
		end = vma->vm_end;
	}
	if (end < mm->task_size)
		have = insert_gap(gaps, have, nr, (struct mm_gap){ end, mm->task_size });
	return have;
}
