/* SPDX-License-Identifier: MIT */
/*
 * The embedder's seam against brute force, for pages of 4, 16 and 64 KiB.
 *
 * A host of one entry per page does what the engine tells it, and nothing else; a second array is what the calls should
 * have made of the pages; a payload per area keeps its own bounds.  After every call the three must agree with the map.
 * Each call is first made with its first operation that may refuse refusing, then its second, and so on until none is
 * left to refuse: each time the four agree, and the map is as the header says.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/merge.h>
#include <vmaple/mm.h>
#include <vmaple/mm_operations.h>

#include "page_world.h"

#define ANY 2U /* the color */

struct payload {
	unsigned long start, end;
	unsigned int color;
	vm_flags_t flags;
	bool written;
};

static struct embedder {
	struct page_state host[PAGES];
	long live;          /* payloads */
	long veto;          /* operations until one refuses; 0: none does */
	unsigned long cut;  /* that may_split() has allowed last */
	unsigned int color; /* of what is mapped now */
	unsigned long seen[MM_CHANGE_ADVISE + 1], calls[11], vetoes;
} e;
enum { OPEN, MAY_SPLIT, SPLIT, DUPLICATE, MAY_MERGE, ADJUST, MERGE, CLOSE, HOST, CHANGED, WRITTEN };

static int may_refuse(void)
{
	if (!e.veto || --e.veto)
		return 0;
	w.refused = true;
	return -EXDEV;
}

/* --- payload ------------------------------------------------------------------------------------------------- */

static struct payload *payload_of(const struct vm_area_struct *vma)
{
	return vma->vm_private_data;
}

static void give_payload(struct vm_area_struct *vma, unsigned int color)
{
	struct payload *p = malloc(sizeof(*p));

	assert_non_null(p);
	*p = (struct payload){ vma->vm_start, vma->vm_end, color, vma->vm_flags, vma->anon_vma != NULL };
	vma->vm_private_data = p;
	e.live++;
}

static int on_open(struct vm_area_struct *vma)
{
	int err = may_refuse();

	e.calls[OPEN]++;
	assert_null(vma->vm_private_data);
	assert_ptr_not_equal(find_vma_intersection(&w.mm, vma->vm_start, vma->vm_end), vma);
	if (!err)
		give_payload(vma, e.color);
	return err;
}

static int on_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	e.calls[MAY_SPLIT]++;
	assert_true(vma->vm_start < addr && addr < vma->vm_end);
	assert_ptr_equal(vma_lookup(&w.mm, addr), vma);
	e.cut = addr;
	return may_refuse();
}

static int on_split(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	struct payload *p = payload_of(vma);
	int err = may_refuse();

	e.calls[SPLIT]++;
	assert_ptr_equal(part->vm_private_data, p);
	assert_true(p->start == vma->vm_start && p->end == vma->vm_end);
	assert_true((part->vm_start == p->start) != (part->vm_end == p->end));
	assert_int_equal(e.cut, part->vm_start == p->start ? part->vm_end : part->vm_start);
	e.cut = 0;
	if (err)
		return err;
	give_payload(part, p->color);
	if (part->vm_start == p->start)
		p->start = part->vm_end;
	else
		p->end = part->vm_start;
	return 0;
}

static int on_duplicate(struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	int err = may_refuse();

	e.calls[DUPLICATE]++;
	assert_ptr_equal(copy->vm_private_data, vma->vm_private_data);
	if (copy->vm_mm != &w.mm)
		assert_true(copy->vm_start == vma->vm_start && copy->vm_end == vma->vm_end);
	if (!err)
		give_payload(copy, payload_of(vma)->color);
	return err;
}

/* Not transitive: ANY goes with each, but they do not go with each other. */
static bool compatible(unsigned int a, unsigned int b)
{
	return a == b || a == ANY || b == ANY;
}

static bool on_may_merge(const struct vm_area_struct *area, const struct vm_area_struct *other)
{
	e.calls[MAY_MERGE]++;
	return compatible(payload_of(area)->color, other ? payload_of(other)->color : e.color);
}

static void grow(struct payload *p, unsigned long start, unsigned long end)
{
	assert_true(start < end && (p->end == start || p->start == end));
	if (p->end == start)
		p->end = end;
	else
		p->start = start;
}

static void on_adjust(
	struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start, unsigned long end)
{
	struct payload *f = from ? payload_of(from) : NULL;

	e.calls[ADJUST]++;
	grow(payload_of(vma), start, end);
	payload_of(vma)->written = vma->anon_vma != NULL;
	if (!f)
		return;
	assert_true(compatible(f->color, payload_of(vma)->color));
	assert_true(start == f->start ? end < f->end : f->start < start && end == f->end);
	if (start == f->start)
		f->start = end;
	else
		f->end = start;
}

static void on_merge(struct vm_area_struct *into, struct vm_area_struct *gone)
{
	e.calls[MERGE]++;
	assert_true(compatible(payload_of(into)->color, payload_of(gone)->color));
	grow(payload_of(into), payload_of(gone)->start, payload_of(gone)->end);
	payload_of(into)->written = into->anon_vma != NULL;
}

