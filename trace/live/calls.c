/* SPDX-License-Identifier: MIT */
/*
 * A call becomes events: what it names is read at its entry, what it did at its exit.
 *
 * The order of what is told around one call is what the mirror relies on: before it, the stack, and first
 * writes of the areas that it meets; behind it, changes of sysctls that may explain its result, first
 * writes beside it, what mlockall had asked for, the file, the call, and last what the map looks like,
 * which is compared.
 */
#include <linux/prctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "uapi.h"

/* What the kernel refuses with EINVAL need not be kept. */
#define VECTOR_MAX 1024 /* UIO_MAXIOV */

/* --- at the entry ------------------------------------------------------------------------------------------- */

/*
 * At the entry: the program may change it behind the call. What cannot be read is left out, and so will
 * the kernel's own reading have failed. @size is bounded by what a call's event may carry; the rest of a
 * longer one decides nothing that is replayed.
 */
static void keep_data(struct task *t, uint64_t addr, size_t size)
{
	if (size > CALL_DATA_MAX)
		size = CALL_DATA_MAX;
	if (addr && read_memory(t->tid, addr, t->data, size)) {
		t->call.data = t->data;
		t->call.data_len = (uint32_t)size;
	}
}

/*
 * A name that ends within its 80 bytes (ANON_VMA_NAME_MAX_LEN); byte by byte, for memory may end sooner
 * than they do. Without an end within 80 bytes nothing is kept: the kernel answers EINVAL.
 */
static void keep_name(struct task *t, uint64_t addr)
{
	for (size_t n = 0; addr && n < 80; n++) {
		if (!read_memory(t->tid, addr + n, &t->data[n], 1))
			return;
		if (t->data[n] == '\0') {
			t->call.data = t->data;
			t->call.data_len = (uint32_t)n + 1;
			return;
		}
	}
}

/* Numbers of 32 bits become numbers of 64, in their place. */
static void widen(uint8_t *numbers, size_t n)
{
	uint32_t narrow;
	uint64_t wide;

	/* From the last: each wide one lies above the narrow ones that are still to be read. */
	while (n-- > 0) {
		memcpy(&narrow, numbers + n * sizeof(narrow), sizeof(narrow));
		wide = narrow;
		memcpy(numbers + n * sizeof(wide), &wide, sizeof(wide));
	}
}

/*
 * Pairs of address and length, as wide as the table's arguments; recorded as 64-bit ones.  What is too many
 * is refused by the kernel (UIO_MAXIOV).
 */
static void keep_vector(struct task *t, uint64_t addr, uint64_t n)
{
	size_t size = n * 2 * sizeof(uint64_t);
	bool narrow = trace_abi_is_32bit(t->call.abi);
	uint8_t *kept = t->data;

	if (!n || n > VECTOR_MAX)
		return;
	if (size > CALL_DATA_MAX) {
		free(t->vector);
		kept = t->vector = malloc(size);
	}
	if (!kept || !read_memory(t->tid, addr, kept, narrow ? size / 2 : size))
		return;
	if (narrow)
		widen(kept, n * 2);
	t->call.data = kept;
	t->call.data_len = (uint32_t)size;
}

/*
 * Whose map process_madvise is about: of another process's it only asks for what no map shows. Without a
 * pidfd that can be looked at (-1) it is taken to be another's.
 */
static bool is_about_itself(struct live *l, const struct task *t)
{
	pid_t pid = process_of_pidfd(t->tid, (int)t->call.args[0]);
	const struct task *other = pid > 0 ? task_find(l, pid) : NULL;

	return other && other->mm == t->mm;
}

/*
 * At the entry, with the mm held: read what the call's arguments point to, and tell what it depends on.
 *
 * The order at the end: the name and the stack need the task as it stands, the writes may take longest
 * and are what the call depends on.
 */
