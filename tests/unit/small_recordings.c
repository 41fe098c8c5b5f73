/* SPDX-License-Identifier: MIT */
/*
 * What a recording of 1 KB can ask of its reader: at most 64 MiB of memory, and a second for each MB that it stands for.
 *
 * Its blocks say the same event, or the same area, over and over, as many times as a block may: that is what compresses best.
 * Memory is what the reader has of malloc(3) and its kin at once, by --wrap; time is the processor's, held by RLIMIT_CPU.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "codec.h"
#include "recording.h"

#define SMALL 1000 /* bytes of a recording */
#define MIB   (1UL << 20)

/* --- what the reader has ------------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *mem, size_t size);
void __real_free(void *mem);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *mem, size_t size);
void __wrap_free(void *mem);

static size_t has, most;

static void *got(void *mem)
{
	has += malloc_usable_size(mem);
	most = has > most ? has : most;
	return mem;
}

void *__wrap_malloc(size_t size)
{
	return got(__real_malloc(size));
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return got(__real_calloc(nr, size));
}

/* For a moment there may be both. */
void *__wrap_realloc(void *mem, size_t size)
{
	size_t had = malloc_usable_size(mem);
	void *grown = got(__real_realloc(mem, size));

	if (grown || !size)
		has -= had;
	return grown;
}

void __wrap_free(void *mem)
{
	has -= malloc_usable_size(mem);
	__real_free(mem);
}

/* --- the recording ------------------------------------------------------------------------------------------- */

static char path[] = "/tmp/vmaple-small.XXXXXX";

struct small {
	uint8_t bytes[SMALL];
	size_t size, stands_for;
	uint64_t blocks;
};

/* False: it would be more than 1 KB, or than a block of its size may stand for. */
static bool add_block(struct small *s, uint32_t kind, const struct codec *c)
{
	static uint8_t payload[2 * MIB];
	struct block_head head = {
		.magic = BLOCK_MAGIC, .kind = kind, .raw_size = (uint32_t)c->pos, .number = s->blocks
	};

	head.size = (uint32_t)ZSTD_compress(payload, sizeof(payload), c->buf, c->pos, 19);
	assert_false(ZSTD_isError(head.size));
	if (s->size + sizeof(head) + head.size > SMALL)
		return false;
	assert_true(head.raw_size <= BLOCK_RAW_FREE + head.size * BLOCK_RATIO);
	head.sum = block_sum(&head, payload);
	memcpy(s->bytes + s->size, &head, sizeof(head));
	memcpy(s->bytes + s->size + sizeof(head), payload, head.size);
	s->size += sizeof(head) + head.size;
	s->stands_for += c->pos;
	s->blocks++;
	return true;
}

static void put_event(struct codec *c, struct trace_event e, uint64_t *step)
{
	e.step = ++*step;
	e.pid = e.tid = 100;
	e.mm = 1;
	assert_true(codec_event(c, &e));
}

/* An address space, and then blocks of @repeated, each as many times as go into 1 MiB, until there is no more room. */
static void make(struct small *s, const struct trace_event *map, const struct trace_event *repeated)
{
	struct codec c = { .writing = true, .version = TRACE_FORMAT_VERSION };
	struct trace_header header = rec_header;
	uint64_t step = 0;

	*s = (struct small){ .size = TRACE_MAGIC_LEN };
	memcpy(s->bytes, TRACE_MAGIC, TRACE_MAGIC_LEN);
	codec_header(&c, &header);
	assert_true(add_block(s, BLOCK_HEADER, &c));
	codec_begin_block(&c);
	put_event(&c, (struct trace_event){ .type = TRACE_EVENT_SPACE, .space = rec_space() }, &step);
	put_event(&c, *map, &step);
	while (add_block(s, BLOCK_EVENTS, &c)) {
		codec_begin_block(&c);
		for (size_t one = 1; c.pos + one <= MIB;) {
			size_t at = c.pos;

			put_event(&c, *repeated, &step);
			one = c.pos - at;
		}
	}
	codec_free(&c);
}

static const struct trace_event empty_map = { .type = TRACE_EVENT_MAP,
	.map = { .reason = TRACE_MAP_BEGIN, .hi = UINT64_MAX, .has_vm_flags = true, .has_names = true } };

