/* SPDX-License-Identifier: MIT */
/*
 * The source over BPF without a kernel: records as the programs write them, in orders that a live program shows once in
 * a while, become events.
 *
 * Events as words: space, map* (the first of a space), map2 (an observation of two areas), resync2, anon2, mmap=A,
 * write@A+1, closed@A (an area is taken back from a userfaultfd), fork, thread, task, exit (exit! the last of a space, exit> by an exec), lost.  A number before a colon
 * says which thread's they are from there on; A+2 is two pages from A.  Numbers of tasks are above all that a machine
 * has, so that nothing of this machine's tasks shows.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <vmaple/replay.h>

#include "source.h"
#include "uapi.h"

#define A       0x7f0000000000ull
#define PAGE    4096ull
#define FIRST   5000000u /* tasks are told by the last digits */
#define RW      (VM_READ | VM_WRITE | VM_MAY_FLAGS)
#define NOTHING 0, 0

struct world {
	struct live_bpf s;
	struct trace_sink sink;
	char told[1024];
	uint32_t tid;
	uint64_t clock;
};

static void add(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct world *w, const char *format, ...)
{
	size_t n = strlen(w->told);
	va_list args;

	va_start(args, format);
	vsnprintf(w->told + n, sizeof(w->told) - n, format, args);
	va_end(args);
}

static void add_place(struct world *w, uint64_t n)
{
	uint64_t page = (n - A) / PAGE;

	if (page < 4096)
		add(w, page ? "A+%" PRIu64 : "A", page);
	else
		add(w, "%" PRId64, (int64_t)n);
}

static void add_map(struct world *w, const struct trace_map *map)
{
	add(w,
		map->reason == TRACE_MAP_BEGIN    ? " map*"
		: map->reason == TRACE_MAP_RESYNC ? " resync%u"
						  : " map%u",
		map->count);
}

static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct world *w = (struct world *)((char *)sink - offsetof(struct world, sink));

	if (e->tid && e->tid != w->tid)
		add(w, " %u:", e->tid - FIRST);
	w->tid = e->tid ? e->tid : w->tid;
	switch (e->type) {
	case TRACE_EVENT_CALL:
		add(w, " %s=", trace_call_name(e->call.nr));
		add_place(w, (uint64_t)e->call.result);
		break;
	case TRACE_EVENT_FAULT:
		add(w, " write@");
		add_place(w, e->fault.addr);
		break;
	case TRACE_EVENT_MAP:
		add_map(w, &e->map);
		break;
	case TRACE_EVENT_ANON:
		add(w, " anon%u", e->anon.count);
		break;
	case TRACE_EVENT_EXIT:
		add(w, e->exit.exec ? " exit>" : e->exit.last ? " exit!" : " exit");
		break;
	case TRACE_EVENT_LIMIT:
		add(w, " limit%u=%" PRIu64, e->limit.limit, e->limit.value);
		break;
	case TRACE_EVENT_FILE:
		add(w, e->file.vm_flags_off ? " file-sealed" : " file");
		break;
	case TRACE_EVENT_CHANGE:
		add(w, " closed@");
		add_place(w, e->change.start);
		break;
	case TRACE_EVENT_TASK:
		add(w, e->task.thread ? " thread" : " task");
		break;
	default:
		add(w, e->type == TRACE_EVENT_SPACE   ? " space"
			: e->type == TRACE_EVENT_FORK ? " fork"
			: e->type == TRACE_EVENT_LOST ? " lost"
						      : " other");
	}
	return 0;
}

/* What was told since the last time. */
static void assert_told(struct world *w, const char *expected)
{
	const char *told = *w->told ? w->told + 1 : "";

	assert_int_equal(w->s.err, 0);
	if (strcmp(told, expected))
		fail_msg("told: %s\n not:  %s", told, expected);
	*w->told = '\0';
}

/* Records that are known to be missing of the first space. */
static int lost_of_first(struct world *w)
{
	return (int)followed_find(&w->s, 1)->lost;
}

/* --- records ---------------------------------------------------------------------------------------------------- */

static struct record_head head(
	struct world *w, uint32_t type, uint32_t space, uint32_t task, uint64_t sequence)
{
	return (struct record_head){ .type = type,
		.space = space,
		.tid = FIRST + task,
		.pid = FIRST + (space == 1 ? 1 : task),
		.time_ns = ++w->clock,
		.sequence = sequence };
}

