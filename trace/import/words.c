/* SPDX-License-Identifier: MIT */
/*
 * The names that tools print for flags, advices, errors and signals, as the numbers of x86-64 Linux.
 *
 * A log of another machine has the same names; its numbers are this table's all the same, since an imported recording
 * is one of x86-64.
 *
 * Names are those of the kernel's headers, as strace writes them; those of protections, mmap's and
 * mremap's flags and advices are in constants.h. Aliases have a row each
 * (O_LARGEFILE is 0 on x86-64, FASYNC is O_ASYNC).
 *
 *     "PROT_READ|PROT_WRITE"      3
 *     "MAP_HUGETLB|21<<26"        0x40000 | 21 << 26
 *     "8192*1024"                 8388608
 *     "-1"                        all ones
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "internal.h"

const struct constant clone_constants[] = { { "CLONE_VM", 0x100 }, { "CLONE_FS", 0x200 },
	{ "CLONE_FILES", 0x400 }, { "CLONE_SIGHAND", 0x800 }, { "CLONE_PIDFD", 0x1000 },
	{ "CLONE_PTRACE", 0x2000 }, { "CLONE_VFORK", 0x4000 }, { "CLONE_PARENT", 0x8000 },
	{ "CLONE_THREAD", 0x10000 }, { "CLONE_NEWNS", 0x20000 }, { "CLONE_SYSVSEM", 0x40000 },
	{ "CLONE_SETTLS", 0x80000 }, { "CLONE_PARENT_SETTID", 0x100000 },
	{ "CLONE_CHILD_CLEARTID", 0x200000 }, { "CLONE_DETACHED", 0x400000 }, { "CLONE_UNTRACED", 0x800000 },
	{ "CLONE_CHILD_SETTID", 0x1000000 }, { "CLONE_NEWCGROUP", 0x2000000 }, { "CLONE_NEWUTS", 0x4000000 },
	{ "CLONE_NEWIPC", 0x8000000 }, { "CLONE_NEWUSER", 0x10000000 }, { "CLONE_NEWPID", 0x20000000 },
	{ "CLONE_NEWNET", 0x40000000 }, { "CLONE_IO", 0x80000000 }, { "CLONE_CLEAR_SIGHAND", 1ull << 32 },
	{ "CLONE_INTO_CGROUP", 1ull << 33 }, { "CLONE_NEWTIME", 0x80 }, { "SIGCHLD", 17 }, { NULL, 0 } };
const struct constant mlock_constants[] = { { "MLOCK_ONFAULT", 1 }, { NULL, 0 } };
const struct constant shadow_stack_constants[] = { { "SHADOW_STACK_SET_TOKEN", 1 }, { NULL, 0 } };
const struct constant mcl_constants[] = { { "MCL_CURRENT", 1 }, { "MCL_FUTURE", 2 }, { "MCL_ONFAULT", 4 },
	{ NULL, 0 } };
const struct constant open_constants[] = { { "O_RDONLY", 0 }, { "O_WRONLY", 1 }, { "O_RDWR", 2 },
	{ "O_CLOEXEC", 02000000 }, { "O_CREAT", 0100 }, { "O_EXCL", 0200 }, { "O_NOCTTY", 0400 },
	{ "O_TRUNC", 01000 }, { "O_APPEND", 02000 }, { "O_NONBLOCK", 04000 }, { "O_DSYNC", 010000 },
	{ "O_SYNC", 04010000 }, { "O_DIRECT", 040000 }, { "O_LARGEFILE", 0 }, { "O_DIRECTORY", 0200000 },
	{ "O_NOFOLLOW", 0400000 }, { "O_NOATIME", 01000000 }, { "O_PATH", 010000000 },
	{ "O_TMPFILE", 020200000 }, { "FASYNC", 020000 }, { NULL, 0 } };
const struct constant fcntl_constants[] = { { "F_DUPFD", 0 }, { "F_GETFD", 1 }, { "F_SETFD", 2 },
	{ "F_DUPFD_CLOEXEC", 1030 }, { "FD_CLOEXEC", 1 }, { NULL, 0 } };
const struct constant memfd_constants[] = { { "MFD_CLOEXEC", 1 }, { "MFD_ALLOW_SEALING", 2 },
	{ "MFD_HUGETLB", 4 }, { "MFD_NOEXEC_SEAL", 8 }, { "MFD_EXEC", 16 }, { "MFD_HUGE_SHIFT", 26 },
	{ "MFD_HUGE_2MB", 21ull << 26 }, { "MFD_HUGE_1GB", 30ull << 26 }, { NULL, 0 } };
const struct constant shm_constants[] = { { "SHM_RDONLY", 010000 }, { "SHM_RND", 020000 },
	{ "SHM_REMAP", 040000 }, { "SHM_EXEC", 0100000 }, { NULL, 0 } };
const struct constant prctl_constants[] = { { "PR_SET_VMA", PR_SET_VMA },
	{ "PR_SET_VMA_ANON_NAME", PR_SET_VMA_ANON_NAME }, { "PR_SET_MM", PR_SET_MM },
	{ "PR_SET_MM_START_STACK", PR_SET_MM_START_STACK }, { "PR_SET_MM_START_BRK", PR_SET_MM_START_BRK },
	{ "PR_SET_MM_BRK", PR_SET_MM_BRK }, { NULL, 0 } };
const struct constant limit_constants[] = { { "RLIMIT_DATA", RLIMIT_DATA }, { "RLIMIT_STACK", RLIMIT_STACK },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_AS", RLIMIT_AS }, { "RLIM_INFINITY", UINT64_MAX },
	{ "RLIM64_INFINITY", UINT64_MAX }, { NULL, 0 } };

/* O(words): the lists are short. NULL: no names, numbers alone. */
static bool find(const struct constant *words, const char *text, size_t len, uint64_t *value)
{
	for (; words && words->name; words++) {
		if (strncmp(words->name, text, len) == 0 && words->name[len] == '\0') {
			*value = words->value;
			return true;
		}
	}
	return false;
}

