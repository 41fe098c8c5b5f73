/* SPDX-License-Identifier: MIT */
/*
 * A file, line by line, in memory that does not depend on its length.
 *
 * The buffer holds whole lines and the beginning of one; it grows to LINE_MAX_BYTES for a long line, of which then only
 * the beginning is given (too_long).  A last line without a newline is a line.
 *
 * The line that was given lies in the buffer, and the next call may move it: whoever needs it longer
 * copies it. A file may grow while it is read (a log of something that runs), and is read as far as it
 * goes then. An import opens its first file more than once (form, page size, faults, lines), each time
 * from the beginning.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

/*
 * A folder can be opened and not read; asked here, the error is of the opening, where people look for
 * it. When it fails l->buf is NULL, and lines_close() does nothing. @buffer: bytes to begin with; many
 * files at once (-ff) have small ones.
 */
int lines_open(struct lines *l, const char *path, size_t buffer)
{
	struct stat st;

	*l = (struct lines){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (l->fd < 0)
		return -errno;
	if (fstat(l->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(l->fd);
		return -EISDIR;
	}
	l->total = fstat(l->fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	l->size = buffer;
	l->buf = malloc(l->size + 1);
	if (l->buf)
		return 0;
	close(l->fd);
	return -ENOMEM;
}

/* May be called twice. */
void lines_close(struct lines *l)
{
	if (!l->buf)
		return;
	close(l->fd);
	free(l->buf);
	l->buf = NULL;
}

/*
 * More bytes behind those that are there. False: none came. What is there moves to the beginning of the
 * buffer first, so that a line is whole in it. False also without memory and on errors: l->error tells.
 */
static bool fill(struct lines *l)
{
	ssize_t got;

	if (l->begin) {
		memmove(l->buf, l->buf + l->begin, l->end - l->begin);
		l->end -= l->begin;
		l->begin = 0;
	}
	if (l->end == l->size) {
		char *grown = realloc(l->buf, l->size * 2 + 1);

		if (!grown) {
			l->error = -ENOMEM;
			return false;
		}
		l->buf = grown;
		l->size *= 2;
	}
	do
		got = read(l->fd, l->buf + l->end, l->size - l->end);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		l->error = -errno;
	if (got <= 0) {
		l->at_end = true;
		return false;
	}
	l->end += (size_t)got;
	l->done += (uint64_t)got;
	return true;
}

/* The rest of a line of which the beginning was given. */
static void skip_line(struct lines *l)
{
	for (;;) {
		char *newline = memchr(l->buf + l->begin, '\n', l->end - l->begin);

		if (newline) {
			l->begin = (size_t)(newline - l->buf) + 1;
			return;
		}
		/* All of it is of the line that is skipped: the buffer does not grow for it. */
		l->begin = l->end = 0;
		if (!fill(l))
			return;
	}
}

/*
 * @len bytes of it are the line, @used are gone with it: one more where a newline was. A carriage
 * return before the newline is of a file that went through Windows, and is cut.
 */
static char *give(struct lines *l, size_t len, size_t used, size_t *line_len)
{
	/*
	 * One byte more than `size` is allocated: a last line without a newline, in a buffer that it fills,
	 * still has room for its NUL.
	 */
	char *line = l->buf + l->begin;

	l->number++;
	l->begin += used;
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	*line_len = len;
	return line;
}

char *lines_next(struct lines *l, size_t *len)
{
	/*
	 * Of the bytes that are there, so many have no newline: a line of n bytes is searched once, not
	 * once for each read(2) that brought a part.
	 */
	size_t searched = 0;

	if (l->too_long)
		skip_line(l);
	l->too_long = false;
	for (;;) {
		size_t there = l->end - l->begin;
		char *newline = memchr(l->buf + l->begin + searched, '\n', there - searched);

		if (newline)
			return give(l, (size_t)(newline - l->buf) - l->begin,
				(size_t)(newline - l->buf) - l->begin + 1, len);
		if (there >= LINE_MAX_BYTES) {
			l->too_long = true;
			return give(l, there, there, len);
		}
		searched = there;
		if (l->at_end || !fill(l)) {
			if (l->error || l->begin == l->end)
				return NULL;
			return give(l, l->end - l->begin, l->end - l->begin, len);
		}
	}
}
