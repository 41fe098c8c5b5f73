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
#include <vmaple/rmap.h>

#include "random.h"

#define PAGES     400UL /* in all */
#define BASE      384UL /* of placement, downwards */
#define LOW       4UL   /* mmap_min_addr */
#define GUARD     3UL
#define DONTDUMP  16
#define DODUMP    17
#define ANY       2U /* the color */
#define max(a, b) ((a) > (b) ? (a) : (b))
#define SEEN      (VM_ACCESS_FLAGS | VM_DONTDUMP)

struct page_state {
	bool mapped;
	vm_flags_t flags; /* SEEN, and VM_GROWSDOWN */
};

struct payload {
	unsigned long start, end;
	unsigned int color;
};

enum kind { MMAP, PLACED, STACK, MUNMAP, MPROTECT, MOVE, RESIZE, MADVISE, BRK, TOUCH, FORK, KINDS };

struct call {
	enum kind kind;
	unsigned long from, len, to;
	unsigned long prot;
};

static struct world {
	struct mm_system sys;
	struct mm_struct mm;
	struct random r;
	unsigned int shift;
	struct page_state host[PAGES], want[PAGES];
	long live; /* payloads */
	long veto; /* operations until one refuses; 0: none does */
	bool refused;
	unsigned long cut;       /* that may_split() has allowed last */
	unsigned long base, low; /* of placement, downwards */
	unsigned int color;      /* of what is mapped now */
	unsigned long seen[MM_CHANGE_ADVISE + 1], calls[9], vetoes;
} w;
enum { OPEN, MAY_SPLIT, SPLIT, DUPLICATE, MAY_MERGE, ADJUST, MERGE, CLOSE, HOST };

static unsigned long at(unsigned long page)
{
	return page << w.shift;
}

static unsigned long page_of(unsigned long addr)
{
	assert_int_equal(addr & (at(1) - 1), 0);
	return addr >> w.shift;
}

static int may_refuse(void)
{
	if (!w.veto || --w.veto)
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
	*p = (struct payload){ vma->vm_start, vma->vm_end, color };
	vma->vm_private_data = p;
	w.live++;
}

static int on_open(struct vm_area_struct *vma)
{
	int err = may_refuse();

	w.calls[OPEN]++;
	assert_null(vma->vm_private_data);
	assert_ptr_not_equal(find_vma_intersection(&w.mm, vma->vm_start, vma->vm_end), vma);
	if (!err)
		give_payload(vma, w.color);
	return err;
}

static int on_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	w.calls[MAY_SPLIT]++;
	assert_true(vma->vm_start < addr && addr < vma->vm_end);
	assert_ptr_equal(vma_lookup(&w.mm, addr), vma);
	w.cut = addr;
	return may_refuse();
}

static int on_split(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	struct payload *p = payload_of(vma);
	int err = may_refuse();

	w.calls[SPLIT]++;
	assert_ptr_equal(part->vm_private_data, p);
	assert_true(p->start == vma->vm_start && p->end == vma->vm_end);
	assert_true((part->vm_start == p->start) != (part->vm_end == p->end));
	assert_int_equal(w.cut, part->vm_start == p->start ? part->vm_end : part->vm_start);
	w.cut = 0;
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

	w.calls[DUPLICATE]++;
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
	w.calls[MAY_MERGE]++;
	return compatible(payload_of(area)->color, other ? payload_of(other)->color : w.color);
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

	w.calls[ADJUST]++;
	grow(payload_of(vma), start, end);
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
	w.calls[MERGE]++;
	assert_true(compatible(payload_of(into)->color, payload_of(gone)->color));
	grow(payload_of(into), payload_of(gone)->start, payload_of(gone)->end);
}

static void on_close(struct vm_area_struct *vma)
{
	w.calls[CLOSE]++;
	free(payload_of(vma));
	vma->vm_private_data = NULL;
	w.live--;
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
		mapped += w.host[i].mapped;
		if (c->kind == MM_CHANGE_FLAGS)
			assert_int_equal(w.host[i].flags, c->old_flags & (SEEN | VM_GROWSDOWN));
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
			assert_true(w.host[i].mapped);
		break;
	default:
		assert_int_equal(mapped, end - start);
	}
}

