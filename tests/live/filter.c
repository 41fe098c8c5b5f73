/* SPDX-License-Identifier: MIT */
/*
 * The recorder's filter, run here instruction by instruction as seccomp(2) runs it: which calls it stops, by their arguments,
 * against a list made from the manual pages; and that what is asked of tasks without it says the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef __x86_64__

int main(void)
{
	return 77;
}

#else

#include <asm/prctl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "internal.h"

#define STOP    (SECCOMP_RET_TRACE | 0x1234)
#define HIGH    0x100000000ull /* no argument of 32 bits has it */
#define X32     0x40000000u
#define LET_GO  0x766d6170u
#define ENDLESS 2000

static struct sock_filter code[FILTER_MAX];
static unsigned short length;

static uint32_t run(const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned int at = 0, n = 0; at < length && n < ENDLESS; at++, n++) {
		const struct sock_filter *f = &code[at];
		bool holds;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k + 4 <= sizeof(*data) && f->k % 4 == 0);
			memcpy(&a, (const char *)data + f->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			at += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
			holds = BPF_OP(f->code) == BPF_JEQ ? a == f->k : a >= f->k;
			at += holds ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("instruction %u has the code %#x", at, f->code);
		}
	}
	fail_msg("the program does not answer");
	return 0;
}

static bool stops(uint32_t arch, uint32_t nr, const uint64_t *args)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch, .instruction_pointer = 0x1234 };
	uint32_t answer;

	memcpy(data.args, args, sizeof(data.args));
	answer = run(&data);
	assert_true(answer == STOP || answer == SECCOMP_RET_ALLOW);
	return answer == STOP;
}

/* The two of them. */
static void check(uint32_t nr, const uint64_t *args, bool is_stopped)
{
	struct trace_call c = { .nr = nr };

	memcpy(c.args, args, sizeof(c.args));
	if (stops(AUDIT_ARCH_X86_64, nr, args) != is_stopped)
		fail_msg("call %u of %#lx %#lx %#lx %#lx is %s", nr, (unsigned long)args[0],
			(unsigned long)args[1], (unsigned long)args[2], (unsigned long)args[3],
			is_stopped ? "not stopped" : "stopped");
	/* Two of them have another number there. */
	assert_int_equal(stops(AUDIT_ARCH_X86_64,
				 X32 | (nr == SYS_ioctl           ? 514
					       : nr == SYS_ptrace ? 521
								  : nr),
				 args),
		is_stopped);
	assert_int_equal(filter_stops(&c), is_stopped);
}

/* --- by an argument ------------------------------------------------------------------------------------------- */

/* Its argument @arg decides: of these values it is stopped, and of none of those beside them. */
static const struct {
	uint32_t nr, arg;
	uint64_t values[10];
} decided[] = {
	{ SYS_setrlimit, 0, { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK } },
	{ SYS_prctl, 0,
		{ PR_SET_VMA, PR_SET_MM, 65 /* PR_SET_MDWE */, PR_SET_NO_NEW_PRIVS,
			67 /* PR_SET_MEMORY_MERGE */, 75 /* PR_SET_SHADOW_STACK_STATUS */, PR_SET_SECCOMP } },
	{ SYS_arch_prctl, 0,
		{ 0x2001, 0x2002, 0x2003 /* ARCH_MAP_VDSO_X32, _32, _64 */, 0x5001,
			0x5002 /* ARCH_SHSTK_ENABLE, _DISABLE */ } },
	{ SYS_ioctl, 1,
		{ UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_ZEROPAGE, 0xc028aa05 /* UFFDIO_MOVE */,
			0xaa00 /* USERFAULTFD_IOC_NEW */ } },
};

static bool is_among(const uint64_t *values, uint64_t value)
{
	for (size_t i = 0; i < 10 && values[i]; i++)
		if (values[i] == value)
			return true;
	return false;
}

static void test_an_argument_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(decided) / sizeof(decided[0]); i++) {
		const uint64_t *values = decided[i].values;
		uint64_t args[6] = { 900, 901, 902, 903, 904, 905 };

		for (size_t k = 0; k < 10 && values[k]; k++)
			for (int64_t beside = -3; beside <= 3; beside++) {
				args[decided[i].arg] = values[k] + (uint64_t)beside;
				check(decided[i].nr, args, is_among(values, args[decided[i].arg]));
				/* Only its lower half counts. */
				args[decided[i].arg] |= HIGH;
				check(decided[i].nr, args, is_among(values, values[k] + (uint64_t)beside));
			}
	}
}

static void test_seccomp_is_stopped_where_it_sets_a_mode(void **state)
{
	(void)state;
	for (uint64_t operation = 0; operation < 6; operation++)
		check(SYS_seccomp, (uint64_t[6]){ operation, 1, 2, 3, 4, 5 }, operation < 2);
}

static void test_a_limit_is_set_where_there_is_a_new_one(void **state)
{
	(void)state;
	for (uint64_t limit = 0; limit < 16; limit++) {
		bool counts = limit == RLIMIT_AS || limit == RLIMIT_DATA || limit == RLIMIT_STACK ||
			      limit == RLIMIT_MEMLOCK;

		check(SYS_prlimit64, (uint64_t[6]){ 5, limit, 0, 7 }, false);
		check(SYS_prlimit64, (uint64_t[6]){ 5, limit, 0x1000, 7 }, counts);
		check(SYS_prlimit64, (uint64_t[6]){ 5, limit, HIGH, 7 }, counts);
	}
}

