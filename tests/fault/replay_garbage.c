/* SPDX-License-Identifier: MIT */
/*
 * Events that make no sense: the mirror survives whatever a recording can say.
 *
 * Checksums keep damage from reaching the mirror; a recording that was made to deceive has right checksums.  Here the
 * bytes of a good story are changed at random before they are decoded, and single fields are set to telling values;
 * whatever still decodes is replayed and checked.  Nothing may crash, and the address spaces must stay valid.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec.h"
#include "random.h"
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

static uint64_t telling(struct random *r)
{
	static const uint64_t values[] = { 0, 1, 4095, 4096, 4097, 0x7f0000000000, 0x7f0000001000,
		(1UL << 47) - 4096, 1UL << 47, 1UL << 63, UINT64_MAX, UINT64_MAX - 4095, 0x10000000, 65536 };

	return random_below(r, 3) ? values[random_below(r, 14)] : random_u64(r);
}

static void disturb_area(struct random *r, struct trace_area *a)
{
	uint64_t *const fields[] = { &a->start, &a->end, &a->offset, &a->dev, &a->ino, &a->vm_flags };
	static const char *const names[] = { "", "[heap]", "[stack]", "[anon:x]", "[anon:", "/file",
		"[vdso]" };

	*fields[random_below(r, 6)] = telling(r);
	a->name = names[random_below(r, 7)];
}

static void disturb(struct random *r, struct trace_event *e)
{
	static const uint32_t numbers[] = { SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_brk,
		SYS_madvise, SYS_mlock, SYS_mlockall, SYS_munlockall, SYS_prctl, SYS_mbind, SYS_shmat,
		SYS_shmdt, SYS_ioctl, SYS_remap_file_pages, 462, 9999 };

	switch (e->type) {
	case TRACE_EVENT_CALL:
		if (random_below(r, 3) == 0)
			e->call.nr = numbers[random_below(r, 17)];
		e->call.args[random_below(r, 6)] = telling(r);
		if (random_below(r, 3) == 0)
			e->call.result = (int64_t)telling(r);
		break;
	case TRACE_EVENT_FAULT:
		e->fault.addr = telling(r);
		break;
	case TRACE_EVENT_SPACE:
		e->space.task_size = random_below(r, 4) ? e->space.task_size : telling(r);
		e->space.mmap_base = random_below(r, 2) ? e->space.mmap_base : telling(r);
		e->space.start_brk = e->space.brk = telling(r);
		break;
	case TRACE_EVENT_MAP:
		e->map.lo = random_below(r, 2) ? e->map.lo : telling(r);
		e->map.hi = random_below(r, 2) ? e->map.hi : telling(r);
		for (uint32_t i = 0; i < e->map.count; i++)
			disturb_area(r, (struct trace_area *)&e->map.areas[i]);
		break;
	default:
		break;
	}
	/* Another kind of event, of those without strings: a source never leaves those out. */
	if (random_below(r, 50) == 0)
		*e = (struct trace_event){
			.type = TRACE_EVENT_FAULT + (uint32_t)random_below(r, 5),
			.step = e->step,
			.pid = e->pid,
			.tid = e->tid,
			.mm = (uint32_t)random_below(r, 4),
		};
	if (e->type == TRACE_EVENT_FORK)
		e->fork.child_mm = (uint32_t)random_below(r, 4);
}

static void check_spaces(struct replay *replay)
{
	const char *reason;
	struct mm_struct *mm = replay_find(replay, 0);

	if (mm && !mm_validate(mm, &reason))
		fail_msg("%s", reason);
}

static void replay_bytes(struct random *r, const uint8_t *bytes, size_t size, bool disturbed)
{
	struct replay_options options = { .unchecked = false };
	struct replay *replay = replay_new(&rec_header, &options);
	struct codec c = { .buf = malloc(size), .end = size };
	struct trace_event e;

	assert_non_null(replay);
	memcpy(c.buf, bytes, size);
	if (!disturbed)
		for (uint64_t n = 1 + random_below(r, 8); n; n--)
			c.buf[random_below(r, size)] = (uint8_t)random_u64(r);
	while (codec_event(&c, &e)) {
		if (disturbed && random_below(r, 4) == 0)
			disturb(r, &e);
		if (replay_sink(replay)->event(replay_sink(replay), &e))
			break;
		check_spaces(replay);
	}
	replay_free(replay);
	codec_free(&c);
}

static void run(bool disturbed, uint64_t rounds)
{
	struct encoder enc = { .sink.event = encode_event, .codec.writing = true };
	struct recording rec = { .sink = &enc.sink };
	struct random r = { random_seed() };

	rec_story(&rec);
	assert_int_equal(rec.error, 0);
	for (uint64_t i = 0; i < rounds; i++)
		replay_bytes(&r, enc.codec.buf, enc.codec.pos, disturbed);
	codec_free(&enc.codec);
}

static void test_changed_bytes_are_survived(void **state)
{
	run(false, test_operations(20000));
}

static void test_senseless_events_are_survived(void **state)
{
	run(true, test_operations(20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changed_bytes_are_survived),
		cmocka_unit_test(test_senseless_events_are_survived),
	};

	return cmocka_run_group_tests_name("senseless recordings", tests, NULL, NULL);
}
