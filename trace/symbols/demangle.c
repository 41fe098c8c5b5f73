/* SPDX-License-Identifier: MIT */
/*
 * C++ names as they stand in sources.
 *
 * The demangler is that of the C++ library, __cxa_demangle(), which is on nearly every machine: it is asked for when the first
 * name wants it, so that nothing here needs a C++ library.  Without one the names stay as files have them.
 */
#include "symbols_internal.h"

#include <dlfcn.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define DEMANGLE_NO_MEMORY (-1) /* of __cxa_demangle() */

/*
 * Names are read again and again: each is made once. Both owned; the tree (plain_names) is ordered by
 * the mangled one.
 */
struct plain_name {
	char *mangled, *plain;
};

static int by_mangled(const void *a, const void *b)
{
	return strcmp(((const struct plain_name *)a)->mangled, ((const struct plain_name *)b)->mangled);
}

/*
 * NULL: no such library, or none with that function. It is never closed: dlclose(3) would take the
 * function away. memcpy(3) because ISO C has no conversion from void * to a function's pointer.
 */
static char *(*find_demangler(void))(const char *, char *, size_t *, int *)
{
	void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
	void *function = library ? dlsym(library, "__cxa_demangle") : NULL;
	char *(*demangle)(const char *, char *, size_t *, int *);

	memcpy(&demangle, &function, sizeof(demangle));
	return demangle;
}

static void free_name(void *node)
{
	struct plain_name *n = node;

	free(n->mangled);
	free(n->plain);
	free(n);
}

/*
 * @plain, the demangler's malloc(3), is taken over. Without memory it is lost, and @mangled is
 * the name.
 */
static const char *keep(struct symbols *s, const char *mangled, char *plain)
{
	struct plain_name *n = malloc(sizeof(*n));

	symbols_note_memory(s, n);
	if (!n) {
		free(plain);
		return mangled;
	}
	*n = (struct plain_name){ strdup(mangled), plain };
	if (n->mangled && tsearch(n, &s->plain_names, by_mangled))
		return n->plain;
	free_name(n);
	symbols_note_memory(s, false);
	return mangled;
}

/*
 * Valid as long as @s; O(log names). "_Z" is how the Itanium C++ ABI's mangled names begin, those of
 * Rust's older scheme as well, which come out with their hash behind them.
 */
const char *plain_name(struct symbols *s, const char *name)
{
	const struct plain_name key = { .mangled = (char *)name };
	struct plain_name *const *found;
	char *plain;
	int status = 0;

	if (strncmp(name, "_Z", 2) != 0)
		return name;
	found = tfind(&key, &s->plain_names, by_mangled);
	if (found)
		return (*found)->plain;
	if (!s->demangler_sought)
		s->demangle = find_demangler();
	s->demangler_sought = true;
	plain = s->demangle ? s->demangle(name, NULL, NULL, &status) : NULL;
	s->lacked_memory |= status == DEMANGLE_NO_MEMORY;
	return plain ? keep(s, name, plain) : name;
}

void plain_names_free(struct symbols *s)
{
	tdestroy(s->plain_names, free_name);
}
