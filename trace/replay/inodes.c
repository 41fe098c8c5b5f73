/* SPDX-License-Identifier: MIT */
/*
 * Which file an observed area maps: the one that other areas of its space with the same inode map, opened for writing or not.
 *
 * An observation knows inodes, the mirror open files.  A search tree from inode to file is built at the first question of
 * a space, from its areas, and follows its calls from then on.  It holds files that no area maps any more; when it has
 * become twice as large as the space it is forgotten, so that it stays within what lives.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "alloc.h"
#include "internal.h"

/*
 * An inode, and the open file of it that stands for all that are opened so; a reference of its own. Key:
 * ino, dev, writable.
 */
struct inode {
	uint64_t dev, ino;
	bool writable;
	struct vm_file *file;
};

static int by_inode(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->writable - y->writable;
}

static void free_inode(void *node)
{
	struct inode *n = node;

	vm_file_put(n->file);
	free(n);
}

void inodes_forget(struct space *s)
{
	tdestroy(s->inodes, free_inode);
	s->inodes = NULL;
	s->nr_inodes = 0;
	s->inodes_known = false;
}

/* @file stands for its inode from now on: the newest is the one that more is mapped of. 0 or -ENOMEM. */
static int add(struct space *s, struct vm_file *file)
{
	struct inode *n = malloc(sizeof(*n)), **found;

	if (!n) {
		port_count_failure();
		return -ENOMEM;
	}
	*n = (struct inode){ file->dev, file->ino, file->writable, vm_file_get(file) };
	found = tsearch(n, &s->inodes, by_inode);
	if (!found || *found != n) {
		struct vm_file *old = found ? (*found)->file : file;

		if (found)
			(*found)->file = file;
		vm_file_put(old);
		free(n);
		if (!found)
			port_count_failure();
		return found ? 0 : -ENOMEM;
	}
	s->nr_inodes++;
	return 0;
}

/* O(n log n), once for a space, at the first question. */
static int gather(struct space *s)
{
	struct vm_area_struct *vma;
	int err = 0;
	VMA_ITERATOR(vmi, &s->mm, 0);

	s->inodes_known = true;
	for_each_vma (vmi, vma)
		if (!err && has_file(vma) && (vma->vm_file->ino || vma->vm_file->dev))
			err = add(s, vma->vm_file);
	if (err)
		inodes_forget(s);
	return err;
}

int inodes_find(struct space *s, uint64_t dev, uint64_t ino, bool writable, struct vm_file **file)
{
	const struct inode key = { dev, ino, writable, NULL };
	struct inode *const *found;
	int err = s->inodes_known ? 0 : gather(s);

	found = err ? NULL : tfind(&key, &s->inodes, by_inode);
	*file = found ? vm_file_get((*found)->file) : NULL;
	return err;
}

void inodes_note(struct space *s, struct vm_file *file)
{
	if (!s->inodes_known || (!file->ino && !file->dev) || file->kind == VM_FILE_SPECIAL)
		return;
	/* Forgetting is always right: the next question gathers what lives. */
	if (s->nr_inodes > 2 * (unsigned long)s->mm.map_count + 64 || add(s, file))
		inodes_forget(s);
}
