/* SPDX-License-Identifier: MIT */
/*
 * The list of areas that is the scenarios' address space, and their operations on it: see words.h.
 *
 * What an operation does is the engine's.  What is decided here is only whether the scenarios' function, which does nothing where
 * no merge is possible, would have returned before: a call then cuts or inserts, and that is left out.
 */
#include "words.h"

struct anon_vma dummy_anon_vma;
bool fail_prealloc;
static struct task_struct task;
struct task_struct *const current = &task;
unsigned int operations;
static const struct vm_operations_struct plain_ops;

/* --- the list ------------------------------------------------------------------------------------------------ */

struct vm_area_struct *alloc_vma(
	struct mm_struct *mm, unsigned long start, unsigned long end, pgoff_t pgoff, vma_flags_t flags)
{
	struct vm_area_struct *vma = calloc(1, sizeof(*vma));

	if (!vma)
		abort();
	*vma = (struct vm_area_struct){ .vm_mm = mm,
		.vm_start = start,
		.vm_end = end,
		.vm_pgoff = pgoff,
		.anon_pgoff = start >> PAGE_SHIFT,
		.flags = flags,
		.vm_ops = &plain_ops,
		.vm_lock_seq = UINT_MAX };
	INIT_LIST_HEAD(&vma->anon_vma_chain);
	return vma;
}

int attach_vma(struct mm_struct *mm, struct vm_area_struct *vma)
{
	int i = mm->map_count;

	if (i == SCENE_AREAS)
		return -ENOMEM;
	for (; i > 0 && mm->area[i - 1]->vm_start > vma->vm_start; i--)
		mm->area[i] = mm->area[i - 1];
	mm->area[i] = vma;
	mm->map_count++;
	return 0;
}

struct vm_area_struct *alloc_and_link_vma(
	struct mm_struct *mm, unsigned long start, unsigned long end, pgoff_t pgoff, vma_flags_t flags)
{
	struct vm_area_struct *vma = alloc_vma(mm, start, end, pgoff, flags);

	return attach_vma(mm, vma) ? NULL : vma;
}

static int index_of(const struct vm_area_struct *vma)
{
	for (int i = 0; i < vma->vm_mm->map_count; i++)
		if (vma->vm_mm->area[i] == vma)
			return i;
	return -1;
}

bool is_attached(const struct vm_area_struct *vma)
{
	return index_of(vma) >= 0;
}

static void detach(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	int i = index_of(vma);

	if (i < 0)
		return;
	for (mm->map_count--; i < mm->map_count; i++)
		mm->area[i] = mm->area[i + 1];
}

void detach_free_vma(struct vm_area_struct *vma)
{
	detach(vma);
	free(vma);
}

void empty_mm(struct mm_struct *mm)
{
	while (mm->map_count)
		detach_free_vma(mm->area[0]);
}

int cleanup_mm(struct mm_struct *mm, struct vma_iterator *vmi)
{
	int count = mm->map_count;

	fail_prealloc = false;
	reset_dummy_anon_vma();
	empty_mm(mm);
	vma_iter_set(vmi, 0);
	return count;
}

static struct vm_area_struct *stand_at(struct vma_iterator *vmi, struct vm_area_struct *vma)
{
	if (!vma)
		return NULL;
	vmi->addr = vma->vm_start;
	vmi->behind = vma->vm_end;
	vmi->begun = true;
	return vma;
}

struct vm_area_struct *vma_next(struct vma_iterator *vmi)
{
	unsigned long at = vmi->begun ? vmi->behind : vmi->addr;

	for (int i = 0; i < vmi->mm->map_count; i++)
		if (vmi->mm->area[i]->vm_end > at)
			return stand_at(vmi, vmi->mm->area[i]);
	return NULL;
}

struct vm_area_struct *vma_prev(struct vma_iterator *vmi)
{
	for (int i = vmi->mm->map_count; i-- > 0;)
		if (vmi->mm->area[i]->vm_end <= vmi->addr)
			return stand_at(vmi, vmi->mm->area[i]);
	return NULL;
}

