/* SPDX-License-Identifier: MIT */
/*
 * Events and bytes: theory of operation
 *
 * 1. One description.  do_X() names the members of X in the order of the file, and serves both directions: what a member is
 *    asked for depends on c->writing alone.  So what is written can be read, and a member that is forgotten is so in both.
 * 2. Versions.  A member that came with a later version stands behind those of its struct, under a condition on c->version; where
 *    it is absent its value is what that older recorder meant, 0 or what is set beside the condition.
 * 3. Reading trusts nothing.  A list grows by what has been read, never by the count that precedes it, so that a few bytes
 *    cannot ask for much memory; areas are checked as they come (check.h); a failure leaves the rest undone, and the caller
 *    looks once, at the end.
 * 4. Lives.  Strings and bytes of an event that was read are in the block; areas, anon_vmas and frames in the codec, until
 *    the next event of their kind.
 *
 * 5. Order of checks.  Bytes first (lengths, ends of strings, ranges of integers), as they are read; then
 *    areas, one by one; then, when the event is whole, its sense (check_event(), by the reader).  So a check
 *    never meets half an event.
 */
#include "values.h"

#include "check.h"

#include <stddef.h>

/*
 * Reading, h->version is looked at by the caller before anything else: of a newer one the rest is noise,
 * and failed may be set.
 */
void codec_header(struct codec *c, struct trace_header *h)
{
	do_u32(c, &h->version);
	c->version = h->version;
	do_u32(c, &h->fault_source);
	do_u32(c, &h->page_size);
	c->page_size = h->page_size;
	do_u64(c, &h->start_time);
	do_u64(c, &h->max_map_count);
	do_u64(c, &h->mmap_min_addr);
	do_u32(c, &h->overcommit_memory);
	do_u32(c, &h->overcommit_ratio);
	do_u64(c, &h->total_ram);
	do_u64(c, &h->total_swap);
	do_u32(c, &h->stack_guard_gap);
	do_u32(c, &h->thp_enabled);
	do_bool(c, &h->pkeys);
	if (h->version >= 2) {
		do_bool(c, &h->no_zero_page);
		do_u64(c, &h->dac_mmap_min_addr);
	} else if (!c->writing) {
		/* An older recorder told one bound: it stands for both. */
		h->dac_mmap_min_addr = h->mmap_min_addr;
	}
	if (h->version >= 5) {
		do_bool(c, &h->branch_targets);
		do_bool(c, &h->memory_tags);
	}
	do_string(c, &h->kernel);
	do_string(c, &h->machine);
	do_string(c, &h->command);
}

/* Flags and access are Linux's numbers, alignment in bytes; nothing here came later than version 1. */
static void do_file(struct codec *c, struct trace_file *f)
{
	do_u32(c, &f->id);
	do_u32(c, &f->kind);
	do_u64(c, &f->dev);
	do_u64(c, &f->ino);
	do_u32(c, &f->open_flags);
	do_bool(c, &f->anonymous);
	do_bool(c, &f->noexec);
	do_bool(c, &f->has_close);
	do_u64(c, &f->vm_flags);
	do_u64(c, &f->vm_flags_off);
	do_u64(c, &f->map_align);
	do_string(c, &f->path);
}

/* Version 1 has none of RLIMIT_DATA's hard limit. A limit that was not asked for is none. */
static void do_limits(struct codec *c, uint64_t limits[TRACE_LIMIT_COUNT])
{
	int n = c->version >= 2 ? TRACE_LIMIT_COUNT : TRACE_LIMIT_DATA_HARD;

	for (int i = 0; i < n; i++)
		do_u64(c, &limits[i]);
	if (!c->writing && n < TRACE_LIMIT_COUNT)
		limits[TRACE_LIMIT_DATA_HARD] = UINT64_MAX;
}

/* The order of the fields is the file's, not the struct's. */
static void do_space(struct codec *c, struct trace_space *s)
{
	do_bool(c, &s->attached);
	do_limits(c, s->limits);
	do_u64(c, &s->start_code);
	do_u64(c, &s->end_code);
	do_u64(c, &s->start_data);
	do_u64(c, &s->end_data);
	do_u64(c, &s->start_brk);
	do_u64(c, &s->brk);
	do_u64(c, &s->start_stack);
	do_u64(c, &s->arg_start);
	do_u64(c, &s->arg_end);
	do_u64(c, &s->env_start);
	do_u64(c, &s->env_end);
	do_u64(c, &s->mmap_base);
	do_bool(c, &s->topdown);
	do_u64(c, &s->task_size);
	do_string(c, &s->path);
}

