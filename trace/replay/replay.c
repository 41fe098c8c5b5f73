/* SPDX-License-Identifier: MIT */
/*
 * Events in order: which address space each is about, and what it does to it.
 *
 * Address spaces and files are found by number.  A file lives as long as an area holds it; the source says again what
 * it is before each call that maps it.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include <vmaple/rmap.h>

#include "alloc.h"
#include "internal.h"
#include "minmax.h"

#define CAP_IPC_LOCK  14
#define CAP_SYS_RAWIO 17

/* A vm_file that knows under which number it is listed. */
struct numbered_file {
	struct vm_file file;
	struct maple_tree *list;
	uint32_t id; /* 0: in no list */
	const char *driver;
	char name[];
};

static void release_file(struct vm_file *file)
{
	struct numbered_file *nf = (struct numbered_file *)file;

	if (nf->id)
		mtree_erase(nf->list, nf->id);
	free(nf);
}

static enum vm_file_kind kind_of(uint32_t kind)
{
	switch (kind) {
	case TRACE_FILE_SHMEM:
		return VM_FILE_SHMEM;
	case TRACE_FILE_HUGETLB:
		return VM_FILE_HUGETLB;
	case TRACE_FILE_ZERO:
		return VM_FILE_ZERO;
	case TRACE_FILE_SECRET:
		return VM_FILE_SECRET;
	case TRACE_FILE_SPECIAL:
		return VM_FILE_SPECIAL;
	default:
		return VM_FILE_REGULAR;
	}
}

const char *driver_of(const struct vm_file *file)
{
	return file && file->release == release_file ? ((const struct numbered_file *)file)->driver : NULL;
}

bool was_told(const struct vm_file *file)
{
	return file->release == release_file && ((const struct numbered_file *)file)->id;
}

static struct numbered_file *new_file(struct replay *r, const struct trace_file *t)
{
	size_t len = strlen(t->path) + 1;
	struct numbered_file *nf = calloc(1, sizeof(*nf) + len);
	unsigned int mode = t->open_flags & 3;

	if (!nf) {
		port_count_failure();
		return NULL;
	}
	memcpy(nf->name, t->path, len);
	nf->list = &r->files;
	nf->id = t->id;
	nf->driver = driver_of_file(t->kind, t->path);
	nf->file = (struct vm_file){ .refs = 1,
		.kind = kind_of(t->kind),
		.readable = mode != 1,
		.writable = mode != 0,
		.noexec = t->noexec,
		.no_split = t->kind == TRACE_FILE_SPECIAL,
		.anonymous = t->anonymous,
		.has_close = t->has_close,
		.vm_flags = t->vm_flags,
		.vm_flags_off = t->vm_flags_off,
		.map_align = t->map_align,
		.dev = t->dev,
		.ino = t->ino,
		.name = nf->name,
		.release = release_file };
	return nf;
}

struct vm_file *replay_file(struct replay *r, const struct trace_file *t)
{
	struct numbered_file *nf = t->id ? mtree_load(&r->files, t->id) : NULL;

	if (nf) {
		nf->file.vm_flags_off = t->vm_flags_off; /* it may have been sealed since */
		return vm_file_get(&nf->file);
	}
	nf = new_file(r, t);
	if (nf && nf->id && mtree_store(&r->files, nf->id, nf, GFP_KERNEL)) {
		free(nf);
		return NULL;
	}
	return (struct vm_file *)nf;
}

static void note_loss(struct space *s, bool counted)
{
	s->doubt = true;
	s->lost |= counted;
	causes_touch(s, 0, UINT64_MAX);
}

/* Losses that are about all spaces are noted in each when it is looked for next: there may be many of both. */
static struct space *find_space(struct replay *r, uint32_t id)
{
	struct space *s = r->found;

	if (!s || s->id != id)
		s = r->found = mtree_load(&r->spaces, id);
	if (s && s->told_losses != r->losses) {
		note_loss(s, r->counted_loss > s->told_losses);
		s->told_losses = r->losses;
	}
	return s;
}

