/* SPDX-License-Identifier: MIT */
/*
 * The public interface: what is known of files is kept, and text is made of what is found.
 *
 * Ownership. struct symbols owns all that it gives out: names, paths and notes are valid until
 * symbols_free(). It is used by one thread at a time.
 *
 *     memory without a file, or of a memfd     perf_map.c: by process and address
 *     a file that cannot be read               "libc.so.6+0x29d90": its offset, or its own address with a bias
 *     a file without that function             the same
 *     all is there                             "malloc+0x15 (libc.so.6)"
 */
#include "symbols_internal.h"

#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 64

/* NULL: no memory. */
struct symbols *symbols_new(void)
{
	return calloc(1, sizeof(struct symbols));
}

static void free_module(void *node)
{
	struct known_module *m = node;

	symbol_file_close(m->file);
	free(m->path);
	free(m);
}

/* NULL is permitted. */
void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	symbols_follow_free(s);
	perf_maps_free(s);
	task_names_free(s);
	plain_names_free(s);
	tdestroy(s->modules, free_module);
	while (s->nr_notes)
		free(s->notes[--s->nr_notes]);
	free(s->notes);
	free(s);
}

/*
 * The first NOTES_MAX are kept: a recording with a thousand changed libraries says enough with these. A
 * path of 4096 bytes fits.
 */
void symbols_add_note(struct symbols *s, const char *fmt, ...)
{
	char text[4400];
	va_list ap;

	if (!s->notes)
		s->notes = calloc(NOTES_MAX, sizeof(*s->notes));
	if (!s->notes || s->nr_notes == NOTES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->notes[s->nr_notes] = strdup(text);
	s->nr_notes += s->notes[s->nr_notes] != NULL;
}

/* NULL: there are not so many. */
const char *symbols_note(const struct symbols *s, unsigned int nr)
{
	return nr < s->nr_notes ? s->notes[nr] : NULL;
}

/* A report that lacks names for this reason has to say so. */
bool symbols_lacked_memory(const struct symbols *s)
{
	return s->lacked_memory;
}

/* Compilers at run time put their code also in files that are memory, where it is mapped twice. */
static bool is_memory(const char *path)
{
	return (*path != '/' && strcmp(path, "[vdso]") != 0) || strncmp(path, "/memfd:", 7) == 0;
}

/* Path, then build-id: the same path with another build-id is another file. */
static int by_what_it_is(const void *a, const void *b)
{
	const struct known_module *x = a, *y = b;
	int path = strcmp(x->path, y->path);

	if (path || x->build_id_len != y->build_id_len)
		return path ? path : x->build_id_len < y->build_id_len ? -1 : 1;
	return memcmp(x->build_id, y->build_id, x->build_id_len);
}

/* The file is opened here, once, whether it can be or not: file NULL stays. */
static struct known_module *new_module(struct symbols *s, const struct known_module *key)
{
	struct known_module *k = malloc(sizeof(*k));

	symbols_note_memory(s, k);
	if (!k)
		return NULL;
	*k = *key;
	k->path = strdup(key->path);
	if (!k->path || !tsearch(k, &s->modules, by_what_it_is)) {
		free(k->path);
		free(k);
		symbols_note_memory(s, false);
		return NULL;
	}
	/* A path without a file, such as [heap] or [anon:...], has nothing to be read. */
	if (*k->path == '/' && !is_memory(k->path))
		k->file = symbol_file_open(s, k);
	return k;
}

/* NULL: no memory, or a build-id longer than a recording can have. */
struct known_module *symbols_module(struct symbols *s, const struct trace_module *m)
{
	struct known_module key = { .path = (char *)m->path, .build_id_len = m->build_id_len };
	struct known_module *const *found;

	if (m->build_id_len > TRACE_BUILD_ID_MAX)
		return NULL;
	if (m->build_id_len)
		memcpy(key.build_id, m->build_id, m->build_id_len);
	found = tfind(&key, &s->modules, by_what_it_is);
	return found ? *found : new_module(s, &key);
}

/* "/usr/lib/libc.so.6" is "libc.so.6"; without a slash all of it. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * True: symbol->function is known. Else module and offset are what is: in the file's own addresses
 * where they can be told, its offset in the file where not, the address where it is in no module.
 */
bool symbols_look_up(
	struct symbols *s, const struct code_at *at, uint32_t pid, uint64_t addr, struct symbol *symbol)
{
	const struct known_module *k;
	uint64_t offset;

	*symbol = (struct symbol){ .offset = addr };
	if (!at || !at->module || is_memory(at->module->path))
		return perf_map_find(s, pid, addr, symbol);
	k = at->module;
	symbol->module = last_part(k->path);
	/*
	 * By the recording's load bias where it has one: the recorder has asked the very file that was
	 * mapped.
	 */
	offset = addr - at->start + at->offset;
	if (at->has_bias)
		symbol->offset = addr - at->bias;
	else if (!k->file || !symbol_file_vaddr(k->file, offset, &symbol->offset))
		symbol->offset = offset;
	if (!k->file || !symbol_file_find(s, k->file, symbol->offset, symbol))
		return false;
	symbol->function = plain_name(s, symbol->function);
	return true;
}

/* Without following a recording: the module is given. NULL: memory without a file. */
bool symbol_find(struct symbols *s, const struct trace_module *module, uint32_t pid, uint64_t addr,
	struct symbol *symbol)
{
	struct code_at at;

	if (!module)
		return symbols_look_up(s, NULL, pid, addr, symbol);
	at = (struct code_at){ .start = module->start,
		.end = module->end,
		.offset = module->offset,
		.bias = module->bias,
		.has_bias = module->has_bias,
		.module = symbols_module(s, module) };
	return symbols_look_up(s, &at, pid, addr, symbol);
}

/* "main+0x3b (prog)", "prog+0x1139", "0x7f00". @buf is given back, cut where it is too small. */
const char *symbol_text(const struct symbol *y, uint64_t addr, char *buf, size_t size)
{
	/* Names in libraries have a version behind an @. */
	int length = y->function ? (int)strcspn(y->function, "@") : 0;

	if (y->function && y->module)
		snprintf(buf, size, "%.*s+%#" PRIx64 " (%s)", length, y->function, y->offset, y->module);
	else if (y->function)
		snprintf(buf, size, "%.*s+%#" PRIx64, length, y->function, y->offset);
	else if (y->module)
		snprintf(buf, size, "%s+%#" PRIx64, y->module, y->offset);
	else
		snprintf(buf, size, "%#" PRIx64, addr);
	return buf;
}
