/* SPDX-License-Identifier: MIT */
/* See output.h. */
#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* What an interrupted command leaves is removed: the file, or what the folder holds and the folder. */
static char interrupted[4096];
static char held[OUTPUT_HELD_MAX][64];
static volatile sig_atomic_t nr_held;

static void on_signal(int sig)
{
	int folder = nr_held ? open(interrupted, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	for (int i = 0; folder >= 0 && i < nr_held; i++)
		(void)!unlinkat(folder, held[i], 0);
	if (folder >= 0)
		(void)!rmdir(interrupted);
	else
		(void)!unlink(interrupted);
	raise(sig); /* as it would have ended: the action is the default again */
}

static void remove_at_signals(const char *partial)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction old,
		action = { .sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	if (strlen(partial) >= sizeof(interrupted))
		return;
	memcpy(interrupted, partial, strlen(partial) + 1);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			(void)!sigaction(signals[i], &action, NULL);
}

int output_name(struct output *o, const char *command, const char *path)
{
	*o = (struct output){ .command = command, .path = path };
	if (path && asprintf(&o->partial, "%s.partial", path) < 0) {
		o->partial = NULL;
		return out_of_memory(command, 0);
	}
	if (path)
		remove_at_signals(o->partial);
	return 0;
}

void output_holds(const char *name)
{
	if (nr_held >= OUTPUT_HELD_MAX || strlen(name) >= sizeof(held[0]))
		return;
	memcpy(held[nr_held], name, strlen(name) + 1);
	nr_held = nr_held + 1;
}

int output_open(struct output *o, const char *command, const char *path)
{
	int status = output_name(o, command, path);

	if (status)
		return status;
	o->file = path ? fopen(o->partial, "we") : stdout;
	if (o->file)
		return 0;
	complain(command, "cannot write %s: %s", path, strerror(errno));
	free(o->partial);
	return STATUS_FAILED;
}

/* A file, or a folder of files. */
static void remove_partial(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		(void)!unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	(void)!remove(path);
}

int output_close(struct output *o, int err)
{
	if (o->file && o->path && fclose(o->file) && !err)
		err = -errno;
	if (o->path && !err && rename(o->partial, o->path))
		err = -errno;
	if (o->path && err)
		remove_partial(o->partial);
	if (err == -ENOMEM)
		out_of_memory(o->command, 0);
	else if (err && err != -ECANCELED)
		complain(o->command, "cannot write %s: %s", o->path ? o->path : "stdout", strerror(-err));
	free(o->partial);
	return err ? STATUS_FAILED : 0;
}
