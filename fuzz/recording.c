/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a recording, from its bytes to what the commands print of it.
 *
 * An input is what is inside the blocks of a recording: its header, then its events.  Here it gets its frame, compressed
 * and with right checksums, so that whatever the bytes say reaches the reader.  Then commands that read recordings are run
 * on it: the views of all that was read, and one of the questions and databases, which its bytes choose.
 *
 *  FZ1  the mirror of it does not fail (mirror.h).
 *  FZ2  each command ends with a status that vmaple(1) lists for it, and not with 125.
 *
 * The mutator decodes the events, makes one of them wrong, leaves it out, or says it twice, numbers them again and
 * encodes what it has; now and then it changes bytes.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "cli.h"
#include "codec.h"
#include "disturb.h"
#include "mirror.h"

const char *__asan_default_options(void);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

/* --- the frame ----------------------------------------------------------------------------------------------- */

static void put_block(FILE *file, uint32_t kind, uint64_t number, const uint8_t *data, size_t size)
{
	static char payload[ZSTD_COMPRESSBOUND(1 << 17)];
	struct block_head head = {
		.magic = BLOCK_MAGIC, .kind = kind, .raw_size = (uint32_t)size, .number = number
	};

	head.size = (uint32_t)ZSTD_compress(payload, sizeof(payload), data, size, 1);
	head.sum = block_sum(&head, payload);
	fwrite(&head, sizeof(head), 1, file);
	fwrite(payload, head.size, 1, file);
}

/* Where the events begin. */
static size_t header_size(const uint8_t *data, size_t size)
{
	struct codec c = { .buf = (uint8_t *)data, .end = size };
	struct trace_header header = { .version = 0 };

	codec_header(&c, &header);
	return c.failed ? size : c.pos;
}

/* A file in memory; -1: there is none to be had. */
static int make_file(const uint8_t *data, size_t size)
{
	size_t head = header_size(data, size);
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(dup(fd), "wb");

	if (!file)
		return -1;
	fwrite(TRACE_MAGIC, TRACE_MAGIC_LEN, 1, file);
	put_block(file, BLOCK_HEADER, 0, data, head);
	put_block(file, BLOCK_EVENTS, 1, data + head, size - head);
	put_block(file, BLOCK_END, 2, data, 0);
	fclose(file);
	return fd;
}

/* --- what is done with it ------------------------------------------------------------------------------------ */

static void mirror(const char *path)
{
	struct trace_reader *reader;
	char error[512];

	if (trace_reader_open(&reader, path, error, sizeof(error)))
		return;
	(void)mirror_events(reader);
	trace_reader_close(reader);
}

#define WORDS 7
struct command {
	int (*run)(int argc, char **argv);
	const char *words[WORDS]; /* its name first; `%` is the recording, `>` a file for what it makes */
};

/* Of all that was read. */
static const struct command views[] = {
	{ cmd_verify, { "verify", "--json", "%" } },
	{ cmd_verify, { "verify", "--all", "%" } },
	{ cmd_maps, { "maps", "%" } },
	{ cmd_maps, { "maps", "--json", "%" } },
	{ cmd_maps, { "maps", "--format", "smaps", "%" } },
	{ cmd_maps, { "maps", "--at", "9", "%" } },
	{ cmd_maps, { "maps", "--format", "svg", "%" } },
	{ cmd_export, { "export", "--format", "jsonl", "%" } },
	{ cmd_export, { "export", "--format", "perfetto", "%" } },
	{ cmd_export, { "export", "--format", "strace", "%" } },
	{ cmd_report, { "report", "--svg", ">", "%" } },
	{ cmd_report, { "report", "-o", ">", "%" } },
};

