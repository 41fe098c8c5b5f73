/* SPDX-License-Identifier: MIT */
/*
 * The payload of areas: what has happened to each, kept through cuts, copies and joins.
 *
 * 1. Meaning.  An area's life has one slot for each thing that can have happened to it.  A part that is cut off takes a
 *    copy with it; of areas that join, the one that stays keeps its own, and takes the other's end and what it has not
 *    had itself.
 *
 * 2. Invariants
 *    LF1  an event in a slot of a life is kept.
 *    LF2  events that are kept are at most twice as many as lives refer to, and some (kept.c): O(areas).
 *    LF3  a life's rare properties are what its area had when it was made, or the engine last told of a change.
 *
 * 3. Failure.  A life is allocated where a call may still fail, and its failure is the call's.  An event that cannot be
 *    allocated leaves its slot as it was.  Either is remembered: the ledger's sink then fails.
 *
 * 4. Order. The engine calls these in the middle of an operation: of two areas that split or join, one has
 * its new borders or properties and the other its old ones. What each function may look at is said in
 * <vmaple/mm_operations.h>.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "internal.h"
#include "uapi.h"

/* Only for areas of spaces that on_space() has seen: any other's ops are not within an explain. */
struct explain *ledger_of(const struct vm_area_struct *vma)
{
	return (struct explain *)((char *)vma->vm_mm->ops - offsetof(struct explain, ops));
}

/*
 * The event is made at the first slot that needs it: most calls change no area, and cost nothing. 0: no
 * event is carried out (spaces that end with the replay), or no memory.
 */
static event_id note_now(struct explain *x)
{
	if (x->noted || !x->now)
		return x->noted;
	x->noted = event_new(&x->kept);
	if (x->noted)
		explain_event_of(x, x->now, (struct explain_event *)event_of(&x->kept, x->noted));
	else
		x->no_memory = true;
	return x->noted;
}

/* Refer to the current event in *@slot. */
static void note(struct explain *x, event_id *slot)
{
	event_id id = note_now(x);

	if (id)
		*slot = id;
}

/* To the mirror a failure is a call that failed: the program's did not. */
static struct life *new_life(struct explain *x)
{
	struct life *l = life_new(&x->kept);

	x->no_memory |= !l;
	return l;
}

/* Three pointers that most areas never have: with them in the life it would take two lines of the cache. */
static bool area_has_rare(const struct vm_area_struct *vma)
{
	return vma->anon_name || vma->policy || vma->uffd_ctx;
}

/* Or had it.  The life is mostly far from the processor, and not read where none has any. */
static bool may_have_rare(const struct explain *x, const struct life *l, const struct vm_area_struct *vma)
{
	return area_has_rare(vma) || (x->any_rare && l->rare);
}

/* NULL: no memory. */
static struct rare *rare_of(struct explain *x, struct life *l)
{
	if (!l->rare)
		l->rare = calloc(1, sizeof(*l->rare));
	x->any_rare = true;
	x->no_memory |= !l->rare;
	return l->rare;
}

/* What it is, as far as it is noted when it changes. */
static void remember(struct explain *x, struct life *l, const struct vm_area_struct *vma)
{
	struct rare *rare;

	if (!may_have_rare(x, l, vma))
		return;
	rare = rare_of(x, l);
	if (!rare)
		return;
	/*
	 * The engine compares names and policies by their pointers too, so these differ when what they say
	 * does.
	 */
	rare->name = vma->anon_name;
	rare->policy_was = vma->policy;
	rare->uffd_ctx = vma->uffd_ctx;
}

/* Calls come from files that are mapped. */
static void maps_file(struct explain *x, const struct vm_area_struct *vma)
{
	if (vma->vm_file)
		sites_forget_lately(x->sites);
}

static int life_open(struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);
	struct life *l = new_life(x);

	if (!l)
		return -ENOMEM;
	life_clear(l);
	remember(x, l, vma);
	note(x, &l->made);
	l->low = l->high = l->low_changed = l->high_changed = l->made;
	vma->vm_private_data = l;
	maps_file(x, vma);
	area_has_changed(x, vma);
	return 0;
}

static struct life *copy_life(
	struct explain *x, struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	struct life *l = new_life(x);
	const struct life *from = life_of(vma);

	if (!l)
		return NULL;
	*l = *from;
	l->rare = NULL;
	if (from->rare) {
		if (!rare_of(x, l)) {
			life_free(&x->kept, l);
			return NULL;
		}
		*l->rare = *from->rare;
	}
	copy->vm_private_data = l;
	return l;
}

static int life_split(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);
	struct life *whole = life_of(vma), *l = copy_life(x, part, vma);

	if (!l)
		return -ENOMEM;
	/*
	 * The part has its borders, and the whole still those from before: equal starts tell that the part
	 * is the lower one.
	 */
	if (part->vm_start == vma->vm_start) {
		note(x, &l->high);
		note(x, &whole->low);
	} else {
		note(x, &l->low);
		note(x, &whole->high);
	}
	area_has_changed(x, part);
	area_has_changed(x, vma);
	return 0;
}

static int life_duplicate(struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);
	struct life *l = copy_life(x, copy, vma);

	if (!l)
		return -ENOMEM;
	maps_file(x, copy);
	if (copy->vm_mm == vma->vm_mm) {
		note(x, &l->moved);
		note(x, &l->low);
		note(x, &l->high);
		area_has_changed(x, copy);
		return 0;
	}
	/* A fork: what was written is shared with the parent from now on, what is not copied begins anew. */
	remember(x, l, copy);
	if (copy->vm_flags & VM_WIPEONFORK)
		/*
		 * dup_mmap() gives such an area no anon_vma (since 4.14, when MADV_WIPEONFORK came), so
		 * that it may join again as one that was never written.
		 */
		l->written = 0;
	else if (l->written)
		note(x, &l->inherited);
	return 0;
}

