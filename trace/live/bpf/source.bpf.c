/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What happens to address spaces, told in the order in which the kernel held their mmap locks.
 *
 * 1. Order.  A write section begins (mmap_lock_acquire_returned) and ends (mmap_lock_released, or a downgrade) while the lock is
 *    held, so records made there are in its order by themselves.  mm_lock_seq is odd inside and grows by two: a reader
 *    that sees a jump knows that it missed one.
 * 2. What changed.  Every store into the tree of areas (ma_write) widens the window of the section; what its call names
 *    is in it from the start.  At the end every area that touches the window is told, as it is then: one record, with as
 *    many areas as it has room for, and more of them before it where that is not enough.
 * 3. First writes.  An anon_vma is only ever made under the lock held for reading: those that areas have when a section
 *    begins are told before it, with the neighbours that say in which order they were made.
 * 4. Calls.  A section's is the one whose registers its task has entered the kernel with; it is told when it returns.
 *    Nothing is done when a call begins: that would cost every call of every process.
 * 5. Pointers.  Those that a hook is given are made ones that anybody may have (bpf_rdonly_cast): of its own ones the verifier
 *    looks up by name whether they may be trusted, which takes most of the time of loading.
 * 6. Wakeups.  The reader looks by itself; it is woken once when more waits for it than WAKE_BYTES.
 *
 * Functions that are not static are verified once, whoever calls them, which is what makes loading quick.  They take no
 * pointers into the kernel, so that these come by way of memory, as numbers.
 *
 * Others' tasks cost a look at one line of a table.  Dual licence, because the kernel lends its helpers to programs under the GPL
 * only.
 */
#define HAS_PLACES
#include "call_ends.bpf.h"
#include "lives.bpf.h"
#include "machine.bpf.h"
#include "signals.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/*
 * What a section has left behind. As section_ends() makes it of what the call names and of what was
 * written. first and last are the lowest and the highest area in it: emit_written_beside() asks whether
 * they lie beside it.
 */
struct window {
	u64 lo, hi, sequence;
	u64 first, last;   /* of its areas; 0: it has none */
	u32 told, waiting; /* areas; of them, in the record that is not sent yet */
};

/* By itself: a sample takes much of the stack, and there are others beside it. */
__noinline int sample_window(const struct space *s, struct window *w)
{
	struct sample sm = { 0 };

	if (!s || !w || w->lo >= w->hi)
		return 0;
	sm.at = w->lo;
	sm.hi = w->hi;
	sm.mm = s->mm;
	sm.space = s->id;
	sm.sequence = w->sequence;
	sample(&sm);
	w->first = sm.first;
	w->last = sm.vma;
	w->told = sm.told;
	w->waiting = sm.waiting;
	return 0;
}

/*
 * The section, with what of its areas was not sent yet. Whatever has begun to be gathered goes with it,
 * up to RECORD_ROOM areas. A section that is no call's has a time of its own, since no return gives it
 * one.
 */
static __always_inline void emit_section(const struct window *w, const struct space *s, u32 type)
{
	u32 zero = 0;
	struct section_areas *to = bpf_map_lookup_elem(&gathered, &zero);
	struct section_record *rec;

	if (!to)
		return;
	rec = &to->section;
	head_fill(&rec->head, type, s->id, w->sequence);
	if (s->nr == NO_CALL)
		rec->head.time_ns = bpf_ktime_get_ns();
	rec->lo = w->lo;
	rec->hi = w->hi;
	rec->wrote_lo = s->wrote_lo;
	rec->wrote_hi = s->wrote_hi;
	rec->nr = s->nr;
	rec->areas = w->told;
	rec->written = s->written;
	send_areas(to, w->waiting);
}

/*
 * Nobody uses it any more: all of its areas, before they go. In the last write section of all,
 * exit_mmap()'s: no task has the mm any more, its pages are gone, and its areas are still in the tree.
 */
__noinline int space_ends(struct space *s)
{
	struct window w = { .hi = ~0ull };

	if (!s)
		return 0;
	w.sequence = sequence_of(mm_by(s->mm), true);
	s->nr = NO_CALL;
	sample_window(s, &w);
	emit_section(&w, s, RECORD_FINAL);
	return 0;
}

/*
 * The lock has just been taken for writing, by the task that runs this; nothing has changed yet. In
 * this order: what it acts under, then whose call it is, then the first writes that came before it. A
 * record of each is in the ring before the section's own.
 */
