/* SPDX-License-Identifier: MIT */
/*
 * Calls as they come in, registers of every table, and what a recording has of them.  The numbers are those of the kernel's
 * tables (syscall_64.tbl, syscall_32.tbl, asm-generic/unistd.h), and of the headers of the machine that this is built on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "call_table.h"

#define AT   0xf7fe0000u
#define HIGH 0xdead00000000ull /* what the upper halves of registers may hold */

/* Of who calls: at AT six numbers; nothing else can be read. */
static bool read_numbers(void *numbers, uint64_t addr, void *buf, size_t size)
{
	if (addr != AT || size > 6 * sizeof(uint32_t))
		return false;
	memcpy(buf, numbers, size);
	return true;
}

static const struct {
	const char *what;
	enum trace_abi abi;
	uint32_t number;
	uint64_t in[6];
	uint32_t nr;
	uint64_t out[6];
} calls[] = {
	{ "x86-64's mmap", TRACE_ABI_X86_64, 9, { HIGH, 4096, 3, 0x22, -1ull, HIGH }, 9,
		{ HIGH, 4096, 3, 0x22, -1ull, HIGH } },
	{ "x32's mmap", TRACE_ABI_X32, 9, { AT, 4096, 3, 0x22, 5, 8192 }, 9, { AT, 4096, 3, 0x22, 5, 8192 } },
	{ "x32's ioctl", TRACE_ABI_X32, 514, { 3, 7, AT }, 16, { 3, 7, AT } },
	{ "mmap2: its offset counts pages, of files beyond 4 GiB, too", TRACE_ABI_I386, 192,
		{ AT, 8192, 1, 2, 3, 0x123456 }, 9, { AT, 8192, 1, 2, 3, 0x123456000 } },
	{ "mmap2, and what is above its registers", TRACE_ABI_I386, 192,
		{ HIGH | AT, HIGH | 8192, HIGH | 1, HIGH | 2, HIGH | 0xffffffff, HIGH }, 9,
		{ AT, 8192, 1, 2, 0xffffffff, 0 } },
	{ "mmap, whose arguments lie in memory", TRACE_ABI_I386, 90, { AT }, 9,
		{ 0x10000, 0x5000, 3, 0x22, 0xffffffff, 0x3000 } },
	{ "munmap", TRACE_ABI_I386, 91, { AT, 4096 }, 11, { AT, 4096 } },
	{ "mprotect", TRACE_ABI_I386, 125, { AT, 4096, 1 }, 10, { AT, 4096, 1 } },
	{ "mremap", TRACE_ABI_I386, 163, { AT, 4096, 8192, 3, 0x10000 }, 25, { AT, 4096, 8192, 3, 0x10000 } },
	{ "brk", TRACE_ABI_I386, 45, { 0x8100000 }, 12, { 0x8100000 } },
	{ "shmat by ipc", TRACE_ABI_I386, 117, { 21, 7, 0x1000, 0x8049000, AT, 0 }, 30, { 7, AT, 0x1000 } },
	{ "shmdt by ipc", TRACE_ABI_I386, 117, { 22, 0, 0, 0, AT, 0 }, 67, { AT } },
	{ "shmat by ipc, of version 2", TRACE_ABI_I386, 117,
		{ HIGH | 2 << 16 | 21, 7, 0x1000, 0x8049000, AT, 0 }, 30, { 7, AT, 0x1000 } },
	{ "shmdt by ipc, of version 1", TRACE_ABI_I386, 117, { 1 << 16 | 22, 0, 0, 0, AT, 0 }, 67, { AT } },
	{ "shmat", TRACE_ABI_I386, 397, { 7, AT, 0x1000 }, 30, { 7, AT, 0x1000 } },
	{ "userfaultfd", TRACE_ABI_I386, 374, { HIGH | 1 }, 323, { 1 } },
	{ "x32's userfaultfd", TRACE_ABI_X32, 323, { 1 }, 323, { 1 } },
	{ "aarch64's userfaultfd", TRACE_ABI_GENERIC, 282, { 1 }, 323, { 1 } },
	{ "setuid of 16 bits", TRACE_ABI_I386, 23, { 1000 }, 105, { 1000 } },
	{ "aarch64's munmap", TRACE_ABI_GENERIC, 215, { HIGH, 4096 }, 11, { HIGH, 4096 } },
	{ "aarch64's io_setup", TRACE_ABI_GENERIC, 0, { 8, HIGH }, 206, { 8, HIGH } },
};

static void test_a_call_of_any_table_is_recorded_as_x86_64s(void **state)
{
	uint32_t numbers[6] = { 0x10000, 0x5000, 3, 0x22, 0xffffffff, 0x3000 };
	const struct call_memory memory = { read_numbers, numbers };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct trace_call c = { .ip = 1, .sp = 2 };

		print_message("# %s\n", calls[i].what);
		assert_true(call_decode(&c, calls[i].abi, calls[i].number, calls[i].in, &memory));
		assert_int_equal(c.nr, calls[i].nr);
		assert_int_equal(c.abi, calls[i].abi);
		assert_memory_equal(c.args, calls[i].out, sizeof(c.args));
		assert_int_equal(c.ip, 1);
		assert_int_equal(c.sp, 2);
	}
}

