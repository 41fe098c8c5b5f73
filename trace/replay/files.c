/* SPDX-License-Identifier: MIT */
/*
 * Files by number.  One lives as long as an area holds it; the source says again what it is before each call that maps it.
 *
 *    FL1  The list holds no reference: areas do, and the replay for the file that the next call maps.  Who gives the
 *         last one back takes the file out of the list (release_file()).
 *    FL2  So a number that is told while an area has the file is that file, and areas of it may join; told behind the
 *         end of the last one it is a new file, and there is nothing that it could have been joined with.
 *    FL3  A file without a number was only seen, in the first map of a process that was attached to.  It gets the
 *         number of the one that a call tells of and that it is found to be (file_is_told()), and keeps its areas.
 *    FL4  It is called what it was told last, in all its areas: it may have been renamed, or deleted. Earlier names stay as
 *         long as it does, for who keeps one.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "internal.h"

/*
 * A vm_file that knows under which number it is listed. file is its first member: a vm_file whose release
 * is release_file() is one, and no other is.
 */
struct numbered_file {
	struct vm_file file;
	struct maple_tree *list;
	uint32_t id;         /* 0: in no list */
	bool may_be_written; /* nothing shows how it was opened: only private areas of it were seen */
	/* NULL: none; a constant of drivers.c. */
	const char *driver;
	struct later_name *names; /* the last first */
	char name[];
};

struct later_name {
	struct later_name *before;
	char name[];
};

/* Called by vm_file_put() with the last reference. */
static void release_file(struct vm_file *file)
{
	struct numbered_file *nf = (struct numbered_file *)file;

	if (nf->id)
		mtree_erase(nf->list, nf->id);
	while (nf->names) {
		struct later_name *name = nf->names;

		nf->names = name->before;
		free(name);
	}
	free(nf);
}

static enum vm_file_kind kind_of(uint32_t kind)
{
	switch (kind) {
	case TRACE_FILE_SHMEM:
		return VM_FILE_SHMEM;
	case TRACE_FILE_HUGETLB:
		return VM_FILE_HUGETLB;
	case TRACE_FILE_ZERO:
		return VM_FILE_ZERO;
	case TRACE_FILE_SECRET:
		return VM_FILE_SECRET;
	case TRACE_FILE_SPECIAL:
		return VM_FILE_SPECIAL;
	default:
		return VM_FILE_REGULAR;
	}
}

const char *driver_of(const struct vm_file *file)
{
	return file && file->release == release_file ? ((const struct numbered_file *)file)->driver : NULL;
}

bool was_told(const struct vm_file *file)
{
	return file->release == release_file && ((const struct numbered_file *)file)->id;
}

void file_is_seen(struct vm_file *file, bool shared)
{
	if (file->release == release_file && !was_told(file))
		((struct numbered_file *)file)->may_be_written = !shared;
}

bool may_be_written(const struct vm_file *file)
{
	return file->release == release_file && ((const struct numbered_file *)file)->may_be_written;
}

/*
 * @told loses its number, and ends with the references that it still has; the list points to @seen from now
 * on. How it was opened was guessed of @seen until now.
 */
int file_is_told(struct vm_file *seen, struct vm_file *told)
{
	struct numbered_file *to = (struct numbered_file *)seen, *from = (struct numbered_file *)told;
	int err = mtree_store(to->list, from->id, to, GFP_KERNEL);

	if (err)
		return err;
	to->id = from->id;
	from->id = 0;
	seen->readable = told->readable;
	seen->writable = told->writable;
	seen->noexec = told->noexec;
	seen->map_align = told->map_align;
	seen->vm_flags_off = told->vm_flags_off;
	to->may_be_written = false;
	return 0;
}

static struct numbered_file *new_file(struct replay *r, const struct trace_file *t)
{
	size_t len = strlen(t->path) + 1;
	struct numbered_file *nf = calloc(1, sizeof(*nf) + len);
	/* O_ACCMODE: 0 reading, 1 writing, 2 both. */
	unsigned int mode = t->open_flags & 3;

	if (!nf) {
		port_count_failure();
		return NULL;
	}
	memcpy(nf->name, t->path, len);
	nf->list = &r->files;
	nf->id = t->id;
	nf->driver = driver_of_file(t->kind, t->path);
	r->drivers |= nf->driver != NULL;
	nf->file = (struct vm_file){ .refs = 1,
		.kind = kind_of(t->kind),
		.readable = mode != 1,
		.writable = mode != 0,
		.noexec = t->noexec,
		.no_split = t->kind == TRACE_FILE_SPECIAL,
		.anonymous = t->anonymous,
		.has_close = t->has_close,
		.vm_flags = t->vm_flags,
		.vm_flags_off = t->vm_flags_off,
		.map_align = t->map_align,
		.dev = t->dev,
		.ino = t->ino,
		.name = nf->name,
		.release = release_file };
	return nf;
}

/* False: no memory. */
static bool rename_file(struct numbered_file *nf, const char *path)
{
	size_t len = strlen(path) + 1;
	struct later_name *name;

	if (strcmp(nf->file.name, path) == 0)
		return true;
	name = malloc(sizeof(*name) + len);
	if (!name) {
		port_count_failure();
		return false;
	}
	memcpy(name->name, path, len);
	name->before = nf->names;
	nf->names = name;
	nf->file.name = name->name;
	return true;
}

struct vm_file *replay_file(struct replay *r, const struct trace_file *t)
{
	struct numbered_file *nf = t->id ? mtree_load(&r->files, t->id) : NULL;

	if (nf) {
		nf->file.vm_flags_off = t->vm_flags_off; /* it may have been sealed since */
		return rename_file(nf, t->path) ? vm_file_get(&nf->file) : NULL;
	}
	nf = new_file(r, t);
	if (nf && nf->id && mtree_store(&r->files, nf->id, nf, GFP_KERNEL)) {
		free(nf);
		return NULL;
	}
	return (struct vm_file *)nf;
}
