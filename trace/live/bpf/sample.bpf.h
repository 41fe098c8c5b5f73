/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Areas become records: those that a section is told with, and those that were written before it (3 in source.bpf.c). */
#ifndef LIVE_BPF_SAMPLE_BPF_H
#define LIVE_BPF_SAMPLE_BPF_H

#include "spaces.bpf.h"

/* --- what was told ------------------------------------------------------------------------------------------- */

/*
 * The top 15 bits of the product: TOLD_SLOTS. A map of that size can be looked up without a lock, and a
 * collision costs only a record. The same table is used for files and areas: their addresses do not
 * meet.
 */
static __always_inline u64 *told_slot(u64 pointer)
{
	u32 at = pointer * 0x9e3779b97f4a7c15ull >> 49;

	return bpf_map_lookup_elem(&told, &at);
}

/*
 * Others that come to the same slot only make it be told again. @what is the anon_vma, or what tells a
 * file from another at the same address. @space is in it because the kernel may give an area's memory,
 * and an anon_vma's, to another address space.
 */
static __always_inline u64 told_mark(u64 pointer, u64 what, u32 space)
{
	return (pointer * 0x9e3779b97f4a7c15ull ^ what) * 0xc2b2ae3d27d4eb4full ^ space;
}

#define FILE_PARTS_MAX 16

/* --- areas and files ---------------------------------------------------------------------------------------- */

/*
 * A walk over areas that are to be told; on the stack of a program, which has 512 bytes for all that
 * call each other. @at has to begin at the lower end, hi behind the upper one: both are bytes, hi is
 * not in it. With written_only only areas with an anon_vma are told, as RECORD_WRITTEN, and only those
 * of which nobody knows, with what they stand in a row with.
 */
struct sample {
	u64 mm, first, vma, file; /* first: the lowest area; vma, file: what is told now */
	u64 at, hi, sequence;
	u64 next; /* where the walk is; at: behind the last area, or where it began */
	u32 space, written_only;
	u32 told, waiting; /* areas; of them, in the record that is not sent yet */
	u32 row;           /* the one before was written, and nobody knew */
	u32 bounded;       /* a row is not followed beyond hi */
	u64 known;         /* the one before was written, and that was told: where a row may begin */
	struct walk walk;
};

/*
 * What has no room is left out, which whoever reads it finds out. Up to the root of the file's file
 * system, whose parent is itself. A rename meanwhile gives a path that never was; find_path() of
 * origin.c looks at what it leads to.
 */
static __always_inline u32 path_read(char *path, const struct file *file)
{
	const struct dentry *d = file->f_path.dentry;
	u32 size = 0;

	for (int i = 0; i < FILE_PARTS_MAX && d != d->d_parent; i++) {
		long n;

		if (size > FILE_PATH_BYTES - FILE_PART_BYTES)
			return 0;
		n = bpf_probe_read_kernel_str(path + size, FILE_PART_BYTES, d->d_name.name);
		if (n <= 0 || n >= FILE_PART_BYTES)
			return 0;
		size += n;
		d = d->d_parent;
	}
	return size;
}

/*
 * Its s->file. Told before the record of the area that has it, since both are in one ring. A loss is
 * not marked as told, so that the next area tries again.
 */
__noinline int emit_file(struct sample *s)
{
	struct file *file;
	struct file_record *r;
	u64 key, ino, mark, *known;

	if (!s)
		return 0;
	key = s->file;
	file = POINTER(file, key);
	ino = file->f_inode->i_ino;
	/* The kernel may have given its memory to the same file, opened otherwise. */
	mark = told_mark(key, ino ^ (u64)(file->f_mode & FMODE_ACCESS) << 62, 0);
	known = told_slot(key);
	if (!known || *known == mark)
		return 0;
	r = reserve(sizeof(*r), s->space);
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_FILE, s->space, 0);
	r->file = key;
	r->ino = ino;
	r->dev = file->f_inode->i_sb->s_dev;
	file_read(&r->is, file);
	r->path_size = path_read(r->path, file);
	submit(r);
	*known = mark;
	return 0;
}

/* --- first writes -------------------------------------------------------------------------------------------- */

