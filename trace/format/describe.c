/* SPDX-License-Identifier: MIT */
/* Calls as text, in the way of strace(1). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vmaple/replay.h>

#include "call_table.h"
#include "uapi.h"

struct flag {
	unsigned long bit;
	const char *name;
};

static const struct flag prot_flags[] = { { PROT_READ, "PROT_READ" }, { PROT_WRITE, "PROT_WRITE" },
	{ PROT_EXEC, "PROT_EXEC" }, { PROT_GROWSDOWN, "PROT_GROWSDOWN" }, { PROT_GROWSUP, "PROT_GROWSUP" },
	{ 0, NULL } };
static const struct flag mmap_flags[] = { { MAP_FIXED, "MAP_FIXED" }, { MAP_ANONYMOUS, "MAP_ANONYMOUS" },
	{ MAP_32BIT, "MAP_32BIT" }, { MAP_GROWSDOWN, "MAP_GROWSDOWN" }, { MAP_DENYWRITE, "MAP_DENYWRITE" },
	{ MAP_LOCKED, "MAP_LOCKED" }, { MAP_NORESERVE, "MAP_NORESERVE" }, { MAP_POPULATE, "MAP_POPULATE" },
	{ MAP_NONBLOCK, "MAP_NONBLOCK" }, { MAP_STACK, "MAP_STACK" }, { MAP_HUGETLB, "MAP_HUGETLB" },
	{ MAP_SYNC, "MAP_SYNC" }, { MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE" }, { 0, NULL } };
static const struct flag mremap_flags[] = { { 1, "MREMAP_MAYMOVE" }, { 2, "MREMAP_FIXED" },
	{ 4, "MREMAP_DONTUNMAP" }, { 0, NULL } };

static const char *const advices[104] = { "MADV_NORMAL", "MADV_RANDOM", "MADV_SEQUENTIAL", "MADV_WILLNEED",
	"MADV_DONTNEED", [8] = "MADV_FREE", "MADV_REMOVE", "MADV_DONTFORK", "MADV_DOFORK", "MADV_MERGEABLE",
	"MADV_UNMERGEABLE", "MADV_HUGEPAGE", "MADV_NOHUGEPAGE", "MADV_DONTDUMP", "MADV_DODUMP",
	"MADV_WIPEONFORK", "MADV_KEEPONFORK", "MADV_COLD", "MADV_PAGEOUT", "MADV_POPULATE_READ",
	"MADV_POPULATE_WRITE", "MADV_DONTNEED_LOCKED", "MADV_COLLAPSE", [102] = "MADV_GUARD_INSTALL",
	"MADV_GUARD_REMOVE" };

/* Appends, and never beyond the end. */
struct text {
	char *buf;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = t->len + (size_t)n < t->size ? t->len + (size_t)n : t->size - 1;
}

static void add_flags(struct text *t, const struct flag *flags, unsigned long v, const char *none)
{
	bool first = true;

	for (; flags->name; flags++) {
		if ((v & flags->bit) != flags->bit)
			continue;
		add(t, "%s%s", first ? "" : "|", flags->name);
		first = false;
		v &= ~flags->bit;
	}
	if (v)
		add(t, "%s%#lx", first ? "" : "|", v);
	else if (first)
		add(t, "%s", none);
}

static void add_mmap_flags(struct text *t, unsigned long v)
{
	static const char *const types[] = { "MAP_FILE", "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE" };
	unsigned long type = v & MAP_TYPE;

	add(t, "%s", type < 4 ? types[type] : type == 8 ? "MAP_DROPPABLE" : "MAP_?");
	if (v & ~(unsigned long)MAP_TYPE) {
		add(t, "|");
		add_flags(t, mmap_flags, v & ~(unsigned long)MAP_TYPE, "");
	}
}

static void add_argument(struct text *t, enum call_argument kind, uint64_t v)
{
	switch (kind) {
	case CALL_NO_MORE:
		break;
	case CALL_ADDR:
		v ? add(t, "%#" PRIx64, v) : add(t, "NULL");
		break;
	case CALL_SIZE:
		add(t, "%" PRIu64, v);
		break;
	case CALL_NUMBER:
		add(t, "%d", (int)v);
		break;
	case CALL_HEX:
		v ? add(t, "%#" PRIx64, v) : add(t, "0");
		break;
	case CALL_PROT:
		add_flags(t, prot_flags, v, "PROT_NONE");
		break;
	case CALL_MREMAP_FLAGS:
		add_flags(t, mremap_flags, v, "0");
		break;
	case CALL_MMAP_FLAGS:
		add_mmap_flags(t, v & 0xffffffff);
		break;
	case CALL_ADVICE:
		v < 104 && advices[v] ? add(t, "%s", advices[v]) : add(t, "%d", (int)v);
		break;
	}
}

const char *trace_call_name(uint32_t nr)
{
	const struct call_row *row = call_of(nr);

	return row ? row->name : NULL;
}

const char *trace_call_text(const struct trace_call *call, char *buf, size_t size)
{
	static const struct call_row unknown = { .name = "syscall",
		.args = { CALL_HEX, CALL_HEX, CALL_HEX, CALL_HEX, CALL_HEX, CALL_HEX } };
	const struct call_row *row = call_of(call->nr);
	struct text t = { buf, size, 0 };

	if (!row)
		row = &unknown;
	add(&t, "%s(", row->name);
	for (int i = 0; i < 6 && row->args[i] != CALL_NO_MORE; i++) {
		if (i)
			add(&t, ", ");
		add_argument(&t, row->args[i], call->args[i]);
	}
	add(&t, ")");
	return buf;
}
