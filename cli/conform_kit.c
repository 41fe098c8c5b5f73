/* SPDX-License-Identifier: MIT */
/*
 * vmaple conform: the kit as files for another machine, or run on this one.
 *
 * As files: texts that the build has compiled in (conform_kit_file_at()), sequences.c made from the set,
 * and answers.json, which every known kernel is asked for once more. What is there by such a name is
 * written over; what fails leaves the files before it, for the folder is the caller's.
 *
 * Here: fork, exec of RUNNER and the kit, and a pipe from its stdout. Its stderr and stdin are this
 * command's: an emulator's own complaints shall be seen. conform_end() is wanted behind each
 * conform_start() that gave a stream.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "conforming.h"

/* --- as files ------------------------------------------------------------------------------------------------ */

/* NULL after one sentence. */
static FILE *create(const char *folder, const char *name)
{
	char path[4096];
	FILE *f = NULL;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		f = fopen(path, "we");
	else
		errno = ENAMETOOLONG;
	if (!f)
		complain("conform", "%s/%s: cannot be written: %s", folder, name, strerror(errno));
	return f;
}

/* Close. 0, or STATUS_FAILED after one sentence; @f is gone in any case. */
static int finish(FILE *f, const char *folder, const char *name)
{
	bool failed = ferror(f);

	if (fclose(f) || failed) {
		complain("conform", "%s/%s: cannot be written to its end: %s", folder, name,
			strerror(errno ? errno : EIO));
		return STATUS_FAILED;
	}
	return 0;
}

/* What the kit prints after one call, under the same names. */
static json_t *seen_json(const struct conform_seen *seen)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "result", seen->result, "pages", seen->pages, "bounds",
		seen->bounds, "locks", seen->locks, "areas", seen->areas);
}

/* NULL where memory runs out, which json_push() and print remember. */
static json_t *answers_json(const struct conform_sequence *s, const struct conform_answers *answers)
{
	json_t *calls = json_array();

	for (unsigned int i = 0; i < s->nr; i++)
		json_push(calls, seen_json(&answers->call[i]));
	return json_pack("{s:[], s:o, s:s}", "kernels", "calls", calls, "rights", answers->rights);
}

/*
 * The one of @expected that answers like @mine (which is released), else @mine, which becomes one of them.
 * Belongs to @expected.
 */
static json_t *find_alike(json_t *expected, json_t *mine)
{
	json_t *other;
	size_t i;

	json_array_foreach(expected, i, other)
	{
		if (json_equal(json_object_get(other, "calls"), json_object_get(mine, "calls")) &&
			json_equal(json_object_get(other, "rights"), json_object_get(mine, "rights"))) {
			json_decref(mine);
			return other;
		}
	}
	json_push(expected, mine);
	return mine;
}

/*
 * Series that answer alike stand together. NULL: no memory.
 *
 * In the order of the profiles, oldest first. The kernels of one answer are the names of profiles, of
 * which a series may have two.
 */
static json_t *expected_json(const struct conform_set *set, unsigned int number)
{
	const struct kernel_profile *profile;
	struct conform_answers answers;
	json_t *expected = json_array();

	for (unsigned int p = 0; (profile = kernel_profile_at(p)) != NULL; p++) {
		json_t *alike;

		if (conform_expect(set, number, profile, true, &answers)) {
			json_decref(expected);
			return NULL;
		}
		alike = find_alike(expected, answers_json(&set->sequence[number], &answers));
		json_push(json_object_get(alike, "kernels"), json_string(profile->name));
	}
	return expected;
}

/* One of the set, with what every known kernel answers; NULL inside is remembered (json_push()). */
static json_t *sequence_json(const struct conform_set *set, unsigned int number)
{
	const struct conform_sequence *s = &set->sequence[number];
	json_t *calls = json_array();
	char text[256];

	for (unsigned int i = 0; i < s->nr; i++)
		json_push(
			calls, json_string(conform_call_text(&set->call[s->first + i], text, sizeof(text))));
	return json_pack("{s:i, s:s, s:o, s:o}", "number", (int)number, "name", s->name, "calls", calls,
		"expected", expected_json(set, number));
}

/*
 * 0, or STATUS_FAILED said; ferror() of @out is finish()'s to ask. version, mark and the numbers behind
 * it are what the kit was compiled with: answers of another kit are not judged.
 */
