/* SPDX-License-Identifier: MIT */
/*
 * Merging: may areas join, and joining them.  The one place that decides.
 *
 * 1. A range N that is mapped anew, between P and X:
 *
 *      |-- P --|  N  |-- X --|    both      |--------- P ---------|        X vanishes
 *      |-- P --|  N  |-- Y --|    left      |----- P -----|-- Y --|
 *      |-- Q --|  N  |-- X --|    right     |-- Q --|----- X -----|        X begins lower, and so does its pgoff
 *
 * 2. A range N inside the existing area M whose properties change:
 *
 *      |-- P --|--- N=M ---|-- X --|     both        |----------- P ------------|   M and X vanish
 *      |-- P --|--- N=M ---|-- Y --|     left, all   |-------- P -------|-- Y --|   M vanishes
 *      |-- P --|- N -|- M -|             left, part  |----- P ----|- M -|           M begins higher
 *      |-- Q --|--- N=M ---|-- X --|     right, all  |-- Q --|-------- X -------|   M vanishes
 *              |- M -|- N -|-- X --|     right, part |- M -|-------- X ---------|   M ends lower
 *      |- M -|- N -|- M' -|              none: two cuts
 *
 * 3. Nothing is carried over but anon_vma links: whoever grows over pages must know their anon_vma.  Where a
 *    three-way join is refused only because P and X own different anon_vmas, or because X has a close operation,
 *    the join with P alone remains.
 *
 * 4. Failure.  Links are cloned and the one index store is prepared before anything changes; a clone that was made
 *    in vain is unlinked again.
 */

#include "internal.h"
#include "bytes.h"

static bool names_equal(const struct anon_vma_name *a, const struct anon_vma_name *b)
{
	return a == b || (a && b && strcmp(a->name, b->name) == 0);
}

/* Are the pages that the private mappings of a file have of their own as far from where they were written? */
static bool own_pages_adjoin(const struct vm_area_struct *area, const struct vma_merge *vmg)
{
	const struct mm_system *sys = vmg->mm->sys;
	pgoff_t moved = 0;

	if (!sys->kernel->own_pages_adjoin || !sys->rmap->moved || (vmg->flags & VM_SHARED) ||
		!(vmg->flags & VM_MAYWRITE))
		return true;
	if (vmg->origin && vmg->origin->anon_vma)
		moved = rmap_moved_on(sys->rmap->moved(vmg->origin), vmg->origin, vmg->start, vmg->pgoff);
	return sys->rmap->moved(area) == moved;
}

/*
 * What keeps @area and the range of @vmg apart, apart from the place where they meet: all of it if @list, else at least
 * one thing if anything does.
 */
static inline unsigned int property_blockers(
	const struct vm_area_struct *area, const struct vma_merge *vmg, bool list)
{
	unsigned int why = 0;

	if ((area->vm_flags | vmg->flags) & VM_SPECIAL)
		why |= VMA_BLOCK_SPECIAL;
	if ((area->vm_flags ^ vmg->flags) & ~VM_STICKY)
		why |= VMA_BLOCK_FLAGS;
	/* What is different mostly differs so. */
	if (why && !list)
		return why;
	if (area->vm_file != vmg->file)
		why |= VMA_BLOCK_FILE;
	if (area->uffd_ctx != vmg->uffd_ctx)
		why |= VMA_BLOCK_UFFD;
	if (area->policy != vmg->policy)
		why |= VMA_BLOCK_POLICY;
	if (!names_equal(area->anon_name, vmg->name))
		why |= VMA_BLOCK_NAME;
	if (vma_has_close(area) && !vmg->just_expand && !vmg->mm->sys->kernel->close_may_merge)
		why |= VMA_BLOCK_CLOSE;
	if (area != vmg->origin && !ops_may_merge(area, vmg->origin))
		why |= VMA_BLOCK_OPS;
	if (!vmg->mm->sys->rmap->may_merge(area, vmg->anon_vma, vmg->middle ? vmg->middle : vmg->copied_from))
		why |= VMA_BLOCK_ANON_VMA;
	if (vmg->file && !own_pages_adjoin(area, vmg))
		why |= VMA_BLOCK_MOVED;
	return why;
}

