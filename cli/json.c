/* SPDX-License-Identifier: MIT */
/*
 * JSON: text that is not UTF-8, or not seen, and the promise that nothing is left out.
 *
 * 1. Text.  A path or a command is bytes, a JSON string is Unicode.  A byte that is no part of UTF-8 becomes \xHH, two
 *    hexadecimal digits; a backslash that stands before an x becomes \x5c.  Whoever replaces each \xHH by its byte, from
 *    left to right, has the bytes back; text that is UTF-8 and has no \x is as it was.
 *    A character that is not seen and does something all the same (../lab/unseen.h) is written as JSON's own \uHHHH: who reads
 *    the JSON has it, who looks at it sees it.
 * 2. Nothing left out.  jansson answers NULL when memory runs out, and adding NULL changes nothing.  json_put() and
 *    json_push() remember that, and print_json() prints nothing but a sentence then.
 *
 * One object a process: `incomplete` is never taken back, so a command that printed one half would fail
 * with the next. Members are put by json_put() alone; where json_pack() is used its NULL goes on to
 * json_put() or print_json(), which remember it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lab/unseen.h"
#include "cli.h"
#include "utf8.h"

/*
 * Of this process: something could not be added to what will be printed. Never taken back: a command prints
 * one object.
 */
static bool incomplete;

/*
 * Four bytes for one is the longest form (\xHH), so the room is known before; NUL ends @text and cannot
 * be in it.
 */
json_t *json_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + strlen(text);
	char *buf = malloc(4 * (size_t)(end - s) + 1), *to = buf;
	json_t *string;

	if (!buf) {
		incomplete = true;
		return NULL;
	}
	while (s < end) {
		size_t len = s[0] == '\\' && s[1] == 'x' ? 0 : utf8_length(s, (size_t)(end - s));

		if (len)
			memcpy(to, s, len);
		else
			snprintf(to, 5, "\\x%02x", s[0]);
		to += len ? len : 4;
		s += len ? len : 1;
	}
	string = json_stringn(buf, (size_t)(to - buf));
	incomplete |= !string;
	free(buf);
	return string;
}

bool json_is_incomplete(void)
{
	return incomplete;
}

/* @value is released in any case (jansson's _new), also where @object is NULL. */
void json_put(json_t *object, const char *key, json_t *value)
{
	incomplete |= json_object_set_new(object, key, value) != 0;
}

/* @value is released in any case, as by json_put(). */
void json_push(json_t *array, json_t *value)
{
	incomplete |= json_array_append_new(array, value) != 0;
}

/*
 * jansson's writer leaves out what it has no room for, and does not say so. free() is what jansson is
 * told beside it: its own memory from before comes from malloc(), too.
 */
static void *watched_malloc(size_t size)
{
	void *mem = malloc(size);

	incomplete |= !mem;
	return mem;
}

int print_json(json_t *object)
{
	return write_json(stdout, object);
}

/* jansson escapes those of C0 alone.  Outside of strings there are none.  @text is freed; NULL: no memory. */
static char *escape_unseen(char *text)
{
	size_t more = 0, len;
	char *escaped, *to;

	for (const char *s = text; *s; s += len)
		more += unseen_character((const unsigned char *)s, &len) ? 6 : 0;
	if (!more)
		return text;
	escaped = to = malloc(strlen(text) + more + 1);
	for (const char *s = text; escaped && *s; s += len) {
		unsigned int unseen = unseen_character((const unsigned char *)s, &len);

		if (unseen) {
			to += snprintf(to, 7, "\\u%04x", unseen);
		} else {
			memcpy(to, s, len);
			to += len;
		}
	}
	if (escaped)
		*to = '\0';
	free(text);
	return escaped;
}

/*
 * The order matters: `incomplete` is asked before dumping, for a text of a part is not to be made at all,
 * and behind escaping, which allocates.
 */
char *json_whole(json_t *object, size_t flags)
{
	char *text = NULL;

	/*
	 * For json_dumps() below, whose buffer grows by it; what was allocated before was malloc()'s as
	 * well, so free() fits both.
	 */
	json_set_alloc_funcs(watched_malloc, free);
	if (object && !incomplete)
		text = json_dumps(object, flags);
	text = text ? escape_unseen(text) : NULL;
	incomplete |= !text;
	json_decref(object);
	if (!incomplete)
		return text;
	free(text);
	return NULL;
}

/*
 * 0 or STATUS_FAILED. Six digits of a number are as many as a measured time has; an integer is written
 * whole.
 */
int write_json(FILE *out, json_t *object)
{
	char *text = json_whole(object, JSON_COMPACT | JSON_REAL_PRECISION(6));

	if (!text)
		complain("json", "out of memory: nothing is printed, rather than a part");
	else if (fprintf(out, "%s\n", text) < 0 || fflush(out)) {
		/* Of stdout that is said when the command ends (main.c). */
		if (out != stdout)
			complain("json", "cannot be written to its end: %s", strerror(errno));
		incomplete = true;
	}
	free(text);
	return incomplete ? STATUS_FAILED : 0;
}
