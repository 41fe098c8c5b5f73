/* SPDX-License-Identifier: MIT */
/* What a sequence begins with, made once: the window, the heap, the limit of locks; and what the system has. */
#include "kit.h"

long fork_here(void)
{
	return CALL1(NR_clone, SIGCHLD);
}

int wait_for(long child)
{
	int status = 0;

	return CALL4(NR_wait4, child, &status, 0, 0) == child && status == 0 ? 0 : -1;
}

static int can_fork(void)
{
	long child = fork_here();

	if (child == 0)
		CALL1(NR_exit_group, 0);
	return child > 0 && wait_for(child) == 0;
}

static void drop_capability(void)
{
	unsigned int header[2] = { 0x20080522, 0 }, data[6] = { 0 };

	if (CALL2(NR_capget, header, data) == 0) {
		data[0] &= ~(1U << CAP_IPC_LOCK);
		CALL2(NR_capset, header, data);
	}
}

static int limit_locks(void)
{
	unsigned long limit[2];

	drop_capability();
	if (CALL4(NR_prlimit64, 0, RLIMIT_MEMLOCK, 0, limit) < 0)
		return 0;
	limit[0] = CONFORM_LOCKABLE * kit.page;
	return limit[0] <= limit[1] && CALL4(NR_prlimit64, 0, RLIMIT_MEMLOCK, limit, 0) == 0;
}

static unsigned long map_nothing(unsigned long pages, unsigned long flags)
{
	return (unsigned long)call6(NR_mmap, 0, pages * kit.page, PROT_NONE,
		flags | MAP_ANONYMOUS | MAP_NORESERVE, (unsigned long)-1, 0);
}

/* Fill the holes above the window, so that searches begin there. True: they do. */
static int fill_holes(void)
{
	for (int i = 0; i < 4096; i++) {
		unsigned long addr = map_nothing(1, MAP_PRIVATE);

		if (addr - kit.window < CONFORM_PAGES * kit.page) {
			CALL2(NR_munmap, addr, kit.page);
			return addr == kit.window + (CONFORM_PAGES - 1) * kit.page;
		}
	}
	return 0;
}

static int make_window(void)
{
	unsigned long fence = map_nothing(CONFORM_PAGES + 2 * CONFORM_FENCE, MAP_SHARED);

	if (fence > -4096UL)
		return 0;
	kit.window = fence + CONFORM_FENCE * kit.page;
	return CALL2(NR_munmap, kit.window, CONFORM_PAGES * kit.page) == 0;
}

static void find_heap(void)
{
	kit.heap = ((unsigned long)CALL1(NR_brk, 0) + kit.page - 1) & -kit.page;
	CALL1(NR_brk, kit.heap);
}

static void find_page_size(unsigned long *stack)
{
	unsigned long *at = stack + 1 + stack[0] + 1; /* argc, argv and its NULL */

	while (*at)
		at++;
	kit.page = 4096;
	for (at++; *at; at += 2)
		if (*at == AT_PAGESZ)
			kit.page = at[1];
}

static void say_answer(const char *question, const char *answer)
{
	say(question);
	say_letter(' ');
	say(answer);
	say_letter('\n');
}

void say_machine(void)
{
	static const char *const ways[] = { "nothing", "mincore", "msync" };
	static char names[6][65];

	say("vmaple-conform ");
	say_number(CONFORM_VERSION);
	say_letter(' ');
	say(conform_mark);
	say_letter('\n');
	if (CALL1(NR_uname, names) == 0) {
		say_answer("system", names[0]);
		say_answer("release", names[2]);
	}
	say_answer("machine", MACHINE);
	say("page ");
	say_number((long)kit.page);
	say_letter('\n');
	say_answer("searches", kit.searches ? "window" : "elsewhere");
	say_answer("memlock", kit.limits ? "limited" : "unlimited");
	say_answer("pages", ways[kit.presence]);
	say_answer("maps", kit.maps ? "yes" : "no");
	say_answer("fork", kit.fork ? "yes" : "no");
	say_answer("zero", kit.zero_page ? "shared" : "copied");
}

static int has_maps(void)
{
	int fd = (int)CALL4(NR_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY, 0);

	if (fd >= 0)
		CALL1(NR_close, fd);
	return fd >= 0;
}

const char *prepare(unsigned long *stack)
{
	find_page_size(stack);
	if (CALL2(NR_pipe2, kit.pipe, O_NONBLOCK) < 0)
		return "there is no pipe2";
	if (!make_window())
		return "no room can be reserved and given back";
	kit.searches = fill_holes();
	kit.limits = limit_locks();
	find_heap();
	look_around();
	kit.fork = can_fork();
	kit.maps = has_maps();
	return 0;
}
