/* SPDX-License-Identifier: MIT */
/*
 * The mirror beside what was seen: compare and report.
 *
 * 1. Compare.  An observation holds every area of the kernel's that touches a window, whole.  The mirror's areas that
 *    touch the window must be the same: bounds, access, sharing, and, where they are known, file, offset and the
 *    names that the map itself determines (heap, stack, anonymous names; a file's path changes when it is renamed).
 *
 * 2. Uncertain.  Where both cover the same addresses with the same properties and only the cuts differ, the cause can
 *    be a first write that the recording does not have.  That is claimed only for address spaces in doubt: attached
 *    ones, sources that miss some, lost events, writes beside another thread's call that the call may have
 *    depended on.  A stack that grew beside another thread's call can have done so before or after it.
 *
 *    So is every disagreement after events were lost (LOST with a count), until all of the map has been seen while no
 *    call was in the kernel whose order was lost: what that one does can come behind the look.
 *
 * 3. Foreign, outside.  What a driver decides about its own files is foreign (drivers.c); what changed where no recorded
 *    event was came from outside (causes.c).
 *
 * Each group of areas that lie across each other is a disagreement of its own.  After it, the observation is taken over:
 * takeover.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

static uint32_t prot_of(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_READ ? PROT_READ : 0) | (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
	       (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0);
}

bool has_file(const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_file->kind != VM_FILE_SPECIAL;
}

/* Bytes, as maps shows it: 0 for what has no file. */
static uint64_t offset_at(const struct vm_area_struct *vma, uint64_t addr)
{
	return has_file(vma) ? (vma->vm_pgoff << vma->vm_mm->sys->page_shift) + (addr - vma->vm_start) : 0;
}

static bool same_name(const struct vm_area_struct *vma, const struct trace_area *a)
{
	char buf[128];
	/* Shared anonymous memory, which PR_SET_VMA names as well since 6.2: its name is the map's own. */
	bool anon_shmem = vma->vm_file && vma->anon_name;

	if (has_file(vma) && !anon_shmem)
		return true;
	return strcmp(vma_name(vma, buf, sizeof(buf)), a->name) == 0;
}

bool same_properties(const struct vm_area_struct *vma, const struct trace_area *a, uint64_t addr,
	const struct trace_map *map)
{
	bool shared = vma->vm_flags & VM_MAYSHARE;
	uint64_t dev = has_file(vma) ? vma->vm_file->dev : 0, ino = has_file(vma) ? vma->vm_file->ino : 0;

	if (prot_of(vma) != a->prot || shared != a->shared)
		return false;
	if (has_file(vma) && offset_at(vma, addr) != a->offset + (addr - a->start))
		return false;
	if (!has_file(vma) && trace_area_has_file(a))
		return false;
	/* A file that the engine made for shared memory has no number of its own. */
	if ((ino || dev) && (ino != a->ino || dev != a->dev))
		return false;
	return !map->has_names || same_name(vma, a);
}

static struct vm_area_struct *first_in_window(struct space *s, const struct trace_map *map)
{
	return find_vma_intersection(&s->mm, map->lo, map->hi);
}

static struct vm_area_struct *next_in_window(
	struct space *s, const struct vm_area_struct *vma, const struct trace_map *map)
{
	return find_vma_intersection(&s->mm, vma->vm_end, map->hi);
}

/* The common case. O(areas in the window). */
static bool maps_equal(struct space *s, const struct trace_map *map)
{
	struct vm_area_struct *vma = first_in_window(s, map);

	for (uint32_t i = 0; i < map->count; i++) {
		const struct trace_area *a = &map->areas[i];

		if (!vma || vma->vm_start != a->start || vma->vm_end != a->end)
			return false;
		if (!same_properties(vma, a, a->start, map))
			return false;
		vma = next_in_window(s, vma, map);
	}
	return !vma;
}

/*
 * Within the window: same addresses, same properties at each; only the cuts differ. Both lists are walked
 * as one, from cut to cut of either.
 */
static bool only_cuts_differ(struct space *s, const struct trace_map *map)
{
	struct vm_area_struct *vma = first_in_window(s, map);
	uint64_t at = map->lo;
	uint32_t i = 0;

	while (vma && i < map->count) {
		const struct trace_area *a = &map->areas[i];
		uint64_t end = min(vma->vm_end, a->end);

		if (max(vma->vm_start, at) != max(a->start, at))
			return false;
		at = max(a->start, at);
		if (!same_properties(vma, a, at, map))
			return false;
		at = end;
		if (vma->vm_end == end)
			vma = next_in_window(s, vma, map);
		if (a->end == end)
			i++;
	}
	/* Where the mirror's last area reaches further nobody has looked. */
	return (!vma || at >= map->hi) && i == map->count;
}

