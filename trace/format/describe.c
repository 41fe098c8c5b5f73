/* SPDX-License-Identifier: MIT */
/*
 * Calls as text, in the way of strace(1).
 *
 * Only what the call itself says is written, no memory is looked at: pointers are numbers, names and
 * vectors (call->data) are left to who asks. The text is cut where the buffer ends, and may end in the
 * middle of an argument.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vmaple/trace.h>

#include "call_table.h"
#include "constants.h"
#include "uapi.h"

/* Appends, and never beyond the end. Invariant: len < size, and buf[len] is NUL. size is at least 1. */
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

/*
 * The constants that are one bit; what is left as a number, at the end. PROT_NONE and other zeros are no
 * bits: @none stands for nothing at all.
 */
static void add_flags(struct text *t, const struct constant *flags, uint64_t v, const char *none)
{
	bool first = true;

	for (; flags->name; flags++) {
		bool one_bit = flags->value && !(flags->value & (flags->value - 1));

		if (!one_bit || !(v & flags->value))
			continue;
		add(t, "%s%s", first ? "" : "|", flags->name);
		first = false;
		v &= ~flags->value;
	}
	if (v)
		add(t, "%s%#" PRIx64, first ? "" : "|", v);
	else if (first)
		add(t, "%s", none);
}

/*
 * The constant that has this value, or the number. A number as int: advices are, and a wrong one is best
 * seen as the program wrote it.
 */
static void add_constant(struct text *t, const struct constant *of, uint64_t v)
{
	for (; of->name; of++) {
		if (of->value == v) {
			add(t, "%s", of->name);
			return;
		}
	}
	add(t, "%d", (int)v);
}

/*
 * MAP_TYPE is no set of bits (MAP_SHARED_VALIDATE is 3), and the size of huge pages is a number in the
 * upper six bits: both are taken out before the rest is named.
 */
static void add_mmap_flags(struct text *t, uint64_t v)
{
	uint64_t type = v & MAP_TYPE, size = v & MAP_HUGETLB ? v >> MAP_HUGE_SHIFT & MAP_HUGE_MASK : 0;

	add_constant(t, mmap_constants, type);
	v &= ~(type | size << MAP_HUGE_SHIFT);
	if (v) {
		add(t, "|");
		add_flags(t, mmap_constants, v, "");
	}
	if (size)
		add(t, "|%" PRIu64 "<<MAP_HUGE_SHIFT", size);
}

/*
 * Which kind each argument has is in the table (system_calls.h); a number that takes 64 bits is
 * CALL_SIZE.
 */
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
		add_flags(t, prot_constants, v, "PROT_NONE");
		break;
	case CALL_MREMAP_FLAGS:
		add_flags(t, mremap_constants, v, "0");
		break;
	case CALL_MMAP_FLAGS:
		/*
		 * ksys_mmap_pgoff() takes an unsigned long, but the flags of all machines are in the lower
		 * half; the upper one is what a register happened to hold.
		 */
		add_mmap_flags(t, v & 0xffffffff);
		break;
	case CALL_ADVICE:
		add_constant(t, advice_constants, v);
		break;
	}
}

/* The text is the table's and lives for ever. */
const char *trace_call_name(uint32_t nr)
{
	const struct call_row *row = call_of(nr);

	return row ? row->name : NULL;
}

const char *trace_error_name(int error)
{
	switch (error) {
	case ERESTARTSYS:
		return "ERESTARTSYS";
	case ERESTARTNOINTR:
		return "ERESTARTNOINTR";
	case ERESTARTNOHAND:
		return "ERESTARTNOHAND";
	case ERESTART_RESTARTBLOCK:
		return "ERESTART_RESTARTBLOCK";
	default:
		return strerrorname_np(error);
	}
}

/*
 * Cut off where @buf ends, always with its NUL. Without the result: who prints it knows how to name
 * errors. A call that the table does not have is "syscall(...)" with its six arguments.
 */
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
