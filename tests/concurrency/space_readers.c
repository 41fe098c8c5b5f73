/* SPDX-License-Identifier: MIT */
/*
 * Lookups of areas in a SIGSEGV handler of four threads, beside threads that map, protect, move and unmap:
 * the promise that lookups never block.
 *
 * Stable areas are there all the time, and what lies between them changes: each lookup has to find its own, whole, by
 * find_vma() and, once the call that has it in hand is done, by vma_view().  Memory and mutexes asked for inside a handler
 * are counted, and there may be none.  Two of the threads have registered for RCU.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/mm.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "random.h"

#define PAGE    4096UL
#define BASE    (1UL << 32)
#define STABLE  1000UL /* number k is PAGES pages at STRIDE * k */
#define STRIDE  16UL
#define PAGES   4UL
#define READERS 4
#define WRITERS 2
#define AT_ONCE 500 /* lookups of a handler */

static struct mm_system sys;
static struct mm_struct mm;
static pthread_mutex_t map_lock = PTHREAD_MUTEX_INITIALIZER;
static bool stop;
static unsigned long viewed, wrong, asked_for, faults, changes;
static __thread bool in_handler __attribute__((tls_model("initial-exec")));
static __thread struct random mine __attribute__((tls_model("initial-exec")));
static __thread char *trap __attribute__((tls_model("initial-exec")));

void *__real_malloc(size_t size);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);
void *__wrap_malloc(size_t size);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);

static void count_if_inside(void)
{
	if (in_handler)
		__atomic_add_fetch(&asked_for, 1, __ATOMIC_RELAXED);
}

void *__wrap_malloc(size_t size)
{
	count_if_inside();
	return __real_malloc(size);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	count_if_inside();
	return __real_pthread_mutex_lock(lock);
}

static unsigned long address(unsigned long page)
{
	return BASE + page * PAGE;
}

/* In a section: an area that is always there is found, and says so. */
static bool stable_is_right(void)
{
	unsigned long k = random_below(&mine, STABLE);
	unsigned long start = address(STRIDE * k), addr = start + random_below(&mine, PAGES * PAGE);
	const struct vm_area_struct *vma = find_vma(&mm, addr);
	struct vma_view view;

	if (!vma)
		return false;
	if (vma_view(&mm, addr, &view) != 1)
		return view.vma == vma; /* it is being given other flags: there it is all the same */
	__atomic_add_fetch(&viewed, 1, __ATOMIC_RELAXED);
	return view.vma == vma && view.vm_start == start && view.vm_end == start + PAGES * PAGE &&
	       (view.vm_flags & VM_READ);
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	in_handler = true;
	for (unsigned int i = 0; i < AT_ONCE; i++) {
		vmaple_rcu_read_lock();
		if (!stable_is_right())
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		vmaple_rcu_read_unlock();
	}
	in_handler = false;
	if ((char *)info->si_addr != trap || mprotect(trap, 4096, PROT_READ | PROT_WRITE))
		_exit(3);
}

static void *reader(void *arg)
{
	unsigned long nr = (unsigned long)arg, all = test_operations(2000000) / READERS / AT_ONCE;

	mine.state = nr + 1;
	if (nr % 2)
		vmaple_rcu_register_thread();
	trap = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (trap == MAP_FAILED)
		exit(2);
	for (unsigned long i = 0; i < all; i++) {
		*(volatile char *)trap = 1;
		__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
		if (mprotect(trap, 4096, PROT_NONE))
			exit(2);
	}
	munmap(trap, 4096);
	if (nr % 2)
		vmaple_rcu_unregister_thread();
	return NULL;
}

static bool map_at(unsigned long page, unsigned long pages, unsigned long prot)
{
	struct mmap_request req = { .addr = address(page),
		.len = pages * PAGE,
		.prot = prot,
		.flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS };

	return !IS_ERR_VALUE(mm_mmap(&mm, &req));
}

/* Of the pages between two stable areas, at most all but the two that touch them. */
static bool change(struct random *random)
{
	unsigned long k = random_below(random, STABLE), gap = STRIDE * k + PAGES + 1;
	unsigned long first = gap + random_below(random, 6), pages = 1 + random_below(random, 4);
	int err;

	switch (random_below(random, 4)) {
	case 0:
		return map_at(first, pages, PROT_READ | (random_below(random, 2) ? PROT_WRITE : 0));
	case 1:
		return mm_munmap(&mm, address(first), pages * PAGE) == 0;
	case 2:
		err = mm_mprotect(&mm, address(first), pages * PAGE, PROT_READ, -1);
		return !err || err == -ENOMEM; /* a hole */
	default:
		return mm_mprotect(&mm, address(STRIDE * k), PAGES * PAGE,
			       PROT_READ | (random_below(random, 2) ? PROT_EXEC : 0), -1) == 0;
	}
}

static void *writer(void *arg)
{
	struct random random = { (unsigned long)arg + 77 };

	vmaple_rcu_register_thread();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&map_lock);
		if (!change(&random))
			exit(2);
		changes++;
		pthread_mutex_unlock(&map_lock);
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	pthread_t threads[READERS + WRITERS];
	const char *reason;
	bool valid;

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	mm_set_rcu(&mm);
	for (unsigned long k = 0; k < STABLE; k++)
		if (!map_at(STRIDE * k, PAGES, PROT_READ))
			return 2;
	if (sigaction(SIGSEGV, &action, NULL))
		return 2;
	for (unsigned long i = 0; i < READERS + WRITERS; i++)
		if (pthread_create(&threads[i], NULL, i < READERS ? reader : writer, (void *)i))
			return 2;
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = READERS; i < READERS + WRITERS; i++)
		pthread_join(threads[i], NULL);
	valid = mm_validate(&mm, &reason);
	printf("%lu lookups in %lu handlers beside %lu changes: %lu wrong; memory or a lock %lu times; %lu "
	       "viewed; %s\n",
		faults * AT_ONCE, faults, changes, wrong, asked_for, viewed, valid ? "valid" : reason);
	mm_exit(&mm);
	return wrong || asked_for || !viewed || !changes || !faults || !valid;
}
