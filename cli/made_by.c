/* SPDX-License-Identifier: MIT */
/*
 * Who made a boundary: a call, at a place in the program, or what else it was.
 *
 * A frame's name costs the reading of a program file once, then a search; what is asked again is kept by
 * symbols. Nothing here allocates but that, and a name that could not be made for want of memory is an
 * address or a file with its offset instead: names_lacked_memory() tells, for the text does not.
 */
#include <string.h>

#include "made_by.h"
#include "text.h"

/* Frames that stack_text() writes. The others are counted behind them. */
#define FRAMES_SHOWN 12

/*
 * Without symbols of a recording there are none: every function below then answers as for a call without a
 * stack.
 */
static const struct trace_stack *find_stack(const struct code *code, uint32_t stack)
{
	return code && code->symbols ? symbols_stack(code->symbols, stack) : NULL;
}

/* A stack that was not recorded (number 0) has none. */
uint32_t frames_of(const struct code *code, uint32_t stack)
{
	const struct trace_stack *k = find_stack(code, stack);

	return k ? k->count : 0;
}

/* "" where there is no such frame. */
const char *frame_text(const struct code *code, uint32_t stack, uint32_t nr, char *buf, size_t size)
{
	const struct trace_stack *k = find_stack(code, stack);
	struct symbol symbol;

	*buf = '\0';
	if (!k || nr >= k->count)
		return buf;
	symbols_frame(code->symbols, code->mm, code->pid, k->frames[nr], &symbol);
	return symbol_text(&symbol, k->frames[nr], buf, size);
}

/*
 * What has no room is left out from the outermost frames on; how many were left out for their number
 * stands behind.
 */
const char *stack_text(const struct code *code, uint32_t stack, char *buf, size_t size)
{
	const struct trace_stack *k = find_stack(code, stack);
	uint32_t count = k ? k->count : 0, i;
	const char *module = NULL;
	size_t n = 0;

	*buf = '\0';
	/* snprintf() writes what has room; n stays the length of what is there, so a full buffer ends it. */
	for (i = 0; i < count && i < FRAMES_SHOWN && n + 1 < size; i++) {
		struct symbol symbol;
		const char *own;
		char frame[160];

		symbols_frame(code->symbols, code->mm, code->pid, k->frames[i], &symbol);
		own = symbol.module;
		/* Said once for functions of one file that call each other. */
		if (symbol.function && module && own && strcmp(module, own) == 0)
			symbol.module = NULL;
		module = own;
		snprintf(buf + n, size - n, "%s%s", i ? " < " : "",
			symbol_text(&symbol, k->frames[i], frame, sizeof(frame)));
		n += strlen(buf + n);
	}
	if (i < count && n + 1 < size)
		snprintf(buf + n, size - n, " < %u more", count - i);
	return buf;
}

/*
 * The C library and the loader make calls for others: "libc.so.6" and "libc-2.31.so" of glibc, musl's
 * "libc.musl-...", "ld-linux-...", libpthread of before 2.34.
 *
 * By the beginning of the file's name only: a program may have a library called "libc.mine", which is
 * then passed over.
 */
static bool calls_for_others(const char *module)
{
	static const char *const names[] = { "libc.", "libc-", "ld-", "libpthread" };

	for (size_t i = 0; module && i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(module, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/*
 * The number of the frame that is to blame: the first outside those that call for others. If all are
 * inside, the innermost: a static program has no other module, and its frames no such names.
 */
static uint32_t culprit_of(const struct code *code, const struct trace_stack *k)
{
	for (uint32_t i = 0; i < k->count; i++) {
		struct symbol symbol;

		symbols_frame(code->symbols, code->mm, code->pid, k->frames[i], &symbol);
		if (!calls_for_others(symbol.module))
			return i;
	}
	return 0;
}

/*
 * With a stack the site is not asked: it is where the system call was made, most often in the C library
 * itself.
 */
const char *place_text(
	const struct code *code, const struct explain_site *site, uint32_t stack, char *buf, size_t size)
{
	const struct trace_stack *k = find_stack(code, stack);

	return k ? frame_text(code, stack, culprit_of(code, k), buf, size) : site_text(site, buf, size);
}

/* By what put the lower end there: the kinds that are no call have words of their own. */
const char *made_by_group(const struct code *code, const struct explain_group *g, char *buf, size_t size)
{
	const char *call = trace_call_name(g->call_nr);
	char where[160];

	if (!g->birth_type)
		snprintf(buf, size, "before the recording");
	else if (g->birth_type == TRACE_EVENT_FAULT)
		snprintf(buf, size, "a stack that grew");
	else if (g->birth_type != TRACE_EVENT_CALL)
		snprintf(buf, size, "exec, or there before");
	else
		snprintf(buf, size, "%s at %s", call ? call : "a call",
			place_text(code, g->site, g->stack, where, sizeof(where)));
	return buf;
}

/* NULL: there before the recording. */
const char *made_by_event(const struct code *code, const struct explain_event *birth, char *buf, size_t size)
{
	/* ~0U is no call's number: trace_call_name() gives NULL. */
	struct explain_group g = { .call_nr = ~0U };

	if (birth) {
		g.birth_type = birth->type;
		g.call_nr = birth->call.nr;
		g.stack = birth->stack;
		g.site = birth->site;
	}
	return made_by_group(code, &g, buf, size);
}

/*
 * "commit+0x23 (libfoo.so.1.2)" becomes "commit (libfoo.so)"; what has no function stays: its offset is
 * all it has.
 *
 * Two builds shift code inside of functions and rename libraries (.so.1.2.3), and keep the names of both.
 */
void made_by_any_build(char *text)
{
	char *plus = strstr(text, "+0x"), *end, *library;
	size_t digits = plus ? strspn(plus + 3, "0123456789abcdef") : 0;

	/* Only behind the name of a function: it has its module in brackets. */
	if (!plus || strncmp(plus + 3 + digits, " (", 2) != 0)
		return;
	memmove(plus, plus + 3 + digits, strlen(plus + 3 + digits) + 1);
	library = strstr(plus, ".so.");
	end = library ? strchr(library, ')') : NULL;
	if (end)
		memmove(library + 3, end, strlen(end) + 1);
}

/* Asked when all has been named: it is a question about what was printed. */
bool names_lacked_memory(const struct symbols *symbols)
{
	return site_text_lacked_memory() || (symbols && symbols_lacked_memory(symbols));
}
