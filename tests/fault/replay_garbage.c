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
#include "disturb.h"
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