__noinline int section_begins(struct space *s)
{
	struct mm_struct *mm;
	struct call c = { 0 };
	struct range r = { 0, 0 };

	if (!s)
		return 0;
	mm = mm_by(s->mm);
	s->tid = (u32)bpf_get_current_pid_tgid();
	s->wrote_lo = ~0ull;
	s->wrote_hi = s->lo = s->hi = 0;
	s->written = 0;
	s->nr = NO_CALL;
	if (!mm->mm_users.counter) {
		space_ends(s);
		return 0;
	}
	/*
	 * Another process may hold it: by process_madvise, a userfaultfd, or /proc/PID/clear_refs. What
	 * that acts under is not this one's.
	 */
	if (current_mm() == s->mm)
		emit_limits(s);
	if (!call_read(&c) || mm_of_call(&c) != s->mm) {
		if (emit_closed(s))
			s->written += emit_written(s, s->lo, s->hi);
		return 0;
	}
	/* UFFDIO_REGISTER may be it: areas can have a userfaultfd from now on. */
	if (c.nr == NR_ioctl)
		s->unserved = 0;
	s->acted = s->tid;
	s->nr = c.nr;
	range_of(&c, s->mm, &r);
	s->lo = r.lo;
	s->hi = r.hi;
	s->written += emit_written(s, r.lo, r.hi);
	/* Where it asks to be put, it may be put: no search for a place tells of that. */
	if (c.nr == NR_mremap && c.args[3] & (MREMAP_FIXED | MREMAP_DONTUNMAP) && c.args[4])
		s->written += emit_written(s, c.args[4] - 1, c.args[4] + page_align(c.args[2]) + 1);
	return 0;
}

/*
 * To the ends of the areas that @r begins and ends in, and what touches these. @r comes with a byte
 * more on both sides, and goes with such bytes.
 */
__noinline int widen_to_areas(u64 mm, struct range *r)
{
	u64 vma;

	if (!r || r->lo >= r->hi)
		return 0;
	vma = area_at(mm, r->lo + 1);
	if (vma)
		r->lo = area_by(vma)->vm_start - 1;
	vma = area_at(mm, r->hi - 2);
	if (vma)
		r->hi = area_by(vma)->vm_end + 1;
	return 0;
}

/*
 * Guard pages give each of their areas an anon_vma, a neighbour's if that has one: those that they have, and those of the areas
 * beside them.
 */
static __always_inline int emit_beside_guards(struct space *s, const struct call *c)
{
	struct range r = { 0, 0 };

	range_of(c, s->mm, &r);
	widen_to_areas(s->mm, &r);
	return emit_written(s, r.lo, r.hi);
}

/* It has no more than its head: the look's place among the sections is the message. */
static __always_inline void emit_look(struct space *s)
{
	struct record_head *r = reserve(sizeof(*r), s->id);

	if (!r)
		return;
	head_fill(r, RECORD_LOOK, s->id, sequence_of(mm_by(s->mm), s->tid));
	submit(r);
}

/*
 * A call that only reads the map, or has not changed it yet: where that is in the order of the lock.
 * Only the first look of a call that has had no section is told, for the place in the order; s->acted
 * is cleared by the call's end. What a fork reads under the lock of its parent is none.
 */
__noinline int call_looks(struct space *s)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct call c = { 0 };

	if (!s || s->acted == tid || !call_read(&c) || mm_of_call(&c) != s->mm || is_fork(c.nr))
		return 0;
	s->acted = tid;
	if (gives_guards(&c))
		emit_beside_guards(s, &c);
	emit_look(s);
	return 0;
}

/*
 * It lets the lock go. What lies beside guard pages can have been written meanwhile, before they took
 * its anon_vma. Here the lock is still held: what is read now is what the guards were made beside.
 */
__noinline int call_has_looked(struct space *s)
{
	struct call c = { 0 };

	if (!s || !call_read(&c) || !gives_guards(&c) || current_mm() != s->mm)
		return 0;
	if (emit_beside_guards(s, &c))
		emit_look(s);
	return 0;
}

/*
 * The row of written areas upwards from @at; or downwards from the area that ends there. @at is an
 * address in the area (upwards), or the last byte of one (downwards).
 */
__noinline int emit_row(struct space *s, u64 sequence, u64 at, bool down)
{
	struct sample sm = { .at = at, .hi = at + 1, .written_only = 1, .bounded = down };

	if (!s)
		return 0;
	sm.mm = s->mm;
	sm.sequence = sequence;
	sm.space = s->id;
	if (down)
		sm.at = row_start(s->mm, at, s->id);
	sample(&sm);
	return sm.told;
}

/*
 * What a section has changed can reach farther than was known when it began.  What then lies beside it is as it was before:
 * where it is written, that was before, too.
 */
static __always_inline u32 emit_written_beside(struct space *s, const struct window *w)
{
	u32 told = 0;

	if (w->first && area_by(w->first)->vm_end == w->lo + 1 && is_new(w->first, s->id))
		told += emit_row(s, w->sequence, w->lo, true);
	if (w->last && area_by(w->last)->vm_start + 1 == w->hi && is_new(w->last, s->id))
		told += emit_row(s, w->sequence, w->hi - 1, false);
	return told;
}

