/* SPDX-License-Identifier: MIT */
/*
 * vmaple why FILE --room SIZE: which areas stand in the way of a large map?
 *
 * Of all places for it, the one in which the fewest areas lie, of equal ones the one with the fewest bytes.  Such a place begins
 * where an area ends, or at the lower limit: moving it down to there lets no area in.  Two areas are followed through the address
 * space, the first in the place and the first behind it, so that it takes O(areas).
 *
 * Nothing is asked of stack, heap or MAP_GROWSDOWN gaps: it is about ranges without areas, so a place
 * that is found may still be refused by the guard gap of a stack above it.
 */
#include <inttypes.h>
#include <string.h>

#include "why.h"

#define AREAS_SHOWN 20

/*
 * A range of size bytes that begins at start, and the areas that lie in it, with all of their bytes, also
 * those outside.
 */
struct place {
	uint64_t start, areas, bytes; /* areas: that lie in it; bytes: of them */
};

/* free and largest are there in any case; best only where nothing fits. */
struct room {
	uint64_t low, high, size;
	uint64_t free, largest; /* of [low, high): bytes, the largest hole */
	bool fits;
	struct place best;
};

/* NULL: it is the last. O(log n), so that a pass over all is O(n log n). */
static struct vm_area_struct *next_of(struct mm_struct *mm, const struct vm_area_struct *vma)
{
	return find_vma(mm, vma->vm_end);
}

/* Of [low, high), clipped at both; an area that begins below low has no hole before it. */
static void measure_holes(struct room *r, struct mm_struct *mm)
{
	uint64_t at = r->low;
	struct vm_area_struct *vma = find_vma(mm, r->low);

	for (; at < r->high; vma = vma ? next_of(mm, vma) : NULL) {
		uint64_t end = vma && vma->vm_start < r->high ? vma->vm_start : r->high;
		uint64_t hole = end > at ? end - at : 0;

		r->free += hole;
		r->largest = hole > r->largest ? hole : r->largest;
		at = vma && vma->vm_start < r->high ? vma->vm_end : r->high;
	}
	r->fits = r->largest >= r->size;
}

/* Fewer areas first: each of them is somebody's map to be moved. */
static bool is_better(const struct place *p, const struct place *best)
{
	return p->areas != best->areas ? p->areas < best->areas : p->bytes < best->bytes;
}

/*
 * The place with the fewest areas in the way. Invariant of the loop: p counts the areas from first to the
 * one before behind, exactly those that touch [p.start, p.start + size). False: it is larger than all there
 * is.
 */
static bool find_best(struct room *r, struct mm_struct *mm)
{
	struct vm_area_struct *first = find_vma(mm, r->low), *behind = first;
	struct place p = { .start = r->low };
	bool any = false;

	/* The second condition ends it where the sum goes round. */
	while (p.start + r->size <= r->high && p.start + r->size > p.start) {
		for (; behind && behind->vm_start < p.start + r->size; behind = next_of(mm, behind)) {
			p.areas++;
			p.bytes += behind->vm_end - behind->vm_start;
		}
		if (!any || is_better(&p, &r->best))
			r->best = p;
		any = true;
		if (!first)
			break;
		/* The first one goes out at the lower end. */
		p.start = first->vm_end > r->low ? first->vm_end : r->low;
		if (p.areas) {
			p.areas--;
			p.bytes -= first->vm_end - first->vm_start;
		} else {
			behind = next_of(mm, first);
		}
		first = next_of(mm, first);
	}
	return any;
}

/*
 * Under who made it, which is said once for those that follow each other. @last: the maker printed before
 * it, "" at first.
 */
static void print_area(
	const struct code *code, const struct vm_area_struct *vma, char *last, size_t last_size)
{
	const struct explain_event *made = explain_life(vma)->made;
	char line[1024], size[32], where[320], lead[48], name[64];
	const char *own;

	made_by_event(code, made, where, sizeof(where));
	if (strcmp(where, last) != 0) {
		print_wrapped("  made by ", where);
		snprintf(last, last_size, "%s", where);
	}
	snprintf(lead, sizeof(lead), "    %lx-%lx ", vma->vm_start, vma->vm_end);
	own = vma_name(vma, name, sizeof(name));
	snprintf(line, sizeof(line), "%10s  %s", size_text(vma->vm_end - vma->vm_start, size, sizeof(size)),
		*own ? own : "anonymous");
	print_wrapped(lead, line);
}

