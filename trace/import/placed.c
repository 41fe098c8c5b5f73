/* SPDX-License-Identifier: MIT */
/*
 * Which ranges of a space are mapped, as far as a log has said so, and which line said it.
 *
 * 1. Each mapping call that the log has carried out is kept here as it is emitted.  What was there before the log, what brk
 *    and stacks have, and what the result of a call would tell that was not logged is not here.
 * 2. The kernel gives a mapping without MAP_FIXED only what is free.  So a place that is given twice, with nothing that
 *    unmaps it between, shows that the order of the log is not the order of the calls: both lines are said.
 * 3. A call whose place does not fit yet may belong behind those of another task's: placed_fits() asks before it is
 *    carried out, where the log leaves the order open.
 * 4. Entries.  The tree has a value for each mapped range (place_here()); NULL is a hole. Ranges are
 *    not cut when the calls' areas are, nor joined: they tell of calls, not of areas.
 *
 * An order that cannot be:
 *
 *     10   4070 mmap(NULL, 8192, ...) = 0x7f0000000000       [0x7f0000000000, +8192) is line 10's
 *     11   4071 mmap(NULL, 4096, ...) = 0x7f0000001000       its second page was given out: by line 10
 *
 * A munmap between them was not logged, or stands elsewhere in the log: DOUBT_IMPOSSIBLE at 11, after 10.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "system_calls.h"

#define LINE_BITS      40
#define DONT_FORK_BIT  1ul /* a fork's child does not have it */
#define MADV_DONT_FORK 10
#define MADV_DO_FORK   11

struct range {
	uint64_t start, end;
};

/*
 * Outwards to whole pages, as mmap and munmap do; near the end of all addresses it is cut off rather than
 * let wrap.
 */
static struct range range(const struct import_space *s, uint64_t start, uint64_t len)
{
	uint64_t end = start + len < start ? UINT64_MAX : start + len, in_page = s->page_size - 1;

	return (struct range){ start & ~in_page,
		end > UINT64_MAX - s->page_size ? end : (end + in_page) & ~in_page };
}

/*
 * The file and line that are being read. Bits of an entry: whether a fork leaves it out, 40 of the
 * line, the rest of the file. It says where to look, and nothing of the mapping itself. 40 bits of
 * lines and 22 of files: more of either fold, and a place that is told may be wrong then.
 */
static void *place_here(const struct trace_import *im, bool dont_fork)
{
	uint64_t line = im->reading ? im->reading->number : 0, file = im->reading ? im->reading->index : 0;

	return xa_mk_value((file << LINE_BITS | (line & ((1ull << LINE_BITS) - 1))) << 1 | dont_fork);
}

/* NULL unmaps. Nothing is stored where that would change nothing. 0 or -ENOMEM. */
static int set(struct trace_import *im, struct import_space *s, struct range r, void *entry)
{
	if (r.start >= r.end || !r.end || (!entry && mtree_empty(&s->placed)))
		return 0;
	if (mtree_store_range(&s->placed, r.start, r.end - 1, entry, GFP_KERNEL) == -ENOMEM)
		return import_failed(im, -ENOMEM, "out of memory");
	return 0;
}

/* The entry at the lowest address of the range that is mapped; NULL: none is. */
static void *first_in(struct import_space *s, struct range r)
{
	unsigned long at = r.start;

	return r.start < r.end ? mt_find(&s->placed, &at, r.end - 1) : NULL;
}

/*
 * Of a segment the log has told where it began: what one line has mapped from there on. shmdt(2) has no
 * length.
 */
static struct range segment_at(struct import_space *s, uint64_t start)
{
	MA_STATE(mas, &s->placed, start, start);
	struct range r = { start, start };

	if (mas_walk(&mas))
		r.end = mas.last + 1;
	return r;
}

/*
 * MAP_FIXED_NOREPLACE as well: had something been there the call would have failed with EEXIST (4.17; older
 * kernels take it for a hint).
 */
static bool is_placed_freely(const struct trace_call *c)
{
	return c->nr == NR_mmap ? !(c->args[3] & MAP_FIXED) || (c->args[3] & MAP_FIXED_NOREPLACE)
				: c->nr == NR_mremap && !(c->args[3] & MREMAP_FIXED);
}

/* What a call that was carried out maps; of none an empty range. */
static struct range mapped_by(const struct import_space *s, const struct trace_call *c)
{
	uint64_t len = c->nr == NR_mmap ? c->args[1] : c->nr == NR_mremap ? c->args[2] : 0;

	if (c->nr == NR_shmat && c->data_len == sizeof(len))
		memcpy(&len, c->data, sizeof(len));
	return range(s, (uint64_t)c->result, len);
}