/* The five numbers are one run in the struct, so that they are written by one call. */
static void do_area(struct codec *c, struct trace_area *a)
{
	_Static_assert(
		offsetof(struct trace_area, ino) == 4 * sizeof(uint64_t), "start, end, offset, dev, ino");
	do_u64s(c, &a->start, 5);
	do_u32(c, &a->prot);
	do_bool(c, &a->shared);
	do_u64(c, &a->vm_flags);
	do_bool(c, &a->touched);
	do_string(c, &a->name);
}

/*
 * Room for one more of @size bytes behind @have; a count is not believed before what it counts is there.
 * False: failed is set, and no_memory tells why. The list stays as it was, and is freed by codec_free().
 */
static bool room(struct codec *c, void **list, uint32_t *allocated, uint32_t have, size_t size)
{
	uint32_t want = have ? have * 2 : 64;
	void *grown;

	if (have < *allocated)
		return true;
	grown = realloc(*list, want * size);
	if (!grown) {
		c->no_memory = true;
		fail(c);
		return false;
	}
	*list = grown;
	*allocated = want;
	return true;
}

static bool area_room(struct codec *c, uint32_t have)
{
	return room(c, (void **)&c->areas, &c->areas_allocated, have, sizeof(*c->areas));
}

/*
 * Strings of areas stay in the block: a block holds the whole event, however many areas it has. m->count
 * stays as read: a failure makes the event void, so nobody goes through it.
 */
static void read_areas(struct codec *c, struct trace_map *m)
{
	/* Of events without a header nobody knows: no page is smaller. */
	uint32_t page_size = c->page_size ? c->page_size : TRACE_PAGE_SIZE_MIN;

	for (uint32_t i = 0; i < m->count && !c->failed && area_room(c, i); i++) {
		do_area(c, &c->areas[i]);
		c->wrong =
			c->failed ? NULL : check_area(&c->areas[i], i ? &c->areas[i - 1] : NULL, page_size);
		c->failed |= c->wrong != NULL;
	}
	m->areas = c->areas;
}

/* The cast takes const away from the writer's areas, which writing does not change. */
static void do_map(struct codec *c, struct trace_map *m)
{
	do_u32(c, &m->reason);
	do_u64(c, &m->lo);
	do_u64(c, &m->hi);
	do_bool(c, &m->has_vm_flags);
	do_bool(c, &m->has_names);
	if (c->version >= 6)
		do_bool(c, &m->beside);
	do_u32(c, &m->count);
	if (!c->writing)
		read_areas(c, m);
	for (uint32_t i = 0; c->writing && i < m->count && !c->failed; i++)
		do_area(c, (struct trace_area *)&m->areas[i]);
}

/* data: any bytes, of a length that check_call() bounds. */
static void do_call(struct codec *c, struct trace_call *call)
{
	do_u32(c, &call->nr);
	do_u64s(c, call->args, 6);
	do_i64(c, &call->result);
	do_u32(c, &call->file);
	do_u64(c, &call->ip);
	do_u64(c, &call->sp);
	do_bytes(c, &call->data, &call->data_len);
	if (c->version >= 2)
		do_u32(c, &call->stack);
	if (c->version >= 3)
		do_u32(c, &call->abi);
	if (c->version >= 6)
		do_bool(c, &call->unordered);
}

/* A build-id's length is bounded by check_module(). */
static void do_module(struct codec *c, struct trace_module *m)
{
	do_u64(c, &m->start);
	do_u64(c, &m->end);
	do_u64(c, &m->offset);
	do_bool(c, &m->has_bias);
	do_u64(c, &m->bias);
	do_bytes(c, &m->build_id, &m->build_id_len);
	do_string(c, &m->path);
}

/*
 * Frames of one library are near each other: differences from the frame before.
 *
 * The differences wrap as they should: both sides are unsigned and 64 bits wide. frames are the codec's
 * when read.
 */
static void do_stack(struct codec *c, struct trace_stack *s)
{
	uint64_t before = 0;

	do_u32(c, &s->id);
	do_u32(c, &s->end);
	do_u32(c, &s->count);
	if (s->count > TRACE_STACK_FRAMES) {
		c->wrong = "a stack with more frames than any has";
		fail(c);
	}
	for (uint32_t i = 0; i < s->count && !c->failed; i++) {
		int64_t step = c->writing ? (int64_t)(s->frames[i] - before) : 0;

		do_i64(c, &step);
		before += (uint64_t)step;
		if (!c->writing)
			c->frames[i] = before;
	}
	if (!c->writing)
		s->frames = c->frames;
}

/*
 * Areas ascend: differences from the start of the one before.
 *
 * step is unsigned: areas that do not ascend make a large one, which check_anon() finds.
 */
