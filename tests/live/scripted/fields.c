/* SPDX-License-Identifier: MIT */
/*
 * Every field of an event, in parentheses behind its word (run.c): who made it first, PID/TID:MM.  Numbers that are places or
 * pages are as scripts write them; what is 0, false or empty is left out, so that what is told too much shows; so is
 * where a call was made, when it is SCR_TEXT.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scripted.h"

struct text {
	char *at;
	size_t size;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
	size_t n = strlen(t->at);
	va_list args;

	va_start(args, format);
	vsnprintf(t->at + n, t->size - n, format, args);
	va_end(args);
}

static void put_number(struct text *t, const char *name, uint64_t n)
{
	char word[32];

	if (n)
		put(t, " %s%s", name, scr_place((int64_t)n, word));
}

static void put_true(struct text *t, const char *name, bool is)
{
	if (is)
		put(t, " %s", name);
}

static void file_fields(struct text *t, const struct trace_file *f)
{
	put(t, " %s open%u ino%" PRIu64 " dev%" PRIu64 ":%" PRIu64, *f->path ? f->path : "-", f->open_flags,
		f->ino, f->dev >> 32, f->dev & 0xffffffff);
	put_true(t, "anonymous", f->anonymous);
	put_true(t, "noexec", f->noexec);
	put_true(t, "close", f->has_close);
	put_number(t, "flags", f->vm_flags);
	put_number(t, "off", f->vm_flags_off);
	put_number(t, "align", f->map_align);
}

static void call_fields(struct text *t, const struct trace_call *c)
{
	char word[32];
	int nr = 6;

	while (nr && !c->args[nr - 1])
		nr--;
	for (int i = 0; i < nr; i++)
		put(t, " %s", scr_place((int64_t)c->args[i], word));
	put_number(t, "file", c->file);
	put_number(t, "data", c->data_len);
	put_number(t, "stack", c->stack);
	put_number(t, "abi", c->abi);
	put_true(t, "unordered", c->unordered);
	if (c->ip != SCR_TEXT)
		put(t, " from%#" PRIx64, c->ip);
}

static void map_fields(struct text *t, const struct trace_map *m)
{
	char from[32], to[32];

	if (m->hi != UINT64_MAX)
		put(t, " %s..%s", scr_place((int64_t)m->lo, from), scr_place((int64_t)m->hi, to));
	put_true(t, "flags", m->has_vm_flags);
	put_true(t, "names", m->has_names);
	put_true(t, "beside", m->beside);
	for (uint32_t i = 0; i < m->count; i++) {
		const struct trace_area *a = &m->areas[i];

		put(t, " %s..%s%c%c%c%c", scr_place((int64_t)a->start, from), scr_place((int64_t)a->end, to),
			a->prot & 1 ? 'r' : '-', a->prot & 2 ? 'w' : '-', a->prot & 4 ? 'x' : '-',
			a->shared ? 's' : 'p');
		if (a->ino)
			put(t, "+%s@%" PRIu64, scr_place((int64_t)a->offset, from), a->ino);
	}
}

static void fault_fields(struct text *t, const struct trace_fault *f)
{
	put_true(t, "write", f->write);
	put_true(t, "known", f->write_known);
	put_true(t, "kernel", f->kernel);
	put_true(t, "ambiguous", f->ambiguous);
	put_true(t, "apart", f->apart);
}

static void space_fields(struct text *t, const struct trace_space *s)
{
	const uint64_t places[] = { s->start_brk, s->brk, s->start_stack, s->mmap_base, s->task_size };
	static const char *const names[] = {
		"start_brk=", "brk=", "start_stack=", "mmap_base=", "task_size="
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		put_number(t, names[i], places[i]);
	put_true(t, "topdown", s->topdown);
	for (int i = 0; i < TRACE_LIMIT_COUNT; i++)
		put(t, " %#" PRIx64, s->limits[i]);
}

void scr_fields(char *to, size_t size, const struct trace_event *e)
{
	struct text t = { to, size };

	put(&t, "(%u/%u:%u", e->pid, e->tid, e->mm);
	switch (e->type) {
	case TRACE_EVENT_FILE:
		file_fields(&t, &e->file);
		break;
	case TRACE_EVENT_CALL:
		call_fields(&t, &e->call);
		break;
	case TRACE_EVENT_MAP:
		if (e->map.reason != TRACE_MAP_BEGIN)
			map_fields(&t, &e->map);
		break;
	case TRACE_EVENT_FAULT:
		fault_fields(&t, &e->fault);
		break;
	case TRACE_EVENT_FORK:
		put(&t, " %u:%u", e->fork.child_pid, e->fork.child_mm);
		break;
	case TRACE_EVENT_TASK:
		put(&t, " of %u", e->task.parent_tid);
		break;
	case TRACE_EVENT_EXIT:
		put(&t, " %#x", (unsigned int)e->exit.status);
		break;
	case TRACE_EVENT_LIMIT:
		put(&t, " %#" PRIx64, e->limit.value);
		break;
	case TRACE_EVENT_CHANGE:
		put_number(&t, "", e->change.start);
		put_number(&t, "", e->change.end);
		break;
	case TRACE_EVENT_SPACE:
		space_fields(&t, &e->space);
		break;
	default:
		break;
	}
	put(&t, ")");
}
