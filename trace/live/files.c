/* SPDX-License-Identifier: MIT */
/*
 * Which file a mapping is of.
 *
 * Linux shows device and inode, not the open file itself.  A descriptor that maps the same inode with the same access
 * mode as before is taken for the same open file, unless the kernel shows otherwise: two adjacent areas of one inode
 * whose offsets adjoin and whose flags are equal, and that are two, are of two files; a mapping that became part of its
 * neighbour has the neighbour's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "uapi.h"

#define PAGE      4096ull
#define HUGE_PAGE (2ull << 20)
#define XFS_MAGIC 0x58465342

static void path_of_descriptor(char path[64], pid_t tid, int fd)
{
	snprintf(path, 64, "/proc/%d/fd/%d", (int)tid, fd);
}

/*
 * The access mode of a descriptor; -1 when there is none, or none that could be mapped.  The link in /proc has it in its
 * permissions, which is all that is asked for: looking must not be felt by the program.
 */
int descriptor_access(pid_t tid, int fd)
{
	struct stat link;
	char path[64];

	path_of_descriptor(path, tid, fd);
	if (lstat(path, &link))
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

/* What a file system does with mappings of its files. False: it cannot be asked. */
static bool look_at_mount(struct live *l, const char *path, uint64_t mount, struct known_mount *m)
{
	struct statfs fs;

	for (int i = 0; mount && i < MOUNT_CACHE; i++) {
		if (l->mounts[i].id == mount) {
			*m = l->mounts[i];
			return true;
		}
	}
	if (statfs(path, &fs))
		return false;
	*m = (struct known_mount){
		.id = mount, .type = fs.f_type, .block_size = fs.f_bsize, .noexec = fs.f_flags & ST_NOEXEC
	};
	l->mounts[l->next_mount++ % MOUNT_CACHE] = *m;
	return true;
}

static void settle_kind(struct live *l, struct file_kind *f, pid_t tid, int fd)
{
	struct known_mount m;
	struct statx st;
	char path[64];

	path_of_descriptor(path, tid, fd);
	if (statx(AT_FDCWD, path, 0, STATX_TYPE | STATX_MNT_ID_UNIQUE, &st) ||
		!look_at_mount(l, path, st.stx_mask & STATX_MNT_ID_UNIQUE ? st.stx_mnt_id : 0, &m))
		return;
	f->known = true;
	f->noexec = m.noexec;
	if (S_ISCHR(st.stx_mode)) {
		bool zero = st.stx_rdev_major == 1 && st.stx_rdev_minor == 5;

		f->kind = zero ? TRACE_FILE_ZERO : TRACE_FILE_DEVICE;
	} else if (m.type == TMPFS_MAGIC) {
		f->kind = TRACE_FILE_SHMEM;
	} else if (m.type == HUGETLBFS_MAGIC) {
		f->kind = TRACE_FILE_HUGETLB;
		f->map_align = (uint64_t)m.block_size;
	} else if (!S_ISREG(st.stx_mode)) {
		f->kind = TRACE_FILE_DEVICE;
	} else if (m.type == EXT4_SUPER_MAGIC || m.type == XFS_MAGIC) {
		f->map_align = HUGE_PAGE;
	}
}

static struct known_file *known_by(struct live_mm *mm, const struct known_file *k, bool any_descriptor)
{
	for (unsigned int i = 1; i <= FILE_CACHE; i++) {
		struct known_file *f = &mm->files[(mm->next_file - i) % FILE_CACHE];

		if (f->id && f->dev == k->dev && f->ino == k->ino &&
			(any_descriptor || (f->fd == k->fd && f->open_flags == k->open_flags)))
			return f;
	}
	return NULL;
}

bool file_is_known(const struct task *t, int fd, uint64_t *dev, uint64_t *ino)
{
	struct known_file k = { .fd = fd, .open_flags = (uint32_t)t->open_flags };
	const struct known_file *known;
	char path[64];
	struct stat st;

	path_of_descriptor(path, t->tid, fd);
	if (t->open_flags < 0 || stat(path, &st))
		return false;
	*dev = k.dev = (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev);
	*ino = k.ino = st.st_ino;
	known = known_by(t->mm, &k, false);
	return known && known->is.known && known->is.kind == TRACE_FILE_REGULAR;
}

/* Two areas that nothing but their open files keeps apart. */
static bool apart_by_file(const struct trace_area *low, const struct trace_area *high)
{
	return low->end == high->start && low->start != high->start && low->ino == high->ino &&
	       low->dev == high->dev && low->prot == high->prot && low->shared == high->shared &&
	       low->offset + (low->end - low->start) == high->offset;
}

/* @other touches @area and looks the same: only what /proc/PID/smaps adds can say that it is another file. */
static bool other_file(
	struct live *l, struct task *t, const struct trace_area *area, const struct trace_area *other)
{
	uint64_t flags;

	observe_smaps(l, t);
	flags = observed_vm_flags(l, area->start);
	return flags && flags == observed_vm_flags(l, other->start);
}

static bool neighbours_differ(struct live *l, struct task *t, const struct trace_area *area)
{
	struct trace_area other;

	if (observe_area(l, t->mm, area->start - 1, &other) && apart_by_file(&other, area))
		return other_file(l, t, area, &other);
	if (observe_area(l, t->mm, area->end, &other) && apart_by_file(area, &other))
		return other_file(l, t, area, &other);
	return false;
}

/* The open file behind a mapping that the kernel shows as @area. */
static struct known_file *file_of_area(
	struct live *l, struct task *t, int fd, const struct trace_area *area, bool merged)
{
	struct known_file k = {
		.fd = fd, .open_flags = (uint32_t)t->open_flags, .dev = area->dev, .ino = area->ino
	};
	struct known_file *known = known_by(t->mm, &k, merged);

	if (known && (merged || !neighbours_differ(l, t, area)))
		return known;
	if (known)
		k.is = known->is;
	k.id = ++l->next_file;
	known = &t->mm->files[t->mm->next_file++ % FILE_CACHE];
	*known = k;
	return known;
}

static void emit_file(struct live *l, struct task *t, const struct trace_file *f)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE, .file = *f };

	emit(l, t, &e);
	t->call.file = f->id;
}

