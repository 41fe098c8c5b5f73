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
#include <asm/prctl.h>
#include <linux/prctl.h>

#include "areas.bpf.h"
#include "system_calls.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define NO_CALL   (~0u)
#define PAGE      4096ull
#define WHOLE_MAX 131072 /* of a whole map */
#define NR_CALLS  512

#define TOLD_SLOTS 32768

#define PAIRS_MAX  (RECORD_DATA_BYTES / 16) /* of process_madvise, told one by one */
#define WAKE_BYTES (1 << 21)

#define UFFDIO_REGISTER   0xc020aa00u
#define UFFDIO_UNREGISTER 0x8010aa01u
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define MREMAP_FIXED       2
#define MREMAP_DONTUNMAP   4
#define MAP_FIXED          16
#define MADV_GUARD_INSTALL 102

/* Which calls are told: set before loading. */
const volatile __u8 wanted[NR_CALLS];

/* The address spaces that are followed: SPACE_WAYS in a row by their mm, and what is known of each. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPACE_ROWS);
	__type(key, u32);
	__type(value, struct space_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPACE_ROWS *SPACE_WAYS);
	__type(key, u32);
	__type(value, struct space);
} spaces SEC(".maps");

/* The space of each task: 0 for vmaple's child until it becomes the program. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, u32);
	__type(value, u32);
} tasks SEC(".maps");

/* What was told of files and of areas' first writes: as long as it is the same, nothing has to be told again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TOLD_SLOTS);
	__type(key, u32);
	__type(value, u64);
} told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} records SEC(".maps");

/* Areas on their way into a record.  No two programs use it at once: on a CPU they do not interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct section_areas);
} gathered SEC(".maps");

__u32 last_space; /* numbers of address spaces */
__u32 woken;      /* the reader was, and has not looked yet */
__u64 lost;       /* records for which there was no room */

/* --- address spaces ------------------------------------------------------------------------------------------ */

static __always_inline struct space *space_at(u32 row, u32 way)
{
	u32 at = row * SPACE_WAYS + way;

	return bpf_map_lookup_elem(&spaces, &at);
}

static __always_inline struct space *space_of(u64 mm)
{
	u32 row = space_row_of(mm);
	struct space_row *r = bpf_map_lookup_elem(&rows, &row);

	if (!r || !mm)
		return 0;
	for (u32 way = 0; way < SPACE_WAYS; way++)
		if (r->mm[way] == mm)
			return space_at(row, way);
	return 0;
}

/* Follow @mm, as a space of the next number: what that is. 0: there are too many. */
static __always_inline u32 space_add(u64 mm)
{
	u32 row = space_row_of(mm);
	struct space_row *r = bpf_map_lookup_elem(&rows, &row);
	struct space *s;

	if (!r)
		return 0;
	for (u32 way = 0; way < SPACE_WAYS; way++) {
		if (r->mm[way] || __sync_val_compare_and_swap(&r->mm[way], 0, SPACE_TAKEN))
			continue;
		s = space_at(row, way);
		if (!s)
			return 0;
		s->mm = mm;
		s->id = __sync_fetch_and_add(&last_space, 1) + 1;
		s->tid = s->acted = 0;
		r->mm[way] = mm;
		return s->id;
	}
	__sync_fetch_and_add(&lost, 1);
	return 0;
}

static __always_inline void space_remove(u64 mm)
{
	u32 row = space_row_of(mm);
	struct space_row *r = bpf_map_lookup_elem(&rows, &row);

	for (u32 way = 0; r && way < SPACE_WAYS; way++)
		if (r->mm[way] == mm)
			r->mm[way] = 0;
}

/* --- records ------------------------------------------------------------------------------------------------- */

static __always_inline struct task_struct *task_by(u64 addr)
{
	return bpf_rdonly_cast((void *)addr, bpf_core_type_id_kernel(struct task_struct));
}

static __always_inline struct task_struct *current_task(void)
{
	return task_by(bpf_get_current_task());
}

static __always_inline u64 mm_of(u64 task)
{
	return word_at(task + bpf_core_field_offset(struct task_struct, mm));
}

