/* SPDX-License-Identifier: MIT */
/*
 * Which file a mapping is of.
 *
 * identity.c says which open file a descriptor is, unless the kernel shows otherwise: two adjacent areas of one inode
 * whose offsets adjoin and whose flags are equal, and that are two, are of two files; a mapping that became part of its
 * neighbour has the neighbour's.
 *
 * Order.  file_emit() comes behind the call, when the area is there, and before the call's own event, which
 * has the number: the mirror makes the area with the file.  A mapping that failed is of a file, too, whose
 * kind and seals may be why.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "uapi.h"

/*
 * The access mode of a descriptor; -1 when there is none, or none that could be mapped.  The link in /proc has it in its
 * permissions, which is all that is asked for: looking must not be felt by the program.
 */
int descriptor_access(pid_t tid, int fd)
{
	struct stat link;
	char path[64];

	path_of_descriptor(path, tid, fd);
	if (kernel->lstat(path, &link))
		return -1;
	switch (link.st_mode & (S_IRUSR | S_IWUSR)) {
	case S_IRUSR | S_IWUSR:
		return O_RDWR;
	case S_IWUSR:
		return O_WRONLY;
	case S_IRUSR:
		return O_RDONLY;
	default:
		return -1;
	}
}

/*
 * For deferred.c: the number can be told without a look behind the call.  *@dev and *@ino are set wherever
 * stat(2) works.
 */
bool file_is_known(const struct live *l, const struct task *t, int fd, uint64_t *dev, uint64_t *ino)
{
	struct file_key key = { .open_flags = (uint32_t)t->open_flags, .rank = t->rank };
	const struct known_file *known;
	char path[64];
	struct stat st;

	path_of_descriptor(path, t->tid, fd);
	if (t->open_flags < 0 || kernel->stat(path, &st))
		return false;
	*dev = key.dev = (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev);
	*ino = key.ino = st.st_ino;
	known = identity_find(l, &key);
	return known && known->is.known && known->is.kind == TRACE_FILE_REGULAR;
}

/*
 * Two areas that nothing but their open files keeps apart. low->start != high->start: they are two, and
 * not one that was asked about twice.
 */
static bool apart_by_file(const struct trace_area *low, const struct trace_area *high)
{
	return low->end == high->start && low->start != high->start && low->ino == high->ino &&
	       low->dev == high->dev && low->prot == high->prot && low->shared == high->shared &&
	       low->offset + (low->end - low->start) == high->offset;
}

/*
 * @other touches @area and looks the same: only what /proc/PID/smaps adds can say that it is another
 * file. O(areas): smaps is read.
 */
static bool other_file(
	struct live *l, struct task *t, const struct trace_area *area, const struct trace_area *other)
{
	uint64_t flags;

	observe_smaps(l, t);
	flags = observed_vm_flags(l, area->start);
	return flags && flags == observed_vm_flags(l, other->start);
}

/*
 * Does the map say that the file @id of @area is not that of an area beside it, which is believed to have
 * it, too?
 *
 * Only where both would have the same number is there anything to be found out.
 */
static bool neighbours_differ(struct live *l, struct task *t, const struct trace_area *area, uint32_t id)
{
	uint32_t below = mapped_file_at(t->mm, area->start - 1), above = mapped_file_at(t->mm, area->end);
	struct trace_area other;

	if ((!below || below == id) && observe_area(l, t->mm, area->start - 1, &other) &&
		apart_by_file(&other, area))
		return other_file(l, t, area, &other);
	if ((!above || above == id) && observe_area(l, t->mm, area->end, &other) &&
		apart_by_file(area, &other))
		return other_file(l, t, area, &other);
	return false;
}

/* The number of the neighbour that the mapping [start, end) became a part of; 0: it stands alone, or that is not known. */
static uint32_t joined_file(
	const struct live_mm *mm, const struct trace_area *area, uint64_t start, uint64_t end)
{
	uint32_t id = area->start < start ? mapped_file_at(mm, start - 1) : 0;

	return !id && area->end > end ? mapped_file_at(mm, end) : id;
}

/*
 * The open file behind the mapping [start, end), which the kernel shows as @area. NULL: no memory.
 *
 * The number of a known file may change here, and is then true of all mappings to come; those that were
 * told keep theirs.
 */
static struct known_file *file_of_area(
	struct live *l, struct task *t, const struct trace_area *area, uint64_t start, uint64_t end)
{
	const struct file_key key = {
		.dev = area->dev, .ino = area->ino, .open_flags = (uint32_t)t->open_flags, .rank = t->rank
	};
	struct known_file *k = identity_find(l, &key);
	uint32_t joined = joined_file(t->mm, area, start, end);
	bool merged = area->start < start || area->end > end;

	if (!k)
		k = identity_add(l, &key);
	if (!k)
		return NULL;
	/* What the map shows outranks the rank: they are one area, so they are of one file. */
	if (joined)
		k->id = joined;
	else if (!k->id || (!merged && neighbours_differ(l, t, area, k->id)))
		k->id = ++l->next_file;
	return k;
}

/* t->call.file is for the call's own event, which follows. */
static void emit_file(struct live *l, struct task *t, const struct trace_file *f)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE, .file = *f };

	emit(l, t, &e);
	t->call.file = f->id;
}

