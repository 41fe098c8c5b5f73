/* SPDX-License-Identifier: MIT */
/*
 * Areas that a userfaultfd serves.
 *
 * 1. Closed.  When the last descriptor of a userfaultfd goes (it is closed, its process ends or execs), the kernel takes its
 *    areas back and joins them with their neighbours; no call of the map does that.  mm->served has the ranges that were
 *    registered, each with the descriptor that did it, and mm->holders which file that was: numbers of descriptors are
 *    used again.  Before anything else is told of the address space it is looked whether that descriptor still is that
 *    userfaultfd.  If not, smaps says whether the areas are still served: another descriptor may hold it.
 *    What was written between two looks, and whether before the closing, the map tells: areas that both were are not joined.
 *
 * 2. First writes.  A page that is filled with zeros, copied or moved in gives its area an anon_vma as a write does, whether it
 *    may be written or not.  Zeros and moves may leave nothing to be found, there or where they came from.  These ioctls stop the program; they are not held up, since another
 *    thread may be waiting for the page.
 *
 * 3. Another's.  A userfaultfd serves the address space of who made it, whoever asks by it (makers.c).  A call that is about
 *    another's map holds that one, so that its place among the calls of the tasks there is known, and is told as one of
 *    theirs; as lost, if that map was taken from it because it was blocked for long.  It does nothing if that map is gone.
 *
 *    Where it is not known who made it, it is guessed of descriptors that may have been inherited over fork: smaps of the
 *    caller shows that it is not its own.  Where one process alone can have made it, and is not in a call, the call is told
 *    as that one's; else what has changed is told as lost there.
 *
 *    What is unmapped, mapped over or moved is taken out of mm->served: a registration there later is another's.
 *
 * 4. Markers.  A page that was never written but is write-protected looks like one that is swapped out; smaps knows.
 */
#include <sys/mman.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

#define SERVED (VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR)

/*
 * A descriptor of a process, in an entry of a tree. Process and number, packed into a value of the tree.
 */
static void *holder(pid_t tgid, int fd)
{
	return xa_mk_value((unsigned long)tgid << 32 | (uint32_t)fd);
}

/*
 * The inode of a descriptor that is a userfaultfd, which is its own since Linux 5.12; 0: it is none. 1
 * where stat(2) fails: it is one, of whatever number.
 */
static unsigned long inode_of(const void *holder)
{
	unsigned long value = xa_to_value(holder);

	return userfaultfd_inode((pid_t)(value >> 32), (int)(uint32_t)value);
}

/* Of the one by which the task asks. */
static unsigned long inode_asked(const struct task *t)
{
	return inode_of(holder(t->tgid, (int)t->call.args[0]));
}

/*
 * Is the descriptor still that userfaultfd? Before 5.12 all anonymous inodes are one, and any userfaultfd
 * counts.
 */
static bool is_open(struct live_mm *mm, const void *holder)
{
	unsigned long inode = inode_of(holder);
	void *known = mtree_load(&mm->holders, xa_to_value(holder));

	return inode && (!known || xa_to_value(known) == inode);
}

/*
 * The run that @addr is in, or the next one above, and its descriptor. False: there is none. By address:
 * O(log n).
 */
static bool next_served(const struct live_mm *mm, uint64_t addr, struct range *run, void **by)
{
	MA_STATE(mas, (struct maple_tree *)&mm->served, addr, addr);

	mas_lock(&mas);
	*by = mas_find(&mas, ULONG_MAX);
	mas_unlock(&mas);
	*run = (struct range){ mas.index, mas.last + 1 };
	return *by != NULL;
}

/*
 * Two areas that meet at an end of it and are still apart were both written before: else they would be one.  Where something
 * else keeps them apart nobody knows when they were written.
 */
static void writes_before_closing(struct live *l, struct task *t, uint64_t end)
{
	struct trace_area below, above;

	if (end && observe_area(l, t->mm, end - 1, &below) && below.end == end &&
		observe_area(l, t->mm, end, &above) && (below.prot & above.prot & PROT_WRITE))
		writes_meeting_at(l, t, end, below.prot != above.prot || t->mm->users > 1);
}