static int on_host(struct mm_struct *mm, const struct mm_change *c)
{
	int err = may_refuse();

	w.calls[HOST]++;
	w.seen[c->kind]++;
	assert_ptr_equal(mm, &w.mm);
	check_change(c);
	if (err || c->kind == MM_CHANGE_ADVISE)
		return err;
	if (c->kind == MM_CHANGE_MOVE && !c->keeps_source)
		for (unsigned long i = page_of(c->from); i < page_of(c->from_end); i++)
			w.host[i].mapped = false;
	for (unsigned long i = page_of(c->start); i < page_of(c->end); i++)
		w.host[i] = c->kind == MM_CHANGE_UNMAP ? (struct page_state){ false } : host_page(c);
	return 0;
}

static const struct mm_operations ops = { on_open, on_may_split, on_split, on_duplicate, on_may_merge,
	on_adjust, on_merge, on_close, on_host };

/* --- agreement ----------------------------------------------------------------------------------------------- */

static struct page_state map_page(unsigned long page)
{
	const struct vm_area_struct *vma = vma_lookup(&w.mm, at(page));

	return vma ? (struct page_state){ true, vma->vm_flags & (SEEN | VM_GROWSDOWN) }
		   : (struct page_state){ false };
}

static bool same(const struct page_state *a, const struct page_state *b)
{
	return a->mapped == b->mapped && (!a->mapped || a->flags == b->flags);
}

static void check_payloads(void)
{
	struct vm_area_struct *vma, *prev = NULL;
	VMA_ITERATOR(vmi, &w.mm, 0);

	for_each_vma (vmi, vma) {
		const struct payload *p = payload_of(vma);

		assert_true(p->start == vma->vm_start && p->end == vma->vm_end);
		if (prev && prev->vm_end == vma->vm_start)
			assert_int_equal(!(vma_merge_blockers(prev, vma) & VMA_BLOCK_OPS),
				compatible(payload_of(prev)->color, p->color));
		prev = vma;
	}
	assert_int_equal(w.live, w.mm.map_count);
}

static void check(const struct call *c)
{
	const char *reason;

	if (!mm_validate(&w.mm, &reason))
		fail_msg("call %d: %s", c->kind, reason);
	for (unsigned long i = 0; i < PAGES; i++) {
		struct page_state map = map_page(i);

		if (!same(&map, &w.host[i]))
			fail_msg("call %d [%lu, +%lu) to %lu: page %lu is not what the host has", c->kind,
				c->from, c->len, c->to, i);
	}
	check_payloads();
}

/* --- placement by brute force -------------------------------------------------------------------------------- */

static bool is_free(unsigned long page, unsigned long len)
{
	for (unsigned long i = page; i < page + len; i++)
		if (w.want[i].mapped)
			return false;
	return true;
}

/* The stack right above @page, if a mapping that ends there is too close to it; else 0. */
static unsigned long stack_in_the_way(unsigned long page)
{
	unsigned long above = page;

	while (above < PAGES && !w.want[above].mapped)
		above++;
	return above < PAGES && (w.want[above].flags & VM_GROWSDOWN) && page + GUARD > above ? above : 0;
}

/*
 * A hole below a stack that is long enough, but not with the guard gap, is passed over; and so is all that lies within
 * the gap, when other areas are between.
 */