static unsigned int left_blockers(const struct vma_merge *vmg, bool list)
{
	const struct vm_area_struct *prev = vmg->prev;
	unsigned int why;

	if (!prev || prev->vm_end != vmg->start)
		return VMA_BLOCK_GAP;
	why = property_blockers(prev, vmg, list);
	if (prev->vm_pgoff + vma_pages(prev) != vmg->pgoff)
		why |= VMA_BLOCK_OFFSET;
	return why;
}

static bool may_join_left(const struct vma_merge *vmg)
{
	return !left_blockers(vmg, false);
}

static bool may_join_right(const struct vma_merge *vmg)
{
	const struct vm_area_struct *next = vmg->next;

	if (!next || next->vm_start != vmg->end ||
		next->vm_pgoff != vmg->pgoff + to_pages(vmg->mm, vmg->end - vmg->start))
		return false;
	if (vma_has_close(next) && !vmg->mm->sys->kernel->close_takes_below)
		return false;
	return !property_blockers(next, vmg, false);
}

bool vma_may_have(const struct vm_area_struct *vma, const struct vma_merge *vmg)
{
	return vma->vm_flags == vmg->flags && !vma_has_close(vma) && !property_blockers(vma, vmg, false);
}

/* [start, end) as @vma would have it there, with nothing around it. */
static struct vma_merge properties_of(
	const struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	return (struct vma_merge){
		.mm = vma->vm_mm,
		.origin = vma,
		.start = start,
		.end = end,
		.pgoff = vma_pgoff_at(vma, start),
		.flags = vma->vm_flags,
		.file = vma->vm_file,
		.anon_vma = vma->anon_vma,
		.name = vma->anon_name,
		.policy = vma->policy,
		.uffd_ctx = vma->uffd_ctx,
	};
}

unsigned int vma_merge_blockers(const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	struct vma_merge vmg = properties_of(right, right->vm_start, right->vm_end);
	unsigned int why;

	vmg.prev = (struct vm_area_struct *)left;
	vmg.middle = (struct vm_area_struct *)right;
	why = left_blockers(&vmg, true);
	if (vma_has_close(right))
		why |= VMA_BLOCK_CLOSE;
	return why;
}

const char *vma_merge_blocker_name(enum vma_merge_blocker blocker)
{
	switch (blocker) {
	case VMA_BLOCK_GAP:
		return "they are not adjacent";
	case VMA_BLOCK_SPECIAL:
		return "special area (VM_IO, VM_DONTEXPAND, VM_PFNMAP or VM_MIXEDMAP)";
	case VMA_BLOCK_FLAGS:
		return "vm_flags differ";
	case VMA_BLOCK_FILE:
		return "not the same open file";
	case VMA_BLOCK_OFFSET:
		return "offsets do not adjoin";
	case VMA_BLOCK_ANON_VMA:
		return "anon_vmas are not compatible";
	case VMA_BLOCK_UFFD:
		return "userfaultfd contexts differ";
	case VMA_BLOCK_POLICY:
		return "memory policies differ";
	case VMA_BLOCK_NAME:
		return "anonymous names differ";
	case VMA_BLOCK_CLOSE:
		return "the area that would vanish has a close operation";
	case VMA_BLOCK_OPS:
		return "the embedder keeps them apart";
	case VMA_BLOCK_MOVED:
		return "written pages were moved by mremap";
	}
	return "unknown";
}

/* P and X would be one: what they own must agree with each other, not only with the range between them. */
static bool ends_agree(const struct vma_merge *vmg)
{
	const struct anon_vma *p = vmg->prev->anon_vma, *x = vmg->next->anon_vma;

	return (!p || !x || p == x) && ops_may_merge(vmg->prev, vmg->next);
}

/* Let @target know the pages of @src, if it has none of its own. *@cloned: undo with unlink. */
static int inherit_pages(struct vm_area_struct *target, const struct vm_area_struct *src, bool *cloned)
{
	if (!src || !src->anon_vma || target->anon_vma)
		return 0;
	if (target->vm_mm->sys->rmap->clone(target, src))
		return -ENOMEM;
	*cloned = true;
	return 0;
}

static void area_vanishes(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *into)
{
	ops_merge(into, vma);
	ops_close(vma);
	mm->map_count--;
	vma_free(vma);
}

