/* SPDX-License-Identifier: MIT */
/*
 * What a file system does with mappings of its files.
 *
 * Some place a mapping of a huge page or more so that huge pages fit; which, differs from kernel to kernel.  So the kernel is
 * asked, once per mounted file system: a part of a file is mapped here, in the recorder, on a copy of the program's
 * descriptor; the program has nothing to notice.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vmaple/mm_types.h>

#include "internal.h"
#include "uapi.h"

void path_of_descriptor(char path[64], pid_t tid, int fd)
{
	snprintf(path, 64, "/proc/%d/fd/%d", (int)tid, fd);
}

/* --- alignment ---------------------------------------------------------------------------------------------- */

/* By pidfd_getfd(2): the same open file, not another one of the same name. -1: it cannot be had. */
static int copy_descriptor(pid_t tid, int fd)
{
	return kernel->copy_descriptor(process_of_thread(tid), fd);
}

/*
 * Each second mapping is a page, so that the places below it are at odds with the size of a huge page:
 * that a mapping lies right by chance, twice, happens once in 2^18 times with pages of 4 KiB, with larger
 * ones less often.
 *
 * The mappings are PROT_NONE and private: no page is read, nobody's map but this one's changes, and they
 * are gone before this returns. 0: the file system asks for none, or it cannot be asked.
 */
static uint64_t ask_alignment(pid_t tid, int fd)
{
	const uint64_t size[] = { kernel->page_size(), huge_page_size() };
	int copy = copy_descriptor(tid, fd);
	uint64_t wrong = 0;
	void *map[4];

	if (copy < 0)
		return 0;
	for (int i = 0; i < 4; i++)
		map[i] = i % 2 ? mmap(NULL, size[1], PROT_NONE, MAP_PRIVATE, copy, 0)
			       : mmap(NULL, size[0], PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	kernel->close(copy);
	for (int i = 0; i < 4; i++) {
		if (i % 2)
			wrong |= (uintptr_t)map[i] % size[1];
		if (map[i] != MAP_FAILED)
			munmap(map[i], size[i % 2]);
	}
	return wrong ? 0 : size[1];
}

/*
 * A shared mapping behind F_SEAL_WRITE or F_SEAL_FUTURE_WRITE cannot become writable; others are not
 * changed by seals.
 */
uint64_t flags_off_by_seals(pid_t tid, int fd)
{
	int copy = copy_descriptor(tid, fd), seals;

	if (copy < 0)
		return 0;
	seals = fcntl(copy, F_GET_SEALS);
	kernel->close(copy);
	return seals > 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) ? VM_MAYWRITE : 0;
}

/* --- mounts ------------------------------------------------------------------------------------------------- */

/*
 * What is known of the mount, asked now if it is not. @id 0: a kernel without STATX_MNT_ID_UNIQUE (before
 * 6.8), whose numbers of mounts are used again: nothing is kept then. The entry is valid until MOUNT_CACHE
 * others were asked for. NULL: it cannot be asked.
 */
static struct known_mount *look_at_mount(struct live *l, const char *path, uint64_t id)
{
	struct known_mount *m;
	struct statfs fs;

	for (int i = 0; id && i < MOUNT_CACHE; i++)
		if (l->mounts[i].id == id)
			return &l->mounts[i];
	if (kernel->statfs(path, &fs))
		return NULL;
	m = &l->mounts[l->next_mount++ % MOUNT_CACHE];
	*m = (struct known_mount){
		.id = id, .type = fs.f_type, .block_size = fs.f_bsize, .noexec = fs.f_flags & ST_NOEXEC
	};
	return m;
}

/*
 * Files of these are not storage: what they do with a mapping is each driver's own. By the magic of
 * statfs(2).
 */
static bool is_of_kernel(int64_t type)
{
	return type == ANON_INODE_FS_MAGIC || type == SOCKFS_MAGIC || type == SYSFS_MAGIC ||
	       type == PROC_SUPER_MAGIC || type == DEBUGFS_MAGIC || type == TRACEFS_MAGIC ||
	       type == BPF_FS_MAGIC || type == SELINUX_MAGIC || type == SMACK_MAGIC ||
	       type == SECURITYFS_MAGIC || type == DMA_BUF_MAGIC;
}

/* Once for a mount, by whichever of its files was first. */
static void settle_regular(struct known_mount *m, struct file_kind *f, pid_t tid, int fd)
{
	if (!m->asked)
		m->map_align = ask_alignment(tid, fd);
	m->asked = true;
	f->map_align = m->map_align;
}

/* f->known stays false where it cannot be told: the next mapping asks again. */
void settle_kind(struct live *l, struct file_kind *f, pid_t tid, int fd)
{
	struct known_mount *m;
	struct statx st;
	char path[64];

	path_of_descriptor(path, tid, fd);
	if (kernel->statx(path, STATX_TYPE | STATX_MNT_ID_UNIQUE, &st))
		return;
	m = look_at_mount(l, path, st.stx_mask & STATX_MNT_ID_UNIQUE ? st.stx_mnt_id : 0);
	if (!m)
		return;
	f->known = true;
	f->noexec = m->noexec;
	if (S_ISCHR(st.stx_mode)) {
		/* /dev/zero: a private mapping of it is anonymous memory (mmap_zero()). */
		bool zero = st.stx_rdev_major == 1 && st.stx_rdev_minor == 5;

		f->kind = zero ? TRACE_FILE_ZERO : TRACE_FILE_DEVICE;
	} else if (m->type == TMPFS_MAGIC) {
		f->kind = TRACE_FILE_SHMEM;
		/* f_bsize is the size of its huge pages. */
	} else if (m->type == HUGETLBFS_MAGIC) {
		f->kind = TRACE_FILE_HUGETLB;
		f->map_align = (uint64_t)m->block_size;
	} else if (m->type == SECRETMEM_MAGIC) {
		f->kind = TRACE_FILE_SECRET;
	} else if (!S_ISREG(st.stx_mode) || is_of_kernel(m->type)) {
		f->kind = TRACE_FILE_DEVICE;
	} else {
		settle_regular(m, f, tid, fd);
	}
}
