/* SPDX-License-Identifier: MIT */
/*
 * Files and folders that a command makes: under a name of their own, NAME.partial, until they are whole, so that what is
 * interrupted leaves nothing under the final name.  A device, a pipe or a link that has the name is written where it is.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#define OUTPUT_HELD_MAX 16

/*
 * The caller's; path is argv's. partial NULL: there is no name of its own (stdout, a device). file is not
 * NULL between a good output_open() and output_close().
 */
struct output {
	const char *command, *path; /* path NULL: stdout, which `-` is, too */
	char *partial;
	FILE *file; /* output_open() */
};

/* 0 or an exit status, after a sentence. */
int output_open(struct output *o, const char *command, const char *path);
/* The name only, for what makes its file or folder itself, which cannot be stdout. */
int output_name(struct output *o, const char *command, const char *path);
/* Instead of output_close(): what has the partial name was there before, and is left alone. */
void output_disown(struct output *o);
/* Before a file is made in the folder of output_name(): a signal removes it; the first OUTPUT_HELD_MAX. */
void output_holds(const char *name);
/*
 * @err: 0, or -errno of what could not be written, -ECANCELED where that has been said; what is half done is removed then,
 * files of a folder too.
 */
int output_close(struct output *o, int err);
/* It goes to stdout, and did not all arrive: that is said when the command ends (main.c). */
bool output_is_stdout_broken(const char *path);

#endif /* OUTPUT_H */
