/* SPDX-License-Identifier: MIT */
/* Mappings of files of drivers: what they refuse is foreign, and what comes after does not suffer from it. */
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cases.h"

#define ASIDE ((char *)0x6f0000000000UL)

/* Ten mappings that would lie elsewhere if the one before were there. */
static void go_on(void)
{
	for (unsigned long i = 0; i < 10; i++)
		mmap(NULL, (3 + i) * PAGE, i & 1 ? RW : PROT_READ, PRIVATE, -1, 0);
}

/* 0: mapped. */
static int try(int fd, char *at, unsigned long len, int prot, int flags, off_t offset)
{
	char *p = mmap(at, len, prot, flags, fd, offset);

	go_on();
	return p == MAP_FAILED ? errno : 0;
}

static int ring(void)
{
	struct io_uring_params p = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 8, &p);

	need(fd >= 0, "io_uring_setup");
	return fd;
}

static void io_uring_refuses(void)
{
	int fd = ring();

	/* 4: an address, a fixed one, access to execute, an offset that is none. */
	try(fd, ASIDE, PAGE, RW, MAP_SHARED, IORING_OFF_SQES);
	mmap(ASIDE, 4 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	try(fd, ASIDE, PAGE, RW, MAP_SHARED | MAP_FIXED, IORING_OFF_SQES);
	try(fd, NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	try(fd, NULL, PAGE, RW, MAP_SHARED, 0x30000000);
}

static void io_uring_is_used(void)
{
	int fd = ring();
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);

	need(p != MAP_FAILED, "mmap");
	go_on();
	mprotect(p, PAGE, PROT_READ);
	mprotect(p, PAGE, RW);
	munmap(p, PAGE);
	go_on();
}

static int perf_event(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.exclude_kernel = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);

	need(fd >= 0, "perf_event_open");
	return fd;
}

static void perf(void)
{
	int fd = perf_event();
	char *p;

	/* 2: not 2^n + 1 pages, and private. */
	try(fd, NULL, 4 * PAGE, RW, MAP_SHARED, 0);
	try(fd, NULL, 3 * PAGE, RW, MAP_PRIVATE, 0);
	p = mmap(ASIDE, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED, "mmap");
	go_on();
	/* Newer kernels do not cut it, and 5 more are foreign there. */
	munmap(p, PAGE);
	munmap(p + 2 * PAGE, PAGE);
	mmap(p + PAGE, PAGE, PROT_READ, PRIVATE | MAP_FIXED, -1, 0);
	mremap(p + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 8 * PAGE);
	mmap(p + 16 * PAGE, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	mremap(p + 16 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE);
	go_on();
	munmap(p, 3 * PAGE);
	go_on();
}

/* A child does not have it: the place is free there. */
static void perf_and_fork(void)
{
	char *p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, perf_event(), 0);
	int status = 0;
	pid_t pid;

	need(p != MAP_FAILED, "mmap");
	pid = fork();
	if (pid == 0)
		_exit(mmap(p, PAGE, PROT_READ, PRIVATE, -1, 0) != p);
	if (waitpid(pid, &status, 0) != pid || status)
		exit(1);
}

static void packet(void)
{
	struct tpacket_req req = { 4096, 4, 2048, 8 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	char *p;

	need(fd >= 0, "AF_PACKET");
	need(!setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)), "PACKET_RX_RING");
	/* 2: not the whole ring, and not from its beginning. */
	try(fd, NULL, PAGE, RW, MAP_SHARED, 0);
	try(fd, NULL, 4 * PAGE, RW, MAP_SHARED, PAGE);
	p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED, "mmap");
	go_on();
	mprotect(p, PAGE, PROT_READ);
	go_on();
}

static void bpf_map(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 100,
		.map_flags = BPF_F_MMAPABLE };
	int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
	char *p;

	need(fd >= 0, "bpf");
	/* 2: larger than it is, and private. */
	try(fd, NULL, 64 * PAGE, RW, MAP_SHARED, 0);
	try(fd, NULL, PAGE, RW, MAP_PRIVATE, 0);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED, "mmap");
	/* What the driver took away is known: no difference. */
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	mprotect(p, PAGE, RW);
	go_on();
}