static struct vm_area_struct *area_at(struct mm_struct *mm, unsigned long addr)
{
	for (int i = 0; i < mm->map_count; i++)
		if (mm->area[i]->vm_start <= addr && addr < mm->area[i]->vm_end)
			return mm->area[i];
	return NULL;
}

struct vm_area_struct *vma_iter_load(struct vma_iterator *vmi)
{
	return stand_at(vmi, area_at(vmi->mm, vmi->addr));
}

void vma_iter_clear(struct vma_iterator *vmi)
{
	struct vm_area_struct *vma = area_at(vmi->mm, vmi->addr);

	if (vma)
		detach(vma);
}

/* --- what the engine tells while it works -------------------------------------------------------------------- */

static void note_clone(void *dst, void *src)
{
	struct vm_area_struct *to = dst, *from = src;

	to->anon_vma = from->anon_vma;
	from->anon_vma->was_cloned = true;
}

static void note_unlink(void *area)
{
	struct vm_area_struct *vma = area;

	if (vma->anon_vma)
		vma->anon_vma->was_unlinked = true;
}

/* --- an operation -------------------------------------------------------------------------------------------- */

static bool is_forked(const struct vm_area_struct *vma)
{
	return vma->anon_vma && vma->anon_vma_chain.next->next != &vma->anon_vma_chain;
}

static struct scene scene_of(
	struct mm_struct *mm, enum scene_kind kind, unsigned long start, unsigned long end, vma_flags_t flags)
{
	struct scene s = { .kind = kind,
		.start = start,
		.end = end,
		.flags = vma_flags_to_legacy(flags),
		.no_memory = fail_prealloc,
		.cloned = note_clone,
		.unlinked = note_unlink };

	for (int i = 0; i < mm->map_count; i++) {
		const struct vm_area_struct *vma = mm->area[i];

		s.area[s.nr++] = (struct scene_area){ .self = mm->area[i],
			.start = vma->vm_start,
			.end = vma->vm_end,
			.pgoff = vma->vm_pgoff,
			.flags = vma_flags_to_legacy(vma->flags),
			.anon = vma->anon_vma,
			.inherited = is_forked(vma),
			.closes = vma->vm_ops && vma->vm_ops->close };
	}
	return s;
}

static const struct scene_area *scene_area_at(const struct scene *s, unsigned long addr)
{
	for (unsigned int i = 0; i < s->nr; i++)
		if (s->area[i].start <= addr && addr < s->area[i].end)
			return &s->area[i];
	return NULL;
}

static void take_over_area(struct vm_area_struct *vma, const struct scene_area *a)
{
	vma->vm_start = a->start;
	vma->vm_end = a->end;
	vma->vm_pgoff = vma->anon_pgoff = a->pgoff;
	vma->flags = legacy_to_vma_flags(a->flags);
	vma->anon_vma = (struct anon_vma *)a->anon;
	if (a->written)
		vma->vm_lock_seq = 0;
}

/* The list becomes what the engine has. Areas that vanished are freed. */
static void take_over(struct mm_struct *mm, const struct scene *s)
{
	struct mm_struct old = *mm;

	mm->map_count = 0;
	for (unsigned int i = 0; i < s->nr; i++) {
		struct vm_area_struct *vma = s->area[i].self;

		if (!vma)
			vma = alloc_vma(mm, 0, 0, 0, EMPTY_VMA_FLAGS);
		take_over_area(vma, &s->area[i]);
		if (attach_vma(mm, vma))
			abort();
	}
	for (int i = 0; i < old.map_count; i++)
		if (!is_attached(old.area[i]))
			free(old.area[i]);
}

/* False: there is no memory, or the engine is broken, which no test expects. */
static bool play(struct scene *s, struct vma_merge_struct *vmg)
{
	bool sound = scene_play(s);
	bool made = sound && (s->result >= 0 || s->result < -4095);

	operations++;
	if (vmg)
		vmg->state = made || !sound ? VMA_MERGE_NOMERGE : VMA_MERGE_ERROR_NOMEM;
	return made;
}

static struct vm_area_struct *merged(struct vma_merge_struct *vmg, const struct scene *s)
{
	struct vm_area_struct *vma;

	take_over(vmg->mm, s);
	vmg->state = VMA_MERGE_SUCCESS;
	vma = area_at(vmg->mm, s->start);
	vma_iter_set(vmg->vmi, vma->vm_start);
	return vma;
}