/* What a join does, once decided. */
struct join {
	struct vm_area_struct *target; /* covers [start, end) afterwards */
	unsigned long start, end;
	pgoff_t pgoff;                            /* of the target */
	struct vm_area_struct *gone[2];           /* vanish; or NULL */
	const struct vm_area_struct *pages_of[2]; /* whose pages the target takes over; or NULL */
	struct vm_area_struct *shrinks;           /* loses what the target gains; or NULL */
};

/* What marks the range, or an area that is joined, marks the join. */
static vm_flags_t sticky_flags(const struct vma_merge *vmg, const struct join *j)
{
	vm_flags_t flags = vmg->flags;

	if (!vmg->mm->sys->kernel->marks_guards)
		return 0;
	for (int i = 0; i < 2; i++)
		if (j->gone[i])
			flags |= j->gone[i]->vm_flags;
	return flags & VM_STICKY;
}

static void lock_areas(const struct join *j)
{
	vma_start_write(j->target);
	for (int i = 0; i < 2; i++)
		if (j->gone[i])
			vma_start_write(j->gone[i]);
	if (j->shrinks)
		vma_start_write(j->shrinks);
}

static int prepare_store(struct index_store *st, struct mm_struct *mm, const struct join *j)
{
	return j->shrinks ? index_prepare_border(st, mm, j->start, j->end, j->target, j->shrinks)
			  : index_prepare_growth(st, mm, j->start, j->end, j->target);
}

static struct vm_area_struct *join_areas(struct vma_merge *vmg, const struct join *j)
{
	struct index_store st;
	struct vm_area_struct *target = j->target;
	bool cloned = false;

	vmg->err = -ENOMEM;
	lock_areas(j);
	if (inherit_pages(target, j->pages_of[0], &cloned) ||
		inherit_pages(target, j->pages_of[1], &cloned) || prepare_store(&st, vmg->mm, j))
		goto unlink;
	vmg->err = ops_host(vmg);
	if (vmg->err) {
		index_cancel(&st);
		goto unlink;
	}

	/* Point of no return. */
	vma_adjust_begin(target, j->shrinks);
	if (j->shrinks && j->shrinks->vm_start >= j->start) {
		set_field(j->shrinks, vm_pgoff, vma_pgoff_at(j->shrinks, j->end));
		set_field(j->shrinks, vm_start, j->end);
	} else if (j->shrinks) {
		set_field(j->shrinks, vm_end, j->start);
	}
	set_field(target, vm_start, j->start);
	set_field(target, vm_end, j->end);
	set_field(target, vm_pgoff, j->pgoff);
	set_field(target, vm_flags, target->vm_flags | sticky_flags(vmg, j));
	vma_adjust_end(target, j->shrinks);
	index_commit_join(&st, target);
	if (!vmg->middle || j->shrinks)
		ops_adjust(target, j->shrinks, vmg->start, vmg->end);
	for (int i = 0; i < 2; i++)
		if (j->gone[i])
			area_vanishes(vmg->mm, j->gone[i], target);
	vmg->mm->counters.merges++;
	return target;

unlink:
	if (cloned)
		vmg->mm->sys->rmap->unlink(target);
	return NULL;
}

static void choose_neighbours(struct vma_merge *vmg, bool *left, bool *right)
{
	if (vmg->after_first) {
		*right = may_join_right(vmg);
		vmg->anon_vma = *right ? vmg->next->anon_vma : NULL;
		*left = may_join_left(vmg);
	} else {
		*left = may_join_left(vmg);
		*right = !vmg->just_expand && may_join_right(vmg) && (!*left || ends_agree(vmg));
	}
}

struct vm_area_struct *vma_merge_new_range(struct vma_merge *vmg)
{
	bool left, right;
	struct join j = { .start = vmg->start, .end = vmg->end, .pgoff = vmg->pgoff };

	choose_neighbours(vmg, &left, &right);
	if (left && right && vma_has_close(vmg->next))
		right = false;
	if (!left && !right)
		return NULL;
	if (right) {
		j.target = vmg->next;
		j.end = vmg->next->vm_end;
	}
	if (left) {
		j.target = vmg->prev;
		j.start = vmg->prev->vm_start;
		j.pgoff = vmg->prev->vm_pgoff;
		j.gone[0] = right ? vmg->next : NULL;
		j.pages_of[0] = j.gone[0];
	}
	j.pages_of[1] = vmg->copied_from;
	return join_areas(vmg, &j);
}