/* Of a process: its address space, and how many of its tasks are there. */
static int set_process(struct replay *r, uint32_t pid, uint32_t mm, uint64_t tasks)
{
	return mtree_store(&r->processes, pid, xa_mk_value(tasks << 32 | mm), GFP_KERNEL);
}

/* 0: there is none. */
static uint32_t space_of_process(struct replay *r, uint32_t pid)
{
	void *entry = mtree_load(&r->processes, pid);

	return entry ? (uint32_t)xa_to_value(entry) : 0;
}

static uint64_t tasks_of_process(struct replay *r, uint32_t pid)
{
	void *entry = mtree_load(&r->processes, pid);

	return entry ? xa_to_value(entry) >> 32 : 0;
}

static struct space *new_space(struct replay *r, uint32_t id)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s || mtree_insert(&r->spaces, id, s, GFP_KERNEL)) {
		free(s);
		return NULL;
	}
	s->id = id;
	s->told_losses = r->losses;
	s->doubt = r->header.fault_source == TRACE_FAULTS_SOME || r->header.fault_source == TRACE_FAULTS_NONE;
	mm_init(&s->mm, &r->sys);
	s->mm.owner = s;
	copies_init(s);
	return s;
}

static void add_counters(struct replay_stats *st, const struct mm_counters *c)
{
	st->splits += c->splits;
	st->merges += c->merges;
	st->new_areas += c->new_areas;
	st->new_merged += c->new_merged;
	if (c->peak_areas > st->vmas_peak)
		st->vmas_peak = c->peak_areas;
}

static void note_final(struct replay_stats *st, struct space *s)
{
	st->vmas_final = (uint64_t)s->mm.map_count;
	st->nr_gaps = mm_largest_gaps(&s->mm, st->gaps, 3);
}

static void free_space(struct space *s)
{
	copies_forget(s);
	inodes_forget(s);
	forget_sharing(s);
	vdso_forget(s);
	causes_end(s);
	mm_exit(&s->mm);
	free(s);
}

static void end_space(struct replay *r, struct space *s)
{
	add_counters(&r->stats, &s->mm.counters);
	mtree_erase(&r->spaces, s->id);
	r->found = NULL;
	free_space(s);
}