static void on_close(struct vm_area_struct *vma)
{
	e.calls[CLOSE]++;
	free(payload_of(vma));
	vma->vm_private_data = NULL;
	e.live--;
}

/* --- the host ------------------------------------------------------------------------------------------------ */

static struct page_state host_page(const struct mm_change *c)
{
	return (struct page_state){ true, c->flags & (SEEN | VM_GROWSDOWN) };
}

static void check_change(const struct mm_change *c)
{
	unsigned long start = page_of(c->start), end = page_of(c->end), mapped = 0;

	assert_true(start < end && end <= PAGES);
	for (unsigned long i = start; i < end; i++) {
		mapped += e.host[i].mapped;
		if (c->kind == MM_CHANGE_FLAGS)
			assert_int_equal(e.host[i].flags, c->old_flags & (SEEN | VM_GROWSDOWN));
	}
	switch (c->kind) {
	case MM_CHANGE_MAP:
		assert_int_equal(mapped > 0, c->replaces);
		break;
	case MM_CHANGE_UNMAP:
		assert_true(mapped > 0);
		break;
	case MM_CHANGE_MOVE:
		assert_int_equal(mapped, 0);
		for (unsigned long i = page_of(c->from); i < page_of(c->from_end); i++)
			assert_true(e.host[i].mapped);
		break;
	default:
		assert_int_equal(mapped, end - start);
	}
}

static int on_host(struct mm_struct *mm, const struct mm_change *c)
{
	int err = may_refuse();

	e.calls[HOST]++;
	e.seen[c->kind]++;
	assert_ptr_equal(mm, &w.mm);
	check_change(c);
	if (err || c->kind == MM_CHANGE_ADVISE)
		return err;
	if (c->kind == MM_CHANGE_MOVE && !c->keeps_source)
		for (unsigned long i = page_of(c->from); i < page_of(c->from_end); i++)
			e.host[i].mapped = false;
	for (unsigned long i = page_of(c->start); i < page_of(c->end); i++)
		e.host[i] = c->kind == MM_CHANGE_UNMAP ? (struct page_state){ false } : host_page(c);
	return 0;
}

static void on_changed(struct vm_area_struct *vma, vm_flags_t old_flags)
{
	e.calls[CHANGED]++;
	/* Of one that what is changed was joined with, they are what both have. */
	assert_true(old_flags == payload_of(vma)->flags || old_flags == vma->vm_flags);
	payload_of(vma)->flags = vma->vm_flags;
	payload_of(vma)->written = vma->anon_vma != NULL;
}

static void on_written(struct vm_area_struct *vma)
{
	e.calls[WRITTEN]++;
	assert_false(payload_of(vma)->written);
	assert_non_null(vma->anon_vma);
	payload_of(vma)->written = true;
}

static const struct mm_operations ops = { on_open, on_may_split, on_split, on_duplicate, on_may_merge,
	on_adjust, on_merge, on_close, on_host, on_changed, on_written };

/* --- agreement ----------------------------------------------------------------------------------------------- */

static void check_payloads(void)
{
	struct vm_area_struct *vma, *prev = NULL;
	VMA_ITERATOR(vmi, &w.mm, 0);

	for_each_vma (vmi, vma) {
		const struct payload *p = payload_of(vma);

		assert_true(p->start == vma->vm_start && p->end == vma->vm_end);
		assert_int_equal(p->flags & ~VM_STICKY, vma->vm_flags & ~VM_STICKY);
		assert_int_equal(p->written, vma->anon_vma != NULL);
		if (prev && prev->vm_end == vma->vm_start)
			assert_int_equal(!(vma_merge_blockers(prev, vma) & VMA_BLOCK_OPS),
				compatible(payload_of(prev)->color, p->color));
		prev = vma;
	}
	assert_int_equal(e.live, w.mm.map_count);
}

static void check(const struct call *c)
{
	const char *reason;

	if (!mm_validate(&w.mm, &reason))
		fail_msg("call %d: %s", c->kind, reason);
	for (unsigned long i = 0; i < PAGES; i++) {
		struct page_state map = map_page(i);

		if (!same(&map, &e.host[i]))
			fail_msg("call %d [%lu, +%lu) to %lu: page %lu is not what the host has", c->kind,
				c->from, c->len, c->to, i);
	}
	check_payloads();
}

/* --- calls --------------------------------------------------------------------------------------------------- */

static struct call random_call(void)
{
	static const unsigned char prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE };
	struct call c = { .kind = (enum kind)random_below(&w.r, random_below(&w.r, 30) ? FORK : KINDS),
		.from = LOW + random_below(&w.r, BASE - LOW - 40),
		.len = 1 + random_below(&w.r, 20),
		.to = LOW + random_below(&w.r, BASE - LOW - 40),
		.prot = prots[random_below(&w.r, 4)] };

	if (random_below(&w.r, 4))
		c.from -= c.from % 8;
	if (c.kind == PLACED && random_below(&w.r, 4) == 0)
		c.len = 1 + random_below(&w.r, 80);
	return c;
}

