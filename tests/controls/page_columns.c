/* SPDX-License-Identifier: MIT */
/*
 * See page_columns.h.  The shape is that of report/script/data.js: the table below says it a second time, as what is read
 * there; what is behind the last column, or missing of it, is damage.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <jansson.h>

#include "page_columns.h"

enum form { ADDRESS, F64, U32, REASONS, BYTE };

static const struct {
	const char *part, *name;
	enum form form;
} columns[] = { { "rects", "start", ADDRESS }, { "rects", "end", ADDRESS }, { "rects", "born", F64 },
	{ "rects", "ended", F64 }, { "rects", "step", U32 }, { "rects", "lives", U32 },
	{ "rects", "reasons", REASONS }, { "rects", "site", U32 }, { "rects", "name", U32 },
	{ "rects", "stack", U32 }, { "rects", "thread", U32 }, { "rects", "kind", BYTE },
	{ "rects", "prot", BYTE }, { "rects", "needless", BYTE }, { "samples", "time", F64 },
	{ "samples", "step", F64 }, { "samples", "areas", F64 }, { "samples", "bytes", F64 },
	{ "samples", "needless", F64 }, { "samples", "needless bytes", F64 }, { "samples", "calls", F64 },
	{ "samples", "splits", F64 }, { "samples", "merges", F64 }, { "holes", "time", F64 },
	{ "holes", "largest", ADDRESS }, { "holes", "at", ADDRESS }, { "holes", "below 64 KiB", U32 },
	{ "holes", "below 1 MiB", U32 }, { "holes", "below 16 MiB", U32 }, { "holes", "below 256 MiB", U32 },
	{ "holes", "below 4 GiB", U32 }, { "holes", "others", U32 }, { "areas", "start", ADDRESS },
	{ "areas", "end", ADDRESS }, { "areas", "born", F64 }, { "areas", "step", U32 },
	{ "areas", "reasons", REASONS }, { "areas", "name", U32 }, { "areas", "site", U32 },
	{ "areas", "stack", U32 }, { "areas", "thread", U32 }, { "areas", "kind", BYTE },
	{ "areas", "prot", BYTE }, { "areas", "needless", BYTE } };

static const char *const lists[] = { "kinds", "colors", "reasons", "keys", "names", "sites", "stacks" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct data {
	unsigned char *bytes;
	size_t len, at;
	bool damaged;
};

/* What stands in the script element with this id; to be freed.  NULL: there is none. */
static char *script(const char *page, const char *id)
{
	char begin[64];
	const char *at;

	snprintf(begin, sizeof(begin), " id=%s>", id);
	at = strstr(page, begin);
	return at ? strndup(at + strlen(begin), strcspn(at + strlen(begin), "<")) : NULL;
}

/* ---- numbers ---- */

/* -1: a character that base64 does not have. */
static int value_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Four characters are three bytes; each = at the end is one less. */
static size_t from_base64(const char *text, unsigned char *to, bool *damaged)
{
	size_t len = strlen(text), n = 0;

	*damaged = len % 4 != 0;
	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint32_t v = 0;
		int bytes = i + 4 < len || text[i + 3] != '=' ? 3 : text[i + 2] != '=' ? 2 : 1;

		for (int k = 0; k < 4; k++) {
			*damaged |= k <= bytes ? value_of(text[i + k]) < 0 : text[i + k] != '=';
			v = v << 6 | (k <= bytes ? (uint32_t)value_of(text[i + k]) & 63 : 0);
		}
		for (int k = 0; k < bytes; k++)
			to[n++] = (unsigned char)(v >> (16 - 8 * k));
	}
	return n;
}

static struct data data_of(const char *text)
{
	unsigned char *packed = malloc(strlen(text) + 1);
	struct data d = { .bytes = NULL };
	uLongf size = 1 << 20;
	size_t len;
	uLong taken;

	d.bytes = malloc(size);
	if (!packed || !d.bytes)
		abort();
	len = from_base64(text, packed, &d.damaged);
	taken = len;
	d.damaged |= uncompress2(d.bytes, &size, packed, &taken) != Z_OK || taken != len;
	d.len = d.damaged ? 0 : size;
	free(packed);
	return d;
}

static uint64_t number(struct data *d, enum form form)
{
	size_t size = form == BYTE ? 1 : form == U32 || form == REASONS ? 4 : 8;
	uint32_t u32 = 0;
	double f64 = 0;

	if (d->len - d->at < size) {
		d->damaged = true;
		return 0;
	}
	d->at += size;
	if (size == 1)
		return d->bytes[d->at - 1];
	memcpy(size == 4 ? (void *)&u32 : (void *)&f64, d->bytes + d->at - size, size);
	return size == 4 ? u32 : (uint64_t)f64;
}

static void put_reasons(const json_t *keys, uint64_t bits, FILE *out)
{
	const char *between = " ";

	for (size_t i = 0; bits >> i; i++) {
		if (!(bits >> i & 1))
			continue;
		fprintf(out, "%s%s", between, json_string_value(json_array_get(keys, i)));
		between = "+";
	}
	if (!bits)
		fputs(" none", out);
}

static void put_number(const json_t *keys, enum form form, uint64_t n, FILE *out)
{
	if (form == REASONS)
		put_reasons(keys, n, out);
	else if (form == U32 && n == UINT32_MAX)
		fputs(" -", out);
	else
		fprintf(out, form == ADDRESS ? " %" PRIx64 : " %" PRIu64, n);
}

/* ---- the whole ---- */

static json_int_t integer(const json_t *space, const char *name)
{
	return json_integer_value(json_object_get(space, name));
}

static void tell_space(const json_t *meta, const json_t *space, size_t nr, struct data *d, FILE *out)
{
	const json_t *keys = json_object_get(meta, "keys");

	fprintf(out,
		"@%zu process %lld %s, most %lld, from %lld to %lld, peak %lld, left out %lld, since %lld\n",
		nr, integer(space, "pid"), json_string_value(json_object_get(space, "program")),
		integer(space, "most"), integer(space, "begin"), integer(space, "end"),
		integer(space, "peak"), integer(space, "left_out"), integer(space, "since"));
	for (size_t i = 0; i < COUNT(columns) && !d->damaged; i++) {
		fprintf(out, "@%zu %s %s:", nr, columns[i].part, columns[i].name);
		for (json_int_t n = integer(space, columns[i].part); n > 0 && !d->damaged; n--)
			put_number(keys, columns[i].form, number(d, columns[i].form), out);
		fputc('\n', out);
	}
}

static void tell_lists(const json_t *meta, FILE *out)
{
	fprintf(out, "limit %lld, started %lld\n", integer(meta, "limit"), integer(meta, "started"));
	for (size_t i = 0; i < COUNT(lists); i++) {
		fprintf(out, "%s: ", lists[i]);
		json_dumpf(json_object_get(meta, lists[i]), out,
			JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
		fputc('\n', out);
	}
}

bool page_columns_tell(const char *page, FILE *out)
{
	char *text = script(page, "meta"), *packed = script(page, "data");
	json_t *meta = text ? json_loads(text, 0, NULL) : NULL;
	const json_t *spaces = json_object_get(meta, "spaces");
	bool is_page = text && packed;

	if (is_page) {
		struct data d = data_of(packed);

		for (size_t i = 0; i < json_array_size(spaces); i++)
			tell_space(meta, json_array_get(spaces, i), i, &d, out);
		tell_lists(meta, out);
		fputs(!meta || d.damaged || d.at != d.len ? "damaged\n" : "whole\n", out);
		free(d.bytes);
	}
	json_decref(meta);
	free(text);
	free(packed);
	return is_page;
}
