/* SPDX-License-Identifier: MIT */
/* For cases in which something else than a call of the map decides what its areas become. */
#ifndef TESTS_OUTSIDE_H
#define TESTS_OUTSIDE_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "cases.h"

/* Apart from all others, so that what merges is what the case is about. */
static inline char *area(unsigned long pages)
{
	char *at = place(pages);

	need(mmap(at, pages * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) == at, "mmap");
	return at;
}

static inline int userfault(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd");
	return fd;
}

static inline void serve(int fd, char *at, unsigned long pages, unsigned long mode)
{
	struct uffdio_register r = { .range = { (unsigned long)at, pages * PAGE }, .mode = mode };

	need(!ioctl(fd, UFFDIO_REGISTER, &r), "UFFDIO_REGISTER");
}

#endif /* TESTS_OUTSIDE_H */
