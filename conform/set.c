/* SPDX-License-Identifier: MIT */
/* The set of all sequences, and its two forms: calls for people, C source for the kit. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <vmaple/replay.h>

#include "notation.h"

#define MOST_SEQUENCES 1024U

/* --- together ------------------------------------------------------------------------------------------------ */

static unsigned int needs_of(const struct conform_call *call, unsigned int nr)
{
	unsigned int needs = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if (call[i].op == CONFORM_FORK)
			needs |= CONFORM_NEEDS_FORK;
		if (call[i].op == CONFORM_MMAP && call[i].arg[4] == CONFORM_MEMFD)
			needs |= CONFORM_NEEDS_MEMFD;
		if (call[i].op == CONFORM_MMAP && call[i].arg[4] == CONFORM_READ_ONLY)
			needs |= CONFORM_NEEDS_READ_ONLY;
	}
	return needs;
}

static void add(struct conform_set *set, const char *name, const struct conform_call *call, unsigned int nr)
{
	set->sequence[set->nr++] = (struct conform_sequence){
		.name = name, .first = set->nr_calls, .nr = nr, .needs = needs_of(call, nr)
	};
	memcpy(set->call + set->nr_calls, call, nr * sizeof(*call));
	set->nr_calls += nr;
}

static void add_named(struct conform_set *set)
{
	const struct conform_named *named;

	for (unsigned int i = 0; (named = conform_named_at(i)) != NULL; i++) {
		unsigned int nr = 0;

		while (nr < CONFORM_MAX_CALLS && named->call[nr].op != CONFORM_NOTHING)
			nr++;
		add(set, named->name, named->call, nr);
	}
}

static void add_generated(struct conform_set *set)
{
	struct conform_call call[CONFORM_MAX_CALLS] = { 0 };
	unsigned int nr = 0;
	const char *family_name;

	for (unsigned int family = 0; conform_generate(family, 0, call, &nr); family++) {
		for (unsigned int i = 0; (family_name = conform_generate(family, i, call, &nr)) != NULL;
			i++) {
			char *name = set->name[set->nr];

			snprintf(name, CONFORM_NAME_SIZE, "%s-%u", family_name, i);
			add(set, name, call, nr);
		}
	}
}

/* FNV-1a: Fowler, Noll and Vo. */
static void mark(struct conform_set *set)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (unsigned int i = 0; i < set->nr_calls; i++) {
		hash = (hash ^ (uint64_t)set->call[i].op) * 0x100000001b3ULL;
		for (unsigned int j = 0; j < 6; j++)
			hash = (hash ^ set->call[i].arg[j]) * 0x100000001b3ULL;
	}
	snprintf(set->mark, sizeof(set->mark), "%016" PRIx64, hash);
}

struct conform_set *conform_set_new(void)
{
	struct conform_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->sequence = calloc(MOST_SEQUENCES, sizeof(*set->sequence));
	set->call = calloc((size_t)MOST_SEQUENCES * CONFORM_MAX_CALLS, sizeof(*set->call));
	set->name = calloc(MOST_SEQUENCES, sizeof(*set->name));
	if (!set->sequence || !set->call || !set->name) {
		conform_set_free(set);
		return NULL;
	}
	add_named(set);
	add_generated(set);
	mark(set);
	return set;
}

void conform_set_free(struct conform_set *set)
{
	if (!set)
		return;
	free(set->sequence);
	free(set->call);
	free(set->name);
	free(set);
}

/* --- for people ---------------------------------------------------------------------------------------------- */

/* As numbers of system calls; 0: none that recordings have. */
static uint32_t number_of(enum conform_op op)
{
	static const uint32_t numbers[CONFORM_OPS] = { [CONFORM_MMAP] = SYS_mmap,
		[CONFORM_MUNMAP] = SYS_munmap,
		[CONFORM_MPROTECT] = SYS_mprotect,
		[CONFORM_MREMAP] = SYS_mremap,
		[CONFORM_MADVISE] = SYS_madvise,
		[CONFORM_MLOCK] = SYS_mlock2,
		[CONFORM_MUNLOCK] = SYS_munlock,
		[CONFORM_MLOCKALL] = SYS_mlockall,
		[CONFORM_MUNLOCKALL] = SYS_munlockall,
		[CONFORM_BRK] = SYS_brk,
		[CONFORM_REMAP_FILE_PAGES] = SYS_remap_file_pages };

	return numbers[op];
}

static const char *other_text(
	const struct conform_call *call, const struct trace_call *t, char *buf, size_t size)
{
	if (call->op == CONFORM_MSYNC)
		snprintf(buf, size, "msync(%#" PRIx64 ", %" PRIu64 ", %#" PRIx64 ")", t->args[0], t->args[1],
			t->args[2]);
	else if (call->op == CONFORM_WRITE || call->op == CONFORM_READ)
		snprintf(buf, size,
			call->op == CONFORM_WRITE ? "read(pipe, %#" PRIx64 ", 1)"
						  : "write(pipe, %#" PRIx64 ", 1)",
			t->args[0]);
	else
		snprintf(buf, size, call->op == CONFORM_FORK ? "fork()" : "exit(0)");
	return buf;
}

const char *conform_call_text(const struct conform_call *call, char *buf, size_t size)
{
	static const int64_t files[] = { -1, 3, 4, 5, 999 }; /* as the kit happens to have them */
	bool mlock = call->op == CONFORM_MLOCK && !call->arg[2];
	struct trace_call t = { .nr = mlock ? SYS_mlock : number_of(call->op) };

	for (unsigned int i = 0; i < 6; i++)
		t.args[i] = conform_value(call->arg[i], CONFORM_WINDOW_SHOWN, CONFORM_HEAP_SHOWN, 4096);
	if (call->op == CONFORM_MMAP && call->arg[4] < sizeof(files) / sizeof(files[0]))
		t.args[4] = (uint64_t)files[call->arg[4]];
	return number_of(call->op) ? trace_call_text(&t, buf, size) : other_text(call, &t, buf, size);
}

/* --- for the kit --------------------------------------------------------------------------------------------- */

void conform_set_source(const struct conform_set *set, FILE *out)
{
	fprintf(out,
		"/* Made by `vmaple conform --emit`: the calls, each with its arguments as sequence.h has "
		"them. */\n"
		"#include \"kit.h\"\n\n"
		"const char conform_mark[] = \"%s\";\n"
		"const unsigned int conform_nr_sequences = %u;\n\n"
		"const struct conform_call conform_calls[] = {\n",
		set->mark, set->nr);
	for (unsigned int i = 0; i < set->nr_calls; i++) {
		const struct conform_call *c = &set->call[i];

		fprintf(out, "\t{ (enum conform_op)%d, {", c->op);
		for (unsigned int j = 0; j < 6; j++)
			fprintf(out, "%s %#lxUL", j ? "," : "", c->arg[j]);
		fprintf(out, " } },\n");
	}
	fprintf(out, "};\n\nconst struct conform_sequence conform_sequences[] = {\n");
	for (unsigned int i = 0; i < set->nr; i++) {
		const struct conform_sequence *s = &set->sequence[i];

		fprintf(out, "\t{ \"%s\", %u, %u, %u },\n", s->name, s->first, s->nr, s->needs);
	}
	fprintf(out, "};\n");
}