/* @anon_vma: 0, or of a page that was written. */
static struct bpf_area area(uint64_t from, uint64_t to, uint64_t anon_vma)
{
	return (struct bpf_area){ .start = A + from * PAGE,
		.end = A + to * PAGE,
		.vm_flags = RW,
		.pgoff = A / PAGE + from,
		.anon_vma = anon_vma,
		.anon_root = anon_vma };
}

static void put(struct world *w, const void *record, size_t size)
{
	on_record(&w->s, record, size);
}

static void exec(struct world *w, uint32_t space, uint32_t task, uint32_t old)
{
	struct section_areas areas = { .section.head = head(w, RECORD_AREAS, space, task, 0) };
	struct exec_record x = { .head = head(w, RECORD_EXEC, space, task, 0),
		.old_space = old,
		.areas = 1,
		.task_size = 1ull << 47,
		.path = "/bin/p" };

	areas.areas[0] = area(1000, 1001, 0);
	put(w, &areas, sizeof(areas.section) + sizeof(areas.areas[0]));
	put(w, &x, sizeof(x));
}

/* A section of task @task's call @nr: it has changed the pages [from, to), and @n of its @areas are told with it. */
static void section_of(struct world *w, uint32_t space, uint32_t task, uint64_t sequence, uint32_t nr,
	uint64_t from, uint64_t to, uint32_t n, uint32_t areas, uint32_t written)
{
	struct section_areas r = { .section = { .head = head(w, RECORD_SECTION, space, task, sequence),
					   .lo = A + from * PAGE,
					   .hi = A + to * PAGE,
					   .wrote_lo = A + from * PAGE,
					   .wrote_hi = A + to * PAGE,
					   .nr = nr,
					   .areas = areas,
					   .written = written } };

	for (uint32_t i = 0; i < n; i++)
		r.areas[i] = area(2 * i, 2 * i + 1, 0);
	put(w, &r, sizeof(r.section) + n * sizeof(r.areas[0]));
}

static void section(struct world *w, uint32_t task, uint64_t sequence, uint32_t nr)
{
	section_of(w, 1, task, sequence, nr, 0, 1, 1, 1, 0);
}

static void call_in(struct world *w, uint32_t space, uint32_t task, uint32_t nr, int64_t result)
{
	struct call_record r = { .head = head(w, RECORD_CALL, space, task, 0),
		.args = { A, PAGE, 1, 0, 0, 0 },
		.result = result,
		.nr = nr };

	put(w, &r, CALL_BYTES);
}

static void call(struct world *w, uint32_t task, uint32_t nr, int64_t result)
{
	call_in(w, 1, task, nr, result);
}

static void look(struct world *w, uint32_t task, uint64_t sequence)
{
	struct record_head h = head(w, RECORD_LOOK, 1, task, sequence);

	put(w, &h, sizeof(h));
}

static void written(
	struct world *w, uint32_t task, uint64_t sequence, uint64_t from, uint64_t to, uint64_t anon_vma)
{
	struct area_record r = { .head = head(w, RECORD_WRITTEN, 1, task, sequence),
		.area = area(from, to, anon_vma) };

	put(w, &r, sizeof(r));
}

/* @child_space: the parent's own for a thread, or where it is another process that shares it. */
static void forks_as(struct world *w, uint32_t task, uint32_t child, uint32_t child_space, uint32_t process)
{
	struct fork_record r = { .head = head(w, RECORD_FORK, 1, task, 0),
		.child_tid = FIRST + child,
		.child_pid = FIRST + process,
		.child_space = child_space };

	put(w, &r, sizeof(r));
}

static void forks(struct world *w, uint32_t task, uint32_t child, uint32_t child_space)
{
	forks_as(w, task, child, child_space, child_space == 1 ? 1 : child);
}

static void exits(struct world *w, uint32_t space, uint32_t task)
{
	struct exit_record r = { .head = head(w, RECORD_EXIT, space, task, 0) };

	put(w, &r, sizeof(r));
}

static void final(struct world *w, uint32_t space, uint32_t task, uint64_t sequence)
{
	struct section_record r = { .head = head(w, RECORD_FINAL, space, task, sequence) };

	put(w, &r, sizeof(r));
}

/* A program with one area, task 1 of space 1. */
static void begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->sink.event = on_event;
	w->s.sink = &w->sink;
	mt_init_flags(&w->s.origins, 0);
	mt_init_flags(&w->s.pointers, 0);
	exec(w, 1, 1, 0);
	assert_told(w, "1: space map*");
	assert_int_equal(lost_of_first(w), 0);
}

static void end(struct world *w)
{
	while (w->s.spaces)
		followed_free(&w->s, w->s.spaces);
	items_free(&w->s);
	free(w->s.areas);
	free(w->s.anon_areas);
	origins_free(&w->s);
	names_free(&w->s);
}

