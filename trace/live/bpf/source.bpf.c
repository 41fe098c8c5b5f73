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
 * 4. Calls.  Kept from sys_enter to sys_exit by thread; only those that can change a map.
 * 5. Wakeups.  The reader looks by itself; it is woken once when more waits for it than WAKE_BYTES.
 *
 * Functions that are not static are verified once, whoever calls them, which is what makes loading quick.  They take no
 * pointers into the kernel, so that these come by way of memory, as numbers.
 *
 * Others' tasks cost a look at one table.  Dual licence, because the kernel lends its helpers to programs under the GPL
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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
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

/* The call of each task, as the record that it becomes; between two of them the entry stays. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, u32);
	__type(value, struct call_record);
} calls SEC(".maps");

/* Open files that were told. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u64);
} files SEC(".maps");

/* What was told of an area's first write: as long as both are the same, nothing has to be told again. */
struct told {
	u64 anon_vma, space;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct told);
} written SEC(".maps");

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

static const struct call_record no_call; /* what an entry begins as */

__u32 last_space; /* numbers of address spaces */
__u32 woken;      /* the reader was, and has not looked yet */
__u64 lost;       /* records for which there was no room */

static __always_inline struct vm_area_struct *area_by(u64 addr)
{
	return bpf_rdonly_cast((void *)addr, bpf_core_type_id_kernel(struct vm_area_struct));
}

static __always_inline struct mm_struct *mm_by(u64 addr)
{
	return bpf_rdonly_cast((void *)addr, bpf_core_type_id_kernel(struct mm_struct));
}

static __always_inline struct space *space_of(const struct mm_struct *mm)
{
	u64 key = (u64)mm;

	return bpf_map_lookup_elem(&spaces, &key);
}