/* As a write: an anon_vma is what both leave.  @beside: another asks, beside whose call it may be. */
static void emit_filled(struct live *l, struct task *t, uint64_t addr, bool beside)
{
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = page_start(addr),
			.write = true,
			.write_known = true,
			.ambiguous = t->mm->users > 1 || (beside && t->mm->busy) } };

	emit(l, t, &e);
}

/* Where nothing may be written it was filled, which came before the closing. */
static void fills_before_closing(struct live *l, struct task *t, const struct range *run)
{
	struct trace_area a;
	uint64_t addr;

	for (uint64_t at = run->start;
		at < run->end && find_present(t->mm, at, run->end, &addr) && observe_area(l, t->mm, addr, &a);
		at = a.end)
		if (!a.shared && !(a.prot & PROT_WRITE))
			emit_filled(l, t, addr, false);
}

/* Order: what was written before the closing is told before it. */
static void emit_closed(struct live *l, struct task *t, const struct range *run)
{
	struct trace_event e = { .type = TRACE_EVENT_CHANGE,
		.change = { .what = TRACE_CHANGE_UFFD_CLOSED, .start = run->start, .end = run->end } };

	forget(&t->mm->served, run->start, run->end);
	observe_changed(t->mm);
	fills_before_closing(l, t, run);
	writes_before_closing(l, t, run->start);
	writes_before_closing(l, t, run->end);
	emit(l, t, &e);
}

/* As smaps has it, in l->areas. */
static bool is_served(const struct live *l, const struct range *run)
{
	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (l->areas[i].start < run->end && l->areas[i].end > run->start &&
			(l->areas[i].vm_flags & SERVED))
			return true;
	return false;
}

static bool is_nobodys(const void *by)
{
	return xa_to_value(by) >> 32 == 0;
}

/*
 * It is served still, by another descriptor than the one that is known, whose number may come to be used again: from now on by
 * one of no process, which is never open, with the inode for a number.
 */
static void note_nobodys(struct live_mm *mm, const void *by, const struct range *run)
{
	unsigned long inode = xa_to_value(mtree_load(&mm->holders, xa_to_value(by)));
	void *nobodys = holder(0, (int)inode);

	if (!mtree_store(&mm->holders, xa_to_value(nobodys), xa_mk_value(inode), GFP_KERNEL))
		(void)!mtree_store_range(&mm->served, run->start, run->end - 1, nobodys, GFP_KERNEL);
}

/*
 * Before every other question about the address space: what it finds happened before. Costs a readlink(2)
 * and a stat(2) for each range, and smaps only where a descriptor is gone.
 */
void served_emit(struct live *l, struct task *t)
{
	struct range run;
	bool looked = false;
	void *by;

	for (uint64_t at = 0; next_served(t->mm, at, &run, &by); at = run.end) {
		if (is_open(t->mm, by))
			continue;
		if (!looked)
			observe_smaps(l, t);
		looked = true;
		/* Without smaps nothing is said: it is asked again at the next call. */
		if (l->nr_areas && !is_served(l, &run))
			emit_closed(l, t, &run);
		else if (l->nr_areas && !is_nobodys(by))
			note_nobodys(t->mm, by, &run);
	}
}

/*
 * @by: whose descriptor; @call: of its own map or of another's.
 *
 * Unregistering only takes the range out. Without memory it is not remembered, and its closing will not
 * be noticed.
 */
static void note_served(struct live_mm *mm, void *by, const struct trace_call *call, const struct range *run)
{
	forget(&mm->served, run->start, run->end);
	if ((uint32_t)call->args[1] != UFFDIO_REGISTER || run->end <= run->start)
		return;
	(void)!mtree_store_range(&mm->served, run->start, run->end - 1, by, GFP_KERNEL);
	/* What cannot be written can be filled from now on. */
	forget(&mm->settled, run->start, run->end);
	(void)!mtree_store(&mm->holders, xa_to_value(by), xa_mk_value(inode_of(by)), GFP_KERNEL);
}

