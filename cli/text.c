/* SPDX-License-Identifier: MIT */
/*
 * Text for a terminal of 80 columns, and the same things as JSON.
 *
 * Lines break at blanks only: a word that is longer than the room, such as a path or an address, stays whole and
 * reaches beyond it, for it is what a person copies. Functions that return text write it into the caller's buffer and
 * return that, so that they can be arguments of printf(3); two of them in one call need two buffers.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vmaple/symbols.h>

#include "text.h"

/*
 * Bytes are counted, not columns: a line of text that is not ASCII is a little shorter than it might be.
 * Nothing at all is printed for an empty text.
 *
 * A word that reaches beyond the room ends its line there; the blank behind it is where the next begins.
 */
void print_wrapped_behind(FILE *out, size_t column, const char *text)
{
	const size_t room = TEXT_WIDTH - column;

	while (*text) {
		size_t len = strlen(text), n = len;

		if (len > room) {
			/* The last blank within the room, or else the end of the first word. */
			n = room;
			while (n && text[n] != ' ')
				n--;
			if (!n)
				n = strcspn(text, " ");
		}
		print_quoted(out, text, n);
		fputc('\n', out);
		text += n;
		text += strspn(text, " ");
		if (*text)
			fprintf(out, "%*s", (int)column, "");
	}
}

/* Nothing at all of an empty text, @first neither. */
void print_wrapped(const char *first, const char *text)
{
	if (*text)
		fputs(first, stdout);
	print_wrapped_behind(stdout, strlen(first), text);
}

/*
 * Of this process, made at the first name that is asked for and kept to its end: each program file is
 * read once. NULL before, and where there was no memory. Never freed: the process ends with it.
 */
static struct symbols *places;
static bool places_without_memory;

/*
 * The function at a place, where the file is still there and has names. Files are opened once, for all of
 * the process. A module of the whole file: its offset stands for the address.
 */
static bool find_function(const struct explain_site *site, struct symbol *symbol)
{
	const struct trace_module module = { .end = UINT64_MAX, .path = site->module };

	if (!places)
		places = symbols_new();
	places_without_memory |= !places;
	return places && symbol_find(places, &module, 0, site->offset, symbol);
}

/* Of this process, since its beginning. */
bool site_text_lacked_memory(void)
{
	return places_without_memory || (places && symbols_lacked_memory(places));
}

/*
 * By the file as it is now, which may be another build than the one recorded: symbol_find() of
 * <vmaple/symbols.h> says what it checks.
 */
const char *site_text(const struct explain_site *site, char *buf, size_t size)
{
	const char *slash;
	struct symbol symbol;

	if (!site) {
		snprintf(buf, size, "a place that is not known");
	} else if (!*site->module) {
		snprintf(buf, size, "%#" PRIx64 " (no file)", site->offset);
	} else if (find_function(site, &symbol)) {
		symbol_text(&symbol, site->offset, buf, size);
	} else {
		slash = strrchr(site->module, '/');
		snprintf(buf, size, "%s+%#" PRIx64, slash ? slash + 1 : site->module, site->offset);
	}
	return buf;
}

/* Commas whatever the locale is: what scripts read has JSON. */
const char *number_text(uint64_t n, char *buf, size_t size)
{
	char digits[32];
	size_t len, out = 0;

	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	len = strlen(digits);
	/* Two bytes at most a digit: a comma and itself; cut off where the buffer ends. */
	for (size_t i = 0; i < len && out + 2 < size; i++) {
		if (i && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

/* In the time zone of who looks, not of who recorded. */
const char *clock_text(const struct trace_header *h, uint64_t time_ns, char *buf, size_t size)
{
	time_t at = (time_t)(h->start_time + time_ns / 1000000000);
	struct tm tm;

	/* 0: an import, or a recorder without a clock. */
	if (!h->start_time || !localtime_r(&at, &tm) || !strftime(buf, size, "%H:%M:%S", &tm))
		*buf = '\0';
	return buf;
}

/* By file and offset, without its function: that is a matter of the reader's files. */
json_t *site_json(const struct explain_site *site)
{
	if (!site)
		return json_null();
	return json_pack("{s:o, s:I}", "module", json_text(site->module), "offset", (json_int_t)site->offset);
}

/* NULL: null of JSON. The keys of calls are there for calls alone; docs/json.md has them all. */
json_t *event_json(const struct explain_event *e)
{
	static const char *const types[] = { [TRACE_EVENT_SPACE] = "space",
		[TRACE_EVENT_MAP] = "map",
		[TRACE_EVENT_CALL] = "call",
		[TRACE_EVENT_FAULT] = "fault",
		[TRACE_EVENT_FORK] = "fork",
		[TRACE_EVENT_EXIT] = "exit" };
	char text[320];
	json_t *o;

	if (!e)
		return json_null();
	o = json_pack("{s:I, s:f, s:i, s:i, s:s, s:o}", "step", (json_int_t)e->step, "seconds",
		(double)e->time_ns / 1e9, "pid", (int)e->pid, "tid", (int)e->tid, "type",
		e->type < sizeof(types) / sizeof(types[0]) && types[e->type] ? types[e->type] : "other",
		"text", json_text(explain_event_text(e, text, sizeof(text))));
	if (o && e->type == TRACE_EVENT_CALL) {
		json_put(o, "call",
			json_text(trace_call_name(e->call.nr) ? trace_call_name(e->call.nr) : "unknown"));
		json_put(o, "result", json_integer((json_int_t)e->call.result));
		json_put(o, "ip", json_integer((json_int_t)e->call.ip));
		json_put(o, "site", site_json(e->site));
		if (e->stack)
			json_put(o, "stack", json_integer(e->stack));
	}
	return o;
}

/* In the order of the enum, by their keys: names are for people and may change. */
json_t *reasons_json(uint32_t reasons)
{
	json_t *a = json_array();

	for (int i = 0; i < EXPLAIN_REASONS; i++)
		if (reasons >> i & 1)
			json_push(a, json_string(explain_reason_key((enum explain_reason)(1 << i))));
	return a;
}