/* Of the areas in the way at most AREAS_SHOWN, lowest first; JSON has all. */
static void print_room(const struct why *w, const struct room *r)
{
	const struct code code = moment_code(&w->moment);
	char all[32], free_bytes[32], largest[32], size[32], bytes[32], number[32], line[512],
		maker[320] = "";
	struct vm_area_struct *vma;
	uint64_t n = 0;

	snprintf(line, sizeof(line),
		"%" PRIx64 "-%" PRIx64 " of process %u at step %" PRIu64 ": %s, of which %s are free; the "
		"largest hole is %s",
		r->low, r->high, w->moment.mm_pid, w->moment.last.step,
		size_text(r->high - r->low, all, sizeof(all)),
		size_text(r->free, free_bytes, sizeof(free_bytes)),
		size_text(r->largest, largest, sizeof(largest)));
	print_wrapped("", line);
	size_text(r->size, size, sizeof(size));
	if (r->fits) {
		printf("There is room for %s.\n", size);
		return;
	}
	snprintf(line, sizeof(line),
		"%s fit nowhere. The fewest areas in the way are %s, with %s, at %" PRIx64 "-%" PRIx64 ":",
		size, number_text(r->best.areas, number, sizeof(number)),
		size_text(r->best.bytes, bytes, sizeof(bytes)), r->best.start, r->best.start + r->size);
	print_wrapped("", line);
	vma = find_vma(w->moment.mm, r->best.start);
	for (; vma && vma->vm_start < r->best.start + r->size && n < AREAS_SHOWN;
		n++, vma = next_of(w->moment.mm, vma))
		print_area(&code, vma, maker, sizeof(maker));
	if (r->best.areas > n)
		printf("  ... and %s more\n", number_text(r->best.areas - n, number, sizeof(number)));
}

/* place and in_the_way are null and empty where it fits. */
static int print_room_json(const struct why *w, const struct room *r)
{
	const struct code code = moment_code(&w->moment);
	json_t *areas = json_array();
	struct vm_area_struct *vma = r->fits ? NULL : find_vma(w->moment.mm, r->best.start);
	char where[320];

	for (; vma && vma->vm_start < r->best.start + r->size; vma = next_of(w->moment.mm, vma))
		json_push(areas, json_pack("{s:I, s:I, s:o}", "start", (json_int_t)vma->vm_start, "end",
					 (json_int_t)vma->vm_end, "made_by",
					 json_text(made_by_event(
						 &code, explain_life(vma)->made, where, sizeof(where)))));
	return print_json(json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "pid",
		(int)w->moment.mm_pid, "step", (json_int_t)w->moment.last.step, "low", (json_int_t)r->low,
		"high", (json_int_t)r->high, "size", (json_int_t)r->size, "free", (json_int_t)r->free,
		"largest_hole", (json_int_t)r->largest, "fits", (int)r->fits, "place",
		r->fits ? json_null() : json_integer((json_int_t)r->best.start), "in_the_way", areas));
}

/*
 * 1 and a sentence where the range itself is smaller than the map. The limits are the kernel's own where
 * --in does not say others: vm.mmap_min_addr and the end of user addresses.
 */
int why_room(const struct why *w)
{
	struct mm_struct *mm = w->moment.mm;
	struct room r = { .low = w->room_low ? w->room_low : mm->sys->mmap_min_addr,
		.high = w->room_high ? w->room_high : mm->task_size,
		/* mmap(2) rounds up, too. */
		.size = mm_page_align(mm, w->room) };

	if (r.low < r.high)
		measure_holes(&r, mm);
	if (r.low >= r.high || (!r.fits && !find_best(&r, mm))) {
		complain("why", "--room: %" PRIx64 "-%" PRIx64 " is smaller than that", r.low, r.high);
		return 1;
	}
	if (w->json)
		return print_room_json(w, &r);
	print_room(w, &r);
	return 0;
}
