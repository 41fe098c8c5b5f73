/* SPDX-License-Identifier: MIT */
/*
 * The judge of the target of the maple tree: the tree is valid and holds what range_model.h does, and a call for which
 * there was no memory says so and has changed nothing.  The first thing that is not so ends the program.
 */
#ifndef FUZZ_MAPLE_JUDGE_H
#define FUZZ_MAPLE_JUDGE_H

#include "failing_port.h"
#include "maple_input.h"
#include "range_model.h"

#define require(condition) ((condition) ? (void)0 : broken(#condition, __FILE__, __LINE__))

__attribute__((noreturn)) static inline void broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

static inline void arm(struct fuzz *f)
{
	fail_after(f->armed ? (long)f->armed : -1);
	f->armed = 0;
}

static inline void disarm(void)
{
	failing_left = -1;
}

static inline void check_valid(struct fuzz *f)
{
	const char *reason;

	if (!mt_check(&f->mt, &reason))
		broken(reason, __FILE__, __LINE__);
}

/* Entry by entry, with their bounds, upwards. The lock may be held or not: there is one thread. */
static inline void check_content(struct maple_tree *mt)
{
	MA_STATE(mas, mt, 0, 0);
	unsigned int i = 0;
	void *entry;

	mas_for_each (&mas, entry, ULONG_MAX) {
		while (!model.range[i].entry)
			i++;
		require(entry == model.range[i].entry);
		require(mas.index == model_begin(i) && mas.last == model.range[i].last);
		i++;
	}
	while (i < model.nr)
		require(!model.range[i++].entry);
}

/* A call that returned @ret: memory ran out only if it was made to, and then nothing has changed. */
static inline bool went_through(struct fuzz *f, int ret)
{
	bool hit = failing_hit;

	disarm();
	if (ret != -ENOMEM)
		return true;
	require(hit);
	check_valid(f);
	check_content(&f->mt);
	return false;
}

/* What the cursor is on after a store of an entry, or of NULL, is the range that is there now. */
static inline void check_on_range(const struct ma_state *mas)
{
	unsigned int at = model_at(mas->index);

	require(mas->index == model_begin(at) && mas->last == model.range[at].last);
}

#endif /* FUZZ_MAPLE_JUDGE_H */
