/* SPDX-License-Identifier: MIT */
/*
 * Lookups beside a writer in a process that may not call membarrier(2): it is answered ENOSYS or EPERM, or whoever calls
 * it is killed; from before anything is loaded, or once readers and writer are at work.
 *
 * usage: filtered_readers before|after enosys|eperm|killed [liburcu]
 *
 * liburcu: a program that wants that flavour. With the filter there it must be refused (-EPERM), and works all the same.
 * With a filter that comes later and kills it is killed, which a test asks for, to see that filters work (must-die).
 * Ends with 0 when every answer was right.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef AMALGAMATED
#include "vmaple.h"
#else
#include <vmaple/cache.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>
#endif

#define PAGE    4096UL
#define AT      (1UL << 32)
#define PAGES   64UL
#define CHANGES 20000

static struct mm_system sys;
static struct mm_struct mm;
static bool stop;
static unsigned long wrong, seen;

static void filter(unsigned int answer)
{
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the call's number */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(lines) / sizeof(lines[0]), lines };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program)) {
		printf("skipped: this system takes no seccomp filter: %s\n", strerror(errno));
		exit(77);
	}
}

/* Every page of the range is mapped at every moment, with one of two protections. */
static void look(unsigned long addr)
{
	struct vma_view view;
	int found;

	vmaple_rcu_read_lock();
	do
		found = vma_view(&mm, addr, &view);
	while (found == -EAGAIN);
	if (found != 1 || view.vm_start > addr || view.vm_end <= addr || view.vm_start < AT ||
		view.vm_end > AT + PAGES * PAGE || !(view.vm_flags & VM_READ))
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	vmaple_rcu_read_unlock();
	__atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
}

static void *reader(void *registers)
{
	if (registers)
		vmaple_rcu_register_thread();
	for (unsigned long i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		look(AT + i * 7 % PAGES * PAGE);
	return NULL;
}

/* Cut and join again: nodes and areas come and go, and are used again when their grace period has passed. */
static void change(unsigned int changes)
{
	for (unsigned int i = 0; i < changes; i++) {
		unsigned long at = AT + i * 11 % (PAGES - 2) * PAGE;

		if (mm_mprotect(&mm, at, 2 * PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, -1))
			wrong++;
		if (i % 1000 == 0)
			vmaple_rcu_barrier();
	}
}

static int begin(void)
{
	struct mmap_request req = { .addr = AT,
		.len = PAGES * PAGE,
		.prot = PROT_READ,
		.flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS };

	vmaple_rcu_register_thread();
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	mm_set_rcu(&mm);
	return mm_mmap(&mm, &req) == AT ? 0 : -1;
}

/* @answer: of the filter that is set meanwhile; 0: none is. */
static int work(unsigned int answer)
{
	pthread_t thread[3];

	if (begin())
		return 1;
	for (unsigned long i = 0; i < 3; i++)
		if (pthread_create(&thread[i], NULL, reader, i ? &mm : NULL))
			return 1;
	change(2000);
	if (answer)
		filter(answer);
	change(CHANGES);
	while (__atomic_load_n(&seen, __ATOMIC_RELAXED) < 10000)
		usleep(100);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	mm_exit(&mm);
	printf("%lu lookups beside %u changes, %lu wrong\n", seen, CHANGES, wrong);
	return wrong ? 1 : 0;
}

/* Again, with the filter there before anything is loaded. */
static int under(unsigned int answer, char **argv)
{
	filter(answer);
	setenv("FILTERED", "1", 1);
	execv("/proc/self/exe", argv);
	return 1;
}

/* 0: as it has to be. */
static int choose_liburcu(bool filtered)
{
	int err = vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU);

	if (filtered && err == -EPERM)
		return 0;
	if (filtered) {
		printf("FAILED: with a filter in place choosing liburcu's flavour is %d\n", err);
		return 1;
	}
	if (err)
		printf("skipped: liburcu's flavour cannot be chosen: %s\n", strerror(-err));
	return err ? 77 : 0;
}

static unsigned int answer_named(const char *name)
{
	if (!strcmp(name, "enosys"))
		return SECCOMP_RET_ERRNO | ENOSYS;
	return !strcmp(name, "eperm") ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS;
}

int main(int argc, char **argv)
{
	bool filtered = getenv("FILTERED"), before;
	unsigned int answer;
	int err;

	if (argc < 3)
		return 2;
	before = !strcmp(argv[1], "before");
	answer = answer_named(argv[2]);
	if (before && !filtered)
		return under(answer, argv);
	err = argc > 3 ? choose_liburcu(filtered) : 0;
	if (!err)
		err = work(before ? 0 : answer);
	return err;
}