static void set_limit(struct space *s, uint32_t limit, uint64_t value)
{
	struct mm_limits *l = &s->mm.limits;

	switch (limit) {
	case TRACE_LIMIT_AS:
		l->as = value;
		break;
	case TRACE_LIMIT_DATA:
		l->data = value;
		break;
	case TRACE_LIMIT_DATA_HARD:
		l->data_hard = value;
		break;
	case TRACE_LIMIT_STACK:
		l->stack = value;
		break;
	case TRACE_LIMIT_MEMLOCK:
		l->memlock = value;
		break;
	case TRACE_LIMIT_PERSONALITY:
		l->read_implies_exec = value & READ_IMPLIES_EXEC;
		s->randomised = !(value & ADDR_NO_RANDOMIZE);
		s->mm.compat_task_size = value & ADDR_LIMIT_3GB ? 3UL << 30 : (1UL << 32) - 0x2000;
		break;
	case TRACE_LIMIT_FUTURE_LOCK:
		s->mm.def_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
		s->mm.def_flags |=
			(value & MCL_FUTURE ? VM_LOCKED : 0) | (value & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
		break;
	case TRACE_LIMIT_CAPABILITIES:
		l->cap_ipc_lock = value >> CAP_IPC_LOCK & 1;
		l->cap_sys_rawio = value >> CAP_SYS_RAWIO & 1;
		break;
	default:
		break;
	}
}

/* In mode 2 the limit is shared with processes that are not recorded: it cannot be predicted. */
static void set_overcommit(struct mm_system *sys, const struct trace_header *h, uint64_t mode)
{
	sys->overcommit_memory = (unsigned int)mode;
	sys->commit_limit = mode ? ~0UL : (h->total_ram + h->total_swap) / h->page_size;
}

static void limit_event(struct replay *r, struct space *s, const struct trace_limit_change *c)
{
	if (c->limit == TRACE_LIMIT_MAX_MAP_COUNT)
		r->sys.max_map_count = (int)min(c->value, (uint64_t)INT_MAX);
	else if (c->limit == TRACE_LIMIT_OVERCOMMIT_MEMORY)
		set_overcommit(&r->sys, &r->header, c->value);
	else
		set_limit(s, c->limit, c->value);
}

static int space_event(struct replay *r, const struct trace_event *e)
{
	const struct trace_space *t = &e->space;
	struct space *s = new_space(r, e->mm);
	struct mm_struct *mm;

	if (!s)
		return -ENOMEM;
	mm = &s->mm;
	if (r->options.space)
		r->options.space(r->options.ctx, mm);
	for (uint32_t i = 0; i < TRACE_LIMIT_COUNT; i++)
		set_limit(s, i, t->limits[i]);
	mm->start_code = t->start_code;
	mm->end_code = t->end_code;
	mm->start_data = t->start_data;
	mm->end_data = t->end_data;
	mm->start_brk = t->start_brk;
	mm->brk = t->brk;
	mm->start_stack = t->start_stack;
	mm->arg_start = t->arg_start;
	mm->arg_end = t->arg_end;
	mm->env_start = t->env_start;
	mm->env_end = t->env_end;
	if (t->task_size < mm->mmap_window && mm_set_task_size(mm, t->task_size))
		return -EINVAL;
	mm->task_size = t->task_size;
	mm->topdown = t->topdown;
	s->base_exact = t->mmap_base != 0;
	mm->mmap_base = t->mmap_base;
	mm->mmap_compat_base = 0; /* learned from placements, where there are any */
	if (!t->topdown && t->mmap_base)
		mm->mmap_legacy_base = t->mmap_base;
	s->doubt |= t->attached;
	s->attached = t->attached;
	if (!r->first_pid) {
		r->first_pid = e->pid;
		r->stats.processes = r->stats.threads = 1;
	} else if (t->attached) {
		r->stats.processes++;
		r->stats.threads++;
	}
	return set_process(r, e->pid, e->mm, 1);
}

static int fork_event(struct replay *r, const struct trace_event *e)
{
	struct space *parent = find_space(r, e->mm), *child;
	int err;

	r->stats.processes++;
	r->stats.threads++;
	if (!parent)
		return 0;
	child = new_space(r, e->fork.child_mm);
	if (!child)
		return -ENOMEM;
	err = copies_add(child, parent, r->options.fork_at_once);
	if (err)
		return err;
	causes_fork(child, parent);
	child->begun = parent->begun;
	child->base_exact = parent->base_exact;
	child->randomised = parent->randomised;
	child->doubt = parent->doubt;
	child->lost = parent->lost;
	child->attached = parent->attached;
	child->ring = parent->ring;
	child->guards = parent->guards;
	child->partial = parent->partial;
	child->take_over = parent->take_over;
	child->cut_from = parent->cut_from;
	child->call = parent->call;
	child->call_step = parent->call_step;
	vdso_copy(child, parent);
	return set_process(r, e->fork.child_pid, e->fork.child_mm, 1);
}

static int task_event(struct replay *r, const struct trace_event *e)
{
	struct space *s = find_space(r, e->mm);

	r->stats.threads++;
	r->stats.processes += !e->task.thread;
	if (!s)
		return 0;
	return set_process(r, e->pid, e->mm, e->task.thread ? tasks_of_process(r, e->pid) + 1 : 1);
}

/* The first thread can end before others of its process. */
static int exit_event(struct replay *r, const struct trace_event *e)
{
	struct space *s = find_space(r, e->mm);
	uint64_t tasks = tasks_of_process(r, e->pid);
	bool its = space_of_process(r, e->pid) == e->mm, over = e->exit.last || tasks <= 1;
	bool noted = s && its && over && e->pid == r->first_pid;
	int err = 0;

	if (!s)
		return 0;
	if (noted)
		err = copies_make_own(s);
	/* With its last task its areas go; a copy that was never needed has none. */
	if (!err && e->exit.last && !s->source)
		err = copies_before_change(s);
	if (err)
		return err;
	if (noted)
		note_final(&r->stats, s);
	if (!e->exit.exec && its && over)
		mtree_erase(&r->processes, e->pid);
	else if (!e->exit.exec && its)
		err = set_process(r, e->pid, e->mm, tasks - 1);
	if (e->exit.last)
		end_space(r, s);
	return err;
}

static bool is_result(const struct trace_call *c, int64_t predicted)
{
	return c->result == predicted || (c->result == -TRACE_ERROR_UNSEEN && IS_ERR_VALUE(predicted));
}

static int call_event(struct replay *r, struct space *s, const struct trace_event *e)
{
	struct prediction p;

	r->stats.calls++;
	r->stats.calls_by_kind[replay_kind_of(e->call.nr)]++;
	r->stats.failed_calls += e->call.result < 0;
	if (e->call.unordered)
		return 0;
	s->call = e->call;
	s->call.data = NULL;
	s->call_step = e->step;
	fault_settle_call(s, &e->call);
	causes_of_call(s, &e->call);
	if (s->partial && partial_call(r, s, e))
		return 0;
	s->populating = r->header.fault_source == TRACE_FAULTS_EACH && call_populates(&e->call);
	p = replay_call(r, s, &e->call);
	s->populating = false;
	if (p.made && p.compared && !is_result(&e->call, p.result))
		check_result(r, s, e, &p);
	return 0;
}

static int map_event(struct replay *r, struct space *s, const struct trace_event *e)
{
	bool whole = e->map.lo == 0 && e->map.hi == UINT64_MAX;
	int err = s->cut_from ? cut_as_seen(s, &e->map) : 0;

	if (err)
		return err;
	if (e->map.reason == TRACE_MAP_BEGIN) {
		s->begun = true;
		s->partial = !whole;
		return begin_map(r, s, &e->map);
	}
	if (e->map.reason == TRACE_MAP_RESYNC) {
		s->doubt = true;
		s->partial &= !whole;
		return take_over_map(r, s, &e->map);
	}
	return r->options.unchecked || !s->begun ? 0 : check_map(r, s, e);
}

static int file_event(struct replay *r, const struct trace_event *e)
{
	vm_file_put(r->pending);
	r->pending = replay_file(r, &e->file);
	r->pending_id = e->file.id;
	return r->pending ? 0 : -ENOMEM;
}

static void lost_event(struct replay *r, const struct trace_event *e)
{
	struct space *s = e->mm ? find_space(r, e->mm) : NULL;

	r->stats.lost++;
	r->stats.lost_unknown += e->lost.count == 0;
	if (__builtin_add_overflow(r->stats.lost_events, e->lost.count, &r->stats.lost_events))
		r->stats.lost_events = UINT64_MAX;
	if (r->options.lost)
		r->options.lost(r->options.ctx, e);
	if (s)
		note_loss(s, e->lost.count != 0);
	if (e->mm)
		return;
	r->losses++;
	if (e->lost.count)
		r->counted_loss = r->losses;
}

/* The areas are given back by who served them. */
static void change_event(struct space *s, const struct trace_change *c)
{
	causes_touch(s, c->start - (c->start != 0), c->end + 1);
	/* Where there is nothing any more, there is nothing to do. */
	(void)!mm_userfaultfd(&s->mm, c->start, c->end - c->start, NULL, MM_UFFD_WP_ASYNC);
}

/* An event that looks at an address space, or changes it. */
static int event_in_space(struct replay *r, struct space *s, const struct trace_event *e)
{
	bool looks = e->type == TRACE_EVENT_ANON ||
		     (e->type == TRACE_EVENT_MAP && e->map.reason == TRACE_MAP_CHECK);
	int err = looks ? copies_make_own(s) : copies_before_change(s);

	if (err)
		return err;
	switch (e->type) {
	case TRACE_EVENT_MAP:
		return map_event(r, s, e);
	case TRACE_EVENT_CALL:
		return call_event(r, s, e);
	case TRACE_EVENT_FAULT:
		replay_fault(r, s, e);
		return 0;
	case TRACE_EVENT_LIMIT:
		limit_event(r, s, &e->limit);
		return 0;
	case TRACE_EVENT_CHANGE:
		change_event(s, &e->change);
		return 0;
	case TRACE_EVENT_ANON:
		return s->begun ? check_anon(r, s, e) : note_sharing(s, &e->anon);
	default:
		return 0;
	}
}

static int any_event(struct replay *r, const struct trace_event *e)
{
	struct space *s;

	switch (e->type) {
	case TRACE_EVENT_FILE:
		return file_event(r, e);
	case TRACE_EVENT_SPACE:
		return space_event(r, e);
	case TRACE_EVENT_FORK:
		return fork_event(r, e);
	case TRACE_EVENT_TASK:
		return task_event(r, e);
	case TRACE_EVENT_EXIT:
		return exit_event(r, e);
	case TRACE_EVENT_LOST:
		lost_event(r, e);
		return 0;
	default:
		s = find_space(r, e->mm);
		return s ? event_in_space(r, s, e) : 0;
	}
}

/* The engine's -ENOMEM is mostly the kernel's, of a limit: whether memory has run out is asked where memory comes from. */
static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct replay *r = (struct replay *)sink;
	int err;

	r->stats.events++;
	r->failures = port_failures();
	err = any_event(r, e);
	return err || r->failures == port_failures() ? err : -ENOMEM;
}

