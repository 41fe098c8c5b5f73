/* SPDX-License-Identifier: MIT */
/*
 * Records become items in the order of the mmap lock, and wait there for what they lack.
 *
 * 1. A section's record is pushed at the queue's end when it comes, ready only if it is nobody's call. The
 * record of the call's return finds it by the task (open_of()) and makes it ready. What is ready at the
 * head is told at once (flush()). 2. Of several sections and looks of one call the last stays, and becomes
 * the call's event; the others are marked as dropped, but first writes that they brought are told at their
 * place. 3. Losses are noticed by gaps (check_sequence(), areas and written ones that do not add up) as
 * well as by the programs' counters: f->lost stops the telling of this space until take_lost() has made it
 * good.
 *
 *     ring     W1 S1(mmap of 10)  W2 S2(munmap of 11)  C(11) C(10)      W: RECORD_WRITTEN, S: section, C: call
 *     queue    [S1 with W1, waits] [S2 with W2, ready]                   after C(11): nothing is told yet
 *     told     S1 and its call, S2 and its call                          after C(10): in the order of the lock
 *
 * S2's call returned first, and is told second: what counts is who held the lock first. Times are those
 * of the returns, and never run backwards in what is told (emit_event()).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"
#include "uapi.h"

/* False: no memory; the list is as it was. */
bool area_list_add(struct area_list *l, const struct bpf_area *a)
{
	if (l->nr == l->allocated) {
		uint32_t more = l->allocated ? l->allocated * 2 : 16;
		struct bpf_area *grown = realloc(l->areas, more * sizeof(*grown));

		if (!grown)
			return false;
		l->areas = grown;
		l->allocated = more;
	}
	l->areas[l->nr++] = *a;
	return true;
}

/* What @from has is @to's now; @from begins anew in the room that @to had. */
static void take_list(struct area_list *to, struct area_list *from)
{
	struct area_list had = *to;

	*to = *from;
	*from = had;
	from->nr = 0;
}

/*
 * It is used again, with the room of its lists. Its lists keep their room, and area_list.nr is set to 0
 * when it is taken again.
 */
static void item_free(struct live_bpf *s, struct item *it)
{
	free(it->exec);
	free(it->stack);
	free(it->ranges);
	it->exec = NULL;
	it->stack = NULL;
	it->ranges = NULL;
	it->next = s->spare;
	s->spare = it;
}

/*
 * Only what a kind of item may leave unset is cleared here: call, numbers, tid and the like are always
 * written.
 */
static struct item *item_new(struct live_bpf *s)
{
	struct item *it = s->spare;

	if (!it)
		return calloc(1, sizeof(*it));
	s->spare = it->next;
	it->next = NULL;
	it->drop = it->has_call = it->unordered = false;
	it->before.nr = it->after.nr = it->closed.nr = 0;
	it->fork.child_tid = 0;
	it->file.file = 0;
	it->section.wrote_lo = it->section.wrote_hi = it->section.lo = it->section.hi = 0;
	it->status = 0;
	return it;
}

/* Of those that are in a queue followed_free() has made spare ones before. */
void items_free(struct live_bpf *s)
{
	while (s->spare) {
		struct item *it = s->spare;

		s->spare = it->next;
		free(it->before.areas);
		free(it->after.areas);
		free(it->closed.areas);
		free(it);
	}
}

/* The last one that was looked for is kept: records come in runs of one space. */
struct followed *followed_find(struct live_bpf *s, uint32_t id)
{
	if (!s->found || s->found->id != id)
		s->found = mtree_load(&s->by_id, id);
	return s->found;
}

/* With one user; known is set by who tells its beginning. NULL: no memory, and s->err says so. */
struct followed *followed_add(struct live_bpf *s, uint32_t id, uint32_t pid)
{
	struct followed *f = calloc(1, sizeof(*f));

	if (!f) {
		s->err = -ENOMEM;
		return NULL;
	}
	if (!callers_add(s, f) || mtree_store(&s->by_id, id, f, GFP_KERNEL)) {
		callers_free(f);
		free(f);
		s->err = -ENOMEM;
		return NULL;
	}
	f->id = id;
	f->pid = pid;
	f->users = 1;
	f->tail = f->open = &f->head;
	mt_init_flags(&f->written, 0);
	mt_init_flags(&f->settled, 0);
	f->next = s->spaces;
	s->spaces = f;
	return f;
}

