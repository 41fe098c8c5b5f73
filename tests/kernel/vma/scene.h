/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's VMA scenarios and the engine say to each other: areas as plain numbers, and one operation on them.
 *
 * The scenario files know the kernel's own structures, whose names are the engine's too, so each side has a translation
 * unit of its own.  words.h is the scenarios' side: its mm_struct is a list of areas and nothing else.  scene.c is the engine's: it
 * builds an address space of these areas, makes the public call that leads to the operation, and writes down what
 * areas there are then.
 *
 * An area keeps its identity through `self`: after the operation each area has the `self` of the one that it was, and NULL
 * is one that is new.
 */
#ifndef SCENE_H
#define SCENE_H

#include <stdbool.h>

enum scene_kind {
	SCENE_NEW,    /* [start, end) is mapped: mmap with MAP_FIXED */
	SCENE_CHANGE, /* its flags change to those that are given: madvise */
	SCENE_SHRINK, /* it goes: munmap */
	SCENE_EXTEND, /* the area that ends at start grows to end: mremap in place */
	SCENE_COPY    /* the area at from is copied there: mremap, before the source goes */
};

struct scene_area {
	void *self;
	unsigned long start, end, pgoff, flags;
	const void *anon; /* which anon_vma; NULL: none */
	bool inherited;   /* by fork */
	bool closes;      /* it has a close operation */
	bool written;     /* after: it was locked for writing */
};

#define SCENE_AREAS 8

struct scene {
	unsigned int nr;
	struct scene_area area[SCENE_AREAS];
	enum scene_kind kind;
	unsigned long start, end, pgoff, flags, from;
	bool no_memory; /* for the index */
	long result;    /* after: of the call */
	/* The engine tells of these while it works. */
	void (*cloned)(void *dst, void *src);
	void (*unlinked)(void *area);
};

/* Carries it out. False, with a line: it cannot be expressed, or the engine is broken after it. */
bool scene_play(struct scene *s);

#endif /* SCENE_H */
