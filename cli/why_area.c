/* SPDX-License-Identifier: MIT */
/*
 * vmaple why FILE ADDR [ADDR]: the life of an area, and each neighbour: one or two, and why.
 *
 * What is shown of an area is of two kinds: its life (why_history.c: what happened at the address, as it
 * happened) and its boundaries as they are now, with the ledger's reasons and cures. Everything is of one
 * moment, so pointers to areas stay good while it is printed.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "why.h"

/*
 * Boundaries between two addresses that are shown. Also in JSON, which has the number of all beside it.
 */
#define BETWEEN_SHOWN 8

/* As a line of maps has it, without offset and file numbers. */
static void area_text(const struct vm_area_struct *vma, char *buf, size_t size)
{
	char bytes[32], own[256];
	const char *name = vma_name(vma, own, sizeof(own));

	snprintf(buf, size, "%lx-%lx %c%c%c%c %s, %s", vma->vm_start, vma->vm_end,
		vma->vm_flags & VM_READ ? 'r' : '-', vma->vm_flags & VM_WRITE ? 'w' : '-',
		vma->vm_flags & VM_EXEC ? 'x' : '-', vma->vm_flags & VM_MAYSHARE ? 's' : 'p',
		size_text(vma->vm_end - vma->vm_start, bytes, sizeof(bytes)),
		*name ? name : "anonymous memory");
}

/* A call has its thread, by the name that it had then, and its place; other events have neither. */
static void print_entry(
	const struct history_entry *h, const struct code *code, const struct trace_header *header)
{
	/* Sizes are of one line each: what does not fit is cut, never overrun. */
	char lead[64], clock[16], event[320], where[160], text[800], stack[2048], times[80] = "";

	explain_event_text(&h->event, event, sizeof(event));
	if (h->times > 1)
		snprintf(times, sizeof(times), " %" PRIu64 " times until step %" PRIu64 ", first", h->times,
			h->last_step);
	snprintf(text, sizeof(text), "%s%s: %s", h->what, times, event);
	/* By number and step: a task may be renamed, and its number used again. */
	if (h->event.type == TRACE_EVENT_CALL) {
		const char *name = symbols_task(code->symbols, h->event.tid, h->event.step);
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, ", by thread %u%s%s%s at %s", h->event.tid,
			name ? " (" : "", name ? name : "", name ? ")" : "",
			place_text(code, h->event.site, h->event.stack, where, sizeof(where)));
	}
	clock_text(header, h->event.time_ns, clock, sizeof(clock));
	snprintf(lead, sizeof(lead), "  %11.6f s  %s%s", (double)h->event.time_ns / 1e9, clock,
		*clock ? "  " : "");
	print_wrapped(lead, text);
	if (*stack_text(code, h->event.stack, stack, sizeof(stack)))
		print_wrapped("                 by ", stack);
}

/*
 * When the clock began that the steps have, as far as it is known. In the time zone of who looks. A
 * recording without a time of its own (an import) gets none.
 */