/* Nothing of them is told. Those of others that are in them (forks, execs) are the caller's to look at. */
void followed_drop_items(struct live_bpf *s, struct followed *f)
{
	while (f->head) {
		struct item *next = f->head->next;

		item_free(s, f->head);
		f->head = next;
	}
	f->tail = f->open = &f->head;
	f->gather.nr = f->before.nr = f->closed.nr = 0;
}

/*
 * Sections and calls of before the loss are dropped, since the map that is read now has them; forks,
 * execs and exits stay, in their order. settled begins anew with the snapshot.
 */
void followed_pass_over(struct followed *f)
{
	f->gather.nr = f->before.nr = f->closed.nr = 0;
	f->passed_over = true;
	mtree_destroy(&f->settled);
	mt_init_flags(&f->settled, 0);
	for (struct item *it = f->head; it; it = it->next) {
		if (it->kind > ITEM_CALL || it->fork.child_tid)
			continue;
		it->before.nr = 0;
		it->ready = it->drop = true;
	}
}

bool followed_ends(const struct followed *f)
{
	const struct item *it = f->head;

	while (it && it->kind != ITEM_FINAL)
		it = it->next;
	return it || f->finished;
}

/* Behind flush_items() only, or at the end: nobody else holds a pointer to it but s->found. */
void followed_free(struct live_bpf *s, struct followed *f)
{
	struct followed **at = &s->spaces;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (s->found == f)
		s->found = NULL;
	mtree_erase(&s->by_id, f->id);
	followed_drop_items(s, f);
	free(f->gather.areas);
	free(f->before.areas);
	free(f->closed.areas);
	free(f->last_map.areas);
	free(f->tids);
	followed_limits_free(f);
	callers_free(f);
	mtree_destroy(&f->written);
	mtree_destroy(&f->settled);
	free(f);
}

/* flush() stops at it, take_lost() sees has_lost. */
static void note_lost(struct live_bpf *s, struct followed *f, uint64_t records)
{
	f->lost += records;
	s->has_lost = true;
}

/*
 * Ready unless the caller says otherwise; numbers of the machine as they are by the records until now.
 * NULL: no memory, and s->err says so.
 */
static struct item *push(
	struct live_bpf *s, struct followed *f, enum item_kind kind, const struct record_head *h)
{
	struct item *it = item_new(s);

	if (!it) {
		s->err = -ENOMEM;
		return NULL;
	}
	it->kind = kind;
	it->tid = h->tid;
	it->pid = h->pid;
	it->time_ns = h->time_ns;
	memcpy(it->numbers, s->numbers, sizeof(it->numbers));
	it->ready = true;
	*f->tail = it;
	f->tail = &it->next;
	return it;
}

static bool is_fork(uint32_t nr)
{
	return nr == NR_fork || nr == NR_vfork || nr == NR_clone || nr == NR_clone3;
}

/* --- sections ----------------------------------------------------------------------------------------------- */

/*
 * mm_lock_seq grows by one at each begin and end, so the next section's is two more. One that goes
 * backwards is of a space that was adopted again. 0: the first one, of which nothing was before.
 */
static void check_sequence(struct live_bpf *s, struct followed *f, uint64_t sequence)
{
	if (f->sequence && sequence != f->sequence + 2)
		note_lost(s, f, sequence > f->sequence + 2 ? (sequence - f->sequence) / 2 - 1 : 1);
	f->sequence = sequence;
}

/*
 * What another section has left behind, whose own record was lost, is not this one's. RECORD_AREAS of a
 * section that comes; file pointers become numbers at once, as long as they mean what they did.
 */
static void gather(struct live_bpf *s, struct followed *f, const struct record_head *h,
	const struct bpf_area *areas, size_t n)
{
	if (f->gather_of != h->sequence)
		f->gather.nr = 0;
	f->gather_of = h->sequence;
	for (size_t i = 0; i < n; i++) {
		if (area_list_add(&f->gather, &areas[i]))
			origin_number(s, &f->gather.areas[f->gather.nr - 1]);
		else
			s->err = -ENOMEM;
	}
}