struct vm_area_struct *vma_merge_new_range(struct vma_merge_struct *vmg)
{
	struct scene s = scene_of(vmg->mm, SCENE_NEW, vmg->start, vmg->end, vmg->vma_flags);

	s.pgoff = vmg->pgoff;
	if (!play(&s, vmg) || !scene_area_at(&s, vmg->start)->self)
		return NULL;
	return merged(vmg, &s);
}

struct vm_area_struct *merge_existing(struct vma_merge_struct *vmg)
{
	struct scene s = scene_of(vmg->mm, SCENE_CHANGE, vmg->start, vmg->end, vmg->vma_flags);
	const void *changed;

	if (!play(&s, vmg))
		return NULL;
	changed = scene_area_at(&s, vmg->start)->self;
	return !changed || changed == vmg->middle ? NULL : merged(vmg, &s);
}

int vma_expand(struct vma_merge_struct *vmg)
{
	struct vm_area_struct *target = vmg->target, *next = vmg->next;
	struct scene s = scene_of(target->vm_mm, next ? SCENE_CHANGE : SCENE_NEW,
		next ? next->vm_start : target->vm_end, vmg->end, target->flags);

	s.pgoff = target->vm_pgoff + ((target->vm_end - target->vm_start) >> PAGE_SHIFT);
	vmg->mm = target->vm_mm;
	if (!play(&s, vmg))
		return -ENOMEM;
	return merged(vmg, &s) == target ? 0 : -EINVAL;
}

int vma_shrink(struct vma_iterator *vmi, struct vm_area_struct *vma, unsigned long end)
{
	struct scene s = scene_of(vmi->mm, SCENE_SHRINK, end, vma->vm_end, vma->flags);

	if (!play(&s, NULL))
		return -ENOMEM;
	/* It is exec's alone.  munmap cuts off an area of its own, and of the two that one goes on as the old. */
	for (unsigned int i = 0; i < s.nr; i++)
		if (!s.area[i].self)
			s.area[i].self = vma;
	take_over(vmi->mm, &s);
	return 0;
}

struct vm_area_struct *vma_merge_extend(
	struct vma_iterator *vmi, struct vm_area_struct *vma, unsigned long delta)
{
	unsigned long end = vma->vm_end;
	struct scene s = scene_of(vmi->mm, SCENE_EXTEND, end, end + delta, vma->flags);

	if (!play(&s, NULL))
		return NULL;
	take_over(vmi->mm, &s);
	return area_at(vmi->mm, end);
}

struct vm_area_struct *vma_modify_flags(struct vma_iterator *vmi, struct vm_area_struct *prev,
	struct vm_area_struct *vma, unsigned long start, unsigned long end, vma_flags_t *flags)
{
	struct scene s = scene_of(vmi->mm, SCENE_CHANGE, start, end, *flags);

	if (!play(&s, NULL))
		return ERR_PTR(-ENOMEM);
	take_over(vmi->mm, &s);
	return area_at(vmi->mm, start);
}

struct vm_area_struct *copy_vma(struct vm_area_struct **vmap, unsigned long addr, unsigned long len,
	pgoff_t pgoff, pgoff_t anon_pgoff, bool *need_rmap_locks, bool keep_source)
{
	struct vm_area_struct *vma = *vmap;
	struct mm_struct *mm = vma->vm_mm;
	struct scene s = scene_of(mm, SCENE_COPY, addr, addr + len, vma->flags);

	s.from = vma->vm_start;
	if (keep_source || !play(&s, NULL))
		return NULL;
	take_over(mm, &s);
	*vmap = area_at(mm, s.from);
	return area_at(mm, addr);
}

unsigned long __mmap_region(
	void *file, unsigned long addr, unsigned long len, vma_flags_t flags, pgoff_t pgoff, void *unused)
{
	struct scene s = scene_of(current->mm, SCENE_NEW, addr, addr + len, flags);

	s.pgoff = pgoff;
	if (!play(&s, NULL))
		return (unsigned long)s.result;
	take_over(current->mm, &s);
	return (unsigned long)s.result;
}
