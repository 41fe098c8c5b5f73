/* SPDX-License-Identifier: MIT */
/*
 * Address spaces that were seen in part: a log of calls without the map that they began with.
 *
 * 1. Meaning.  What calls made is known; of everything else is not known whether it is there.  Two things tell about it.
 *    A call that succeeds on addresses where the mirror has nothing shows that something was there: the hole is
 *    filled by an area called [unseen], which joins nothing.  A mapping whose place the kernel chose lies where nothing
 *    was: what the mirror has there must have gone before, by a call that is missing or was logged in another order.
 * 2. Failures.  Whether a call failed for a reason that the mirror knows cannot be told, so a failed call changes nothing
 *    here; but mprotect, madvise and locking change what lies before the hole that ends them with ENOMEM, and are
 *    carried out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

/* Does it have to find areas, all the way, if it succeeds? */
static bool wants_areas(uint32_t nr)
{
	switch (nr) {
	case NR_mprotect:
	case NR_pkey_mprotect:
	case NR_madvise:
	case NR_mlock:
	case NR_mlock2:
	case NR_munlock:
	case NR_mseal:
	case NR_mremap:
	case NR_remap_file_pages:
		return true;
	default:
		return false;
	}
}

/* False: no memory for it. */
static bool fill(struct replay *r, struct space *s, uint64_t start, uint64_t end)
{
	const struct trace_file unseen = { .kind = TRACE_FILE_SPECIAL, .path = "[unseen]" };
	struct area_spec spec = { .start = start, .end = end, .vm_flags = VM_READ | VM_MAY_FLAGS };
	bool done;

	spec.file = replay_file(r, &unseen);
	if (!spec.file)
		return false;
	spec.file->no_split = false;
	done = !mm_insert_area(&s->mm, &spec);
	vm_file_put(spec.file);
	return done;
}

/* Told once for a call, however many holes. */
static void fill_holes(
	struct replay *r, struct space *s, const struct trace_event *e, struct trace_range range)
{
	uint64_t at = range.start, end = min(range.end, s->mm.task_size), found = 0;

	while (at < end) {
		struct vm_area_struct *vma = find_vma(&s->mm, at);
		uint64_t next = vma ? min(vma->vm_start, end) : end;

		if (next > at && !fill(r, s, at, next))
			return;
		found += next > at ? next - at : 0;
		at = vma && vma->vm_start <= at ? vma->vm_end : next;
	}
	if (found)
		report_doubt(r, s, e, "the call succeeded where no area was seen: something was there",
			"(nothing)\n", "(areas)\n");
}

/* Where the kernel has put something new, by its own choice; empty: nowhere. */
static struct trace_range chosen_place(const struct space *s, const struct trace_call *c)
{
	bool moved = c->nr == NR_mremap && (uint64_t)c->result != c->args[0] && !(c->args[3] & MREMAP_FIXED);
	struct trace_range place;

	if (((c->nr == NR_mmap && !(c->args[3] & MAP_FIXED)) || moved) &&
		trace_placed_pages(c, mm_page_size(&s->mm), &place))
		return place;
	return (struct trace_range){ 0, 0 };
}

static void tell_what_lies_there(
	struct replay *r, struct space *s, const struct trace_event *e, struct trace_range place)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, place.start, place.end);
	char line[1024], found[80];

	if (!vma)
		return;
	vma_format(vma, line, sizeof(line));
	snprintf(found, sizeof(found), "%" PRIx64 "-%" PRIx64 " free\n", place.start, place.end);
	report_doubt(r, s, e,
		"the kernel put it where an area still was: what unmapped that is missing or logged later",
		line, found);
}

/* mremap of what is to be no larger, and stays: Linux looks at the area at its beginning alone. */
static bool is_shrunk(const struct trace_call *c)
{
	return c->nr == NR_mremap && !(c->args[3] & MREMAP_FIXED) && (uint64_t)c->result == c->args[0] &&
	       c->args[2] <= c->args[1];
}

static bool has_partial_effects(uint32_t nr)
{
	return nr == NR_mprotect || nr == NR_pkey_mprotect || nr == NR_madvise || nr == NR_mlock ||
	       nr == NR_mlock2 || nr == NR_munlock;
}

bool partial_call(struct replay *r, struct space *s, const struct trace_event *e)
{
	const struct trace_call *c = &e->call;
	struct trace_range range[2], place;

	/* A break that is refused returns the old one. */
	if (c->nr == NR_brk && c->args[0] && (uint64_t)c->result != c->args[0])
		return true;
	if (IS_ERR_VALUE(c->result))
		return c->result != -ENOMEM || !has_partial_effects(c->nr);
	if (wants_areas(c->nr) && trace_named_pages(c, NULL, mm_page_size(&s->mm), range)) {
		if (is_shrunk(c))
			range[0].end = min(range[0].end, range[0].start + mm_page_size(&s->mm));
		fill_holes(r, s, e, range[0]);
	}
	place = chosen_place(s, c);
	if (place.start < place.end)
		tell_what_lies_there(r, s, e, place);
	return false;
}