/* Does something of @run have a descriptor that is known to serve it? */
static bool is_noted(const struct live_mm *mm, const struct range *run)
{
	struct range served;
	void *by;

	return next_served(mm, run->start, &served, &by) && served.start < run->end;
}

/*
 * What lies where several areas are moved to, with holes between them: over a hole it stays (Linux 6.17).  Without smaps all of
 * it is taken to have gone.
 */
static void forget_moved_over(struct live *l, struct task *t, const struct range *placed)
{
	uint64_t at = placed->start;

	if (!is_noted(t->mm, placed))
		return;
	observe_smaps(l, t);
	for (uint32_t i = 0; i < l->nr_areas; i++) {
		const struct trace_area *a = &l->areas[i];

		if (a->start >= placed->end || a->end <= placed->start || !(a->vm_flags & SERVED))
			continue;
		forget(&t->mm->served, at, a->start);
		at = a->end;
	}
	forget(&t->mm->served, at, placed->end);
}

/* What is unmapped, mapped over or moved away is not served there any more. */
static void forget_replaced(struct live *l, struct task *t, int64_t result)
{
	const uint64_t *a = t->call.args;
	struct range r[2], placed;

	if (t->call.nr == NR_munmap && named_ranges(t, r))
		forget(&t->mm->served, r[0].start, r[0].end);
	if (t->call.nr == NR_mremap && !(a[3] & MREMAP_DONTUNMAP) && (uint64_t)result != a[0] &&
		named_ranges(t, r))
		forget(&t->mm->served, r[0].start, r[0].end);
	if (!placed_range(&t->call, result, &placed))
		return;
	if (t->call.nr == NR_mmap)
		forget(&t->mm->served, placed.start, placed.end);
	else if (t->call.nr == NR_mremap && (uint64_t)result != a[0])
		forget_moved_over(l, t, &placed);
}

void served_follow_call(struct live *l, struct task *t, int64_t result)
{
	struct range r[2];

	if (IS_ERR_VALUE(result))
		return;
	if (t->call.nr != NR_ioctl && !mtree_empty(&t->mm->served))
		forget_replaced(l, t, result);
	else if (t->call.nr == NR_ioctl && named_ranges(t, r))
		note_served(t->mm, holder(t->tgid, (int)t->call.args[0]), &t->call, &r[0]);
}

/* --- another's -------------------------------------------------------------------------------------------------- */

#define INHERITED "what a userfaultfd that a child has inherited serves"
#define TAKEN     "what a userfaultfd serves: another process that asked was blocked in the kernel"

/* As smaps has it, in l->areas: does something of it that nobody is known to serve have who serves it? */
static bool is_served_unnoted(const struct live *l, const struct live_mm *mm, const struct range *run)
{
	for (uint32_t i = 0; i < l->nr_areas; i++) {
		const struct trace_area *a = &l->areas[i];
		const struct range here = { a->start > run->start ? a->start : run->start,
			a->end < run->end ? a->end : run->end };

		if (here.start < here.end && (a->vm_flags & SERVED) && !is_noted(mm, &here))
			return true;
	}
	return false;
}

/* Was something of it registered by this userfaultfd, whoever asked? */
static bool is_served_by(const struct live_mm *mm, unsigned long inode)
{
	unsigned long at = 0;
	void *known;

	mt_for_each ((struct maple_tree *)&mm->holders, known, at, ULONG_MAX)
		if (xa_to_value(known) == inode)
			return true;
	return false;
}

/*
 * Who may have made the userfaultfd, behind @tid; NULL: nobody more. Once something was registered its
 * inode tells; before, whose areas are served now.
 *
 * O(processes), with smaps of each where registering. *@tid goes on behind the one that was found.
 */