/* @entry: the line that had mapped it. */
static void doubt_order(struct trace_import *im, const void *entry)
{
	uint64_t v = xa_to_value(entry) >> 1;

	import_doubt_pair(im, DOUBT_IMPOSSIBLE, v >> LINE_BITS, v & ((1ull << LINE_BITS) - 1));
}

/*
 * It may have unmapped what it would have replaced. With MAP_FIXED the kernel can have unmapped what
 * was there before it finds that it cannot map.
 */
static int failed(struct trace_import *im, struct import_space *s, const struct trace_call *c)
{
	if (c->nr == NR_mmap && (c->args[3] & MAP_FIXED))
		return set(im, s, range(s, c->args[0], c->args[1]), NULL);
	if (c->nr == NR_mremap && (c->args[3] & MREMAP_FIXED))
		return set(im, s, range(s, c->args[4], c->args[2]), NULL);
	return 0;
}

/* It is no larger where it is: what lay behind is unmapped, and what lies before may have holes. */
static bool is_shrunk(const struct trace_call *c)
{
	return !(c->args[3] & MREMAP_FIXED) && (uint64_t)c->result == c->args[0] && c->args[2] <= c->args[1];
}

/*
 * The old range goes first: mremap may grow in place, and is then no contradiction to itself. With an
 * old length of 0 (shared memory, mapped a second time) the old one stays. Its new place is free, or
 * taken by MREMAP_FIXED. MREMAP_DONTUNMAP leaves an area behind that is empty of pages.
 */
static int moved(struct trace_import *im, struct import_space *s, const struct trace_call *c)
{
	struct range from = range(s, c->args[0], c->args[1]), to = mapped_by(s, c);
	const void *there = NULL;
	int err = 0;

	if (is_shrunk(c))
		return set(im, s, (struct range){ to.end, from.end }, NULL);
	if (!(c->args[3] & MREMAP_DONTUNMAP) && c->args[1])
		err = set(im, s, from, NULL);
	if (!err && is_placed_freely(c))
		there = first_in(s, to);
	if (there)
		doubt_order(im, there);
	return err ? err : set(im, s, to, place_here(im, false));
}

/* After the event was emitted. mmap and shmat come onto what is there with a doubt, and take its place. */
int placed_call(struct trace_import *im, struct import_space *s, const struct trace_call *c)
{
	const void *there;

	if (c->result < 0 && c->result >= -4095)
		return failed(im, s, c);
	switch (c->nr) {
	case NR_mremap:
		return moved(im, s, c);
	case NR_mmap:
	case NR_shmat:
		there = is_placed_freely(c) ? first_in(s, mapped_by(s, c)) : NULL;
		if (there)
			doubt_order(im, there);
		return set(im, s, mapped_by(s, c), place_here(im, false));
	case NR_munmap:
		return set(im, s, range(s, c->args[0], c->args[1]), NULL);
	case NR_shmdt:
		return set(im, s, segment_at(s, c->args[0]), NULL);
	case NR_madvise:
		/*
		 * The line becomes that of the advice; what the advice meets was mapped, whether or not the
		 * log had told of it.
		 */
		if (c->args[2] == MADV_DONT_FORK || c->args[2] == MADV_DO_FORK)
			return set(im, s, range(s, c->args[0], c->args[1]),
				place_here(im, c->args[2] == MADV_DONT_FORK));
		return 0;
	default:
		return 0;
	}
}

/* Of a call that is not carried out yet: nothing is changed, and nothing counted. */
bool placed_fits(struct import_space *s, const struct trace_call *c)
{
	if (c->result < 0 && c->result >= -4095)
		return true;
	switch (c->nr) {
	case NR_mmap:
		return !is_placed_freely(c) || !first_in(s, mapped_by(s, c));
	case NR_mremap:
	case NR_munmap:
	case NR_mprotect:
	case NR_madvise:
		/* Its first page stands for the range; the call may go on over memory from before the log. */
		return mtree_load(&s->placed, range(s, c->args[0], 0).start);
	default:
		return true;
	}
}

/* A fork copies what is mapped but for ranges that MADV_DONTFORK has marked. O(ranges). 0 or -ENOMEM. */
int placed_fork(struct trace_import *im, struct import_space *from, struct import_space *to)
{
	MA_STATE(mas, &from->placed, 0, 0);
	void *entry;
	int err = 0;

	while (!err && (entry = mas_find(&mas, ULONG_MAX)))
		if (!(xa_to_value(entry) & DONT_FORK_BIT))
			err = set(im, to, (struct range){ mas.index, mas.last + 1 }, entry);
	return err;
}
