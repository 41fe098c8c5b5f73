/* SPDX-License-Identifier: MIT */
/*
 * Signals of this process: what of them is changed while it waits for reports of the tasks.
 *
 * The process may be anybody's: nothing here needs a handler.  SIGCHLD is blocked in the calling thread from live_start() to
 * live_free(): a handler of the process's could take the reports.  Signals of the terminal are the program's to decide about, and have no effect on this process during live_run().  So are those by which a process is
 * asked to end: sent to this process alone they are passed on; sent to the whole group the program has its own.
 * A program that was attached to is not this process's: signals that end mean this process, whose caller decides about them.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "internal.h"

/* So long after a signal came it is known whether the program was sent it, too. */
#define OWN_SIGNAL_NS 20000000

/* The first two are the user's word to this process where it has attached to a program. */
static const int taken[NR_TAKEN_SIGNALS] = { SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE,
	/* A recording that hits RLIMIT_FSIZE is an error of write(2), as a full disk is. */
	SIGXFSZ };

static const int passed[NR_PASSED_SIGNALS] = { SIGTERM, SIGHUP };

static void only_sigchld(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
}

static void only_passed(sigset_t *set)
{
	sigemptyset(set);
	for (int i = 0; i < NR_PASSED_SIGNALS; i++)
		sigaddset(set, passed[i]);
}

/* Before anything can make a report: SIGCHLD's own disposition is not asked until signals_take(). */
void signals_block(struct live *l)
{
	sigset_t set;

	only_sigchld(&set);
	pthread_sigmask(SIG_BLOCK, &set, &l->mask_before);
	l->mask_changed = true;
}

void signals_unblock(struct live *l)
{
	if (l->mask_changed)
		pthread_sigmask(SIG_SETMASK, &l->mask_before, NULL);
	l->mask_changed = false;
}

/* 2: SIGINT and SIGQUIT stay the caller's. */
static int first_taken(const struct live *l)
{
	return is_attached(l) ? 2 : 0;
}

/* From live_run() on. signals_give_back() undoes all of it in the opposite order. */
void signals_take(struct live *l)
{
	struct sigaction ignored = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	if (!is_attached(l))
		only_passed(&set);
	pthread_sigmask(SIG_BLOCK, &set, &l->run_mask_before);
	for (int i = first_taken(l); i < NR_TAKEN_SIGNALS; i++)
		sigaction(taken[i], &ignored, &l->actions_before[i]);
	/* Ignored, it would let the program's status vanish. */
	alarm_begin(TICK_NS, &l->sigchld_before);
}

/*
 * Those that have come, none of which has had its effect. found is when it was noticed, before when it
 * had surely not come: between the two lies its coming.
 */
static void take_passed(struct live *l)
{
	static const struct timespec at_once = { .tv_sec = 0 };
	uint64_t now = now_ns();
	sigset_t set;
	int sig;

	only_passed(&set);
	/*
	 * They are blocked, so they pend; taken here they have no effect. A second one of the same kind has
	 * been merged by the kernel.
	 */
	while ((sig = sigtimedwait(&set, NULL, &at_once)) > 0)
		for (int i = 0; i < NR_PASSED_SIGNALS; i++)
			if (passed[i] == sig && !l->passed[i].found) {
				l->passed[i].found = now;
				l->passed[i].before = l->signals_asked;
			}
	l->signals_asked = now;
}

/* In the process that answers for tasks that were let go (letgo.c), too. */
void signals_give_back(struct live *l)
{
	for (int i = first_taken(l); i < NR_TAKEN_SIGNALS; i++)
		sigaction(taken[i], &l->actions_before[i], NULL);
	alarm_end(&l->sigchld_before);
	/* What came for a program that has ended since is done with. */
	if (!is_attached(l))
		take_passed(l);
	pthread_sigmask(SIG_SETMASK, &l->run_mask_before, NULL);
}

/* Of the program's first process alone: that is whom a group's signal would meet. */
void signals_note_delivery(struct live *l, const struct task *t, int sig)
{
	for (int i = 0; i < NR_PASSED_SIGNALS; i++)
		if (passed[i] == sig && t->tgid == l->root)
			l->passed[i].had = now_ns();
}

/*
 * To its first process, as a shell would; or to those that it has left behind. Without an error to be
 * seen: who has ended needs no signal.
 */
static void send_to_program(struct live *l, int sig)
{
	struct task *t;
	unsigned long tid = 0;

	if (task_find(l, l->root)) {
		kernel->kill(l->root, sig);
		return;
	}
	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		if (t->tid == t->tgid)
			kernel->kill(t->tid, sig);
}

/*
 * A signal to the whole process group reaches both: the program's own is seen at its delivery stop,
 * within OWN_SIGNAL_NS, and then nothing is passed on.
 */
void signals_pass_on(struct live *l)
{
	if (is_attached(l))
		return;
	take_passed(l);
	for (int i = 0; i < NR_PASSED_SIGNALS; i++) {
		struct passed_signal *s = &l->passed[i];

		/* One that the program has not been given yet, and one more, are one. */
		if (!s->found || now_ns() - s->found < OWN_SIGNAL_NS)
			continue;
		s->found = 0;
		if (s->had < s->before)
			send_to_program(l, passed[i]);
	}
}