/* noexec decides whether PROT_EXEC may be had later (mprotect). */
static void emit_mapped_file(struct live *l, struct task *t, const struct known_file *k, struct trace_file *f)
{
	f->id = k->id;
	f->kind = k->is.kind;
	f->noexec = k->is.noexec;
	f->map_align = k->is.map_align;
	/* Each time, for it may be sealed between two mappings. */
	if (f->kind == TRACE_FILE_SHMEM || f->kind == TRACE_FILE_HUGETLB)
		f->vm_flags_off = flags_off_by_seals(t->tid, (int)t->call.args[4]);
	emit_file(l, t, f);
}

void file_by_driver(struct trace_file *f, uint64_t vm_flags)
{
	/*
	 * What mmap operations of drivers set; remap_pfn_range() alone VM_IO, VM_PFNMAP, VM_DONTEXPAND and
	 * VM_DONTDUMP.
	 */
	const uint64_t adds = VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP | VM_MIXEDMAP,
		       takes = VM_MAYWRITE | VM_MAYEXEC;

	f->vm_flags = vm_flags & adds;
	f->vm_flags_off = vm_flags ? takes & ~vm_flags : 0;
}

/* What a driver made of the mapping; of one that it refused (@start is 0), which driver it is. */
static void emit_driver(
	struct live *l, struct task *t, struct trace_file *f, uint64_t start, char name[AREA_NAME_MAX])
{
	char path[64];
	ssize_t n;

	if (start) {
		observe_smaps(l, t);
		file_by_driver(f, observed_vm_flags(l, start));
		return;
	}
	path_of_descriptor(path, t->tid, (int)t->call.args[4]);
	n = kernel->readlink(path, name, AREA_NAME_MAX - 1);
	name[n > 0 ? n : 0] = '\0';
	f->path = name;
}

/*
 * A mapping of a descriptor. It may have failed: then only what decides about that is told.
 *
 * Without memory for what is known each mapping is of a file of its own.
 */
static void emit_descriptor(struct live *l, struct task *t, int64_t result)
{
	uint64_t start = (uint64_t)result, len = page_align(t->call.args[1]), page_size;
	struct trace_file f = { .open_flags = (uint32_t)t->open_flags, .path = "" };
	struct known_file failed = { .id = 0 }, *k = &failed;
	char name[AREA_NAME_MAX] = "";
	struct trace_area area = { .name = "" };
	bool mapped;

	if (t->open_flags < 0)
		return;
	mapped = !IS_ERR_VALUE(result) && observe_named_area(l, t, start, name, &area, &page_size);
	if (mapped) {
		f.dev = area.dev;
		f.ino = area.ino;
		f.path = area.name;
		k = file_of_area(l, t, &area, start, start + len);
	}
	if (!k)
		k = &failed;
	if (!k->id)
		k->id = ++l->next_file;
	if (!k->is.known)
		settle_kind(l, &k->is, t->tid, (int)t->call.args[4]);
	if (k->is.kind == TRACE_FILE_DEVICE)
		emit_driver(l, t, &f, mapped ? area.start : 0, name);
	emit_mapped_file(l, t, k, &f);
}

/*
 * Memory for which the kernel made a file of its own.
 *
 * SysV segments, shared anonymous memory and huge pages: each call makes a file that no other mapping
 * has.
 */
static void emit_made_file(struct live *l, struct task *t, int64_t result, uint32_t kind)
{
	struct trace_file f = {
		.id = ++l->next_file, .kind = kind, .open_flags = O_RDWR, .anonymous = true, .path = ""
	};
	struct trace_area area;
	char name[AREA_NAME_MAX] = "";
	uint64_t page_size;

	if (IS_ERR_VALUE(result) || !observe_named_area(l, t, (uint64_t)result, name, &area, &page_size))
		return;
	f.dev = area.dev;
	f.ino = area.ino;
	f.path = area.name;
	if (!page_size && (kind == TRACE_FILE_HUGETLB || t->call.nr == NR_shmat))
		page_size = observe_page_size(l, t, (uint64_t)result);
	if (page_size > kernel->page_size())
		f.kind = TRACE_FILE_HUGETLB;
	if (f.kind == TRACE_FILE_HUGETLB) {
		f.map_align = page_size ? page_size : huge_page_size();
		f.vm_flags = VM_HUGETLB | VM_DONTEXPAND;
	}
	if (t->call.nr == NR_shmat) {
		/* The segment alone: an area of it never joins another one. */
		uint64_t size = area.end - area.start;

		f.anonymous = false;
		f.has_close = true;
		if (t->call.args[2] & SHM_RDONLY)
			f.open_flags = O_RDONLY;
		memcpy(t->data, &size, sizeof(size));
		t->call.data = t->data;
		t->call.data_len = sizeof(size);
	}
	emit_file(l, t, &f);
}

void file_emit(struct live *l, struct task *t, int64_t result)
{
	uint64_t flags = t->call.nr == NR_mmap ? t->call.args[3] : MAP_SHARED | MAP_ANONYMOUS;

	if (t->call.nr != NR_mmap && t->call.nr != NR_shmat)
		return;
	if (!(flags & MAP_ANONYMOUS))
		emit_descriptor(l, t, result);
	else if (flags & MAP_HUGETLB)
		emit_made_file(l, t, result, TRACE_FILE_HUGETLB);
	else if ((flags & MAP_TYPE) == MAP_SHARED)
		emit_made_file(l, t, result, TRACE_FILE_SHMEM);
}
