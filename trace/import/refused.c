/* SPDX-License-Identifier: MIT */
/*
 * Files that people have and that are not read: what each is, and what to do instead, in one phrase.
 *
 * By their first bytes, or by words among their first lines that no file that is read has.
 *
 * The list is of files that people bring, each with the command that makes of it what can be read.
 * Signs are looked for in the first 4 KiB alone; a file that begins so and can be imported is never
 * asked about, because trace_import_recognise() comes first.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define LOOKED_AT    4096
#define TAR_MAGIC_AT 257 /* POSIX's, behind the name and numbers of the first file */

/* len counts for by_beginning, whose signs may have NULs. */
struct refused {
	const char *sign; /* bytes at its beginning; or of text, a word */
	size_t len;
	const char *also; /* another word; NULL: none */
	const char *advice;
};

#define BYTES(text) text, sizeof(text) - 1

static const struct refused by_beginning[] = {
	{ BYTES("\x1f\x8b"), NULL,
		"it is compressed by gzip: `gzip -dc`, of an archive `tar -xf`, writes what can be "
		"imported" },
	{ BYTES("\xfd\x37zXZ"), NULL,
		"it is compressed by xz: `xz -dc`, of an archive `tar -xf`, writes what can be imported" },
	{ BYTES("\x28\xb5\x2f\xfd"), NULL,
		"it is compressed by zstd: `zstd -dc`, of an archive `tar -xf`, writes what can be "
		"imported" },
	{ BYTES("BZh"), NULL,
		"it is compressed by bzip2: `bzip2 -dc`, of an archive `tar -xf`, writes what can be "
		"imported" },
	{ BYTES("\x04\x22\x4d\x18"), NULL,
		"it is compressed by lz4: `lz4 -dc`, of an archive `tar -xf`, writes what can be imported" },
	{ BYTES("PK\x03\x04"), NULL, "it is a zip archive: `unzip` takes out what can be imported" },
	{ BYTES("7z\xbc\xaf\x27\x1c"), NULL, "it is a 7-Zip archive: `7z x` takes out what can be imported" },
	{ BYTES("\x17\x08\x44tracing"), NULL,
		"it is a file of trace-cmd: `trace-cmd report` writes what can be imported" },
	{ BYTES("\xff\xfe"), NULL, "it is UTF-16: `iconv -f UTF-16 -t UTF-8` writes what can be imported" },
	{ BYTES("\xfe\xff"), NULL, "it is UTF-16: `iconv -f UTF-16 -t UTF-8` writes what can be imported" },
	{ BYTES("v 10"), "\nX ",
		"it is of heaptrack, which records neither mmap nor munmap: `strace -f -y` of the program "
		"can "
		"be imported" },
	{ BYTES("PERFILE2"), NULL,
		"it is a file of perf record: `perf script -F "
		"comm,pid,tid,time,event,trace --show-mmap-events` writes what can be imported" },
};

static const struct refused by_words[] = {
	{ BYTES("[rollup]"), NULL, "it is smaps_rollup, the sum of all areas: /proc/PID/smaps has them" },
	{ BYTES("kernelpagesize_kB="), NULL,
		"it is numa_maps, which has no ends of areas: /proc/PID/smaps has them" },
	{ BYTES("Start Addr"), "objfile", "it is of a gdb that shows no access: /proc/PID/maps has it" },
	{ BYTES("Kbytes"), "Mapping",
		"it is of pmap, which leaves out offsets and paths: /proc/PID/maps has them" },
	{ BYTES("Address Perm"), "Mapping",
		"it is of pmap, which leaves out paths: /proc/PID/maps has them" },
	{ BYTES("COMMAND"), "NODE NAME", "it is of lsof, which has no addresses: /proc/PID/maps has them" },
	{ BYTES("sys_enter: NR "), NULL,
		"it has the numbers of calls alone, which differ by machine: trace `syscalls:*`, not "
		"`raw_syscalls`" },
	{ BYTES(" sys_mmap("), NULL,
		"it is a trace of the kernel's without tasks and times, or of its functions: `perf record -e "
		"'syscalls:*'` and `perf script` write what can be imported" },
	{ BYTES("SYSCALL["), "sys_mmap",
		"it is of valgrind: `strace -f -y` of the program alone can be imported" },
	{ BYTES("> mmap addr="), NULL,
		"it is of sysdig, whose calls are two lines: `strace -f -y` or `perf trace` can be "
		"imported" },
};

/*
 * Words are looked for up to the first NUL alone: a binary file is known by its beginning or not at
 * all. NULL: nobody knows what it is. @text has a NUL behind its @len bytes.
 */
static const char *advice_for(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(by_beginning) / sizeof(by_beginning[0]); i++)
		if (len >= by_beginning[i].len &&
			memcmp(text, by_beginning[i].sign, by_beginning[i].len) == 0 &&
			(!by_beginning[i].also || strstr(text, by_beginning[i].also)))
			return by_beginning[i].advice;
	if (len > TAR_MAGIC_AT + 5 && memcmp(text + TAR_MAGIC_AT, "ustar", 5) == 0)
		return "it is an archive: `tar -xf` takes out what can be imported";
	for (size_t i = 0; i < sizeof(by_words) / sizeof(by_words[0]); i++)
		if (strstr(text, by_words[i].sign) && (!by_words[i].also || strstr(text, by_words[i].also)))
			return by_words[i].advice;
	/* Without a mark, of text that is ASCII. */
	if (len > 3 && (!text[0] != !text[1]) && !text[0] == !text[2] && !text[1] == !text[3])
		return "it is UTF-16: `iconv -f UTF-16 -t UTF-8` writes what can be imported";
	return NULL;
}

/* NULL as well for what cannot be read: the error of the opening says more. */
const char *trace_import_advice(const char *path)
{
	char text[LOOKED_AT + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, LOOKED_AT) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return advice_for(text, (size_t)n);
}
