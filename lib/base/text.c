/* SPDX-License-Identifier: MIT */
/* Text from a format: see text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

/* Where the text goes: beyond the end it is only counted. */
struct text {
	char *buf;
	size_t size, length;
};

/* A %, as it was read. */
struct directive {
	bool left, zeros;
	unsigned int width;
	char conversion; /* what stands behind an l, if there is one */
};

static void put(struct text *text, char c)
{
	if (text->length + 1 < text->size)
		text->buf[text->length] = c;
	text->length++;
}

static void pad(struct text *text, char c, unsigned int width, size_t length)
{
	for (; length < width; length++)
		put(text, c);
}

static void put_padded(struct text *text, const struct directive *d, const char *s, size_t length)
{
	if (!d->left)
		pad(text, ' ', d->width, length);
	for (size_t i = 0; i < length; i++)
		put(text, s[i]);
	if (d->left)
		pad(text, ' ', d->width, length);
}

static void put_number(struct text *text, const struct directive *d, unsigned long value)
{
	char digits[24], *at = digits + sizeof(digits);
	unsigned int base = d->conversion == 'u' ? 10 : 16;

	do
		*--at = "0123456789abcdef"[value % base];
	while (value /= base);
	while (d->zeros && d->width > (size_t)(digits + sizeof(digits) - at) && at > digits)
		*--at = '0';
	if (d->conversion == 'p') {
		*--at = 'x';
		*--at = '0';
	}
	put_padded(text, d, at, (size_t)(digits + sizeof(digits) - at));
}

static const char *read_directive(const char *format, struct directive *d)
{
	*d = (struct directive){ 0 };
	for (; *format == '-' || *format == '0'; format++)
		*(*format == '-' ? &d->left : &d->zeros) = true;
	for (; *format >= '0' && *format <= '9'; format++)
		d->width = d->width * 10 + (unsigned int)(*format - '0');
	while (*format == 'l') /* two of them where a long is too short: tools/amalgamate --llp64 */
		format++;
	d->conversion = *format;
	return *format ? format + 1 : format;
}

int text_format(char *buf, size_t size, const char *format, ...)
{
	struct text text = { buf, size, 0 };
	struct directive d;
	const char *s;
	va_list args;
	char c;

	va_start(args, format);
	while (*format) {
		if (*format != '%') {
			put(&text, *format++);
			continue;
		}
		format = read_directive(format + 1, &d);
		if (d.conversion == 's') {
			s = va_arg(args, const char *);
			put_padded(&text, &d, s, strlen(s));
		} else if (d.conversion == 'c') {
			c = (char)va_arg(args, int);
			put_padded(&text, &d, &c, 1);
		} else if (d.conversion == 'p') {
			put_number(&text, &d, (uintptr_t)va_arg(args, void *));
		} else if (d.conversion == 'u' || d.conversion == 'x') {
			put_number(&text, &d, va_arg(args, unsigned long));
		} else if (d.conversion) {
			put(&text, d.conversion); /* %% */
		}
	}
	va_end(args);
	if (size)
		buf[text.length < size ? text.length : size - 1] = '\0';
	return (int)text.length;
}
