/* SPDX-License-Identifier: MIT */
/*
 * What both worlds begin with: this process's own map, its limits, and the files that calls speak of.
 *
 * Order. background_reexec() starts anew; background_open() asks what the kernel can and opens the files,
 * each of which may leave mappings and memory behind; background_read() then reads the map, which is what
 * both worlds begin with. Between it and the last sequence nothing may change the map.
 *
 * What a machine does not have (userfaultfd, names, memfd_secret, a mount without execution) is noted, and
 * the engine is told so: a sequence that asks for it is answered with the same errno in both worlds and
 * tells little, but is no difference.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "arm64_host.h"
#include "mmap_min_addr.h"
#include "oracle.h"
#include "uapi.h"

struct background background;
/*
 * One for each area of the background, by its number: even the areas of one file have different ones here,
 * so that they never merge. No call is made that reaches them.
 */
static struct vm_file some_file[256];

/*
 * Both, soft and hard: mmap_base() takes the soft one at exec and puts the gap of 128 MiB at least, which
 * it stays below; LIMIT_STACK raises to the hard one.
 */
#define STACK_LIMIT (8UL << 20)

void background_reexec(char **argv)
{
	struct rlimit stack = { STACK_LIMIT, STACK_LIMIT };
	int persona = personality(0xffffffff);

	background.page_shift = (unsigned int)ffsl(sysconf(_SC_PAGESIZE)) - 1;
	if (persona & ADDR_NO_RANDOMIZE)
		return;
	if (personality((unsigned long)persona | ADDR_NO_RANDOMIZE) == -1 ||
		setrlimit(RLIMIT_STACK, &stack)) {
		perror("kernel-oracle: a map without randomisation");
		exit(77);
	}
	execv("/proc/self/exe", argv);
	perror("kernel-oracle: /proc/self/exe");
	exit(2);
}

/* @otherwise is Linux's default: the file may be missing in a container. */
static unsigned long read_number(const char *path, unsigned long otherwise)
{
	FILE *f = fopen(path, "r");
	unsigned long n = otherwise;

	if (f && fscanf(f, "%lu", &n) != 1)
		n = otherwise;
	if (f)
		fclose(f);
	return n;
}

/* @name with a blank before it. */
static bool cpu_has(const char *name)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	static char line[8192];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, name) != NULL;
	if (f)
		fclose(f);
	return found;
}

/*
 * Does a read of memory that was never written bring a page of its own instead of the shared one of zeros
 * (do_anonymous_page())? That would prepare an anon_vma. Told by smaps, whose Anonymous does not count the
 * page of zeros.
 */