static __always_inline u64 current_mm(void)
{
	return mm_of(bpf_get_current_task());
}

/* Of its user space, when it entered the kernel. */
static __always_inline struct pt_regs *current_registers(void)
{
	return bpf_rdonly_cast((void *)bpf_task_pt_regs(bpf_get_current_task_btf()),
		bpf_core_type_id_kernel(struct pt_regs));
}

/* Without a time: of what a call does its end has one. */
static __always_inline void head_fill(struct record_head *h, u32 type, u32 space, u64 sequence)
{
	u64 id = bpf_get_current_pid_tgid();

	h->type = type;
	h->space = space;
	h->tid = (u32)id;
	h->pid = id >> 32;
	h->time_ns = 0;
	h->sequence = sequence;
}

static __always_inline void head_now(struct record_head *h, u32 type, u32 space)
{
	head_fill(h, type, space, 0);
	h->time_ns = bpf_ktime_get_ns();
}

static __always_inline void *reserve(u64 size)
{
	void *r = bpf_ringbuf_reserve(&records, size, 0);

	if (!r)
		__sync_fetch_and_add(&lost, 1);
	return r;
}

static __always_inline u64 wakeup(void)
{
	if (woken || bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < WAKE_BYTES)
		return BPF_RB_NO_WAKEUP;
	woken = 1;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void submit(void *record)
{
	bpf_ringbuf_submit(record, wakeup());
}

/* A record of any size. */
static __always_inline void output(void *record, u64 size)
{
	if (bpf_ringbuf_output(&records, record, size, wakeup()))
		__sync_fetch_and_add(&lost, 1);
}

/* --- what was told ------------------------------------------------------------------------------------------- */

static __always_inline u64 *told_slot(u64 pointer)
{
	u32 at = pointer * 0x9e3779b97f4a7c15ull >> 49;

	return bpf_map_lookup_elem(&told, &at);
}

/* Others that come to the same slot only make it be told again. */
static __always_inline u64 told_mark(u64 pointer, u64 what, u32 space)
{
	return (pointer * 0x9e3779b97f4a7c15ull ^ what) * 0xc2b2ae3d27d4eb4full ^ space;
}

/* --- areas and files ---------------------------------------------------------------------------------------- */

struct sample {
	u64 mm, vma, file; /* vma, file: what is told now */
	u64 at, hi, sequence;
	u64 next; /* where the walk is; at: behind the last area, or where it began */
	u32 space, written_only;
	u32 told, waiting; /* areas; of them, in the record that is not sent yet */
	u32 row;           /* the one before was written, and nobody knew */
	u64 known;         /* the one before was written, and that was told: where a row may begin */
	struct walk walk;
};

/* Its s->file. */
__noinline int emit_file(struct sample *s)
{
	struct file *file;
	struct file_record *r;
	u64 key, ino, mark, *known;

	if (!s)
		return 0;
	key = s->file;
	file = bpf_rdonly_cast((void *)key, bpf_core_type_id_kernel(struct file));
	ino = file->f_inode->i_ino;
	mark = told_mark(key, ino, 0);
	known = told_slot(key);
	if (!known || *known == mark)
		return 0;
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_FILE, s->space, 0);
	r->file = key;
	r->ino = ino;
	r->magic = file->f_inode->i_sb->s_magic;
	r->block_size = file->f_inode->i_sb->s_blocksize;
	r->dev = file->f_inode->i_sb->s_dev;
	r->mode = file->f_inode->i_mode;
	r->rdev = file->f_inode->i_rdev;
	r->f_mode = file->f_mode;
	r->noexec = !!(file->f_path.mnt->mnt_flags & 4);
	r->places = !!file->f_op->get_unmapped_area;
	r->name[0] = 0;
	bpf_probe_read_kernel_str(r->name, sizeof(r->name), file->f_path.dentry->d_name.name);
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

static __always_inline void note_told(u64 vma, u64 anon_vma, u32 space)
{
	u64 *slot = told_slot(vma);

	if (slot)
		*slot = told_mark(vma, anon_vma, space);
}

/* It has lost its anon_vma. */
static __always_inline void note_untold(u64 vma)
{
	u64 *slot = told_slot(vma);

	if (slot)
		*slot = 0;
}

static __always_inline void send_areas(struct section_areas *r, u32 nr)
{
	if (nr <= RECORD_ROOM)
		output(r, sizeof(r->section) + nr * sizeof(r->areas[0]));
}

/* Of the record that comes next. */
static __always_inline void send_before(const struct sample *s, struct section_areas *r, u32 nr)
{
	head_fill(&r->section.head, RECORD_AREAS, s->space, s->sequence);
	send_areas(r, nr);
}

static __always_inline void gather_area(struct sample *s, struct vm_area_struct *vma)
{
	u32 zero = 0;
	struct section_areas *r = bpf_map_lookup_elem(&gathered, &zero);

	if (!r)
		return;
	if (s->waiting >= RECORD_ROOM) {
		send_before(s, r, RECORD_ROOM);
		s->waiting = 0;
	}
	area_read(&r->areas[s->waiting & (RECORD_ROOM - 1)], vma);
	s->waiting++;
}

/* Its s->vma. */
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
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_WRITTEN, s->space, s->sequence);
	area_read(&r->area, vma);
	submit(r);
	return 0;
}