/* --- order ------------------------------------------------------------------------------------------------------ */

static void test_a_section_waits_for_the_result_of_its_call(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_munmap);
	assert_told(&w, "");
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "munmap=0 map1");
	end(&w);
}

static void test_the_order_is_that_of_the_sections_and_not_of_the_results(void **state)
{
	struct world w;

	begin(&w);
	forks(&w, 1, 2, 1);
	assert_told(&w, "2: thread");
	section(&w, 1, 1, NR_munmap);
	section(&w, 2, 3, NR_mprotect);
	call(&w, 2, NR_mprotect, 0);
	assert_told(&w, "");
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "1: munmap=0 map1 2: mprotect=0 1: map1");
	assert_int_equal(lost_of_first(&w), 0);
	end(&w);
}

static void test_of_several_sections_of_a_call_the_last_is_told(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_mremap);
	section_of(&w, 1, 1, 3, NR_mremap, 0, 1, 2, 2, 0);
	call(&w, 1, NR_mremap, -12);
	assert_told(&w, "mremap=-12 map2");
	assert_int_equal(lost_of_first(&w), 0);
	end(&w);
}

static void test_a_call_without_a_section_is_told_at_once(void **state)
{
	struct world w;

	begin(&w);
	call(&w, 1, NR_munmap, -22);
	assert_told(&w, "munmap=-22");
	/* It can be about another process: that one's sections tell. */
	call(&w, 1, NR_process_madvise, 0x1000);
	assert_told(&w, "");
	end(&w);
}

static void test_what_a_call_saw_before_it_changed_anything_keeps_its_place(void **state)
{
	struct world w;

	begin(&w);
	forks(&w, 1, 2, 1);
	written(&w, 1, 0, 0, 1, 7);
	look(&w, 1, 0);
	section(&w, 2, 1, NR_munmap);
	call(&w, 2, NR_munmap, 0);
	assert_told(&w, "2: thread");
	call(&w, 1, NR_mprotect, -12);
	assert_told(&w, "1: write@A mprotect=-12 2: munmap=0 1: map1");
	end(&w);
}

/* --- loss ------------------------------------------------------------------------------------------------------- */

static void test_a_missing_section_is_counted_and_nothing_is_told_behind_it(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_munmap);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "munmap=0 map1");
	section(&w, 1, 9, NR_munmap);
	call(&w, 1, NR_munmap, 0);
	assert_int_equal(lost_of_first(&w), 3);
	assert_told(&w, "");
	end(&w);
}

static void test_a_section_whose_areas_are_not_all_there_is_lost(void **state)
{
	struct world w;

	begin(&w);
	section_of(&w, 1, 1, 1, NR_munmap, 0, 1, 1, 2, 0);
	assert_int_equal(lost_of_first(&w), 1);
	followed_find(&w.s, 1)->lost = 0;
	section_of(&w, 1, 1, 3, NR_munmap, 0, 1, 1, 1, 1);
	assert_int_equal(lost_of_first(&w), 1);
	end(&w);
}

static void test_sections_of_two_calls_of_one_task_show_that_a_return_was_lost(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_munmap);
	section(&w, 1, 3, NR_mprotect);
	call(&w, 1, NR_mprotect, 0);
	assert_int_equal(lost_of_first(&w), 1);
	assert_told(&w, "");
	end(&w);
	begin(&w);
	section(&w, 1, 1, NR_munmap);
	call(&w, 1, NR_mprotect, 0);
	assert_int_equal(lost_of_first(&w), 1);
	assert_told(&w, "");
	end(&w);
}

static void test_what_one_space_has_lost_stops_no_other(void **state)
{
	struct world w;

	begin(&w);
	exec(&w, 2, 2, 0);
	assert_told(&w, "2: space map*");
	section(&w, 1, 1, NR_munmap);
	section(&w, 1, 9, NR_munmap);
	assert_int_equal(lost_of_first(&w), 3);
	section_of(&w, 2, 2, 1, NR_munmap, 0, 1, 1, 1, 0);
	call_in(&w, 2, 2, NR_munmap, 0);
	assert_told(&w, "munmap=0 map1");
	assert_int_equal(followed_find(&w.s, 2)->lost, 0);
	end(&w);
}

