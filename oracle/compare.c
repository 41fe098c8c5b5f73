/* SPDX-License-Identifier: MIT */
/*
 * Comparing: the engine makes the calls that a record tells of, and must be where the kernel was after each.
 *
 * 1. What is compared: the result; bounds, access, file and offset of every area in the window, in order; where it was
 *    asked for, which areas share an anon_vma; and where the look was deep, VmFlags, the counters of status, and the
 *    engine's own invariants (mm_validate()).
 * 2. What only the kernel knows is taken from it, each by a function that says of which call and when (mirror() and
 *    what it asks): guard pages, pages that can be collapsed, switches of the process.  Nothing else is excused.
 * 3. Where a page that nobody can see decides about what follows, the sequence is left there, and counted (left_alone):
 *    it is neither equal nor a difference.
 *    OC1  the engine begins each sequence with this process's map, and takes nothing of the kernel's but in mirror().
 *    OC2  the first difference ends the comparison: what comes behind it would be its consequence.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "oracle.h"
#include "uapi.h"

#define SEEN_MAX 4096

/*
 * An area of the engine as observe.c would have written it down. Shared is what VM_MAYSHARE says, as the s
 * of maps is: a file opened for reading only loses VM_SHARED in do_mmap() and keeps that. Files are told by
 * their place in e->file[]; segments and huge pages have none there.
 */
static struct seen_area next_area(const struct engine *e, const struct vm_area_struct *vma)
{
	struct seen_area a = { .start = vma->vm_start, .end = vma->vm_end, .vm_flags = vma->vm_flags };

	a.prot = (uint32_t)(vma->vm_flags & VM_ACCESS_FLAGS) | (vma->vm_flags & VM_MAYSHARE ? VM_SHARED : 0);
	if (!vma->vm_file || vma->vm_file->kind == VM_FILE_SPECIAL)
		return a;
	a.file = vma->vm_file > e->file && vma->vm_file < e->file + FILE_INDICES
			 ? (uint32_t)(vma->vm_file - e->file)
			 : OTHER_FILE;
	a.offset = vma->vm_pgoff * PAGE;
	return a;
}

/*
 * Flags that smaps shows and calls determine: those that have letters there, but for soft-dirty, by which the kernel
 * watches writes, and VM_ARCH_1, which is another one on each machine.
 */
static vm_flags_t compared_flags(void)
{
	static vm_flags_t compared;
	char letters[128];

	if (!compared)
		compared = vm_flags_parse(vm_flags_format(~(vm_flags_t)0, letters, sizeof(letters))) &
			   ~(VM_SOFTDIRTY | VM_ARCH_1);
	return background.kernel->shows_onfault ? compared : compared & ~VM_LOCKONFAULT;
}

static const char *compare_area(const struct seen_area *k, const struct seen_area *e, bool deep)
{
	if (k->start != e->start || k->end != e->end)
		return "bounds of areas";
	if (k->prot != e->prot)
		return "access";
	if (k->file != e->file || k->offset != e->offset)
		return "file or offset";
	if (deep && (k->vm_flags ^ e->vm_flags) & compared_flags())
		return "VmFlags";
	return NULL;
}

/*
 * Area by area in order of addresses: the first in which anything differs names the difference, so that one
 * area too many is mostly said to be one with other bounds. NULL: equal.
 */
static const char *compare_maps(struct engine *e, const struct seen *s)
{
	struct vm_area_struct *vma;
	uint32_t n = 0;
	VMA_ITERATOR(vmi, engine_mm(e), WATCH_LO);

	for_each_vma_range (vmi, vma, WATCH_HI) {
		struct seen_area a = next_area(e, vma);
		const char *what = n < s->nr ? compare_area(&s->area[n], &a, s->deep) : "number of areas";

		if (what)
			return what;
		n++;
	}
	return n < s->nr ? "number of areas" : NULL;
}

/*
 * What was claimed by all of a run, for main.c to print: a run in which neither grows has compared no
 * sharing.
 */
unsigned long pairs_compared, left_alone;

/* Instead of a difference: what comes behind it cannot be foretold. Told from all others by its address. */
static const char unknown[] = "whether a page was there";

/*
 * A read brings a huge page of zeros, and an anon_vma with it, where no small page is in its place, of which only the kernel
 * knows.
 */