/*
 * While the lock is still held, by the same task. The downgrade of a write lock is an end as well: what
 * it changes comes before it.
 */
__noinline int section_ends(struct space *s)
{
	struct mm_struct *mm;
	struct range r = { 0, 0 };
	struct window w = { 0 };

	if (!s)
		return 0;
	mm = mm_by(s->mm);
	w.sequence = sequence_of(mm, true);
	/* From here on a store into the tree, or a read lock of this task, is no section's. */
	s->tid = 0;
	if (!mm->mm_users.counter) {
		space_remove(s->mm);
		return 0;
	}
	/* Where a mapping was put is what was written: a hint can be far from it. */
	if (!is_fork(s->nr) && !(s->nr == NR_mmap && s->wrote_lo < s->wrote_hi))
		r = (struct range){ s->lo, s->hi };
	if (s->wrote_lo < s->wrote_hi)
		widen(&r, s->wrote_lo ? s->wrote_lo - 1 : 0, s->wrote_hi + 1);
	w.lo = r.lo;
	w.hi = r.hi;
	sample_window(s, &w);
	s->written += emit_written_beside(s, &w);
	emit_section(&w, s, RECORD_SECTION);
	return 0;
}

/*
 * The hook comes behind the lock, with whether it was taken: a killable wait may have failed. A counter
 * of beginnings, too, has been raised by then, and is odd. A reader of another task, as /proc/PID/maps,
 * comes here as well, and is passed over when it is in no call about this mm. The downgrade has this
 * hook too, with write false, before the lock is one for reading.
 */
SEC("raw_tp/mmap_lock_acquire_returned")
int lock_taken(const u64 *ctx)
{
	struct space *s = space_of(ctx[0]);
	bool write, success;

	LOCK_TAKEN(ctx, write, success);
	if (!s || !success)
		return 0;
	if (write)
		section_begins(s);
	else if (s->tid == (u32)bpf_get_current_pid_tgid())
		section_ends(s); /* it goes on with the lock for reading */
	else
		call_looks(s);
	return 0;
}

/*
 * The hook comes before the counter is raised and the lock is let go (mmap_write_unlock(),
 * mmap_read_unlock()): the map is still the section's.
 */
SEC("raw_tp/mmap_lock_released")
int lock_released(const u64 *ctx)
{
	struct space *s = space_of(ctx[0]);
	bool write;

	if (lock_has_path())
		write = ARGUMENT(ctx, 2);
	else
		write = ARGUMENT(ctx, 1);
	if (s && write)
		section_ends(s);
	else if (s)
		call_has_looked(s);
	return 0;
}

/*
 * Every store of every maple tree: one of a followed mm_mt, in a section of this task, widens its
 * window. It is the tree's write, not a plan for one: a section that was prepared and given up leaves
 * no trace. fn and piv are what the tracepoint is made for, and are not read. val is what is stored, 0
 * for a hole: an area that comes without an anon_vma is noted as untold, since its memory may have been
 * another's.
 */
SEC("raw_tp/ma_write")
int BPF_PROG(tree_written, const char *fn, struct ma_state *mas, unsigned long piv, void *val)
{
	struct ma_state *m = POINTER(ma_state, mas);
	struct space *s = space_of(word_at((u64)mas + bpf_core_field_offset(struct ma_state, tree)) -
				   bpf_core_field_offset(struct mm_struct, mm_mt));

	if (!s || s->tid != (u32)bpf_get_current_pid_tgid())
		return 0;
	if (val && !anon_vma_of((u64)val))
		note_untold((u64)val);
	if (m->index < s->wrote_lo)
		s->wrote_lo = m->index;
	/* A store up to the end of all addresses is of no area. */
	if (m->last + 1 > s->wrote_hi && m->last + 1)
		s->wrote_hi = m->last + 1;
	return 0;
}

/*
 * Where a mapping without a place of its own goes: what it will touch, before it is there. Called
 * within mmap's section, when the search has an answer: an address, or a negative error, which is above
 * ~PAGE. The new area will touch what ends at addr and what begins behind it, so that these are looked
 * at for first writes while they are still what they were.
 */
SEC("raw_tp/vm_unmapped_area")
int BPF_PROG(place_found, unsigned long addr, struct vm_unmapped_area_info *info)
{
	struct space *s = space_of(current_mm());
	struct vm_unmapped_area_info *i = POINTER(vm_unmapped_area_info, info);

	if (!s || s->tid != (u32)bpf_get_current_pid_tgid() || addr > ~PAGE || addr < PAGE)
		return 0;
	s->written += emit_written(s, addr - 1, addr + 1);
	s->written += emit_written(s, addr + i->length - 1, addr + i->length + 1);
	return 0;
}