static void test_areas_of_a_section_whose_own_record_was_lost_are_not_the_nexts(void **state)
{
	struct section_areas left = { .section.nr = 0 };
	struct world w;

	begin(&w);
	left.section.head = head(&w, RECORD_AREAS, 1, 1, 1);
	left.areas[0] = area(30, 31, 0);
	put(&w, &left, sizeof(left.section) + sizeof(left.areas[0]));
	section(&w, 1, 3, NR_munmap);
	call(&w, 1, NR_munmap, 0);
	/* The first section that comes may be any. */
	assert_int_equal(lost_of_first(&w), 0);
	assert_told(&w, "munmap=0 map1");
	end(&w);
}

static void test_what_was_written_before_a_section_that_was_lost_is_not_the_nexts(void **state)
{
	struct world w;

	begin(&w);
	written(&w, 1, 1, 7, 8, 7);
	written(&w, 1, 3, 9, 10, 8);
	section_of(&w, 1, 1, 3, NR_munmap, 0, 1, 1, 1, 1);
	call(&w, 1, NR_munmap, 0);
	assert_int_equal(lost_of_first(&w), 0);
	assert_told(&w, "write@A+9 munmap=0 map1");
	end(&w);
}

static void test_after_a_loss_only_the_lives_of_tasks_are_told(void **state)
{
	struct world w;

	begin(&w);
	forks(&w, 1, 2, 1);
	section(&w, 1, 1, NR_munmap);
	section(&w, 2, 3, NR_munmap);
	exits(&w, 1, 2);
	assert_told(&w, "2: thread");
	followed_pass_over(followed_find(&w.s, 1));
	flush_items(&w.s);
	assert_told(&w, "exit");
	end(&w);
}

/* --- the map that was read in the midst of things ----------------------------------------------------------------- */

static void test_what_is_in_the_snapshot_is_not_told_again(void **state)
{
	struct followed *f;
	struct world w;

	begin(&w);
	forks(&w, 1, 2, 1);
	assert_told(&w, "2: thread");
	f = followed_find(&w.s, 1);
	f->snapshot = 10;
	f->sequence = 9;
	/* Its section is in the map; its result comes behind. */
	section(&w, 1, 9, NR_munmap);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "");
	/* From then on it is told. */
	section(&w, 1, 11, NR_mprotect);
	call(&w, 1, NR_mprotect, 0);
	assert_told(&w, "1: mprotect=0 map1");
	assert_int_equal(lost_of_first(&w), 0);
	end(&w);
}

static void test_the_first_call_that_a_task_returns_from_may_have_been_before_the_snapshot(void **state)
{
	struct followed *f;
	struct world w;

	begin(&w);
	f = followed_find(&w.s, 1);
	f->snapshot = 10;
	f->sequence = 9;
	call(&w, 1, NR_munmap, -22);
	assert_told(&w, "");
	call(&w, 1, NR_munmap, -22);
	assert_told(&w, "munmap=-22");
	/* A thread that was made since cannot have. */
	forks(&w, 1, 2, 1);
	call(&w, 2, NR_munmap, -22);
	assert_told(&w, "2: thread munmap=-22");
	end(&w);
}

/* What it populates it has mapped before: that it looks there for is behind its section. */
static void test_a_first_call_that_is_seen_to_populate_was_before_the_snapshot(void **state)
{
	struct followed *f;
	struct world w;

	begin(&w);
	f = followed_find(&w.s, 1);
	f->snapshot = 10;
	f->sequence = 9;
	look(&w, 1, 10);
	call(&w, 1, NR_mmap, (int64_t)A);
	assert_told(&w, "");
	look(&w, 1, 10);
	call(&w, 1, NR_madvise, 0);
	assert_told(&w, "madvise=0");
	end(&w);
	/* A call that only looks comes behind it. */
	begin(&w);
	f = followed_find(&w.s, 1);
	f->snapshot = 10;
	f->sequence = 9;
	look(&w, 1, 10);
	call(&w, 1, NR_madvise, 0);
	assert_told(&w, "madvise=0");
	end(&w);
}

/* --- tasks ------------------------------------------------------------------------------------------------------ */

static void test_a_task_killed_in_a_call_leaves_what_it_changed(void **state)
{
	struct world w;

	begin(&w);
	forks(&w, 1, 2, 1);
	section(&w, 2, 1, NR_munmap);
	exits(&w, 1, 2);
	assert_told(&w, "2: thread 1: lost resync1 2: exit");
	end(&w);
}

static void test_a_task_killed_in_a_call_that_changed_nothing_tells_nothing_of_it(void **state)
{
	struct world w;

	begin(&w);
	forks(&w, 1, 2, 1);
	section_of(&w, 1, 2, 1, NR_madvise, NOTHING, 1, 1, 0);
	exits(&w, 1, 2);
	assert_told(&w, "2: thread exit");
	end(&w);
}

