/* SPDX-License-Identifier: MIT */
/*
 * What the page's script reads: columns of numbers, and JSON for all that is text.
 *
 * 1. Columns.  Numbers are packed column by column, in the order in which script/data.js reads them, for each address space:
 *    rects (start, end, born, ended as doubles; step, lives, reasons, site, name, stack, thread as 32 bits; kind, access,
 *    needless as bytes), samples, free ranges, the areas of the peak.
 * 2. Words.  Names, places and stacks are told as far as each kind has room, those of peaks first; UINT32_MAX is the number of
 *    one that is not told.  What no rect and no area has is not there.
 */
#include "page_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/cli.h"
#include "pack.h"
#include "picture.h"

/* ---- words ---- */

/* The number of what there was no room for; UINT32_MAX: it was not asked for yet. */
#define UNTOLD (UINT32_MAX - 1)

/* One kind of words: which are told, by what number. */
struct told {
	const struct report_words *words;
	uint32_t *number; /* of each word on the page */
	json_t *list;
	size_t room; /* bytes that are left */
	uint64_t untold;
};

static bool told_begin(struct told *t, const struct report_words *words, size_t room)
{
	*t = (struct told){ .words = words,
		.number = malloc((words->count + 1) * sizeof(*t->number)),
		.list = json_array(),
		.room = room };
	for (uint32_t i = 0; t->number && i < words->count; i++)
		t->number[i] = UINT32_MAX;
	return t->number && t->list;
}

static uint32_t told_number(struct told *t, uint32_t word)
{
	size_t size;

	if (word >= t->words->count || t->number[word] == UNTOLD)
		return UINT32_MAX;
	if (t->number[word] != UINT32_MAX)
		return t->number[word];
	size = strlen(t->words->word[word]) + 3;
	if (size > t->room) {
		t->number[word] = UNTOLD;
		t->untold++;
		return UINT32_MAX;
	}
	t->room -= size;
	t->number[word] = (uint32_t)json_array_size(t->list);
	json_push(t->list, json_text(t->words->word[word]));
	return t->number[word];
}

static void told_end(struct told *t)
{
	free(t->number);
	json_decref(t->list);
}

/* Names and places of the areas of peaks, then of rects. */
static bool tell_words(const struct report_page *p, struct told *names, struct told *sites)
{
	bool begun = told_begin(names, p->names, p->max_size / 8);

	begun &= told_begin(sites, p->sites, p->max_size / 8);
	for (int i = 0; begun && i < p->nr_spaces; i++)
		for (uint32_t k = 0; k < p->spaces[i]->nr_areas; k++) {
			told_number(names, p->spaces[i]->areas[k].name);
			told_number(sites, p->spaces[i]->areas[k].site);
		}
	for (int i = 0; begun && i < p->nr_spaces; i++)
		for (uint32_t k = 0; k < p->spaces[i]->nr_rects; k++) {
			told_number(names, p->spaces[i]->rects[k].name);
			told_number(sites, p->spaces[i]->rects[k].site);
		}
	return begun;
}

/* ---- all that is text ---- */

static json_t *names_json(const char *(*name)(int i), int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_push(list, json_string(name(i)));
	return list;
}

static const char *reason_name(int i)
{
	return explain_reason_name((enum explain_reason)(1u << i));
}

static const char *reason_key(int i)
{
	return explain_reason_key((enum explain_reason)(1u << i));
}

static const char *kind_name(int i)
{
	return report_kind_names[i];
}

static json_t *space_json(const struct report *r)
{
	json_t *o = json_object();

	json_put(o, "pid", json_integer(r->survey->pid));
	json_put(o, "program", json_text(r->program ? r->program : "by fork"));
	json_put(o, "rects", json_integer(r->nr_rects));
	json_put(o, "samples", json_integer(r->nr_samples));
	json_put(o, "holes", json_integer(r->nr_holes));
	json_put(o, "areas", json_integer(r->nr_areas));
	json_put(o, "most", json_integer((json_int_t)r->survey->peak_areas));
	json_put(o, "begin", json_integer((json_int_t)r->lives.begin_ns));
	json_put(o, "end", json_integer((json_int_t)r->lives.now_ns));
	json_put(o, "peak", json_integer((json_int_t)r->survey->peak_ns));
	json_put(o, "left_out", json_integer((json_int_t)r->left_out));
	json_put(o, "since", json_integer((json_int_t)r->table.begin_ns));
	return o;
}

static void add_stack(const struct report_page *p, json_t *stacks, uint32_t stack, size_t *size)
{
	uint32_t word = stack < p->nr_stacks ? p->stacks[stack] : UINT32_MAX;
	char key[16];

	snprintf(key, sizeof(key), "%u", stack);
	if (word == UINT32_MAX || *size >= p->max_size / 4 || json_object_get(stacks, key))
		return;
	*size += strlen(p->frames->word[word]);
	json_put(stacks, key, json_text(p->frames->word[word]));
}

/* Frames of the stacks that areas have, by number, those of the peaks first; as much as a quarter of the page may be. */
static json_t *stacks_json(const struct report_page *p)
{
	json_t *stacks = json_object();
	size_t size = 0;

	for (int i = 0; i < p->nr_spaces; i++)
		for (uint32_t k = 0; k < p->spaces[i]->nr_areas; k++)
			add_stack(p, stacks, p->spaces[i]->areas[k].stack, &size);
	for (int i = 0; i < p->nr_spaces; i++)
		for (uint32_t k = 0; k < p->spaces[i]->nr_rects; k++)
			add_stack(p, stacks, p->spaces[i]->rects[k].stack, &size);
	return stacks;
}