static void print_title(const struct trace_header *h)
{
	time_t at = (time_t)h->start_time;
	struct tm tm;
	char text[64];

	if (at && localtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		printf("\nits life (the recording began at %s):\n", text);
	else
		printf("\nits life:\n");
}

/* i counts entries, kept or not; entry i of those kept lies as why.h says. */
static void print_history(const struct history *h, const struct code *code, const struct trace_header *header)
{
	uint64_t kept = HISTORY_FIRST + HISTORY_LAST, skipped = h->total > kept ? h->total - kept : 0;

	print_title(header);
	for (uint64_t i = 0; i < h->total; i++) {
		if (i == HISTORY_FIRST && skipped) {
			printf("  ... %" PRIu64 " more ...\n", skipped);
			i += skipped;
		}
		print_entry(i < HISTORY_FIRST ? &h->first[i] : &h->last[(i - HISTORY_FIRST) % HISTORY_LAST],
			code, header);
	}
}

/*
 * @follows: not one of the main reasons, it would go with those; what undoes them is no cure for it.
 *
 * Exactly one bit in @reason. A cure is what would have let them join as far as this reason goes.
 */
static void print_reason(const struct explain_boundary *b, uint32_t reason, bool follows)
{
	char text[2048], line[2100];

	/* Of two files, or of a file and none, its sentence would not be true. */
	if (follows && reason == EXPLAIN_OFFSET && b->reasons & EXPLAIN_FILE)
		return;
	snprintf(line, sizeof(line), "%s%s",
		explain_reason_text(b, (enum explain_reason)reason, text, sizeof(text)),
		follows ? " (That follows from the others.)" : "");
	print_wrapped("  - ", line);
	if (!follows)
		print_wrapped("    to join: ",
			explain_cure_text(b, (enum explain_reason)reason, text, sizeof(text)));
}

/* EXPLAIN_GAP alone is a hole; b->left is NULL below the lowest area. */
static void print_boundary(const struct explain_boundary *b, const char *title)
{
	char text[512], line[1024];

	printf("\n");
	if (!b->left) {
		printf("%s: nothing\n", title);
		return;
	}
	snprintf(line, sizeof(line), "%s, at %lx: two areas", title, b->right->vm_start);
	/* A hole is a reason of its own: of two areas that do not touch nothing else is asked. */
	if (b->reasons == EXPLAIN_GAP) {
		snprintf(line, sizeof(line), "%s: a hole of %s", title,
			size_text(b->right->vm_start - b->left->vm_end, text, sizeof(text)));
		print_wrapped("", line);
		return;
	}
	print_wrapped("", line);
	area_text(b->left, text, sizeof(text));
	print_wrapped("  left   ", text);
	area_text(b->right, text, sizeof(text));
	print_wrapped("  right  ", text);
	print_wrapped("  born   ", explain_event_text(b->birth, text, sizeof(text)));
	for (int i = 0; i < EXPLAIN_REASONS; i++)
		if (b->reasons >> i & 1)
			print_reason(b, 1U << i, !(b->main_reasons >> i & 1));
	if (b->needless)
		print_wrapped("  ", "They need not be two: the program asked for no difference.");
}

/* Events of its life are null where they never happened. docs/json.md has all keys. */
static json_t *area_json(const struct vm_area_struct *vma)
{
	const struct explain_life *l = explain_life(vma);
	char access[5] = { vma->vm_flags & VM_READ ? 'r' : '-', vma->vm_flags & VM_WRITE ? 'w' : '-',
		vma->vm_flags & VM_EXEC ? 'x' : '-', vma->vm_flags & VM_MAYSHARE ? 's' : 'p', '\0' };

	return json_pack("{s:I, s:I, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"start", (json_int_t)vma->vm_start, "end", (json_int_t)vma->vm_end, "access", access,
		"vm_flags", (json_int_t)vma->vm_flags, "file",
		vma->vm_file ? json_text(vma->vm_file->name) : json_null(), "name",
		vma->anon_name ? json_text(vma->anon_name->name) : json_null(), "made", event_json(l->made),
		"low", event_json(l->low), "high", event_json(l->high), "grown", event_json(l->grown), "prot",
		event_json(l->prot), "flags", event_json(l->flags), "written", event_json(l->written),
		"inherited", event_json(l->inherited), "moved", event_json(l->moved), "named",
		event_json(l->named));
}

/* All reasons, `main` telling those that count; texts are those of the terminal. */
static json_t *boundary_json(const struct explain_boundary *b)
{
	json_t *reasons = json_array();
	char text[2048], cure[512];

	for (int i = 0; i < EXPLAIN_REASONS; i++) {
		enum explain_reason reason = (enum explain_reason)(1U << i);

		if (b->reasons >> i & 1)
			json_push(reasons,
				json_pack("{s:s, s:b, s:o, s:o}", "reason", explain_reason_key(reason),
					"main", (int)(b->main_reasons >> i & 1), "text",
					json_text(explain_reason_text(b, reason, text, sizeof(text))), "cure",
					json_text(explain_cure_text(b, reason, cure, sizeof(cure)))));
	}
	return json_pack("{s:I, s:o, s:o, s:b, s:o, s:o}", "address", (json_int_t)b->right->vm_start, "left",
		b->left ? area_json(b->left) : json_null(), "right", area_json(b->right), "needless",
		(int)b->needless, "birth", event_json(b->birth), "reasons", reasons);
}

/* The entries that are kept, in order; what is left out shows by last_step alone. */
static json_t *history_json(const struct history *h)
{
	json_t *a = json_array();

	for (uint64_t i = 0; h && i < h->total; i++) {
		const struct history_entry *entry;

		if (i == HISTORY_FIRST && h->total > HISTORY_FIRST + HISTORY_LAST)
			i = h->total - HISTORY_LAST;
		entry = i < HISTORY_FIRST ? &h->first[i] : &h->last[(i - HISTORY_FIRST) % HISTORY_LAST];
		json_push(a, json_pack("{s:s, s:I, s:I, s:o}", "what", entry->what, "times",
				     (json_int_t)entry->times, "last_step", (json_int_t)entry->last_step,
				     "event", event_json(&entry->event)));
	}
	return a;
}

/*
 * The boundaries in question, with their titles: between two addresses, or around one. count is of all,
 * shown of those that are kept.
 */
struct asked {
	struct explain_boundary boundary[BETWEEN_SHOWN];
	const char *title[BETWEEN_SHOWN];
	unsigned int shown;
	uint64_t count;
};

/* A boundary is kept or only counted. */
static void ask(struct asked *a, const struct vm_area_struct *right, const char *title)
{
	a->count++;
	if (a->shown == BETWEEN_SHOWN)
		return;
	explain_boundary(right, &a->boundary[a->shown]);
	a->title[a->shown++] = title;
}

/* A boundary is named by the area above it. */
static void ask_around(struct asked *a, struct mm_struct *mm, const struct vm_area_struct *vma)
{
	struct vm_area_struct *next = find_vma(mm, vma->vm_end);

	ask(a, vma, "below it");
	if (next)
		ask(a, next, "above it");
}

/* @from lies below @to, and both are areas of @mm. */
static void ask_between(struct asked *a, struct mm_struct *mm, const struct vm_area_struct *from,
	const struct vm_area_struct *to)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, from->vm_end);

	for_each_vma_range (vmi, vma, to->vm_end)
		ask(a, vma, "between them");
}