static void test_what_asks_only_is_not_stopped(void **state)
{
	(void)state;
	check(SYS_brk, (uint64_t[6]){ 0, 1, 2 }, false);
	check(SYS_brk, (uint64_t[6]){ 1 }, true);
	check(SYS_brk, (uint64_t[6]){ HIGH }, true);
	check(SYS_personality, (uint64_t[6]){ 0xffffffff }, false);
	check(SYS_personality, (uint64_t[6]){ 0xffffffff | HIGH }, false);
	check(SYS_personality, (uint64_t[6]){ 0 }, true);
	check(SYS_personality, (uint64_t[6]){ 0xfffffffe }, true);
}

static void test_whoever_traces_is_asked_about(void **state)
{
	(void)state;
	for (uint64_t request = 0; request < 0x4300; request++)
		check(SYS_ptrace, (uint64_t[6]){ request, 5, 6, 7 },
			request == PTRACE_TRACEME || request == PTRACE_ATTACH || request == PTRACE_SEIZE);
	check(SYS_ptrace, (uint64_t[6]){ PTRACE_TRACEME, 0, 0, LET_GO }, false);
	check(SYS_ptrace, (uint64_t[6]){ PTRACE_TRACEME, 0, 0, LET_GO + 1 }, true);
}

/* --- whatever the arguments ------------------------------------------------------------------------------------- */

static void test_what_changes_a_map_is_stopped(void **state)
{
	static const uint32_t always[] = { SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise,
		SYS_shmat, SYS_shmdt, SYS_remap_file_pages, SYS_pkey_mprotect, SYS_mlock, SYS_mlock2,
		SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_mbind, SYS_io_setup, SYS_process_madvise,
		SYS_userfaultfd };
	static const uint32_t never[] = { SYS_read, SYS_write, SYS_openat, SYS_getpid, SYS_futex,
		SYS_nanosleep, SYS_mincore, SYS_getrlimit, SYS_poll, 9999 };
	static const uint64_t some[][6] = { { 0 }, { 1, 2, 3, 4, 5, 6 },
		{ HIGH, HIGH, HIGH, HIGH, HIGH, HIGH },
		{ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };

	(void)state;
	for (size_t k = 0; k < sizeof(some) / sizeof(some[0]); k++) {
		for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
			assert_true(stops(AUDIT_ARCH_X86_64, always[i], some[k]));
		for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
			assert_false(stops(AUDIT_ARCH_X86_64, never[i], some[k]));
		/* Of i386: munmap, mprotect, mremap, userfaultfd; read, getpid.  Of a machine that it is not: nothing. */
		assert_true(stops(AUDIT_ARCH_I386, 91, some[k]));
		assert_true(stops(AUDIT_ARCH_I386, 125, some[k]));
		assert_true(stops(AUDIT_ARCH_I386, 163, some[k]));
		assert_true(stops(AUDIT_ARCH_I386, 374, some[k]));
		assert_false(stops(AUDIT_ARCH_I386, 3, some[k]));
		assert_false(stops(AUDIT_ARCH_I386, 20, some[k]));
		assert_false(stops(AUDIT_ARCH_AARCH64, SYS_munmap, some[k]));
	}
	/* ipc(2): shmat and shmdt are 21 and 22, of any version, which is above the lower 16 bits. */
	for (uint64_t what = 0; what < 30; what++)
		for (uint64_t version = 0; version < 4; version++)
			assert_int_equal(
				stops(AUDIT_ARCH_I386, 117, (uint64_t[6]){ version << 16 | what, 1, 2, 3 }),
				what == 21 || what == 22);
	for (uint64_t option = 0; option < 100; option++)
		assert_int_equal(stops(AUDIT_ARCH_I386, 172, (uint64_t[6]){ option }),
			is_among(decided[1].values, option));
}

/* What is asked of tasks that have no filter, of every number. */
static void test_both_say_the_same_of_every_number(void **state)
{
	static const uint64_t words[] = { 0, 1, 2, 3, 9, 16, 22, 35, 38, 65, 67, 75, 0x2003, 0x4206,
		0x53564d41, LET_GO, 0xaa00, 0xffffffff, HIGH, UFFDIO_REGISTER, UINT64_MAX };
	uint64_t seed = 1;

	(void)state;
	for (uint32_t nr = 0; nr < 500; nr++)
		for (int i = 0; i < 40; i++) {
			struct trace_call c = { .nr = nr };

			for (int k = 0; k < 6; k++) {
				seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
				c.args[k] = words[(seed >> 33) % (sizeof(words) / sizeof(words[0]))];
			}
			if (filter_stops(&c) != stops(AUDIT_ARCH_X86_64, nr, c.args))
				fail_msg("call %u", nr);
		}
}

static int build(void **state)
{
	(void)state;
	length = filter_build(code, STOP);
	assert_in_range(length, 1, FILTER_MAX);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_argument_decides),
		cmocka_unit_test(test_seccomp_is_stopped_where_it_sets_a_mode),
		cmocka_unit_test(test_a_limit_is_set_where_there_is_a_new_one),
		cmocka_unit_test(test_what_asks_only_is_not_stopped),
		cmocka_unit_test(test_whoever_traces_is_asked_about),
		cmocka_unit_test(test_what_changes_a_map_is_stopped),
		cmocka_unit_test(test_both_say_the_same_of_every_number),
	};

	return cmocka_run_group_tests(tests, build, NULL);
}

#endif
