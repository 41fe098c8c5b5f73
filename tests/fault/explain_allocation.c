/* SPDX-License-Identifier: MIT */
/*
 * The ledger and changed recordings without memory: allocation 1, 2, 3, ... fails, until none does.
 *
 * Each time they say -ENOMEM or NULL, or do as if nothing had happened; whatever address spaces are there stay valid, and
 * nothing is left behind.  The ledger's own memory is malloc's, the engine's is the port's: both are counted as one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <cmocka.h>
#include <vmaple/explain.h>
#include <vmaple/whatif.h>

#include "codec.h"
#include "failing_malloc.h"
#include "recording.h"

/* A sink that encodes. */
struct encoder {
	struct trace_sink sink;
	struct codec codec;
};

static int encode_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct trace_event copy = *e;

	return codec_event(&((struct encoder *)sink)->codec, &copy) ? 0 : -1;
}

/* Pieces that are committed out of order, written, advised, moved, forked and touched again: every slot of a life. */
static void tell_story(struct recording *rec)
{
	const uint32_t rw = PROT_READ | PROT_WRITE;
	const uint64_t fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct trace_event move = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_mremap,
			.args = { rec_at(2), REC_PAGE, REC_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, rec_at(70) },
			.result = (int64_t)rec_at(70) } };
	/* Of what few areas have, which takes memory of its own. */
	struct trace_event name = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_prctl,
			.args = { PR_SET_VMA, PR_SET_VMA_ANON_NAME, rec_at(24), 2 * REC_PAGE, rec_at(0) },
			.data = "heap",
			.data_len = 5 } };
	struct trace_event fork = { .type = TRACE_EVENT_FORK, .fork = { 101, 2 } };

	rec_begin(rec);
	rec_call(rec, SYS_mmap, rec_at(0), 64 * REC_PAGE, PROT_NONE, fixed, (int64_t)rec_at(0));
	for (unsigned int i = 0; i < 16; i += 2) {
		rec_call(rec, SYS_mprotect, rec_at(i), REC_PAGE, rw, 0, 0);
		rec_write(rec, rec_at(i));
	}
	for (unsigned int i = 1; i < 16; i += 2)
		rec_call(rec, SYS_mprotect, rec_at(i), REC_PAGE, rw, 0, 0);
	rec_call(rec, SYS_madvise, rec_at(20), 2 * REC_PAGE, MADV_DONTFORK, 0, 0);
	rec_call(rec, SYS_madvise, rec_at(24), 2 * REC_PAGE, MADV_DONTDUMP, 0, 0);
	rec_event(rec, name);
	rec_event(rec, move);
	rec_call(rec, SYS_munmap, rec_at(9), REC_PAGE, 0, 0, 0);
	rec_event(rec, fork);
	rec->pid = 101;
	rec->mm = 2;
	rec_call(rec, SYS_mprotect, rec_at(0), 8 * REC_PAGE, PROT_READ, 0, 0);
	rec_call(rec, SYS_mprotect, rec_at(0), 8 * REC_PAGE, rw, 0, 0);
	rec->pid = rec->mm = 0;
	rec_call(rec, SYS_mprotect, rec_at(30), REC_PAGE, rw, 0, 0);
}

/* Eight pairs of pages, five pieces that no one may touch, the page that was moved, and one more that cuts the last piece. */
#define STORY_AREAS 16

static struct encoder story;

/* What is tried: with each event, and at the end. */
struct trial {
	struct trace_sink *sink;
	struct replay *replay;
	int (*each)(void *ctx, const struct trace_event *e);
	void *ctx;
};

/* All events, until memory runs out. Decoding is not what fails here. */
static int play(const struct trial *t)
{
	struct codec c = { .buf = story.codec.buf, .end = story.codec.pos };
	struct trace_event e;
	int err = 0;

	for (;;) {
		bool more;

		failing_counts = false;
		more = codec_event(&c, &e);
		failing_counts = true;
		if (err || !more)
			break;
		if (t->each)
			err = t->each(t->ctx, &e);
		if (!err && t->sink)
			err = t->sink->event(t->sink, &e);
	}
	failing_counts = false;
	c.buf = NULL;
	codec_free(&c);
	return err;
}

