/* SPDX-License-Identifier: MIT */
/*
 * Which file an area is of.  The kernel's pointer tells open files apart for as long as an area holds one; when it is used
 * again, for another file, that is told with another inode, or no area has the old one any more.  Records that wait may still
 * name that: it is kept until so many more have gone that they cannot wait any longer.
 *
 * Owners. s->pointers has a number for each pointer that was told of, the last one that it had;
 * s->origins an origin for each number, which it owns. An origin that has lost its pointer stays in the
 * second until its place in s->gone is used again.
 *
 *     FILE record: pointer P, inode 12    origin 1, P -> 1
 *     area with P                         told as of file 1
 *     FILE record: pointer P, inode 40    origin 2, P -> 2; origin 1 is gone, and kept
 *     an item that waited, with file 1    still finds origin 1
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/magic.h>

#include "source.h"

#define HUGE_PAGE (2ull << 20)
/* Not in <linux/magic.h>: fs/aio.c of linux-source-6.12. */
#define AIO_RING_MAGIC 0xa10a10a1

/*
 * By the file system before the kind of the inode: memfd, shared anonymous memory and System V segments
 * are all regular files of tmpfs, or of hugetlbfs.
 */
static uint32_t kind_of(const struct bpf_file *r)
{
	if (S_ISCHR(r->mode))
		/* /dev/zero: major 1, minor 5, in the kernel's own encoding (MKDEV()). */
		return r->rdev == (1u << 20 | 5) ? TRACE_FILE_ZERO : TRACE_FILE_DEVICE;
	if (r->magic == SECRETMEM_MAGIC)
		return TRACE_FILE_SECRET;
	if (r->magic == TMPFS_MAGIC)
		return TRACE_FILE_SHMEM;
	if (r->magic == HUGETLBFS_MAGIC)
		return TRACE_FILE_HUGETLB;
	if (!S_ISREG(r->mode) || r->magic == ANON_INODE_FS_MAGIC)
		return TRACE_FILE_DEVICE;
	return TRACE_FILE_REGULAR;
}

/* The one that has the pointer now; NULL: it was never told of. */
static struct origin *origin_by_pointer(struct live_bpf *s, uint64_t pointer)
{
	void *id = mtree_load(&s->pointers, pointer);

	return id ? mtree_load(&s->origins, xa_to_value(id)) : NULL;
}

/* The number is counted only when the origin is in the tree: numbers have no gaps. NULL: no memory. */
static struct origin *origin_add(struct live_bpf *s, uint64_t pointer)
{
	struct origin *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->id = s->next_file + 1;
	if (mtree_store(&s->origins, o->id, o, GFP_KERNEL)) {
		free(o);
		return NULL;
	}
	s->next_file++;
	return mtree_store(&s->pointers, pointer, xa_mk_value(o->id), GFP_KERNEL) ? NULL : o;
}

/* What belongs to no directory: memory that is shared. */
static bool has_no_path(const struct bpf_file *f)
{
	return (f->magic == TMPFS_MAGIC || f->magic == HUGETLBFS_MAGIC) &&
	       (!strncmp(f->name, "memfd:", 6) || !strncmp(f->name, "SYSV", 4) ||
		       !strcmp(f->name, "dev/zero"));
}

/*
 * Its whole path, if it is the same file by that: it may be of another mount, or gone. r->path has the
 * parts from the last to the first ("so\0lib\0usr\0"), which are put together from the end of @path on.
 * The path is one below the root of the file's own file system: of another mount than that at / it
 * leads elsewhere or nowhere, which the inode tells.
 */
static bool find_path(const struct file_record *r, char *path, size_t size)
{
	size_t at = size - 1, part = 0;
	struct stat st;

	path[at] = '\0';
	for (uint32_t i = 0; i < r->path_size && i < sizeof(r->path); i++) {
		size_t length = i - part;

		if (r->path[i])
			continue;
		if (at < length + 1)
			return false;
		at -= length;
		memcpy(path + at, r->path + part, length);
		path[--at] = '/';
		part = i + 1;
	}
	memmove(path, path + at, size - at);
	return *path && !stat(path, &st) && st.st_ino == r->ino;
}