static void test_what_is_no_call_of_a_map_is_none(void **state)
{
	const uint64_t shmget[6] = { 23, 0, 4096 }, old_version[6] = { 1 << 16 | 21, 7 },
		       lost[6] = { AT + 4 };
	uint32_t numbers[6] = { 0 };
	const struct call_memory memory = { read_numbers, numbers };
	struct trace_call c;

	assert_false(call_decode(&c, TRACE_ABI_I386, 117, shmget, &memory));
	assert_false(call_decode(&c, TRACE_ABI_I386, 117, old_version, &memory));
	assert_false(call_decode(&c, TRACE_ABI_I386, 90, lost, &memory));
	assert_false(call_decode(&c, TRACE_ABI_I386, 9, shmget, &memory));
	assert_false(call_decode(&c, TRACE_ABI_X86_64, 192, shmget, &memory));
	assert_false(call_decode(&c, TRACE_ABI_X86_64, UINT32_MAX, shmget, &memory));
	assert_false(call_decode(&c, TRACE_ABI_GENERIC, 57, shmget, &memory));
}

static void test_only_ipc_puts_its_result_into_memory(void **state)
{
	const uint64_t shmat[6] = { 21, 7, 0, HIGH | 0x8049000, AT }, shmdt[6] = { 22, 0, 0, 0x8049000, AT },
		       version_1[6] = { 1 << 16 | 21, 7, 0, 0x8049000, AT },
		       version_2[6] = { HIGH | 2 << 16 | 21, 7, 0, 0x8049000, AT };

	assert_int_equal(call_result_at(TRACE_ABI_I386, 117, shmat), 0x8049000);
	assert_int_equal(call_result_at(TRACE_ABI_I386, 117, shmdt), 0);
	assert_int_equal(call_result_at(TRACE_ABI_I386, 117, version_1), 0);
	assert_int_equal(call_result_at(TRACE_ABI_I386, 117, version_2), 0x8049000);
	assert_int_equal(call_result_at(TRACE_ABI_I386, 397, shmat), 0);
	assert_int_equal(call_result_at(TRACE_ABI_X86_64, 117, shmat), 0);
}

static void test_numbers_are_those_of_this_machine(void **state)
{
#ifdef __x86_64__
	const enum trace_abi own = TRACE_ABI_X86_64;
#else
	const enum trace_abi own = TRACE_ABI_GENERIC;
#endif
	static const struct {
		long number;
		const char *name;
	} known[] = { { SYS_mmap, "mmap" }, { SYS_munmap, "munmap" }, { SYS_mprotect, "mprotect" },
		{ SYS_pkey_mprotect, "pkey_mprotect" }, { SYS_mremap, "mremap" }, { SYS_brk, "brk" },
		{ SYS_madvise, "madvise" }, { SYS_mlock, "mlock" }, { SYS_mlock2, "mlock2" },
		{ SYS_munlock, "munlock" }, { SYS_mlockall, "mlockall" }, { SYS_munlockall, "munlockall" },
		{ SYS_process_madvise, "process_madvise" }, { SYS_prctl, "prctl" }, { SYS_mbind, "mbind" },
		{ SYS_shmat, "shmat" }, { SYS_shmdt, "shmdt" }, { SYS_ioctl, "ioctl" },
		{ SYS_remap_file_pages, "remap_file_pages" }, { SYS_io_setup, "io_setup" },
		{ SYS_io_destroy, "io_destroy" }, { SYS_clone, "clone" }, { SYS_clone3, "clone3" },
		{ SYS_execve, "execve" }, { SYS_execveat, "execveat" }, { SYS_capset, "capset" },
		{ SYS_setuid, "setuid" }, { SYS_setreuid, "setreuid" }, { SYS_setresuid, "setresuid" },
		{ SYS_personality, "personality" }, { SYS_setrlimit, "setrlimit" },
		{ SYS_prlimit64, "prlimit64" }, { SYS_ptrace, "ptrace" }, { SYS_seccomp, "seccomp" },
		{ SYS_userfaultfd, "userfaultfd" }, { SYS_memfd_create, "memfd_create" },
		{ SYS_close_range, "close_range" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct call_row *row = call_of_number(own, (uint32_t)known[i].number);

		assert_non_null(row);
		assert_string_equal(row->name, known[i].name);
	}
}

/* No number of a table is there twice, and each row is the call that it says. */
static void test_rows_are_one_each(void **state)
{
	for (size_t i = 0; i < nr_call_rows; i++) {
		assert_non_null(call_of(call_rows[i].nr));
		for (int abi = 0; abi < TRACE_ABIS; abi++)
			if (call_rows[i].numbers[abi] != NOT_THERE)
				assert_ptr_equal(call_of_number((enum trace_abi)abi,
							 (uint32_t)call_rows[i].numbers[abi]),
					&call_rows[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_of_any_table_is_recorded_as_x86_64s),
		cmocka_unit_test(test_what_is_no_call_of_a_map_is_none),
		cmocka_unit_test(test_only_ipc_puts_its_result_into_memory),
		cmocka_unit_test(test_numbers_are_those_of_this_machine),
		cmocka_unit_test(test_rows_are_one_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
