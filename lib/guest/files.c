/* SPDX-License-Identifier: MIT */
/*
 * Which areas map a file, by device and inode: a red-black tree with a node for each area of a file.
 *
 * A node is made where an area begins (opened, split off, copied), which may fail, and goes where it ends; bounds may
 * change in between, so that nodes are in the order of files, and within one of the areas' own addresses in memory,
 * which never change. Areas of anonymous memory have none, nor has what is the translator's.
 *
 * The embedder's own operations run inside ours: the node is there before its open() and split(), and after its close().
 */
#include "internal.h"

#include "alloc.h"

struct file_area {
	struct rb_node rb;
	uint64_t dev, ino;
	struct vm_area_struct *vma;
};

static struct file_area *entry(const struct rb_node *rb)
{
	return rb_entry(rb, struct file_area, rb);
}

/* Of files, then of areas: is @a before (-1), at (0) or after (1) @b? */
static int compare(const struct file_area *a, const struct file_area *b)
{
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return a->vma == b->vma ? 0 : (uintptr_t)a->vma < (uintptr_t)b->vma ? -1 : 1;
}

static bool less(struct rb_node *a, const struct rb_node *b)
{
	return compare(entry(a), entry(b)) < 0;
}

/* The first that is not before @key. */
static struct file_area *first_from(const struct rb_root *root, const struct file_area *key)
{
	struct rb_node *rb = root->rb_node;
	struct file_area *first = NULL;

	while (rb) {
		if (compare(entry(rb), key) < 0) {
			rb = rb->rb_right;
		} else {
			first = entry(rb);
			rb = rb->rb_left;
		}
	}
	return first;
}

static struct guest_mm *guest_of(const struct vm_area_struct *vma)
{
	return (struct guest_mm *)vma->vm_mm;
}

static bool has_node(const struct guest_mm *guest, const struct vm_area_struct *vma)
{
	return vma->vm_file && !area_is_reserved(guest, vma);
}

static int add(struct vm_area_struct *vma)
{
	struct guest_mm *guest = guest_of(vma);
	struct file_area *area;

	if (!has_node(guest, vma))
		return 0;
	area = port_alloc(sizeof(*area), _Alignof(struct file_area), GFP_KERNEL);
	if (!area)
		return -ENOMEM;
	*area = (struct file_area){ .dev = vma->vm_file->dev, .ino = vma->vm_file->ino, .vma = vma };
	rb_add(&area->rb, &guest->file_areas, less);
	return 0;
}

static void drop(struct vm_area_struct *vma)
{
	struct guest_mm *guest = guest_of(vma);
	struct file_area key = { .vma = vma }, *area;

	if (!has_node(guest, vma))
		return;
	key.dev = vma->vm_file->dev;
	key.ino = vma->vm_file->ino;
	area = first_from(&guest->file_areas, &key);
	rb_erase(&area->rb, &guest->file_areas);
	port_free(area, sizeof(*area));
}

/* What the embedder says of an area that has its node; refused, the node goes. */
static int unless_refused(struct vm_area_struct *vma, int err)
{
	if (err)
		drop(vma);
	return err;
}

static int on_open(struct vm_area_struct *vma)
{
	const struct mm_operations *own = guest_of(vma)->setup.ops;
	int err = add(vma);

	return err || !own || !own->open ? err : unless_refused(vma, own->open(vma));
}

static int on_split(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	const struct mm_operations *own = guest_of(vma)->setup.ops;
	int err = add(part);

	return err || !own || !own->split ? err : unless_refused(part, own->split(part, vma));
}

static int on_duplicate(struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	const struct mm_operations *own = guest_of(vma)->setup.ops;
	int err = add(copy);

	return err || !own || !own->duplicate ? err : unless_refused(copy, own->duplicate(copy, vma));
}

static void on_close(struct vm_area_struct *vma)
{
	const struct mm_operations *own = guest_of(vma)->setup.ops;

	if (own && own->close)
		own->close(vma);
	drop(vma);
}

void files_watch(struct mm_operations *ops)
{
	ops->open = on_open;
	ops->split = on_split;
	ops->duplicate = on_duplicate;
	ops->close = on_close;
}

void guest_mm_file_areas(struct guest_mm *guest, uint64_t dev, uint64_t ino,
	void (*visit)(void *ctx, struct vm_area_struct *vma), void *ctx)
{
	const struct file_area key = { .dev = dev, .ino = ino };
	struct file_area *area = first_from(&guest->file_areas, &key);

	while (area && area->dev == dev && area->ino == ino) {
		struct rb_node *next = rb_next(&area->rb);

		visit(ctx, area->vma);
		area = next ? entry(next) : NULL;
	}
}

bool files_hold(struct guest_mm *guest)
{
	unsigned long areas = 0;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &guest->mm, 0);

	for_each_vma (vmi, vma)
		areas += has_node(guest, vma);
	for (struct rb_node *rb = rb_first(&guest->file_areas); rb; rb = rb_next(rb)) {
		const struct file_area *area = entry(rb);

		/* An area that has ended is not where the map says: its address alone is looked at. */
		if (areas-- == 0 || find_vma(&guest->mm, area->vma->vm_start) != area->vma ||
			area->vma->vm_file->dev != area->dev || area->vma->vm_file->ino != area->ino)
			return false;
	}
	return areas == 0;
}