static long place(unsigned long len)
{
	unsigned long high = w.base, stack;

	for (unsigned long page = high; page-- > w.low;) {
		if (page + len > high || !is_free(page, len))
			continue;
		stack = stack_in_the_way(page + len);
		if (!stack)
			return (long)page;
		high = stack - GUARD;
	}
	for (unsigned long page = max(page_of(w.mm.mmap_legacy_base), w.low); page + len <= PAGES; page++)
		if (is_free(page, len) && !stack_in_the_way(page + len))
			return (long)page;
	return -ENOMEM;
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

static long do_mmap(const struct call *c)
{
	struct mmap_request req = { .addr = c->kind == PLACED ? 0 : at(c->from),
		.len = at(c->len),
		.prot = c->prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | (c->kind == PLACED ? 0 : MAP_FIXED) };
	unsigned long res;

	req.flags |= c->kind == STACK ? MAP_GROWSDOWN : 0;
	res = mm_mmap(&w.mm, &req);
	return IS_ERR_VALUE(res) ? (long)res : (long)page_of(res);
}

static long do_mremap(const struct call *c)
{
	struct mremap_request req = { at(c->from), at(c->len), at(c->kind == MOVE ? c->len : 1 + c->to % 24),
		MREMAP_MAYMOVE | (c->kind == MOVE ? MREMAP_FIXED : 0), at(c->to) };
	unsigned long res = mm_mremap(&w.mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : (long)page_of(res);
}

static long do_fork(void)
{
	struct mm_struct child;
	long before = w.live;
	const char *reason;
	int err = mm_fork(&child, &w.mm);

	if (!mm_validate(&child, &reason))
		fail_msg("child: %s", reason);
	assert_int_equal(w.live, before + child.map_count);
	mm_exit(&child);
	assert_int_equal(w.live, before);
	return err;
}

static long do_brk(const struct call *c)
{
	unsigned long wanted = at(LOW + c->len);

	return mm_brk(&w.mm, wanted) == wanted ? 0 : w.refused ? -EXDEV : -ENOMEM;
}

static long make(const struct call *c)
{
	switch (c->kind) {
	case MMAP:
	case PLACED:
	case STACK:
		return do_mmap(c);
	case MUNMAP:
		return mm_munmap(&w.mm, at(c->from), at(c->len));
	case MPROTECT:
		return mm_mprotect(&w.mm, at(c->from), at(c->len), c->prot, -1);
	case MOVE:
	case RESIZE:
		return do_mremap(c);
	case MADVISE:
		return mm_madvise(&w.mm, at(c->from), at(c->len),
			c->prot == PROT_NONE   ? MADV_DONTNEED
			: c->prot == PROT_READ ? DODUMP
					       : DONTDUMP);
	case BRK:
		return do_brk(c);
	case TOUCH:
		return mm_fault(&w.mm, at(c->from), MM_FAULT_WRITE);
	default:
		return do_fork();
	}
}

/* What a call that succeeded has made of the pages, where that is told by the call alone. */
static void model(const struct call *c, long result)
{
	unsigned long first = c->kind == PLACED ? (unsigned long)result : c->from;
	vm_flags_t flags = (c->prot & PROT_READ ? VM_READ : 0) | (c->prot & PROT_WRITE ? VM_WRITE : 0);

	for (unsigned long i = first; i < first + c->len; i++) {
		if (c->kind == MMAP || c->kind == PLACED || c->kind == STACK)
			w.want[i] =
				(struct page_state){ true, flags | (c->kind == STACK ? VM_GROWSDOWN : 0) };
		else if (c->kind == MUNMAP)
			w.want[i] = (struct page_state){ false };
		else if (c->kind == MPROTECT)
			w.want[i].flags = flags | (w.want[i].flags & ~(vm_flags_t)VM_ACCESS_FLAGS);
		else if (map_page(i).mapped)
			w.want[i] = map_page(i);
	}
}

static bool is_modelled(enum kind kind)
{
	return kind <= MPROTECT;
}

static void check_want(const struct call *c, const char *when)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		struct page_state map = map_page(i);

		if (!same(&map, &w.want[i]))
			fail_msg("%s: call %d [%lu, +%lu) to %lu: page %lu is not as it should be", when,
				c->kind, c->from, c->len, c->to, i);
	}
}

static void take_over(void)
{
	for (unsigned long i = 0; i < PAGES; i++)
		w.want[i] = map_page(i);
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
	w.vetoes++;
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

	w.color = random_below(&w.r, 3) ? 0 : (unsigned int)random_below(&w.r, ANY + 1);
	for (long nth = 1; !done; nth++) {
		w.veto = nth;
		w.refused = false;
		result = make(&c);
		check(&c);
		done = !w.refused || check_refusal(&c, result);
		if (!done && !is_modelled(c.kind))
			take_over();
	}
	w.veto = 0;
	if (c.kind == PLACED)
		assert_int_equal(result, expected);
	if (result >= 0 && is_modelled(c.kind))
		model(&c, result);
	else
		take_over();
	check_want(&c, "done");
}

static void begin(unsigned int shift)
{
	w = (struct world){ .r = { random_seed() }, .shift = shift, .base = BASE, .low = LOW };
	mm_system_init(&w.sys, &anon_vma_rmap);
	mm_system_set_page_shift(&w.sys, shift);
	assert_int_equal(w.sys.pmd_size, at(at(1) / 8));
	w.sys.mmap_min_addr = at(LOW);
	w.sys.stack_guard_gap = at(GUARD);
	mm_init(&w.mm, &w.sys);
	mm_set_task_size(&w.mm, at(PAGES));
}

