/* SPDX-License-Identifier: MIT */
/*
 * An address space as it was found, at exec, when it was attached to or when something was lost, as calls that make it.
 *
 * 1. Where all of it is known, a line in the form of strace's own words says so: what is not among the calls was not there.
 *    Each area is an mmap with MAP_FIXED.  What is no file's and no program's, the kernel's own pages, has its name as a
 *    comment behind the last argument, where strace explains what it prints.
 * 2. What mmap cannot ask for is asked for behind it: names, locks, advice.
 * 3. Where the heap lies and the stack begins, from which their names come, is brk(NULL) as the loader asks it, or
 *    prctl(PR_SET_MM) as it would be set.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/mm_types.h>

#include "strace_log.h"
#include "system_calls.h"

/* Descriptors that its files are mapped through; a program that has them too gets them back. */
#define BEGIN_FD  900
#define BEGIN_FDS 65536

/* Of a space that was attached to, the heap may have grown. */
static void put_places(struct export_strace *s, const struct trace_event *e)
{
	const struct {
		const char *field;
		uint64_t value;
	} places[] = { { "START_BRK", s->start_brk != s->brk ? s->start_brk : 0 },
		{ "START_STACK", s->start_stack } };

	if (s->brk) {
		strace_line_begin(s, e);
		fprintf(s->out, "brk(NULL) = %#" PRIx64 "\n", s->brk);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!places[i].value)
			continue;
		strace_line_begin(s, e);
		fprintf(s->out, "prctl(PR_SET_MM, PR_SET_MM_%s, %#" PRIx64 ", 0, 0) = 0\n", places[i].field,
			places[i].value);
	}
}

static void put_limits(struct export_strace *s, const struct trace_event *e)
{
	for (uint32_t i = 0; i <= TRACE_LIMIT_MEMLOCK; i++)
		if (s->limits[i] != UINT64_MAX)
			strace_put_limit(s, e, i, s->limits[i]);
}

/* Of memory: "[anon:NAME]". */
static void put_name(struct export_strace *s, const struct trace_event *e, const struct trace_area *a)
{
	size_t len = strlen(a->name);

	if (strncmp(a->name, "[anon:", 6) != 0 || len < 7)
		return;
	strace_line_begin(s, e);
	fprintf(s->out, "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, %#" PRIx64 ", %" PRIu64 ", ", a->start,
		a->end - a->start);
	strace_put_string(s->out, a->name + 6, len - 7);
	fputs(") = 0\n", s->out);
}

/* What it was asked to be, once it was mapped. */
static void put_advice(struct export_strace *s, const struct trace_event *e, const struct trace_area *a)
{
	static const struct {
		uint64_t flag;
		const char *name;
	} advice[] = { { VM_DONTCOPY, "DONTFORK" }, { VM_WIPEONFORK, "WIPEONFORK" },
		{ VM_DONTDUMP, "DONTDUMP" }, { VM_HUGEPAGE, "HUGEPAGE" }, { VM_NOHUGEPAGE, "NOHUGEPAGE" },
		{ VM_MERGEABLE, "MERGEABLE" }, { VM_RAND_READ, "RANDOM" }, { VM_SEQ_READ, "SEQUENTIAL" } };
	const uint64_t len = a->end - a->start;

	if (a->vm_flags & VM_LOCKED) {
		strace_line_begin(s, e);
		fprintf(s->out, "mlock2(%#" PRIx64 ", %" PRIu64 ", %s) = 0\n", a->start, len,
			a->vm_flags & VM_LOCKONFAULT ? "MLOCK_ONFAULT" : "0");
	}
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		if (!(a->vm_flags & advice[i].flag))
			continue;
		strace_line_begin(s, e);
		fprintf(s->out, "madvise(%#" PRIx64 ", %" PRIu64 ", MADV_%s) = 0\n", a->start, len,
			advice[i].name);
	}
}

static bool is_kernels(const struct trace_area *a)
{
	return !trace_area_has_file(a) && a->name[0] == '[' && strcmp(a->name, "[heap]") != 0 &&
	       strncmp(a->name, "[stack", 6) != 0 && strncmp(a->name, "[anon:", 6) != 0;
}

static bool is_of_file(const struct trace_area *a)
{
	return a->name[0] == '/' || trace_area_has_file(a);
}

/* What is mapped twice of one inode is taken to be one open file.  Its number; opened for writing if any shared area needs it. */
static uint32_t number_of_file(struct export_strace *s, const struct trace_area *a)
{
	const uint32_t first = 0x80000000u;
	uint32_t id = first | (uint32_t)(a->ino * 31 + a->dev);
	const struct file *f;

	while ((f = mtree_load(&s->files, id)) != NULL &&
		(f->ino != a->ino || f->dev != a->dev || strcmp(f->path, a->name) != 0))
		id = first | (id + 1);
	return id;
}

static void note_file(struct export_strace *s, const struct trace_area *a)
{
	bool writes = a->shared && (a->prot & PROT_WRITE || a->vm_flags & VM_MAYWRITE);

	strace_note_file(s, &(struct trace_file){ .id = number_of_file(s, a),
				    .open_flags = writes ? 2 : 0,
				    .dev = a->dev,
				    .ino = a->ino,
				    .path = a->name });
}

static void put_area(struct export_strace *s, const struct trace_event *e, const struct trace_area *a)
{
	bool file = is_of_file(a), kernels = is_kernels(a);
	bool grows = a->vm_flags & VM_GROWSDOWN || strncmp(a->name, "[stack", 6) == 0;
	struct trace_call c = { .nr = NR_mmap,
		.args = { a->start, a->end - a->start, a->prot,
			(a->shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED | (file ? 0 : MAP_ANONYMOUS) |
				(grows ? MAP_GROWSDOWN : 0) |
				(a->vm_flags & VM_NORESERVE ? MAP_NORESERVE : 0),
			(uint64_t)-1, file ? a->offset : 0 },
		.result = (int64_t)a->start };

	if (file) {
		c.file = number_of_file(s, a);
		c.args[4] = BEGIN_FD + c.file % BEGIN_FDS;
	}
	strace_put_mmap(s, e, &c, kernels ? a->name : NULL);
	put_name(s, e, a);
	if (!kernels)
		put_advice(s, e, a);
}

void strace_put_map(struct export_strace *s, const struct trace_event *e)
{
	if (e->map.reason == TRACE_MAP_BEGIN) {
		if (!e->map.lo && e->map.hi == UINT64_MAX) {
			strace_line_begin(s, e);
			fprintf(s->out, "+++ begins with %u areas +++\n", e->map.count);
		}
		put_places(s, e);
		put_limits(s, e);
	}
	/* What went while nothing was seen. */
	if (e->map.reason == TRACE_MAP_RESYNC) {
		strace_line_begin(s, e);
		fprintf(s->out, "munmap(NULL, %" PRIu64 ") = 0\n", s->task_size);
	}
	for (uint32_t i = 0; i < e->map.count; i++)
		if (is_of_file(&e->map.areas[i]))
			note_file(s, &e->map.areas[i]);
	for (uint32_t i = 0; i < e->map.count; i++)
		/* The kernel's own page above all user addresses is in every map. */
		if (e->map.areas[i].start < 1ull << 63)
			put_area(s, e, &e->map.areas[i]);
}
