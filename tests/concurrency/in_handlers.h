/* SPDX-License-Identifier: MIT */
/*
 * Lookups in a SIGSEGV handler of READERS threads, beside WRITERS threads that change what is looked up: the frame of
 * the tests of the promise that lookups never block.
 *
 * A reader writes to a page that it may not; the handler makes AT_ONCE lookups and opens the page.  Memory and mutexes asked
 * for inside a handler are counted.  Every other reader has registered for RCU.  Writers take turns by a lock.
 *
 * Included once, by a test that is linked with --wrap=malloc and --wrap=pthread_mutex_lock, and defines what is declared.
 */
#ifndef IN_HANDLERS_H
#define IN_HANDLERS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/rcu.h>

#include "random.h"

#define READERS 4
#define WRITERS 2
#define AT_ONCE 500 /* lookups of a handler */

static pthread_mutex_t map_lock = PTHREAD_MUTEX_INITIALIZER;
static bool stop;
static unsigned long wrong, asked_for, faults, changes;
static __thread bool in_handler __attribute__((tls_model("initial-exec")));
static __thread struct random mine __attribute__((tls_model("initial-exec")));
static __thread char *trap __attribute__((tls_model("initial-exec")));

/* Lookup number @i of a handler found what it had to. Random numbers come from mine. */
static bool lookup_is_right(unsigned int i);
/* Change number @round of a writer, from 1, under the lock. False: it failed. */
static bool change(struct random *random, uint64_t round);

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

static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	in_handler = true;
	for (unsigned int i = 0; i < AT_ONCE; i++)
		if (!lookup_is_right(i))
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	in_handler = false;
	if ((char *)info->si_addr != trap || mprotect(trap, 4096, PROT_READ | PROT_WRITE))
		_exit(3);
}

static void *reader(void *arg)
{
	unsigned long nr = (uintptr_t)arg, all = test_operations(2000000) / READERS / AT_ONCE;

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

static void *writer(void *arg)
{
	struct random random = { (uintptr_t)arg + 77 };

	vmaple_rcu_register_thread();
	for (uint64_t round = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); round++) {
		pthread_mutex_lock(&map_lock);
		if (!change(&random, round))
			exit(2);
		changes++;
		pthread_mutex_unlock(&map_lock);
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

/* Until the readers are through. */
static void look_beside_changes(void)
{
	struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	pthread_t threads[READERS + WRITERS];

	if (sigaction(SIGSEGV, &action, NULL))
		exit(2);
	for (unsigned long i = 0; i < READERS + WRITERS; i++)
		if (pthread_create(&threads[i], NULL, i < READERS ? reader : writer, (void *)(uintptr_t)i))
			exit(2);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = READERS; i < READERS + WRITERS; i++)
		pthread_join(threads[i], NULL);
}

#endif
