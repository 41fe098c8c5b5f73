/* SPDX-License-Identifier: MIT */
/*
 * Events in order: which address space each is about, and what it does to it.
 *
 * 1. Order.  A call is carried out on the engine when its event comes, and the engine's result is compared with the
 *    kernel's.  That is right because a source emits a call when it has ended, and before it what it depends on: files,
 *    first writes.
 * 2. Copies.  A fork's child gets areas of its own when it or its parent is about to change (copies.c).  So an event
 *    that looks needs those of its own space only, and one that changes first makes those of all that are copies of it.
 * 3. Losses.  What was lost of a space is noted there.  What was lost of nobody who is known is counted here, and noted
 *    in each space when that is looked for next (find_space()).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <vmaple/rmap.h>

#include "alloc.h"
#include "internal.h"
#include "minmax.h"

/* In mode 2 the limit is shared with processes that are not recorded: it cannot be predicted. */
static void set_overcommit(struct mm_system *sys, const struct trace_header *h, uint64_t mode)
{
	sys->overcommit_memory = (unsigned int)mode;
	sys->commit_limit = mode ? ~0UL : (h->total_ram + h->total_swap) / h->page_size;
}

/*
 * The first two are of the machine, and of every space: their event comes in whichever space the recorder
 * noticed it.
 */
static void limit_event(struct replay *r, struct space *s, const struct trace_limit_change *c)
{
	if (c->limit == TRACE_LIMIT_MAX_MAP_COUNT)
		r->sys.max_map_count = (int)min(c->value, (uint64_t)INT_MAX);
	else if (c->limit == TRACE_LIMIT_OVERCOMMIT_MEMORY)
		set_overcommit(&r->sys, &r->header, c->value);
	else
		space_set_limit(s, c->limit, c->value);
}

/* Of a log the error may be missing (TRACE_ERROR_UNSEEN): any is right then. */
static bool is_result(const struct trace_call *c, int64_t predicted)
{
	return c->result == predicted || (c->result == -TRACE_ERROR_UNSEEN && IS_ERR_VALUE(predicted));
}

/*
 * One that is unordered changed no area, and between which others it was made is not known: it is counted, and neither
 * made nor compared.  What the events before it have left to be decided by the next call is settled first (fault.c),
 * and what it touches is noted before it is made: a call that fails half way is the cause of what it has done, too.
 */
static int call_event(struct replay *r, struct space *s, const struct trace_event *e)
{
	struct prediction p;
	const char *driver;

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
	driver = driver_of_call(r, s, &e->call);
	p = replay_call(r, s, &e->call);
	s->populating = false;
	if (p.made && p.compared && !is_result(&e->call, p.result))
		check_result(r, s, e, &p, driver);
	return 0;
}

/*
 * The first map begins a space, RESYNC is believed, the others are compared.  Behind RESYNC the space is in doubt: a
 * map does not say which areas share an anon_vma.
 */
static int map_event(struct replay *r, struct space *s, const struct trace_event *e)
{
	/* A first map of less than that begins a space of which the rest may have areas as well. */
	bool whole = e->map.lo == 0 && e->map.hi == UINT64_MAX;
	/* First: what a failed call left is no difference. */
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

/*
 * It is about the call that comes next on whichever space, and holds a reference until the next such event:
 * areas take their own.
 */
static int file_event(struct replay *r, const struct trace_event *e)
{
	vm_file_put(r->pending);
	r->pending = replay_file(r, &e->file);
	r->pending_id = e->file.id;
	return r->pending ? 0 : -ENOMEM;
}

/*
 * About one space (mm, or the process's), or, where it names neither, about all. The count is of a hostile
 * file as well: it saturates.
 */
static void lost_event(struct replay *r, const struct trace_event *e)
{
	struct space *s = find_space(r, e->mm ? e->mm : space_of_process(r, e->pid));

	r->stats.lost++;
	r->stats.lost_unknown += e->lost.count == 0;
	if (__builtin_add_overflow(r->stats.lost_events, e->lost.count, &r->stats.lost_events))
		r->stats.lost_events = UINT64_MAX;
	if (r->options.lost)
		r->options.lost(r->options.ctx, e);
	if (s)
		space_note_loss(s, e->lost.count != 0);
	if (e->mm || e->pid)
		return;
	r->losses++;
	if (e->lost.count)
		r->counted_loss = r->losses;
}

/* The areas are given back by who served them: each as a whole, from the lowest on, whatever part of it was told. */
static void change_event(struct space *s, const struct trace_change *c)
{
	struct vm_area_struct *vma;

	/* A byte more on both sides, as calls have: a neighbour may have joined. */
	causes_touch(s, c->start - (c->start != 0), c->end + 1);
	fault_settle_change(s, c);
	for (uint64_t at = c->start; (vma = find_vma_intersection(&s->mm, at, c->end)) != NULL;) {
		/* Before the area is changed, for it may be merged and freed. */
		at = vma->vm_end;
		if (!(vma->vm_flags & VM_UFFD_FLAGS))
			continue;
		causes_touch(s, vma->vm_start - (vma->vm_start != 0), vma->vm_end + 1);
		/* What it is joined with is to be looked at no more. */
		(void)!mm_userfaultfd(
			&s->mm, vma->vm_start, vma->vm_end - vma->vm_start, NULL, MM_UFFD_WP_ASYNC);
	}
}

/*
 * An event that looks at an address space, or changes it. A MAP that checks takes over what differs, and
 * asks for the copies itself before (take_over()).
 */
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
		/*
		 * Events of a space that has not begun are passed over: its first ones were lost, or
		 * another's number is meant.
		 */
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
	(void)!mm_system_set_page_shift(sys, (unsigned int)ffs((int)h->page_size) - 1);
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
	mt_init_flags(&r->refusing, 0);
	return r;
}

struct trace_sink *replay_sink(struct replay *r)
{
	return &r->sink;
}

/* errno 0 with NULL: there is none. */
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

/*
 * As it is: of a fork's child that nothing has asked for yet it is an mm without areas (copies.c); events
 * of that space make them.
 */
struct mm_struct *replay_space(struct replay *r, uint32_t mm)
{
	struct space *s = find_space(r, mm);

	return s ? &s->mm : NULL;
}

uint32_t replay_space_number(struct replay *r, const struct mm_struct *mm)
{
	return ((const struct space *)mm->owner)->id;
}

/* SP3 of spaces.c: what has ended is in r->stats, what lives is added here, to the copy. */
void replay_statistics(struct replay *r, struct replay_stats *stats)
{
	uint32_t first = space_of_process(r, r->first_pid);
	struct space *s;
	unsigned long id = 0;

	*stats = r->stats;
	mt_for_each (&r->spaces, s, id, ULONG_MAX) {
		stats_add(stats, &s->mm.counters);
		if (first == s->id)
			stats_note_final(stats, s);
	}
}

void replay_free(struct replay *r)
{
	struct space *s;
	unsigned long id = 0;

	mt_for_each (&r->spaces, s, id, ULONG_MAX)
		space_free(s);
	vm_file_put(r->pending);
	mtree_destroy(&r->spaces);
	mtree_destroy(&r->processes);
	mtree_destroy(&r->refusing);
	mtree_destroy(&r->files);
	free(r);
}