static void test_a_child_waits_until_its_fork_was_told(void **state)
{
	struct world w;

	begin(&w);
	forks(&w, 1, 2, 1);
	section(&w, 2, 1, NR_munmap);
	section_of(&w, 1, 1, 3, NR_clone, NOTHING, 1, 1, 0);
	forks(&w, 1, 3, 3);
	section_of(&w, 3, 3, 1, NR_munmap, 0, 1, 1, 1, 0);
	call_in(&w, 3, 3, NR_munmap, 0);
	flush_items(&w.s);
	assert_told(&w, "2: thread");
	call(&w, 2, NR_munmap, 0);
	flush_items(&w.s);
	assert_told(&w, "munmap=0 1: map1 fork 3: munmap=0 map1");
	end(&w);
}

static void test_an_exec_ends_the_one_and_begins_the_other(void **state)
{
	struct world w;

	begin(&w);
	exec(&w, 2, 1, 1);
	flush_items(&w.s);
	assert_told(&w, "exit> space map*");
	section_of(&w, 2, 1, 1, NR_munmap, 0, 1, 1, 1, 0);
	call_in(&w, 2, 1, NR_munmap, 0);
	assert_told(&w, "munmap=0 map1");
	end(&w);
}

static void test_behind_an_end_that_was_not_seen_only_others_begin(void **state)
{
	struct followed *f;
	struct world w;

	begin(&w);
	f = followed_find(&w.s, 1);
	section(&w, 3, 1, NR_munmap);
	exec(&w, 2, 1, 1);
	exits(&w, 1, 1);
	assert_told(&w, "");
	followed_pass_over(f);
	emit_gone(&w.s, f);
	assert_told(&w, "exit!");
	flush_items(&w.s);
	assert_told(&w, "space map*");
	assert_null(followed_find(&w.s, 1));
	assert_true(followed_find(&w.s, 2)->known);
	end(&w);
}

static void test_the_last_task_ends_behind_the_last_look(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_munmap); /* nobody will tell how it ended */
	forks(&w, 1, 2, 1);
	exits(&w, 1, 1);
	exits(&w, 1, 2);
	assert_told(&w, "lost resync1 2: thread 1: exit");
	final(&w, 1, 2, 3);
	flush_items(&w.s);
	assert_told(&w, "map0 2: exit!");
	assert_null(followed_find(&w.s, 1));
	end(&w);
}

static void test_nobody_is_in_a_call_any_more_when_the_space_ends(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_munmap);
	assert_told(&w, "");
	final(&w, 1, 1, 3);
	assert_told(&w, "map0");
	end(&w);
}

static void test_a_process_that_shares_the_space_is_no_thread(void **state)
{
	struct world w;

	begin(&w);
	forks_as(&w, 1, 2, 1, 2);
	forks(&w, 1, 3, 1);
	assert_told(&w, "2: task 3: thread");
	end(&w);
}

/* --- first writes ------------------------------------------------------------------------------------------------- */

static void test_first_writes_are_told_once_and_in_the_order_that_gives_each_its_anon_vma(void **state)
{
	struct world w;

	begin(&w);
	/* Looked at from above, and one of them twice: the highest of a row that shares one comes first. */
	written(&w, 1, 1, 4, 5, 8);
	written(&w, 1, 1, 1, 2, 7);
	written(&w, 1, 1, 0, 1, 7);
	written(&w, 1, 1, 1, 2, 7);
	section_of(&w, 1, 1, 1, NR_munmap, 0, 1, 1, 1, 4);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "write@A+4 write@A+1 write@A munmap=0 map1");
	/* What is above one that was told follows it upwards, and what was told is not again. */
	written(&w, 1, 3, 4, 5, 8);
	written(&w, 1, 3, 5, 6, 8);
	section_of(&w, 1, 1, 3, NR_mprotect, 60, 61, 1, 1, 2);
	call(&w, 1, NR_mprotect, 0);
	assert_told(&w, "write@A+5 mprotect=0 map1");
	end(&w);
}

static void test_what_shares_with_a_neighbour_that_was_told_is_told_upwards_from_it(void **state)
{
	struct world w;

	begin(&w);
	written(&w, 1, 1, 0, 1, 7);
	section_of(&w, 1, 1, 1, NR_munmap, 60, 61, 1, 1, 1);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "write@A munmap=0 map1");
	for (uint64_t i = 0; i < 3; i++)
		written(&w, 1, 3, i, i + 1, 7);
	section_of(&w, 1, 1, 3, NR_munmap, 60, 61, 1, 1, 3);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "write@A+1 write@A+2 munmap=0 map1");
	end(&w);
}