static void tell_mapped_file(struct live *l, struct task *t, const struct known_file *k, struct trace_file *f)
{
	f->id = k->id;
	f->kind = k->is.kind;
	f->noexec = k->is.noexec;
	f->map_align = k->is.map_align;
	emit_file(l, t, f);
}

/* A mapping of a descriptor. It may have failed: then only what decides about that is told. */
static void tell_descriptor(struct live *l, struct task *t, int64_t result)
{
	uint64_t start = (uint64_t)result, len = (t->call.args[1] + PAGE - 1) & ~(PAGE - 1), page_size;
	struct trace_file f = { .open_flags = (uint32_t)t->open_flags, .path = "" };
	struct known_file failed = { .id = 0 }, *k = &failed;
	char name[AREA_NAME_MAX];
	struct trace_area area = { .name = "" };
	bool mapped;

	if (t->open_flags < 0)
		return;
	mapped = !IS_ERR_VALUE(result) && observe_named_area(l, t, start, name, &area, &page_size);
	if (mapped) {
		f.dev = area.dev;
		f.ino = area.ino;
		f.path = area.name;
		k = file_of_area(
			l, t, (int)t->call.args[4], &area, area.start < start || area.end > start + len);
	} else {
		k->id = ++l->next_file;
	}
	if (!k->is.known)
		settle_kind(l, &k->is, t->tid, (int)t->call.args[4]);
	if (mapped && k->is.kind == TRACE_FILE_DEVICE) {
		observe_smaps(l, t);
		f.vm_flags = observed_vm_flags(l, area.start) &
			     (VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP);
	}
	tell_mapped_file(l, t, k, &f);
}

/* Memory for which the kernel made a file of its own. */
static void tell_made_file(struct live *l, struct task *t, int64_t result, uint32_t kind)
{
	struct trace_file f = {
		.id = ++l->next_file, .kind = kind, .open_flags = O_RDWR, .anonymous = true, .path = ""
	};
	struct trace_area area;
	char name[AREA_NAME_MAX];
	uint64_t page_size;

	if (IS_ERR_VALUE(result) || !observe_named_area(l, t, (uint64_t)result, name, &area, &page_size))
		return;
	f.dev = area.dev;
	f.ino = area.ino;
	f.path = area.name;
	if (kind == TRACE_FILE_HUGETLB) {
		f.map_align = page_size;
		f.vm_flags = VM_HUGETLB | VM_DONTEXPAND;
	}
	if (t->call.nr == SYS_shmat) {
		uint64_t size = area.end - area.start;

		f.anonymous = false;
		f.has_close = true;
		memcpy(t->data, &size, sizeof(size));
		t->call.data = t->data;
		t->call.data_len = sizeof(size);
	}
	emit_file(l, t, &f);
}

void file_tell(struct live *l, struct task *t, int64_t result)
{
	uint64_t flags = t->call.nr == SYS_mmap ? t->call.args[3] : MAP_SHARED | MAP_ANONYMOUS;

	if (t->call.nr != SYS_mmap && t->call.nr != SYS_shmat)
		return;
	if (!(flags & MAP_ANONYMOUS))
		tell_descriptor(l, t, result);
	else if (flags & MAP_HUGETLB)
		tell_made_file(l, t, result, TRACE_FILE_HUGETLB);
	else if ((flags & MAP_TYPE) == MAP_SHARED)
		tell_made_file(l, t, result, TRACE_FILE_SHMEM);
}
