/* SPDX-License-Identifier: MIT */
/*
 * The ledger beside what a page remembers: random calls, so many that what areas no longer refer to is forgotten several
 * times, and after each of them every area asked when it was made, what its access comes from, and when it was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <vmaple/explain.h>

#include "recording.h"
#include "uapi.h"

#define PAGES        64
#define RANDOM_PAGES 48 /* the others stay as they are */
#define EVENTS       60000

/* What is known of a page without the ledger: the steps at which it was mapped and last given another access. */
struct page {
	uint64_t mapped, access;
	bool written;
	/* As the last event left it. */
	struct vm_area_struct seen;
};

static struct page pages[PAGES];
static struct explain *ledger;
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

static struct vm_area_struct *area_at(uint64_t page)
{
	return vma_lookup(space(), rec_at(page));
}

static void map(struct recording *r, uint64_t page, uint64_t nr, uint32_t prot)
{
	const uint64_t fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	rec_call(r, SYS_mmap, rec_at(page), nr * REC_PAGE, prot, fixed, (int64_t)rec_at(page));
	for (uint64_t i = page; i < page + nr; i++) {
		pages[i].mapped = pages[i].access = r->step;
		pages[i].written = false;
	}
}

static void unmap(struct recording *r, uint64_t page, uint64_t nr)
{
	rec_call(r, SYS_munmap, rec_at(page), nr * REC_PAGE, 0, 0, 0);
	for (uint64_t i = page; i < page + nr; i++)
		pages[i] = (struct page){ .seen = pages[i].seen };
}

static void protect(struct recording *r, uint64_t page, uint64_t nr, uint32_t prot)
{
	const vm_flags_t flags = (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0);

	for (uint64_t i = page; i < page + nr; i++)
		if (!pages[i].mapped)
			return;
	rec_call(r, SYS_mprotect, rec_at(page), nr * REC_PAGE, prot, 0, 0);
	for (uint64_t i = page; i < page + nr; i++)
		if ((pages[i].seen.vm_flags & VM_ACCESS_FLAGS) != flags)
			pages[i].access = r->step;
}

static void write_to(struct recording *r, uint64_t page)
{
	if (!pages[page].mapped || !(pages[page].seen.vm_flags & VM_WRITE))
		return;
	rec_write(r, rec_at(page));
	pages[page].written = true;
}

static void random_event(struct recording *r)
{
	uint64_t page = below(RANDOM_PAGES - 4), nr = 1 + below(4);
	uint32_t prot = below(2) ? PROT_READ | PROT_WRITE : PROT_READ;

	switch (below(5)) {
	case 0:
		map(r, page, nr, prot);
		break;
	case 1:
		unmap(r, page, nr);
		break;
	case 2:
		write_to(r, page);
		break;
	default:
		protect(r, page, nr, prot);
	}
	assert_int_equal(r->error, 0);
}

static bool same(const struct vm_area_struct *vma, const struct vm_area_struct *seen)
{
	if (!vma)
		return !seen->vm_end;
	return vma->vm_start == seen->vm_start && vma->vm_end == seen->vm_end &&
	       vma->vm_flags == seen->vm_flags && vma->anon_vma == seen->anon_vma;
}

/* An area that never joined another one has been what it is since its pages were. */
static void check_page(const struct page *p, const struct vm_area_struct *vma)
{
	const struct explain_life *life = explain_life(vma);

	assert_non_null(life->made);
	assert_non_null(life->low);
	assert_non_null(life->high);
	assert_int_equal(vma->anon_vma != NULL, life->written != NULL);
	if (p->written)
		assert_non_null(life->written);
	assert_true(life->made->step <= p->mapped || life->grown);
	if (life->grown)
		return;
	assert_int_equal(life->made->step, p->mapped);
	assert_int_equal(life->prot ? life->prot->step : p->mapped, p->access);
	assert_true(!life->written || life->written->type == TRACE_EVENT_FAULT);
}

static void check_all(void)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		struct vm_area_struct *vma = area_at(i);

		if (!explain_changed(ledger, space(), rec_at(i)))
			assert_true(same(vma, &pages[i].seen));
		assert_int_equal(vma != NULL, pages[i].mapped != 0);
		pages[i].seen = vma ? *vma : (struct vm_area_struct){ .vm_end = 0 };
		if (vma)
			check_page(&pages[i], vma);
	}
}