void call_begin(struct live *l, struct task *t)
{
	const uint64_t *a = t->call.args;

	t->call.data = NULL;
	t->call.data_len = 0;
	t->call.file = 0;
	t->open_flags = -1;
	switch (t->call.nr) {
	case NR_mmap:
		if (!(a[3] & MAP_ANONYMOUS))
			t->open_flags = descriptor_access(t->tid, (int)a[4]);
		if (t->open_flags >= 0)
			/* Now: behind the call another thread may have closed the descriptor. */
			t->rank = descriptor_rank(l, t->tid, (int)a[4]);
		break;
	case NR_prctl:
		if (a[0] == PR_SET_VMA)
			keep_name(t, a[4]);
		if (a[0] == PR_SET_MM && a[1] == PR_SET_MM_MAP)
			keep_data(t, a[2], sizeof(struct prctl_mm_map));
		break;
	case NR_ioctl:
		/* A range alone may be the last that can be read. */
		keep_data(t, a[2], (uint32_t)a[1] == UFFDIO_UNREGISTER ? 16 : 24);
		break;
	case NR_mbind:
		/* maxnode bits, in longs. */
		keep_data(t, a[3], (a[4] + 63) / 64 * 8);
		break;
	case NR_process_madvise:
		if (is_about_itself(l, t))
			keep_vector(t, a[1], a[2]);
		break;
	default:
		break;
	}
	if (t->about) {
		served_begin_elsewhere(l, t);
		return;
	}
	name_before_call(l, t);
	t->call.stack = stacks_of_call(l, t);
	writes_before_call(l, t);
}

/* --- at the exit -------------------------------------------------------------------------------------------- */

/*
 * No further than the range and what touches it: the rest of the map is none of the call's business, and
 * costs.
 */
static void observe_range(struct live *l, struct task *t, const struct range *r)
{
	/* A byte more on both sides: neighbours that have merged with the range, or have not, are part of it. */
	observe(l, t, r->start ? r->start - 1 : 0, r->end + 1);
}

/*
 * Read back where the call can have changed something, whether it says that it did or not: one that
 * failed may have done a part.
 *
 * Of mremap both ranges are named and the placed one is looked at as well, once where it is the same.
 * LIVE_CHECK_EVERY alone, and what is only seen.
 */
static void observe_effect(struct live *l, struct task *t, int64_t result)
{
	struct range r[2], placed;
	unsigned int n = named_ranges(t, r);
	bool has_placed = placed_range(&t->call, result, &placed);

	if (is_about_whole_map(&t->call))
		observe_all(l, t);
	if (has_placed)
		observe_range(l, t, &placed);
	for (unsigned int i = 0; i < n; i++)
		if (!has_placed || r[i].start != placed.start || r[i].end > placed.end)
			observe_range(l, t, &r[i]);
}

/* t->call.file is what file_emit() has set. */
static void emit_call(struct live *l, struct task *t, int64_t result)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL, .call = t->call };

	e.call.result = result;
	emit(l, t, &e);
}

/*
 * What these map is not foretold: the mirror has it from the map. Its size, place or access are the
 * kernel's own, which the mirror does not compute.
 */
static bool is_only_seen(const struct trace_call *c)
{
	return c->nr == NR_io_setup || c->nr == NR_io_destroy || c->nr == NR_map_shadow_stack ||
	       (c->nr == NR_arch_prctl && c->args[0] != ARCH_MAP_VDSO_64) ||
	       (c->nr == NR_prctl && c->args[0] == PR_SET_SHADOW_STACK_STATUS);
}

/*
 * It has failed, but may have cut what lies there, and its size is not known: all of the map tells.
 * SHM_REMAP takes away what is there before the segment is known to fit.
 */
static bool may_have_cut(const struct trace_call *c, int64_t result)
{
	bool at_0 = c->args[1] && c->args[1] < kernel->page_size();

	return c->nr == NR_shmat && IS_ERR_VALUE(result) && (c->args[2] & SHM_REMAP || at_0);
}

/*
 * Behind everything else: what came before speaks of the old break. mm->brk is what named_ranges() goes
 * by at the next brk.
 */
static void follow_break(struct task *t, int64_t result)
{
	const uint64_t *a = t->call.args;
	struct prctl_mm_map map;

	if (t->call.nr == NR_brk)
		t->mm->brk = (uint64_t)result;
	if (t->call.nr != NR_prctl || a[0] != PR_SET_MM || result)
		return;
	if (a[1] == PR_SET_MM_START_BRK)
		t->mm->start_brk = a[2];
	if (a[1] == PR_SET_MM_BRK)
		t->mm->brk = a[2];
	if (a[1] == PR_SET_MM_MAP && t->call.data_len == sizeof(map)) {
		memcpy(&map, t->call.data, sizeof(map));
		t->mm->start_brk = map.start_brk;
		t->mm->brk = map.brk;
	}
}