static void check_spaces(struct replay *replay)
{
	for (uint32_t mm = 1; replay && mm <= 2; mm++) {
		struct mm_struct *space = replay_space(replay, mm);
		const char *reason;

		if (space && !mm_validate(space, &reason))
			fail_msg("%s", reason);
	}
}

/* True where all of it went as without a failure. */
static bool explain_story(void)
{
	struct replay_options options = { .unchecked = true };
	struct explain_table table = { .areas = 0 };
	struct explain *x;
	struct mm_struct *mm = NULL;
	uint64_t areas = 0;
	int err = -ENOMEM;

	failing_counts = true;
	x = explain_new(&rec_header, &options);
	failing_counts = false;
	if (x) {
		err = play(&(struct trial){ .sink = explain_sink(x) });
		mm = replay_space(explain_replay(x), 1);
		check_spaces(explain_replay(x));
	}
	assert_true(!err || err == -ENOMEM);
	if (!err && mm) {
		failing_counts = true;
		err = explain_table(x, mm, &table);
		failing_counts = false;
	}
	for (size_t i = 0; i < table.count; i++)
		areas += table.groups[i].areas;
	if (!err) {
		assert_int_equal(areas, mm->map_count);
		assert_int_equal(areas, STORY_AREAS);
	}
	explain_table_free(&table);
	explain_free(x);
	return !err;
}

static const struct whatif_changes *changes;

static int prepare(void *ctx, const struct trace_event *e)
{
	return whatif_prepare(ctx, e);
}

static bool change_story(void)
{
	struct whatif *w;
	int err = -ENOMEM;

	failing_counts = true;
	w = whatif_new(&rec_header, changes);
	failing_counts = false;
	if (w) {
		err = play(&(struct trial){ .each = prepare, .ctx = w });
		if (!err)
			err = play(&(struct trial){ .sink = whatif_sink(w) });
		check_spaces(whatif_replay(w));
	}
	assert_true(!err || err == -ENOMEM);
	whatif_free(w);
	return !err;
}

/* Fail 1, 2, 3, ... until nothing is left to fail. */
static void fail_each(bool (*attempt)(void))
{
	long n = 0, survived = 0;
	bool good;

	for (;;) {
		assert_in_range(++n, 1, 100000);
		empty_caches();
		fail_after(n);
		good = attempt();
		if (!failing_hit)
			break;
		survived += good;
	}
	fail_after(-1);
	assert_true(good);
	empty_caches();
	assert_int_equal(live_blocks, 0);
	assert_int_equal(live_bytes, 0);
	print_message("# %ld allocations; without %ld of them it went on\n", n - 1, survived);
	assert_true(n > 20);
}

static void test_the_ledger_says_that_memory_is_missing(void **state)
{
	fail_each(explain_story);
}

static void test_a_changed_recording_says_that_memory_is_missing(void **state)
{
	const struct whatif_changes all[] = {
		{ .touch_late = true },
		{ .guards_install = true },
		{ .commit = 4 * REC_PAGE },
		{ .max_map_count = 12 },
		{ .nr_without = 1, .without = { { .nr = SYS_madvise, .advice = -1 } } },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		changes = &all[i];
		fail_each(change_story);
	}
}

static int encode_story(void **state)
{
	struct recording rec = { .sink = &story.sink };

	story = (struct encoder){ .sink.event = encode_event, .codec.writing = true };
	tell_story(&rec);
	failing_malloc_install();
	return rec.error;
}

static int forget_story(void **state)
{
	codec_free(&story.codec);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ledger_says_that_memory_is_missing),
		cmocka_unit_test(test_a_changed_recording_says_that_memory_is_missing),
	};

	return cmocka_run_group_tests_name("explanations without memory", tests, encode_story, forget_story);
}