/* One event for each slot, long before the others; that of `grown` stays in no other slot. */
static void begin_a_long_life(struct recording *r, uint64_t page, struct explain_event *events)
{
	map(r, page, 4, PROT_READ | PROT_WRITE);
	events[0].step = r->step;
	check_all();
	unmap(r, page, 1);
	events[1].step = r->step;
	check_all();
	unmap(r, page + 3, 1);
	events[2].step = r->step;
	check_all();
	write_to(r, page + 1);
	events[3].step = r->step;
	check_all();
	map(r, page, 1, PROT_READ | PROT_WRITE);
	events[6].step = r->step;
	check_all();
	unmap(r, page, 1);
	events[1].step = r->step;
	check_all();
	rec_call(r, SYS_madvise, rec_at(page + 1), 2 * REC_PAGE, MADV_DONTFORK, 0, 0);
	events[4].step = r->step;
	check_all();
	protect(r, page + 1, 2, PROT_READ);
	events[5].step = r->step;
	check_all();
}

static void check_long_life(uint64_t page, const struct explain_event *events)
{
	const struct explain_life *life = explain_life(area_at(page + 1));

	assert_int_equal(life->made->step, events[0].step);
	assert_int_equal(life->low->step, events[1].step);
	assert_int_equal(life->high->step, events[2].step);
	assert_int_equal(life->written->step, events[3].step);
	assert_int_equal(life->flags->step, events[4].step);
	assert_int_equal(life->prot->step, events[5].step);
	assert_int_equal(life->low_changed->step, events[5].step);
	assert_int_equal(life->high_changed->step, events[5].step);
	assert_int_equal(life->grown->step, events[6].step);
}

/* A recording whose events go to the ledger, unchecked. */
static void begin_ledger(struct recording *r)
{
	struct replay_options options = { .unchecked = true };

	ledger = explain_new(&rec_header, &options);
	assert_non_null(ledger);
	r->sink = explain_sink(ledger);
	rec_begin(r);
}

static void test_an_area_knows_its_events_however_many_others_were_forgotten(void **state)
{
	struct explain_event events[7];
	struct recording r = { 0 };

	begin_ledger(&r);
	begin_a_long_life(&r, RANDOM_PAGES + 4, events);
	for (unsigned int i = 0; i < EVENTS; i++) {
		random_event(&r);
		check_all();
	}
	check_long_life(RANDOM_PAGES + 4, events);
	explain_free(ledger);
}

static void test_only_what_an_event_changed_counts_as_changed(void **state)
{
	struct recording r = { 0 };

	begin_ledger(&r);
	map(&r, 0, 2, PROT_READ | PROT_WRITE);
	map(&r, 8, 2, PROT_READ | PROT_WRITE);
	protect(&r, 8, 1, PROT_READ);
	assert_true(explain_changed(ledger, space(), rec_at(8)));
	assert_false(explain_changed(ledger, space(), rec_at(0)));
	unmap(&r, 0, 2);
	assert_true(explain_changed(ledger, space(), rec_at(1)));
	assert_false(explain_changed(ledger, space(), rec_at(8)));
	explain_free(ledger);
}

/* Whatever call it is, and however many areas it is about: no operation of the engine tells of what is not cut or joined. */
static void test_what_is_changed_in_place_is_noted(void **state)
{
	static const struct {
		uint64_t nr, args[4];
	} calls[] = {
		{ SYS_mlock, { 0, 8 * REC_PAGE } },
		{ SYS_munlock, { 0, 8 * REC_PAGE } },
		{ SYS_mlockall, { MCL_CURRENT } },
		{ SYS_munlockall, { 0 } },
		{ SYS_madvise, { 0, 8 * REC_PAGE, MADV_DONTFORK } },
		{ SYS_madvise, { 0, 8 * REC_PAGE, MADV_DOFORK } },
		{ SYS_prctl, { PR_SET_MEMORY_MERGE, 1 } },
	};
	struct recording r = { 0 };

	begin_ledger(&r);
	for (uint64_t page = 0; page < 8; page++)
		map(&r, page, 1, page % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const uint64_t *a = calls[i].args;
		bool named = a[1] >= REC_PAGE;
		vm_flags_t before[8];

		for (uint64_t page = 0; page < 8; page++)
			before[page] = area_at(page)->vm_flags;
		rec_call(&r, calls[i].nr, named ? rec_at(0) : a[0], a[1], a[2], a[3], 0);
		assert_int_equal(r.error, 0);
		for (uint64_t page = 0; page < 8; page++) {
			const struct explain_life *life = explain_life(area_at(page));

			assert_true(area_at(page)->vm_flags != before[page]);
			assert_non_null(life->flags);
			assert_int_equal(life->flags->step, r.step);
		}
	}
	explain_free(ledger);
}