static void set_machine(struct mm_system *sys, const struct trace_header *h)
{
	const struct kernel_profile *kernel = kernel_profile_for(h->kernel);

	mm_system_init(sys, &anon_vma_rmap);
	if (kernel)
		sys->kernel = kernel;
	if (strcmp(h->machine, "aarch64") == 0)
		sys->machine = MM_MACHINE_ARM64;
	sys->max_map_count = (int)h->max_map_count;
	sys->mmap_min_addr = h->mmap_min_addr;
	sys->dac_mmap_min_addr = h->dac_mmap_min_addr;
	sys->stack_guard_gap = (unsigned long)h->stack_guard_gap * h->page_size;
	set_overcommit(sys, h, h->overcommit_memory);
	sys->thp_enabled = h->thp_enabled;
	sys->pkeys = h->pkeys;
	sys->no_zero_page = h->no_zero_page;
	sys->branch_targets = h->branch_targets;
	sys->memory_tags = h->memory_tags;
}

struct replay *replay_new(const struct trace_header *header, const struct replay_options *options)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->sink.event = on_event;
	r->options = *options;
	r->header = *header;
	set_machine(&r->sys, header);
	replay_first_writes(r);
	if (r->options.machine)
		r->options.machine(r->options.ctx, &r->sys);
	mt_init_flags(&r->spaces, 0);
	mt_init_flags(&r->files, 0);
	mt_init_flags(&r->processes, 0);
	return r;
}