/* Task 1's mremap from A to the fourth page, where what was moved is an area with what lies below it, which is written. */
static void moves_below_written(struct world *w, uint64_t sequence)
{
	struct section_areas r = { .section = { .head = head(w, RECORD_SECTION, 1, 1, sequence),
					   .lo = A,
					   .hi = A + 5 * PAGE,
					   .wrote_lo = A,
					   .wrote_hi = A + 5 * PAGE,
					   .nr = NR_mremap,
					   .areas = 1 } };

	r.areas[0] = area(3, 5, 7);
	put(w, &r, sizeof(r.section) + sizeof(r.areas[0]));
	call(w, 1, NR_mremap, (int64_t)(A + 4 * PAGE));
}

static void test_where_an_area_was_moved_is_written_only_if_it_was(void **state)
{
	struct world w;

	begin(&w);
	moves_below_written(&w, 1);
	assert_told(&w, "mremap=A+4 map1");
	/* Who wrote there first was not seen: it is told when it is. */
	written(&w, 1, 3, 3, 5, 7);
	section_of(&w, 1, 1, 3, NR_munmap, 60, 61, 1, 1, 1);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "write@A+3 munmap=0 map1");
	end(&w);
	begin(&w);
	written(&w, 1, 1, 0, 1, 7);
	section_of(&w, 1, 1, 1, NR_munmap, 60, 61, 1, 1, 1);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "write@A munmap=0 map1");
	moves_below_written(&w, 3);
	written(&w, 1, 5, 3, 5, 7);
	section_of(&w, 1, 1, 5, NR_munmap, 60, 61, 1, 1, 1);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "mremap=A+4 map1 munmap=0 map1");
	end(&w);
}

/* An open file at @pointer. */
static const struct trace_file *learned(struct world *w, uint64_t pointer, uint64_t ino, uint32_t f_mode)
{
	struct file_record r = { .head = head(w, RECORD_FILE, 1, 1, 0),
		.file = pointer,
		.ino = ino,
		.is = { .mode = 0100000, .f_mode = f_mode } };
	struct bpf_area a = { .file = pointer };

	put(w, &r, sizeof(r));
	origin_number(&w->s, &a);
	return &origin_of(&w->s, &a)->file;
}

static void test_memory_of_an_open_file_is_used_again(void **state)
{
	struct world w;
	uint32_t first;

	begin(&w);
	first = learned(&w, 0x1000, 7, 3)->id;
	assert_int_equal(learned(&w, 0x1000, 7, 3)->id, first);
	assert_int_equal(learned(&w, 0x1000, 7, 3)->open_flags, 2);
	/* For the same inode, opened otherwise, and for another one. */
	assert_int_not_equal(learned(&w, 0x1000, 7, 1)->id, first);
	assert_int_equal(learned(&w, 0x1000, 7, 1)->open_flags, 0);
	assert_int_not_equal(learned(&w, 0x1000, 8, 1)->id, learned(&w, 0x1000, 7, 1)->id);
	end(&w);
}

static void test_files_that_have_gone_do_not_pile_up(void **state)
{
	struct world w;
	struct origin *o;
	unsigned long at = 0;
	uint32_t nr = 0, first;

	begin(&w);
	first = learned(&w, 0x1000, 1, 1)->id;
	for (uint64_t ino = 2; ino < 3 * ORIGINS_KEPT; ino++)
		learned(&w, 0x1000, ino, 1);
	mt_for_each (&w.s.origins, o, at, ULONG_MAX)
		nr++;
	assert_int_equal(nr, ORIGINS_KEPT + 1);
	assert_null(mtree_load(&w.s.origins, first));
	end(&w);
}

/* What a process may is told as it was when its call returned, whatever the process is by now. */
static void test_limits_are_those_of_the_call(void **state)
{
	struct call_record r = { .nr = NR_setrlimit, .data_len = RECORD_LIMITS * sizeof(uint64_t) };
	const uint64_t limits[RECORD_LIMITS] = { 0, 0, 0, 65536, 0, 0, 0 };
	struct world w;

	begin(&w);
	r.head = head(&w, RECORD_CALL, 1, 1, 0);
	memcpy(r.data, limits, sizeof(limits));
	put(&w, &r, sizeof(r));
	assert_told(&w, "limit3=65536");
	put(&w, &r, sizeof(r));
	assert_told(&w, "");
	end(&w);
}