/* An area that takes in a part of its neighbour: both say by which event, and each is as old as it was. */
static void test_a_part_that_is_taken_in_leaves_ages_and_ends(void **state)
{
	struct recording r = { 0 };
	uint64_t old, part;

	begin_ledger(&r);
	map(&r, 0, 1, PROT_READ | PROT_WRITE);
	old = r.step;
	rec_write(&r, rec_at(0));
	map(&r, 1, 3, PROT_READ);
	protect(&r, 1, 1, PROT_READ | PROT_WRITE);
	part = r.step;
	assert_int_equal(r.error, 0);
	assert_ptr_equal(area_at(0), area_at(1));
	assert_int_equal(explain_life(area_at(1))->made->step, old);
	assert_int_equal(explain_life(area_at(1))->high->step, part);
	assert_int_equal(explain_life(area_at(2))->low->step, part);
	assert_int_equal(explain_life(area_at(2))->made->step, part - 1);
	/* And from below. */
	map(&r, 10, 3, PROT_READ);
	map(&r, 13, 1, PROT_READ | PROT_WRITE);
	rec_write(&r, rec_at(13));
	protect(&r, 12, 1, PROT_READ | PROT_WRITE);
	assert_ptr_equal(area_at(12), area_at(13));
	assert_int_equal(explain_life(area_at(12))->low->step, r.step);
	assert_int_equal(explain_life(area_at(11))->high->step, r.step);
	explain_free(ledger);
}

static void name(struct recording *r, uint64_t page, const char *text)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_prctl,
			.args = { PR_SET_VMA, PR_SET_VMA_ANON_NAME, rec_at(page), REC_PAGE, 0x5000 },
			.data = text,
			.data_len = (uint32_t)strlen(text) + 1 } };

	rec_event(r, e);
	assert_int_equal(r->error, 0);
}

/* The call that says it last, even if it says the same; what another prctl changes is no name. */
static void test_who_gave_a_name(void **state)
{
	struct recording r = { 0 };
	uint64_t named;

	begin_ledger(&r);
	map(&r, 0, 1, PROT_READ | PROT_WRITE);
	name(&r, 0, "cellar");
	assert_int_equal(explain_life(area_at(0))->named->step, r.step);
	name(&r, 0, "attic");
	named = r.step;
	assert_int_equal(explain_life(area_at(0))->named->step, named);
	rec_call(&r, SYS_prctl, PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
	assert_int_equal(explain_life(area_at(0))->flags->step, r.step);
	assert_int_equal(explain_life(area_at(0))->named->step, named);
	explain_free(ledger);
}

/* --- many at once ---------------------------------------------------------------------------------------------- */

/* A call whose instruction is at @ip. */
static void protect_from(struct recording *r, uint64_t page, uint32_t prot, uint64_t ip)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_mprotect, .args = { rec_at(page), REC_PAGE, prot }, .ip = ip } };

	rec_event(r, e);
	assert_int_equal(r->error, 0);
}

static const struct explain_site *site_at(uint64_t page)
{
	return explain_life(area_at(page))->prot->site;
}

/* More than the table of sites begins with; each is one, however often it is asked for and whatever is mapped in between. */
static void test_a_place_of_the_program_is_one_site_of_many(void **state)
{
	enum { SITES = 1000 };
	const struct explain_site *site[SITES];
	struct recording r = { 0 };

	begin_ledger(&r);
	rec_call(&r, SYS_mmap, rec_at(0), 2 * SITES * REC_PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (int64_t)rec_at(0));
	for (uint64_t i = 0; i < SITES; i++) {
		protect_from(&r, 2 * i, PROT_READ, 0x1000 + 8 * i);
		site[i] = site_at(2 * i);
		assert_string_equal(site[i]->module, "");
		assert_int_equal(site[i]->offset, 0x1000 + 8 * i);
	}
	for (uint64_t i = 0; i < SITES; i++) {
		protect_from(&r, 2 * i, PROT_READ | PROT_WRITE, 0x1000 + 8 * i);
		assert_ptr_equal(site_at(2 * i), site[i]);
	}
	explain_free(ledger);
}

