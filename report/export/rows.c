/* SPDX-License-Identifier: MIT */
/* Rows, each with its columns in the order of schema.c. */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *prot_text(unsigned int prot, char buf[4])
{
	snprintf(buf, 4, "%c%c%c", prot & 1 ? 'r' : '-', prot & 2 ? 'w' : '-', prot & 4 ? 'x' : '-');
	return buf;
}

static const char *reasons_text(uint32_t reasons, char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (int i = 0; i < EXPLAIN_REASONS; i++)
		if (reasons >> i & 1 && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "+" : "",
				explain_reason_key((enum explain_reason)(1u << i)));
	return buf;
}

static const char *const event_types[] = { [TRACE_EVENT_FILE] = "file",
	[TRACE_EVENT_SPACE] = "space",
	[TRACE_EVENT_MAP] = "map",
	[TRACE_EVENT_CALL] = "call",
	[TRACE_EVENT_FAULT] = "fault",
	[TRACE_EVENT_FORK] = "fork",
	[TRACE_EVENT_TASK] = "task",
	[TRACE_EVENT_EXIT] = "exit",
	[TRACE_EVENT_LIMIT] = "limit",
	[TRACE_EVENT_LOST] = "lost",
	[TRACE_EVENT_CHANGE] = "change",
	[TRACE_EVENT_ANON] = "anon",
	[TRACE_EVENT_NAME] = "name" };

static const char *type_name(uint32_t type)
{
	return type < sizeof(event_types) / sizeof(event_types[0]) ? event_types[type] : NULL;
}

void row_of_run(struct export *x)
{
	const struct trace_header *h = x->run->header;
	const struct survey *s = x->survey;

	row_begin(x);
	row_text(x, h->command);
	row_text(x, h->machine);
	row_text(x, s->program);
	row_integer(x, h->start_time);
	row_integer(x, s->end_ns - s->begin_ns);
	row_integer(x, h->page_size);
	row_integer(x, h->max_map_count);
	row_integer(x, s->steps);
	row_integer(x, s->spaces);
	row_integer(x, s->largest ? s->largest->mm : 0);
	row_text(x, VMAPLE_VERSION);
	row_end(x, EXPORT_RUNS);
}

void row_of_space(struct export *x, struct export_space *s)
{
	row_begin(x);
	row_integer(x, s->mm);
	row_integer(x, s->pid);
	row_text(x, s->program);
	s->parent_mm ? row_integer(x, s->parent_mm) : row_null(x);
	row_integer(x, s->begin_step);
	row_integer(x, s->begin_ns);
	row_integer(x, s->end_step);
	row_integer(x, s->end_ns);
	row_integer(x, s->lives.calls);
	row_integer(x, s->failed);
	row_integer(x, s->faults);
	row_integer(x, s->survey ? s->survey->peak_areas : 0);
	row_integer(x, s->survey ? s->survey->peak_step : 0);
	row_integer(x, s->survey ? s->survey->peak_ns : 0);
	row_integer(x, s->areas);
	row_integer(x, s->splits);
	row_integer(x, s->merges);
	row_end(x, EXPORT_SPACES);
}

/* ---- events ---- */