/* The older of the two makers is the area's: it has been there since then. */
static void take_if_none(struct explain *x, struct life *l, const struct life *from)
{
	if (!l->written) {
		l->written = from->written;
		l->inherited = from->inherited;
	}
	if (!l->moved)
		l->moved = from->moved;
	if (from->rare && from->rare->named && rare_of(x, l) && !l->rare->named)
		l->rare->named = from->rare->named;
	/* Mostly both are of one call, and no event has to be looked at. */
	if (from->made != l->made && from->made && l->made &&
		event_of(&x->kept, from->made)->step < event_of(&x->kept, l->made)->step)
		l->made = from->made;
}

/* It has taken in what was moved there, with its pages. */
static void written_with(struct explain *x, struct life *l, const struct vm_area_struct *vma)
{
	if (vma->anon_vma && !l->written)
		note(x, &l->written);
}

static void life_adjust(
	struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start, unsigned long end)
{
	struct explain *x = ledger_of(vma);
	struct life *l = life_of(vma), *other = from ? life_of(from) : NULL;

	if (vma->vm_start == start) {
		note(x, &l->low);
		note(x, &l->low_changed);
		if (other)
			note(x, &other->high);
	} else {
		note(x, &l->high);
		note(x, &l->high_changed);
		if (other)
			note(x, &other->low);
	}
	note(x, &l->grown);
	if (other && vma->anon_vma)
		take_if_none(x, l, other);
	written_with(x, l, vma);
	maps_file(x, vma);
	area_has_changed(x, vma);
	if (other)
		area_has_changed(x, from);
}

/*
 * The members that is_mergeable_vma() compares, but for the file, which no call changes in place. VM_STICKY
 * is what it does not compare.
 */
static void note_if_differs(struct explain *x, event_id *slot, const struct vm_area_struct *into,
	const struct vm_area_struct *gone)
{
	if (((into->vm_flags ^ gone->vm_flags) & ~VM_STICKY) || into->anon_name != gone->anon_name ||
		into->policy != gone->policy || into->uffd_ctx != gone->uffd_ctx)
		note(x, slot);
}

static void life_merge(struct vm_area_struct *into, struct vm_area_struct *gone)
{
	struct explain *x = ledger_of(into);
	struct life *l = life_of(into);
	const struct life *other = life_of(gone);

	/* What is changed joins before it has its new properties: they came by this call. */
	if (gone->vm_start == into->vm_start) {
		l->low = other->low;
		l->low_changed = other->low_changed;
		note_if_differs(x, &l->low_changed, into, gone);
	}
	if (gone->vm_end == into->vm_end) {
		l->high = other->high;
		l->high_changed = other->high_changed;
		note_if_differs(x, &l->high_changed, into, gone);
	}
	take_if_none(x, l, other);
	written_with(x, l, into);
	note(x, &l->grown);
	area_has_changed(x, into);
}

/* What it has in `rare` is freed when the life is had again, or at the next sweep (kept.c). */
static void life_close(struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);

	maps_file(x, vma);
	area_has_ended(x, vma);
	life_free(&x->kept, life_of(vma));
}

static void changed(struct explain *x, struct life *l, event_id *slot)
{
	note(x, slot);
	note(x, &l->low_changed);
	note(x, &l->high_changed);
}

/* Has the call given it a name? Perhaps the one that it had. */
static bool is_named(const struct trace_event *e)
{
	return e && e->type == TRACE_EVENT_CALL && e->call.nr == NR_prctl && e->call.args[0] == PR_SET_VMA;
}

static void look_at_rare(struct explain *x, struct life *l, const struct vm_area_struct *vma)
{
	struct rare *rare = rare_of(x, l);

	if (!rare)
		return;
	if (vma->anon_name != rare->name || (is_named(x->now) && vma->anon_name))
		changed(x, l, &rare->named);
	if (vma->policy != rare->policy_was)
		changed(x, l, &rare->policy);
	if (vma->uffd_ctx != rare->uffd_ctx)
		changed(x, l, &rare->uffd);
}

static void look_at_flags(struct explain *x, struct life *l, vm_flags_t differ)
{
	if (differ & VM_ACCESS_FLAGS)
		changed(x, l, &l->prot);
	if (differ & ~VM_ACCESS_FLAGS)
		changed(x, l, &l->flags);
}

static void life_changed(struct vm_area_struct *vma, vm_flags_t old_flags)
{
	struct explain *x = ledger_of(vma);
	struct life *l = life_of(vma);

	look_at_flags(x, l, (vma->vm_flags ^ old_flags) & ~VM_STICKY);
	/*
	 * Nothing of it is written any more: of what MREMAP_DONTUNMAP leaves behind, whose pages went away
	 * with the copy, move_vma() takes the anon_vma as well.
	 */
	if (!vma->anon_vma)
		l->written = l->inherited = 0;
	if (may_have_rare(x, l, vma)) {
		look_at_rare(x, l, vma);
		remember(x, l, vma);
	}
	area_has_changed(x, vma);
}

static void life_written(struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);

	note(x, &life_of(vma)->written);
	area_has_changed(x, vma);
}

const struct mm_operations life_operations = { .open = life_open,
	.split = life_split,
	.duplicate = life_duplicate,
	.adjust = life_adjust,
	.merge = life_merge,
	.close = life_close,
	.changed = life_changed,
	.written = life_written };
