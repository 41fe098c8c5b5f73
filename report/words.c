/* SPDX-License-Identifier: MIT */
/* Strings by number: an array, and a hash table with open addressing over it, at most half full. */
#include <stdlib.h>
#include <string.h>

#include "lives.h"

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	/* FNV-1a */
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return hash;
}

static uint32_t *slot_of(const struct report_words *w, const char *text)
{
	uint32_t at = (uint32_t)hash_of(text) & (w->nr_slots - 1);

	while (w->slots[at] && strcmp(w->word[w->slots[at] - 1], text) != 0)
		at = (at + 1) & (w->nr_slots - 1);
	return &w->slots[at];
}

static bool grow(struct report_words *w)
{
	uint32_t size = w->nr_slots ? w->nr_slots * 2 : 64;
	char **word = realloc(w->word, (size_t)size / 2 * sizeof(*word));
	uint32_t *slots;

	if (!word)
		return false;
	w->word = word;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return false;
	free(w->slots);
	w->slots = slots;
	w->nr_slots = size;
	w->allocated = size / 2;
	for (uint32_t i = 0; i < w->count; i++)
		*slot_of(w, w->word[i]) = i + 1;
	return true;
}

uint32_t report_word(struct report_words *w, const char *text)
{
	uint32_t *slot;

	if (w->count == w->allocated && !grow(w))
		return UINT32_MAX;
	slot = slot_of(w, text);
	if (!*slot) {
		w->word[w->count] = strdup(text);
		if (!w->word[w->count])
			return UINT32_MAX;
		*slot = ++w->count;
	}
	return *slot - 1;
}

void report_words_free(struct report_words *w)
{
	while (w->count)
		free(w->word[--w->count]);
	free(w->word);
	free(w->slots);
	*w = (struct report_words){ 0 };
}