/* --- where they disagree ------------------------------------------------------------------------------------ */

/* The first observed area that ends above @addr; map->count: there is none. */
static uint32_t area_above(const struct trace_map *map, uint64_t addr)
{
	uint32_t low = 0, high = map->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (map->areas[middle].end > addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool is_same_area(
	const struct vm_area_struct *vma, const struct trace_area *a, const struct trace_map *map)
{
	return vma->vm_start == a->start && vma->vm_end == a->end && same_properties(vma, a, a->start, map);
}

/* Also behind the last; of an empty map, which has no areas to point at, there is one such place. */
static const struct trace_area *area_number(const struct trace_map *map, uint32_t i)
{
	return i ? map->areas + i : map->areas;
}

/*
 * From where both agree: the areas of both sides that lie across each other, as far as they do. What
 * touches without overlapping is a part of its own.
 */
static void grow_part(struct space *s, const struct trace_map *map, struct trace_map *part)
{
	const struct trace_area *end = area_number(map, map->count), *next = part->areas;
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, part->lo, map->hi);

	for (;;) {
		if (vma && vma->vm_start < part->hi) {
			part->lo = min(part->lo, vma->vm_start);
			part->hi = max(part->hi, vma->vm_end);
			vma = find_vma_intersection(&s->mm, vma->vm_end, map->hi);
		} else if (next < end && next->start < part->hi) {
			part->lo = min(part->lo, next->start);
			part->hi = max(part->hi, next->end);
			part->count++;
			next++;
		} else {
			return;
		}
	}
}

/* The first disagreement above @at, as an observation of its own. False: there is none, or areas are out of order. */
static bool next_disagreement(
	struct space *s, const struct trace_map *map, uint64_t at, struct trace_map *part)
{
	uint32_t i = area_above(map, at);
	uint64_t from = at;

	for (;; i++) {
		struct vm_area_struct *vma = find_vma_intersection(&s->mm, at, map->hi);
		const struct trace_area *a = i < map->count ? &map->areas[i] : NULL;

		if (!vma && !a)
			return false;
		if (vma && a && is_same_area(vma, a, map)) {
			at = a->end;
			continue;
		}
		/* Its areas are those of the map, not copied: valid as long as the event is. */
		*part = *map;
		part->areas = area_number(map, i);
		part->count = 0;
		part->lo = !vma || (a && a->start < vma->vm_start) ? a->start : vma->vm_start;
		part->hi = part->lo + 1;
		grow_part(s, map, part);
		/*
		 * A file may have areas out of order or overlapping: then no part lies behind the last one,
		 * and the loop of the caller would not end.
		 */
		return part->hi > from;
	}
}

/* Of a part, which areas of the mirror's alone may have made longer, what was looked at. */
static struct trace_map seen_of(const struct trace_map *part, const struct trace_map *map)
{
	const struct trace_area *first = part->areas,
				*last = area_number(part, part->count ? part->count - 1 : 0);
	struct trace_map seen = *part;

	seen.lo = max(part->lo, part->count ? min(map->lo, first->start) : map->lo);
	seen.hi = min(part->hi, part->count ? max(map->hi, last->end) : map->hi);
	return seen;
}

/* --- what it is --------------------------------------------------------------------------------------------- */

/* The driver whose area it is about; NULL: none. */
static const char *driver_of_part(struct space *s, const struct trace_map *part)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, part->lo, part->hi);
	const char *driver = NULL;

	for (; vma && !driver; vma = find_vma_intersection(&s->mm, vma->vm_end, part->hi))
		driver = driver_of(vma->vm_file);
	for (uint32_t i = 0; i < part->count && !driver; i++)
		driver = driver_of_file(TRACE_FILE_REGULAR, part->areas[i].name);
	return driver;
}

const char *driver_of_call(struct replay *r, struct space *s, const struct trace_call *c)
{
	struct trace_range named[2];
	unsigned int n = r->drivers ? trace_named_pages(c, NULL, mm_page_size(&s->mm), named) : 0;
	const char *driver = NULL;

	if (c->nr == NR_mmap)
		driver = c->file && c->file == r->pending_id ? driver_that_refuses(r->pending, c->result)
							     : pool_that_refuses(c);
	for (unsigned int i = 0; i < n && !driver; i++)
		if (named[i].start < named[i].end)
			driver = driver_of_part(
				s, &(struct trace_map){ .lo = named[i].start, .hi = named[i].end });
	return driver;
}

/*
 * A private mapping of a file can have been written, and its pages dropped since: by truncating the file
 * (unmap_mapping_range() takes private copies, too). And one that is not writable can have been written by
 * a debugger (FOLL_FORCE).
 */
