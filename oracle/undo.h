/* SPDX-License-Identifier: MIT */
/*
 * What undo.c, which plans and judges, and undo_calls.c, which knows the calls, say to each other.
 */
#ifndef ORACLE_UNDO_H
#define ORACLE_UNDO_H

#include <vmaple/explain.h>

#include "maker.h"
#include "uapi.h"

/* Neighbours. */
struct pair {
	const struct vm_area_struct *left, *right;
	uint32_t reasons;
	const struct engine *engine; /* that has them */
};

/* Calls that undo something. */
struct undoing {
	uint32_t undone;
	uint32_t arises; /* what they may make differ */
	bool lower;      /* they change the lower area */
	unsigned int nr;
	struct call call[2];
};

/* A call that undoes a reason of @p, none of @tried, and what it will do. False: there is none. */
bool undo_choose(const struct pair *p, uint32_t tried, struct undoing *u);

#endif /* ORACLE_UNDO_H */
