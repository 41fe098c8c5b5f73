/* SPDX-License-Identifier: MIT */
/*
 * Which addresses a call is about: what it names, and what the kernel chose for it.  Whole pages.
 *
 * Called for each call of a program that is being recorded (which areas are looked at behind it) and by who
 * shows it; nothing is read but the call and the heap.
 *
 * A range is what may change, not what will: who looks behind a call looks there, and finds nothing new
 * where the call has failed. A result is asked for in trace_placed_pages() alone.
 */
#include <errno.h>
#include <string.h>

#include <vmaple/trace.h>

#include "uapi.h"

/*
 * A length that overflows, which the kernel refuses or takes as no range, reaches to the last page: too
 * much is looked at, never too little. @page is a power of two. Returns 1, the number of ranges, for its
 * callers to return.
 */
static unsigned int range(struct trace_range *r, uint64_t page, uint64_t start, uint64_t len)
{
	r->start = start & -page;
	r->end = (start + len + page - 1) & -page;
	if (r->end < r->start || start + len < start)
		r->end = -page;
	return 1;
}

/*
 * brk says where the end is to be: what changes is between there and where it was. @heap has the values
 * from before the call; NULL: not known. Below start_brk the call asks where it is and changes nothing.
 */
static unsigned int range_of_brk(
	const struct trace_heap *heap, uint64_t page, uint64_t brk, struct trace_range *r)
{
	if (!heap || brk < heap->start_brk || brk == heap->brk)
		return 0;
	return brk < heap->brk ? range(r, page, brk, heap->brk - brk)
			       : range(r, page, heap->brk, brk - heap->brk);
}

/*
 * Of more than two, everything from the lowest to the highest. data was kept by the recorder in whole
 * pairs of 64 bits, whatever the table; a rest of less than a pair is no range. 0: the vector could not
 * be read, or is of another process.
 */
static unsigned int ranges_of_vector(const struct trace_call *c, uint64_t page, struct trace_range r[2])
{
	unsigned int n = c->data_len / (2 * sizeof(uint64_t));
	struct trace_range one;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t v[2];

		memcpy(v, (const char *)c->data + i * sizeof(v), sizeof(v));
		range(&one, page, v[0], v[1]);
		if (n <= 2 || i == 0) {
			r[i] = one;
			continue;
		}
		r[0].start = one.start < r[0].start ? one.start : r[0].start;
		r[0].end = one.end > r[0].end ? one.end : r[0].end;
	}
	return n < 2 ? n : n == 2 ? 2 : 1;
}

/*
 * UFFDIO_REGISTER and UFFDIO_UNREGISTER: both begin with struct uffdio_range, start and length.
 * UFFDIO_REGISTER has a mode behind the range, which is of no matter here.
 */
static unsigned int range_in_data(const struct trace_call *c, uint64_t page, struct trace_range *r)
{
	uint64_t v[2];

	if (c->data_len < sizeof(v))
		return 0;
	memcpy(v, c->data, sizeof(v));
	return range(r, page, v[0], v[1]);
}

/*
 * Calls that are about the whole map (mlockall) or whose range only the kernel knows (shmdt, io_destroy)
 * have none here.
 */
unsigned int trace_named_pages(
	const struct trace_call *c, const struct trace_heap *heap, uint64_t page, struct trace_range r[2])
{
	const uint64_t *a = c->args;

	switch (c->nr) {
	case NR_mmap:
		/*
		 * Without it the address is a hint, and nothing that is there changes; with
		 * MAP_FIXED_NOREPLACE neither.
		 */
		return a[3] & MAP_FIXED ? range(r, page, a[0], a[1]) : 0;
	case NR_brk:
		return range_of_brk(heap, page, a[0], r);
	/* The new place with the new length; of MREMAP_MAYMOVE alone the kernel chooses it. */
	case NR_mremap:
		range(r, page, a[0], a[1]);
		return 1 + (a[3] & MREMAP_FIXED ? range(r + 1, page, a[4], a[2]) : 0);
	case NR_munmap:
	case NR_mprotect:
	case NR_pkey_mprotect:
	case NR_madvise:
	case NR_mlock:
	case NR_mlock2:
	case NR_munlock:
	case NR_mseal:
	case NR_mbind:
	case NR_set_mempolicy_home_node:
	case NR_remap_file_pages:
		return range(r, page, a[0], a[1]);
	case NR_process_madvise:
		return ranges_of_vector(c, page, r);
	case NR_prctl:
		return a[0] == PR_SET_VMA ? range(r, page, a[2], a[3]) : 0;
	case NR_ioctl:
		return range_in_data(c, page, r);
	default:
		return 0;
	}
}

/*
 * Of shmat the length is the segment's, which the call does not say: the first page stands for it.
 *
 * brk places nothing: its result is an end, and trace_named_pages() has the range.
 */
bool trace_placed_pages(const struct trace_call *c, uint64_t page, struct trace_range *r)
{
	if (IS_ERR_VALUE(c->result))
		return false;
	switch (c->nr) {
	case NR_mmap:
	case NR_map_shadow_stack:
		return range(r, page, (uint64_t)c->result, c->args[1]);
	case NR_mremap:
		return range(r, page, (uint64_t)c->result, c->args[2]);
	case NR_shmat:
		return range(r, page, (uint64_t)c->result, page);
	default:
		return false;
	}
}

unsigned int trace_named_ranges(
	const struct trace_call *c, const struct trace_heap *heap, struct trace_range r[2])
{
	return trace_named_pages(c, heap, TRACE_PAGE_SIZE_MIN, r);
}

bool trace_placed_range(const struct trace_call *c, struct trace_range *r)
{
	return trace_placed_pages(c, TRACE_PAGE_SIZE_MIN, r);
}