static long do_fork(void)
{
	struct mm_struct child;
	long before = e.live;
	const char *reason;
	int err = mm_fork(&child, &w.mm);

	if (!mm_validate(&child, &reason))
		fail_msg("child: %s", reason);
	assert_int_equal(e.live, before + child.map_count);
	mm_exit(&child);
	assert_int_equal(e.live, before);
	return err;
}

/* Changed as far as it came, and not beyond. */
static void check_partial_protection(const struct call *c)
{
	bool stopped = false;

	for (unsigned long i = c->from; i < c->from + c->len; i++) {
		struct page_state map = map_page(i), changed = w.want[i];

		changed.flags =
			(changed.flags & ~(vm_flags_t)VM_ACCESS_FLAGS) | (c->prot & (PROT_READ | PROT_WRITE));
		if (!stopped && same(&map, &changed))
			continue;
		assert_true(same(&map, &w.want[i]));
		stopped = true;
	}
}

/* An operation refused: what has become of the pages? True: the call is done all the same. */
static bool check_refusal(const struct call *c, long result)
{
	e.vetoes++;
	/* The cuts at the old place of what has moved already. */
	if ((c->kind == MOVE || c->kind == RESIZE) && result >= 0)
		return true;
	if (c->kind == TOUCH)
		assert_int_equal(result, -EFAULT);
	else
		assert_int_equal(result, -EXDEV);
	if (c->kind != MPROTECT && c->kind != MADVISE && c->kind != MOVE && c->kind != RESIZE)
		check_want(c, "refused");
	if (c->kind == MPROTECT)
		check_partial_protection(c);
	return false;
}

/* Colors change now and then, so that most neighbours may merge. */
static void step(void)
{
	struct call c = random_call();
	long expected, result;
	bool done = false;

	/* For some time at a time. */
	if (random_below(&w.r, 40) == 0)
		w.base = BASE - 64 * random_below(&w.r, 3);
	w.mm.mmap_base = at(w.base);
	expected = c.kind == PLACED ? place(c.len) : 0;

	e.color = random_below(&w.r, 3) ? 0 : (unsigned int)random_below(&w.r, ANY + 1);
	for (long nth = 1; !done; nth++) {
		e.veto = nth;
		w.refused = false;
		result = c.kind == FORK ? do_fork() : make(&c);
		check(&c);
		done = !w.refused || check_refusal(&c, result);
		if (!done && !is_modelled(c.kind))
			take_over();
	}
	e.veto = 0;
	if (c.kind == PLACED)
		assert_int_equal(result, expected);
	if (result >= 0 && is_modelled(c.kind))
		model(&c, result);
	else
		take_over();
	check_want(&c, "done");
}

#define NR_MODELS 3

/* Pages of 4, 16 and 64 KiB. */
static void run_model(size_t which, uint64_t seed, uint64_t steps)
{
	world_begin(12 + 2 * (unsigned int)which, seed);
	e = (struct embedder){ 0 };
	w.mm.start_brk = w.mm.brk = at(LOW);
	w.mm.ops = &ops;
	for (uint64_t i = 0; i < steps && random_lasts(); i++)
		step();
	mm_exit(&w.mm);
	assert_int_equal(e.live, 0);
}

static void run(size_t which, unsigned long steps)
{
	run_model(which, random_seed(), steps);
	print_message("# %u KiB: %lu refusals; open %lu, split %lu, duplicate %lu, adjust %lu, merge %lu, "
		      "close %lu, changed %lu, written %lu; "
		      "host: map %lu, unmap %lu, flags %lu, move %lu, advise %lu\n",
		4u << (2 * which), e.vetoes, e.calls[OPEN], e.calls[SPLIT], e.calls[DUPLICATE],
		e.calls[ADJUST], e.calls[MERGE], e.calls[CLOSE], e.calls[CHANGED], e.calls[WRITTEN],
		e.seen[MM_CHANGE_MAP], e.seen[MM_CHANGE_UNMAP], e.seen[MM_CHANGE_FLAGS],
		e.seen[MM_CHANGE_MOVE], e.seen[MM_CHANGE_ADVISE]);
	for (int i = 0; i <= WRITTEN; i++)
		assert_true(e.calls[i] > steps / 200);
	for (int i = 0; i <= MM_CHANGE_ADVISE; i++)
		assert_true(e.seen[i] > steps / 200);
}

static void test_pages_of_4_kib(void **state)
{
	run(0, test_operations(10000));
}

static void test_pages_of_16_kib(void **state)
{
	run(1, test_operations(10000));
}

static void test_pages_of_64_kib(void **state)
{
	run(2, test_operations(10000));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_of_4_kib),
		cmocka_unit_test(test_pages_of_16_kib),
		cmocka_unit_test(test_pages_of_64_kib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
