/* SPDX-License-Identifier: MIT */
/* Maps that userfaultfd changes: when its descriptor is closed, and by pages that it fills, moves and protects. */
#include <sys/wait.h>

#include "outside.h"

#ifndef UFFDIO_MOVE
#define UFFDIO_MOVE _IOC(_IOC_READ | _IOC_WRITE, UFFDIO, 0x05, 40)
#endif
#ifndef USERFAULTFD_IOC_NEW /* Linux 6.1 */
#define USERFAULTFD_IOC_NEW _IO(0xaa, 0x00)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif

static void closed(void)
{
	char *p = area(8);
	int fd = userfault();

	serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
	close(fd);
	mprotect(p + PAGE, PAGE, PROT_READ);
	mprotect(p + PAGE, PAGE, RW);
}

/* The number of the descriptor is in use again before anybody looks. */
static void closed_and_another_opened(void)
{
	char *p = area(8);
	int fd = userfault();

	serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
	close(fd);
	need(userfault() == fd, "the same descriptor");
	mprotect(p + 6 * PAGE, PAGE, PROT_READ);
	mprotect(p + 6 * PAGE, PAGE, RW);
}

static void closed_but_for_a_duplicate(void)
{
	char *p = area(8);
	int fd = userfault(), other;

	serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
	other = dup(fd);
	close(fd);
	mprotect(p + 6 * PAGE, PAGE, PROT_READ);
	close(other);
	mprotect(p + 6 * PAGE, PAGE, RW);
}

static void closed_by_a_child_that_ends(void)
{
	char *p = area(8);
	int fd = userfault(), go[2];
	pid_t pid;

	need(!pipe(go), "pipe");
	serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
	pid = fork();
	if (pid == 0) {
		char byte;

		(void)!read(go[0], &byte, 1);
		_exit(0);
	}
	close(fd);
	mprotect(p + 6 * PAGE, PAGE, PROT_READ);
	(void)!write(go[1], "", 1);
	waitpid(pid, NULL, 0);
	mprotect(p + 6 * PAGE, PAGE, RW);
}

/* Until then the child has it alone, and the parent another one of the same number. */
static void closed_by_a_child_when_another_was_opened(void)
{
	char *p = area(8), byte;
	int fd = userfault(), go[2];
	pid_t pid;

	need(!pipe(go), "pipe");
	serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
	pid = fork();
	if (pid == 0) {
		(void)!read(go[0], &byte, 1);
		_exit(0);
	}
	close(fd);
	need(userfault() == fd, "the same descriptor");
	serve(fd, p + 6 * PAGE, 1, UFFDIO_REGISTER_MODE_MISSING);
	(void)!write(go[1], "", 1);
	waitpid(pid, NULL, 0);
	mprotect(p + 7 * PAGE, PAGE, PROT_READ);
}