/* Each place has its groups, and all areas are in one of them. */
static void test_there_may_be_many_groups(void **state)
{
	enum { SITES = 300 };
	struct explain_table table;
	struct recording r = { 0 };
	uint64_t areas = 0, bytes = 0;

	begin_ledger(&r);
	rec_call(&r, SYS_mmap, rec_at(0), 2 * SITES * REC_PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (int64_t)rec_at(0));
	for (uint64_t i = 0; i < SITES; i++)
		protect_from(&r, 2 * i, PROT_READ, 0x1000 + 8 * i);
	assert_int_equal(explain_table(ledger, space(), &table), 0);
	assert_in_range(table.count, SITES, 2 * SITES);
	for (size_t i = 0; i < table.count; i++) {
		assert_true(!i || table.groups[i - 1].areas >= table.groups[i].areas);
		areas += table.groups[i].areas;
		bytes += table.groups[i].bytes;
	}
	assert_int_equal(areas, 2 * SITES);
	assert_int_equal(table.areas, 2 * SITES);
	assert_int_equal(bytes, 2 * SITES * REC_PAGE);
	assert_int_equal(table.bytes, bytes);
	explain_table_free(&table);
	explain_free(ledger);
}

/* More lives than a piece has room for end at once, and are had again. */
static void test_many_areas_end_and_are_made_again(void **state)
{
	const uint64_t areas = 65000; /* as many as a process may have */
	struct recording r = { 0 };

	begin_ledger(&r);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < areas; i++)
			rec_call(&r, SYS_mmap, rec_at(i), REC_PAGE, i % 2 ? PROT_READ : PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (int64_t)rec_at(i));
		assert_int_equal(space()->map_count, areas);
		for (uint64_t i = 0; i < areas; i += 999)
			assert_int_equal(explain_life(area_at(i))->made->step, r.step - areas + 1 + i);
		rec_call(&r, SYS_munmap, rec_at(0), areas * REC_PAGE, 0, 0, 0);
		assert_int_equal(r.error, 0);
		assert_int_equal(space()->map_count, 0);
	}
	explain_free(ledger);
}

/* --- the number of areas over time ------------------------------------------------------------------------------- */

/* Every sample against all that it stands for: those behind the sample before it. */
static void check_series(const struct explain_series *s, const uint64_t *areas, uint64_t first, uint64_t last)
{
	uint64_t from = first;

	assert_in_range(s->count, EXPLAIN_SAMPLES / 2, EXPLAIN_SAMPLES);
	for (size_t i = 0; i < s->count; i++) {
		const struct explain_sample *sample = &s->sample[i];
		uint64_t most = 0;

		assert_true(sample->step >= from && sample->step < from + s->stride);
		assert_int_equal(sample->time_ns, sample->step * 1000);
		for (uint64_t step = from; step <= sample->step; step++)
			most = areas[step] > most ? areas[step] : most;
		assert_int_equal(sample->areas, most);
		from = sample->step + 1;
	}
	assert_int_equal(from, last + 1);
}

static void test_a_series_keeps_the_most_areas_of_every_stretch(void **state)
{
	enum { STEPS = 3 * EXPLAIN_SAMPLES + 5 };
	static uint64_t areas[STEPS + 1];
	static struct explain_series series;
	struct recording r = { 0 };
	uint64_t most = 0;

	begin_ledger(&r);
	map(&r, 0, PAGES, PROT_READ);
	explain_series_begin(&series, 1);
	while (r.step < STEPS) {
		struct trace_event e = { .type = TRACE_EVENT_CALL, .mm = 1, .pid = 100 };

		protect(&r, below(PAGES), 1, below(2) ? PROT_READ : PROT_NONE);
		e.step = r.step;
		e.time_ns = r.step * 1000;
		explain_series_event(&series, explain_replay(ledger), &e);
		areas[r.step] = (uint64_t)space()->map_count;
		most = areas[r.step] > most ? areas[r.step] : most;
	}
	assert_int_equal(series.peak.areas, most);
	assert_int_equal(areas[series.peak.step], most);
	assert_int_equal(series.peak.time_ns, series.peak.step * 1000);
	assert_int_equal(series.peak_mm, 1);
	assert_int_equal(series.peak_pid, 100);
	for (uint64_t step = 0; step < series.peak.step; step++)
		assert_true(areas[step] < most);
	assert_int_equal(series.stride, 4);
	check_series(&series, areas, 4, STEPS);
	explain_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_area_knows_its_events_however_many_others_were_forgotten),
		cmocka_unit_test(test_what_is_changed_in_place_is_noted),
		cmocka_unit_test(test_only_what_an_event_changed_counts_as_changed),
		cmocka_unit_test(test_a_part_that_is_taken_in_leaves_ages_and_ends),
		cmocka_unit_test(test_who_gave_a_name),
		cmocka_unit_test(test_there_may_be_many_groups),
		cmocka_unit_test(test_a_place_of_the_program_is_one_site_of_many),
		cmocka_unit_test(test_many_areas_end_and_are_made_again),
		cmocka_unit_test(test_a_series_keeps_the_most_areas_of_every_stretch),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
