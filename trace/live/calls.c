/* SPDX-License-Identifier: MIT */
/*
 * A call becomes events: what it names is read at its entry, what it did at its exit.
 *
 * Which open file a mapping holds.  Linux shows device and inode, not the open file itself.  A descriptor that maps the
 * same inode with the same access mode as before is taken for the same open file, unless the kernel shows otherwise:
 * two adjacent areas of one inode whose offsets adjoin and whose flags are equal, and that are two, are of two files;
 * a mapping that became part of its neighbour has the neighbour's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "uapi.h"

#define PAGE      4096ull
#define HUGE_PAGE (2ull << 20)
#define XFS_MAGIC 0x58465342

/* --- at the entry ------------------------------------------------------------------------------------------- */

/* The access mode of a descriptor; -1 when there is none. */
static int descriptor_flags(pid_t tid, int fd)
{
	char path[64], text[512];
	const char *flags;
	ssize_t n;
	int proc;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, fd);
	proc = open(path, O_RDONLY | O_CLOEXEC);
	if (proc < 0)
		return -1;
	n = read(proc, text, sizeof(text) - 1);
	close(proc);
	text[n > 0 ? n : 0] = '\0';
	flags = strstr(text, "flags:");
	return flags ? (int)strtol(flags + 6, NULL, 8) : -1;
}

static void keep_data(struct task *t, uint64_t addr, size_t size)
{
	if (size > CALL_DATA_MAX)
		size = CALL_DATA_MAX;
	if (addr && read_memory(t->tid, addr, t->data, size)) {
		t->call.data = t->data;
		t->call.data_len = (uint32_t)size;
	}
}

/* A name that ends within its 80 bytes; memory may end sooner than they do. */
static void keep_name(struct task *t, uint64_t addr)
{
	for (size_t n = 0; addr && n < 80; n++) {
		if (!read_memory(t->tid, addr + n, &t->data[n], 1))
			return;
		if (t->data[n] == '\0') {
			t->call.data = t->data;
			t->call.data_len = (uint32_t)n + 1;
			return;
		}
	}
}

void call_begin(struct live *l, struct task *t)
{
	const uint64_t *a = t->call.args;

	t->call.data = NULL;
	t->call.data_len = 0;
	t->call.file = 0;
	t->open_flags = -1;
	switch (t->call.nr) {
	case SYS_mmap:
		t->mm->grows |= (a[3] & MAP_GROWSDOWN) != 0;
		if (!(a[3] & MAP_ANONYMOUS))
			t->open_flags = descriptor_flags(t->tid, (int)a[4]);
		break;
	case SYS_prctl:
		if (a[0] == PR_SET_VMA)
			keep_name(t, a[4]);
		break;
	case SYS_ioctl:
		keep_data(t, a[2], 24);
		break;
	case SYS_mbind:
		keep_data(t, a[3], (a[4] + 63) / 64 * 8);
		break;
	default:
		break;
	}
	writes_before_call(l, t);
}

/* --- files -------------------------------------------------------------------------------------------------- */

/* What a file system does with mappings of its files. */
static void settle_file_system(struct trace_file *f, const char *path, const struct stat *st)
{
	struct statfs fs;

	if (statfs(path, &fs))
		return;
	f->noexec = fs.f_flags & ST_NOEXEC;
	if (S_ISCHR(st->st_mode)) {
		f->kind = st->st_rdev == makedev(1, 5) ? TRACE_FILE_ZERO : TRACE_FILE_DEVICE;
	} else if (fs.f_type == TMPFS_MAGIC) {
		f->kind = TRACE_FILE_SHMEM;
	} else if (fs.f_type == HUGETLBFS_MAGIC) {
		f->kind = TRACE_FILE_HUGETLB;
		f->map_align = (uint64_t)fs.f_bsize;
	} else if (!S_ISREG(st->st_mode)) {
		f->kind = TRACE_FILE_DEVICE;
	} else if (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_MAGIC) {
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

/* The number of the open file behind a mapping that the kernel shows as @area. */
static uint32_t file_number(
	struct live *l, struct task *t, int fd, const struct trace_area *area, bool merged)
{
	struct known_file k = { .fd = fd,
		.open_flags = (uint32_t)t->open_flags & O_ACCMODE,
		.dev = area->dev,
		.ino = area->ino };
	struct known_file *known = known_by(t->mm, &k, merged);

	if (known && (merged || !neighbours_differ(l, t, area)))
		return known->id;
	k.id = ++l->next_file;
	t->mm->files[t->mm->next_file++ % FILE_CACHE] = k;
	return k.id;
}

static void emit_file(struct live *l, struct task *t, const struct trace_file *f)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE, .file = *f };

	emit(l, t, &e);
	t->call.file = f->id;
}