struct trace_sink *replay_sink(struct replay *r)
{
	return &r->sink;
}

struct mm_struct *replay_find(struct replay *r, uint32_t pid)
{
	struct space *s = find_space(r, space_of_process(r, pid ? pid : r->first_pid));

	errno = 0;
	if (s && copies_make_own(s)) {
		errno = ENOMEM;
		return NULL;
	}
	return s ? &s->mm : NULL;
}

struct mm_struct *replay_space(struct replay *r, uint32_t mm)
{
	struct space *s = find_space(r, mm);

	return s ? &s->mm : NULL;
}

uint32_t replay_space_number(struct replay *r, const struct mm_struct *mm)
{
	return ((const struct space *)mm->owner)->id;
}

void replay_statistics(struct replay *r, struct replay_stats *stats)
{
	uint32_t first = space_of_process(r, r->first_pid);
	struct space *s;
	unsigned long id = 0;

	*stats = r->stats;
	mt_for_each (&r->spaces, s, id, ULONG_MAX) {
		add_counters(stats, &s->mm.counters);
		if (first == s->id)
			note_final(stats, s);
	}
}

void replay_free(struct replay *r)
{
	struct space *s;
	unsigned long id = 0;

	mt_for_each (&r->spaces, s, id, ULONG_MAX)
		free_space(s);
	vm_file_put(r->pending);
	mtree_destroy(&r->spaces);
	mtree_destroy(&r->processes);
	mtree_destroy(&r->files);
	free(r);
}