static bool evidence_can_vanish(struct space *s, const struct trace_map *part)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, part->lo, part->hi);

	for (; vma; vma = find_vma_intersection(&s->mm, vma->vm_end, part->hi))
		if (has_file(vma) && (vma->vm_flags & (VM_MAYSHARE | VM_MAYWRITE)) == VM_MAYWRITE)
			return true;
	return false;
}

/*
 * Two anon_vmas keep areas apart: one of a write that is known and one of a write that waited for a userfaultfd, or two of the
 * latter.  Who serves them keeps them apart whatever was written.
 */
static bool waiting_explains(struct space *s, const struct trace_map *part)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, part->lo, part->hi), *next;
	bool two = s->waited > 1;
	uint32_t i = 0;

	for (; vma; vma = next) {
		two |= vma->anon_vma != NULL;
		next = find_vma_intersection(&s->mm, vma->vm_end, part->hi);
		while (i < part->count && part->areas[i].start < vma->vm_end)
			i++;
		if (next && next->uffd_ctx != vma->uffd_ctx &&
			(i == part->count || part->areas[i].start > vma->vm_end))
			return false;
	}
	return two;
}

/* A stack is part of it that may have grown before the call that comes first here, or behind it. */
static bool has_grown_beside(struct space *s, const struct trace_map *part)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, part->lo, part->hi);

	if (part->lo >= s->grown_end || part->hi <= s->grown_start)
		return false;
	while (vma && !(vma->vm_flags & VM_GROWSDOWN))
		vma = find_vma_intersection(&s->mm, vma->vm_end, part->hi);
	return vma != NULL;
}

/*
 * What a part is, and the sentence for it. The order is that of excuses: a doubt about the recording comes
 * before a driver, which the map shows, before what has come from outside, and only what nothing explains
 * is a difference. Each question is as narrow as can be, for an excuse that is too wide hides a fault of
 * the engine.
 */
static enum replay_verdict judge(struct space *s, const struct trace_map *part, const char **what)
{
	if ((s->doubt || s->order) && only_cuts_differ(s, part)) {
		*what = s->doubt ? "areas are cut elsewhere, and whether their pages had been written is not "
				   "known"
				 : "areas are cut elsewhere, and the order of first writes is not known";
		return REPLAY_UNCERTAIN;
	}
	if (s->lost) {
		*what = "the map is not the one expected, but events of it were lost";
		return REPLAY_UNCERTAIN;
	}
	if (evidence_can_vanish(s, part) && only_cuts_differ(s, part)) {
		*what = "areas of a file are cut elsewhere, and a write to them can have vanished when it "
			"was "
			"truncated";
		return REPLAY_UNCERTAIN;
	}
	if (s->waited && only_cuts_differ(s, part) && waiting_explains(s, part)) {
		*what = "areas are cut elsewhere, and a write that waited for a userfaultfd may have left no "
			"page";
		return REPLAY_UNCERTAIN;
	}
	if (has_grown_beside(s, part)) {
		*what = "a stack grew while another thread's call was carried out: which came first is not "
			"known";
		return REPLAY_UNCERTAIN;
	}
	if (driver_of_part(s, part)) {
		*what = "the map of a driver's file is not the one expected";
		return REPLAY_FOREIGN;
	}
	if (cause_is_outside(s, part->lo, part->hi)) {
		*what = "the map has changed where no recorded call was: it was changed from outside";
		return REPLAY_OUTSIDE;
	}
	if (s->ring && only_cuts_differ(s, part)) {
		*what = "areas are cut elsewhere, and an io_uring may have advised them in between";
		return REPLAY_UNCERTAIN;
	}
	*what = "the map is not the one expected";
	return REPLAY_DIFFERENCE;
}

static void judge_and_tell(
	struct replay *r, struct space *s, const struct trace_event *e, const struct trace_map *part)
{
	const struct trace_map seen = seen_of(part, &e->map);
	enum replay_verdict verdict;
	const char *what;

	if (cause_is_known(s, part->lo, part->hi)) {
		r->stats.consequences++;
		return;
	}
	verdict = judge(s, &seen, &what);
	report_map(r, s, e, verdict, what, part);
	cause_note(s, part->lo, part->hi, verdict);
}

/*
 * The result differs: what it is, said or counted with what it follows from. @driver: of driver_of_call(),
 * asked before the call changed the map; NULL: none.
 */