static struct task *next_maker(struct live *l, const struct task *t, unsigned long *tid,
	const struct range *run, unsigned long inode)
{
	bool registers = (uint32_t)t->call.args[1] == UFFDIO_REGISTER;
	struct task *other;

	while ((other = mt_find(&l->tasks, tid, ULONG_MAX)) != NULL) {
		if (!other->mm || other->mm == t->mm || other->tid != other->tgid)
			continue;
		if (is_served_by(other->mm, inode))
			return other;
		if (!registers)
			continue;
		observe_smaps(l, other);
		if (is_served_unnoted(l, other->mm, run))
			return other;
	}
	return NULL;
}

/* Something of it is: a registration also names holes. */
static bool is_mapped(struct live *l, const struct live_mm *mm, uint64_t start, uint64_t end)
{
	struct trace_area a;

	return observe_next(l, mm, start, &a) && a.start < end;
}

/* What others served of it was closed: it would have been refused to this one. */
static void emit_closed_before(
	struct live *l, struct task *maker, const struct range *run, unsigned long inode)
{
	struct range served;
	void *by;

	for (uint64_t at = run->start; next_served(maker->mm, at, &served, &by) && served.start < run->end;
		at = served.end)
		if (xa_to_value(mtree_load(&maker->mm->holders, xa_to_value(by))) != inode &&
			is_mapped(l, maker->mm, max(served.start, run->start), min(served.end, run->end)))
			emit_closed(l, maker, &served);
}

/*
 * As if it had been called there, where no other call is going on; the program may write there.  note_served() as the last:
 * what is told before it is asked of the space as it was.
 */
static void emit_for_maker(struct live *l, struct task *maker, const struct task *t, const struct range *run,
	unsigned long inode)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL, .call = t->call };

	e.call.result = 0;
	e.call.stack = 0;
	observe_changed(maker->mm);
	served_emit(l, maker);
	if ((uint32_t)t->call.args[1] == UFFDIO_REGISTER)
		emit_closed_before(l, maker, run, inode);
	writes_in_range(l, maker, run, t->about || maker->mm->users > 1);
	emit(l, maker, &e);
	note_served(maker->mm, holder(t->tgid, (int)t->call.args[0]), &t->call, run);
}

/* False: nobody but the caller can have made it. */
static bool emit_served_elsewhere(
	struct live *l, const struct task *t, const struct range *run, unsigned long inode)
{
	unsigned long tid = 0, again = 0;
	struct task *maker = next_maker(l, t, &tid, run, inode);

	if (!maker)
		return false;
	if (!maker->mm->busy && !maker->deferred && !next_maker(l, t, &tid, run, inode)) {
		emit_for_maker(l, maker, t, run, inode);
		return true;
	}
	while ((maker = next_maker(l, t, &again, run, inode)) != NULL)
		emit_lost(l, maker, 1, INHERITED);
	return true;
}

/* Whose map the userfaultfd serves by which the task asks; 0: not known. */
static uint32_t maker_asked(const struct live *l, const struct task *t)
{
	return mtree_empty(&l->makers) ? 0 : maker_of(l, inode_asked(t));
}

bool served_find_whose(struct live *l, struct task *t)
{
	uint32_t mm = t->call.nr == NR_ioctl ? maker_asked(l, t) : 0;
	struct task *maker;

	if (!mm || mm == t->mm->id)
		return true;
	maker = task_in(l, mm);
	if (maker)
		task_ask_about(t, maker->mm);
	return maker != NULL;
}

void served_begin_elsewhere(struct live *l, const struct task *t)
{
	struct task *maker = task_in(l, t->about->id);
	struct range r[2];
	unsigned int n = named_ranges(t, r);

	if (!maker)
		return;
	observe_changed(maker->mm);
	writes_before_change(l, maker, r, n);
}

static void emit_about_another(struct live *l, struct task *t, int64_t result)
{
	struct task *maker = task_in(l, t->about->id);
	struct range r[2];

	if (!maker || IS_ERR_VALUE(result) || !named_ranges(t, r))
		return;
	if (t->about->busy == t)
		emit_for_maker(l, maker, t, &r[0], inode_asked(t));
	else
		emit_lost(l, maker, 1, TAKEN);
}