/* A mapping of a descriptor. It may have failed: then only what decides about that is told. */
static void tell_descriptor(struct live *l, struct task *t, int64_t result)
{
	struct trace_file f = { .open_flags = (uint32_t)t->open_flags & O_ACCMODE, .path = "" };
	struct trace_area area;
	uint64_t start = (uint64_t)result, len = (t->call.args[1] + PAGE - 1) & ~(PAGE - 1);
	char path[64], name[AREA_NAME_MAX];
	uint64_t page_size;
	struct stat st;

	if (t->open_flags < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->tid, (int)t->call.args[4]);
	if (stat(path, &st) == 0)
		settle_file_system(&f, path, &st);
	if (IS_ERR_VALUE(result) || !observe_named_area(l, t, start, name, &area, &page_size)) {
		f.id = ++l->next_file;
	} else {
		f.dev = area.dev;
		f.ino = area.ino;
		f.path = area.name;
		f.id = file_number(
			l, t, (int)t->call.args[4], &area, area.start < start || area.end > start + len);
		if (f.kind == TRACE_FILE_DEVICE) {
			observe_smaps(l, t);
			f.vm_flags = observed_vm_flags(l, area.start) &
				     (VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP);
		}
	}
	emit_file(l, t, &f);
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

static void tell_file(struct live *l, struct task *t, int64_t result)
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

/* --- at the exit -------------------------------------------------------------------------------------------- */

static void observe_range(struct live *l, struct task *t, const struct range *r)
{
	/* A byte more on both sides: neighbours that have merged with the range, or have not, are part of it. */
	observe(l, t, r->start ? r->start - 1 : 0, r->end + 1);
}

/* Read back where the call can have changed something, whether it says that it did or not. */
static void observe_effect(struct live *l, struct task *t, int64_t result)
{
	struct range r[2], placed;
	unsigned int n = named_ranges(t, r);
	bool has_placed = placed_range(&t->call, result, &placed);

	if (is_about_whole_map(t->call.nr))
		observe_all(l, t);
	if (has_placed)
		observe_range(l, t, &placed);
	for (unsigned int i = 0; i < n; i++)
		if (!has_placed || r[i].start != placed.start || r[i].end > placed.end)
			observe_range(l, t, &r[i]);
}

static bool changes_capabilities(uint32_t nr)
{
	return nr == SYS_capset || nr == SYS_setuid || nr == SYS_setreuid || nr == SYS_setresuid;
}

/* Limits are not calls of the map, but decide about later ones. */
static bool tell_limit(struct live *l, struct task *t)
{
	static const struct {
		uint64_t resource;
		enum trace_limit limit;
	} limits[] = { { RLIMIT_AS, TRACE_LIMIT_AS }, { RLIMIT_DATA, TRACE_LIMIT_DATA },
		{ RLIMIT_STACK, TRACE_LIMIT_STACK }, { RLIMIT_MEMLOCK, TRACE_LIMIT_MEMLOCK } };
	struct trace_event e = { .type = TRACE_EVENT_LIMIT };
	uint32_t nr = t->call.nr;
	uint64_t resource = nr == SYS_prlimit64 ? t->call.args[1] : t->call.args[0];

	if (nr == SYS_personality || changes_capabilities(nr)) {
		e.limit.limit = nr == SYS_personality ? TRACE_LIMIT_PERSONALITY : TRACE_LIMIT_CAPABILITIES;
		e.limit.value = process_limit(t->tid, (enum trace_limit)e.limit.limit);
		emit(l, t, &e);
		return true;
	}
	if (nr != SYS_setrlimit && nr != SYS_prlimit64)
		return false;
	for (int i = 0; i < 4; i++) {
		if (limits[i].resource != resource || (nr == SYS_prlimit64 && !t->call.args[2]))
			continue;
		e.limit.limit = limits[i].limit;
		e.limit.value = process_limit(t->tid, limits[i].limit);
		emit(l, t, &e);
	}
	return true;
}

static void emit_call(struct live *l, struct task *t, int64_t result)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL, .call = t->call };

	e.call.result = result;
	emit(l, t, &e);
}

void call_end(struct live *l, struct task *t, int64_t result)
{
	struct live_mm *mm = t->mm;
	enum live_check check = l->options.check;

	if (tell_limit(l, t))
		return;
	writes_after_call(l, t, result);
	tell_file(l, t, result);
	emit_call(l, t, result);
	mm->calls++;
	growth_follow_call(l, t, result);
	if (check == LIVE_CHECK_EVERY)
		observe_effect(l, t, result);
	else if (check == LIVE_CHECK_NTH && mm->calls % l->options.nth == 0)
		observe_all(l, t);
	if (t->call.nr == SYS_brk)
		mm->brk = (uint64_t)result;
}

void space_begin(struct live *l, struct task *t)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE };
	struct live_mm *mm = mm_new(l);
	struct trace_area stack;
	char link[64], path[512] = "";
	ssize_t n;

	if (!mm) {
		emit_lost(l, t, 0, "out of memory: a program is not recorded");
		return;
	}
	observe_open(mm, t->tid);
	task_enter_mm(t, mm);
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)t->tid);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	e.space.path = path;
	observe_smaps(l, t);
	process_space(l, t->tid, &e.space);
	mm->start_brk = mm->brk = e.space.brk;
	if (observe_area(l, mm, e.space.start_stack, &stack)) {
		mm->stack_start = stack.start;
		mm->stack_end = stack.end;
	}
	emit(l, t, &e);
	emit_begin_map(l, t);
}