static void acts_under(struct world *w, uint32_t task, uint64_t memlock)
{
	struct limits_record r = { .head = head(w, RECORD_UNDER, 1, task, 1), .limits = { [3] = memlock } };

	put(w, &r, sizeof(r));
}

/* Whoever has changed them: told before what is done under them, and of a call that came before not. */
static void test_limits_are_those_of_the_section(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_mlock);
	acts_under(&w, 1, 4096);
	assert_told(&w, "");
	call(&w, 1, NR_mlock, 0);
	assert_told(&w, "mlock=0 map1");
	section(&w, 1, 3, NR_mlock);
	call(&w, 1, NR_mlock, -12);
	assert_told(&w, "limit3=4096 mlock=-12 map1");
	acts_under(&w, 1, 4096);
	section(&w, 1, 5, NR_munmap);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "munmap=0 map1");
	end(&w);
}

static void number(struct world *w, uint32_t which, const char *text)
{
	struct number_record r = { .head = { .type = RECORD_NUMBER }, .which = which };

	snprintf(r.text, sizeof(r.text), "%s", text);
	put(w, &r, sizeof(r));
}

static void test_numbers_of_the_machine_are_those_of_the_section(void **state)
{
	struct world w;

	begin(&w);
	section(&w, 1, 1, NR_mmap);
	number(&w, NUMBER_MAX_MAP_COUNT, "1200\n");
	call(&w, 1, NR_mmap, -12);
	assert_told(&w, "mmap=-12 map1");
	section(&w, 1, 3, NR_mmap);
	number(&w, NUMBER_MAX_MAP_COUNT, "-1");
	number(&w, NUMBER_MAX_MAP_COUNT, "2147483648");
	number(&w, NUMBER_MAX_MAP_COUNT, "many");
	number(&w, NUMBER_MAX_MAP_COUNT, "");
	number(&w, NUMBER_OVERCOMMIT_MEMORY, "3");
	call(&w, 1, NR_mmap, -12);
	assert_told(&w, "limit16=1200 mmap=-12 map1");
	section(&w, 1, 5, NR_mmap);
	call(&w, 1, NR_mmap, -12);
	assert_told(&w, "mmap=-12 map1");
	end(&w);
}

static void served(struct world *w, uint32_t type, uint64_t sequence, uint64_t from, uint64_t to)
{
	struct area_record r = { .head = head(w, type, 1, 1, sequence), .area = area(from, to, 0) };

	r.area.uffd = 0x1000;
	put(w, &r, sizeof(r));
}

/* What was written is told before it, and what an area has become behind it. */
static void test_areas_are_taken_back_from_a_userfaultfd(void **state)
{
	struct world w;

	begin(&w);
	served(&w, RECORD_CLOSED, 1, 1, 2);
	written(&w, 1, 1, 2, 3, 7);
	section_of(&w, 1, 1, 1, NO_CALL, NOTHING, 3, 3, 1);
	assert_told(&w, "write@A+2 closed@A+1 map3");
	/* No section that it is in was seen. */
	served(&w, RECORD_CLOSED, 1, 1, 2);
	section(&w, 1, 3, NR_munmap);
	call(&w, 1, NR_munmap, 0);
	assert_told(&w, "munmap=0 map1");
	end(&w);
}

/* Another section came first. */
static void test_areas_that_are_still_served_are_not_taken_back(void **state)
{
	struct section_areas r;
	struct world w;

	begin(&w);
	served(&w, RECORD_CLOSED, 1, 1, 2);
	r = (struct section_areas){ .section = { .head = head(&w, RECORD_SECTION, 1, 1, 1),
					    .lo = A,
					    .hi = A + 2 * PAGE,
					    .nr = NO_CALL,
					    .areas = 1 },
		.areas = { area(1, 2, 0) } };
	r.areas[0].uffd = 0x1000;
	put(&w, &r, sizeof(r.section) + sizeof(r.areas[0]));
	assert_told(&w, "");
	end(&w);
}

/* The task that asks has an address space of its own. */
static void test_a_call_through_an_inherited_userfaultfd_is_told_of_whom_it_serves(void **state)
{
	struct section_areas section = { .section = { .nr = NR_ioctl, .hi = A } };
	struct call_record r = { .nr = NR_ioctl };
	struct world w;

	begin(&w);
	section.section.head = head(&w, RECORD_SECTION, 1, 2, 1);
	r.head = head(&w, RECORD_CALL, 1, 2, 0);
	section.section.head.pid = r.head.pid = FIRST + 2;
	put(&w, &section, sizeof(section.section));
	assert_told(&w, "");
	put(&w, &r, CALL_BYTES);
	assert_told(&w, "ioctl=0 map0");
	end(&w);
}