/* It serves the map of who made it, not that of the child that asks. */
static void asked_by_a_child(void)
{
	char *p = area(8);
	int fd = userfault();
	pid_t pid = fork();

	if (pid == 0) {
		serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
		mprotect(p, PAGE, PROT_READ);
		mprotect(p, PAGE, RW);
		/* One of its own. */
		fd = userfault();
		serve(fd, p + 5 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
		close(fd);
		mprotect(p, PAGE, PROT_READ);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
}

/* What served there before was mapped over: it is the other that serves the new area. */
static void asked_by_a_child_where_another_had_served(void)
{
	char *p = area(8);
	int before = userfault(), fd = userfault();
	pid_t pid;

	serve(before, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
	need(mmap(p + 2 * PAGE, 2 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) == p + 2 * PAGE, "mmap");
	pid = fork();
	if (pid == 0) {
		serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
		mprotect(p, PAGE, PROT_READ);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
}

/* The child serves the same addresses of its own map. */
static void asked_by_a_child_that_serves(void)
{
	char *p = area(8);
	int fd = userfault();
	pid_t pid = fork();

	if (pid == 0) {
		serve(userfault(), p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
		serve(fd, p + 2 * PAGE, 4, UFFDIO_REGISTER_MODE_MISSING);
		mprotect(p, PAGE, PROT_READ);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
}

/* The range is of the map of who made it: the child has nothing there. */
static void given_back_by_a_child(void)
{
	char *p = area(8);
	int fd = userfault();
	pid_t pid = fork();

	if (pid == 0) {
		munmap(p, 8 * PAGE);
		need(!ioctl(fd, UFFDIO_UNREGISTER, &(struct uffdio_range){ (unsigned long)p, 8 * PAGE }),
			"UFFDIO_UNREGISTER");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
}

static void serve_by_a_child(int fd, char *at, unsigned long mode)
{
	pid_t pid = fork();

	if (pid == 0) {
		serve(fd, at, 2, mode);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* What the first one asked for stays, though that one is gone. */
static void asked_by_one_child_after_another(void)
{
	char *p = area(8);
	int fd = userfault();

	serve_by_a_child(fd, p + 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	mprotect(p, PAGE, PROT_READ);
	serve_by_a_child(fd, p + 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	serve(fd, p + 4 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	mprotect(p + PAGE, PAGE, PROT_READ);
}

/* All that the two ranges share is a hole: what another serves beside it stays served. */
static void asked_by_a_child_beside_a_hole(void)
{
	char *p = area(8);
	int fd = userfault(), other = userfault();

	munmap(p + 4 * PAGE, PAGE);
	serve(other, p + 4 * PAGE, 3, UFFDIO_REGISTER_MODE_MISSING);
	serve_by_a_child(fd, p + 3 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	serve(other, p + 6 * PAGE, 1, UFFDIO_REGISTER_MODE_MISSING);
	mprotect(p, PAGE, PROT_READ);
}

/* Which of the two calls came first decides where areas are cut and joined. */
static void asked_by_a_child_beside_calls(void)
{
	char *p = area(8);
	int fd = userfault();
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 40; i++) {
			serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
			need(!ioctl(fd, UFFDIO_UNREGISTER,
				     &(struct uffdio_range){ (unsigned long)p + 2 * PAGE, 2 * PAGE }),
				"UFFDIO_UNREGISTER");
		}
		_exit(0);
	}
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		mprotect(p + 3 * PAGE, 2 * PAGE, PROT_READ);
		mprotect(p + 3 * PAGE, 2 * PAGE, RW);
	}
}

/* By the device: in the child it is one of two with this number. */
static void made_by_the_device(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	char *p = area(8);
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC), fd;
	pid_t pid;

	need(device >= 0, "/dev/userfaultfd");
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "USERFAULTFD_IOC_NEW");
	pid = fork();
	if (pid == 0) {
		serve(fd, p + 2 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
		close(fd);
		need(ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK) == fd &&
				!ioctl(fd, UFFDIO_API, &api),
			"USERFAULTFD_IOC_NEW");
		serve(fd, p + 4 * PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
		mprotect(p, PAGE, PROT_READ);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
}

static void zeros(void)
{
	char *p = area(8), *q = p + 4 * PAGE;
	int fd = userfault();
	struct uffdio_zeropage z = { .range = { (unsigned long)q, PAGE } };

	mprotect(q, 4 * PAGE, PROT_READ);
	mprotect(q, 4 * PAGE, RW | PROT_EXEC);
	p[0] = 1;
	serve(fd, q, 4, UFFDIO_REGISTER_MODE_MISSING);
	need(!ioctl(fd, UFFDIO_ZEROPAGE, &z), "UFFDIO_ZEROPAGE");
	close(fd);
	/* Both have an anon_vma of their own now. */
	mprotect(q, 4 * PAGE, RW);
}

/* It fills and moves pages of the map of who made it; those of the child that asks are as they were. */
static void filled_by_a_child(void (*fill)(int fd, char *p, char *q))
{
	char *p = area(8), *q = p + 4 * PAGE;
	int fd = userfault();
	pid_t pid;

	mprotect(q, 4 * PAGE, RW | PROT_EXEC);
	p[0] = 1;
	serve(fd, q, 4, UFFDIO_REGISTER_MODE_MISSING);
	pid = fork();
	if (pid == 0) {
		fill(fd, p, q);
		mprotect(q, 4 * PAGE, RW);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(fd);
	mprotect(q, 4 * PAGE, RW);
}

static void zeros_from_outside(int fd, char *p, char *q)
{
	struct uffdio_zeropage z = { .range = { (unsigned long)q, PAGE } };

	(void)p;
	need(!ioctl(fd, UFFDIO_ZEROPAGE, &z), "UFFDIO_ZEROPAGE");
}

static void zeros_by_a_child(void)
{
	filled_by_a_child(zeros_from_outside);
}

static void copy_from_outside(int fd, char *p, char *q)
{
	struct uffdio_copy c = { .dst = (unsigned long)q, .src = (unsigned long)p, .len = PAGE };

	need(!ioctl(fd, UFFDIO_COPY, &c), "UFFDIO_COPY");
}

static void copy_by_a_child(void)
{
	filled_by_a_child(copy_from_outside);
}

/* Linux moves pages of the caller's own map only: nothing happens to either. */
static void move_from_outside(int fd, char *p, char *q)
{
	unsigned long m[5] = { (unsigned long)q, (unsigned long)p, PAGE, 0, 0 };

	need(ioctl(fd, UFFDIO_MOVE, m) && errno == EINVAL, "UFFDIO_MOVE is refused");
}

static void move_by_a_child(void)
{
	filled_by_a_child(move_from_outside);
}

/* In the child each part of what has an anon_vma has one of its own, and joins nothing. */
static void parts_in_a_child(char *p)
{
	pid_t pid;

	mprotect(p + PAGE, PAGE, PROT_NONE);
	pid = fork();
	if (pid == 0) {
		mprotect(p + PAGE, PAGE, PROT_READ);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
}

static void zeros_where_nothing_may_be_written(void)
{
	char *p = area(3);
	int fd = userfault();
	struct uffdio_zeropage z = { .range = { (unsigned long)p, PAGE } };

	mprotect(p, 3 * PAGE, PROT_READ);
	serve(fd, p, 3, UFFDIO_REGISTER_MODE_MISSING);
	need(!ioctl(fd, UFFDIO_ZEROPAGE, &z), "UFFDIO_ZEROPAGE");
	need(!ioctl(fd, UFFDIO_UNREGISTER, &(struct uffdio_range){ (unsigned long)p, 3 * PAGE }),
		"UFFDIO_UNREGISTER");
	parts_in_a_child(p);
}

static void copies_where_nothing_may_be_written(void)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	char *p = area(3);
	int fd = userfault();
	struct uffdio_copy c = { .dst = (unsigned long)p, .src = (unsigned long)page, .len = PAGE };

	mprotect(p, 3 * PAGE, PROT_READ);
	/* What is known of it by now is that it cannot be written. */
	mprotect(p + PAGE, PAGE, PROT_NONE);
	mprotect(p + PAGE, PAGE, PROT_READ);
	serve(fd, p, 3, UFFDIO_REGISTER_MODE_MISSING);
	need(!ioctl(fd, UFFDIO_COPY, &c), "UFFDIO_COPY");
	need(!ioctl(fd, UFFDIO_UNREGISTER, &(struct uffdio_range){ (unsigned long)p, 3 * PAGE }),
		"UFFDIO_UNREGISTER");
	parts_in_a_child(p);
}

/* That it was filled is seen when it is served no more. */
static void closed_after_a_copy_where_nothing_may_be_written(void)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	char *p = area(3);
	int fd = userfault();
	struct uffdio_copy c = { .dst = (unsigned long)p, .src = (unsigned long)page, .len = PAGE };

	mprotect(p, 3 * PAGE, PROT_READ);
	serve(fd, p, 3, UFFDIO_REGISTER_MODE_MISSING);
	need(!ioctl(fd, UFFDIO_COPY, &c), "UFFDIO_COPY");
	close(fd);
	parts_in_a_child(p);
}

/* The kernel's own write is not waited for.  It has prepared the area, and left no page: ptrace does not see it. */
static void refused_a_write_of_the_kernel(void)
{
	char *p = area(8), *q = p + 4 * PAGE;
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* UFFD_USER_MODE_ONLY */);
	struct uffdio_api api = { .api = UFFD_API };
	int file = memfd_create("byte", MFD_CLOEXEC);

	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ftruncate(file, 1), "userfaultfd, memfd_create");
	mprotect(q, 4 * PAGE, RW | PROT_EXEC);
	p[0] = 1;
	serve(fd, q, 4, UFFDIO_REGISTER_MODE_MISSING);
	need(pread(file, q, 1, 0) < 0 && errno == EFAULT, "the write is refused");
	need(!ioctl(fd, UFFDIO_UNREGISTER, &(struct uffdio_range){ (unsigned long)q, 4 * PAGE }),
		"UFFDIO_UNREGISTER");
	/* Both have an anon_vma of their own. */
	mprotect(q, 4 * PAGE, RW);
}

/* What has an anon_vma is not joined where it is put: neither where the page went nor where it came from. */
static void moved(void)
{
	char *at = place(4), *src = area(1), *dst = area(1);
	int fd = userfault();
	unsigned long m[5] = { (unsigned long)dst, (unsigned long)src, PAGE, 0, 0 };

	mmap(at, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	at[0] = src[0] = 1;
	serve(fd, dst, 1, UFFDIO_REGISTER_MODE_MISSING);
	if (ioctl(fd, UFFDIO_MOVE, m)) {
		fprintf(stderr, "UFFDIO_MOVE: %s\n", strerror(errno));
		exit(77);
	}
	close(fd);
	mremap(src, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE);
	mremap(dst, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 2 * PAGE);
}

/* Two areas are moved, and what lies where the hole between them comes is not replaced: it is served until it is closed. */
static void closed_between_what_was_moved(void)
{
	char *p = area(3), *to = area(4);
	int fd = userfault();

	serve(fd, to + PAGE, 1, UFFDIO_REGISTER_MODE_MISSING);
	munmap(p + PAGE, PAGE);
	if (mremap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to) {
		fprintf(stderr, "mremap of several areas: %s\n", strerror(errno));
		exit(77);
	}
	mprotect(to + 3 * PAGE, PAGE, PROT_READ);
	close(fd);
	mprotect(to + 3 * PAGE, PAGE, RW);
}

static void write_protected(void)
{
	char *p = area(8), *q = p + 4 * PAGE;
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_UNPOPULATED };
	struct uffdio_writeprotect w = { .range = { (unsigned long)q, 4 * PAGE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP };

	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd");
	p[0] = 1;
	mprotect(q, 4 * PAGE, RW | PROT_EXEC);
	serve(fd, q, 4, UFFDIO_REGISTER_MODE_WP);
	need(!ioctl(fd, UFFDIO_WRITEPROTECT, &w), "UFFDIO_WRITEPROTECT");
	madvise(q, PAGE, MADV_NORMAL);
	close(fd);
	mprotect(q, 4 * PAGE, RW);
}

/* It became longer since it was registered. */
static void closed_over_what_grew(void)
{
	char *p = area(8);
	int fd = userfault();

	munmap(p + 2 * PAGE, 6 * PAGE);
	serve(fd, p, 2, UFFDIO_REGISTER_MODE_MISSING);
	need(mremap(p, 2 * PAGE, 4 * PAGE, 0) == p, "mremap");
	close(fd);
	mprotect(p + 3 * PAGE, PAGE, PROT_READ);
}

/* Both were written before it was closed: they stay two. */
static void closed_after_writes_beside(void)
{
	char *p = area(8);
	int fd = userfault();

	serve(fd, p + 4 * PAGE, 4, UFFDIO_REGISTER_MODE_WP);
	p[0] = p[4 * PAGE] = 1;
	close(fd);
	mprotect(p + 7 * PAGE, PAGE, PROT_READ);
	mprotect(p + 7 * PAGE, PAGE, RW);
}

/* What is beside it is written when it has been closed, and they are one by then. */
static void closed_before_a_write_beside(void)
{
	char *p = area(8);
	int fd = userfault();

	serve(fd, p + 4 * PAGE, 4, UFFDIO_REGISTER_MODE_WP);
	p[4 * PAGE] = 1;
	close(fd);
	p[0] = 1;
	mprotect(p + 7 * PAGE, PAGE, PROT_READ);
	mprotect(p + 7 * PAGE, PAGE, RW);
}

/* Access keeps them apart: written before the closing it would have an anon_vma of its own. */
static void closed_before_a_write_to_what_stays_apart(void)
{
	char *p = area(8);
	int fd = userfault();

	mprotect(p, 4 * PAGE, RW | PROT_EXEC);
	serve(fd, p + 4 * PAGE, 4, UFFDIO_REGISTER_MODE_WP);
	p[4 * PAGE] = 1;
	close(fd);
	p[0] = 1;
	mprotect(p, 4 * PAGE, RW);
}

static const struct test_case cases[] = {
	{ "userfaultfd-closed-after-writes-beside", closed_after_writes_beside, "" },
	{ "userfaultfd-closed-before-a-write-beside", closed_before_a_write_beside, "" },
	{ "userfaultfd-closed-before-a-write-to-what-stays-apart", closed_before_a_write_to_what_stays_apart,
		"uncertain=1 bpf:uncertain=0" },
	{ "userfaultfd-closed", closed, "" },
	{ "userfaultfd-closed-and-another-opened", closed_and_another_opened, "" },
	{ "userfaultfd-closed-but-for-a-duplicate", closed_but_for_a_duplicate, "" },
	{ "userfaultfd-closed-by-a-child-that-ends", closed_by_a_child_that_ends, "" },
	{ "userfaultfd-closed-by-a-child-when-another-was-opened", closed_by_a_child_when_another_was_opened,
		"" },
	{ "userfaultfd-closed-between-what-was-moved", closed_between_what_was_moved, "" },
	{ "userfaultfd-closed-over-what-grew", closed_over_what_grew, "" },
	{ "userfaultfd-asked-by-a-child", asked_by_a_child, "" },
	{ "userfaultfd-asked-by-a-child-where-another-had-served", asked_by_a_child_where_another_had_served,
		"" },
	{ "userfaultfd-asked-by-a-child-that-serves", asked_by_a_child_that_serves, "" },
	{ "userfaultfd-asked-by-a-child-beside-calls", asked_by_a_child_beside_calls, "" },
	{ "userfaultfd-asked-by-one-child-after-another", asked_by_one_child_after_another, "" },
	{ "userfaultfd-asked-by-a-child-beside-a-hole", asked_by_a_child_beside_a_hole, "" },
	{ "userfaultfd-made-by-the-device", made_by_the_device, "" },
	{ "userfaultfd-move-by-a-child", move_by_a_child, "" },
	{ "userfaultfd-closed-after-a-copy-where-nothing-may-be-written",
		closed_after_a_copy_where_nothing_may_be_written, "" },
	{ "userfaultfd-refused-a-write-of-the-kernel", refused_a_write_of_the_kernel,
		"uncertain=1 bpf:uncertain=0" },
	{ "userfaultfd-given-back-by-a-child", given_back_by_a_child, "" },
	{ "userfaultfd-zeros", zeros, "" },
	{ "userfaultfd-zeros-by-a-child", zeros_by_a_child, "" },
	{ "userfaultfd-copy-by-a-child", copy_by_a_child, "" },
	{ "userfaultfd-zeros-where-nothing-may-be-written", zeros_where_nothing_may_be_written, "" },
	{ "userfaultfd-copies-where-nothing-may-be-written", copies_where_nothing_may_be_written, "" },
	{ "userfaultfd-moved", moved, "" },
	{ "userfaultfd-write-protected", write_protected, "" },
};

CASES_MAIN(cases)