static void aio(void)
{
	aio_context_t ctx = 0;

	need(!syscall(SYS_io_setup, 8, &ctx), "io_setup");
	go_on();
	mprotect((void *)ctx, PAGE, PROT_READ);
	mprotect((void *)ctx, PAGE, RW);
	madvise((void *)ctx, PAGE, MADV_DONTFORK);
	/* It never grows: no map says so. */
	if (mremap((void *)ctx, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED || errno != EFAULT)
		exit(1);
	/* No guard can be put there, nor taken away. */
	if (!madvise((void *)ctx, PAGE, 103 /* MADV_GUARD_REMOVE */) || errno != EINVAL)
		exit(1);
	syscall(SYS_io_destroy, ctx);
	go_on();
}

static void kernel_files(void)
{
	int fd = open("/proc/self/status", O_RDONLY);

	need(fd >= 0, "open");
	try(fd, NULL, PAGE, PROT_READ, MAP_PRIVATE, 0);
	close(fd);
	fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
	need(fd >= 0, "open");
	try(fd, NULL, PAGE, PROT_READ, MAP_PRIVATE, 0);
}

static void zero(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);

	need(p != MAP_FAILED, "mmap");
	go_on();
	p[0] = 1;
	mprotect(p + PAGE, PAGE, PROT_READ);
	p = mmap(ASIDE, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
	mprotect(p + PAGE, PAGE, RW);
	go_on();
}

/* More huge pages than any pool has: the recorder cannot know what is left in it. */
static void huge_pages_refused(void)
{
	const unsigned long len = 1UL << 42;
	int fd = memfd_create("huge", MFD_HUGETLB);

	need(fd >= 0, "memfd_create");
	need(ftruncate(fd, (off_t)len) == 0, "ftruncate");
	if (try(fd, NULL, len, RW, MAP_SHARED, 0) != ENOMEM)
		exit(1);
	if (try(fd, NULL, len, RW, MAP_PRIVATE, 0) != ENOMEM)
		exit(1);
	mmap(ASIDE, 4 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	if (try(fd, ASIDE, len, RW, MAP_SHARED | MAP_FIXED, 0) != ENOMEM)
		exit(1);
	/* The file of these is not known before one is mapped. */
	mmap(ASIDE, 4 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	need(mmap(ASIDE, len, RW, PRIVATE | MAP_FIXED | MAP_HUGETLB, -1, 0) == MAP_FAILED && errno == ENOMEM,
		"mmap");
	/* That is the map's: an offset within a huge page. */
	if (try(fd, NULL, len, RW, MAP_SHARED, PAGE) != EINVAL)
		exit(1);
}

/* Beyond what a file system can hold. */
static void far_offset(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	try(fd, NULL, PAGE, PROT_READ, MAP_PRIVATE, (off_t)(1UL << 63));
	try(fd, NULL, PAGE, PROT_READ, MAP_PRIVATE, (off_t)(1UL << 62));
	try(fd, ASIDE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, (off_t)(~0UL - PAGE + 1));
}

static const struct test_case cases[] = {
	{ "io_uring-refuses", io_uring_refuses, "foreign=4" },
	{ "io_uring-is-used", io_uring_is_used, "" },
	{ "perf", perf, "foreign=2-7" },
	{ "perf-and-fork", perf_and_fork, "" },
	{ "packet", packet, "foreign=2" },
	{ "bpf", bpf_map, "foreign=2" },
	{ "aio", aio, "" },
	{ "files-of-the-kernel", kernel_files, "" },
	{ "zero", zero, "" },
	{ "huge-pages-refused", huge_pages_refused, "foreign=4" },
	{ "far-offset", far_offset, "" },
};

CASES_MAIN(cases)