/*
 * One word or number at *@at, which moves behind it. strtoull() reads on behind @end where digits do:
 * behind <= end refuses that. NUL-terminated all the same, for lines are. -1 as an argument is all
 * ones: strace prints a descriptor or a length that way.
 */
static bool term(const char **at, const char *end, const struct constant *words, uint64_t *value)
{
	const char *begin = *at;
	char *behind;

	if (begin < end && (isdigit((unsigned char)*begin) || *begin == '-')) {
		errno = 0;
		*value = *begin == '-' ? (uint64_t)strtoll(begin, &behind, 0) : strtoull(begin, &behind, 0);
		*at = behind;
		return behind > begin && behind <= end && !errno;
	}
	while (*at < end && (isalnum((unsigned char)**at) || **at == '_'))
		(*at)++;
	if (*at == begin)
		return false;
	if (*at - begin == 4 && strncmp(begin, "NULL", 4) == 0) {
		*value = 0;
		return true;
	}
	return find(words, begin, (size_t)(*at - begin), value);
}

/*
 * A value that is cut ("PROT_READ|PR") is false. -X verbose has numbers with their words in a comment
 * behind them, and what strace does not know has "MADV_???" there.
 */
bool word_value(const char *text, size_t len, const struct constant *words, uint64_t *value)
{
	const char *at = text, *end = text + len;
	uint64_t v = 0, right = 0;

	*value = 0;
	for (;;) {
		if (!term(&at, end, words, &v))
			return false;
		/*
		 * "21<<MAP_HUGE_SHIFT" and "8192*1024" are strace's own ways of writing; both bind more
		 * than '|'.
		 */
		while (end - at > 2 && ((at[0] == '<' && at[1] == '<') || at[0] == '*')) {
			bool shift = *at == '<';

			at += shift ? 2 : 1;
			if (!term(&at, end, words, &right) || (shift && right > 63))
				return false;
			v = shift ? v << right : v * right;
		}
		*value |= v;
		if (at == end || *at != '|')
			break;
		at++;
	}
	while (at < end && *at == ' ')
		at++;
	/* What is left may explain the number. */
	return at == end || (end - at >= 4 && at[0] == '/' && at[1] == '*');
}

/* By the C library's names, which are the kernel's; no table of ours can lack one. */
int word_errno(const char *text, size_t len)
{
	/*
	 * 133 (EHWPOISON) is the last that Linux gives to programs; strerrorname_np() is glibc's, since
	 * 2.32.
	 */
	for (int e = 1; e < 134; e++) {
		const char *name = strerrorname_np(e);

		if (name && strncmp(name, text, len) == 0 && name[len] == '\0')
			return e;
	}
	return 0;
}

/* With SIG before it or without; 0: none of the first 31, so that real-time signals are of no number here. */
int word_signal(const char *text, size_t len)
{
	if (len > 3 && strncmp(text, "SIG", 3) == 0) {
		text += 3;
		len -= 3;
	}
	for (int s = 1; s < 32; s++) {
		const char *name = sigabbrev_np(s);

		if (name && strncmp(name, text, len) == 0 && name[len] == '\0')
			return s;
	}
	return 0;
}

/* All other limits of setrlimit(2) decide nothing about maps. */
bool limit_of(uint64_t resource, uint32_t *limit)
{
	static const struct {
		uint32_t resource, limit;
	} limits[] = { { RLIMIT_AS, TRACE_LIMIT_AS }, { RLIMIT_DATA, TRACE_LIMIT_DATA },
		{ RLIMIT_STACK, TRACE_LIMIT_STACK }, { RLIMIT_MEMLOCK, TRACE_LIMIT_MEMLOCK } };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].resource == resource) {
			*limit = limits[i].limit;
			return true;
		}
	}
	return false;
}