static const char *event_text(const struct trace_event *e, char *buf, size_t size)
{
	static const char *const maps[] = { "begins with", "seen:", "goes on with" };

	switch (e->type) {
	case TRACE_EVENT_CALL:
		return trace_call_text(&e->call, buf, size);
	case TRACE_EVENT_FAULT:
		snprintf(buf, size, "%s%s at %#llx", e->fault.kernel ? "the kernel's " : "",
			e->fault.write ? "write" : "read", (unsigned long long)e->fault.addr);
		return buf;
	case TRACE_EVENT_FORK:
		snprintf(buf, size, "child %u", e->fork.child_pid);
		return buf;
	case TRACE_EVENT_TASK:
		snprintf(buf, size, "%s of %u", e->task.thread ? "thread" : "shares the space",
			e->task.parent_tid);
		return buf;
	case TRACE_EVENT_EXIT:
		snprintf(buf, size, "%s%s", e->exit.exec ? "exec" : "ended",
			e->exit.last ? ", the last of its address space" : "");
		return buf;
	case TRACE_EVENT_MAP:
		snprintf(
			buf, size, "%s %u areas", e->map.reason < 3 ? maps[e->map.reason] : "", e->map.count);
		return buf;
	case TRACE_EVENT_LIMIT:
		snprintf(buf, size, "limit %u is %llu", e->limit.limit, (unsigned long long)e->limit.value);
		return buf;
	case TRACE_EVENT_CHANGE:
		snprintf(buf, size, "userfaultfd closed over %#llx-%#llx",
			(unsigned long long)e->change.start, (unsigned long long)e->change.end);
		return buf;
	case TRACE_EVENT_ANON:
		snprintf(buf, size, "%u areas with an anon_vma", e->anon.count);
		return buf;
	case TRACE_EVENT_NAME:
		return e->name.name;
	case TRACE_EVENT_SPACE:
		return e->space.path;
	case TRACE_EVENT_LOST:
		return e->lost.what;
	case TRACE_EVENT_FILE:
		return e->file.path;
	default:
		return "";
	}
}

static void call_columns(struct export *x, const struct trace_call *c)
{
	int64_t result = c->result;

	row_text(x, trace_call_name(c->nr));
	for (int i = 0; i < 6; i++)
		row_integer(x, c->args[i]);
	row_integer(x, (uint64_t)result);
	row_text(x, result >= 0 || result < -4095   ? NULL
		    : result == -TRACE_ERROR_UNSEEN ? "not known"
						    : trace_error_name((int)-result));
	row_integer(x, c->ip);
	row_integer(x, c->stack);
}

static void other_columns(struct export *x, const struct trace_event *e)
{
	row_null(x);
	if (e->type == TRACE_EVENT_FAULT)
		row_integer(x, e->fault.addr);
	else if (e->type == TRACE_EVENT_FORK)
		row_integer(x, e->fork.child_pid);
	else if (e->type == TRACE_EVENT_FILE)
		row_integer(x, e->file.id);
	else
		row_null(x);
	e->type == TRACE_EVENT_FORK ? row_integer(x, e->fork.child_mm) : row_null(x);
	for (int i = 0; i < 6; i++)
		row_null(x);
	row_integer(x, 0);
	row_integer(x, 0);
}

void row_of_event(struct export *x, struct explain *ledger, const struct trace_event *e)
{
	struct mm_struct *mm = e->mm ? replay_space(explain_replay(ledger), e->mm) : NULL;
	char text[512];

	if (!type_name(e->type))
		return;
	row_begin(x);
	row_integer(x, e->step);
	row_integer(x, e->time_ns);
	row_text(x, type_name(e->type));
	row_integer(x, e->pid);
	row_integer(x, e->tid);
	row_integer(x, e->mm);
	if (e->type == TRACE_EVENT_CALL)
		call_columns(x, &e->call);
	else
		other_columns(x, e);
	row_text(x, event_text(e, text, sizeof(text)));
	mm ? row_integer(x, (uint64_t)mm->map_count) : row_null(x);
	mm ? row_integer(x, mm->total_vm << mm->sys->page_shift) : row_null(x);
	row_end(x, EXPORT_EVENTS);
}

/* ---- areas and boundaries ---- */

static void birth_columns(struct export *x, const struct life_birth *birth, uint32_t reasons, bool needless,
	char *buf, size_t size)
{
	row_text(x, reasons_text(reasons, buf, size));
	row_integer(x, needless);
	row_text(x, birth->type ? type_name(birth->type) : NULL);
	row_text(x, life_birth_call(birth));
	row_text(x, birth->site ? birth->site->module : NULL);
	birth->site ? row_integer(x, birth->site->offset) : row_null(x);
	row_integer(x, birth->stack);
}