static bool may_have_small_pages(const struct engine *e, const struct vm_area_struct *vma)
{
	unsigned long size = e->sys.pmd_size, first = size ? (vma->vm_start + size - 1) & ~(size - 1) : 0;

	return size && (!vma->vm_file || vma->vm_file->kind == VM_FILE_ZERO) &&
	       !(vma->vm_flags & VM_SHARED) && first + size <= vma->vm_end &&
	       (e->sys.thp_enabled == 2 || (e->sys.thp_enabled == 1 && (vma->vm_flags & VM_HUGEPAGE)));
}

/* Two areas share an anon_vma in the one world exactly when they do in the other. */
static const char *compare_sharing(struct engine *e, const struct seen *s)
{
	static const struct anon_vma *own[SEEN_MAX];
	bool known = true;
	struct vm_area_struct *vma;
	uint32_t n = 0;
	VMA_ITERATOR(vmi, engine_mm(e), WATCH_LO);

	if (!s->sharing || s->nr > SEEN_MAX)
		return NULL;
	for_each_vma_range (vmi, vma, WATCH_HI) {
		/* compare_maps() has found as many areas as these: n stays below s->nr. */
		known &= !vma->anon_vma || s->area[n].anon_vma || !may_have_small_pages(e, vma);
		own[n++] = vma->anon_vma;
	}
	if (!known)
		return unknown;
	for (uint32_t i = 0; i < n; i++) {
		if (!own[i] != !s->area[i].anon_vma)
			return "which areas have an anon_vma";
		for (uint32_t j = 0; own[i] && j < i; j++) {
			if ((own[i] == own[j]) != (s->area[i].anon_vma == s->area[j].anon_vma))
				return "which areas share an anon_vma";
			pairs_compared += own[i] == own[j];
		}
	}
	return NULL;
}

/*
 * Invariants are looked at even where nothing else can be. With a CALL_ROOM the engine has one area for
 * what the kernel has many of, and a smaller max_map_count by which this is known.
 */
static const char *compare_counters(struct engine *e, const struct seen *s)
{
	const struct mm_struct *mm = engine_mm(e);
	const char *reason;

	if (!mm_validate(engine_mm(e), &reason))
		return reason;
	if (!s->deep || e->sys.max_map_count != background.max_map_count)
		return NULL;
	if (s->total_vm != mm->total_vm)
		return "total_vm";
	if (s->data_vm != mm->data_vm)
		return "data_vm";
	return s->locked_vm != mm->locked_vm ? "locked_vm" : NULL;
}

/*
 * NULL, or what differs first. The result comes before the map in what is said, for a map mostly differs
 * because of it; the sharing is compared only for maps that are equal, as it goes by the number of an area.
 */
static const char *compare_step(struct engine *e, const struct seen *s, int64_t result)
{
	const char *what = compare_maps(e, s);

	if (result != s->result)
		return "result";
	if (!what)
		what = compare_sharing(e, s);
	if (what)
		return what;
	return s->deep ? compare_counters(e, s) : NULL;
}

/* --- for people ---------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(struct difference *d, const char *format, ...)
{
	size_t n = strlen(d->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(d->text + n, sizeof(d->text) - n, format, ap);
	va_end(ap);
}

static void say_area(struct difference *d, const struct seen_area *a, bool deep)
{
	char letters[128];

	say(d, "    %ld-%ld %c%c%c%c file %u offset %lu", (long)(a->start - WINDOW) >> background.page_shift,
		(long)(a->end - WINDOW) >> background.page_shift, a->prot & VM_READ ? 'r' : '-',
		a->prot & VM_WRITE ? 'w' : '-', a->prot & VM_EXEC ? 'x' : '-',
		a->prot & VM_SHARED ? 's' : 'p', a->file, (unsigned long)(a->offset / PAGE));
	say(d, "%s%s\n", deep ? " " : "", deep ? vm_flags_format(a->vm_flags, letters, sizeof(letters)) : "");
}

/*
 * Both maps, one below the other, in pages of the window. Cut off where text is full: it is for people, and
 * nothing is decided by it.
 */