static __always_inline bool is_told(u64 vma, u64 anon_vma, u32 space)
{
	u64 *slot = told_slot(vma);

	return slot && *slot == told_mark(vma, anon_vma, space);
}

/* It is written, and nobody knows. */
static __always_inline bool is_new(u64 vma, u32 space)
{
	u64 anon_vma = anon_vma_of(vma);

	return anon_vma && !is_told(vma, anon_vma, space);
}

/*
 * Before its record is made: where that finds no room the loss is counted, and the reader reads the map
 * anew.
 */
static __always_inline void note_told(u64 vma, u64 anon_vma, u32 space)
{
	u64 *slot = told_slot(vma);

	if (slot)
		*slot = told_mark(vma, anon_vma, space);
}

/*
 * It has lost its anon_vma. Or it is another one, at the address of one that had one: its first write
 * is to be told.
 */
static __always_inline void note_untold(u64 vma)
{
	u64 *slot = told_slot(vma);

	if (slot)
		*slot = 0;
}

static __always_inline void send_areas(struct section_areas *r, u32 nr)
{
	if (nr <= RECORD_ROOM)
		output(&r->section.head, sizeof(r->section) + nr * sizeof(r->areas[0]));
}

/* Of the record that comes next. */
static __always_inline void send_before(const struct sample *s, struct section_areas *r, u32 nr)
{
	head_fill(&r->section.head, RECORD_AREAS, s->space, s->sequence);
	send_areas(r, nr);
}

/* The index is masked for the verifier; it is below RECORD_ROOM by the condition above. */
static __always_inline void gather_area(struct sample *s, struct vm_area_struct *vma)
{
	u32 zero = 0;
	struct section_areas *r = bpf_map_lookup_elem(&gathered, &zero);

	if (!r)
		return;
	/*
	 * The record is full: it goes ahead, and the section's own will say how many areas there were in
	 * all.
	 */
	if (s->waiting >= RECORD_ROOM) {
		send_before(s, r, RECORD_ROOM);
		s->waiting = 0;
	}
	area_read(&r->areas[s->waiting & (RECORD_ROOM - 1)], vma);
	s->waiting++;
}

/*
 * Its s->vma. The counter goes up whether or not there was room: the section's record says how many
 * there were, by which the reader sees what it lacks.
 */
__noinline int emit_area(struct sample *s)
{
	struct vm_area_struct *vma;
	struct area_record *r;

	if (!s)
		return 0;
	vma = area_by(s->vma);
	s->file = word_at(s->vma + bpf_core_field_offset(struct vm_area_struct, vm_file));
	if (s->file)
		emit_file(s);
	s->told++;
	if (!s->written_only) {
		gather_area(s, vma);
		return 0;
	}
	r = reserve(sizeof(*r), s->space);
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_WRITTEN, s->space, s->sequence);
	area_read(&r->area, vma);
	submit(r);
	return 0;
}

/*
 * Of those that were told only the ones at the ends of a row are told again. @adjacent: it begins where
 * the one before ended. Four cases, with N for one that nobody knew, K for one that was told before:
 *
 *     N           told
 *     K N         both: N may have taken K's anon_vma, from below
 *     N K         both: N may have taken K's, from above
 *     K K         neither
 */
static __always_inline void emit_if_new(struct sample *s, u64 vma, u64 anon_vma, bool adjacent)
{
	bool new = !is_told(vma, anon_vma, s->space), in_row = adjacent && s->row;

	if (new &&adjacent && s->known) {
		s->vma = s->known;
		emit_area(s);
	}
	if (new)
		note_told(vma, anon_vma, s->space);
	if (new || in_row) {
		s->vma = vma;
		emit_area(s);
	}
	s->row = new;
	s->known = new || in_row ? 0 : vma;
}

/*
 * What comes next, an area or a hole. 1: nothing that is asked for. The walk goes on beyond hi as long
 * as the row does, unless it is bounded: the areas of a row are told in one piece, so that the reader
 * can put their first writes into an order.
 */
