/* SPDX-License-Identifier: MIT */
/*
 * Random calls of the map, with userfaultfds, segments, and children that share descriptors of both: `PROGRAM SEED CALLS [KNOWN]`.  What it
 * does is its seed's; where it lies is the kernel's.  With a third argument it copies only where it has just registered: a copy that
 * is refused prepares its area and leaves no page, which ptrace cannot see.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif
#define PAGE   4096UL
#define ROOM   64UL /* pages that all is about */
#define OTHERS 4    /* userfaultfds at once */

static uint64_t state;
static char *room;
static int served[OTHERS];
static int file, depth, known;

static unsigned int next(unsigned int below)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(state >> 33) % below;
}

static char *some(unsigned long *len)
{
	unsigned long at = next(ROOM), n = 1 + next(8);

	*len = (n < ROOM - at ? n : ROOM - at) * PAGE;
	return room + at * PAGE;
}

static void write_some(void)
{
	unsigned long len;
	char *at = some(&len);

	/* By the kernel: a fault that a userfaultfd would have to serve is an error of it. */
	(void)!pread(file, at, 1, 0);
}

static int protection(void)
{
	static const int all[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC };

	return all[next(sizeof(all) / sizeof(all[0]))];
}

static void map_some(void)
{
	unsigned long len;
	char *at = some(&len);
	int flags = MAP_FIXED | (next(4) ? MAP_PRIVATE : MAP_SHARED), fd = -1;

	if (next(3))
		flags |= MAP_ANONYMOUS;
	else
		fd = file;
	if (!next(6))
		flags |= MAP_POPULATE;
	if (!next(8))
		flags |= MAP_NORESERVE;
	mmap(at, len, protection(), flags, fd, fd < 0 ? 0 : (off_t)(next(8) * PAGE));
}

static void move_some(void)
{
	unsigned long len, to_len;
	char *at = some(&len), *to = some(&to_len);
	int flags = next(2) ? MREMAP_MAYMOVE | MREMAP_FIXED : MREMAP_MAYMOVE;

	if (flags & MREMAP_FIXED && !next(4))
		flags |= MREMAP_DONTUNMAP;
	if (flags & MREMAP_FIXED)
		mremap(at, len, flags & MREMAP_DONTUNMAP ? len : to_len, flags, to);
	else
		mremap(at, len, len, 0);
}

static int serves(void)
{
	for (int i = 0; i < OTHERS; i++)
		if (served[i] >= 0)
			return 1;
	return 0;
}

static void advise_some(void)
{
	static const int all[] = { MADV_DONTNEED, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP,
		MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_SEQUENTIAL, MADV_NORMAL, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE };
	unsigned long len;
	char *at = some(&len);
	int advice;

	advice = all[next(sizeof(all) / sizeof(all[0]))];
	/* Linux 6.18 tries for ever where pages that were never there are protected from writing. */
	if (advice == MADV_GUARD_INSTALL && serves())
		return;
	madvise(at, len, advice);
}

static void open_served(int *fd)
{
	struct uffdio_api api = { .api = UFFD_API };

	*fd = (int)syscall(SYS_userfaultfd,
		O_CLOEXEC | O_NONBLOCK | 1 /* only in user mode: pread fails instead of waiting */);
	if (*fd >= 0 && ioctl(*fd, UFFDIO_API, &api)) {
		close(*fd);
		*fd = -1;
	}
}

static void serve_some(void)
{
	static char page[PAGE] __attribute__((aligned(4096)));
	int *fd = &served[next(OTHERS)];
	unsigned long len, from_len;
	char *at = some(&len), *from = some(&from_len);
	struct uffdio_register r = { .range = { (unsigned long)at, len }, .mode = 1 + next(3) };
	struct uffdio_copy c = { .dst = (unsigned long)at, .src = (unsigned long)page, .len = PAGE };
	struct uffdio_zeropage z = { .range = { (unsigned long)at, PAGE } };
	struct uffdio_writeprotect w = { .range = { (unsigned long)at, len }, .mode = next(2) };
	unsigned long m[5] = { (unsigned long)at, (unsigned long)from, PAGE, 0, 0 };

	if (*fd < 0) {
		open_served(fd);
		return;
	}
	switch (next(10)) {
	case 0:
	case 1:
		close(*fd);
		*fd = -1;
		break;
	case 2:
		ioctl(*fd, UFFDIO_UNREGISTER, &r.range);
		break;
	case 3:
		if (!known || (!ioctl(*fd, UFFDIO_REGISTER, &r) && (r.mode & 1)))
			ioctl(*fd, UFFDIO_COPY, &c);
		break;
	case 4:
		ioctl(*fd, UFFDIO_ZEROPAGE, &z);
		break;
	case 5:
		ioctl(*fd, UFFDIO_WRITEPROTECT, &w);
		break;
	case 6:
		ioctl(*fd, _IOC(_IOC_READ | _IOC_WRITE, UFFDIO, 0x05, 40), m);
		break;
	default:
		ioctl(*fd, UFFDIO_REGISTER, &r);
	}
}

static void attach_segment(void)
{
	static int id = -1;
	unsigned long len;
	char *at = some(&len);

	if (id < 0) {
		id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
		shmctl(id, IPC_RMID, NULL);
	}
	if (next(2))
		shmat(id, at, SHM_REMAP | (next(3) ? 0 : SHM_RDONLY));
	else
		shmdt(at);
	id = next(3) ? id : -1;
}

static void limit_some(void)
{
	struct rlimit rl = { next(3) ? (64UL + next(64)) * PAGE : RLIM_INFINITY, RLIM_INFINITY };

	prlimit(depth && next(2) ? getppid() : 0, RLIMIT_MEMLOCK, &rl, NULL);
}

static void lock_some(void)
{
	unsigned long len;
	char *at = some(&len);

	if (next(2))
		mlock(at, len);
	else
		munlock(at, len);
}

static void act(unsigned int calls);

static void have_child(void)
{
	pid_t pid;

	if (depth >= 2)
		return;
	pid = fork();
	if (pid == 0) {
		depth++;
		state += 77;
		act(30);
		_exit(0);
	}
	if (next(2))
		act(10);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void act_once(void)
{
	unsigned long len;
	char *at;

	switch (next(20)) {
	case 0:
	case 1:
	case 2:
		map_some();
		break;
	case 3:
		at = some(&len);
		munmap(at, len);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		at = some(&len);
		mprotect(at, len, protection());
		break;
	case 8:
		move_some();
		break;
	case 9:
		advise_some();
		break;
	case 10:
	case 11:
	case 12:
	case 13:
	case 14:
		serve_some();
		break;
	case 15:
		if (!next(3))
			attach_segment();
		break;
	case 16:
		if (!next(6))
			have_child();
		break;
	case 17:
		next(3) ? lock_some() : limit_some();
		break;
	default:
		write_some();
	}
}

static void act(unsigned int calls)
{
	for (unsigned int i = 0; i < calls; i++)
		act_once();
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4)
		return 2;
	known = argc == 4;
	state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull;
	file = memfd_create("file", MFD_CLOEXEC);
	for (int i = 0; i < OTHERS; i++)
		served[i] = -1;
	if (file < 0 || ftruncate(file, 64 * PAGE))
		return 1;
	room = mmap(NULL, (ROOM + 16) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return 1;
	room += PAGE;
	act((unsigned int)strtoul(argv[2], NULL, 10));
	return 0;
}