/* Of those that were told only the ones at the ends of a row are told again. */
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

/* What comes next, an area or a hole. 1: nothing that is asked for. */
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
	if (vma->vm_start >= s->hi && !(adjacent && s->row && anon_vma))
		return 1;
	s->at = vma->vm_end;
	s->vma = at;
	if (!anon_vma)
		note_untold(at);
	if (!s->written_only)
		emit_area(s);
	else if (anon_vma)
		emit_if_new(s, at, anon_vma, adjacent);
	else
		s->row = s->known = 0;
	return s->at >= s->hi && !(s->row && s->written_only);
}

static long sample_one(u32 i, struct sample *s)
{
	return sample_step(s) ? 1 : 0;
}

/* Tell every area that touches [at, hi). */
__noinline int sample(struct sample *s)
{
	struct sample on_stack; /* as bpf_loop wants it */

	if (!s)
		return 0;
	on_stack = *s;
	on_stack.next = on_stack.at;
	bpf_loop(WHOLE_MAX, sample_one, &on_stack, 0);
	*s = on_stack;
	return 0;
}

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

/* --- sections ----------------------------------------------------------------------------------------------- */

struct range {
	u64 lo, hi;
};

/* A call that is under way. */
struct call {
	u64 args[6];
	u32 nr, pad;
};

static __always_inline bool is_fork(u32 nr)
{
	return nr == NR_clone || nr == NR_fork || nr == NR_vfork || nr == NR_clone3;
}

/* Of these only some are about the map. */
static __always_inline bool is_meant(const struct call *c)
{
	u32 request = (u32)c->args[1];

	if (c->nr == NR_ioctl)
		return request == UFFDIO_REGISTER || request == UFFDIO_UNREGISTER;
	if (c->nr == NR_prctl)
		return c->args[0] == PR_SET_VMA || c->args[0] == PR_SET_MM || c->args[0] == PR_SET_MDWE;
	if (c->nr == NR_arch_prctl)
		return c->args[0] >= ARCH_MAP_VDSO_X32 && c->args[0] <= ARCH_MAP_VDSO_64;
	return true;
}

/* False: the task is in none that is told.  Where a fault or an interrupt has entered the kernel, its number is -1. */
static __always_inline bool call_read(struct call *c)
{
	struct pt_regs *regs = current_registers();
	u64 nr = regs->orig_ax;

	if (nr >= NR_CALLS || !wanted[nr & (NR_CALLS - 1)])
		return false;
	/* Through int 0x80 the numbers are of another table: what it changes is told as no call's. */
	if (current_task()->thread_info.status & TS_COMPAT)
		return false;
	c->args[0] = regs->di;
	c->args[1] = regs->si;
	c->args[2] = regs->dx;
	c->args[3] = regs->r10;
	c->args[4] = regs->r8;
	c->args[5] = regs->r9;
	c->nr = (u32)nr;
	return is_meant(c);
}

