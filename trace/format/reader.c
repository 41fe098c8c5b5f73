/* SPDX-License-Identifier: MIT */
/*
 * Reading a recording: block by block, each checked before it is believed.
 *
 * Every way in which a file can be wrong ends in one sentence that names the file, the place and what to do; what
 * lies before it has been delivered by then.
 *
 * States: until `ended`, trace_reader_next() may be called; then it returns `result` whenever it is asked,
 * 0 behind the end mark or the failure, and the sentence stays. A failure in the middle of a block comes
 * after all events before it in the block.
 *
 * Memory: one block raw and compressed, at most what the largest one needs, and one event. Files are read
 * from front to back without seeking, so a pipe is as good.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "check.h"
#include "codec.h"

/*
 * check and codec are at the same event; what they keep of it lives until the next trace_reader_next().
 */
struct trace_reader {
	FILE *file;
	char *path;
	struct trace_header header;
	/* One allocation that the three of the header point into. */
	char *strings; /* of the header */
	struct codec codec;
	struct check check;
	ZSTD_DCtx *zstd;
	size_t raw_allocated;
	uint8_t *compressed;
	size_t compressed_allocated;
	/*
	 * Blocks read; where the next one begins; bytes of the file when it was opened (0 of a pipe, where
	 * what is left wraps and limits nothing); step of the last event that was delivered.
	 */
	uint64_t blocks, offset, size, steps;
	bool ended;
	int result; /* then: 0, or why */
	char error[512];
};

/* Ends the reader. The path is printed as it was given: who shows the sentence quotes it. */
__attribute__((format(printf, 2, 3))) static int damaged(struct trace_reader *r, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->error, sizeof(r->error), "%s: ", r->path);

	va_start(ap, fmt);
	vsnprintf(r->error + n, sizeof(r->error) - (size_t)n, fmt, ap);
	va_end(ap);
	r->ended = true;
	return r->result = -EBADMSG;
}

/* Also a file that a recorder is still writing: it has no end mark yet. */
static int cut_short(struct trace_reader *r)
{
	return damaged(r,
		"the recording ends at byte %" PRIu64 " without its end mark, after %" PRIu64
		" events: its writer was stopped, or the file was cut; what was read is whole",
		r->offset, r->steps);
}

/* False: *@buf is as before, and freed by who owns it. */
static bool grow(uint8_t **buf, size_t *allocated, size_t want)
{
	uint8_t *grown;

	if (want <= *allocated)
		return true;
	grown = realloc(*buf, want);
	if (!grown)
		return false;
	*buf = grown;
	*allocated = want;
	return true;
}

/* The sentence says where; -ENOMEM says that a second try may succeed. */
static int no_memory(struct trace_reader *r)
{
	(void)damaged(r, "out of memory at byte %" PRIu64 ", after %" PRIu64 " events", r->offset, r->steps);
	return r->result = -ENOMEM;
}

/*
 * Before the sum, which is over the compressed bytes: how many these are, and what they may ask for, has
 * to be known first.
 *
 * What a block may stand for is bounded by its own length (BLOCK_RATIO), and that by the file's: no file
 * costs much more memory than it has bytes.
 */
static int check_head(struct trace_reader *r, const struct block_head *head)
{
	if (head->magic != BLOCK_MAGIC || head->kind < BLOCK_HEADER || head->kind > BLOCK_END ||
		head->raw_size > BLOCK_RAW_MAX || head->size > ZSTD_compressBound(BLOCK_RAW_MAX))
		return damaged(r,
			"there is no block at byte %" PRIu64
			" where one should begin: the file is damaged; the "
			"%" PRIu64 " events before it were read",
			r->offset, r->steps);
	if (head->raw_size > BLOCK_RAW_FREE + (uint64_t)head->size * BLOCK_RATIO)
		return damaged(r,
			"damaged at step %" PRIu64 ": the block at byte %" PRIu64
			" says that its %u bytes stand for %u; the events before it were read",
			r->steps + 1, r->offset, head->size, head->raw_size);
	return 0;
}

