/* SPDX-License-Identifier: MIT */
/* Words and numbers of lines (script.h). */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "script.h"
#include "uapi.h"

static const struct {
	const char *name;
	uint64_t value;
} words[] = { { "none", 0 }, { "r", PROT_READ }, { "rw", PROT_READ | PROT_WRITE },
	{ "rx", PROT_READ | PROT_EXEC }, { "anon", MAP_PRIVATE | MAP_ANONYMOUS }, { "shared", MAP_SHARED },
	{ "private", MAP_PRIVATE }, { "anonymous", MAP_ANONYMOUS }, { "fixed", MAP_FIXED },
	{ "grows", MAP_GROWSDOWN }, { "hugetlb", MAP_HUGETLB }, { "populate", MAP_POPULATE },
	{ "maymove", MREMAP_MAYMOVE }, { "to", MREMAP_FIXED }, { "dontunmap", MREMAP_DONTUNMAP },
	{ "thread", CLONE_VM | CLONE_THREAD | CLONE_SIGHAND }, { "vm", CLONE_VM },
	{ "untraced", CLONE_UNTRACED }, { "dontneed", MADV_DONTNEED }, { "stack", RLIMIT_STACK },
	{ "data", RLIMIT_DATA }, { "set-vma", PR_SET_VMA }, { "set-mm", PR_SET_MM },
	{ "start-brk", PR_SET_MM_START_BRK }, { "mm-brk", PR_SET_MM_BRK }, { "mm-map", PR_SET_MM_MAP },
	{ "no-new-privs", PR_SET_NO_NEW_PRIVS }, { "strict", PR_SET_SECCOMP }, { "exited", 6 << 8 } };

static uint64_t one_value(const char *word)
{
	static const struct {
		char letter;
		uint64_t at;
	} bases[] = { { 'A', SCR_A }, { 'H', SCR_HEAP }, { 'S', SCR_STACK }, { 'T', SCR_TOP } };
	char *end;
	uint64_t n;

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (*word == bases[i].letter)
			return bases[i].at + (uint64_t)strtoll(word + 1, NULL, 10) * SCR_PAGE;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i].name) == 0)
			return words[i].value;
	n = *word == '-' ? (uint64_t)strtoll(word, &end, 0) : strtoull(word, &end, 0);
	if (*end == 'p' && !end[1])
		return n * SCR_PAGE;
	if (*end)
		scr_complain("what is \"%s\"?", word);
	return n;
}

uint64_t value(const struct line *l, int i)
{
	char text[64], *save = NULL;
	uint64_t n = 0;

	if (i >= l->nr)
		return 0;
	snprintf(text, sizeof(text), "%s", l->word[i]);
	for (char *w = strtok_r(text, "|", &save); w; w = strtok_r(NULL, "|", &save))
		n |= one_value(w);
	return n;
}

bool says(const struct line *l, int i, const char *word)
{
	return i < l->nr && strcmp(l->word[i], word) == 0;
}