static __always_inline void widen(struct range *r, u64 lo, u64 hi)
{
	if (lo >= hi)
		return;
	if (r->lo >= r->hi) {
		r->lo = lo;
		r->hi = hi;
		return;
	}
	if (lo < r->lo)
		r->lo = lo;
	if (hi > r->hi)
		r->hi = hi;
}

/* From the lowest to the highest of process_madvise. */
__noinline int range_of_pairs(const struct call *c, struct range *r)
{
	u64 pairs[PAIRS_MAX * 2] = { 0 };

	if (!c || !r)
		return 0;
	*r = (struct range){ 0, ~0ull };
	if (c->args[2] > PAIRS_MAX || bpf_probe_read_user(pairs, sizeof(pairs), (void *)c->args[1]))
		return 0;
	*r = (struct range){ 0, 0 };
	for (u32 i = 0; i < PAIRS_MAX && i < c->args[2]; i++)
		widen(r, pairs[i * 2] ? pairs[i * 2] - 1 : 0,
			((pairs[i * 2] + pairs[i * 2 + 1] + PAGE - 1) & ~(PAGE - 1)) + 1);
	return 0;
}

/* What a call names of the map. */
static __always_inline void named_by(const struct call *c, u64 mm, u64 *start, u64 *len)
{
	u64 vma, pair[2] = { 0 };

	if (c->nr == NR_prctl) {
		*start = c->args[2];
		*len = c->args[3];
	} else if (c->nr == NR_ioctl) {
		bpf_probe_read_user(pair, sizeof(pair), (void *)c->args[2]);
		*start = pair[0];
		*len = pair[1];
	} else if (c->nr == NR_shmat || c->nr == NR_shmdt) {
		*start = c->nr == NR_shmat ? c->args[1] : *start;
		*len = *start ? PAGE : 0;
	} else if (c->nr == NR_brk) {
		u64 brk = mm_by(mm)->brk;

		*len = *start > brk ? *start - brk : brk - *start;
		*start = *start > brk ? brk : *start;
	} else if (c->nr == NR_mremap && c->args[3] & MREMAP_DONTUNMAP) {
		vma = area_at(mm, *start);
		/* All of the area is unlocked, not what is moved alone. */
		if (vma) {
			*start = area_by(vma)->vm_start;
			*len = area_by(vma)->vm_end - *start;
		}
	} else if (c->nr == NR_mremap && c->args[2] > *len) {
		*len = c->args[2];
	}
}

/* That, and what touches it. */
__noinline int range_of(const struct call *c, u64 mm, struct range *r)
{
	u64 start, len;

	if (!c || !r)
		return 0;
	start = c->args[0];
	len = c->args[1];
	*r = (struct range){ 0, 0 };
	if (is_fork(c->nr) || c->nr == NR_mlockall || c->nr == NR_munlockall)
		r->hi = ~0ull;
	else if (c->nr == NR_process_madvise)
		range_of_pairs(c, r);
	if (r->hi || c->nr == NR_process_madvise || c->nr == NR_io_setup || c->nr == NR_arch_prctl ||
		(c->nr == NR_mmap && !start && !(c->args[3] & MAP_FIXED)))
		return 0;
	named_by(c, mm, &start, &len);
	r->lo = (start & ~(PAGE - 1)) - (start >= PAGE ? 1 : 0);
	r->hi = ((start + len + PAGE - 1) & ~(PAGE - 1)) + 1;
	if (r->hi < r->lo)
		r->hi = r->lo + PAGE;
	return 0;
}

static __always_inline u64 sequence_of(const struct mm_struct *mm)
{
	return mm->mm_lock_seq.sequence;
}

/* How many areas there were. */
__noinline int emit_written(struct space *s, u64 lo, u64 hi)
{
	struct sample sm = { .at = lo, .hi = hi, .written_only = 1 };

	if (!s || lo >= hi)
		return 0;
	sm.mm = s->mm;
	sm.sequence = sequence_of(mm_by(s->mm));
	sm.space = s->id;
	if (lo)
		sm.at = row_start(s->mm, lo, s->id);
	sample(&sm);
	return sm.told;
}