/* What takes a question or a database, each of which takes as long as several views. */
static const struct command questions[] = {
	{ cmd_why, { "why", "--top", "%" } },
	{ cmd_why, { "why", "--top=3", "--at", "end", "--json", "%" } },
	{ cmd_why, { "why", "--room", "64M", "%" } },
	{ cmd_why, { "why", "--at", "peak", "%", "7f0000000000" } },
	{ cmd_diff, { "diff", "--json", "%", "%" } },
	{ cmd_diff, { "diff", "--at", "end", "%", "%" } },
	{ cmd_whatif, { "whatif", "%", "--guards", "install", "--json" } },
	{ cmd_whatif, { "whatif", "%", "--commit", "64K", "--touch", "late" } },
	{ cmd_whatif, { "whatif", "%", "--rmap", "anonmm" } },
	{ cmd_whatif, { "whatif", "%", "--kernel", "6.1" } },
	{ cmd_sql, { "sql", "%", "select * from culprits" } },
	{ cmd_sql, { "sql", "--csv", "%", "select * from areas" } },
	{ cmd_export, { "export", "--format", "csv", "--table", "events", "%" } },
	{ cmd_export, { "export", "--format", "folded", "%" } },
	{ cmd_export, { "export", "--format", "sqlite", "-o", ">", "%" } },
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void run(const struct command *command, char *path, char *out)
{
	char *argv[WORDS + 1] = { NULL };
	int argc = 0, status;

	for (; argc < WORDS && command->words[argc]; argc++)
		argv[argc] = command->words[argc][0] == '%'   ? path
			     : command->words[argc][0] == '>' ? out
							      : (char *)command->words[argc];
	optind = 0;
	status = command->run(argc, argv);
	must(status >= 0 && status <= STATUS_DAMAGED && status != STATUS_USAGE,
		"FZ2: a status that it does not have");
}

/* What is freed is kept for as long as some inputs take: with the default, each runs in memory that no cache has. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=32";
}

/* The messages of an input are one write. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return setvbuf(stderr, NULL, _IOFBF, 1 << 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct block_head none = { .size = (uint32_t)size };
	char path[64], out[64];
	int fd;

	if (size > 1 << 16)
		return 0;
	fd = make_file(data, size);
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(out, sizeof(out), "/tmp/vmaple-fuzz-%d", (int)getpid());
	mirror(path);
	for (size_t i = 0; i < COUNT(views); i++)
		run(&views[i], path, out);
	run(&questions[block_sum(&none, data) % COUNT(questions)], path, out);
	unlink(out);
	close(fd);
	return 0;
}

/* --- the mutator --------------------------------------------------------------------------------------------- */

static uint64_t count_events(const uint8_t *data, size_t size)
{
	struct codec c = { .buf = (uint8_t *)data, .end = size };
	struct trace_event e;
	uint64_t n = 0;

	while (codec_event(&c, &e))
		n++;
	free(c.areas);
	return n;
}

static void disturb_more(struct random *r, struct trace_event *e)
{
	uint32_t *const numbers[] = { &e->mm, &e->pid, &e->tid };

	switch (random_below(r, 6)) {
	case 0:
		*numbers[random_below(r, 3)] = (uint32_t)random_below(r, 6);
		break;
	case 1:
		if (e->type == TRACE_EVENT_FILE) {
			e->file.id = (uint32_t)random_below(r, 4);
			e->file.kind = (uint32_t)random_below(r, 7);
			e->file.vm_flags ^= telling(r);
			e->file.map_align = telling(r);
		}
		if (e->type == TRACE_EVENT_CALL)
			e->call.file = (uint32_t)random_below(r, 4);
		if (e->type == TRACE_EVENT_FORK)
			e->fork.child_mm = (uint32_t)random_below(r, 9);
		break;
	default:
		disturb(r, e);
	}
}

/* One event is changed, left out or said twice, and all are numbered again. @return what was encoded, or 0. */
static size_t change_events(struct random *r, uint8_t *data, size_t size, size_t max)
{
	struct codec in = { .buf = data, .end = size }, out = { .writing = true };
	uint64_t n = count_events(data, size), at = random_below(r, n ? n : 1), how = random_below(r, 6),
		 step = 0;
	struct trace_event e;
	size_t made;

	for (uint64_t i = 0; codec_event(&in, &e); i++) {
		int times = i == at && how < 2 ? (int)how * 2 : 1;

		if (i == at && how >= 2)
			disturb_more(r, &e);
		for (int k = 0; k < times; k++) {
			e.step = ++step;
			(void)!codec_event(&out, &e);
		}
	}
	made = out.failed || out.pos > max ? 0 : out.pos;
	if (made)
		memcpy(data, out.buf, made);
	free(in.areas);
	codec_free(&out);
	return made;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct random r = { seed };
	size_t head = header_size(data, size), made = 0;

	if (random_below(&r, 16) && head < size)
		made = change_events(&r, data + head, size - head, max - head);
	if (made)
		return head + made;
	for (uint64_t n = 1 + random_below(&r, 4); size && n; n--)
		data[random_below(&r, size)] = (uint8_t)random_u64(&r);
	return size;
}
