/* SPDX-License-Identifier: MIT */
/* Two mappings of one inode become one area only if they are of one open file: which of several is it? */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cases.h"

#define FILES 300

static int self(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	need(fd >= 0, "open");
	return fd;
}

static void put(char *at, int fd, unsigned long page, int prot)
{
	need(mmap(at + page * PAGE, PAGE, prot, MAP_PRIVATE | MAP_FIXED, fd, (off_t)(page * PAGE)) !=
			MAP_FAILED,
		"mmap");
}

/* Page 1 behind page 0, which nothing but its file may keep apart from it; that shows later only. */
static void put_apart_then_alike(char *at, int fd, unsigned long page)
{
	put(at, fd, page, PROT_NONE);
	mprotect(at + page * PAGE, PAGE, PROT_READ);
}

static void in_child(void (*what)(char *, int), char *at, int fd)
{
	int status;
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		what(at, fd);
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

static void duplicate(void)
{
	char *at = place(4);
	int fd = self();

	put(at, fd, 0, PROT_READ);
	put_apart_then_alike(at, dup(fd), 1);
}

static void duplicate_of_a_closed_one(void)
{
	char *at = place(4);
	int fd = self(), other;

	put(at, fd, 0, PROT_READ);
	other = dup(fd);
	close(fd);
	put_apart_then_alike(at, other, 1);
	close(other);
}

static void another_of_the_same_number(void)
{
	char *at = place(4);
	int fd = self();

	put(at, fd, 0, PROT_READ);
	close(fd);
	need(self() == fd, "the same number");
	put_apart_then_alike(at, fd, 1);
}

static void opened_again_through_proc(void)
{
	char *at = place(4), path[40];
	int fd = self();

	put(at, fd, 0, PROT_READ);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	put_apart_then_alike(at, open(path, O_RDONLY), 1);
}

static void map_next(char *at, int fd)
{
	put_apart_then_alike(at, fd, 1);
	put(at, dup(fd), 2, PROT_READ);
}

static void inherited(void)
{
	char *at = place(4);
	int fd = self();

	put(at, fd, 0, PROT_READ);
	in_child(map_next, at, fd);
	close(fd);
	in_child(map_next, at, self());
}

/* The newest open file of the inode is not that of the neighbour. */
static void between_two_others(void)
{
	char *at = place(8);
	int one = self(), two = self();

	put(at, one, 0, PROT_READ);
	put(at, two, 2, PROT_READ);
	put(at, dup(one), 1, PROT_READ);
	put_apart_then_alike(at, one, 3);
	mprotect(at, PAGE, PROT_NONE);
	mprotect(at, PAGE, PROT_READ);
}

static void moved_beside(void)
{
	char *at = place(8), *far = place(8);
	int fd = self(), other = self();

	put(far, fd, 0, PROT_READ);
	put(at, fd, 1, PROT_READ);
	put(at, other, 2, PROT_READ);
	mremap(far, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
}

static void by_message(void)
{
	char *at = place(4), control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec io = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = self(), pair[2], got;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	put(at, fd, 0, PROT_READ);
	need(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) && sendmsg(pair[0], &m, 0) == 1 &&
			recvmsg(pair[1], &m, 0) == 1,
		"sendmsg");
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(got));
	close(fd);
	put_apart_then_alike(at, got, 1);
}

/* The halves of many files in turn. */
static void many_files(void)
{
	char *at = place(2 * FILES);
	int fds[FILES];

	for (int i = 0; i < FILES; i++) {
		char name[] = "/tmp/vmaple-XXXXXX";

		fds[i] = mkstemp(name);
		need(fds[i] >= 0 && !ftruncate(fds[i], 2 * PAGE), "mkstemp");
		unlink(name);
		mmap(at + 2 * (unsigned long)i * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fds[i], 0);
	}
	for (int i = 0; i < FILES; i++)
		mmap(at + (2 * (unsigned long)i + 1) * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fds[i],
			PAGE);
}

static const struct test_case cases[] = {
	{ "duplicate", duplicate, "" },
	{ "duplicate-of-a-closed-one", duplicate_of_a_closed_one, "" },
	{ "another-of-the-same-number", another_of_the_same_number, "chance=60" },
	{ "opened-again-through-proc", opened_again_through_proc, "chance=60" },
	{ "inherited", inherited, "chance=60" },
	{ "between-two-others", between_two_others, "chance=60" },
	{ "moved-beside", moved_beside, "chance=60" },
	{ "by-message", by_message, "" },
	{ "many-files", many_files, "" },
};

CASES_MAIN(cases)
