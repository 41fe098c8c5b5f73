/* SPDX-License-Identifier: MIT */
/* The files of /proc of a scripted kernel: scripted.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "scripted.h"
#include "uapi.h"

static int error(int err)
{
	errno = err;
	return -1;
}

pid_t scr_tgid(pid_t tid)
{
	const struct scr_task *t = scr_task(tid);

	return t ? t->tgid : 0;
}

struct scr_file *scr_file(pid_t tgid, int fd)
{
	for (int i = 0; i < MAX_FILES; i++)
		if (scr.files[i].tgid && scr.files[i].tgid == tgid && scr.files[i].fd == fd)
			return &scr.files[i];
	return NULL;
}

static struct scr_file *file_of_path(const char *path)
{
	int tid, fd;

	return sscanf(path, "/proc/%d/fd/%d", &tid, &fd) == 2 ? scr_file(scr_tgid(tid), fd) : NULL;
}

static struct scr_open *opened(int fd)
{
	int i = fd - FIRST_FD;

	return i >= 0 && i < MAX_OPEN && scr.open[i].what != SHUT ? &scr.open[i] : NULL;
}

/* --- texts ------------------------------------------------------------------------------------------------------ */

static const char *given_text(const char *path)
{
	for (int i = 0; i < MAX_TEXTS; i++)
		if (strcmp(scr.texts[i].path, path) == 0)
			return scr.texts[i].text;
	return NULL;
}

static void status_text(const struct scr_task *t, char *text, size_t size)
{
	int threads = 0;

	for (int i = 0; i < MAX_TASKS; i++)
		threads += scr.tasks[i].tid && scr.tasks[i].tgid == t->tgid;
	snprintf(text, size,
		"Name:\tscripted\nTgid:\t%d\nTracerPid:\t%d\nUid:\t7\t7\nGid:\t7\t7\nVmSize:\t100 kB\n"
		"Threads:\t%d\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp_filters:\t1\n",
		t->tgid, t->traced ? getpid() : 0, threads);
}

static void stat_text(char *text, size_t size)
{
	int n = snprintf(text, size, "100 (scripted) R");

	for (int i = 4; i <= 51; i++)
		n += snprintf(text + n, size - (size_t)n, " %llu",
			i == 47   ? SCR_HEAP
			: i == 28 ? SCR_TOP - 512
				  : 0);
}

static bool text_of_task(const struct scr_task *t, const char *file, char *text, size_t size)
{
	*text = '\0';
	if (strcmp(file, "status") == 0)
		status_text(t, text, size);
	else if (strcmp(file, "stat") == 0)
		stat_text(text, size);
	else if (strcmp(file, "exe") == 0)
		strcpy(text, "\177ELF\2 and more of it");
	else if (strcmp(file, "personality") == 0)
		strcpy(text, "00000000\n");
	else if (strcmp(file, "limits") == 0)
		strcpy(text,
			"Limit\nMax data size 4096 8192 bytes\nMax stack size unlimited unlimited bytes\n");
	else
		return strcmp(file, "auxv") == 0;
	return true;
}

/* --- open, read, close ------------------------------------------------------------------------------------------ */

static int open_of_task(struct scr_open *o, int tid, const char *file)
{
	const struct scr_task *t = scr_task(tid);

	if (!t)
		return ENOENT;
	o->mm = t->mm;
	if (strcmp(file, "maps") == 0)
		o->what = MAPS;
	else if (strcmp(file, "smaps") == 0)
		o->what = SMAPS;
	else if (strcmp(file, "pagemap") == 0)
		o->what = PAGEMAP;
	else if (text_of_task(t, file, o->text, sizeof(o->text)))
		o->what = TEXT;
	else
		return ENOENT;
	o->len = strlen(o->text);
	return 0;
}

static int fill(struct scr_open *o, const char *path)
{
	const char *text = given_text(path);
	char file[64];
	int tid;

	if (text && *text == '-')
		return atoi(text + 1);
	if (text) {
		o->what = TEXT;
		o->len = strnlen(text, sizeof(o->text));
		memcpy(o->text, text, o->len);
		return 0;
	}
	if (strcmp(path, "/") == 0)
		o->what = MARK;
	else if (strcmp(path, "/proc/self/pagemap") == 0)
		o->what = OWN_PAGEMAP;
	else if (sscanf(path, "/proc/%d/%63s", &tid, file) == 2)
		return open_of_task(o, tid, file);
	else
		return ENOENT;
	return 0;
}

