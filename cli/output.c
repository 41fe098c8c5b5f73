/* SPDX-License-Identifier: MIT */
/*
 * See output.h.
 *
 *    OU1  rename(2) puts what is whole in the place of what was there: whoever opens the name finds the one or the
 *         other.
 *    OU2  What is half done is removed by who notices: output_close() after an error, on_signal() at a signal. That is
 *         a handler, in which nothing may be allocated or locked: the names that it needs lie in arrays of this file,
 *         written before what they name is made, and counted (nr_held) when they are written.
 *    OU3  A signal that the caller of the command ignores, or handles itself, stays so.
 *
 * Who calls in which order: output_open() or output_name(), then writing, then output_close() exactly
 * once, with what writing came to; after an error of the first two nothing is to be closed. Handlers are
 * installed once a name is known and stay: behind the rename the partial name is nobody's, and removing
 * it fails.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/*
 * What an interrupted command leaves is removed: the file, or what the folder holds and the folder. One
 * output at a time: a command makes one after the other. A longer name is not removed.
 */
static char interrupted[4096];
static char held[OUTPUT_HELD_MAX][64];
static volatile sig_atomic_t nr_held;

/*
 * Async-signal-safe (signal-safety(7)): open, unlinkat, rmdir, unlink, raise. The folder is held by its
 * descriptor, so that nothing but the names in it is removed.
 */
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

/*
 * From now on. SA_RESETHAND: the second time the signal does what it did before, which on_signal() makes
 * happen at once; SA_NODEFER: raise() in the handler arrives there and then.
 */
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

/*
 * What is there is no file of its own, but a device, a pipe, a link: another one in its place would be
 * none. A link is written through, as a shell's `>` does: it is its target that is meant.
 */
static bool stays_in_place(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* NULL: no -o was given. */
static bool is_stdout(const char *path)
{
	return !path || strcmp(path, "-") == 0;
}

/*
 * o->partial is set, or NULL after -ENOMEM was said. Beside the final name, not in /tmp: rename(2) does not
 * cross file systems.
 */
static int name_partial(struct output *o, const char *command, const char *path)
{
	*o = (struct output){ .command = command, .path = path };
	if (asprintf(&o->partial, "%s.partial", path) < 0) {
		o->partial = NULL;
		return out_of_memory(command, 0);
	}
	remove_at_signals(o->partial);
	return 0;
}

/* For databases and folders, whose makers open them themselves; a device or a pipe cannot be either. */
int output_name(struct output *o, const char *command, const char *path)
{
	if (!is_stdout(path) && !stays_in_place(path))
		return name_partial(o, command, path);
	complain(command, "cannot write %s: it takes the name of a file, or of a folder",
		path ? path : "stdout");
	return STATUS_FAILED;
}

/* The name is whole before it is counted (OU2): a signal between the two lines must not see half of one. */
void output_holds(const char *name)
{
	if (nr_held >= OUTPUT_HELD_MAX || strlen(name) >= sizeof(held[0]))
		return;
	memcpy(held[nr_held], name, strlen(name) + 1);
	nr_held = nr_held + 1;
}

/*
 * On failure @o->file is NULL and nothing is left to be closed; a partial file of an earlier run is
 * emptied and used.
 */
int output_open(struct output *o, const char *command, const char *path)
{
	int status;

	*o = (struct output){ .command = command, .path = is_stdout(path) ? NULL : path };
	status = o->path && !stays_in_place(path) ? name_partial(o, command, path) : 0;
	if (status)
		return status;
	o->file = o->path ? fopen(o->partial ? o->partial : path, "we") : stdout;
	if (o->file)
		return 0;
	complain(command, "cannot write %s: %s", path, strerror(errno));
	free(o->partial);
	return STATUS_FAILED;
}

/* Only ferror() is known: errno of it is long gone. */
bool output_is_stdout_broken(const char *path)
{
	return is_stdout(path) && ferror(stdout);
}

/*
 * What on_signal() removes: a file, or a folder and the files that output_holds() was told of. A folder
 * that holds more, or that nothing was put into, is somebody else's.
 */
static void remove_partial(const char *path)
{
	int folder = nr_held ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	for (int i = 0; folder >= 0 && i < nr_held; i++)
		(void)!unlinkat(folder, held[i], 0);
	if (folder >= 0) {
		(void)!close(folder);
		(void)!rmdir(path);
	} else {
		(void)!unlink(path);
	}
}

/* The handlers stay, and find no name: unlink("") fails. */
void output_disown(struct output *o)
{
	interrupted[0] = '\0';
	free(o->partial);
	o->partial = NULL;
}

/*
 * The point of no return is the rename: an error of the last write must come before it, so the file is
 * closed first, and ENOSPC of a delayed write (NFS, quotas) is still seen.
 */
int output_close(struct output *o, int err)
{
	/* -EIO: something was not written; fclose() may know why. */
	if (o->file && o->path && fclose(o->file) && (!err || err == -EIO))
		err = -errno;
	if (o->partial && !err && rename(o->partial, o->path))
		err = -errno;
	if (o->partial && err)
		remove_partial(o->partial);
	if (err == -ENOMEM)
		out_of_memory(o->command, 0);
	else if (err && err != -ECANCELED && !output_is_stdout_broken(o->path))
		complain(o->command, "cannot write %s: %s", o->path ? o->path : "stdout", strerror(-err));
	free(o->partial);
	return err ? STATUS_FAILED : 0;
}