/* The section, with what of its areas was not sent yet. */
static __always_inline void emit_section(
	const struct sample *sm, const struct space *s, u32 type, struct range r)
{
	u32 zero = 0;
	struct section_areas *to = bpf_map_lookup_elem(&gathered, &zero);
	struct section_record *rec;

	if (!to)
		return;
	rec = &to->section;
	head_fill(&rec->head, type, s->id, sm->sequence);
	if (s->nr == NO_CALL)
		rec->head.time_ns = bpf_ktime_get_ns();
	rec->lo = r.lo;
	rec->hi = r.hi;
	rec->wrote_lo = s->wrote_lo;
	rec->wrote_hi = s->wrote_hi;
	rec->nr = s->nr;
	rec->areas = sm->told;
	rec->written = s->written;
	send_areas(to, sm->waiting);
}

static __always_inline void space_ends(struct mm_struct *mm, struct space *s)
{
	struct sample whole = { .mm = s->mm, .hi = ~0ull, .space = s->id, .sequence = sequence_of(mm) };

	sample(&whole);
	s->nr = NO_CALL;
	emit_section(&whole, s, RECORD_FINAL, (struct range){ 0, ~0ull });
}

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
		space_ends(mm, s);
		return 0;
	}
	if (current_mm() != s->mm || !call_read(&c))
		return 0;
	s->acted = s->tid;
	s->nr = c.nr;
	range_of(&c, s->mm, &r);
	s->lo = r.lo;
	s->hi = r.hi;
	s->written += emit_written(s, r.lo, r.hi);
	if (c.nr == NR_mremap && c.args[3] & MREMAP_FIXED)
		s->written += emit_written(s, c.args[4] - 1, c.args[4] + c.args[2] + 1);
	return 0;
}

/* A call that only reads the map, or has not changed it yet: where that is in the order of the lock. */
__noinline int call_looks(struct space *s)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct record_head *r;
	struct range named = { 0, 0 };
	struct call c = { 0 };

	if (!s || s->acted == tid || current_mm() != s->mm || !call_read(&c) || is_fork(c.nr))
		return 0;
	s->acted = tid;
	/* Guard pages give an area an anon_vma, the neighbour's if that has one by now. */
	if (c.nr == NR_madvise && (u32)c.args[2] == MADV_GUARD_INSTALL) {
		range_of(&c, s->mm, &named);
		emit_written(s, named.lo, named.hi);
	}
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_fill(r, RECORD_LOOK, s->id, sequence_of(mm_by(s->mm)));
	submit(r);
	return 0;
}

__noinline int section_ends(struct space *s)
{
	struct mm_struct *mm;
	struct range r = { 0, 0 };
	struct sample sm = { .at = 0 };

	if (!s)
		return 0;
	sm.mm = s->mm;
	mm = mm_by(s->mm);
	sm.sequence = sequence_of(mm);
	sm.space = s->id;
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
	if (r.lo < r.hi) {
		sm.at = r.lo;
		sm.hi = r.hi;
		sample(&sm);
	}
	emit_section(&sm, s, RECORD_SECTION, r);
	return 0;
}

SEC("raw_tp/mmap_lock_acquire_returned")
int BPF_PROG(lock_taken, struct mm_struct *mm, bool write, bool success)
{
	struct space *s = space_of((u64)mm);

	if (!s || !success)
		return 0;
	if (write)
		section_begins(s);
	else if (sequence_of(mm_by((u64)mm)) & 1 && s->tid == (u32)bpf_get_current_pid_tgid())
		section_ends(s); /* it goes on with the lock for reading */
	else
		call_looks(s);
	return 0;
}

SEC("raw_tp/mmap_lock_released")
int BPF_PROG(lock_released, struct mm_struct *mm, bool write)
{
	struct space *s = write ? space_of((u64)mm) : 0;

	if (s)
		section_ends(s);
	return 0;
}