static int scripted_open(const char *path, int flags)
{
	int used = 0, err;

	if (scr_is_failing("open"))
		return -1;
	for (int i = 0; i < MAX_OPEN; i++)
		used += scr.open[i].what != SHUT;
	for (int i = 0; i < MAX_OPEN; i++) {
		if (scr.open[i].what != SHUT)
			continue;
		if (used >= scr.max_open)
			return error(EMFILE);
		scr.open[i] = (struct scr_open){ .what = SHUT };
		err = fill(&scr.open[i], path);
		if (err)
			scr.open[i].what = SHUT;
		return err ? error(err) : FIRST_FD + i;
	}
	return error(EMFILE);
}

static int scripted_close(int fd)
{
	struct scr_open *o = opened(fd);

	if (!o)
		return close(fd);
	o->what = SHUT;
	return 0;
}

static int line_of_area(const struct scr_space *mm, const struct scr_area *a, bool long_form, char *text)
{
	int n = sprintf(text, "%" PRIx64 "-%" PRIx64 " %c%c%c%c %08" PRIx64 " 00:%02x %" PRIu64 " %s\n",
		    a->start, a->end, a->prot & 1 ? 'r' : '-', a->prot & 2 ? 'w' : '-',
		    a->prot & 4 ? 'x' : '-', a->shared ? 's' : 'p', a->offset, a->ino ? 9 : 0, a->ino,
		    a->name),
	    anonymous = 0;

	for (int i = 0; i < mm->nr_pages; i++)
		anonymous += mm->pages[i].at >= a->start && mm->pages[i].at < a->end &&
			     mm->pages[i].what == WRITTEN;
	if (long_form)
		n += sprintf(text + n,
			"KernelPageSize: %8u kB\nAnonymous: %d kB\nVmFlags:%s%s%s%s mr mw me%s%s%s%s\n",
			(unsigned int)((a->page_size ? a->page_size : SCR_PAGE) >> 10), 4 * anonymous,
			a->prot & 1 ? " rd" : "", a->prot & 2 ? " wr" : "", a->prot & 4 ? " ex" : "",
			a->shared ? " sh" : "", a->shared ? " ms" : "", a->grows ? " gd" : "",
			a->ino ? "" : " ac", a->served ? " um" : "");
	return n;
}

/* Line by line, as long as they fit; @pos is the number of the next area. */
static ssize_t read_areas(struct scr_open *o, char *buf, size_t size)
{
	size_t n = 0;

	while (o->pos < (size_t)o->mm->nr_areas && n + 512 < size)
		n += (size_t)line_of_area(o->mm, &o->mm->areas[o->pos++], o->what == SMAPS, buf + n);
	return (ssize_t)n;
}

static ssize_t scripted_read(int fd, void *buf, size_t size)
{
	struct scr_open *o = opened(fd);

	if (scr_is_failing("read"))
		return -1;
	if (!o)
		return error(EBADF);
	if (o->what == MAPS || o->what == SMAPS)
		return read_areas(o, buf, size);
	if (size > o->len - o->pos)
		size = o->len - o->pos;
	memcpy(buf, o->text + o->pos, size);
	o->pos += size;
	return (ssize_t)size;
}

static bool scripted_rewind(int fd)
{
	struct scr_open *o = opened(fd);

	if (!o || scr_is_failing("rewind"))
		return false;
	o->pos = 0;
	return true;
}

/* --- pages ------------------------------------------------------------------------------------------------------ */

static int what_is_at(const struct scr_open *o, uint64_t addr)
{
	char here;

	if (o->what == OWN_PAGEMAP) {
		uint64_t self = (uintptr_t)&here;

		return addr / (1 << 20) + 8 > self / (1 << 20) && addr < self + (1 << 20) ? WRITTEN : 0;
	}
	for (int i = 0; i < o->mm->nr_pages; i++)
		if (o->mm->pages[i].at == addr)
			return o->mm->pages[i].what;
	return 0;
}