static void run(unsigned int shift, unsigned long steps)
{
	begin(shift);
	w.mm.start_brk = w.mm.brk = at(LOW);
	w.mm.ops = &ops;
	for (unsigned long i = 0; i < steps; i++)
		step();
	mm_exit(&w.mm);
	assert_int_equal(w.live, 0);
	print_message("# %u KiB: %lu refusals; open %lu, split %lu, duplicate %lu, adjust %lu, merge %lu, "
		      "close %lu; "
		      "host: map %lu, unmap %lu, flags %lu, move %lu, advise %lu\n",
		1u << (shift - 10), w.vetoes, w.calls[OPEN], w.calls[SPLIT], w.calls[DUPLICATE],
		w.calls[ADJUST], w.calls[MERGE], w.calls[CLOSE], w.seen[MM_CHANGE_MAP],
		w.seen[MM_CHANGE_UNMAP], w.seen[MM_CHANGE_FLAGS], w.seen[MM_CHANGE_MOVE],
		w.seen[MM_CHANGE_ADVISE]);
	for (int i = 0; i <= HOST; i++)
		assert_true(w.calls[i] > steps / 200);
	for (int i = 0; i <= MM_CHANGE_ADVISE; i++)
		assert_true(w.seen[i] > steps / 200);
}

/* Some area, whole; and its neighbour now and then. */
static struct call some_areas(void)
{
	struct vm_area_struct *vma = find_vma(&w.mm, at(random_below(&w.r, PAGES)));
	struct call c = { .kind = MUNMAP, .from = LOW, .len = 1 };

	if (!vma)
		return c;
	c.from = page_of(vma->vm_start);
	c.len = page_of(vma->vm_end) - c.from;
	vma = vma_lookup(&w.mm, vma->vm_end);
	if (vma && random_below(&w.r, 4) == 0)
		c.len = page_of(vma->vm_end) - c.from;
	return c;
}

static void hole_step(void)
{
	struct call c = { .kind = PLACED, .len = 1 + random_below(&w.r, random_below(&w.r, 4) ? 6 : 60) };
	unsigned long what = random_below(&w.r, 100);
	const char *reason;
	long result;

	/* Areas of two kinds, so that not all merge. */
	c.prot = what & 1 ? PROT_READ : PROT_NONE;
	if (what < 40)
		c = some_areas();
	else if (what < 43)
		c = (struct call){ STACK, random_below(&w.r, BASE), 1 + random_below(&w.r, 3), 0, PROT_READ };
	else if (what < 46)
		w.mm.mmap_base = at(w.base = BASE - 64 * random_below(&w.r, 3));
	else if (what < 49)
		w.sys.mmap_min_addr = at(w.low = LOW + 64 * random_below(&w.r, 3));
	if (c.kind == STACK && c.from < w.low)
		return;
	result = c.kind == PLACED ? place(c.len) : c.kind == STACK ? (long)c.from : 0;
	assert_int_equal(make(&c), result);
	if (result >= 0)
		model(&c, result);
	check_want(&c, "done");
	if (!mm_validate(&w.mm, &reason))
		fail_msg("%s", reason);
}

static void test_the_remembered_hole_is_the_one_that_is_found(void **state)
{
	unsigned long steps = test_operations(10000) * 4, kept = 0;

	begin(12);
	w.sys.pmd_size = 0;
	w.mm.mmap_base = at(BASE);
	for (unsigned long i = 0; i < steps; i++) {
		hole_step();
		kept += w.mm.hole.start < w.mm.hole.end && w.mm.hole.changes == w.mm.changes;
	}
	print_message("# a hole was known after %lu of %lu steps\n", kept, steps);
	assert_true(kept > steps / 4);
	mm_exit(&w.mm);
}

static void test_pages_of_4_kib(void **state)
{
	run(12, test_operations(10000));
}

static void test_pages_of_16_kib(void **state)
{
	run(14, test_operations(10000));
}

static void test_pages_of_64_kib(void **state)
{
	run(16, test_operations(10000));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_of_4_kib),
		cmocka_unit_test(test_pages_of_16_kib),
		cmocka_unit_test(test_pages_of_64_kib),
		cmocka_unit_test(test_the_remembered_hole_is_the_one_that_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
