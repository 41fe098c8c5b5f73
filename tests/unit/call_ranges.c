/* SPDX-License-Identifier: MIT */
/* Which addresses a recorded call names, and which it has made: as the manual pages of the calls say. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <vmaple/trace.h>

#define K(n)  ((n)*1024ull)
#define AT    0x7f0000000000ull
#define OTHER 0x7e0000000000ull
#define FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static const struct trace_heap heap = { 0x10000000, 0x10002800 };

static const struct {
	const char *what;
	struct {
		uint32_t nr;
		uint64_t args[6];
		int64_t result;
	} call;
	unsigned int nr;
	struct trace_range named[2];
	struct trace_range placed; /* end 0: none */
} calls[] = {
	{ "mmap where the kernel likes", { SYS_mmap, { 0, K(5), 3, MAP_PRIVATE }, (int64_t)AT }, 0, { { 0 } },
		{ AT, AT + K(8) } },
	{ "mmap with a hint", { SYS_mmap, { OTHER, K(4), 3, MAP_PRIVATE }, (int64_t)AT }, 0, { { 0 } },
		{ AT, AT + K(4) } },
	{ "mmap at a place", { SYS_mmap, { AT, K(4), 3, FIXED }, (int64_t)AT }, 1, { { AT, AT + K(4) } },
		{ AT, AT + K(4) } },
	{ "mmap that fails", { SYS_mmap, { AT, K(4), 3, FIXED }, -12 }, 1, { { AT, AT + K(4) } }, { 0 } },
	{ "brk upwards", { SYS_brk, { 0x10004000 }, 0x10004000 }, 1, { { 0x10002000, 0x10004000 } }, { 0 } },
	{ "brk downwards", { SYS_brk, { 0x10001000 }, 0x10001000 }, 1, { { 0x10001000, 0x10003000 } },
		{ 0 } },
	{ "brk that asks", { SYS_brk, { 0 }, 0x10002800 }, 0, { { 0 } }, { 0 } },
	{ "brk to where it is", { SYS_brk, { 0x10002800 }, 0x10002800 }, 0, { { 0 } }, { 0 } },
	{ "mremap that grows", { SYS_mremap, { AT, K(4), K(12), MREMAP_MAYMOVE }, (int64_t)OTHER }, 1,
		{ { AT, AT + K(4) } }, { OTHER, OTHER + K(12) } },
	{ "mremap to a place: as long as it is to be there",
		{ SYS_mremap, { AT, K(4), K(12), MREMAP_MAYMOVE | MREMAP_FIXED, OTHER }, (int64_t)OTHER }, 2,
		{ { AT, AT + K(4) }, { OTHER, OTHER + K(12) } }, { OTHER, OTHER + K(12) } },
	{ "mremap that shrinks on the way",
		{ SYS_mremap, { AT, K(12), K(4), MREMAP_MAYMOVE | MREMAP_FIXED, OTHER }, -22 }, 2,
		{ { AT, AT + K(12) }, { OTHER, OTHER + K(4) } }, { 0 } },
	{ "a second view of shared memory", { SYS_mremap, { AT, 0, K(4), MREMAP_MAYMOVE }, (int64_t)OTHER },
		1, { { AT, AT } }, { OTHER, OTHER + K(4) } },
	{ "munmap", { SYS_munmap, { AT, K(3) }, 0 }, 1, { { AT, AT + K(4) } }, { 0 } },
	{ "mprotect", { SYS_mprotect, { AT, K(4), 1 }, 0 }, 1, { { AT, AT + K(4) } }, { 0 } },
	{ "mlock within pages", { SYS_mlock, { AT + 100, K(4) }, 0 }, 1, { { AT, AT + K(8) } }, { 0 } },
	{ "madvise to the end of all", { SYS_madvise, { AT, ~0ull, 4 }, -22 }, 1, { { AT, ~4095ull } },
		{ 0 } },
	{ "a name", { SYS_prctl, { PR_SET_VMA, 0, AT, K(8) }, 0 }, 1, { { AT, AT + K(8) } }, { 0 } },
	{ "another prctl", { SYS_prctl, { PR_SET_NAME, AT }, 0 }, 0, { { 0 } }, { 0 } },
	{ "mlockall", { SYS_mlockall, { 1 }, 0 }, 0, { { 0 } }, { 0 } },
	{ "shmat", { SYS_shmat, { 1 }, (int64_t)AT }, 0, { { 0 } }, { AT, AT + K(4) } },
	{ "shmat that fails", { SYS_shmat, { 1 }, -22 }, 0, { { 0 } }, { 0 } },
};

static void test_each_call(void **state)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct trace_range named[2] = { { 0 } }, placed = { 0 };
		struct trace_call call = { .nr = calls[i].call.nr, .result = calls[i].call.result };
		unsigned int nr;
		bool is_placed, ok;

		memcpy(call.args, calls[i].call.args, sizeof(call.args));
		nr = trace_named_ranges(&call, &heap, named);
		is_placed = trace_placed_range(&call, &placed);
		ok = nr == calls[i].nr && is_placed == (calls[i].placed.end != 0) &&
		     placed.start == calls[i].placed.start && placed.end == calls[i].placed.end;
		for (unsigned int n = 0; n < nr; n++)
			ok &= named[n].start == calls[i].named[n].start &&
			      named[n].end == calls[i].named[n].end;
		if (!ok)
			fail_msg("%s: %u ranges, [%#llx, %#llx) [%#llx, %#llx)", calls[i].what, nr,
				(unsigned long long)named[0].start, (unsigned long long)named[0].end,
				(unsigned long long)named[1].start, (unsigned long long)named[1].end);
	}
}

static void test_ranges_in_memory(void **state)
{
	const uint64_t pairs[] = { AT, K(4), OTHER, K(8), AT + K(64), K(4) };
	struct trace_call c = { .nr = SYS_process_madvise, .data = pairs };
	struct trace_range named[2];

	assert_int_equal(trace_named_ranges(&c, &heap, named), 0);
	c.data_len = 32;
	assert_int_equal(trace_named_ranges(&c, &heap, named), 2);
	assert_int_equal(named[1].start, OTHER);
	assert_int_equal(named[1].end, OTHER + K(8));
	c.data_len = 48;
	assert_int_equal(trace_named_ranges(&c, &heap, named), 1);
	assert_int_equal(named[0].start, OTHER);
	assert_int_equal(named[0].end, AT + K(68));
	c.nr = SYS_ioctl;
	assert_int_equal(trace_named_ranges(&c, &heap, named), 1);
	assert_int_equal(named[0].end, AT + K(4));
	c.data_len = 15;
	assert_int_equal(trace_named_ranges(&c, &heap, named), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_ranges_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
