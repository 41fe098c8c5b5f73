/* SPDX-License-Identifier: MIT */
/*
 * mremap: what lay at one place comes to another.
 *
 * Where both places agree modulo the host's page, whole pages move by one call of the host, and of the others the bytes
 * are copied; where they do not, all bytes are. A shared file is mapped again instead, since its bytes are in the file,
 * unless both places meet in a host page.
 *
 *      from     |   |===========|===============|=====|         |
 *      to       |   |===========|===============|=====:::::::|  |     ::: what it has grown by
 *               | head          | moved         | straddle   tail     three pages with contents at most
 *
 * At the old place two pages at most get other rights.  The call that cannot be undone comes last.
 */
#include "internal.h"

/* Bytes from one place of the guest to another, whatever its rights where they come from. */
static int copy_bytes(struct work *work, unsigned long to, unsigned long from, unsigned long len)
{
	struct guest_mm *guest = work->guest;

	while (len) {
		unsigned long page = host_page_of(guest, from);
		unsigned long part = min(len, page + host_page_size(guest) - from);
		struct span span = { page, page + host_page_size(guest) };
		vm_flags_t rights = page_rights(guest, page, NULL, NULL);
		bool readable = (rights & VM_READ) || edge_is_open(work, page);
		int err = readable ? 0 : host_protect(guest, span, rights | VM_READ);

		if (err)
			return err;
		err = host_load(guest, guest_bytes(guest, to), from, part);
		if (!readable && (err || (err = host_protect(guest, span, rights))))
			edge_restore(guest, page, rights);
		if (err)
			return err;
		guest->counters.bytes_copied += part;
		to += part;
		from += part;
		len -= part;
	}
	return 0;
}

/* The bytes of the old place that [start, end) of the new one gets, and behind them what is newly mapped. */
static int fill_moved(struct work *work, unsigned long start, unsigned long end)
{
	const struct mm_change *c = work->change;
	unsigned long moved_end = c->start + min(c->from_end - c->from, c->end - c->start);
	unsigned long middle = max(start, min(end, moved_end));
	int err = copy_bytes(work, start, c->from + (start - c->start), middle - start);

	return err || middle == end ? err : host_fill(work->guest, c, middle, end - middle);
}

static int open_and_fill(struct work *work, unsigned long page)
{
	const struct mm_change *c = work->change;
	int err;

	if (edge_is_open(work, page))
		return 0;
	err = c->file && (c->flags & VM_MAYSHARE) ? ask_incoherent(work->guest, page) : 0;
	if (!err)
		err = edge_open(work, page);
	return err ? err
		   : fill_moved(work, max(c->start, page), min(c->end, page + host_page_size(work->guest)));
}

/* Head, straddle and tail. */
static int move_edges(struct work *work, unsigned long moved_end)
{
	const struct mm_change *c = work->change;
	unsigned long ends[] = { c->start, moved_end, c->end };
	int err = 0;

	for (int i = 0; i < 3 && !err; i++)
		if (host_page_of(work->guest, ends[i]) != ends[i])
			err = open_and_fill(work, host_page_of(work->guest, ends[i]));
	return err;
}

/* A run whose bytes are copied one by one. */
static int copy_run(struct work *work, struct span run)
{
	struct guest_mm *guest = work->guest;
	const struct mm_change *c = work->change;
	int err = c->file && (c->flags & VM_MAYSHARE) ? ask_incoherent(guest, run.start) : 0;

	if (!err)
		err = host_map_memory(guest, run, VM_READ | VM_WRITE);
	if (!err && c->file)
		err = mark_copies(guest, run);
	if (!err)
		err = fill_moved(work, run.start, run.end);
	if (!err && rights_of(c->flags) != (VM_READ | VM_WRITE))
		err = host_protect(guest, run, rights_of(c->flags));
	return err;
}

/* What is a copy at the old place will be one at the new. */
static int mark_moved(struct guest_mm *guest, struct span run, unsigned long from)
{
	unsigned int shift = guest->setup.host_page_shift;
	uint64_t last = (from + (run.end - run.start) - 1) >> shift;
	struct range_map_cursor cursor = range_map_from(from >> shift);
	struct range_map_range range;
	int err = 0;

	while (!err && range_map_next(&guest->copies, &cursor, &range) && range.first <= last) {
		unsigned long start = max(range.first << shift, from);
		unsigned long end = min((range.last + 1) << shift, from + (run.end - run.start));

		err = mark_copies(
			guest, (struct span){ run.start + (start - from), run.start + (end - from) });
	}
	return err;
}

static int move_run(struct work *work, struct span run)
{
	struct guest_mm *guest = work->guest;
	unsigned long from = work->change->from + (run.start - work->change->start);
	struct span source = { from, from + (run.end - run.start) };
	int err = preallocate_copies(guest, source);

	if (!err)
		err = mark_moved(guest, run, from);
	if (!err)
		err = guest->setup.host->move(guest->setup.ctx, host_address(guest, from),
			host_address(guest, run.start), run.end - run.start);
	if (!err)
		forget_copies(guest, source);
	return err;
}