SEC("raw_tp/ma_write")
int BPF_PROG(tree_written, const char *fn, struct ma_state *mas, unsigned long piv, void *val)
{
	struct ma_state *m = bpf_rdonly_cast(mas, bpf_core_type_id_kernel(struct ma_state));
	struct space *s = space_of(word_at((u64)mas + bpf_core_field_offset(struct ma_state, tree)) -
				   bpf_core_field_offset(struct mm_struct, mm_mt));

	if (!s || s->tid != (u32)bpf_get_current_pid_tgid())
		return 0;
	if (val && !anon_vma_of((u64)val))
		note_untold((u64)val);
	if (m->index < s->wrote_lo)
		s->wrote_lo = m->index;
	if (m->last + 1 > s->wrote_hi && m->last + 1)
		s->wrote_hi = m->last + 1;
	return 0;
}

/* Where a mapping without a place of its own goes: what it will touch, before it is there. */
SEC("raw_tp/vm_unmapped_area")
int BPF_PROG(place_found, unsigned long addr, struct vm_unmapped_area_info *info)
{
	struct space *s = space_of(current_mm());
	struct vm_unmapped_area_info *i =
		bpf_rdonly_cast(info, bpf_core_type_id_kernel(struct vm_unmapped_area_info));

	if (!s || s->tid != (u32)bpf_get_current_pid_tgid() || addr > ~PAGE || addr < PAGE)
		return 0;
	s->written += emit_written(s, addr - 1, addr + 1);
	s->written += emit_written(s, addr + i->length - 1, addr + i->length + 1);
	return 0;
}

/* --- calls -------------------------------------------------------------------------------------------------- */

/* What an argument points to. */
static __always_inline void read_data(const struct call *c, struct call_record *r)
{
	const void *from = 0;
	u32 len = 0;

	if (c->nr == NR_prctl && c->args[0] == PR_SET_VMA && c->args[4]) {
		long n = bpf_probe_read_user_str(r->data, sizeof(r->data), (void *)c->args[4]);

		r->data_len = n > 0 ? n : 0;
		return;
	}
	if (c->nr == NR_ioctl) {
		from = (void *)c->args[2];
		len = (u32)c->args[1] == UFFDIO_REGISTER ? 24 : 16;
	} else if (c->nr == NR_prctl && c->args[0] == PR_SET_MM && c->args[1] == PR_SET_MM_MAP) {
		from = (void *)c->args[2];
		len = sizeof(struct prctl_mm_map);
	} else if (c->nr == NR_mbind) {
		from = (void *)c->args[3];
		len = (c->args[4] + 6) >> 3;
		len = len > 64 ? 64 : len;
	} else if (c->nr == NR_process_madvise && c->args[2] <= PAIRS_MAX) {
		from = (void *)c->args[1];
		len = c->args[2] * 16;
	}
	if (from && len <= RECORD_DATA_BYTES && !bpf_probe_read_user(r->data, len, from))
		r->data_len = len;
}

static __always_inline bool has_data(u32 nr)
{
	return nr == NR_prctl || nr == NR_ioctl || nr == NR_mbind || nr == NR_process_madvise;
}

static __always_inline void call_fill(struct call_record *r, const struct call *c, u32 space, long result)
{
	struct pt_regs *regs = current_registers();

	head_now(&r->head, RECORD_CALL, space);
	__builtin_memcpy(r->args, c->args, sizeof(r->args));
	r->result = result;
	r->ip = regs->ip;
	r->sp = regs->sp;
	r->nr = c->nr;
	r->data_len = 0;
}

__noinline int emit_call_with_data(const struct call *c, u32 space, long result)
{
	struct call_record r;
	u32 len;

	if (!c)
		return 0;
	call_fill(&r, c, space, result);
	__builtin_memset(r.data, 0, sizeof(r.data));
	read_data(c, &r);
	len = r.data_len;
	if (len <= RECORD_DATA_BYTES)
		output(&r, CALL_BYTES + len);
	return 0;
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_ends, struct pt_regs *regs, long result)
{
	struct space *s = space_of(current_mm());
	struct call c = { 0 };
	struct call_record *r;

	if (!s || !call_read(&c))
		return 0;
	if (s->acted == (u32)bpf_get_current_pid_tgid())
		s->acted = 0;
	if (is_fork(c.nr) && !result)
		return 0; /* the child's */
	if (has_data(c.nr)) {
		emit_call_with_data(&c, s->id, result);
		return 0;
	}
	r = reserve(CALL_BYTES);
	if (!r)
		return 0;
	call_fill(r, &c, s->id, result);
	submit(r);
	return 0;
}