/* @vma: NULL behind the last. Two addresses in one area have one life and are said so. */
static void print_areas(const struct why *w, struct vm_area_struct **vma, const struct asked *a,
	const struct histories *histories)
{
	const struct moment *m = &w->moment;
	const struct code code = moment_code(m);
	char text[512], number[32];

	for (unsigned int i = 0; i < WHY_ADDRESSES && vma[i]; i++) {
		const struct history *h = history_of(histories, m->mm_id, i);

		/* Its life has been printed: two addresses of one area have the same history. */
		if (i && vma[1] == vma[0]) {
			printf("\n%#" PRIx64 " and %#" PRIx64 " are in one area.\n", w->addr[0], w->addr[1]);
			break;
		}
		area_text(vma[i], text, sizeof(text));
		printf("%s", i ? "\n" : "");
		print_wrapped("area ", text);
		printf("     of process %u at step %s\n", m->mm_pid,
			number_text(m->last.step, number, sizeof(number)));
		if (h)
			print_history(h, &code, trace_reader_header(m->reader));
	}
	for (unsigned int i = 0; i < a->shown; i++)
		print_boundary(&a->boundary[i], a->title[i]);
	/* Between two addresses only: around one there are two boundaries at most. */
	if (a->count > a->shown)
		printf("\n... and %" PRIu64
		       " more boundaries between them; `vmaple why FILE --top` counts all\n",
			a->count - a->shown);
}

/*
 * The members of a second address are there also where it is in the same area (one_area). life is an
 * empty array where nothing has happened since the area was made, or before the recording began.
 */
static int print_areas_json(const struct why *w, struct vm_area_struct **vma, const struct asked *a,
	const struct histories *histories)
{
	const struct moment *m = &w->moment;
	json_t *areas = json_array();
	json_t *boundaries = json_array();

	for (unsigned int i = 0; i < WHY_ADDRESSES && vma[i]; i++)
		json_push(areas,
			json_pack("{s:I, s:o, s:o}", "asked", (json_int_t)w->addr[i], "area",
				area_json(vma[i]), "life", history_json(history_of(histories, m->mm_id, i))));
	for (unsigned int i = 0; i < a->shown; i++)
		json_push(boundaries, boundary_json(&a->boundary[i]));
	return print_json(json_pack("{s:i, s:I, s:I, s:b, s:o, s:I, s:o}", "pid", (int)m->mm_pid, "started",
		(json_int_t)trace_reader_header(m->reader)->start_time, "step", (json_int_t)m->last.step,
		"one_area", vma[0] == vma[1], "areas", areas, "boundaries_in_all", (json_int_t)a->count,
		"boundaries", boundaries));
}

/*
 * 1 and a sentence where nothing is mapped at one of the addresses: no boundary is named by a hole.
 * Without an address it would ask for address 0; parse_words() has seen to one.
 */
int why_area(struct why *w, const struct histories *histories)
{
	struct mm_struct *mm = w->moment.mm;
	struct vm_area_struct *vma[WHY_ADDRESSES] = { NULL };
	struct asked a = { .count = 0 };
	unsigned int i = 0;

	/* Once at least: nr_addr is 1 or 2. */
	do {
		vma[i] = vma_lookup(mm, w->addr[i]);
		if (!vma[i]) {
			complain("why", "nothing is mapped at %#" PRIx64 " in process %u at step %" PRIu64,
				w->addr[i], w->moment.mm_pid, w->moment.last.step);
			return 1;
		}
	} while (++i < w->nr_addr);
	if (!vma[1] || vma[0] == vma[1])
		ask_around(&a, mm, vma[0]);
	/* The addresses may be given in either order. */
	else if (vma[0]->vm_start < vma[1]->vm_start)
		ask_between(&a, mm, vma[0], vma[1]);
	else
		ask_between(&a, mm, vma[1], vma[0]);
	if (w->json)
		return print_areas_json(w, vma, &a, histories);
	print_areas(w, vma, &a, histories);
	return 0;
}