static bool read_page_is_written(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long kb = 0, start, end;
	FILE *f = fopen("/proc/self/smaps", "r");
	static char line[4600];
	bool here = false;

	(void)*(volatile char *)page;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (unsigned long)page && (unsigned long)page < end;
		if (here && sscanf(line, "Anonymous: %lu", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	munmap(page, PAGE);
	return kb > 0;
}

/* 0 never, 1 where it was advised, 2 always: the word in brackets. */
static unsigned int huge_pages(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
	char text[64] = "";
	unsigned int mode;

	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	mode = strstr(text, "[always]") ? 2 : strstr(text, "[madvise]") ? 1 : 0;
	if (f)
		fclose(f);
	return mode;
}

/* The first page of a file that is beyond what its file system can hold, found by mapping. */
static unsigned long file_limit(enum file_index i)
{
	unsigned long low = 0,
		      high = 1UL << (64 - background.page_shift); /* low can be mapped, high cannot */

	while (low + 1 < high) {
		unsigned long page = low + (high - low) / 2;
		void *p = (void *)syscall(SYS_mmap, NULL, PAGE, PROT_NONE,
			i == FILE_SECRET ? MAP_SHARED : MAP_PRIVATE, background.fd[i], page * PAGE);

		if (p == MAP_FAILED) {
			high = page;
		} else {
			munmap(p, PAGE);
			low = page;
		}
	}
	return high * PAGE;
}

/* @fd is -1 where opening failed: errno is still that of it. */
static bool keep_file(enum file_index i, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		perror("kernel-oracle: a file to map");
		return false;
	}
	/* Kept open to the end: children map from it. */
	background.fd[i] = fd;
	background.dev[i] = st.st_dev;
	background.ino[i] = st.st_ino;
	if (i != FILE_WO)
		background.max_bytes[i] = file_limit(i);
	return true;
}

/* A regular file of its own, opened once more as @flags say. */
static bool open_scratch(enum file_index i, int flags)
{
	char path[] = "/var/tmp/kernel-oracle.XXXXXX", link[64];
	struct statfs fs;
	int fd = mkstemp(path);
	bool ok;

	if (fd < 0 || ftruncate(fd, (off_t)(FILE_PAGES * PAGE)) || fstatfs(fd, &fs)) {
		perror("kernel-oracle: /var/tmp");
		return false;
	}
	background.on_disk = fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ok = keep_file(i, open(link, flags | O_CLOEXEC));
	unlink(path);
	close(fd);
	return ok;
}

static bool open_memfd(void)
{
	int fd = memfd_create("kernel-oracle", MFD_CLOEXEC);

	return !ftruncate(fd, (off_t)(FILE_PAGES * PAGE)) && keep_file(FILE_MEMFD, fd);
}

static bool open_sealed(void)
{
	int fd = memfd_create("kernel-oracle", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return !ftruncate(fd, (off_t)(FILE_PAGES * PAGE)) && !fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) &&
	       keep_file(FILE_SEALED, fd);
}

/* Where there is none, a file as any other in memory. */
static bool open_secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, (unsigned int)FD_CLOEXEC);

	background.secret = fd >= 0;
	if (fd < 0)
		fd = memfd_create("kernel-oracle", MFD_CLOEXEC);
	return !ftruncate(fd, (off_t)(FILE_PAGES * PAGE)) && keep_file(FILE_SECRET, fd);
}

/* On a file system of its own, mounted noexec and nowhere; else a file as any other in memory. */
static bool open_noexec(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), tree = -1, fd = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		tree = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC);
	if (tree >= 0)
		fd = openat(tree, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close(fs);
	close(tree);
	background.noexec = fd >= 0;
	if (fd < 0)
		fd = memfd_create("kernel-oracle", MFD_CLOEXEC);
	return !ftruncate(fd, (off_t)(FILE_PAGES * PAGE)) && keep_file(FILE_NOEXEC, fd);
}

static bool have_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd >= 0 && close(fd) == 0;
}

/* Kernels without CONFIG_ANON_VMA_NAME refuse it. */
static bool have_names(void)
{
	void *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool well = page != MAP_FAILED && prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page, PAGE, "name") == 0;

	munmap(page, PAGE);
	return well;
}

static void read_limits(void)
{
	struct rlimit limit;
	struct sysinfo info;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	background.memlock = limit.rlim_cur;
	getrlimit(RLIMIT_STACK, &limit);
	background.stack = limit.rlim_cur;
	sysinfo(&info);
	background.ram_pages = (info.totalram + info.totalswap) * info.mem_unit / PAGE;
	background.max_map_count = (int)read_number("/proc/sys/vm/max_map_count", 65530);
	background.dac_mmap_min_addr = read_number("/proc/sys/vm/mmap_min_addr", 65536);
	background.mmap_min_addr = mmap_min_addr_here(background.dac_mmap_min_addr);
	background.overcommit = (unsigned int)read_number("/proc/sys/vm/overcommit_memory", 0);
	background.pkeys = cpu_has(" ospke");
	background.branch_targets = cpu_has(" bti");
	background.memory_tags = cpu_has(" mte");
	background.space = 1UL << 47;
	if (MM_MACHINE_HERE == MM_MACHINE_ARM64)
		background.space =
			(1UL << (arm64_is_wide_here() ? ARM64_WIDE_BITS : arm64_window_bits_here())) + PAGE;
	background.no_zero_page = read_page_is_written();
	background.uffd = have_userfaultfd();
	background.names = have_names();
	background.thp_enabled = huge_pages();
}

