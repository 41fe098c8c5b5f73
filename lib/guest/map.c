/* SPDX-License-Identifier: MIT */
/*
 * Mapping, unmapping and changing rights: edges first, then the run.
 */
#include "internal.h"

struct span whole_pages(const struct guest_mm *guest, unsigned long start, unsigned long end)
{
	return (struct span){ host_page_up(guest, start), host_page_of(guest, end) };
}

/* The host page at @page becomes part of the run. */
static void join_run(const struct guest_mm *guest, struct span *run, unsigned long page)
{
	run->start = min(run->start, page);
	run->end = max(run->end, page + host_page_size(guest));
}

int ask_incoherent(struct guest_mm *guest, unsigned long addr)
{
	int err = guest->setup.incoherent ? guest->setup.incoherent(guest, addr) : 0;

	if (!err)
		guest->counters.incoherent++;
	return err;
}

static bool is_congruent(const struct guest_mm *guest, const struct mm_change *c)
{
	return !c->file || !((bytes_of(guest, c->pgoff) - c->start) & (host_page_size(guest) - 1));
}

bool maps_directly(const struct guest_mm *guest, const struct mm_change *c, unsigned long page)
{
	if (!c->file)
		return true;
	/* A page that begins before the mapping begins before its part of the file: is there so much in front of it? */
	return is_congruent(guest, c) && (page >= c->start || bytes_of(guest, c->pgoff) >= c->start - page);
}

static int map_directly(struct guest_mm *guest, const struct mm_change *c, struct span run)
{
	struct guest_host_map map = { .addr = host_address(guest, run.start),
		.len = run.end - run.start,
		.rights = rights_of(c->flags),
		.file = c->file,
		.offset = c->file ? bytes_of(guest, c->pgoff) + (run.start - c->start) : 0,
		.shared = c->file && (c->flags & VM_MAYSHARE) };

	return guest->setup.host->map(guest->setup.ctx, &map);
}

/* Memory with what was read of the file. What replaces something cannot be undone once that has gone. */
static int map_copy(struct guest_mm *guest, const struct mm_change *c, struct span run)
{
	int err = c->flags & VM_MAYSHARE ? ask_incoherent(guest, run.start) : 0;

	if (!err)
		err = host_map_memory(guest, run, VM_READ | VM_WRITE);
	if (err)
		return err;
	err = mark_copies(guest, run);
	if (!err)
		err = host_fill(guest, c, run.start, run.end - run.start);
	if (!err && rights_of(c->flags) != (VM_READ | VM_WRITE))
		err = host_protect(guest, run, rights_of(c->flags));
	if (err && !c->replaces)
		forget_copies(guest, run);
	if (err && (c->replaces || host_unmap(guest, run)))
		host_lost(guest, run);
	return err;
}

int map_run(struct guest_mm *guest, const struct mm_change *c, struct span run)
{
	int err;

	if (span_is_empty(run))
		return 0;
	err = preallocate_copies(guest, run);
	if (err)
		return err;
	if (!is_congruent(guest, c))
		return map_copy(guest, c, run);
	err = map_directly(guest, c, run);
	if (!err)
		forget_copies(guest, run);
	return err;
}

/* The part of a host page that the change has. */
static int fill_edge(struct work *work, const struct mm_change *c, unsigned long page)
{
	unsigned long start = max(c->start, page);

	return host_fill(work->guest, c, start, min(c->end, page + host_page_size(work->guest)) - start);
}

static int map_edge(struct work *work, const struct mm_change *c, unsigned long page, struct span *run)
{
	struct guest_mm *guest = work->guest;
	bool keeps = page_keeps(guest, page, &work->future);
	int err = 0;

	if (!keeps && maps_directly(guest, c, page)) {
		join_run(guest, run, page);
		return 0;
	}
	if (keeps && c->file && maps_directly(guest, c, page) &&
		page_maps_alike(guest, page, &work->future, c))
		return edge_set_rights(work, page);
	if (c->file && (c->flags & VM_MAYSHARE))
		err = ask_incoherent(guest, page);
	if (!err)
		err = edge_open(work, page);
	return err ? err : fill_edge(work, c, page);
}