/* The host pages that the old place has in part: others stay there, or nobody. */
static int leave_source(struct work *work)
{
	const struct mm_change *c = work->change;
	unsigned long ends[] = { c->from, c->from_end };
	int err = 0;

	for (int i = 0; i < 2 && !err; i++)
		if (host_page_of(work->guest, ends[i]) != ends[i])
			err = edge_set_rights(work, host_page_of(work->guest, ends[i]));
	return err;
}

/* It is done: host pages of the old place that nobody has any more go, too. */
static void drop_source(struct work *work)
{
	const struct mm_change *c = work->change;
	unsigned long ends[] = { c->from, c->from_end };

	for (int i = 0; i < 2; i++) {
		unsigned long page = host_page_of(work->guest, ends[i]);
		struct span span = { page, page + host_page_size(work->guest) };
		bool mapped;

		page_rights(work->guest, page, &work->future, &mapped);
		if (page == ends[i] || mapped)
			continue;
		forget_copies(work->guest, span);
		/* It has no rights already. */
		(void)!host_unmap(work->guest, span);
	}
}

/* The new place is empty: what was begun there goes. */
static void undo_run(struct guest_mm *guest, struct span run)
{
	if (span_is_empty(run))
		return;
	(void)!host_unmap(guest, run);
	forget_copies(guest, run);
}

/* Nothing was at the new place, and nothing will be. */
static void undo_map(struct guest_mm *guest, const struct mm_change *c)
{
	struct span place = { c->start, c->end };
	struct work work = { .guest = guest, .change = c, .future = { .gone = { place } } };

	if (unmap_range(&work, place))
		host_lost(guest, whole_pages(guest, c->start, c->end));
}

/* By contents: private memory, and copies. */
static int move_contents(struct work *work)
{
	struct guest_mm *guest = work->guest;
	const struct mm_change *c = work->change;
	bool congruent = !((c->start - c->from) & (host_page_size(guest) - 1));
	unsigned long moved_end = c->start + min(c->from_end - c->from, c->end - c->start);
	struct span all = whole_pages(guest, c->start, c->end);
	struct span moved = { all.start, min(all.end, host_page_of(guest, moved_end)) };
	struct span grown = { max(all.start, host_page_up(guest, moved_end)), all.end };
	struct span source = whole_pages(guest, c->from, c->from_end);
	int err = move_edges(work, moved_end);

	if (!err)
		err = map_run(guest, c, grown);
	if (!err && !congruent && !span_is_empty(moved))
		err = copy_run(work, moved);
	if (!err && !c->keeps_source)
		err = leave_source(work);
	if (!err)
		err = edges_close(work);
	if (!err && congruent && !span_is_empty(moved))
		err = move_run(work, moved);
	else if (!err && !congruent && !c->keeps_source && !span_is_empty(source)) {
		err = preallocate_copies(guest, source);
		if (!err)
			err = host_unmap(guest, source);
		if (!err)
			forget_copies(guest, source);
	}
	if (err) {
		undo_run(guest, grown);
		undo_run(guest, moved);
	}
	return err;
}

/* Pages that MREMAP_DONTUNMAP leaves are new ones. What has moved stays moved, whatever becomes of them. */
static void renew_source(struct work *work)
{
	const struct mm_change *c = work->change;
	struct mm_change again = { .kind = MM_CHANGE_MAP,
		.start = c->from,
		.end = c->from_end,
		.flags = c->flags,
		.file = c->file,
		.pgoff = c->pgoff };
	struct work next = { .guest = work->guest,
		.change = &again,
		.future = { .gone = { { c->from, c->from_end } },
			.added = { c->from, c->from_end },
			.rights = rights_of(c->flags),
			.moved = { c->start, c->end } } };

	struct span whole = whole_pages(work->guest, c->from, c->from_end);

	if (!map_range(&next, &again))
		return;
	edges_undo(&next);
	host_lost(work->guest, whole);
}

/* Has a host page a part of both places? A file cannot be mapped over it and then be taken away from it. */
static bool places_meet(const struct guest_mm *guest, const struct mm_change *c)
{
	return host_page_of(guest, c->start) < host_page_up(guest, c->from_end) &&
	       host_page_of(guest, c->from) < host_page_up(guest, c->end);
}

int move_range(struct work *work)
{
	struct guest_mm *guest = work->guest;
	const struct mm_change *c = work->change;
	struct span source = { host_page_of(guest, c->from), host_page_up(guest, c->from_end) };
	bool by_file = c->file && (c->flags & VM_MAYSHARE) && !copies_in(guest, source) &&
		       (c->keeps_source || !places_meet(guest, c));
	int err;

	if (!c->keeps_source)
		work->future.gone[1] = (struct span){ c->from, c->from_end };
	if (c->from == c->from_end)
		return map_range(work, c);
	if (by_file) {
		err = map_range(work, c);
		if (err || c->keeps_source)
			return err;
		err = unmap_range(work, work->future.gone[1]);
		if (err)
			undo_map(guest, c);
		return err;
	}
	err = move_contents(work);
	if (!err && c->keeps_source)
		renew_source(work);
	else if (!err)
		drop_source(work);
	return err;
}
