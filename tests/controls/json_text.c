/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as text in JSON: what is UTF-8 arrives as it is, each other byte as \xHH, and the bytes can be had back. What is
 * UTF-8, jansson says, which takes nothing else for a string.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"

static uint64_t seed = 1;

static unsigned int below(unsigned int n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(seed >> 33) % n;
}

static bool is_text(const char *bytes, size_t len)
{
	json_t *string = json_stringn(bytes, len);
	bool is = string != NULL;

	json_decref(string);
	return is;
}

/* As many of the bytes as are one character, which no shorter part is; 0: they begin with none. */
static size_t character(const char *bytes)
{
	for (size_t len = 1; len <= 4 && bytes[len - 1]; len++)
		if (is_text(bytes, len))
			return len;
	return 0;
}

static void expected(const char *bytes, char *to)
{
	while (*bytes) {
		size_t len = strncmp(bytes, "\\x", 2) ? character(bytes) : 0;

		if (len)
			to = (char *)memcpy(to, bytes, len) + len;
		else
			to += sprintf(to, "\\x%02x", (unsigned char)*bytes);
		bytes += len ? len : 1;
	}
	*to = '\0';
}

static void check(const char *bytes)
{
	json_t *string = json_text(bytes);
	char want[256];

	expected(bytes, want);
	assert_non_null(string);
	assert_string_equal(json_string_value(string), want);
	assert_int_equal(json_string_length(string), strlen(want));
	json_decref(string);
	assert_false(json_is_incomplete());
}

/* Where a rule of UTF-8 begins or ends. */
static const unsigned char edges[] = { 0x01, 0x5c, 0x78, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
	0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static void test_every_pair_of_bytes(void **state)
{
	(void)state;
	for (int a = 1; a < 256; a++) {
		check((char[]){ (char)a, 0 });
		for (int b = 1; b < 256; b++)
			check((char[]){ (char)a, (char)b, 0 });
	}
}

static void test_every_three_and_four_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDGES * EDGES * EDGES; i++) {
		char bytes[5] = { (char)edges[i % EDGES], (char)edges[i / EDGES % EDGES],
			(char)edges[i / EDGES / EDGES], 0, 0 };

		check(bytes);
		for (size_t last = 0; last < EDGES; last++) {
			bytes[3] = (char)edges[last];
			check(bytes);
		}
	}
}

static void test_longer_texts(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		char bytes[24] = "";

		for (unsigned int at = 0, len = below(sizeof(bytes)); at < len; at++)
			bytes[at] = (char)edges[below(EDGES)];
		check(bytes);
	}
}

/* A character that turns what is beside it, and one of the controls behind ASCII. */
static void test_what_is_not_seen_is_written_by_its_number(void **state)
{
	json_t *object = json_object();
	char *text;

	(void)state;
	json_put(object, "a", json_text("x\u202ey\xc2\x85z\u00e9"));
	text = json_whole(object, JSON_COMPACT);
	assert_string_equal(text, "{\"a\":\"x\\u202ey\\u0085z\u00e9\"}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair_of_bytes),
		cmocka_unit_test(test_every_three_and_four_edges),
		cmocka_unit_test(test_longer_texts),
		cmocka_unit_test(test_what_is_not_seen_is_written_by_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