/* --- reading it ---------------------------------------------------------------------------------------------- */

/* @return how many events it has. */
static uint64_t read_within_bounds(const struct small *s)
{
	struct trace_reader *reader;
	struct trace_event event;
	struct rlimit cpu = { 0, RLIM_INFINITY };
	struct rusage used;
	char error[512];
	uint64_t events = 0;
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(s->bytes, 1, s->size, f), s->size);
	assert_int_equal(fclose(f), 0);
	getrusage(RUSAGE_SELF, &used);
	cpu.rlim_cur = (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + 2 + s->stands_for / MIB;
	setrlimit(RLIMIT_CPU, &cpu);
	most = has = 0;
	assert_int_equal(trace_reader_open(&reader, path, error, sizeof(error)), 0);
	while (trace_reader_next(reader, &event) == 1)
		events++;
	trace_reader_close(reader);
	cpu.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_CPU, &cpu);
	printf("# %zu bytes stand for %zu: %llu events, at most %zu KiB at once\n", s->size, s->stands_for,
		(unsigned long long)events, most >> 10);
	assert_true(most <= 64 * MIB);
	return events;
}

static void test_one_event_over_and_over(void **state)
{
	const struct trace_event fault = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = 0, .write = true, .write_known = true } };
	struct small s;

	make(&s, &empty_map, &fault);
	assert_true(s.stands_for > 2 * MIB);
	assert_true(read_within_bounds(&s) > 100000);
}

/* Each says its bounds in full, so that few compress to so little. */
static void test_as_many_areas_as_a_block_can_say(void **state)
{
	static struct trace_area areas[60000];
	struct trace_event map = empty_map;
	struct small s;

	for (uint32_t i = 0; i < 60000; i++)
		areas[i] = rec_area(2 * i, 2 * i + 1, PROT_READ);
	map.map.has_vm_flags = false;
	map.map.areas = areas;
	map.map.count = 60000;
	for (make(&s, &map, &map); s.blocks < 2; make(&s, &map, &map))
		map.map.count /= 2;
	assert_true(map.map.count > 50);
	assert_true(read_within_bounds(&s) >= 2);
}

static void test_as_many_anon_vmas_as_a_block_can_say(void **state)
{
	static struct trace_anon_area areas[200000];
	struct trace_event anon = { .type = TRACE_EVENT_ANON, .anon = { .count = 200000, .areas = areas } };
	struct small s;

	for (uint32_t i = 0; i < 200000; i++)
		areas[i] = (struct trace_anon_area){ REC_BASE + i * REC_PAGE, 1, 1 };
	make(&s, &empty_map, &anon);
	assert_true(s.stands_for > MIB / 2);
	(void)read_within_bounds(&s);
}

/* What a head says of a block is not believed beyond what its file has, nor beyond what so few bytes can stand for. */
static void test_a_head_that_asks_for_much_gets_nothing(void **state)
{
	struct block_head head;
	uint8_t *at;
	struct small s;

	make(&s, &empty_map, &empty_map);
	at = s.bytes + TRACE_MAGIC_LEN;
	memcpy(&head, at, sizeof(head));
	at += sizeof(head) + head.size;
	memcpy(&head, at, sizeof(head));
	head.raw_size = BLOCK_RAW_MAX;
	head.sum = block_sum(&head, at + sizeof(head));
	memcpy(at, &head, sizeof(head));
	assert_int_equal(read_within_bounds(&s), 0);
	assert_true(most <= MIB);
	head.size = BLOCK_RAW_MAX;
	memcpy(at, &head, sizeof(head));
	assert_int_equal(read_within_bounds(&s), 0);
	assert_true(most <= MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_event_over_and_over),
		cmocka_unit_test(test_as_many_areas_as_a_block_can_say),
		cmocka_unit_test(test_as_many_anon_vmas_as_a_block_can_say),
		cmocka_unit_test(test_a_head_that_asks_for_much_gets_nothing),
	};
	int failed;

	close(mkstemp(path));
	failed = cmocka_run_group_tests_name("small recordings", tests, NULL, NULL);
	unlink(path);
	return failed;
}
