/* SPDX-License-Identifier: MIT */
/*
 * A call that blocks until another thread has made one: a program that must not hang because it is recorded.
 *
 * One thread locks a page that userfaultfd has to bring; the other maps the page's contents first, then brings it.
 * Exit status 77 where userfaultfd is not permitted.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *region;

static void *lock_it(void *arg)
{
	*(int *)arg = mlock(region, 4096);
	return NULL;
}

static int bring(int uffd)
{
	struct pollfd fd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;
	struct uffdio_copy copy = { .dst = (unsigned long)region, .len = 4096 };
	char *page;

	if (poll(&fd, 1, 20000) != 1 || read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return 1;
	/* The other thread is in the kernel now, and stays there until this mapping is made and filled. */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(page, 'x', 4096);
	copy.src = (unsigned long)page;
	return ioctl(uffd, UFFDIO_COPY, &copy) ? 1 : 0;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg;
	pthread_t thread;
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), locked = -1;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 77;
	region = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg = (struct uffdio_register){ .range = { (unsigned long)region, 4096 },
		.mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		return 77;
	pthread_create(&thread, NULL, lock_it, &locked);
	if (bring(uffd))
		return 1;
	pthread_join(thread, NULL);
	puts(region[5] == 'x' && locked == 0 ? "brought and locked" : "?");
	return 0;
}