/* Its number stays good for records that wait, until ORIGINS_KEPT others have gone. */
static void note_gone(struct live_bpf *s, const struct origin *o)
{
	uint32_t *slot = &s->gone[s->nr_gone++ % ORIGINS_KEPT];

	if (*slot)
		free(mtree_erase(&s->origins, *slot));
	*slot = o->id;
}

/* f_mode's bits as O_ flags: FMODE_READ 1, FMODE_WRITE 2. */
static uint32_t open_flags_of(uint32_t f_mode)
{
	bool reads = f_mode & 1, writes = f_mode & 2;

	return !writes ? O_RDONLY : reads ? O_RDWR : O_WRONLY;
}

/* As maps shows what has no path, or none any more that can be found. */
static void name_without_path(const struct file_record *r, char *path, size_t size)
{
	const struct bpf_file *is = &r->is;

	if (is->magic == SOCKFS_MAGIC)
		snprintf(path, size, "socket:[%llu]", (unsigned long long)r->ino);
	else
		snprintf(path, size,
			has_no_path(is)                    ? "/%s (deleted)"
			: is->magic == ANON_INODE_FS_MAGIC ? "anon_inode:%s"
			: is->magic == AIO_RING_MAGIC      ? "/%s"
			: is->magic == DMA_BUF_MAGIC       ? "/dmabuf:%s"
							   : "%s",
			is->name);
}

/*
 * The same pointer with the same inode, device and access is the same open file, or one that no area
 * tells from it. map_align: files of hugetlbfs are mapped by whole huge pages, and file systems that
 * place mappings themselves put large ones on borders of such (thp_get_unmapped_area()).
 */
void origin_learn(struct live_bpf *s, const struct file_record *r)
{
	struct origin *o = origin_by_pointer(s, r->file);
	const struct bpf_file *is = &r->is;
	uint32_t open_flags = open_flags_of(is->f_mode);

	if (o && o->file.ino == r->ino && o->file.dev == shown_device(r->dev) &&
		o->file.open_flags == open_flags)
		return;
	if (o)
		note_gone(s, o);
	o = origin_add(s, r->file);
	if (!o) {
		s->err = -ENOMEM;
		return;
	}
	if (has_no_path(is) || !find_path(r, o->path, sizeof(o->path)))
		name_without_path(r, o->path, sizeof(o->path));
	o->file = (struct trace_file){ .id = o->id,
		.kind = kind_of(is),
		.dev = shown_device(r->dev),
		.ino = r->ino,
		.open_flags = open_flags,
		.noexec = is->noexec,
		.path = o->path };
	if (o->file.kind == TRACE_FILE_HUGETLB)
		o->file.map_align = is->block_size;
	else if (o->file.kind == TRACE_FILE_REGULAR && is->places)
		o->file.map_align = HUGE_PAGE;
}

/* Called when a record is taken in, while the pointer means what it meant when the record was made. */
void origin_number(struct live_bpf *s, struct bpf_area *a)
{
	struct origin *o = a->file ? origin_by_pointer(s, a->file) : NULL;

	if (a->file)
		/* ~0: its record was lost; no origin has that number. */
		a->file = o ? o->id : ~0ull;
}

struct origin *origin_of(struct live_bpf *s, const struct bpf_area *a)
{
	return a->file ? mtree_load(&s->origins, a->file) : NULL;
}

/*
 * The whole path, while the area is still there. readlink(2) takes the right to ptrace the process, and
 * no capability, which following the link would (proc_map_files_get_link()). Where it fails the name
 * stays what it was.
 */
void origin_name(struct origin *o, pid_t pid, const struct bpf_area *a)
{
	char link[96], path[sizeof(o->path)];
	ssize_t n;

	if (o->path[0] == '/')
		return;
	snprintf(link, sizeof(link), "/proc/%d/map_files/%llx-%llx", (int)pid, (unsigned long long)a->start,
		(unsigned long long)a->end);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return;
	path[n] = '\0';
	memcpy(o->path, path, (size_t)n + 1);
}

void origins_free(struct live_bpf *s)
{
	struct origin *o;
	unsigned long at = 0;

	mt_for_each (&s->origins, o, at, ULONG_MAX)
		free(o);
	mtree_destroy(&s->origins);
	mtree_destroy(&s->pointers);
}