static int write_answers(const struct conform_set *set, FILE *out)
{
	json_t *all = json_array();

	for (unsigned int i = 0; i < set->nr; i++)
		json_push(all, sequence_json(set, i));
	return write_json(out, json_pack("{s:i, s:s, s:i, s:i, s:i, s:o}", "version", CONFORM_VERSION, "mark",
				       set->mark, "window", (int)CONFORM_PAGES, "fence", (int)CONFORM_FENCE,
				       "lockable", (int)CONFORM_LOCKABLE, "sequences", all));
}

/*
 * A folder that is there already is taken as it is (EEXIST); if it is a file, create() says why nothing
 * can be written in it.
 */
int conform_emit(const struct conform_set *set, const char *folder)
{
	const struct conform_kit_file *file;
	int status = 0;
	FILE *f;

	if (mkdir(folder, 0777) && errno != EEXIST) {
		complain("conform", "%s: cannot be made: %s", folder, strerror(errno));
		return STATUS_FAILED;
	}
	for (unsigned int i = 0; !status && (file = conform_kit_file_at(i)) != NULL; i++) {
		f = create(folder, file->name);
		if (!f)
			return STATUS_FAILED;
		fputs(file->text, f);
		status = finish(f, folder, file->name);
	}
	f = status ? NULL : create(folder, "sequences.c");
	if (!f)
		return STATUS_FAILED;
	conform_set_source(set, f);
	status = finish(f, folder, "sequences.c");
	f = status ? NULL : create(folder, "answers.json");
	if (!f)
		return STATUS_FAILED;
	status = write_answers(set, f);
	return finish(f, folder, "answers.json") ? STATUS_FAILED : status;
}

/* --- here ---------------------------------------------------------------------------------------------------- */

/*
 * Beside this program, as it was built, or in libexec, as it was installed; /proc/self/exe, for argv[0]
 * may be found by PATH or be anything. False also without /proc.
 */
static bool find_kit(char *path, size_t size)
{
	static const char *const places[] = { "conform/vmaple-conform", "../libexec/vmaple/vmaple-conform" };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, size, "%s/%s", self, places[i]) < (int)size && access(path, X_OK) == 0)
			return true;
	return false;
}

/*
 * In the child; does not return. The words of the runner, then the kit's path. _exit(): stdio's buffers
 * are the parent's, too.
 *
 * 127 is the shell's status for a program that is not there; the parent shows it behind answers that end
 * before they begin. stdout is the pipe from here on, so the complaint goes to stderr and only flushes an
 * empty buffer.
 */
static void become_kit(char **runner, char *kit, int out)
{
	size_t nr = 0;
	char **words;

	while (runner[nr])
		nr++;
	words = calloc(nr + 2, sizeof(*words));
	if (!words || dup2(out, STDOUT_FILENO) < 0)
		_exit(STATUS_FAILED);
	memcpy(words, runner, nr * sizeof(*words));
	words[nr] = kit;
	execvp(words[0], words);
	complain("conform", "%s: cannot be started: %s", words[0], strerror(errno));
	_exit(127);
}

/*
 * O_CLOEXEC on both ends: the kit must not hold its own reading end, or it would not be told by SIGPIPE
 * that nobody reads. dup2() takes the flag off the copy.
 */
FILE *conform_start(char **runner, pid_t *pid)
{
	char kit[4200];
	int ends[2];
	FILE *from;

	if (!find_kit(kit, sizeof(kit))) {
		complain("conform", "the kit for this machine is not beside this program; `vmaple conform "
				    "--emit` has its "
				    "source");
		return NULL;
	}
	if (pipe2(ends, O_CLOEXEC)) {
		complain("conform", "a pipe: %s", strerror(errno));
		return NULL;
	}
	/* What is in the buffer would be written by both. */
	fflush(stdout);
	*pid = fork();
	if (*pid == 0)
		become_kit(runner, kit, ends[1]);
	close(ends[1]);
	from = *pid > 0 ? fdopen(ends[0], "r") : NULL;
	if (from)
		return from;
	complain("conform", "the kit cannot be started: %s", strerror(errno));
	close(ends[0]);
	/* It may run for long before it writes to nobody. */
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return NULL;
}

/*
 * Closing first: a kit that still writes is ended by SIGPIPE, instead of blocking on a full pipe for ever
 * while it is waited for.
 */
int conform_end(FILE *from, pid_t pid)
{
	int status = 0;

	fclose(from);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return shell_status(status);
}
