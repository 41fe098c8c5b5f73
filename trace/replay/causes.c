/* SPDX-License-Identifier: MIT */
/*
 * What a disagreement comes from.
 *
 * 1. Touched.  s->touched has the addresses that calls and faults were about since they were last found equal, with a byte more on
 *    both sides.  A disagreement elsewhere is of something that no recorded event did: it came from *outside*.
 *
 * 2. Caused.  s->caused has the addresses that a disagreement was about, until something new is mapped there.  What is
 *    repaired may still lack what no observation shows (whether it was written, how it was made), so another
 *    disagreement there is a consequence of the first, and counted with it.  A result that differs in the same way
 *    as one before, in calls of the same kind, is a consequence, too.
 */
#include <string.h>

#include "internal.h"
#include "uapi.h"

struct bounds {
	uint64_t start, end;
};

/* @value: in s->caused the verdict. */
static void add(struct maple_tree *set, uint64_t start, uint64_t end, unsigned long value)
{
	if (end > start && mtree_store_range(set, start, end - 1, xa_mk_value(value), GFP_KERNEL))
		return;
}

static void drop(struct maple_tree *set, uint64_t start, uint64_t end)
{
	unsigned long at = start;

	if (end > start && mt_find(set, &at, end - 1) &&
		mtree_store_range(set, start, end - 1, NULL, GFP_KERNEL))
		return;
}

static bool meets(struct maple_tree *set, uint64_t start, uint64_t end)
{
	unsigned long at = start;

	return end > start && mt_find(set, &at, end - 1) != NULL;
}

static struct bounds around(uint64_t start, uint64_t len)
{
	struct bounds b = { start & ~4095UL, (start + len + 4095) & ~4095UL };

	if (start + len < start || b.end < b.start)
		b.end = UINT64_MAX - 1;
	b.start -= b.start != 0;
	b.end++;
	return b;
}

/* Everything that the call names or has made. */
static unsigned int ranges_of(const struct space *s, const struct trace_call *c, struct bounds b[3])
{
	const uint64_t *a = c->args, here = (uint64_t)c->result;
	bool done = !IS_ERR_VALUE(c->result);
	uint64_t named[2] = { 0 };
	unsigned int n = 0;

	switch (c->nr) {
	case SYS_mmap:
	case SYS_map_shadow_stack:
		if (a[0])
			b[n++] = around(a[0], a[1]);
		if (done)
			b[n++] = around(here, a[1]);
		break;
	case SYS_mremap:
		b[n++] = around(a[0], a[1] > a[2] ? a[1] : a[2]);
		if (a[3] & MREMAP_FIXED)
			b[n++] = around(a[4], a[2]);
		if (done)
			b[n++] = around(here, a[2]);
		break;
	case SYS_brk:
		b[n++] = around(s->mm.start_brk, 0);
		b[0].end = s->mm.brk + 4097;
		if (a[0] > b[0].end)
			b[0].end = a[0] + 4097;
		break;
	case SYS_prctl:
		b[n++] = around(a[2], a[3]);
		break;
	case SYS_ioctl:
		if (c->data_len >= sizeof(named))
			memcpy(named, c->data, sizeof(named));
		b[n++] = around(named[0], named[1]);
		break;
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
		b[n++] = around(a[0], a[1]);
		break;
	default:
		b[n++] = (struct bounds){ 0, UINT64_MAX };
	}
	return n;
}

void causes_begin(struct space *s)
{
	mt_init_flags(&s->touched, 0);
	mt_init_flags(&s->caused, 0);
}

void causes_end(struct space *s)
{
	mtree_destroy(&s->touched);
	mtree_destroy(&s->caused);
}

void causes_fork(struct space *child, const struct space *parent)
{
	if (mtree_dup((struct maple_tree *)&parent->touched, &child->touched, GFP_KERNEL)) {
		mt_init_flags(&child->touched, 0);
		causes_touch(child, 0, UINT64_MAX);
	}
	if (mtree_dup((struct maple_tree *)&parent->caused, &child->caused, GFP_KERNEL))
		mt_init_flags(&child->caused, 0);
}

void causes_touch(struct space *s, uint64_t start, uint64_t end)
{
	add(&s->touched, start, end, 0);
}

void causes_of_call(struct space *s, const struct trace_call *c)
{
	struct bounds b[3];
	unsigned int n = ranges_of(s, c, b);

	for (unsigned int i = 0; i < n; i++)
		add(&s->touched, b[i].start, b[i].end, 0);
	if (IS_ERR_VALUE(c->result) || (c->nr != SYS_mmap && c->nr != SYS_munmap))
		return;
	/* What was there before is gone. */
	b[0] = c->nr == SYS_mmap ? around((uint64_t)c->result, c->args[1]) : around(c->args[0], c->args[1]);
	drop(&s->caused, b[0].start + 1, b[0].end - 1);
}

void causes_compared(struct space *s, uint64_t lo, uint64_t hi)
{
	drop(&s->touched, lo, hi);
}

/* No recorded event was about it. */
bool cause_is_outside(struct space *s, uint64_t start, uint64_t end)
{
	return !meets(&s->touched, start, end);
}

bool cause_is_known(struct space *s, uint64_t start, uint64_t end)
{
	unsigned long at = start;
	void *verdict = end > start ? mt_find(&s->caused, &at, end - 1) : NULL;

	/* What changed from outside before has done so again. */
	return verdict && (xa_to_value(verdict) != REPLAY_OUTSIDE || !cause_is_outside(s, start, end));
}

void cause_note(struct space *s, uint64_t start, uint64_t end, enum replay_verdict verdict)
{
	add(&s->caused, start, end, verdict);
}

bool cause_of_call_is_known(struct space *s, const struct trace_call *c)
{
	struct bounds b[3];
	unsigned int n = ranges_of(s, c, b);

	for (unsigned int i = 0; i < n; i++)
		if (b[i].end < UINT64_MAX && meets(&s->caused, b[i].start, b[i].end))
			return true;
	return false;
}

void cause_note_call(struct space *s, const struct trace_call *c, enum replay_verdict verdict)
{
	struct bounds b[3];
	unsigned int n = ranges_of(s, c, b);

	for (unsigned int i = 0; i < n; i++)
		if (b[i].end < UINT64_MAX)
			add(&s->caused, b[i].start, b[i].end, verdict);
}

/* Two errors, or an error and a success: the same pair again is the same reason. */
bool cause_repeats(struct replay *r, uint32_t nr, int64_t expected, int64_t found)
{
	struct repeated now = { nr, IS_ERR_VALUE(expected) ? expected : 0, IS_ERR_VALUE(found) ? found : 0 };

	if (!now.expected && !now.found)
		return false;
	for (unsigned int i = 0; i < r->nr_repeated; i++) {
		const struct repeated *p = &r->repeated[i];

		if (p->nr == now.nr && p->expected == now.expected && p->found == now.found)
			return true;
	}
	if (r->nr_repeated < REPEATED_MAX)
		r->repeated[r->nr_repeated++] = now;
	return false;
}
