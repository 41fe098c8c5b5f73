/* SPDX-License-Identifier: MIT */
/*
 * vmaple-conform: how like Linux's are the mapping calls of the system that this runs on?
 *
 * A program without libraries.  It makes the calls of sequences.c, looks after each at what a caller can see, and
 * prints that as lines; `vmaple conform` judges them.  What it needs of the system at least: mmap, munmap, write.
 */
#ifndef CONFORM_KIT_H
#define CONFORM_KIT_H

#include "sequence.h"
#include "system.h"

/* --- sequences.c: made by `vmaple conform --emit` ------------------------------------------------------------ */

extern const struct conform_call conform_calls[];
extern const struct conform_sequence conform_sequences[];
extern const unsigned int conform_nr_sequences;
extern const char conform_mark[]; /* of these sequences: other ones have another */

/* --- say.c: lines, kept until say_all() ---------------------------------------------------------------------- */

void say(const char *text);
void say_letter(char letter);
void say_number(long number);
void say_all(void);

/* --- look.c: what can be seen of the window ------------------------------------------------------------------ */

enum look_presence { LOOK_NOTHING, LOOK_MINCORE, LOOK_MSYNC };

struct kit {
	unsigned long page, window, heap; /* bytes; addresses */
	int pipe[2];                      /* what is read and written goes through it; never blocks */
	enum look_presence presence;      /* which call tells whether a page is mapped */
	int searches;                     /* those for free room end in the window */
	int limits;                       /* of locks, as CONFORM_LOCKABLE says */
	int fork, maps;                   /* there is fork; there is /proc/self/maps */
	int zero_page;                    /* memory that was only read is as if it had not been touched */
	int file[CONFORM_CLOSED + 1];     /* descriptors; -1: none */
};
extern struct kit kit;

/* Find out what this system lets be seen. The fence is mapped, the window is free. */
void look_around(void);
/* One byte into the page at @addr, or out of it: 0, or -errno. */
long write_byte(unsigned long addr, char byte);
long read_byte(unsigned long addr, char *byte);
/* Four words for what there is: pages, bounds, locks, areas of /proc/self/maps. */
void look(void);
/* One word: which pages can be written. That writes them. */
void look_at_rights(void);

/* --- machine.c: what all sequences begin with ---------------------------------------------------------------- */

/* With the stack that the program was given. 0, or what is missing. */
const char *prepare(unsigned long *stack);
/* The lines before the first sequence. */
void say_machine(void);
long fork_here(void);
/* 0: the child ended well. */
int wait_for(long child);

#endif /* CONFORM_KIT_H */