/*
 * ZSTD_decompressDCtx() never writes beyond raw_size; a block that is shorter than it says is as damaged
 * as one that is longer.
 */
static int decompress(struct trace_reader *r, const struct block_head *head)
{
	size_t n;

	if (!grow(&r->codec.buf, &r->raw_allocated, head->raw_size ? head->raw_size : 1))
		return no_memory(r);
	n = ZSTD_decompressDCtx(r->zstd, r->codec.buf, head->raw_size, r->compressed, head->size);
	if (ZSTD_isError(n) && ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		return no_memory(r);
	if (ZSTD_isError(n) || n != head->raw_size)
		return damaged(r,
			"block %" PRIu64 " at byte %" PRIu64 " cannot be decompressed: the file is damaged",
			r->blocks, r->offset);
	codec_begin_block(&r->codec);
	r->codec.end = n;
	return 0;
}

/*
 * Read and check the next block into the codec. Its kind, or -errno.
 *
 * The sum is compared before decompressing: bytes that nobody wrote never reach zstd. head.number, which
 * is in the sum, finds a block that was copied to another place in the file.
 */
static int read_block(struct trace_reader *r)
{
	struct block_head head;
	int err;

	if (fread(&head, 1, sizeof(head), r->file) != sizeof(head))
		return cut_short(r);
	err = check_head(r, &head);
	if (err)
		return err;
	/*
	 * Before anything is allocated: a length that a damaged head makes up is mostly longer than the
	 * file.
	 */
	if (head.size > r->size - r->offset)
		return cut_short(r);
	if (!grow(&r->compressed, &r->compressed_allocated, head.size ? head.size : 1))
		return no_memory(r);
	if (fread(r->compressed, 1, head.size, r->file) != head.size)
		return cut_short(r);
	if (block_sum(&head, r->compressed) != head.sum || head.number != r->blocks)
		return damaged(r,
			"block %" PRIu64 " at byte %" PRIu64
			" does not have the checksum that it was written with: "
			"the file is damaged; the %" PRIu64 " events before it were read",
			r->blocks, r->offset, r->steps);
	err = decompress(r, &head);
	if (err)
		return err;
	r->offset += sizeof(head) + head.size;
	r->blocks++;
	return (int)head.kind;
}

/* The header's strings must outlive its block. 0 or -ENOMEM, with the sentence. */
static int keep_strings(struct trace_reader *r)
{
	const char **strings[] = { &r->header.kernel, &r->header.machine, &r->header.command };
	size_t total = 0, at = 0;

	for (int i = 0; i < 3; i++)
		total += strlen(*strings[i]) + 1;
	r->strings = malloc(total);
	if (!r->strings)
		return no_memory(r);
	for (int i = 0; i < 3; i++) {
		size_t len = strlen(*strings[i]) + 1;

		memcpy(r->strings + at, *strings[i], len);
		*strings[i] = r->strings + at;
		at += len;
	}
	return 0;
}

/*
 * The magic has a ^Z and a newline: a file that was changed by a transfer of text, or printed by TYPE, is
 * told at once.
 */
static int read_header(struct trace_reader *r)
{
	char magic[TRACE_MAGIC_LEN];
	const char *wrong;
	int kind;

	if (fread(magic, 1, sizeof(magic), r->file) != sizeof(magic) ||
		memcmp(magic, TRACE_MAGIC, sizeof(magic)) != 0)
		return damaged(r, "this is not a vmaple recording; `vmaple record` makes one");
	r->offset = sizeof(magic);
	kind = read_block(r);
	if (kind < 0)
		return kind;
	if (kind != BLOCK_HEADER)
		return damaged(r, "the recording does not begin with its header: the file is damaged");
	codec_header(&r->codec, &r->header);
	/* Newer versions keep the version first, and may change everything after it. */
	if (r->header.version > TRACE_FORMAT_VERSION)
		return damaged(r,
			"the recording has format version %u, this vmaple reads up to %u: use a newer vmaple",
			r->header.version, TRACE_FORMAT_VERSION);
	if (r->codec.failed)
		return damaged(r, "the recording's header makes no sense: the file is damaged");
	wrong = check_header(&r->header);
	if (wrong)
		return damaged(r, "damaged at step 0, in its header: %s", wrong);
	r->check.page_size = r->header.page_size;
	return keep_strings(r);
}

/*
 * 0, or -errno with a sentence in @error; *@reader is set at success alone.
 *
 * A file that cannot be opened has the errno, one that is no recording -EBADMSG: callers try an import
 * then.
 */
int trace_reader_open(struct trace_reader **reader, const char *path, char *error, size_t error_size)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	struct stat st;
	int err;

	if (!r || !(r->path = strdup(path)) || !(r->zstd = ZSTD_createDCtx())) {
		snprintf(error, error_size, "%s: out of memory", path);
		if (r)
			trace_reader_close(r);
		return -ENOMEM;
	}
	r->file = fopen(path, "rbe");
	if (!r->file || fstat(fileno(r->file), &st)) {
		err = -errno;
		snprintf(error, error_size, "%s: cannot be opened: %s", path, strerror(-err));
		trace_reader_close(r);
		return err;
	}
	r->size = (uint64_t)st.st_size;
	err = read_header(r);
	if (err) {
		snprintf(error, error_size, "%s", r->error);
		trace_reader_close(r);
		return err;
	}
	/* What is behind the header in its block, if anything, is not an event. */
	r->codec.pos = r->codec.end;
	*reader = r;
	return 0;
}

