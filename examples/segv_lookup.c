/* SPDX-License-Identifier: MIT */
/*
 * Looking up an area in a SIGSEGV handler, while another thread changes the address space.
 *
 * An emulator reserves host memory and gives pages access only when they are touched. The handler asks the address
 * space what the guest may do there: vma_view() takes no lock and allocates nothing, and the thread that faults has
 * never heard of RCU.  Two guest areas exist all the time; a second thread maps, protects and unmaps around them.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/mm.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#define PAGES  4096UL
#define PAGE   4096UL
#define FAULTS 20000

static struct mm_system sys;
static struct mm_struct mm;
static char *host;
static bool stop;
static sigjmp_buf refused;

static unsigned long address(unsigned long page)
{
	return (unsigned long)host + page * PAGE;
}

static void guest_map(unsigned long page, unsigned long pages, unsigned long prot)
{
	struct mmap_request req = { .addr = address(page),
		.len = pages * PAGE,
		.prot = prot,
		.flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS };

	if (IS_ERR_VALUE(mm_mmap(&mm, &req)))
		abort();
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
	unsigned long addr = (unsigned long)info->si_addr;
	struct vma_view view;
	int found;

	(void)sig;
	(void)context;
	vmaple_rcu_read_lock();
	do
		found = vma_view(&mm, addr, &view);
	while (found == -EAGAIN); /* another thread is changing this area: it will be done soon */
	vmaple_rcu_read_unlock();
	if (!found || !(view.vm_flags & VM_ACCESS_FLAGS))
		siglongjmp(refused, 1);
	/* The flags of a VMA begin with those of mprotect. */
	if (mprotect((void *)(addr & ~(PAGE - 1)), PAGE, (int)(view.vm_flags & VM_ACCESS_FLAGS)))
		_exit(1);
}

/* The second thread: everything from page 16 on comes and goes, always in front of and behind the two areas. */
static void *change_the_map(void *arg)
{
	(void)arg;
	vmaple_rcu_register_thread();
	for (unsigned long i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		guest_map(16 + i * 7 % 2000, 1 + i % 9, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
		if (mm_munmap(&mm, address(16 + i * 13 % 2000), PAGE))
			abort();
		/* The area at page 8 is cut in three and joined again. */
		if (mm_mprotect(&mm, address(10), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, -1) ||
			mm_mprotect(&mm, address(10), PAGE, PROT_READ | PROT_WRITE, -1))
			abort();
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

/* Touch a page that the host does not give access to: the handler decides. @return whether it was allowed. */
static bool touch(unsigned long page)
{
	if (mprotect((void *)address(page), PAGE, PROT_NONE))
		abort();
	if (sigsetjmp(refused, 1))
		return false;
	*(volatile char *)address(page) = 1;
	return true;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	unsigned long served = 0, turned_down = 0;
	pthread_t thread;

	host = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (host == MAP_FAILED || sigaction(SIGSEGV, &action, NULL))
		return 1;
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	mm_set_rcu(&mm);
	guest_map(8, 4, PROT_READ | PROT_WRITE);
	guest_map(PAGES - 8, 4, PROT_READ | PROT_WRITE);
	if (pthread_create(&thread, NULL, change_the_map, NULL))
		return 1;
	for (unsigned long i = 0; i < FAULTS; i++) {
		served += touch(i % 2 ? 8 + i % 4 : PAGES - 8 + i % 4);
		if (i % 100 == 0)
			turned_down += !touch(4); /* nothing is there */
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("%lu of %u faults served, %lu of %u turned down\n", served, FAULTS, turned_down, FAULTS / 100);
	mm_exit(&mm);
	return served == FAULTS && turned_down == FAULTS / 100 ? 0 : 1;
}
