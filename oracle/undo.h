/* SPDX-License-Identifier: MIT */
/*
 * What undo.c, which plans and judges, and undo_calls.c, which knows the calls, say to each other.
 */
#ifndef ORACLE_UNDO_H
#define ORACLE_UNDO_H

#include <vmaple/explain.h>

#include "maker.h"
#include "uapi.h"

/*
 * Two areas of an engine that touch. Both pointers are valid until the next call on that engine, which may
 * merge or free either.
 */
struct pair {
	const struct vm_area_struct *left, *right;
	/*
	 * A set of enum explain_reason: what explain_reasons() says keeps them apart; EXPLAIN_NOTHING is a
	 * bit too.
	 */
	uint32_t reasons;
	const struct engine *engine; /* that has them */
};

/* A plan of one or two calls that undo reasons of a pair. Made by undo_choose(), not yet carried out. */
struct undoing {
	/*
	 * Reasons that are gone behind the last call. 0: one that stays for now, for the second of two
	 * halves (both areas are locked, or have a policy) is to follow.
	 */
	uint32_t undone;
	uint32_t arises; /* what they may make differ */
	bool lower;      /* they change the lower area */
	unsigned int nr;
	struct call call[2];
};

/*
 * Choose calls that undo a reason of @p which is not in @tried. *u is what they do; false, and *u
 * undefined: no call undoes any of them. Changes nothing of the engine.
 */
bool undo_choose(const struct pair *p, uint32_t tried, struct undoing *u);

#endif /* ORACLE_UNDO_H */