/*
 * At the exit, before anybody else of the address space goes on. Also for a call whose exit was not
 * waited for, with the result that the map has shown (deferred.c).
 *
 * What is about limits alone is told as a limit and not as a call; process_madvise without its vector is
 * about another process. Everything that follows the call (growth, served, certain, files, code) comes
 * behind its event, for it changes what is known for the next one, and before the look, which asks these.
 */
void call_end(struct live *l, struct task *t, int64_t result)
{
	struct live_mm *mm = t->mm;
	enum live_check check = l->options.check;
	bool nth;

	if (maker_follow_call(l, t, result) || limits_follow_call(l, t) ||
		(t->call.nr == NR_process_madvise && !t->call.data) || served_elsewhere(l, t, result))
		return;
	sysctls_follow(l, t, result);
	writes_after_call(l, t, result);
	future_lock_before_call(l, t, result);
	file_emit(l, t, result);
	emit_call(l, t, result);
	mm->calls++;
	growth_follow_call(l, t, result);
	served_follow_call(l, t, result);
	certain_follow_call(t);
	mapped_file_follow_call(t, result);
	stacks_follow_call(t, result);
	nth = check == LIVE_CHECK_NTH && mm->calls % l->options.nth == 0;
	if (may_have_cut(&t->call, result) || (nth && !is_only_seen(&t->call)))
		observe_all(l, t);
	else if (check == LIVE_CHECK_EVERY || is_only_seen(&t->call))
		observe_effect(l, t, result);
	follow_break(t, result);
}

/*
 * There is nothing that could be looked at; it is said once. Once for the recording: each exec would say
 * it.
 */
static void emit_no_proc(struct live *l, struct task *t)
{
	if (!l->no_proc_told)
		emit_lost(l, t, 0,
			"/proc is not there, or is that of other process numbers: nothing is recorded");
	l->no_proc_told = true;
}

/* Of the areas that smaps shows as growing downwards, the stack among them. */
static void begin_growing(const struct live *l, struct live_mm *mm)
{
	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (l->areas[i].vm_flags & VM_GROWSDOWN)
			growth_begin(mm, l->areas[i].start, l->areas[i].end);
}

/*
 * In whole pages, which is all that a map shows. Of a program that was begun by exec the break is where
 * it starts, so only an attached one is asked.
 */
static uint64_t end_of_heap(const struct live *l, uint64_t start_brk)
{
	uint64_t end = start_brk;

	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (strcmp(l->areas[i].name, "[heap]") == 0)
			end = l->areas[i].end;
	return end;
}

/*
 * The task stands behind its exec, or was just attached to. Where nothing can be read the program is not
 * recorded, and its tasks have no mm: their calls pass.
 *
 * What is in the way is told as lost. The order of the last two events is the format's: SPACE, then its
 * first MAP.
 */
void space_begin(struct live *l, struct task *t, bool attached)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE };
	struct live_mm *mm;
	char link[64], path[512] = "";
	ssize_t n;

	if (l->no_proc) {
		emit_no_proc(l, t);
		return;
	}
	if (!machine_follows_narrow && process_is_narrow(t->tid)) {
		emit_lost(l, t, 0, "a 32-bit program, whose calls are not followed here: it is not recorded");
		return;
	}
	mm = mm_new(l);
	if (!mm) {
		emit_lost(l, t, 0, "out of memory: a program is not recorded");
		return;
	}
	observe_open(mm, t->tid);
	task_enter_mm(t, mm);
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)t->tid);
	n = kernel->readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	e.space.path = path;
	/* Before SPACE is told: process_space() finds mmap_base in it. */
	observe_smaps(l, t);
	if (!l->nr_areas || mm->maps_fd < 0 || mm->pagemap_fd < 0) {
		task_leave_mm(t);
		emit_lost(
			l, t, 0, "a program whose map cannot be read: it and its children are not recorded");
		return;
	}
	process_space(l, t->tid, &e.space);
	limits_begin(t, e.space.limits);
	if (attached)
		e.space.brk = end_of_heap(l, e.space.start_brk);
	mm->future_lock_unknown = attached;
	e.space.attached = attached;
	mm->start_brk = e.space.start_brk;
	mm->brk = e.space.brk;
	begin_growing(l, mm);
	certain_begin(l, mm);
	mm->most_areas = l->nr_areas;
	emit(l, t, &e);
	emit_begin_map(l, t);
}