/* It may have cut what lay there: of which file it was to be says how. */
static void test_a_mapping_that_was_refused_has_its_file(void **state)
{
	struct call_record r = { .nr = NR_mmap, .args = { A, PAGE, 1, 0x12, 3, 0 }, .result = -12 };
	struct refused_file refused = { .file = 0x1000 };
	struct world w;

	begin(&w);
	learned(&w, refused.file, 7, 1);
	r.head = head(&w, RECORD_CALL, 1, 1, 0);
	r.data_len = sizeof(refused);
	memcpy(r.data, &refused, sizeof(refused));
	put(&w, &r, CALL_BYTES + sizeof(refused));
	assert_told(&w, "file mmap=-12");
	refused.flags = AREA_SEALED;
	memcpy(r.data, &refused, sizeof(refused));
	put(&w, &r, CALL_BYTES + sizeof(refused));
	assert_told(&w, "file-sealed mmap=-12");
	call(&w, 1, NR_mmap, -12);
	assert_told(&w, "mmap=-12");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_section_waits_for_the_result_of_its_call),
		cmocka_unit_test(test_the_order_is_that_of_the_sections_and_not_of_the_results),
		cmocka_unit_test(test_of_several_sections_of_a_call_the_last_is_told),
		cmocka_unit_test(test_a_call_without_a_section_is_told_at_once),
		cmocka_unit_test(test_what_a_call_saw_before_it_changed_anything_keeps_its_place),
		cmocka_unit_test(test_a_missing_section_is_counted_and_nothing_is_told_behind_it),
		cmocka_unit_test(test_a_section_whose_areas_are_not_all_there_is_lost),
		cmocka_unit_test(test_sections_of_two_calls_of_one_task_show_that_a_return_was_lost),
		cmocka_unit_test(test_what_one_space_has_lost_stops_no_other),
		cmocka_unit_test(test_areas_of_a_section_whose_own_record_was_lost_are_not_the_nexts),
		cmocka_unit_test(test_what_was_written_before_a_section_that_was_lost_is_not_the_nexts),
		cmocka_unit_test(test_after_a_loss_only_the_lives_of_tasks_are_told),
		cmocka_unit_test(test_what_is_in_the_snapshot_is_not_told_again),
		cmocka_unit_test(
			test_the_first_call_that_a_task_returns_from_may_have_been_before_the_snapshot),
		cmocka_unit_test(test_a_first_call_that_is_seen_to_populate_was_before_the_snapshot),
		cmocka_unit_test(test_a_task_killed_in_a_call_leaves_what_it_changed),
		cmocka_unit_test(test_a_task_killed_in_a_call_that_changed_nothing_tells_nothing_of_it),
		cmocka_unit_test(test_a_child_waits_until_its_fork_was_told),
		cmocka_unit_test(test_an_exec_ends_the_one_and_begins_the_other),
		cmocka_unit_test(test_behind_an_end_that_was_not_seen_only_others_begin),
		cmocka_unit_test(test_the_last_task_ends_behind_the_last_look),
		cmocka_unit_test(test_nobody_is_in_a_call_any_more_when_the_space_ends),
		cmocka_unit_test(test_a_process_that_shares_the_space_is_no_thread),
		cmocka_unit_test(
			test_first_writes_are_told_once_and_in_the_order_that_gives_each_its_anon_vma),
		cmocka_unit_test(test_what_shares_with_a_neighbour_that_was_told_is_told_upwards_from_it),
		cmocka_unit_test(test_memory_of_an_open_file_is_used_again),
		cmocka_unit_test(test_limits_are_those_of_the_call),
		cmocka_unit_test(test_limits_are_those_of_the_section),
		cmocka_unit_test(test_numbers_of_the_machine_are_those_of_the_section),
		cmocka_unit_test(test_areas_are_taken_back_from_a_userfaultfd),
		cmocka_unit_test(test_areas_that_are_still_served_are_not_taken_back),
		cmocka_unit_test(test_a_call_through_an_inherited_userfaultfd_is_told_of_whom_it_serves),
		cmocka_unit_test(test_a_mapping_that_was_refused_has_its_file),
		cmocka_unit_test(test_files_that_have_gone_do_not_pile_up),
		cmocka_unit_test(test_where_an_area_was_moved_is_written_only_if_it_was),
	};

	return cmocka_run_group_tests_name("records of BPF", tests, NULL, NULL);
}
