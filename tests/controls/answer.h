/* SPDX-License-Identifier: MIT */
/*
 * A command of vmaple as a function, asked in a process of its own: commands keep what they know in static memory and end with
 * their process.
 */
#ifndef TESTS_ANSWER_H
#define TESTS_ANSWER_H

#include <stddef.h>

typedef int command_fn(int argc, char **argv);

/* What a command wrote, and how it ended: 128 and the signal that killed it, as a shell has it. */
struct answer {
	int status;
	char *out, *err;
};

/* Of the words of argv, which are not changed. A command that does not end within a minute is killed. To be released. */
struct answer answer_of(command_fn *command, char **words, size_t nr);
void answer_release(struct answer *a);

#endif
