/* SPDX-License-Identifier: MIT */
/*
 * Faults on the mirror, and the doubts that they bring: a recording cannot always say in which order areas were written.
 *
 * Why order matters. The first write of an area gives it an anon_vma, its neighbour's if the two could be
 * one (find_mergeable_anon_vma()). So of two neighbours that are written for the first time they share one
 * whichever is first; of three in a row the middle one takes that of one side, and the third has its own or
 * not, by the order. And a call between two first writes may cut or join what the second one would have
 * found.
 *
 * Doubt and order differ in what is not known: whether an area was written at all, or only when.
 */
#include <sys/mman.h>

#include <vmaple/rmap.h>

#include "internal.h"
#include "system_calls.h"

/* brk and mremap populate what is new of a locked area; mlockall with MCL_CURRENT populates all. */
bool call_populates(const struct trace_call *c)
{
	switch (c->nr) {
	case NR_mmap:
	case NR_mremap:
	case NR_brk:
	case NR_shmat:
	case NR_mlock:
	case NR_mlock2:
	case NR_mlockall:
		return true;
	case NR_madvise:
		return c->args[2] == MADV_POPULATE_READ || c->args[2] == MADV_POPULATE_WRITE;
	default:
		return false;
	}
}

/*
 * For calls that populate pages, which they do after they have let the mmap_lock go (mm_populate()): others
 * may have changed the map before, and the FAULT events say which areas it has reached. So while such a
 * call is made (s->populating) no area gets an anon_vma; an area that is said to stand apart takes no
 * neighbour's.
 */
static int prepare_unless_populating(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	const struct space *s = vma->vm_mm->owner;

	if (s && s->populating)
		return 0;
	return s && s->apart ? anon_vma_rmap.prepare(vma, NULL, NULL)
			     : anon_vma_rmap.prepare(vma, prev, next);
}

void replay_first_writes(struct replay *r)
{
	r->populating = *r->sys.rmap;
	r->populating.prepare = prepare_unless_populating;
	r->sys.rmap = &r->populating;
}

/*
 * One range around all: what lies between counts as written beside, which can only make a difference
 * uncertain.
 */
static void written_beside(struct space *s, const struct vm_area_struct *vma)
{
	if (!s->beside_end || vma->vm_start < s->beside_start)
		s->beside_start = vma->vm_start;
	if (vma->vm_end > s->beside_end)
		s->beside_end = vma->vm_end;
}

static void grown_beside(struct space *s, const struct vm_area_struct *vma)
{
	if (!s->grown_end || vma->vm_start < s->grown_start)
		s->grown_start = vma->vm_start;
	if (vma->vm_end > s->grown_end)
		s->grown_end = vma->vm_end;
}

/* One may have taken the anon_vma of the other. */
static bool may_share(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->anon_vma && b->anon_vma && anon_vma_compatible(a, b);
}

/* Of three in a row it is the order of their first writes that says which of them share an anon_vma; of two not. */
static bool order_matters(struct mm_struct *mm, const struct vm_area_struct *vma)
{
	const struct vm_area_struct *a = vma, *other;
	int in_a_row = 1;

	for (; (other = vma_lookup(mm, a->vm_start - 1)) && may_share(other, a); a = other)
		in_a_row++;
	for (a = vma; (other = vma_lookup(mm, a->vm_end)) && may_share(a, other); a = other)
		in_a_row++;
	return in_a_row > 2;
}

/* A stack has grown down to it meanwhile: whether it was written before, apart, or after, beside that, is not known. */
static bool was_met(struct space *s, const struct vm_area_struct *vma)
{
	struct vm_area_struct *stack = vma_lookup(&s->mm, s->grown_to);

	return stack && vma->vm_end == s->grown_to && anon_vma_compatible(vma, stack);
}

/*
 * With which flags of mm_fault() the event is carried out. A write that is known to have happened, in an
 * area that is there, was one that the area allowed, or was none: UFFDIO_COPY gives a page to memory
 * without VM_WRITE, so rights are not asked (MM_FAULT_FILL).
 */
static unsigned int kind_of(const struct replay *r, const struct trace_fault *f, bool covered)
{
	bool seen = r->header.fault_source == TRACE_FAULTS_ALL || r->header.fault_source == TRACE_FAULTS_EACH;

	if (!f->write)
		return MM_FAULT_SMALL;
	return covered && seen && f->write_known ? MM_FAULT_FILL : MM_FAULT_WRITE;
}

void replay_fault(struct replay *r, struct space *s, const struct trace_event *e)
{
	const struct trace_fault *f = &e->fault;
	struct vm_area_struct *vma;
	bool untouched, below, stack;

	r->stats.faults++;
	vma = find_vma(&s->mm, f->addr);
	causes_touch(s, f->addr, f->addr + 1);
	untouched = vma && !vma->anon_vma;
	below = vma && vma->vm_start > f->addr;
	stack = below && (vma->vm_flags & VM_GROWSDOWN);
	/* A fault that the map does not allow is the program's SIGSEGV, and changes nothing. */
	s->apart = f->apart;
	(void)!mm_fault(&s->mm, f->addr, kind_of(r, f, vma && !below));
	s->apart = false;
	vma = vma_lookup(&s->mm, f->addr);
	if (below && vma && f->ambiguous)
		grown_beside(s, vma);
	if (below && vma)
		s->grown_to = vma->vm_start;
	/* It may not grow: whether it got an anon_vma before it was refused hangs on what refused it. */
	s->doubt |= stack && untouched && !vma;
	if (untouched && vma && vma->anon_vma) {
		r->stats.first_writes++;
		s->doubt |= !f->write_known;
		s->order |= was_met(s, vma);
		if (f->ambiguous) {
			written_beside(s, vma);
			s->order |= order_matters(&s->mm, vma);
		}
	}
}

/*
 * First writes were seen beside this call, which may have come before or after it: does it matter? Only if
 * the call touches them or a neighbour, within a page on both sides; what the other calls touch is not
 * looked at, so that they are taken to.
 */
void fault_settle_call(struct space *s, const struct trace_call *c)
{
	uint64_t start = s->beside_start, end = s->beside_end, page = mm_page_size(&s->mm);

	s->grown_to = 0;
	if (!end)
		return;
	s->beside_start = s->beside_end = 0;
	switch (c->nr) {
	case NR_mmap:
	case NR_shmat:
		s->order |= (uint64_t)c->result <= end && (uint64_t)c->result + c->args[1] + page >= start;
		break;
	case NR_munmap:
	case NR_mprotect:
	case NR_madvise:
		s->order |= c->args[0] <= end && c->args[0] + c->args[1] + page >= start;
		break;
	default:
		s->order = true;
	}
}

void fault_settle_change(struct space *s, const struct trace_change *c)
{
	s->order |= s->beside_end >= c->start && s->beside_start <= c->end;
}
