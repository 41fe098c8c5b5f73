/* SPDX-License-Identifier: MIT */
/*
 * Waiting for reports of the tasks, and what of this process is changed for it.
 *
 * The process may be anybody's: nothing here needs a handler or a timer of its own.  SIGCHLD is blocked in the calling
 * thread from live_start() to live_free() and asked for with a time limit, for a call may be blocked that others wait for.
 * Where another thread of the process takes the signal, the tasks are asked after a growing while.  Signals of the terminal
 * are the program's to decide about, and have no effect on this process during live_run().  So are those by which a process is
 * asked to end: sent to this process alone they are passed on; sent to the whole group the program has its own.
 * A program that was attached to is not this process's: signals that end mean this process, whose caller decides about them.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "internal.h"

#define POLL_NS 50000
/* A CPU that was offered and has not come back for so long is wanted by others; that is believed for a while. */
#define CROWDED_NS     200000
#define CROWDED_FOR_NS 200000000
#define FIRST_REST     1000000
#define LONGEST_REST   100000000
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

static int first_taken(const struct live *l)
{
	return is_attached(l) ? 2 : 0;
}

void signals_take(struct live *l)
{
	struct sigaction ignored = { .sa_handler = SIG_IGN }, plain = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigemptyset(&set);
	if (!is_attached(l))
		only_passed(&set);
	pthread_sigmask(SIG_BLOCK, &set, &l->run_mask_before);
	for (int i = first_taken(l); i < NR_TAKEN_SIGNALS; i++)
		sigaction(taken[i], &ignored, &l->actions_before[i]);
	/* Ignored, it would let the program's status vanish. */
	sigaction(SIGCHLD, &plain, &l->sigchld_before);
}

/* Those that have come, none of which has had its effect. */
static void take_passed(struct live *l)
{
	static const struct timespec at_once = { .tv_sec = 0 };
	uint64_t now = now_ns();
	sigset_t set;
	int sig;

	only_passed(&set);
	while ((sig = sigtimedwait(&set, NULL, &at_once)) > 0)
		for (int i = 0; i < NR_PASSED_SIGNALS; i++)
			if (passed[i] == sig && !l->passed[i].found) {
				l->passed[i].found = now;
				l->passed[i].before = l->signals_asked;
			}
	l->signals_asked = now;
}

void signals_give_back(struct live *l)
{
	for (int i = first_taken(l); i < NR_TAKEN_SIGNALS; i++)
		sigaction(taken[i], &l->actions_before[i], NULL);
	sigaction(SIGCHLD, &l->sigchld_before, NULL);
	/* What came for a program that has ended since is done with. */
	if (!is_attached(l))
		take_passed(l);
	pthread_sigmask(SIG_SETMASK, &l->run_mask_before, NULL);
}

void signals_note_delivery(struct live *l, const struct task *t, int sig)
{
	for (int i = 0; i < NR_PASSED_SIGNALS; i++)
		if (passed[i] == sig && t->tgid == l->root)
			l->passed[i].had = now_ns();
}

/* To its first process, as a shell would; or to those that it has left behind. */
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

/*
 * A stop is mostly followed by another within microseconds, by the end of the call or by the next of a row of calls, sooner
 * than this process would have gone to sleep and been woken again: it is asked for a while, and the CPU is offered to
 * whoever wants it.  Where that is somebody else, who keeps it for long, the next reports are slept for: who sleeps is given
 * the CPU as soon as a task stops.
 */
static pid_t ask_for_a_while(struct live *l, int *status)
{
	uint64_t begin = now_ns(), now = begin, before;
	pid_t tid;

	/* There is a SIGCHLD for each report; of several tasks one can stand for two. */
	if (begin < l->crowded_until && l->nr_tasks == 1)
		return 0;
	for (;;) {
		tid = kernel->waitpid(-1, status, __WALL | WNOHANG);
		before = now;
		if (tid || begin < l->crowded_until || before - begin >= POLL_NS)
			return tid;
		sched_yield();
		now = now_ns();
		if (now - before > CROWDED_NS)
			l->crowded_until = now + CROWDED_FOR_NS;
	}
}

pid_t wait_for_report(struct live *l, int *status)
{
	pid_t tid = ask_for_a_while(l, status);
	long rest = FIRST_REST, rested = 0;

	while (!tid && rested < LONGEST_REST) {
		if (!kernel->wait_for_child(rest)) {
			rested += rest;
			rest = 2 * rest < LONGEST_REST - rested ? 2 * rest : LONGEST_REST - rested;
		}
		tid = kernel->waitpid(-1, status, __WALL | WNOHANG);
	}
	return tid;
}