/* All areas of one section have its sequence; a section that was missed has left its own behind. */
static void gather_written(struct live_bpf *s, struct followed *f, const struct area_record *r)
{
	if (f->before_of != r->head.sequence)
		f->before.nr = 0;
	f->before_of = r->head.sequence;
	if (area_list_add(&f->before, &r->area))
		origin_number(s, &f->before.areas[f->before.nr - 1]);
	else
		s->err = -ENOMEM;
}

/* As it was, when a section begins that takes it back. */
static void gather_closed(struct live_bpf *s, struct followed *f, const struct area_record *r)
{
	if (f->closed_of != r->head.sequence)
		f->closed.nr = 0;
	f->closed_of = r->head.sequence;
	if (!area_list_add(&f->closed, &r->area))
		s->err = -ENOMEM;
}

static int by_start(const void *a, const void *b)
{
	const struct bpf_area *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Ascending, each once: a section can look at one more than once. */
static void put_in_order(struct area_list *l)
{
	uint32_t kept = 0;

	if (!l->nr)
		return;
	qsort(l->areas, l->nr, sizeof(*l->areas), by_start);
	for (uint32_t i = 1; i < l->nr; i++)
		if (l->areas[i].start != l->areas[kept].start)
			l->areas[++kept] = l->areas[i];
	l->nr = kept + 1;
}

/* The areas that records have told for it: those that came with it, and before it. False: some were lost. */
static bool gather_all(struct live_bpf *s, struct followed *f, const struct section_record *r, size_t size)
{
	gather(s, f, &r->head, (const struct bpf_area *)(r + 1),
		(size - sizeof(*r)) / sizeof(struct bpf_area));
	return (f->gather_of == r->head.sequence ? f->gather.nr : 0) == r->areas;
}

/*
 * SETTLED: the task has begun a call since the map was read. ACTED_BEFORE: the call that it is in has
 * had a section or a look that the map has.
 */
enum settled { SETTLED = 1, ACTED_BEFORE };

/*
 * What is known of the task's call that was under way when the map was read (AD1): nothing is needed of
 * those that begin later.
 */
static void settle(struct live_bpf *s, struct followed *f, uint32_t tid, enum settled how)
{
	if (f->snapshot && mtree_store(&f->settled, tid, xa_mk_value(how), GFP_KERNEL))
		s->err = -ENOMEM;
}

/* A section that is in the map that was read comes behind them: so are they. */
static void pass_over_calls(struct followed *f)
{
	for (struct item *it = f->head; it; it = it->next)
		it->drop |= it->kind == ITEM_CALL;
}

/*
 * head.sequence is odd, the snapshot's even: up to it means that the section had ended when the map was
 * read. NO_CALL needs no return, and is ready.
 */
static void on_section(struct live_bpf *s, struct followed *f, const struct section_record *r, size_t size)
{
	struct item *it;

	if (f->closed_of != r->head.sequence)
		f->closed.nr = 0;
	/* It is in the map that was read. */
	if (r->head.sequence <= f->snapshot) {
		pass_over_calls(f);
		settle(s, f, r->head.tid, r->nr == NO_CALL ? SETTLED : ACTED_BEFORE);
		f->gather.nr = f->before.nr = f->closed.nr = 0;
		return;
	}
	check_sequence(s, f, r->head.sequence);
	if (!gather_all(s, f, r, size) || f->before.nr != r->written) {
		f->gather.nr = f->before.nr = f->closed.nr = 0;
		note_lost(s, f, 1);
		return;
	}
	it = push(s, f, ITEM_SECTION, &r->head);
	if (!it)
		return;
	it->section = *r;
	take_list(&it->before, &f->before);
	put_in_order(&it->before);
	take_list(&it->after, &f->gather);
	take_list(&it->closed, &f->closed);
	it->ready = r->nr == NO_CALL;
}

/* exit_mmap(): whatever waits for a return will not get one. */
static void on_final(struct live_bpf *s, struct followed *f, const struct section_record *r, size_t size)
{
	struct item *it;

	if (!gather_all(s, f, r, size))
		note_lost(s, f, 1);
	/* Nobody is in a call any more. */
	for (it = f->head; it; it = it->next) {
		it->drop |= !it->ready;
		it->ready = true;
	}
	it = push(s, f, ITEM_FINAL, &r->head);
	if (it)
		take_list(&it->after, &f->gather);
}

/* What @tid's call has done so far, from @it on: the first of it that waits. */
static struct item *next_open(struct item *it, uint32_t tid)
{
	while (it && (it->kind > ITEM_CALL || it->ready || it->tid != tid))
		it = it->next;
	return it;
}

/*
 * The first item of @tid's call that waits; NULL: none. f->open only moves on, past what is ready: each
 * item is passed over once. O(1) as a rule: the queue is short, and most of it ready.
 */
static struct item *open_of(struct followed *f, uint32_t tid)
{
	while (*f->open && (*f->open)->ready)
		f->open = &(*f->open)->next;
	return next_open(*f->open, tid);
}

/*
 * The sections of a call that has returned, or whose task is gone. The last of them; the others tell nothing.  Those of another
 * call show that its return was lost.
 */
static struct item *sections_of(struct live_bpf *s, struct followed *f, uint32_t tid)
{
	struct item *last = open_of(f, tid), *more;

	while (last && (more = next_open(last->next, tid)) != NULL) {
		if (last->kind == ITEM_SECTION && more->kind == ITEM_SECTION &&
			last->section.nr != more->section.nr)
			note_lost(s, f, 1);
		last->drop = last->ready = true;
		last = more;
	}
	return last;
}

/*
 * It is told again where others have acted meanwhile, and of guard pages at their end: what was written
 * belongs to it. Between sections the sequence is even: a look with a lower one is of before the map;
 * with the same it may be of either side, and is kept. An item of the task's call that waits takes what
 * was written in; without one the look is an item, which waits for the return.
 */
static void on_look(struct live_bpf *s, struct followed *f, const struct record_head *h)
{
	struct item *it = open_of(f, h->tid);
	struct area_list *l;
	bool whole = true;

	if (h->sequence < f->snapshot && !it) {
		settle(s, f, h->tid, ACTED_BEFORE);
	} else if (h->sequence >= f->snapshot && it) {
		l = it->kind == ITEM_CALL ? &it->after : &it->before;
		for (uint32_t i = 0; i < f->before.nr; i++)
			whole &= area_list_add(l, &f->before.areas[i]);
		put_in_order(l);
	} else if (h->sequence >= f->snapshot) {
		it = push(s, f, ITEM_CALL, h);
		if (!it)
			return;
		it->ready = false;
		take_list(&it->before, &f->before);
		put_in_order(&it->before);
	}
	if (!whole)
		s->err = -ENOMEM;
	f->before.nr = 0;
}

/* It changes the map first, and looks at it only to populate what it has mapped or locked. */
static bool looks_behind(uint32_t nr)
{
	return nr == NR_mmap || nr == NR_brk || nr == NR_mremap || nr == NR_mlock || nr == NR_mlock2 ||
	       nr == NR_mlockall || nr == NR_shmat || nr == NR_remap_file_pages;
}

/*
 * A call that is in the map that was read in the midst of things: its sections were before that, or
 * nothing was seen of it, or only a look that comes behind them, and it can have begun before, which is
 * true of the first that a task returns from. Answers once for each task: behind it the task is
 * settled. A call that only changes limits is told in any case, since the map has nothing of it.
 */
static bool is_in_snapshot(
	struct live_bpf *s, struct followed *f, const struct call_record *r, const struct item *it)
{
	void *known = f->snapshot ? mtree_load(&f->settled, r->head.tid) : NULL;
	bool seen = it && !(it->kind == ITEM_CALL && looks_behind(r->nr));

	if (!f->snapshot || known == xa_mk_value(SETTLED))
		return false;
	settle(s, f, r->head.tid, SETTLED);
	return known || (!seen && limit_changed_by(r->nr) == LIMIT_NONE);
}

/*
 * Linux 6.16 and newer carry these out under the lock of one area, which nothing tells of: of others' calls some came before it
 * and some after.  They change no area.
 */
static bool is_unordered(const struct followed *f, const struct call_record *r)
{
	uint32_t advice = (uint32_t)r->args[2];

	return r->nr == NR_madvise && f->users > 1 &&
	       (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED || advice == MADV_FREE ||
		       advice == MADV_GUARD_INSTALL || advice == MADV_GUARD_REMOVE);
}

/* The file of a mapping that was refused is no data of the call's. */
static void take_file(struct live_bpf *s, struct item *it)
{
	struct bpf_area a = { 0 };

	if (it->call.nr != NR_mmap || it->call.data_len != sizeof(it->file))
		return;
	memcpy(&it->file, it->call.data, sizeof(it->file));
	a.file = it->file.file;
	origin_number(s, &a);
	it->file.file = a.file;
	it->call.data_len = 0;
}

/* It comes with the call's record, where stacks are wanted. */
static void take_stack(struct live_bpf *s, struct item *it, const struct call_record *r, size_t size)
{
	const struct stack_copy *from = &((const struct deep_call_record *)r)->stack;
	size_t used;

	if (size != sizeof(struct deep_call_record))
		return;
	used = offsetof(struct stack_copy, bytes) + from->size;
	free(it->stack);
	it->stack = malloc(used);
	if (it->stack)
		memcpy(it->stack, from, used);
	else
		s->err = -ENOMEM;
}

/*
 * The record lies in the ring: what the item keeps is copied. Fewer bytes than struct call_record may
 * have come.
 */
static void take_call(struct live_bpf *s, struct item *it, const struct call_record *r, size_t size)
{
	memcpy(&it->call, r, size < sizeof(*r) ? size : sizeof(*r));
	take_file(s, it);
	take_stack(s, it, r, size);
	if (r->data_len <= sizeof(r->data))
		return;
	it->ranges = malloc(r->data_len);
	if (it->ranges)
		memcpy(it->ranges, r->data, r->data_len);
	else
		s->err = -ENOMEM;
}

/*
 * The call of the last open section of its task, or one without any: then it has changed nothing, or
 * nothing that was seen, and is an item of its own at the end of the queue.
 */
static void on_call(struct live_bpf *s, struct followed *f, const struct call_record *r, size_t size)
{
	struct item *it = sections_of(s, f, r->head.tid);

	/* A fork has been told by its own record, or there was no child. */
	if (is_in_snapshot(s, f, r, it) || is_fork(r->nr)) {
		if (it)
			it->ready = it->drop = true;
		return;
	}
	/* process_madvise can be about another process: that one's sections tell. */
	if (r->nr == NR_process_madvise && !it)
		return;
	if (!it) {
		it = push(s, f, ITEM_CALL, &r->head);
		if (!it)
			return;
		it->unordered = is_unordered(f, r);
	}
	if (it->kind == ITEM_SECTION && it->section.nr != r->nr)
		note_lost(s, f, 1);
	take_call(s, it, r, size);
	it->time_ns = r->head.time_ns;
	it->has_call = true;
	it->ready = true;
}

/* --- tasks -------------------------------------------------------------------------------------------------- */

/* It comes before the section that it is about. */
static void on_limits(struct live_bpf *s, struct followed *f, const struct limits_record *r)
{
	struct item *it = push(s, f, ITEM_UNDER, &r->head);

	if (!it)
		return;
	it->call.data_len = sizeof(r->limits);
	memcpy(it->call.data, r->limits, sizeof(r->limits));
}

/* Was it there when the tasks were looked for? */
static bool was_listed(const struct followed *f, uint32_t tid)
{
	for (uint32_t i = 0; i < f->nr_tids; i++)
		if (f->tids[i] == tid)
			return true;
	return false;
}

/*
 * A thread, or vfork's child, joins the parent's space; another child has its own from now on, which is
 * told by the fork's item, when it is its turn. The child's struct is there from now on, not known: its
 * records are queued, and told when its fork has been. ACTED_BEFORE: the copy was made before the
 * parent's map was read, and is of another state than the mirror's.
 */
static void on_fork(struct live_bpf *s, struct followed *f, const struct fork_record *r)
{
	struct followed *child;
	struct item *it;

	if (r->child_space == f->id && was_listed(f, r->child_tid))
		return;
	if (r->child_space == f->id) {
		it = push(s, f, ITEM_TASK, &r->head);
		if (it)
			it->fork = *r;
		settle(s, f, r->child_tid, SETTLED);
		return;
	}
	child = followed_add(s, r->child_space, r->child_pid);
	it = sections_of(s, f, r->head.tid);
	if (child) {
		child->is_child = true;
		child->key = r->child_mm;
	}
	if (child && f->snapshot && mtree_load(&f->settled, r->head.tid) == xa_mk_value(ACTED_BEFORE)) {
		child->is_late = true;
		return;
	}
	if (!it)
		it = push(s, f, ITEM_SECTION, &r->head);
	if (!it)
		return;
	it->fork = *r;
	it->time_ns = r->head.time_ns;
	it->ready = true;
}

/* A task that was killed in a call: it was carried out if the map says so, and what it returned nobody saw. */
static void on_exit_record(struct live_bpf *s, struct followed *f, const struct exit_record *r)
{
	struct item *it = sections_of(s, f, r->head.tid);

	if (it) {
		it->ready = true;
		it->drop = it->section.wrote_lo >= it->section.wrote_hi;
	}
	it = push(s, f, ITEM_EXIT, &r->head);
	if (it)
		it->status = r->status;
}

/*
 * In the queue of the space that is left, because it tells of the end of that first. The new one has
 * been announced by RECORD_AREAS, or is begun by this record.
 */
static void on_exec(struct live_bpf *s, const struct exec_record *r)
{
	struct followed *new = followed_find(s, r->head.space), *old = followed_find(s, r->old_space);
	struct item *it;

	if (!new)
		return;
	new->pid = r->head.pid;
	new->key = r->mm;
	it = push(s, old ? old : new, ITEM_EXEC, &r->head);
	if (!it)
		return;
	if (new->gather.nr != r->areas)
		note_lost(s, new, 1);
	take_list(&it->after, &new->gather);
	it->exec = malloc(sizeof(*r));
	if (it->exec)
		*it->exec = *r;
	else
		s->err = -ENOMEM;
	new->sequence = 0;
	/* A new space's own items wait until it was told of. */
	new->known = !old;
}

/*
 * Tell what is ready at the head. Stops at what waits, at a loss, and as long as the space itself was
 * not told. True: something was told. ring_make_room() in between, for telling takes longer than
 * reading.
 */
static bool flush(struct live_bpf *s, struct followed *f)
{
	bool told = false;

	while (f->known && f->head && f->head->ready && !f->lost) {
		struct item *it = f->head;

		f->head = it->next;
		if (f->tail == &it->next)
			f->tail = &f->head;
		if (f->open == &it->next)
			f->open = &f->head;
		emit_item(s, f, it);
		item_free(s, it);
		ring_make_room(&s->ring);
		told = true;
	}
	return told;
}

/*
 * @data lies in the ring or beside it (ring_next()), aligned to 8 bytes, until the next is asked for.
 * Sizes are the programs' own: not checked but where a record has more than one. Records of spaces that
 * nobody knows are passed over, but for those that begin one.
 */
void on_record(struct live_bpf *s, const void *data, size_t size)
{
	const struct record_head *h = data;
	struct followed *f = followed_find(s, h->space);

	if (!f && (h->type == RECORD_AREAS || h->type == RECORD_EXEC))
		f = followed_add(s, h->space, h->pid);
	if (h->type == RECORD_FILE)
		origin_learn(s, data);
	if (h->type == RECORD_NUMBER)
		machine_note(s, data);
	if (!f)
		return;
	switch (h->type) {
	case RECORD_AREAS:
		gather(s, f, h, ((const struct section_areas *)data)->areas,
			(size - sizeof(struct section_record)) / sizeof(struct bpf_area));
		break;
	case RECORD_WRITTEN:
		gather_written(s, f, data);
		break;
	case RECORD_CLOSED:
		gather_closed(s, f, data);
		break;
	case RECORD_UNDER:
		on_limits(s, f, data);
		break;
	case RECORD_SECTION:
		on_section(s, f, data, size);
		break;
	case RECORD_FINAL:
		on_final(s, f, data, size);
		break;
	case RECORD_LOOK:
		on_look(s, f, data);
		break;
	case RECORD_CALL:
		on_call(s, f, data, size);
		break;
	case RECORD_FORK:
		on_fork(s, f, data);
		break;
	case RECORD_EXEC:
		on_exec(s, data);
		break;
	case RECORD_EXIT:
		on_exit_record(s, f, data);
		break;
	default:
		break;
	}
	flush(s, f);
}

/*
 * Again until nothing is told: one space's fork may have made another's items tellable. A space is
 * freed here and nowhere else while the loop runs.
 */
void flush_items(struct live_bpf *s)
{
	bool again = true;

	while (again) {
		again = false;
		for (struct followed *f = s->spaces, *next; f; f = next) {
			next = f->next;
			again |= flush(s, f);
			if (f->finished && !f->users && !f->head && !f->held_exit)
				followed_free(s, f);
		}
	}
}
