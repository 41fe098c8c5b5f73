/* SPDX-License-Identifier: MIT */
/*
 * When first writes come that are put off, and where, around each kind of mremap.  What is expected follows from the manual
 * page of mremap and the rules at the head of late.c; besides, each write is held against a map of pages that this test
 * keeps itself: none comes where nothing is mapped.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "whatif/internal.h"

#define P 4096ull
#define A 0x10000000ull
#define B 0x20000000ull

enum { PAGES = 16, MAX_STEPS = 12 };

/* Steps count from 1; arguments and result are pages, of the two places that have PAGES each. */
struct step {
	enum { END, IS_MAP, IS_PROTECT, IS_REMAP, IS_WRITE, IS_FORK } kind;
	uint64_t addr, len, to, new_len, flags;
};

// clang-format off
#define MAP(at, n)     { .kind = IS_MAP, .addr = (at), .len = (n) }
#define PROTECT(at, n) { .kind = IS_PROTECT, .addr = (at), .len = (n) }
#define REMAP(at, n, where, m, how) \
	{ .kind = IS_REMAP, .addr = (at), .len = (n), .to = (where), .new_len = (m), .flags = (how) }
#define WRITE(at)      { .kind = IS_WRITE, .addr = (at) }
#define FORK()         { .kind = IS_FORK }
// clang-format on

struct arrival {
	uint64_t step, addr; /* addr 0: the list's end */
};

static const struct scene {
	const char *what;
	struct step steps[MAX_STEPS];
	struct arrival arrivals[MAX_STEPS];
} scenes[] = {
	{ "an mprotect puts off", { MAP(A, 4), WRITE(A + P), PROTECT(A, 4), WRITE(A) },
		{ { 4, A + P }, { 4, A } } },
	{ "what a shrink in place takes away never comes",
		{ MAP(A, 4), WRITE(A), WRITE(A + 3 * P), REMAP(A, 4, A, 2, 0), PROTECT(A, 2), FORK() },
		{ { 6, A } } },
	{ "what a shrink on the way takes away never comes",
		{ MAP(A, 8), WRITE(A), WRITE(A + 3 * P), REMAP(A, 4, B, 2, MREMAP_MAYMOVE | MREMAP_FIXED),
			PROTECT(A + 4 * P, 4), FORK() },
		{ { 5, B } } },
	{ "what lies behind a shorter mapping is another",
		{ MAP(A, 4), REMAP(A, 4, A, 2, 0), MAP(A + 2 * P, 2), WRITE(A + 2 * P), PROTECT(A, 2),
			FORK() },
		{ { 4, A + 2 * P } } },
	{ "what grows where it is, is one mapping",
		{ MAP(A, 2), REMAP(A, 2, A, 4, 0), WRITE(A + 3 * P), PROTECT(A, 1), FORK() },
		{ { 5, A + 3 * P } } },
	{ "what grows as it moves is one mapping",
		{ MAP(A, 2), REMAP(A, 2, B, 4, MREMAP_MAYMOVE), WRITE(B + 3 * P), PROTECT(B, 1), FORK() },
		{ { 5, B + 3 * P } } },
	{ "what was where something longer moves to never comes",
		{ MAP(A, 2), MAP(B, 4), WRITE(B + 3 * P), WRITE(A),
			REMAP(A, 2, B, 4, MREMAP_MAYMOVE | MREMAP_FIXED), PROTECT(B, 4), FORK() },
		{ { 7, B } } },
	{ "MREMAP_DONTUNMAP leaves a mapping",
		{ MAP(A, 2), REMAP(A, 2, B, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), WRITE(A), PROTECT(A, 2),
			FORK() },
		{ { 5, A } } },
	{ "what comes before a fork comes where it was then",
		{ MAP(A, 2), WRITE(A), PROTECT(A, 2), FORK(), REMAP(A, 2, B, 2, MREMAP_MAYMOVE) },
		{ { 4, A } } },
};

static struct trace_event event_of(const struct step *s, uint64_t step)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL, .step = step, .pid = 1, .tid = 1, .mm = 1 };

	switch (s->kind) {
	case IS_MAP:
		e.call = (struct trace_call){
			.nr = SYS_mmap, .args = { s->addr, s->len * P }, .result = (int64_t)s->addr
		};
		break;
	case IS_PROTECT:
		e.call = (struct trace_call){ .nr = SYS_mprotect, .args = { s->addr, s->len * P } };
		break;
	case IS_REMAP:
		e.call = (struct trace_call){ .nr = SYS_mremap,
			.args = { s->addr, s->len * P, s->new_len * P, s->flags, s->to },
			.result = (int64_t)s->to };
		break;
	case IS_WRITE:
		e.type = TRACE_EVENT_FAULT;
		e.fault = (struct trace_fault){ .addr = s->addr, .write = true, .write_known = true };
		break;
	default:
		e.type = TRACE_EVENT_FORK;
		e.fork = (struct trace_fork){ .child_pid = 2, .child_mm = 2 };
		break;
	}
	return e;
}

/* --- the model: pages that are mapped ------------------------------------------------------------------------ */

struct pages {
	bool mapped[2][PAGES];
};

static void set_pages(struct pages *p, uint64_t addr, uint64_t len, bool mapped)
{
	for (uint64_t i = 0; i < len; i++)
		p->mapped[addr >= B][(addr - (addr >= B ? B : A)) / P + i] = mapped;
}

static void carry_out(struct pages *p, const struct step *s)
{
	if (s->kind == IS_MAP)
		set_pages(p, s->addr, s->len, true);
	if (s->kind != IS_REMAP)
		return;
	if (!(s->flags & MREMAP_DONTUNMAP))
		set_pages(p, s->addr, s->len, false);
	set_pages(p, s->to, s->new_len, true);
}

/* --- the test ------------------------------------------------------------------------------------------------ */

static void arrive(const struct pages *p, const struct arrival **expected, const struct trace_event *write)
{
	uint64_t addr = write->fault.addr;

	assert_true(p->mapped[addr >= B][(addr - (addr >= B ? B : A)) / P]);
	assert_int_equal(addr, (*expected)->addr);
	assert_int_equal(write->step, (*expected)->step);
	++*expected;
}

static void play(const struct scene *scene)
{
	const struct arrival *expected = scene->arrivals;
	struct pages pages = { 0 };
	struct late late = { 0 };
	struct trace_event e, write;
	uint64_t nr = 0;

	late_begin(&late, P);
	for (; nr < MAX_STEPS && scene->steps[nr].kind != END; nr++) {
		e = event_of(&scene->steps[nr], nr + 1);
		assert_int_equal(late_prepare(&late, &e), 0);
	}
	for (uint64_t i = 0; i < nr; i++) {
		e = event_of(&scene->steps[i], i + 1);
		while (late_release(&late, e.step, &write))
			arrive(&pages, &expected, &write);
		if (e.type == TRACE_EVENT_FAULT && !late_hold(&late, &e))
			arrive(&pages, &expected, &e);
		carry_out(&pages, &scene->steps[i]);
	}
	assert_int_equal(expected->addr, 0);
	late_end(&late);
}

static void test_writes_come_where_their_memory_is(void **state)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		print_message("# %s\n", scenes[i].what);
		play(&scenes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_come_where_their_memory_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
