/* SPDX-License-Identifier: MIT */
/*
 * A program of torture: threads that work and check until its time is over, or until one of them finds a failure.
 *
 * VMAPLE_SECONDS: how long.  VMAPLE_RCU=own or liburcu: with that flavour of RCU, or skipped (77) where it is not to be had.
 * The first failure ends the run and is printed; the exit status is then 1.
 */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vmaple/rcu.h>

static struct {
	atomic_bool stop;
	_Atomic(const char *) failure; /* text, once it is whole */
	char text[300];
	double end; /* by torture_clock() */
} torture_run;

static inline double torture_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void torture_chooses(const char *rcu)
{
	bool own = !strcmp(rcu, "own");
	int err = vmaple_rcu_choose(own ? VMAPLE_RCU_FLAVOUR_OWN : VMAPLE_RCU_FLAVOUR_LIBURCU);

	if (err) {
		printf("skipped: %s flavour of RCU cannot be chosen: %s\n", own ? "our own" : "liburcu's",
			strerror(-err));
		exit(own ? 2 : 77);
	}
}

/* Begin, for VMAPLE_SECONDS, or 3. A structure that is broken may send a thread in circles: the alarm ends it. */
static inline void torture_begin(void)
{
	const char *given = getenv("VMAPLE_SECONDS"), *rcu = getenv("VMAPLE_RCU");
	double seconds = given ? atof(given) : 3;

	if (rcu)
		torture_chooses(rcu);
	alarm((unsigned int)seconds + 60);
	torture_run.end = torture_clock() + seconds;
}

static inline bool torture_stopped(void)
{
	return atomic_load(&torture_run.stop);
}

static inline void torture_stop(void)
{
	atomic_store(&torture_run.stop, true);
}

/* Asks the clock: not at every step. */
static inline bool torture_is_over(void)
{
	return torture_clock() >= torture_run.end;
}

/* By any thread, also in a signal handler. */
static inline void __attribute__((format(printf, 1, 2))) failed(const char *format, ...)
{
	static atomic_flag taken = ATOMIC_FLAG_INIT;
	va_list args;

	if (atomic_flag_test_and_set(&taken))
		return;
	va_start(args, format);
	vsnprintf(torture_run.text, sizeof(torture_run.text), format, args);
	va_end(args);
	atomic_store(&torture_run.failure, torture_run.text);
	torture_stop();
}

/* When all threads are done: say what failed. @return the exit status. */
static inline int torture_verdict(void)
{
	const char *failure = atomic_load(&torture_run.failure);

	if (failure)
		printf("FAILED: %s\n", failure);
	return failure ? 1 : 0;
}

#endif /* TESTS_TORTURE_H */
