/* SPDX-License-Identifier: MIT */
/*
 * Separate debug information, where a file of code names it.
 *
 * libdw opens what it finds at the places that this name can mean, whatever is there, and a pipe has it wait for ever.  The
 * program that was recorded has chosen both, so the places are looked at before: where one has something else than a
 * regular file, libdw does not look.  What is put there between the two looks it meets all the same.
 *
 * Without the name in .gnu_debuglink libdw tries FILE.debug in the same places. Where the path as it is
 * leads to none, it goes on with the resolved one (realpath(3)): both are looked at here.
 */
#include "separate.h"

#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEBUG_FOLDER "/usr/lib/debug"

/*
 * Nothing, or a regular file. A stat(2) that fails is harmless: nothing is there, or it cannot be
 * reached by libdw, either. No memory: not.
 */
__attribute__((format(printf, 1, 2))) static bool is_harmless(const char *format, ...)
{
	char *path = NULL;
	struct stat st;
	bool harmless;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&path, format, args);
	va_end(args);
	if (len < 0)
		return false;
	harmless = stat(path, &st) != 0 || S_ISREG(st.st_mode);
	free(path);
	return harmless;
}

/* All places that libdw tries: the folder of the file, .debug in it, and what begins with a part of its path below DEBUG_FOLDER. */
static bool is_harmless_below(const char *folder, const char *link)
{
	bool harmless = is_harmless("%s/%s", folder, link) && is_harmless("%s/.debug/%s", folder, link) &&
			is_harmless(DEBUG_FOLDER "/%s", link);

	for (const char *part = strchr(folder, '/'); part && harmless; part = strchr(part + 1, '/'))
		harmless = is_harmless(DEBUG_FOLDER "%s/%s", part, link);
	return harmless;
}

/* dirname(3) and basename(3) cut what they are given, so that each gets a copy. */
static bool is_harmless_for(const char *file, const char *link)
{
	char *folder = strdup(file), *name = strdup(file), *own = NULL;
	bool harmless = false;

	if (folder && name && asprintf(&own, "%s.debug", basename(name)) >= 0)
		harmless = is_harmless_below(dirname(folder), link ? link : own);
	free(folder);
	free(name);
	free(own);
	return harmless;
}

/*
 * dwfl_build_id_find_debuginfo() looks in the folder of build-ids alone, which is the machine's and not
 * the program's.
 */
int symbols_find_debuginfo(Dwfl_Module *module, void **user, const char *name, GElf_Addr base,
	const char *file, const char *link, GElf_Word crc, char **found)
{
	char *target = file ? realpath(file, NULL) : NULL;
	bool harmless = (!file || is_harmless_for(file, link)) &&
			(!target || is_harmless_for(target, link)) &&
			(!link || *link != '/' || is_harmless("%s", link));

	free(target);
	return harmless ? dwfl_standard_find_debuginfo(module, user, name, base, file, link, crc, found)
			: dwfl_build_id_find_debuginfo(module, user, name, base, file, link, crc, found);
}
