/* SPDX-License-Identifier: MIT */
/* Calls as text, in the way of strace(1). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "uapi.h"

/* How an argument is written. */
enum kind { NONE, ADDR, SIZE, PROT, MMAP_FLAGS, MREMAP_FLAGS, ADVICE, NUMBER, HEX };

struct shape {
	uint32_t nr;
	const char *name;
	enum kind args[6];
};

static const struct shape shapes[] = {
	{ SYS_mmap, "mmap", { ADDR, SIZE, PROT, MMAP_FLAGS, NUMBER, HEX } },
	{ SYS_munmap, "munmap", { ADDR, SIZE } },
	{ SYS_mprotect, "mprotect", { ADDR, SIZE, PROT } },
	{ SYS_pkey_mprotect, "pkey_mprotect", { ADDR, SIZE, PROT, NUMBER } },
	{ SYS_mremap, "mremap", { ADDR, SIZE, SIZE, MREMAP_FLAGS, ADDR } },
	{ SYS_brk, "brk", { ADDR } },
	{ SYS_madvise, "madvise", { ADDR, SIZE, ADVICE } },
	{ SYS_mlock, "mlock", { ADDR, SIZE } },
	{ SYS_mlock2, "mlock2", { ADDR, SIZE, HEX } },
	{ SYS_munlock, "munlock", { ADDR, SIZE } },
	{ SYS_mlockall, "mlockall", { HEX } },
	{ SYS_munlockall, "munlockall", { NONE } },
	{ SYS_mseal, "mseal", { ADDR, SIZE, HEX } },
	{ SYS_process_madvise, "process_madvise", { NUMBER, ADDR, NUMBER, ADVICE, HEX } },
	{ SYS_prctl, "prctl", { HEX, HEX, ADDR, SIZE, ADDR } },
	{ SYS_arch_prctl, "arch_prctl", { HEX, ADDR } },
	{ SYS_mbind, "mbind", { ADDR, SIZE, NUMBER, ADDR, NUMBER, HEX } },
	{ SYS_set_mempolicy_home_node, "set_mempolicy_home_node", { ADDR, SIZE, NUMBER, HEX } },
	{ SYS_shmat, "shmat", { NUMBER, ADDR, HEX } },
	{ SYS_shmdt, "shmdt", { ADDR } },
	{ SYS_ioctl, "ioctl", { NUMBER, HEX, ADDR } },
	{ SYS_remap_file_pages, "remap_file_pages", { ADDR, SIZE, PROT, NUMBER, HEX } },
	{ SYS_io_setup, "io_setup", { NUMBER, ADDR } },
	{ SYS_io_destroy, "io_destroy", { ADDR } },
	{ SYS_map_shadow_stack, "map_shadow_stack", { ADDR, SIZE, HEX } },
};

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

static void add_argument(struct text *t, enum kind kind, uint64_t v)
{
	switch (kind) {
	case NONE:
		break;
	case ADDR:
		v ? add(t, "%#" PRIx64, v) : add(t, "NULL");
		break;
	case SIZE:
		add(t, "%" PRIu64, v);
		break;
	case NUMBER:
		add(t, "%d", (int)v);
		break;
	case HEX:
		v ? add(t, "%#" PRIx64, v) : add(t, "0");
		break;
	case PROT:
		add_flags(t, prot_flags, v, "PROT_NONE");
		break;
	case MREMAP_FLAGS:
		add_flags(t, mremap_flags, v, "0");
		break;
	case MMAP_FLAGS:
		add_mmap_flags(t, v & 0xffffffff);
		break;
	case ADVICE:
		v < 104 && advices[v] ? add(t, "%s", advices[v]) : add(t, "%d", (int)v);
		break;
	}
}

static const struct shape *shape_of(uint32_t nr)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].nr == nr)
			return &shapes[i];
	return NULL;
}

const char *trace_call_name(uint32_t nr)
{
	const struct shape *s = shape_of(nr);

	return s ? s->name : NULL;
}

const char *trace_call_text(const struct trace_call *call, char *buf, size_t size)
{
	static const struct shape unknown = { 0, "syscall", { HEX, HEX, HEX, HEX, HEX, HEX } };
	const struct shape *s = shape_of(call->nr);
	struct text t = { buf, size, 0 };

	if (!s)
		s = &unknown;
	add(&t, "%s(", s->name);
	for (int i = 0; i < 6 && s->args[i] != NONE; i++) {
		if (i)
			add(&t, ", ");
		add_argument(&t, s->args[i], call->args[i]);
	}
	add(&t, ")");
	return buf;
}
