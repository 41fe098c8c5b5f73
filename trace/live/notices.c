/* SPDX-License-Identifier: MIT */
/*
 * What the program does otherwise because it is recorded: said to the user when it happens, each kind once.
 *
 * A tracer cannot hide everything (docs/recorded-program.md).  Who waits for what a recorded program does not show should not
 * have to guess why.
 */
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "internal.h"

/* Who stops a task to go on with it at once does not wait for its state. */
#define STOPPED_LONG_NS 1000000000ull

static const char *const texts[] = {
	[NOTICE_LET_GO] = "process %d wants to be traced by another process, which a recorded one cannot be: "
			  "it and what it "
			  "starts are not recorded",
	[NOTICE_NOT_ATTACHED] =
		"attaching to process %d fails (EPERM) while it is recorded, unless it is stopped",
	[NOTICE_STOPPED] = "process %d is stopped by a signal: /proc/%d/stat has the state t while it is "
			   "recorded, not T",
	[NOTICE_STRICT_MODE] =
		"process %d asks for seccomp's strict mode, which fails (EINVAL) while it is recorded",
	[NOTICE_SET_USER_ID] = "process %d runs a program that gains privilege (set-user-ID, or file "
			       "capabilities): not while it "
			       "is recorded by somebody without",
};

void notice(struct live *l, enum notice what, pid_t tid)
{
	char sentence[256];

	if (!l->options.notice || (l->noticed & 1u << what))
		return;
	l->noticed |= 1u << what;
	snprintf(sentence, sizeof(sentence), texts[what], (int)tid, (int)tid);
	l->options.notice(l->options.ctx, sentence);
}

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

void notice_strict_mode(struct live *l, const struct task *t)
{
	const uint64_t *a = t->call.args;
	bool strict = t->call.nr == SYS_seccomp ? a[0] == SECCOMP_SET_MODE_STRICT
						: a[0] == PR_SET_SECCOMP && a[1] == SECCOMP_MODE_STRICT;

	if (strict)
		notice(l, NOTICE_STRICT_MODE, t->tgid);
}

void notice_set_user_id(struct live *l, const struct task *t)
{
	char path[64];
	struct stat st;

	if (geteuid() == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)t->tid);
	if ((stat(path, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID))) ||
		getxattr(path, "security.capability", NULL, 0) > 0)
		notice(l, NOTICE_SET_USER_ID, t->tgid);
}