const struct trace_header *trace_reader_header(const struct trace_reader *r)
{
	return &r->header;
}

/*
 * From the block that was read last. Steps count up by one without gaps: one that is missing would be an
 * event that was dropped in silence. 1, or -errno, and then the reader has ended.
 */
static int next_event(struct trace_reader *r, struct trace_event *event)
{
	const char *wrong = NULL;

	if (!codec_event(&r->codec, event))
		wrong = r->codec.wrong ? r->codec.wrong : "its bytes make no event";
	else if (event->step != r->steps + 1)
		wrong = "it is not the one that comes next";
	else
		wrong = check_event(&r->check, event);
	/* Before what is wrong: the machine failed then, not the file, and the caller gets -ENOMEM. */
	if (r->codec.no_memory || r->check.no_memory)
		return no_memory(r);
	if (wrong)
		return damaged(r, "damaged at step %" PRIu64 ": %s; the events before it were read",
			r->steps + 1, wrong);
	r->steps = event->step;
	return 1;
}

/*
 * 1: an event, whose pointers live until the next call. 0: the end mark. Blocks without events are passed
 * over; a HEADER in the middle is damage.
 */
int trace_reader_next(struct trace_reader *r, struct trace_event *event)
{
	if (r->ended)
		return r->result;
	while (r->codec.pos == r->codec.end) {
		int kind = read_block(r);

		if (kind < 0)
			return kind;
		if (kind == BLOCK_END) {
			r->ended = true;
			return 0;
		}
		if (kind != BLOCK_EVENTS)
			return damaged(
				r, "block %" PRIu64 " is of an unknown kind: the file is damaged", r->blocks);
	}
	return next_event(r, event);
}

const char *trace_reader_error(const struct trace_reader *r)
{
	return r->error;
}

/* Of the file, compressed: done grows by blocks. */
void trace_reader_progress(const struct trace_reader *r, uint64_t *done, uint64_t *total)
{
	*done = r->offset;
	*total = r->size;
}

/* Also of one that trace_reader_open() has only half made. */
void trace_reader_close(struct trace_reader *r)
{
	if (r->file)
		fclose(r->file);
	codec_free(&r->codec);
	check_free(&r->check);
	ZSTD_freeDCtx(r->zstd);
	free(r->compressed);
	free(r->strings);
	free(r->path);
	free(r);
}
