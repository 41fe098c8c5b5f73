/* SPDX-License-Identifier: MIT */
/*
 * What the program does otherwise because it is recorded: said to the user when it happens, each kind once.
 *
 * A tracer cannot hide everything (docs/recorded-program.md).  Who waits for what a recorded program does not show should not
 * have to guess why.
 */

#include <stdio.h>

#include "internal.h"

/* Who stops a task to go on with it at once does not wait for its state. */
#define STOPPED_LONG_NS 1000000000ull

/* Each may name the number of the task twice; a text without it passes it over. */
static const char *const texts[] = {
	[NOTICE_LET_GO] = "process %d wants to be traced by another process, which a recorded one cannot be: "
			  "it and what it "
			  "starts are not recorded",
	[NOTICE_NOT_ATTACHED] =
		"attaching to process %d fails (EPERM) while it is recorded, unless it is stopped",
	[NOTICE_NOT_TRACED] =
		"process %d wants to be traced by its parent, and is refused it (EPERM) while it is recorded",
	[NOTICE_NOT_STRICT] =
		"process %d wants strict mode (SECCOMP_MODE_STRICT), and is refused it (EINVAL) "
		"while it is recorded",
	[NOTICE_STOPPED] = "process %d is stopped by a signal: /proc/%d/stat has the state t while it is "
			   "recorded, not T",
	[NOTICE_SET_USER_ID] = "process %d runs a program that gains privilege (set-user-ID, or file "
			       "capabilities): not while it "
			       "is recorded by somebody without",
};

/* @tid is the task that was met first: for the others the sentence is as true. */
void notice(struct live *l, enum notice what, pid_t tid)
{
	char sentence[256];

	if (!l->options.notice || (l->noticed & 1u << what))
		return;
	l->noticed |= 1u << what;
	snprintf(sentence, sizeof(sentence), texts[what], (int)tid, (int)tid);
	l->options.notice(l->options.ctx, sentence);
}

/* At each tick until it was said: O(tasks). */
void notice_stopped_tasks(struct live *l)
{
	struct task *t;
	unsigned long tid = 0;

	if (l->noticed & 1u << NOTICE_STOPPED)
		return;
	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		if (t->stopped && now_ns() - t->stopped_ns > STOPPED_LONG_NS)
			notice(l, NOTICE_STOPPED, t->tgid);
}