/* Decide on the cases of part 2 above. False: none applies. */
static bool choose_join(const struct vma_merge *vmg, struct join *j)
{
	struct vm_area_struct *middle = vmg->middle;
	bool from_start = vmg->start == middle->vm_start, to_end = vmg->end == middle->vm_end;
	bool left = from_start && may_join_left(vmg);
	bool right = to_end && !vmg->just_expand && may_join_right(vmg) && (!left || ends_agree(vmg));
	bool all = from_start && to_end;

	if ((left || right) && all && vma_has_close(middle))
		return false;
	if (left && right && vma_has_close(vmg->next))
		right = false;
	if (!left && !right)
		return false;
	*j = (struct join){ .start = vmg->start, .end = vmg->end, .pgoff = vmg->pgoff };
	if (all)
		j->gone[0] = middle;
	else
		j->shrinks = middle;
	if (right) {
		j->target = vmg->next;
		j->end = vmg->next->vm_end;
		j->pages_of[1] = middle;
	}
	if (left) {
		j->target = vmg->prev;
		j->start = vmg->prev->vm_start;
		j->pgoff = vmg->prev->vm_pgoff;
		j->gone[1] = right ? vmg->next : NULL;
		j->pages_of[0] = j->gone[1];
		j->pages_of[1] = middle;
	}
	return true;
}

struct vm_area_struct *vma_modify(struct vma_merge *vmg)
{
	struct vm_area_struct *vma = vmg->middle, *merged;
	struct join j;
	int err;

	if (choose_join(vmg, &j)) {
		merged = join_areas(vmg, &j);
		return merged ? merged : ERR_PTR(vmg->err);
	}
	if (vma->vm_start < vmg->start) {
		err = vma_split(vmg->mm, vma, vmg->start, true);
		if (err)
			return ERR_PTR(err);
	}
	if (vma->vm_end > vmg->end) {
		err = vma_split(vmg->mm, vma, vmg->end, false);
		if (err)
			return ERR_PTR(err);
	}
	err = ops_host(vmg);
	return err ? ERR_PTR(err) : vma;
}

struct vma_merge vma_merge_change(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct vma_merge vmg = properties_of(vma, start, end);

	ops_prefetch(vma);
	if (start == vma->vm_start || end == vma->vm_end)
		index_neighbours(vma, &vmg.prev, &vmg.next);
	vmg.middle = vma;
	vmg.work = MM_CHANGE_FLAGS;
	return vmg;
}

struct vma_merge vma_merge_like(
	const struct vm_area_struct *vma, unsigned long start, unsigned long end, pgoff_t pgoff)
{
	struct vma_merge vmg = properties_of(vma, start, end);

	vmg.pgoff = pgoff;
	vmg.work = MM_CHANGE_MAP;
	return vmg;
}

struct vm_area_struct *vma_make_range(struct vma_merge *vmg, struct vm_area_struct *over)
{
	struct vm_area_struct *vma = vma_alloc(vmg->mm);

	vmg->err = -ENOMEM;
	if (!vma)
		return NULL;
	vma->vm_start = vmg->start;
	vma->vm_end = vmg->end;
	vma->vm_pgoff = vmg->pgoff;
	vma->vm_flags = vmg->flags;
	vma->vm_file = vm_file_get(vmg->file);
	vmg->err = over ? vma_link_over(vma, over) : vma_link(vmg->mm, vma, NULL, vmg);
	if (vmg->err) {
		vma_free(vma);
		return NULL;
	}
	return vma;
}

struct vm_area_struct *vma_modify_flags(
	struct vm_area_struct *vma, unsigned long start, unsigned long end, vm_flags_t flags)
{
	struct vma_merge vmg = vma_merge_change(vma, start, end);

	vmg.flags = flags;
	vma = vma_modify(&vmg);
	if (IS_ERR(vma))
		return vma;
	vma_start_write(vma);
	vma_set_flags(vma, flags | (vma->vm_flags & VM_MAYBE_GUARD));
	if (vma->vm_mm->pgd)
		vma->vm_mm->sys->pages->protect(vma, start, end);
	return vma;
}