static uint64_t categories(int what)
{
	switch (what) {
	case WRITTEN:
		return PAGE_IS_PRESENT;
	case ZERO:
		return PAGE_IS_PRESENT | PAGE_IS_PFNZERO;
	case SWAPPED:
		return PAGE_IS_SWAPPED;
	case GUARD:
		return PAGE_IS_SWAPPED | PAGE_IS_GUARD;
	case HUGE:
		return PAGE_IS_PRESENT | PAGE_IS_PFNZERO | PAGE_IS_HUGE;
	default:
		return 0;
	}
}

static bool matches(const struct pm_scan_arg *arg, uint64_t is)
{
	return is && ((is ^ arg->category_inverted) & arg->category_mask) == arg->category_mask &&
	       (!arg->category_anyof_mask || (is & arg->category_anyof_mask));
}

/* The lowest page that is asked for. */
static int scan(struct scr_open *o, struct pm_scan_arg *arg)
{
	struct page_region *out = (struct page_region *)(uintptr_t)arg->vec;
	uint64_t found = UINT64_MAX;

	if (o->what == OWN_PAGEMAP && matches(arg, categories(what_is_at(o, arg->start))))
		found = arg->start;
	for (int i = 0; o->what == PAGEMAP && i < o->mm->nr_pages; i++) {
		const struct scr_page *p = &o->mm->pages[i];

		if (p->at >= arg->start && p->at < arg->end && p->at < found &&
			matches(arg, categories(p->what)))
			found = p->at;
	}
	if (found == UINT64_MAX)
		return 0;
	out->start = found;
	return 1;
}

static int query(struct scr_open *o, struct procmap_query *q)
{
	const struct scr_area *a = space_find(o->mm, q->query_addr);
	char *name = (char *)(uintptr_t)q->vma_name_addr;

	if (!a || (!(q->query_flags & PROCMAP_QUERY_COVERING_OR_NEXT_VMA) && a->start > q->query_addr))
		return error(ENOENT);
	q->vma_start = a->start;
	q->vma_end = a->end;
	q->vma_flags = a->prot | (a->shared ? PROCMAP_QUERY_VMA_SHARED : 0);
	q->vma_offset = a->offset;
	q->inode = a->ino;
	q->dev_major = 0;
	q->dev_minor = a->ino ? 9 : 0;
	q->vma_page_size = a->page_size ? a->page_size : SCR_PAGE;
	if (name)
		q->vma_name_size = (uint32_t)snprintf(name, q->vma_name_size, "%s", a->name);
	return 0;
}

static int scripted_ioctl(int fd, unsigned long request, void *arg)
{
	struct scr_open *o = opened(fd);

	if (scr_is_failing(request == PROCMAP_QUERY ? "query" : "scan"))
		return -1;
	if (!o)
		return error(EBADF);
	return request == PROCMAP_QUERY ? query(o, arg) : scan(o, arg);
}

/* Words of pagemap: present, swapped, of a file, mapped once. */
static ssize_t scripted_pread(int fd, void *buf, size_t size, off_t offset)
{
	static const uint64_t words[] = { [0] = 0,
		[WRITTEN] = 1ull << 63 | 1ull << 56,
		[ZERO] = 1ull << 63,
		[SWAPPED] = 1ull << 62,
		[GUARD] = 1ull << 62,
		[HUGE] = 1ull << 63 };
	struct scr_open *o = opened(fd);
	uint64_t *word = buf;

	if (!o || scr_is_failing("pread"))
		return -1;
	for (size_t i = 0; i < size / 8; i++)
		word[i] = words[what_is_at(o, ((uint64_t)offset / 8 + i) * SCR_PAGE)];
	return (ssize_t)size;
}

/* --- what paths are --------------------------------------------------------------------------------------------- */