static const char *kind_color(int i)
{
	return report_kind_colors[i];
}

static json_t *meta_json(const struct report_page *p, const struct told *names, const struct told *sites)
{
	json_t *o = json_object(), *spaces = json_array();

	for (int i = 0; i < p->nr_spaces; i++)
		json_push(spaces, space_json(p->spaces[i]));
	json_put(o, "spaces", spaces);
	json_put(o, "limit", json_integer((json_int_t)p->header->max_map_count));
	json_put(o, "started", json_integer((json_int_t)p->header->start_time));
	json_put(o, "kinds", names_json(kind_name, REPORT_KINDS));
	json_put(o, "colors", names_json(kind_color, REPORT_KINDS));
	json_put(o, "reasons", names_json(reason_name, EXPLAIN_REASONS));
	json_put(o, "keys", names_json(reason_key, EXPLAIN_REASONS));
	json_put(o, "names", json_incref(names->list));
	json_put(o, "sites", json_incref(sites->list));
	json_put(o, "stacks", stacks_json(p));
	return o;
}

/* ---- columns ---- */

/* What words are told by. */
struct words {
	struct told *names, *sites;
};

#define RECTS(pack, field, r)                        \
	for (uint32_t i = 0; i < (r)->nr_rects; i++) \
	pack(data, (r)->rects[i].field)
#define SAMPLES(field, r)                              \
	for (uint32_t i = 0; i < (r)->nr_samples; i++) \
	pack_f64(data, (double)(r)->samples[i].field)
#define HOLES(pack, field, r)                        \
	for (uint32_t i = 0; i < (r)->nr_holes; i++) \
	pack(data, (r)->holes[i].field)
#define AREAS(pack, field, r)                        \
	for (uint32_t i = 0; i < (r)->nr_areas; i++) \
	pack(data, (r)->areas[i].field)

static void pack_rects(struct pack *data, const struct report *r, const struct words *w)
{
	RECTS(pack_f64, start, r);
	RECTS(pack_f64, end, r);
	RECTS(pack_f64, born_ns, r);
	RECTS(pack_f64, ended_ns, r);
	RECTS(pack_u32, step, r);
	RECTS(pack_u32, lives, r);
	RECTS(pack_u32, reasons, r);
	for (uint32_t i = 0; i < r->nr_rects; i++)
		pack_u32(data, told_number(w->sites, r->rects[i].site));
	for (uint32_t i = 0; i < r->nr_rects; i++)
		pack_u32(data, told_number(w->names, r->rects[i].name));
	RECTS(pack_u32, stack, r);
	RECTS(pack_u32, thread, r);
	RECTS(pack_u8, kind, r);
	RECTS(pack_u8, prot, r);
	RECTS(pack_u8, needless, r);
}

static void pack_numbers(struct pack *data, const struct report *r)
{
	SAMPLES(time_ns, r);
	SAMPLES(step, r);
	SAMPLES(areas, r);
	SAMPLES(bytes, r);
	SAMPLES(needless, r);
	SAMPLES(needless_bytes, r);
	SAMPLES(calls, r);
	SAMPLES(splits, r);
	SAMPLES(merges, r);
	HOLES(pack_f64, time_ns, r);
	HOLES(pack_f64, largest, r);
	HOLES(pack_f64, largest_start, r);
	for (int c = 0; c < REPORT_CLASSES; c++)
		HOLES(pack_u32, ranges[c], r);
}

static void pack_areas(struct pack *data, const struct report *r, const struct words *w)
{
	AREAS(pack_f64, start, r);
	AREAS(pack_f64, end, r);
	AREAS(pack_f64, born_ns, r);
	AREAS(pack_u32, step, r);
	AREAS(pack_u32, reasons, r);
	for (uint32_t i = 0; i < r->nr_areas; i++)
		pack_u32(data, told_number(w->names, r->areas[i].name));
	for (uint32_t i = 0; i < r->nr_areas; i++)
		pack_u32(data, told_number(w->sites, r->areas[i].site));
	AREAS(pack_u32, stack, r);
	AREAS(pack_u32, thread, r);
	AREAS(pack_u8, kind, r);
	AREAS(pack_u8, prot, r);
	AREAS(pack_u8, needless, r);
}

/* ---- the interface ---- */

static char *columns_text(const struct report_page *p, const struct words *w, size_t *len)
{
	struct pack data = { 0 };
	char *text;

	for (int i = 0; i < p->nr_spaces; i++) {
		pack_rects(&data, p->spaces[i], w);
		pack_numbers(&data, p->spaces[i]);
		pack_areas(&data, p->spaces[i], w);
	}
	text = pack_text(&data, len);
	pack_free(&data);
	return text;
}

int page_data_make(struct page_data *d, const struct report_page *p)
{
	struct told names, sites;
	struct words w = { &names, &sites };
	bool told = tell_words(p, &names, &sites);

	*d = (struct page_data){ .columns = NULL };
	if (told) {
		d->columns = columns_text(p, &w, &d->columns_len);
		d->meta = json_whole(meta_json(p, &names, &sites), JSON_COMPACT | JSON_ENSURE_ASCII);
		d->untold = names.untold + sites.untold;
	}
	told_end(&names);
	told_end(&sites);
	if (d->columns && d->meta)
		return 0;
	page_data_free(d);
	return -ENOMEM;
}

void page_data_free(struct page_data *d)
{
	free(d->columns);
	free(d->meta);
	*d = (struct page_data){ .columns = NULL };
}