/* True: the call is not told of the caller's own map. A failed one changes nobody's. */
bool served_elsewhere(struct live *l, struct task *t, int64_t result)
{
	unsigned long inode;
	struct range r[2];

	if (t->about) {
		emit_about_another(l, t, result);
		return true;
	}
	if (t->call.nr != NR_ioctl || !t->mm->is_copy || !named_ranges(t, r))
		return false;
	inode = inode_asked(t);
	if (maker_of(l, inode))
		return false;
	if (IS_ERR_VALUE(result))
		return true;
	if (is_served_by(t->mm, inode))
		return false;
	if ((uint32_t)t->call.args[1] == UFFDIO_REGISTER) {
		observe_smaps(l, t);
		/* What another descriptor of its own serves already would have been refused. */
		if (!l->nr_areas || is_served_unnoted(l, t->mm, &r[0]))
			return false;
	}
	if (emit_served_elsewhere(l, t, &r[0], inode))
		return true;
	/* Nothing of the caller's was served there. */
	return (uint32_t)t->call.args[1] == UFFDIO_UNREGISTER && !is_noted(t->mm, &r[0]);
}

/* --- first writes ------------------------------------------------------------------------------------------- */

/*
 * Whose pages they are.  NULL: of one that is gone, or nobody knows.  A guess is another's that has registered something by
 * it, if one alone has.
 */
static struct task *filled_by(struct live *l, struct task *t)
{
	const struct range nothing = { 0, 0 };
	uint32_t mm = maker_asked(l, t);
	unsigned long inode, tid = 0;
	struct task *maker;

	if (mm)
		return mm == t->mm->id ? t : task_in(l, mm);
	if (!t->mm->is_copy)
		return t;
	inode = inode_asked(t);
	if (is_served_by(t->mm, inode))
		return t;
	maker = next_maker(l, t, &tid, &nothing, inode);
	return maker && next_maker(l, t, &tid, &nothing, inode) ? NULL : maker;
}

/*
 * True: it fills, is not to be waited for, and what had to be told was. The fault is told before the page
 * is there, ambiguous beside other threads.
 */
bool served_fills(struct live *l, struct task *t)
{
	uint32_t code = (uint32_t)t->call.args[1];
	/* Of a move: where to, where from, how much; of zeros: where and how much. */
	uint64_t args[3] = { 0 };
	struct range from;
	struct task *whose;

	if (t->call.nr != NR_ioctl || (code != UFFDIO_ZEROPAGE && code != UFFDIO_MOVE))
		return false;
	if (!read_memory(t->tid, t->call.args[2], args, sizeof(args)))
		return true;
	whose = filled_by(l, t);
	/* Linux moves nothing within another's map. */
	if (code == UFFDIO_MOVE && whose != t)
		return true;
	if (whose && code == UFFDIO_MOVE) {
		from = (struct range){ args[1], args[1] + args[2] };
		writes_in_range(l, whose, &from, whose->mm->users > 1);
	}
	if (whose)
		emit_filled(l, whose, args[0], whose != t);
	return true;
}

/* Shared areas have no anon_vma. */
bool served_fills_at(const struct live_mm *mm, const struct trace_area *a)
{
	return !a->shared && is_noted(mm, &(struct range){ a->start, a->end });
}

/*
 * smaps counts markers neither as Anonymous nor as Swap. Only asked where something is served: it is
 * dear.
 */
bool served_is_untouched(struct live *l, struct task *t, const struct trace_area *a)
{
	struct range run;
	uint64_t addr;
	void *by;

	if (!next_served(t->mm, a->start, &run, &by) || run.start >= a->end ||
		find_present(t->mm, a->start, a->end, &addr))
		return false;
	observe_smaps(l, t);
	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (l->areas[i].start == a->start)
			return !l->areas[i].touched;
	return false;
}
