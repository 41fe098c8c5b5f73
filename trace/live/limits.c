/* SPDX-License-Identifier: MIT */
/*
 * Limits are not calls of the map, but decide about later ones.
 *
 *    LI1  Linux keeps limits by process, a personality and capabilities by task.  An address space has none of its own: what a
 *         call is held to is what its task acts under, and tasks that share a map (vfork, CLONE_VM) may differ.
 *    LI2  what was told of an address space last is what the task acts under whose call it is busy with: it is told when that
 *         begins, and by nobody else meanwhile.
 */
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

#include "internal.h"
#include "uapi.h"

/* Ask again, of this task alone. /proc or prlimit(2), at the end of the call that has changed it. */
static void follow(struct task *t, enum trace_limit limit)
{
	t->limits[limit] = process_limit(t->tid, limit);
}

/* As SPACE has told them. */
void limits_begin(struct task *t, const uint64_t limits[TRACE_LIMIT_COUNT])
{
	memcpy(t->limits, limits, sizeof(t->limits));
	memcpy(t->mm->limits, limits, sizeof(t->mm->limits));
}

/* Without asking: fork copies limits, and a thread shares them. */
void limits_inherit(struct task *child, const struct task *parent)
{
	memcpy(child->limits, parent->limits, sizeof(child->limits));
	/*
	 * In its own user namespace a task has no capability that counts for limits of memory (capable()
	 * asks for the initial one).
	 */
	if (parent->clone_flags & CLONE_NEWUSER)
		follow(child, TRACE_LIMIT_CAPABILITIES);
}

/* Of each task of a process that was attached to: capabilities and personality are its own. */
void limits_read(struct task *t)
{
	for (uint32_t i = 0; i < TRACE_LIMIT_COUNT; i++)
		follow(t, (enum trace_limit)i);
}

/* What was told is remembered in the mm, for LI2. */
static void emit_limit_of(struct live *l, struct task *t, enum trace_limit limit)
{
	struct trace_event e = { .type = TRACE_EVENT_LIMIT, .limit = { limit, t->limits[limit] } };

	t->mm->limits[limit] = t->limits[limit];
	emit(l, t, &e);
}

/* LI2: what @t acts under becomes the address space's.  O(TRACE_LIMIT_COUNT) at each call. */
void limits_emit(struct live *l, struct task *t)
{
	for (uint32_t i = 0; t->mm && i < TRACE_LIMIT_COUNT; i++)
		if (t->mm->limits[i] != t->limits[i])
			emit_limit_of(l, t, (enum trace_limit)i);
}

/*
 * A limit is that of all tasks of the process. Of another one's it is told before its next call (LI2).
 *
 * @own: the caller's process, whose next event may depend on it; told at once.
 */
static void follow_process(struct live *l, struct task *whose, uint64_t resource, bool own)
{
	static const struct {
		uint64_t resource;
		enum trace_limit limit;
	} limits[] = { { RLIMIT_AS, TRACE_LIMIT_AS }, { RLIMIT_DATA, TRACE_LIMIT_DATA },
		{ RLIMIT_DATA, TRACE_LIMIT_DATA_HARD }, { RLIMIT_STACK, TRACE_LIMIT_STACK },
		{ RLIMIT_MEMLOCK, TRACE_LIMIT_MEMLOCK } };
	struct task *other;
	unsigned long tid;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].resource != resource)
			continue;
		follow(whose, limits[i].limit);
		if (own)
			emit_limit_of(l, whose, limits[i].limit);
		tid = 0;
		mt_for_each (&l->tasks, other, tid, ULONG_MAX)
			if (other->tgid == whose->tgid)
				other->limits[limits[i].limit] = whose->limits[limits[i].limit];
	}
}

/*
 * Whether it succeeded is not asked: what is true now is read, and told again if it is the same. prlimit
 * of a process that is not recorded is nobody's.
 */
bool limits_follow_call(struct live *l, struct task *t)
{
	uint32_t nr = t->call.nr;
	enum limit_change change = limit_changed_by(nr);
	enum trace_limit own =
		change == LIMIT_PERSONALITY ? TRACE_LIMIT_PERSONALITY : TRACE_LIMIT_CAPABILITIES;
	struct task *whose = t;

	if (change == LIMIT_NONE)
		return false;
	if (change != LIMIT_NAMED) {
		follow(t, own);
		emit_limit_of(l, t, own);
		return true;
	}
	if (nr == NR_prlimit64 && t->call.args[0] && (pid_t)t->call.args[0] != t->tgid)
		whose = task_find(l, (pid_t)t->call.args[0]);
	if (whose && whose->mm && (nr != NR_prlimit64 || t->call.args[2]))
		follow_process(l, whose, nr == NR_prlimit64 ? t->call.args[1] : t->call.args[0],
			whose->tgid == t->tgid);
	return true;
}
