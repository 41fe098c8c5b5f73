/* SPDX-License-Identifier: MIT */
/*
 * Recordings in every command: how one is opened, what is said when it ends early, and how much memory may be used.
 *
 * A hostile recording can ask for much.  The limit is one of the process, so that it holds for whatever a command
 * allocates; beyond it allocations fail, and each command says so.
 *
 * Three answers to a file that is wanted as a recording: it is one; it is something that can be imported,
 * then it is made one in a file without a name; it is neither, then what trace_import_advice() knows of
 * it is said, or else the reader's own sentence.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli.h"

/*
 * Bytes that may be allocated, for messages alone: the limit is the kernel's. 0: limit_memory() was not
 * called.
 */
static uint64_t memory_limit;

/*
 * The shift there and back finds what does not fit 64 bits. Lower case is no unit: "1m" might be a
 * thousandth.
 */
bool parse_size(const char *text, uint64_t *bytes)
{
	char number[24];
	size_t len = strlen(text);
	unsigned int shift;

	if (!len || len >= sizeof(number))
		return false;
	shift = text[len - 1] == 'G' ? 30 : text[len - 1] == 'M' ? 20 : text[len - 1] == 'K' ? 10 : 0;
	snprintf(number, sizeof(number), "%.*s", (int)(shift ? len - 1 : len), text);
	if (!parse_number(number, bytes) || *bytes << shift >> shift != *bytes)
		return false;
	*bytes <<= shift;
	return true;
}

/*
 * What the process has by now, such as a sanitizer's shadow, does not count. 0 without /proc: then the
 * limit is a little lower than it says.
 */
static uint64_t data_now(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmData: %" SCNu64, &kib) == 1)
			break;
	if (status)
		fclose(status);
	return kib << 10;
}

/*
 * By RLIMIT_DATA: since Linux 4.7 it counts all private writable memory, that of mmap(2) too
 * (getrlimit(2)), but neither threads' shared memory nor files that are mapped to be read.
 *
 * Once a process, before its large allocations. Called twice the message names the second, while the
 * kernel has the smaller of both.
 */
void limit_memory(uint64_t bytes)
{
	struct rlimit data;

	if (!bytes)
		bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) / 2 * (uint64_t)sysconf(_SC_PAGESIZE);
	memory_limit = bytes;
	if (getrlimit(RLIMIT_DATA, &data))
		return;
	/* Whoever asks for that much has no limit. */
	if (__builtin_add_overflow(bytes, data_now(), &bytes))
		return;
	/*
	 * A lower limit that was there stays. The hard one too: the command may start others that shall
	 * raise it.
	 */
	if (bytes < data.rlim_cur)
		data.rlim_cur = bytes;
	(void)!setrlimit(RLIMIT_DATA, &data);
}

/*
 * size_text() and complain() need little memory; vasprintf() that has none says "out of memory" without
 * the sentence.
 */
int out_of_memory(const char *command, uint64_t step)
{
	char size[32];

	size_text(memory_limit, size, sizeof(size));
	if (step)
		complain(command, "out of memory at step %" PRIu64 " (--max-memory allows %s)", step, size);
	else
		complain(command, "out of memory (--max-memory allows %s)", size);
	return STATUS_FAILED;
}

/*
 * Through a recording without a name, so that every command sees the same thing. The name goes when the
 * reader has the file open, or has refused it: nothing is left behind, whatever ends the command after
 * that. 0, or the status of what was said. mkstemp(3) makes it 0600: a log may name what its owner would
 * hide.
 */
static int open_import(const char *command, const char *path, struct trace_reader **reader)
{
	const char *folder = getenv("TMPDIR");
	char name[512], error[512];
	int fd, status;

	snprintf(name, sizeof(name), "%s/vmaple-import-XXXXXX", folder && *folder ? folder : "/tmp");
	fd = mkstemp(name);
	if (fd < 0) {
		complain(command, "cannot make a file in %s", folder && *folder ? folder : "/tmp");
		return STATUS_FAILED;
	}
	close(fd);
	status = import_file(command, path, name);
	if (!status && trace_reader_open(reader, name, error, sizeof(error))) {
		complain(command, "%s", error);
		status = STATUS_FAILED;
	}
	unlink(name);
	return status;
}

/* *@reader is set at 0 alone, and the caller's to close. */
int open_recording(const char *command, const char *path, struct trace_reader **reader)
{
	const char *advice;
	char error[512];
	int err = trace_reader_open(reader, path, error, sizeof(error));

	if (!err)
		return 0;
	/*
	 * Only what trace_reader_open() refuses is looked at as something else: no recording is taken for a
	 * log.
	 */
	if (err != -ENOMEM && trace_import_recognise(path) != TRACE_IMPORT_NONE)
		return open_import(command, path, reader);
	/*
	 * trace_import_recognise() leaves it there: nothing was recognised because there was no memory,
	 * not because of the file.
	 */
	if (err != -ENOMEM && errno == ENOMEM)
		return out_of_memory(command, 0);
	advice = err == -ENOMEM ? NULL : trace_import_advice(path);
	if (advice)
		complain(command, "%s cannot be imported: %s", path, advice);
	else
		complain(command, "%s", error);
	return err == -ENOMEM ? STATUS_FAILED : STATUS_DAMAGED;
}

/* got > 0 is not for it: the reader has not ended then. */
int recording_ended(const char *command, const struct trace_reader *reader, int got)
{
	if (!got)
		return 0;
	complain(command, "%s", trace_reader_error(reader));
	return got == -ENOMEM ? STATUS_FAILED : STATUS_DAMAGED;
}