void row_of_life(struct export *x, struct export_space *s, const struct life *life)
{
	char prot[4], reasons[512];

	if (x->err)
		return;
	rows_of_stack(x, s, life->birth.stack);
	row_begin(x);
	row_integer(x, s->mm);
	row_integer(x, s->pid);
	row_integer(x, life->start);
	row_integer(x, life->end);
	row_integer(x, life->end - life->start);
	row_text(x, report_kind_names[life->kind]);
	row_text(x, prot_text(life->prot, prot));
	row_integer(x, life->shared);
	row_text(x, life->name < x->names.count ? x->names.word[life->name] : "");
	row_integer(x, life->born_step);
	row_integer(x, life->born_ns);
	row_integer(x, life->ended_step);
	row_integer(x, life->ended_ns);
	row_integer(x, life->ended_ns - life->born_ns);
	row_integer(x, x->ending);
	birth_columns(x, &life->birth, life->reasons, life->needless, reasons, sizeof(reasons));
	row_end(x, EXPORT_AREAS);
}

static void row_of_boundary(struct export *x, struct export_space *s, const struct vm_area_struct *vma)
{
	const struct code code = { .symbols = x->symbols, .mm = s->mm, .pid = s->pid };
	char name[4096], prot[4], text[512], reasons[512];
	struct life_birth birth;
	struct explain_boundary b;

	explain_boundary(vma, &b);
	birth = life_birth_of(b.birth);
	rows_of_stack(x, s, birth.stack);
	row_begin(x);
	row_integer(x, s->mm);
	row_integer(x, s->pid);
	row_integer(x, s->survey->peak_step);
	row_integer(x, s->survey->peak_ns);
	row_integer(x, vma->vm_start);
	row_integer(x, vma->vm_end);
	row_integer(x, vma->vm_end - vma->vm_start);
	b.left ? row_integer(x, b.left->vm_start) : row_null(x);
	row_text(x, report_kind_names[report_kind_of(vma)]);
	row_text(x, prot_text((vma->vm_flags & VM_READ ? 1u : 0) | (vma->vm_flags & VM_WRITE ? 2u : 0) |
				      (vma->vm_flags & VM_EXEC ? 4u : 0),
			    prot));
	row_text(x, vma_name(vma, name, sizeof(name)));
	birth.type ? row_integer(x, birth.step) : row_null(x);
	birth.type ? row_integer(x, birth.time_ns) : row_null(x);
	row_text(x, life_birth_text(x->symbols ? &code : NULL, &birth, text, sizeof(text)));
	birth_columns(x, &birth, b.main_reasons, b.needless, reasons, sizeof(reasons));
	row_end(x, EXPORT_BOUNDARIES);
}

void rows_of_boundaries(struct export *x, struct export_space *s, struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma)
		row_of_boundary(x, s, vma);
}

/* ---- numbers over time ---- */

void row_of_counts(struct export *x, const struct export_space *s, uint64_t step, uint64_t ns)
{
	struct mm_struct *mm = s->lives.mm;
	uint64_t end = 0, ranges = 0, largest = 0;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma) {
		uint64_t start = vma->vm_start < mm->task_size ? vma->vm_start : mm->task_size;

		ranges += start > end;
		largest = start > end && start - end > largest ? start - end : largest;
		end = vma->vm_end;
	}
	ranges += mm->task_size > end;
	largest = mm->task_size > end && mm->task_size - end > largest ? mm->task_size - end : largest;
	row_begin(x);
	row_integer(x, s->mm);
	row_integer(x, s->pid);
	row_integer(x, step);
	row_integer(x, ns);
	row_integer(x, s->most);
	row_integer(x, mm->total_vm << mm->sys->page_shift);
	row_integer(x, s->lives.calls);
	row_integer(x, s->splits);
	row_integer(x, s->merges);
	row_integer(x, ranges);
	row_integer(x, largest);
	row_end(x, EXPORT_COUNTS);
}