/* The host pages that [start, end) covers in part, none, one or two: visit them. */
static int for_each_edge(struct work *work, const struct mm_change *c, struct span *run,
	int (*visit)(struct work *work, const struct mm_change *c, unsigned long page, struct span *run))
{
	unsigned long head = host_page_of(work->guest, c->start), tail = host_page_of(work->guest, c->end);
	int err = head != c->start ? visit(work, c, head, run) : 0;

	if (!err && tail != c->end && (tail != head || head == c->start))
		err = visit(work, c, tail, run);
	return err;
}

int map_range(struct work *work, const struct mm_change *c)
{
	struct span run = whole_pages(work->guest, c->start, c->end);
	int err = for_each_edge(work, c, &run, map_edge);

	if (!err)
		err = edges_close(work);
	return err ? err : map_run(work->guest, c, run);
}

/* Others stay there, with their rights; or nobody, and it goes with the run. */
static int leave_edge(struct work *work, const struct mm_change *c, unsigned long page, struct span *run)
{
	(void)c;
	if (page_keeps(work->guest, page, &work->future))
		return edge_set_rights(work, page);
	join_run(work->guest, run, page);
	return 0;
}

int unmap_range(struct work *work, struct span range)
{
	struct guest_mm *guest = work->guest;
	struct mm_change c = { .kind = MM_CHANGE_UNMAP, .start = range.start, .end = range.end };
	struct span run = whole_pages(guest, range.start, range.end);
	int err = for_each_edge(work, &c, &run, leave_edge);

	if (!err && !span_is_empty(run))
		err = preallocate_copies(guest, run);
	if (!err && !span_is_empty(run))
		err = host_unmap(guest, run);
	if (!err)
		forget_copies(guest, run);
	return err;
}

static int set_rights(struct work *work)
{
	const struct mm_change *c = work->change;
	struct span run = whole_pages(work->guest, c->start, c->end);
	int err;

	if (rights_of(c->flags) == rights_of(c->old_flags))
		return 0;
	err = for_each_edge(work, c, &run, leave_edge);
	return err || span_is_empty(run) ? err : host_protect(work->guest, run, rights_of(c->flags));
}

static int change_pages(struct work *work)
{
	const struct mm_change *c = work->change;

	switch (c->kind) {
	case MM_CHANGE_MAP:
		return map_range(work, c);
	case MM_CHANGE_UNMAP:
		return unmap_range(work, work->future.gone[0]);
	case MM_CHANGE_FLAGS:
		return set_rights(work);
	case MM_CHANGE_MOVE:
		return move_range(work);
	case MM_CHANGE_ADVISE:
		return advise_range(work);
	}
	return -EINVAL;
}

_Static_assert(offsetof(struct guest_mm, mm) == 0, "an mm of a guest is its guest");

int guest_host_change(struct mm_struct *mm, const struct mm_change *c)
{
	struct guest_mm *guest = (struct guest_mm *)mm;
	const struct mm_operations *ops = guest->setup.ops;
	struct work work = { .guest = guest,
		.change = c,
		.future = { .gone = { { c->start, c->end } },
			.added = { c->start, c->end },
			.rights = rights_of(c->flags) } };
	int err = ops && ops->host ? ops->host(mm, c) : 0;

	if (err)
		return err;
	if (c->kind == MM_CHANGE_UNMAP)
		work.future.added = (struct span){ 0, 0 };
	err = change_pages(&work);
	if (!err)
		return 0;
	edges_undo(&work);
	if (ops && ops->host && guest->setup.undo)
		guest->setup.undo(mm, c);
	return err;
}