void check_result(struct replay *r, struct space *s, const struct trace_event *e, const struct prediction *p,
	const char *driver)
{
	enum replay_verdict verdict = REPLAY_DIFFERENCE;
	const char *what = "the call's result is not the one expected";
	char text[160];

	if (r->options.unchecked)
		return;
	if (driver) {
		verdict = REPLAY_FOREIGN;
		snprintf(text, sizeof(text), "the result is that of %s, which %s", driver,
			driver_habit(driver));
		what = text;
	} else if (s->lost) {
		verdict = REPLAY_UNCERTAIN;
		what = "the call's result is not the one expected, but events before it were lost";
	} else if ((s->doubt || s->order || s->waited) && e->call.nr == NR_mremap &&
		   (p->result == -EFAULT || e->call.result == -EFAULT)) {
		verdict = REPLAY_UNCERTAIN;
		what = "the call's result depends on where areas are cut, which is not known since their "
		       "first writes "
		       "were not seen";
	} else if (s->partial) {
		verdict = REPLAY_UNCERTAIN;
		what = "the call's result is not the one expected; areas that were not seen may decide it";
	}
	if (verdict != REPLAY_FOREIGN && (cause_of_call_is_known(s, &e->call) ||
						 cause_repeats(r, e->call.nr, p->result, e->call.result)))
		r->stats.consequences++;
	else
		report_result(r, s, e, verdict, what, p->result);
	cause_note_call(s, &e->call, verdict);
}

int take_over_map(struct replay *r, struct space *s, const struct trace_map *map)
{
	struct trace_map part;
	int err = 0;

	/* Part by part, for what agrees keeps what no map shows. */
	for (uint64_t at = map->lo; !err && next_disagreement(s, map, at, &part); at = part.hi)
		err = take_over(r, s, &part);
	causes_compared(s, map->lo, map->hi);
	return err;
}

/*
 * A mapping over it that fails for a limit cuts an area as the kernel's call did, and does no more:
 *
 *      |------ area ------|            |- part -|- at ----|      of one anon_vma
 */
static void cut_area(struct space *s, uint64_t at)
{
	struct vm_area_struct *vma = vma_lookup(&s->mm, at);
	const struct mmap_request over = { .addr = at,
		.len = vma ? vma->vm_end - at : 0,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
	unsigned long limit = s->mm.limits.as;

	if (!vma || vma->vm_start == at)
		return;
	/*
	 * mmap_region() asks may_expand_vm() behind the cuts of vms_gather_munmap_vmas(): without any
	 * address space left it ends there.
	 */
	s->mm.limits.as = 0;
	(void)!mm_mmap(&s->mm, &over);
	s->mm.limits.as = limit;
}

/* Once behind the call: what lies further on is not from it. */
int cut_as_seen(struct space *s, const struct trace_map *map)
{
	uint64_t from = s->cut_from;
	int err = copies_before_change(s);

	s->cut_from = 0;
	/* One cut where it begins, and one where it ends. */
	for (uint32_t i = area_above(map, from), cuts = 0; !err && i < map->count && cuts < 2; i++) {
		uint64_t at = map->areas[i].start;
		const struct vm_area_struct *vma = at >= from ? vma_lookup(&s->mm, at) : NULL;

		if (!vma || vma->vm_start == at)
			continue;
		cut_area(s, at);
		cuts++;
	}
	return err;
}

/*
 * On kernels where what meets the heap is called [heap], too (kernel_profile.heap_overlaps): memory behind it that is not called
 * so says that the break is below its start.  On others its name says nothing, and a break that was taken for lower than
 * it is would be a difference at the next brk.
 */
static void learn_break(struct space *s, const struct trace_map *map)
{
	uint32_t i = area_above(map, s->mm.brk);
	const struct trace_area *a = i < map->count ? &map->areas[i] : NULL;

	if (a && map->has_names && a->start == s->mm.brk && s->mm.brk > s->mm.start_brk && !a->ino &&
		strcmp(a->name, "[heap]") != 0)
		s->mm.brk--;
}

/*
 * An observation beside the mirror: differences are told part by part, then the mirror becomes what was
 * seen. Behind a call that is not modelled (take_over) nothing is told.
 */
int check_map(struct replay *r, struct space *s, const struct trace_event *e)
{
	const struct trace_map *map = &e->map;
	bool settles = map->lo == 0 && map->hi == UINT64_MAX && !map->beside;
	struct trace_map part;

	r->stats.checks++;
	if (s->brk_in_pages && !s->mm.sys->kernel->heap_overlaps)
		learn_break(s, map);
	if (maps_equal(s, map)) {
		if (settles)
			s->grown_start = s->grown_end = 0;
		s->lost &= !settles;
		causes_compared(s, map->lo, map->hi);
		return 0;
	}
	for (uint64_t at = map->lo; !s->take_over && next_disagreement(s, map, at, &part); at = part.hi)
		judge_and_tell(r, s, e, &part);
	s->take_over = false;
	s->lost &= !settles;
	return take_over_map(r, s, map);
}
