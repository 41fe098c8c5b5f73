/* SPDX-License-Identifier: MIT */
/* See answer.h. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer.h"

/* All that is in @f, which is closed. */
static char *read_back(FILE *f)
{
	long size;
	char *text;

	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)size + 1);
	if (!text || fread(text, 1, (size_t)size, f) != (size_t)size)
		abort();
	fclose(f);
	return text;
}

static pid_t begin(command_fn *command, char **words, size_t nr, FILE *out, FILE *err)
{
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		alarm(60);
		if (dup2(fileno(out), STDOUT_FILENO) < 0 || dup2(fileno(err), STDERR_FILENO) < 0)
			abort();
		exit(command((int)nr, words));
	}
	return child;
}

struct answer answer_of(command_fn *command, char **words, size_t nr)
{
	FILE *out = tmpfile(), *err = tmpfile();
	struct answer a;
	pid_t child;
	int status;

	if (!out || !err)
		abort();
	child = begin(command, words, nr, out, err);
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	a.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	a.out = read_back(out);
	a.err = read_back(err);
	return a;
}

void answer_release(struct answer *a)
{
	free(a->out);
	free(a->err);
}
