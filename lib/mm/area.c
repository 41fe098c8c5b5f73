/* SPDX-License-Identifier: MIT */
/*
 * Areas by themselves: made, copied, cut in two, freed.
 *
 * An area refers to a file, a name and, through its reverse map, to anon_vmas; each copy holds references of its
 * own, so that areas can be freed in any order.
 */

#include "internal.h"
#include "list.h"
#include "pool.h"
#include "recycle.h"
#include "bytes.h"

/* Of indexes with links in each area see index/linked.h. */
_Static_assert(offsetof(struct vm_area_struct, vm_private_data) + sizeof(void *) <= 64 + INDEX_LINK_BYTES,
	"what a lookup and a fault read is one cache line");

_Static_assert(sizeof(struct vm_area_struct) <= INDEX_AREA_SIZE, "an area is an object of its pool");

void vm_file_put(struct vm_file *file)
{
	struct address_space *mapping;

	if (!file || __atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL))
		return;
	/* Its pages may be shared with other open files. */
	mapping = file->mapping;
	file->mapping = NULL;
	if (mapping && __atomic_sub_fetch(&mapping->refs, 1, __ATOMIC_ACQ_REL) == 0 && mapping->release)
		mapping->release(mapping);
	if (file->release)
		file->release(file);
}

struct anon_vma_name *anon_vma_name_alloc(const char *text)
{
	unsigned int size = sizeof(struct anon_vma_name) + strlen(text) + 1;
	struct anon_vma_name *name = pool_alloc_size(size);

	if (!name)
		return NULL;
	name->refs = 1;
	name->size = size;
	memcpy(name->name, text, strlen(text) + 1);
	return name;
}

struct anon_vma_name *anon_vma_name_get(struct anon_vma_name *name)
{
	if (name)
		__atomic_fetch_add(&name->refs, 1, __ATOMIC_RELAXED);
	return name;
}

void anon_vma_name_put(struct anon_vma_name *name)
{
	if (name && __atomic_sub_fetch(&name->refs, 1, __ATOMIC_ACQ_REL) == 0)
		pool_free_size(name, name->size);
}

#define AREA_LINE (64 + INDEX_LINK_BYTES)

struct vm_area_struct *vma_alloc(struct mm_struct *mm)
{
	struct vm_area_struct *vma = recycle_alloc();

	if (!vma)
		return NULL;
	/* By lines: for both at once compilers choose a string instruction, which takes longer to begin. */
	memset(vma, 0, AREA_LINE);
	memset((char *)vma + AREA_LINE, 0, sizeof(*vma) - AREA_LINE);
	vma->vm_mm = mm;
	vma->vm_lock_seq = mm->mm_lock_seq; /* born locked */
	list_init(&vma->anon_vma_chain);
	return vma;
}

struct vm_area_struct *vma_copy(const struct vm_area_struct *vma, struct mm_struct *mm)
{
	struct vm_area_struct *copy = vma_alloc(mm);

	if (!copy)
		return NULL;
	copy->vm_start = vma->vm_start;
	copy->vm_end = vma->vm_end;
	copy->vm_flags = vma->vm_flags;
	copy->vm_pgoff = vma->vm_pgoff;
	copy->vm_file = vm_file_get(vma->vm_file);
	copy->vm_private_data = vma->vm_private_data;
	copy->anon_name = anon_vma_name_get(vma->anon_name);
	copy->policy = vma->policy;
	copy->uffd_ctx = vma->uffd_ctx;
	return copy;
}

int vma_attach(struct vm_area_struct *vma)
{
	const struct mm_system *sys = vma->vm_mm->sys;
	struct vm_file *file = vma->vm_file;

	if (!vma->vm_mm->pgd || !file)
		return 0;
	if (!file->mapping && sys->pages->open(vma->vm_mm->sys, file))
		return -ENOMEM;
	return sys->rmap->attach(vma);
}

void vma_adjust_begin(struct vm_area_struct *a, struct vm_area_struct *b)
{
	a->vm_mm->sys->rmap->adjust_begin(a, b);
}

void vma_adjust_end(struct vm_area_struct *a, struct vm_area_struct *b)
{
	a->vm_mm->sys->rmap->adjust_end(a, b);
}

void vma_zap(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	if (vma->vm_mm->pgd)
		vma->vm_mm->sys->pages->zap(vma, start, end);
}

void vma_free(struct vm_area_struct *vma)
{
	const struct rmap_ops *rmap = vma->vm_mm->sys->rmap;

	rmap->unlink(vma);
	if (vma->i_mmap)
		rmap->detach(vma);
	vm_file_put(vma->vm_file);
	anon_vma_name_put(vma->anon_name);
	if (!index_in_rcu(vma->vm_mm)) {
		recycle_free(vma);
		return;
	}
	set_field(vma, vm_end, vma->vm_start);
	pool_retire(INDEX_AREA_POOL, vma);
}

static void count_areas(struct mm_struct *mm, int delta)
{
	mm->map_count += delta;
	if ((unsigned long)mm->map_count > mm->counters.peak_areas)
		mm->counters.peak_areas = (unsigned long)mm->map_count;
}