static void do_anon(struct codec *c, struct trace_anon *a)
{
	uint64_t before = 0;

	do_u32(c, &a->count);
	for (uint32_t i = 0; i < a->count && !c->failed; i++) {
		struct trace_anon_area area = { 0 };
		uint64_t step;

		if (c->writing)
			area = a->areas[i];
		else if (!room(c, (void **)&c->anons, &c->anons_allocated, i, sizeof(*c->anons)))
			return;
		step = area.start - before;
		do_u64(c, &step);
		before = area.start = before + step;
		do_u32(c, &area.anon_vma);
		do_u32(c, &area.root);
		if (!c->writing)
			c->anons[i] = area;
	}
	if (!c->writing)
		a->areas = c->anons;
}

/* apart is absent, and so false, before version 6. */
static void do_fault(struct codec *c, struct trace_fault *f)
{
	do_u64(c, &f->addr);
	do_bool(c, &f->write);
	do_bool(c, &f->write_known);
	do_bool(c, &f->kernel);
	do_bool(c, &f->ambiguous);
	if (c->version >= 6)
		do_bool(c, &f->apart);
}

static void do_code(struct codec *c, struct trace_code *code)
{
	do_u64(c, &code->start);
	do_u64(c, &code->end);
	do_string(c, &code->name);
}

/* An unknown type fails: a reader of this version knows all that a writer of it can make. */
static void do_body(struct codec *c, struct trace_event *e)
{
	switch (e->type) {
	case TRACE_EVENT_FILE:
		do_file(c, &e->file);
		break;
	case TRACE_EVENT_SPACE:
		do_space(c, &e->space);
		break;
	case TRACE_EVENT_MAP:
		do_map(c, &e->map);
		break;
	case TRACE_EVENT_CALL:
		do_call(c, &e->call);
		break;
	case TRACE_EVENT_FAULT:
		do_fault(c, &e->fault);
		break;
	case TRACE_EVENT_FORK:
		do_u32(c, &e->fork.child_pid);
		do_u32(c, &e->fork.child_mm);
		break;
	case TRACE_EVENT_TASK:
		do_u32(c, &e->task.parent_tid);
		do_bool(c, &e->task.thread);
		break;
	case TRACE_EVENT_EXIT:
		do_i32(c, &e->exit.status);
		do_bool(c, &e->exit.last);
		do_bool(c, &e->exit.exec);
		break;
	case TRACE_EVENT_LIMIT:
		do_u32(c, &e->limit.limit);
		do_u64(c, &e->limit.value);
		break;
	case TRACE_EVENT_LOST:
		do_u64(c, &e->lost.count);
		do_string(c, &e->lost.what);
		break;
	case TRACE_EVENT_MODULE:
		do_module(c, &e->module);
		break;
	case TRACE_EVENT_STACK:
		do_stack(c, &e->stack);
		break;
	case TRACE_EVENT_CHANGE:
		do_u32(c, &e->change.what);
		do_u64(c, &e->change.start);
		do_u64(c, &e->change.end);
		break;
	case TRACE_EVENT_ANON:
		do_anon(c, &e->anon);
		break;
	case TRACE_EVENT_NAME:
		do_string(c, &e->name.name);
		break;
	case TRACE_EVENT_CODE:
		do_code(c, &e->code);
		break;
	default:
		fail(c);
	}
}

/*
 * A failure while writing leaves a part of the event in the block: the writer writes no block after it.
 *
 * @e is changed in writing, too (step and time are put together again to the same values), so writers
 * pass a copy.
 */
bool codec_event(struct codec *c, struct trace_event *e)
{
	/*
	 * Unsigned, and so are the sums below: a time that goes back a little is a large difference that
	 * wraps to the right value, in ten bytes.
	 */
	uint64_t step = e->step - c->last_step, time = e->time_ns - c->last_time;

	if (!c->writing && c->pos == c->end)
		return false;
	if (!c->writing)
		memset(e, 0, sizeof(*e));
	do_u32(c, &e->type);
	do_u64(c, &step);
	do_u64(c, &time);
	c->last_step = e->step = c->last_step + step;
	c->last_time = e->time_ns = c->last_time + time;
	do_u32(c, &e->pid);
	do_u32(c, &e->tid);
	do_u32(c, &e->mm);
	do_body(c, e);
	return !c->failed;
}

/*
 * So each block can be read without those before it, but for what check.h remembers. Reading, the caller
 * sets end; writing, it is what is allocated and stays.
 */
void codec_begin_block(struct codec *c)
{
	c->pos = 0;
	c->last_step = c->last_time = 0;
}

void codec_free(struct codec *c)
{
	free(c->buf);
	free(c->areas);
	free(c->anons);
}