/* --- tasks -------------------------------------------------------------------------------------------------- */

SEC("raw_tp/sched_process_fork")
int BPF_PROG(task_forked, struct task_struct *parent, struct task_struct *child)
{
	struct task_struct *c = task_by((u64)child);
	u64 mm = mm_of((u64)child);
	struct space *s = space_of(mm_of((u64)parent));
	struct fork_record *r;
	u32 id, tid = (u32)c->pid;

	if (!s || !mm)
		return 0;
	id = mm == s->mm ? s->id : space_add(mm);
	if (!id)
		return 0;
	bpf_map_update_elem(&tasks, &tid, &id, BPF_ANY);
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_now(&r->head, RECORD_FORK, s->id);
	r->child_tid = tid;
	r->child_pid = (u32)c->tgid;
	r->child_space = id;
	r->pad = 0;
	submit(r);
	return 0;
}

static __always_inline void read_limits(u64 *limits, struct task_struct *task)
{
	limits[0] = task->signal->rlim[9].rlim_cur;
	limits[1] = task->signal->rlim[2].rlim_cur;
	limits[2] = task->signal->rlim[3].rlim_cur;
	limits[3] = task->signal->rlim[8].rlim_cur;
	limits[4] = task->personality;
	limits[5] = task->cred->cap_effective.val;
}

static __always_inline void emit_exec_areas(const struct sample *s)
{
	u32 zero = 0;
	struct section_areas *r = bpf_map_lookup_elem(&gathered, &zero);

	if (r && s->waiting)
		send_before(s, r, s->waiting);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(task_execs, struct task_struct *task, int old_tid, struct linux_binprm *bprm)
{
	struct task_struct *t = task_by((u64)task);
	struct linux_binprm *b = bpf_rdonly_cast(bprm, bpf_core_type_id_kernel(struct linux_binprm));
	u64 key = mm_of((u64)task);
	struct mm_struct *mm = mm_by(key);
	u32 tid = (u32)t->pid, former = (u32)old_tid, *old = bpf_map_lookup_elem(&tasks, &former), was,
	    narrow, id;
	struct sample whole = { .mm = key, .hi = ~0ull };
	struct exec_record *r;

	if (!old)
		return 0;
	was = *old;
	narrow = t->thread_info.flags >> TIF_ADDR32 & 1;
	bpf_map_delete_elem(&tasks, &former);
	id = narrow ? __sync_fetch_and_add(&last_space, 1) + 1 : space_add(key);
	if (!id)
		return 0;
	if (!narrow) {
		bpf_map_update_elem(&tasks, &tid, &id, BPF_ANY);
		whole.space = id;
		sample(&whole);
		emit_exec_areas(&whole);
	}
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_now(&r->head, RECORD_EXEC, id);
	r->areas = whole.told;
	r->narrow = narrow;
	r->old_space = was;
	r->old_tid = former;
	read_limits(r->limits, t);
	r->start_code = mm->start_code;
	r->end_code = mm->end_code;
	r->start_data = mm->start_data;
	r->end_data = mm->end_data;
	r->start_brk = mm->start_brk;
	r->brk = mm->brk;
	r->start_stack = mm->start_stack;
	r->arg_start = mm->arg_start;
	r->arg_end = mm->arg_end;
	r->env_start = mm->env_start;
	r->env_end = mm->env_end;
	r->mmap_base = mm->mmap_base;
	r->task_size = mm->task_size;
	r->path[0] = 0;
	bpf_probe_read_kernel_str(r->path, sizeof(r->path), b->filename);
	submit(r);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(task_exits, struct task_struct *task)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct task_struct *t = task_by((u64)task);
	struct space *s = space_of(mm_of((u64)task));
	struct exit_record *r;

	bpf_map_delete_elem(&tasks, &tid);
	if (!s)
		return 0;
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_now(&r->head, RECORD_EXIT, s->id);
	r->status = t->exit_code;
	r->pad = 0;
	submit(r);
	return 0;
}