bool background_open(void)
{
	read_limits();
	/* The first one that a machine has is number 0, and so is its inode: no inode at all. */
	do
		background.segment = shmget(IPC_PRIVATE, SEGMENT_PAGES * PAGE, 0600);
	while (background.segment == 0);
	if (background.segment < 0) {
		perror("kernel-oracle: shmget");
		return false;
	}
	/* It lives as long as someone is attached: this process is. */
	if (shmat(background.segment, NULL, 0) == (void *)-1)
		return false;
	shmctl(background.segment, IPC_RMID, NULL);
	return open_scratch(FILE_RW, O_RDWR) && open_scratch(FILE_RO, O_RDONLY) &&
	       open_scratch(FILE_WO, O_WRONLY) && open_memfd() && open_noexec() && open_sealed() &&
	       open_secret() && keep_file(FILE_ZERO, open("/dev/zero", O_RDWR | O_CLOEXEC));
}

/*
 * In the order of addresses: [vvar], in later series [vvar_vclock] too, [vdso]. CALL_KERNELS names them by
 * number, from where they were at the beginning.
 */
static void note_kernels(const struct area_spec *a)
{
	if (a->file->kind != VM_FILE_SPECIAL || background.nr_kernels == KERNELS_AREAS)
		return;
	background.kernels[background.nr_kernels] = a->start;
	background.kernels_len[background.nr_kernels++] = a->end - a->start;
}

/* One area of smaps: its line, then what follows it. */
static bool area_of_line(const char *line, struct area_spec *a, unsigned int index)
{
	unsigned long start, end, offset, inode;
	char perms[8];

	if (sscanf(line, "%lx-%lx %7s %lx %*x:%*x %lu", &start, &end, perms, &offset, &inode) != 5)
		return false;
	*a = (struct area_spec){ .start = start, .end = end };
	/*
	 * [vvar], [vdso] and their like are special mappings: an area with operations of its own that no
	 * call may cut (no_split, as special_mapping_split()'s EINVAL). [vsyscall] is skipped by
	 * background_read().
	 */
	if (inode || strstr(line, "[v")) {
		some_file[index] = (struct vm_file){ .refs = 1,
			.kind = inode ? VM_FILE_REGULAR : VM_FILE_SPECIAL,
			.no_split = !inode,
			.readable = true,
			.writable = true,
			.size = inode ? 0 : end - start,
			.ino = inode };
		a->file = &some_file[index];
		a->pgoff = offset / PAGE;
		note_kernels(a);
	}
	return true;
}

/* As vm_stat_account() and is_data_mapping() count: written, not shared, and no stack. */
static void count_area(const struct area_spec *a)
{
	unsigned long pages = (a->end - a->start) / PAGE;

	background.total_vm += pages;
	if ((a->vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE)
		background.data_vm += pages;
}

bool background_read(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	struct area_spec *area = NULL;
	static char line[4600];
	unsigned long kb;

	background.nr = background.nr_kernels = 0;
	background.total_vm = 0;
	background.data_vm = 0;
	while (f && fgets(line, sizeof(line), f)) {
		struct area_spec a;

		if (area_of_line(line, &a, background.nr)) {
			area = NULL;
			if (strstr(line, "[vsyscall]"))
				continue;
			if (background.nr == 255)
				break;
			area = &background.area[background.nr++];
			*area = a;
		} else if (area && sscanf(line, "Anonymous: %lu", &kb) == 1) {
			area->touched = kb > 0;
		} else if (area && strncmp(line, "VmFlags:", 8) == 0) {
			area->vm_flags = vm_flags_parse(line + 8);
			/* VmFlags is the last line of an area: it is known now whether it is to be kept. */
			/* The engine's arena is not a child's. */
			if (area->vm_flags & VM_DONTCOPY)
				background.nr--;
			else
				count_area(area);
		}
	}
	if (!f || fclose(f)) {
		perror("kernel-oracle: /proc/self/smaps");
		return false;
	}
	return background.nr > 0;
}
