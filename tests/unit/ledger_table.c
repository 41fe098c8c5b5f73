/* SPDX-License-Identifier: MIT */
/* The table of all boundaries beside one that is counted here, area by area, whatever random calls have made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <vmaple/explain.h>

#include "one_ledger.h"
#include "uapi.h"

#define PAGES  200
#define GROUPS 400

static uint64_t seed = 1;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

static struct mm_struct *space(void)
{
	return replay_space(explain_replay(ledger), 1);
}

static void call_from(uint64_t ip, uint32_t nr, const uint64_t *args, int64_t result)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL, .call = { .nr = nr, .result = result, .ip = ip } };

	memcpy(e.call.args, args, sizeof(e.call.args));
	rec_event(&r, e);
	assert_int_equal(r.error, 0);
}

static bool is_mapped(uint64_t page, uint64_t nr)
{
	for (uint64_t i = page; i < page + nr; i++)
		if (!vma_lookup(space(), rec_at(i)))
			return false;
	return true;
}

static void random_call(void)
{
	static const uint32_t prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	const uint64_t page = below(PAGES - 4), nr = 1 + below(4), ip = 0x1000 + 16 * below(5);
	const uint64_t at = rec_at(page), len = nr * REC_PAGE, prot = prots[below(3)];

	switch (below(4)) {
	case 0:
		call_from(ip, SYS_munmap, (uint64_t[6]){ at, len }, 0);
		break;
	case 1:
		if (is_mapped(page, nr))
			call_from(ip, SYS_mprotect, (uint64_t[6]){ at, len, prot }, 0);
		break;
	case 2:
		if (is_mapped(page, 1) && vma_lookup(space(), at)->vm_flags & VM_WRITE)
			rec_write(&r, at);
		break;
	default:
		call_from(ip, SYS_mmap,
			(uint64_t[6]){
				at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0 },
			(int64_t)at);
	}
}

/* --- counted here ------------------------------------------------------------------------------------------------- */

static struct explain_group groups[GROUPS];
static size_t nr_groups;

static struct explain_group *group_of(const struct explain_boundary *b)
{
	const struct explain_event *e = b->birth;
	const uint32_t type = e ? e->type : 0;
	const uint32_t call = e && e->type == TRACE_EVENT_CALL ? e->call.nr : ~0U;
	const struct explain_site *site = e ? e->site : NULL;

	for (size_t i = 0; i < nr_groups; i++)
		if (groups[i].main_reasons == b->main_reasons && groups[i].birth_type == type &&
			groups[i].call_nr == call && groups[i].site == site)
			return &groups[i];
	assert_true(nr_groups < GROUPS);
	groups[nr_groups] = (struct explain_group){ .main_reasons = b->main_reasons,
		.needless = b->needless,
		.birth_type = type,
		.call_nr = call,
		.site = site,
		.left_start = b->left ? b->left->vm_start : ~0UL,
		.start = b->right->vm_start,
		.example = e };
	return &groups[nr_groups++];
}

/* Returns how many areas there are. @needless: how many of them differ in nothing that was asked for. */
static uint64_t count_all(uint64_t first_ns, uint64_t now_ns, uint64_t *bytes, uint64_t *needless)
{
	uint64_t areas = 0;

	nr_groups = *bytes = *needless = 0;
	for (uint64_t page = 0; page < PAGES; page++) {
		struct vm_area_struct *vma = vma_lookup(space(), rec_at(page));
		struct explain_boundary b;
		struct explain_group *g;

		if (!vma || vma->vm_start != rec_at(page))
			continue;
		explain_boundary(vma, &b);
		assert_ptr_equal(b.right, vma);
		g = group_of(&b);
		g->areas++;
		g->bytes += vma->vm_end - vma->vm_start;
		g->young += b.birth && 2 * (b.birth->time_ns - first_ns) >= now_ns - first_ns;
		*bytes += vma->vm_end - vma->vm_start;
		*needless += b.needless;
		areas++;
	}
	return areas;
}

static const struct explain_group *twin_of(const struct explain_group *g)
{
	for (size_t i = 0; i < nr_groups; i++)
		if (groups[i].start == g->start)
			return &groups[i];
	fail_msg("no group has its first area at %#lx", (unsigned long)g->start);
	return NULL;
}

static void check_group(const struct explain_table *t, const struct explain_group *g, double half_seconds)
{
	const struct explain_group *want = twin_of(g);

	assert_int_equal(g->main_reasons, want->main_reasons);
	assert_int_equal(g->needless, want->needless);
	assert_int_equal(g->birth_type, want->birth_type);
	assert_int_equal(g->call_nr, want->call_nr);
	assert_int_equal(g->stack, 0);
	assert_ptr_equal(g->site, want->site);
	assert_int_equal(g->areas, want->areas);
	assert_int_equal(g->bytes, want->bytes);
	assert_int_equal(g->young, want->young);
	assert_int_equal(g->left_start, want->left_start);
	assert_ptr_equal(g->example, want->example);
	assert_true(explain_growth(t, g) > (double)g->young / half_seconds - 1e-6);
	assert_true(explain_growth(t, g) < (double)g->young / half_seconds + 1e-6);
}

static void check_table(uint64_t first_ns, uint64_t now_ns)
{
	struct explain_table t;
	uint64_t bytes, needless, areas = count_all(first_ns, now_ns, &bytes, &needless);

	assert_int_equal(explain_table(ledger, space(), &t), 0);
	assert_int_equal(t.begin_ns, first_ns);
	assert_int_equal(t.now_ns, now_ns);
	assert_int_equal(t.areas, areas);
	assert_int_equal(t.bytes, bytes);
	assert_int_equal(t.needless, needless);
	assert_int_equal(t.count, nr_groups);
	for (size_t i = 0; i < t.count; i++) {
		check_group(&t, &t.groups[i], (double)(now_ns - first_ns) / 2e9);
		if (!i)
			continue;
		assert_true(t.groups[i - 1].areas >= t.groups[i].areas);
		if (t.groups[i - 1].areas == t.groups[i].areas)
			assert_true(t.groups[i - 1].start < t.groups[i].start);
	}
	explain_table_free(&t);
	assert_null(t.groups);
	assert_int_equal(t.count, 0);
}

static void test_every_table_is_as_it_is_counted_by_hand(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		random_call();
		if (i % 29 == 0)
			check_table(1000, r.step * 1000);
	}
}

/* All at one moment: nothing has grown. */
static void test_without_time_nothing_grows(void **state)
{
	struct explain_table t = { .begin_ns = 5, .now_ns = 5 };
	const struct explain_group g = { .areas = 3, .young = 3 };

	(void)state;
	assert_true(explain_growth(&t, &g) == 0);
	t.now_ns = 2000000005;
	assert_true(explain_growth(&t, &g) == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_table_is_as_it_is_counted_by_hand, begin, end),
		cmocka_unit_test_setup_teardown(test_without_time_nothing_grows, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
