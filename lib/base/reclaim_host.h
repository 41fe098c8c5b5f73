/* SPDX-License-Identifier: MIT */
/*
 * What the reclaimer asks of its host beside POSIX threads: to sleep while a word is 1, to have no signals, a name, and word
 * of a fork. Linux (with glibc or musl), Windows by mingw-w64, which has no signals and no fork; any other is POSIX.
 */
#ifndef BASE_RECLAIM_HOST_H
#define BASE_RECLAIM_HOST_H

#include <pthread.h>
#include <signal.h>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>

/* FUTEX_WAIT_PRIVATE and FUTEX_WAKE_PRIVATE: musl comes without <linux/futex.h>. */
static inline void host_sleep(unsigned int *word)
{
	syscall(SYS_futex, word, 128, 1, NULL, NULL, 0);
}

/* @word is 0. */
static inline void host_wake(unsigned int *word)
{
	syscall(SYS_futex, word, 129, 1, NULL, NULL, 0);
}

static inline void host_sleeper_init(void)
{
}

static inline void host_name_thread(pthread_t thread)
{
	pthread_setname_np(thread, "vmaple-rcu");
}
#else
static struct {
	pthread_mutex_t lock;
	pthread_cond_t woken;
} sleeper = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER };

static inline void host_sleep(unsigned int *word)
{
	pthread_mutex_lock(&sleeper.lock);
	while (__atomic_load_n(word, __ATOMIC_RELAXED))
		pthread_cond_wait(&sleeper.woken, &sleeper.lock);
	pthread_mutex_unlock(&sleeper.lock);
}

/* Who saw the word set before it was cleared has the lock, or waits. */
static inline void host_wake(unsigned int *word)
{
	(void)word;
	pthread_mutex_lock(&sleeper.lock);
	pthread_cond_signal(&sleeper.woken);
	pthread_mutex_unlock(&sleeper.lock);
}

/* In the child of a fork: another thread may have had it. */
static inline void host_sleeper_init(void)
{
	pthread_mutex_init(&sleeper.lock, NULL);
	pthread_cond_init(&sleeper.woken, NULL);
}

static inline void host_name_thread(pthread_t thread)
{
	(void)thread;
}
#endif

#ifdef _WIN32
static inline int host_start(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *))
{
	return pthread_create(thread, attr, run, NULL);
}

#define host_at_fork(before, in_parent, in_child) ((void)(before), (void)(in_parent), (void)(in_child))
#else
/* A thread that no signal is given to. */
static inline int host_start(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *))
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, attr, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

#define host_at_fork(before, in_parent, in_child) pthread_atfork(before, in_parent, in_child)
#endif

#endif /* BASE_RECLAIM_HOST_H */