/* For a moment there is one area more. */
static void count_cut(struct mm_struct *mm)
{
	count_areas(mm, 1);
	mm->map_count--;
	mm->counters.splits++;
}

static int link_alone(struct mm_struct *mm, struct vm_area_struct *vma, const struct vm_area_struct *from)
{
	int err = ops_open(vma, from);

	if (err)
		return err;
	err = index_put(mm, vma->vm_start, vma->vm_end, vma);
	if (err)
		ops_close(vma);
	return err;
}

/* With the embedder's operations between the store's preparation and its commitment. */
static int link_with_host(struct mm_struct *mm, struct vm_area_struct *vma, const struct vm_area_struct *from,
	const struct vma_merge *vmg)
{
	struct index_store st;
	int err;

	if (index_prepare(&st, mm, vma->vm_start, vma->vm_end, vma))
		return -ENOMEM;
	err = ops_open(vma, from);
	if (!err) {
		err = ops_host(vmg);
		if (err)
			ops_close(vma);
	}
	if (err)
		index_cancel(&st);
	else
		index_commit(&st, vma);
	return err;
}

int vma_link(struct mm_struct *mm, struct vm_area_struct *vma, const struct vm_area_struct *from,
	const struct vma_merge *vmg)
{
	int err = vma_attach(vma);

	if (err)
		return err;
	err = vmg && ops_has_host(mm) ? link_with_host(mm, vma, from, vmg) : link_alone(mm, vma, from);
	if (!err)
		count_areas(mm, 1);
	return err;
}

int vma_link_inherited(struct index_fork *f, struct vm_area_struct *vma, const struct vm_area_struct *from)
{
	int err = vma_attach(vma);

	if (!err)
		err = ops_open(vma, from);
	if (err)
		return err;
	index_fork_put(f, vma);
	count_areas(vma->vm_mm, 1);
	return 0;
}

/* [start, end), one end of @vma, is not its any more. */
static inline __attribute__((always_inline)) void lose_end(
	struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	vma_start_write(vma);
	vma_adjust_begin(vma, NULL);
	if (start == vma->vm_start) {
		set_field(vma, vm_pgoff, vma_pgoff_at(vma, end));
		set_field(vma, vm_start, end);
	} else {
		set_field(vma, vm_end, start);
	}
	vma_adjust_end(vma, NULL);
}

/*
 *      before   |----------- vma -----------|            before   |----------- vma -----------|
 *      below    |-- new --|------ vma ------|            above    |-- vma --|------ new ------|
 *                        addr                                              addr
 *
 * Storing the copy over its half leaves the other half to vma: one store.
 */
int vma_split_unlimited(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr, bool new_below,
	struct vm_area_struct **part)
{
	struct vm_area_struct *new;
	struct index_store st;
	int err = ops_may_split(vma, addr);

	if (err)
		return err;
	new = vma_copy(vma, mm);
	if (!new)
		return -ENOMEM;
	if (new_below) {
		new->vm_end = addr;
	} else {
		new->vm_start = addr;
		new->vm_pgoff = vma_pgoff_at(vma, addr);
	}
	err = -ENOMEM;
	if (mm->sys->rmap->clone(new, vma) || vma_attach(new))
		goto free_new;
	if (index_prepare_cut(&st, mm, new->vm_start, new->vm_end, vma, new))
		goto free_new;
	err = ops_split(new, vma);
	if (err) {
		index_cancel(&st);
		goto free_new;
	}

	/* Point of no return. */
	lose_end(vma, new->vm_start, new->vm_end);
	index_commit_cut(&st, new);
	count_areas(mm, 1);
	mm->counters.splits++;
	*part = new;
	return 0;

free_new:
	vma_free(new);
	return err;
}

int vma_split(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr, bool new_below)
{
	struct vm_area_struct *part;

	if (mm->map_count >= mm->sys->max_map_count)
		return -ENOMEM;
	return vma_split_unlimited(mm, vma, addr, new_below, &part);
}

/*
 *      before   |----------- vma -----------|            before   |----------- vma -----------|
 *      lower    | hole  |------- vma -------|            upper    |------- vma -------| hole  |
 *
 * A part that is cut off and unmapped at once is an area for nobody. To make it, let reverse map and index know of it, and free
 * it again took 700 instructions more (callgrind, a munmap in a recording of node).
 */
int vma_shorten(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	struct index_store st;
	int err = ops_may_split(vma, start == vma->vm_start ? end : start);

	if (err)
		return err;
	if (index_prepare_shorten(&st, mm, start, end, vma))
		return -ENOMEM;

	/* Point of no return. */
	lose_end(vma, start, end);
	index_commit_shorten(&st, vma);
	count_cut(mm);
	return 0;
}

/*
 *      before   |----------- vma -----------|            before   |----------- vma -----------|
 *      lower    |-- new --|------ vma ------|            upper    |------- vma -------|- new -|
 */
int vma_link_over(struct vm_area_struct *new, struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	struct index_store st;

	if (index_prepare_cut(&st, mm, new->vm_start, new->vm_end, vma, new))
		return -ENOMEM;

	/* Point of no return. */
	lose_end(vma, new->vm_start, new->vm_end);
	index_commit_cut(&st, new);
	count_areas(mm, 1);
	mm->counters.splits++;
	return 0;
}