static __always_inline void head_fill(struct record_head *h, u32 type, u32 space, u64 sequence)
{
	u64 id = bpf_get_current_pid_tgid();

	h->type = type;
	h->space = space;
	h->tid = (u32)id;
	h->pid = id >> 32;
	h->time_ns = bpf_ktime_get_ns();
	h->sequence = sequence;
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

/* --- areas and files ---------------------------------------------------------------------------------------- */

struct sample {
	u64 mm, vma, file; /* vma, file: what is told now */
	u64 at, hi, sequence;
	u32 space, written_only;
	u32 told, waiting; /* areas; of them, in the record that is not sent yet */
	u32 row;           /* the one before was written, and nobody knew */
	u64 known;         /* the one before was written, and that was told: where a row may begin */
};

/* Its s->file. */
__noinline int emit_file(struct sample *s)
{
	struct file *file;
	struct file_record *r;
	u64 key, ino, *known;

	if (!s)
		return 0;
	key = s->file;
	file = bpf_rdonly_cast((void *)key, bpf_core_type_id_kernel(struct file));
	ino = file->f_inode->i_ino;
	known = bpf_map_lookup_elem(&files, &key);
	if (known && *known == ino)
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
	bpf_map_update_elem(&files, &key, &ino, BPF_ANY);
	return 0;
}

/* --- first writes -------------------------------------------------------------------------------------------- */

static __always_inline bool is_told(const struct vm_area_struct *vma, u32 space)
{
	u64 key = (u64)vma;
	const struct told *t = bpf_map_lookup_elem(&written, &key);

	return t && t->anon_vma == (u64)vma->anon_vma && t->space == space;
}

static __always_inline void note_told(const struct vm_area_struct *vma, u32 space)
{
	u64 key = (u64)vma;
	struct told t = { (u64)vma->anon_vma, space };

	bpf_map_update_elem(&written, &key, &t, BPF_ANY);
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
	s->file = (u64)vma->vm_file;
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
static __always_inline void emit_if_new(struct sample *s, struct vm_area_struct *vma, bool adjacent)
{
	bool new = !is_told(vma, s->space), in_row = adjacent && s->row;

	if (new &&adjacent && s->known) {
		s->vma = s->known;
		emit_area(s);
	}
	if (new)
		note_told(vma, s->space);
	if (new || in_row) {
		s->vma = (u64)vma;
		emit_area(s);
	}
	s->row = new;
	s->known = new || in_row ? 0 : (u64)vma;
}

static long sample_one(u32 i, struct sample *s)
{
	struct vm_area_struct *vma = area_from(mm_by(s->mm), s->at);
	bool adjacent = vma && vma->vm_start == s->at;

	if (!vma || (vma->vm_start >= s->hi && !(adjacent && s->row && vma->anon_vma))) {
		s->at = s->hi;
		return 1;
	}
	s->at = vma->vm_end;
	if (!vma->anon_vma)
		bpf_map_delete_elem(&written, &vma); /* it has lost it */
	s->vma = (u64)vma;
	if (!s->written_only)
		emit_area(s);
	else if (vma->anon_vma)
		emit_if_new(s, vma, adjacent);
	else
		s->row = s->known = 0;
	return 0;
}

/* Tell every area that touches [at, hi). */
__noinline int sample(struct sample *s)
{
	struct sample on_stack; /* as bpf_loop wants it */

	if (!s)
		return 0;
	on_stack = *s;
	bpf_loop(WHOLE_MAX, sample_one, &on_stack, 0);
	*s = on_stack;
	return 0;
}

static long row_one(u32 i, struct sample *s)
{
	struct vm_area_struct *vma = area_at(mm_by(s->mm), s->at);

	if (!vma || !vma->anon_vma)
		return 1;
	s->hi = vma->vm_start;
	s->at = s->hi - 1;
	return is_told(vma, s->space);
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

static __always_inline bool is_fork(u32 nr)
{
	return nr == NR_clone || nr == NR_fork || nr == NR_vfork || nr == NR_clone3;
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
static __always_inline struct range range_of_pairs(const struct call_record *c)
{
	struct range r = { 0, 0 };

	if (c->data_len != c->args[2] * 16)
		return (struct range){ 0, ~0ull };
	for (u32 i = 0; i < PAIRS_MAX && i < c->args[2]; i++) {
		u64 start = *(u64 *)(c->data + i * 16), len = *(u64 *)(c->data + i * 16 + 8);

		widen(&r, start ? start - 1 : 0, ((start + len + PAGE - 1) & ~(PAGE - 1)) + 1);
	}
	return r;
}

/* What a call names of the map: that, and what touches it. */
static __always_inline struct range range_of(const struct call_record *c, const struct mm_struct *mm)
{
	u64 start = c->args[0], len = c->args[1];
	struct range r;

	if (is_fork(c->nr) || c->nr == NR_mlockall || c->nr == NR_munlockall)
		return (struct range){ 0, ~0ull };
	if (c->nr == NR_mmap && !start && !(c->args[3] & MAP_FIXED))
		return (struct range){ 0, 0 };
	if (c->nr == NR_io_setup || c->nr == NR_arch_prctl)
		return (struct range){ 0, 0 };
	if (c->nr == NR_process_madvise)
		return range_of_pairs(c);
	if (c->nr == NR_prctl) {
		start = c->args[2];
		len = c->args[3];
	} else if (c->nr == NR_ioctl) {
		start = *(u64 *)c->data;
		len = *(u64 *)(c->data + 8);
	} else if (c->nr == NR_shmat || c->nr == NR_shmdt) {
		start = c->nr == NR_shmat ? c->args[1] : start;
		len = start ? PAGE : 0;
	} else if (c->nr == NR_brk) {
		u64 brk = mm->brk;

		len = start > brk ? start - brk : brk - start;
		start = start > brk ? brk : start;
	} else if (c->nr == NR_mremap && c->args[3] & MREMAP_DONTUNMAP) {
		struct vm_area_struct *vma = area_from(mm, start);

		/* All of the area is unlocked, not what is moved alone. */
		if (vma && vma->vm_start <= start) {
			start = vma->vm_start;
			len = vma->vm_end - start;
		}
	} else if (c->nr == NR_mremap && c->args[2] > len) {
		len = c->args[2];
	}
	r.lo = (start & ~(PAGE - 1)) - (start >= PAGE ? 1 : 0);
	r.hi = ((start + len + PAGE - 1) & ~(PAGE - 1)) + 1;
	if (r.hi < r.lo)
		r.hi = r.lo + PAGE;
	return r;
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
	const struct sample *sm, const struct space *s, u32 type, u32 nr, struct range r)
{
	u32 zero = 0;
	struct section_areas *to = bpf_map_lookup_elem(&gathered, &zero);
	struct section_record *rec;

	if (!to)
		return;
	rec = &to->section;
	head_fill(&rec->head, type, s->id, sm->sequence);
	rec->lo = r.lo;
	rec->hi = r.hi;
	rec->wrote_lo = s->wrote_lo;
	rec->wrote_hi = s->wrote_hi;
	rec->nr = nr;
	rec->areas = sm->told;
	rec->written = s->written;
	send_areas(to, sm->waiting);
}

static __always_inline struct call_record *current_call(u32 space)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct call_record *c = bpf_map_lookup_elem(&calls, &tid);

	return c && c->active && c->head.space == space ? c : 0;
}

static __always_inline void space_ends(struct mm_struct *mm, struct space *s)
{
	struct sample whole = { .mm = s->mm, .hi = ~0ull, .space = s->id, .sequence = sequence_of(mm) };

	sample(&whole);
	emit_section(&whole, s, RECORD_FINAL, NO_CALL, (struct range){ 0, ~0ull });
}

__noinline int section_begins(struct space *s)
{
	struct mm_struct *mm;
	struct call_record *c;
	struct range r;

	if (!s)
		return 0;
	mm = mm_by(s->mm);
	s->tid = (u32)bpf_get_current_pid_tgid();
	s->wrote_lo = ~0ull;
	s->wrote_hi = 0;
	s->written = 0;
	if (!mm->mm_users.counter) {
		space_ends(mm, s);
		return 0;
	}
	c = current_call(s->id);
	if (!c)
		return 0;
	r = range_of(c, mm);
	s->written += emit_written(s, r.lo, r.hi);
	if (c->nr == NR_mremap && c->args[3] & MREMAP_FIXED) {
		r.lo = c->args[4] - 1;
		r.hi = c->args[4] + c->args[2] + 1;
		s->written += emit_written(s, r.lo, r.hi);
	}
	return 0;
}

/* A call that only reads the map, or has not changed it yet: where that is in the order of the lock. */
static __always_inline void call_looks(struct mm_struct *mm, struct space *s)
{
	struct call_record *c = current_call(s->id);
	struct record_head *r;

	if (!c || c->sections || is_fork(c->nr))
		return;
	c->sections = 1;
	/* Guard pages give an area an anon_vma, the neighbour's if that has one by now. */
	if (c->nr == NR_madvise && (u32)c->args[2] == MADV_GUARD_INSTALL) {
		struct range named = range_of(c, mm);

		emit_written(s, named.lo, named.hi);
	}
	r = reserve(sizeof(*r));
	if (!r)
		return;
	head_fill(r, RECORD_LOOK, s->id, sequence_of(mm));
	submit(r);
}

__noinline int section_ends(struct space *s)
{
	struct mm_struct *mm;
	struct call_record *c;
	struct range r = { 0, 0 };
	struct sample sm = { .at = 0 };
	u64 key;

	if (!s)
		return 0;
	key = sm.mm = s->mm;
	mm = mm_by(s->mm);
	sm.sequence = sequence_of(mm);
	sm.space = s->id;
	s->tid = 0;
	if (!mm->mm_users.counter) {
		bpf_map_delete_elem(&spaces, &key);
		return 0;
	}
	c = current_call(s->id);
	if (c) {
		c->sections++;
		/* Where a mapping was put is what was written: a hint can be far from it. */
		if (!is_fork(c->nr) && !(c->nr == NR_mmap && s->wrote_lo < s->wrote_hi))
			r = range_of(c, mm);
	}
	if (s->wrote_lo < s->wrote_hi)
		widen(&r, s->wrote_lo ? s->wrote_lo - 1 : 0, s->wrote_hi + 1);
	if (r.lo < r.hi) {
		sm.at = r.lo;
		sm.hi = r.hi;
		sample(&sm);
		r.hi = sm.at;
	}
	emit_section(&sm, s, RECORD_SECTION, c ? c->nr : NO_CALL, r);
	return 0;
}

SEC("tp_btf/mmap_lock_acquire_returned")
int BPF_PROG(lock_taken, struct mm_struct *mm, bool write, bool success)
{
	struct space *s = space_of(mm);

	if (!s || !success)
		return 0;
	if (write)
		section_begins(s);
	else if (sequence_of(mm) & 1 && s->tid == (u32)bpf_get_current_pid_tgid())
		section_ends(s); /* it goes on with the lock for reading */
	else
		call_looks(mm, s);
	return 0;
}

SEC("tp_btf/mmap_lock_released")
int BPF_PROG(lock_released, struct mm_struct *mm, bool write)
{
	struct space *s = write ? space_of(mm) : 0;

	if (s)
		section_ends(s);
	return 0;
}

SEC("tp_btf/ma_write")
int BPF_PROG(tree_written, const char *fn, struct ma_state *mas, unsigned long piv, void *val)
{
	u64 mm = (u64)mas->tree - bpf_core_field_offset(struct mm_struct, mm_mt), vma = (u64)val;
	struct space *s = bpf_map_lookup_elem(&spaces, &mm);

	if (!s || s->tid != (u32)bpf_get_current_pid_tgid())
		return 0;
	if (vma && !((const struct vm_area_struct *)bpf_rdonly_cast(
			     val, bpf_core_type_id_kernel(struct vm_area_struct)))
			    ->anon_vma)
		bpf_map_delete_elem(&written, &vma);
	if (mas->index < s->wrote_lo)
		s->wrote_lo = mas->index;
	if (mas->last + 1 > s->wrote_hi && mas->last + 1)
		s->wrote_hi = mas->last + 1;
	return 0;
}

/* Where a mapping without a place of its own goes: what it will touch, before it is there. */
SEC("tp_btf/vm_unmapped_area")
int BPF_PROG(place_found, unsigned long addr, struct vm_unmapped_area_info *info)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	struct space *s = space_of(mm);

	if (!s || s->tid != (u32)bpf_get_current_pid_tgid() || addr > ~PAGE || addr < PAGE)
		return 0;
	s->written += emit_written(s, addr - 1, addr + 1);
	s->written += emit_written(s, addr + info->length - 1, addr + info->length + 1);
	return 0;
}

/* --- calls -------------------------------------------------------------------------------------------------- */

/* What an argument points to. */
static __always_inline void read_data(struct call_record *c)
{
	const void *from = 0;
	u32 len = 0;

	if (c->nr == NR_prctl && c->args[0] == PR_SET_VMA && c->args[4]) {
		long n = bpf_probe_read_user_str(c->data, sizeof(c->data), (void *)c->args[4]);

		c->data_len = n > 0 ? n : 0;
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
	if (from && len <= RECORD_DATA_BYTES && !bpf_probe_read_user(c->data, len, from))
		c->data_len = len;
}

/* Of these only some are about the map. */
static __always_inline bool is_meant(const struct call_record *c)
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

/* Where the call of this task is kept. */
static __always_inline struct call_record *call_entry(void)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct call_record *c = bpf_map_lookup_elem(&calls, &tid);

	if (c)
		return c;
	bpf_map_update_elem(&calls, &tid, &no_call, BPF_ANY);
	return bpf_map_lookup_elem(&calls, &tid);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(call_begins, struct pt_regs *regs, long nr)
{
	struct task_struct *task;
	struct space *s;
	struct call_record *c;

	if (nr < 0 || nr >= NR_CALLS || !wanted[nr & (NR_CALLS - 1)])
		return 0;
	task = bpf_get_current_task_btf();
	/* Through int 0x80 the numbers are of another table: what it changes is told as no call's. */
	if (task->thread_info.status & TS_COMPAT)
		return 0;
	s = space_of(task->mm);
	c = s ? call_entry() : 0;
	if (!c)
		return 0;
	c->args[0] = regs->di;
	c->args[1] = regs->si;
	c->args[2] = regs->dx;
	c->args[3] = regs->r10;
	c->args[4] = regs->r8;
	c->args[5] = regs->r9;
	c->ip = regs->ip;
	c->sp = regs->sp;
	c->nr = (u32)nr;
	c->head.space = s->id;
	c->sections = 0;
	c->data_len = 0;
	c->active = is_meant(c);
	if (c->active)
		read_data(c);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_ends, struct pt_regs *regs, long result)
{
	u32 tid = (u32)bpf_get_current_pid_tgid(), len;
	struct call_record *c = bpf_map_lookup_elem(&calls, &tid);

	if (!c || !c->active)
		return 0;
	c->active = 0;
	head_fill(&c->head, RECORD_CALL, c->head.space, 0);
	c->result = result;
	len = c->data_len;
	if (len <= RECORD_DATA_BYTES)
		output(c, __builtin_offsetof(struct call_record, data) + len);
	return 0;
}

/* --- tasks -------------------------------------------------------------------------------------------------- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(task_forked, struct task_struct *parent, struct task_struct *child)
{
	struct space *s = space_of(parent->mm), new = { 0 };
	struct fork_record *r;
	u64 mm = (u64)child->mm;
	u32 id, tid = (u32)child->pid;

	if (!s || !mm)
		return 0;
	id = s->id;
	if (child->mm != parent->mm) {
		new.id = __sync_fetch_and_add(&last_space, 1) + 1;
		new.mm = mm;
		id = new.id;
		bpf_map_update_elem(&spaces, &mm, &new, BPF_ANY);
	}
	bpf_map_update_elem(&tasks, &tid, &id, BPF_ANY);
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_FORK, s->id, 0);
	r->child_tid = (u32)child->pid;
	r->child_pid = (u32)child->tgid;
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

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_execs, struct task_struct *task, int old_tid, struct linux_binprm *bprm)
{
	struct mm_struct *mm = task->mm;
	u64 key = (u64)mm;
	u32 tid = (u32)task->pid, former = (u32)old_tid, *old = bpf_map_lookup_elem(&tasks, &former), was,
	    narrow;
	struct space new = { 0 };
	struct sample whole = { .mm = key, .hi = ~0ull };
	struct exec_record *r;

	if (!old)
		return 0;
	was = *old;
	new.id = __sync_fetch_and_add(&last_space, 1) + 1;
	new.mm = key;
	narrow = task->thread_info.flags >> TIF_ADDR32 & 1;
	bpf_map_delete_elem(&tasks, &former);
	if (!narrow) {
		bpf_map_update_elem(&spaces, &key, &new, BPF_ANY);
		bpf_map_update_elem(&tasks, &tid, &new.id, BPF_ANY);
		whole.space = new.id;
		sample(&whole);
		emit_exec_areas(&whole);
	}
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_EXEC, new.id, 0);
	r->areas = whole.told;
	r->narrow = narrow;
	r->old_space = was;
	r->old_tid = former;
	read_limits(r->limits, task);
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
	bpf_probe_read_kernel_str(r->path, sizeof(r->path), bprm->filename);
	submit(r);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exits, struct task_struct *task)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct space *s = space_of(task->mm);
	struct exit_record *r;

	bpf_map_delete_elem(&calls, &tid);
	bpf_map_delete_elem(&tasks, &tid);
	if (!s)
		return 0;
	r = reserve(sizeof(*r));
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_EXIT, s->id, 0);
	r->status = task->exit_code;
	r->pad = 0;
	submit(r);
	return 0;
}
