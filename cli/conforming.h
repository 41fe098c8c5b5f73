/* SPDX-License-Identifier: MIT */
/* What the files of `vmaple conform` share: conform.c reads the command line, conform_kit.c makes or runs a kit,
 * conform_score.c prints what was judged. */
#ifndef CLI_CONFORMING_H
#define CLI_CONFORMING_H

#include <sys/types.h>

#include <conform.h>

/* Write the kit into @folder, which is made. 0, or an exit status after one sentence. */
int conform_emit(const struct conform_set *set, const char *folder);
/*
 * Start the kit for this machine under @runner (a list with its NULL, of nothing for this kernel itself) and read
 * from it.
 * NULL after one sentence. conform_end(): how it ended, as a shell says it.
 */
FILE *conform_start(char **runner, pid_t *pid);
int conform_end(FILE *from, pid_t pid);

/*
 * A verdict, and of what. All four outlive the printing; nothing of it is freed here. profile is never
 * NULL: it is what was judged by, in the end.
 */
struct conform_verdict_of {
	const struct conform_set *set;
	const struct conform_run *run;
	const struct kernel_profile *profile;
	const struct conform_verdict *verdict;
};
/* For people, and as one line of JSON: STATUS_FAILED if memory ran out. @all: not only the first difference of each area. */
void conform_print(const struct conform_verdict_of *of, bool all);
int conform_print_json(const struct conform_verdict_of *of, bool all);

#endif /* CLI_CONFORMING_H */