static void describe(struct engine *e, const struct seen *s, int64_t result, struct difference *d)
{
	const struct mm_struct *mm = engine_mm(e);
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, engine_mm(e), WATCH_LO);

	d->text[0] = '\0';
	say(d, "  kernel: %#lx", (long)s->result);
	if (s->deep)
		say(d, ", total_vm %lu data_vm %lu locked_vm %lu", (unsigned long)s->total_vm,
			(unsigned long)s->data_vm, (unsigned long)s->locked_vm);
	say(d, "\n");
	for (uint32_t i = 0; i < s->nr; i++)
		say_area(d, &s->area[i], s->deep);
	say(d, "  engine: %#lx", (long)result);
	if (s->deep)
		say(d, ", total_vm %lu data_vm %lu locked_vm %lu", mm->total_vm, mm->data_vm, mm->locked_vm);
	say(d, "\n");
	for_each_vma_range (vmi, vma, WATCH_HI) {
		struct seen_area a = next_area(e, vma);

		say_area(d, &a, s->deep);
	}
}

/* The one that is compared; undo.c has another. */
static struct engine engine;

/* Where a guard page is, only the kernel knows: its word is taken, where the engine has an area. */
static bool hit_guard(struct engine *e, const struct call *c, int64_t result)
{
	return e->guards && (c->kind == CALL_WRITE || c->kind == CALL_READ) && result == -EFAULT &&
	       vma_lookup(engine_mm(e), place_of_touch(c));
}

/* Or when memory that cannot be locked is faulted in instead. */
static bool locks_over_guard(const struct engine *e, const struct call *c, int64_t result)
{
	return e->guards && c->kind == CALL_MLOCK && result == -ENOMEM;
}

/*
 * Switches and limits of a process, whose refusal says nothing of its map; and advice for a process by its pidfd, of
 * which kernels before 6.13 take four kinds.
 */
static bool refused_switch(const struct call *c, int64_t result)
{
	if (c->kind == CALL_PROCESS_MADVISE)
		return result == -EINVAL && !background.kernel->guard_regions;
	return (c->kind == CALL_MDWE || c->kind == CALL_MEMORY_MERGE || c->kind == CALL_LIMIT ||
		       c->kind == CALL_SET_MM) &&
	       result;
}

/* Whether there are pages to be collapsed only the kernel knows: its refusal is taken where the map has none. */
static bool collapses_nothing(const struct call *c, int64_t answer, int64_t result)
{
	return (c->kind == CALL_MADVISE || c->kind == CALL_PROCESS_MADVISE) && c->arg[2] == MADV_COLLAPSE &&
	       (!answer || answer == -ENOMEM) && result < 0;
}

/*
 * Make the call on the engine, and say what it answered; where only the kernel can know (OC1), what that
 * answered. What is taken over before the engine is asked leaves its map alone, as the refusal left the
 * kernel's.
 */
static int64_t mirror(struct engine *e, const struct call *c, int64_t result)
{
	int64_t answer;

	if (hit_guard(e, c, result) || refused_switch(c, result))
		return result;
	answer = engine_call(e, c);
	if (!answer && locks_over_guard(e, c, result))
		return result;
	return collapses_nothing(c, answer, result) ? result : answer;
}

bool compare(const struct sequence *s, const struct record *r, struct difference *d)
{
	const uint8_t *at = r->data;

	d->what = NULL;
	engine_begin(&engine);
	for (unsigned int i = 0; i < r->done && !d->what; i++) {
		const struct seen *seen = (const struct seen *)at;
		int64_t result;

		/* Before the call, for it looks at the map that the call finds. */
		coverage_before(&engine, &s->call[i]);
		result = mirror(&engine, &s->call[i], seen->result);
		coverage_after(&engine, &s->call[i], seen->result);
		d->what = compare_step(&engine, seen, result);
		if (d->what == unknown) {
			left_alone++;
			d->what = NULL;
			break;
		}
		if (d->what) {
			d->call = i;
			describe(&engine, seen, result, d);
		}
		/* As observe() counted r->used on. */
		at += sizeof(*seen) + seen->nr * sizeof(seen->area[0]);
	}
	engine_end(&engine);
	return !d->what;
}

/*
 * Made by main.c before the map is read. check_sequence() is for shrinking, replays and undoing, none of
 * which has two sequences at a time.
 */
struct record *checker;

bool check_sequence(const struct sequence *s, enum depth depth, struct difference *d)
{
	if (!kernel_wait(kernel_start(s, checker, depth), checker)) {
		d->what = "the child died";
		d->call = checker->done;
		snprintf(d->text, sizeof(d->text), "  after %u calls, wait status %#x\n", checker->done,
			(unsigned int)checker->status);
		return false;
	}
	return compare(s, checker, d);
}
