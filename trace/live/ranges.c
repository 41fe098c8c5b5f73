/* SPDX-License-Identifier: MIT */
/*
 * Which addresses a call is about: what it names, and what the kernel chose for it.  Whole pages.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "uapi.h"

#define PAGE 4096ull

static unsigned int range(struct range *r, uint64_t start, uint64_t len)
{
	r->start = start & ~(PAGE - 1);
	r->end = (start + len + PAGE - 1) & ~(PAGE - 1);
	if (r->end < r->start)
		r->end = ~(PAGE - 1);
	return 1;
}

static unsigned int range_of_brk(const struct live_mm *mm, uint64_t brk, struct range *r)
{
	if (brk < mm->start_brk || brk == mm->brk)
		return 0;
	return brk < mm->brk ? range(r, brk, mm->brk - brk) : range(r, mm->brk, brk - mm->brk);
}

/* Of more than two, everything from the lowest to the highest. */
static unsigned int ranges_of_vector(const struct trace_call *c, struct range r[2])
{
	unsigned int n = c->data_len / (2 * sizeof(uint64_t));
	struct range one;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t v[2];

		memcpy(v, (const char *)c->data + i * sizeof(v), sizeof(v));
		range(&one, v[0], v[1]);
		if (n <= 2 || i == 0) {
			r[i] = one;
			continue;
		}
		r[0].start = one.start < r[0].start ? one.start : r[0].start;
		r[0].end = one.end > r[0].end ? one.end : r[0].end;
	}
	return n < 2 ? n : n == 2 ? 2 : 1;
}

unsigned int named_ranges(const struct task *t, struct range r[2])
{
	const uint64_t *a = t->call.args;
	uint64_t data[2];

	switch (t->call.nr) {
	case SYS_mmap:
		return a[3] & MAP_FIXED ? range(r, a[0], a[1]) : 0;
	case SYS_brk:
		return range_of_brk(t->mm, a[0], r);
	case SYS_mremap:
		range(r, a[0], a[1]);
		return 1 + (a[3] & MREMAP_FIXED ? range(r + 1, a[4], a[2]) : 0);
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
	case SYS_madvise:
	case SYS_mlock:
	case SYS_mlock2:
	case SYS_munlock:
	case SYS_mseal:
	case SYS_mbind:
	case SYS_remap_file_pages:
		return range(r, a[0], a[1]);
	case SYS_process_madvise:
		return ranges_of_vector(&t->call, r);
	case SYS_prctl:
		return a[0] == PR_SET_VMA ? range(r, a[2], a[3]) : 0;
	case SYS_ioctl:
		if (t->call.data_len < sizeof(data))
			return 0;
		memcpy(data, t->data, sizeof(data));
		return range(r, data[0], data[1]);
	default:
		return 0;
	}
}

bool placed_range(const struct trace_call *c, int64_t result, struct range *r)
{
	if (IS_ERR_VALUE(result))
		return false;
	switch (c->nr) {
	case SYS_mmap:
	case SYS_map_shadow_stack:
		return range(r, (uint64_t)result, c->args[1]);
	case SYS_mremap:
		return range(r, (uint64_t)result, c->args[2]);
	case SYS_shmat:
		return range(r, (uint64_t)result, PAGE);
	default:
		return false;
	}
}

bool is_about_whole_map(uint32_t nr)
{
	return nr == SYS_mlockall || nr == SYS_munlockall || nr == SYS_shmdt || nr == SYS_io_setup ||
	       nr == SYS_io_destroy || nr == SYS_arch_prctl;
}
