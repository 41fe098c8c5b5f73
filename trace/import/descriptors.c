/* SPDX-License-Identifier: MIT */
/*
 * Which open file a descriptor is, kept from open, dup, close, exec and their kin.
 *
 * Descriptors that dup shares are one open file: only mappings of the same one can merge.  A table is shared by the tasks
 * of CLONE_FILES and copied otherwise, as the kernel's.
 *
 * Reference counts. Whoever makes an open_file has its one reference and hands it over with
 * descriptors_set() or descriptors_rename(), which take it in any case, or puts it. descriptors_find()
 * lends.
 *
 *     open() = 3          table 3 -> file A (1)
 *     dup(3) = 4          table 3, 4 -> file A (2)
 *     fork()              parent's 3, 4 and child's 3, 4 -> file A (4)
 *     rename of its path  each table has a struct of its own in A's place, with A's number and the new path
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

/*
 * By the names that d_path() gives: memfd's are "/memfd:NAME", those of anon_inode files
 * "anon_inode:[NAME]". A huge page file system that is mounted elsewhere is not known from a path.
 * /dev/shm is tmpfs, and its files are told as regular ones: the name does not tell that for certain.
 */
static uint32_t kind_of_path(const char *path)
{
	if (strcmp(path, "/dev/zero") == 0)
		return TRACE_FILE_ZERO;
	if (begins(path, "/memfd:"))
		return TRACE_FILE_SHMEM;
	if (begins(path, "/dev/hugepages/"))
		return TRACE_FILE_HUGETLB;
	if (begins(path, "anon_inode:") || (begins(path, "/dev/") && !begins(path, "/dev/shm/")))
		return TRACE_FILE_DEVICE;
	return TRACE_FILE_REGULAR;
}

/* NULL: no memory. @flags: the access mode of open(2). The name may be "", which is not known. */
struct open_file *open_file_new(struct trace_import *im, const char *path, size_t len, uint32_t flags)
{
	struct open_file *file = malloc(sizeof(*file) + len + 1);

	if (!file)
		return NULL;
	*file = (struct open_file){ .refs = 1, .id = ++im->last_file, .open_flags = flags, .known = len > 0 };
	memcpy(file->path, path, len);
	file->path[len] = '\0';
	file->kind = kind_of_path(file->path);
	return file;
}

/* NULL is permitted. */
void open_file_put(struct open_file *file)
{
	if (file && !--file->refs)
		free(file);
}

/* With one reference and no room. NULL: no memory. */
struct descriptors *descriptors_new(void)
{
	struct descriptors *d = calloc(1, sizeof(*d));

	if (d)
		d->refs = 1;
	return d;
}

/*
 * As dup_fd() for a fork, and for an exec of a task that shared its table (unshare_files()): the open files
 * are shared, what is done to either table is not seen in the other.
 */
struct descriptors *descriptors_copy(const struct descriptors *from)
{
	struct descriptors *d = descriptors_new();

	if (!d || !from->size)
		return d;
	d->table = malloc((size_t)from->size * sizeof(*d->table));
	if (!d->table) {
		free(d);
		return NULL;
	}
	memcpy(d->table, from->table, (size_t)from->size * sizeof(*d->table));
	d->size = from->size;
	for (int fd = 0; fd < d->size; fd++)
		if (d->table[fd].file)
			d->table[fd].file->refs++;
	return d;
}

void descriptors_close(struct descriptors *d, unsigned int first, unsigned int last)
{
	/* close_range(2) takes ~0U as its end: `size` limits the loop, not @last. */
	for (unsigned int fd = first; fd < (unsigned int)d->size && fd <= last; fd++) {
		open_file_put(d->table[fd].file);
		d->table[fd].file = NULL;
	}
}

/* NULL is permitted. */
void descriptors_put(struct descriptors *d)
{
	if (!d || --d->refs)
		return;
	descriptors_close(d, 0, ~0u);
	free(d->table);
	free(d);
}

/*
 * The table is the task's own by then (import_task_exec()): closing in a shared one would close those of
 * others.
 */
void descriptors_exec(struct descriptors *d)
{
	for (int fd = 0; fd < d->size; fd++)
		if (d->table[fd].cloexec)
			descriptors_close(d, (unsigned int)fd, (unsigned int)fd);
}

/* False: no memory, and the table is as it was. */
static bool room_for(struct descriptors *d, int fd)
{
	int size = d->size ? d->size : 16;
	struct descriptor *table;

	if (fd < d->size)
		return true;
	while (size <= fd)
		size *= 2;
	table = realloc(d->table, (size_t)size * sizeof(*table));
	if (!table)
		return false;
	memset(table + d->size, 0, (size_t)(size - d->size) * sizeof(*table));
	d->table = table;
	d->size = size;
	return true;
}

/* @file NULL is want of memory of who made it. */
bool descriptors_set(struct descriptors *d, int fd, struct open_file *file, bool cloexec)
{
	/* A descriptor that the log cannot mean is forgotten, which is no want of memory: true. */
	if (fd < 0 || fd >= MAX_DESCRIPTOR) {
		open_file_put(file);
		return true;
	}
	if (!file || !room_for(d, fd)) {
		open_file_put(file);
		return false;
	}
	open_file_put(d->table[fd].file);
	d->table[fd] = (struct descriptor){ file, cloexec };
	return true;
}

/* A file's name came later than its opening: all its descriptors are of the one with the name. Takes over the reference. */
void descriptors_rename(struct descriptors *d, struct open_file *from, struct open_file *to)
{
	from->refs++;
	for (int fd = 0; fd < d->size; fd++) {
		if (d->table[fd].file != from)
			continue;
		from->refs--; /* not the last: one is held here */
		to->refs++;
		d->table[fd].file = to;
	}
	open_file_put(from);
	open_file_put(to);
}

/* The same open file: its number says so. */
static struct open_file *with_name(const struct open_file *file, const char *path, size_t len)
{
	struct open_file *named = malloc(sizeof(*named) + len + 1);

	if (!named)
		return NULL;
	*named = *file;
	named->refs = 1;
	memcpy(named->path, path, len);
	named->path[len] = '\0';
	return named;
}

/* The table has the only reference that is left: the caller does not put it. */
struct open_file *descriptors_name(
	struct descriptors *d, struct open_file *file, const char *path, size_t len)
{
	struct open_file *named = with_name(file, path, len);

	if (named)
		descriptors_rename(d, file, named);
	return named;
}

/* By equal text: what was opened by another path to the same file is not found. */
bool descriptors_renamed(struct descriptors *d, const char *from, const char *to, size_t len)
{
	for (int fd = 0; fd < d->size; fd++) {
		struct open_file *file = d->table[fd].file;

		if (file && strcmp(file->path, from) == 0 && !descriptors_name(d, file, to, len))
			return false;
	}
	return true;
}

/* Lent: valid as long as the table has it. NULL: nothing is known there. */
struct open_file *descriptors_find(const struct descriptors *d, int fd)
{
	return fd >= 0 && fd < d->size ? d->table[fd].file : NULL;
}