__noinline int sample_step(struct sample *s)
{
	u64 at, anon_vma;
	struct vm_area_struct *vma;
	bool adjacent;

	if (!s)
		return 1;
	at = walk_to(s->mm, s->next, &s->walk);
	s->next = s->walk.last + 1;
	if (!at)
		return s->next > s->hi || !s->next;
	anon_vma = anon_vma_of(at);
	vma = area_by(at);
	adjacent = vma->vm_start == s->at;
	if (vma->vm_start >= s->hi && !(adjacent && s->row && anon_vma && !s->bounded))
		return 1;
	s->at = vma->vm_end;
	s->vma = at;
	if (!s->first)
		s->first = at;
	if (!anon_vma)
		note_untold(at);
	if (!s->written_only)
		emit_area(s);
	else if (anon_vma)
		emit_if_new(s, at, anon_vma, adjacent);
	else
		s->row = s->known = 0;
	return s->at >= s->hi && !(s->row && s->written_only && !s->bounded);
}

static long sample_one(u32 i, struct sample *s)
{
	return sample_step(s) ? 1 : 0;
}

/*
 * Tell every area that touches [at, hi). @s is on the stack of the caller, of which older kernels have
 * little. bpf_loop() because the number of steps has no bound that could be unrolled; holes are steps,
 * too.
 */
static __always_inline void sample(struct sample *s)
{
	s->next = s->at;
	bpf_loop(WHOLE_MAX, sample_one, s, 0);
}

/*
 * 1: one was, or nothing follows.  By itself it is verified once; within a loop some thirty times.
 * s->row is what is found here. It clears what is known of areas that have lost their anon_vma as it
 * goes.
 */
__noinline int look_step(struct sample *s)
{
	u64 at, anon_vma;

	if (!s)
		return 1;
	at = walk_to(s->mm, s->next, &s->walk);
	s->next = s->walk.last + 1;
	if (at) {
		anon_vma = anon_vma_of(at);
		if (!anon_vma)
			note_untold(at);
		else if (!is_told(at, anon_vma, s->space))
			s->row = 1;
	}
	return s->row || s->next >= s->hi || !s->next;
}

static long look_one(u32 i, struct sample *s)
{
	return look_step(s) ? 1 : 0;
}

/* Was any of [at, hi) written since anybody looked? As a rule not, and this is quicker than to sample it. */
__noinline u32 has_new(u64 mm, u64 at, u64 hi, u32 space)
{
	struct sample s = { .mm = mm, .next = at, .hi = hi, .space = space };

	bpf_loop(WHOLE_MAX, look_one, &s, 0);
	return s.row;
}

/*
 * Downwards, by a descent each: O(log n) a step, and rows are short as a rule. It ends with the first
 * area that was told, which is in the row as its end, or at a hole or an area without an anon_vma,
 * which are not.
 */
static long row_one(u32 i, struct sample *s)
{
	u64 vma = area_at(s->mm, s->at), anon_vma = vma ? anon_vma_of(vma) : 0;

	if (!anon_vma)
		return 1;
	s->hi = area_by(vma)->vm_start;
	s->at = s->hi - 1;
	return is_told(vma, anon_vma, s->space);
}

/*
 * Which anon_vma an area took at its first write depends on its neighbours, and on which of them were written before: of areas
 * that lie side by side and were written since anybody looked, the whole row is told, and where it ends.  Where the row that
 * goes through @addr begins; each area is in such a row once.
 */
__noinline u64 row_start(u64 mm, u64 addr, u32 space)
{
	struct sample s = { .mm = mm, .at = addr, .hi = addr, .space = space };

	bpf_loop(WHOLE_MAX, row_one, &s, 0);
	return s.hi;
}

/*
 * How many areas there were. [lo, hi) is what a section is going to change, with a byte more on both
 * sides; called before it changes it, or where a place is found.
 */
__noinline int emit_written(struct space *s, u64 lo, u64 hi)
{
	struct sample sm = { .at = lo, .hi = hi, .written_only = 1 };

	if (!s || lo >= hi || !has_new(s->mm, lo, hi, s->id))
		return 0;
	sm.mm = s->mm;
	sm.sequence = sequence_of(mm_by(s->mm), s->tid);
	sm.space = s->id;
	if (lo)
		sm.at = row_start(s->mm, lo, s->id);
	sample(&sm);
	return sm.told;
}

#endif