static ssize_t scripted_readlink(const char *path, char *buf, size_t size)
{
	const struct scr_file *f = file_of_path(path);
	const char *given = given_text(path);
	char own[16], text[64] = "";

	snprintf(own, sizeof(own), "%d", getpid());
	if (scr_is_failing("readlink") || (given && *given == '-'))
		return error(ENOENT);
	if (given)
		snprintf(text, sizeof(text), "%s", given);
	else if (strcmp(path, "/proc/self") == 0)
		strcpy(text, own);
	else if (f)
		strcpy(text, f->path);
	else if (strstr(path, "/exe"))
		strcpy(text, "/bin/scripted");
	else
		return error(ENOENT);
	if (size > strlen(text))
		size = strlen(text);
	memcpy(buf, text, size);
	return (ssize_t)size;
}

/* What the program's file gives: bits in the script's text for "PID exe-mode". */
static int scripted_stat(const char *path, struct stat *st)
{
	const struct scr_file *f = file_of_path(path);
	const char *mode = given_text("exe-mode");

	*st = (struct stat){ .st_mode = S_IFREG | 0755 };
	if (scr_is_failing("stat"))
		return -1;
	if (strstr(path, "/exe")) {
		if (mode)
			st->st_mode = S_IFREG | (mode_t)strtol(mode, NULL, 8);
		return 0;
	}
	if (!f)
		return error(ENOENT);
	st->st_mode = f->mode;
	st->st_dev = 9;
	st->st_ino = f->ino;
	return 0;
}

static int scripted_lstat(const char *path, struct stat *st)
{
	const struct scr_file *f = file_of_path(path);

	if (!f || scr_is_failing("lstat"))
		return error(ENOENT);
	*st = (struct stat){ .st_mode = S_IFLNK | (f->mode & 0700) };
	return 0;
}

static int scripted_statx(const char *path, unsigned int mask, struct statx *st)
{
	const struct scr_file *f = file_of_path(path);

	if (!f || scr_is_failing("statx"))
		return error(ENOENT);
	memset(st, 0, sizeof(*st));
	st->stx_mask = mask;
	st->stx_mode = (uint16_t)f->mode;
	st->stx_mnt_id = (uint64_t)f->type + 1;
	st->stx_rdev_major = f->rdev_major;
	st->stx_rdev_minor = f->rdev_minor;
	return 0;
}

static int scripted_statfs(const char *path, struct statfs *fs)
{
	const struct scr_file *f = file_of_path(path);

	if (!f || scr_is_failing("statfs"))
		return error(ENOENT);
	*fs = (struct statfs){ .f_type = f->type, .f_bsize = f->type == HUGETLBFS_MAGIC ? 2 << 20 : 4096 };
	return 0;
}

static int scripted_statvfs(const char *path, struct statvfs *fs)
{
	*fs = (struct statvfs){ .f_flag = 0 };
	return scr_is_failing("statvfs") ? -1 : 0;
}

static ssize_t scripted_getxattr(const char *path, const char *name, void *value, size_t size)
{
	return given_text("exe-capability") ? 20 : error(ENODATA);
}

/* One of this process's own, with the seals of the program's. */
static int scripted_copy_descriptor(pid_t tgid, int fd)
{
	const struct scr_file *f = scr_file(tgid, fd);
	int copy, ends[2];

	if (scr_is_failing("copy_descriptor"))
		return -1;
	/* Of a listener: one that nobody asks any more. */
	if (!f && fd == scr.puppet_result && pipe2(ends, O_CLOEXEC) == 0) {
		close(ends[1]);
		return ends[0];
	}
	if (!f)
		return error(EBADF);
	copy = memfd_create("scripted", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy >= 0 && f->sealed)
		(void)!fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE);
	return copy;
}

const struct kernel_view scripted_files = {
	.copy_descriptor = scripted_copy_descriptor,
	.open = scripted_open,
	.close = scripted_close,
	.read = scripted_read,
	.pread = scripted_pread,
	.rewind = scripted_rewind,
	.ioctl = scripted_ioctl,
	.readlink = scripted_readlink,
	.stat = scripted_stat,
	.lstat = scripted_lstat,
	.statx = scripted_statx,
	.statfs = scripted_statfs,
	.statvfs = scripted_statvfs,
	.getxattr = scripted_getxattr,
};
