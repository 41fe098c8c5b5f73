/* SPDX-License-Identifier: MIT */
/* Lines that say what is there, fails or has to be so by now (script.h). */
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "script.h"

static void add_area(const struct line *l, struct scr_space *mm)
{
	space_put(mm, (struct scr_area){ .start = value(l, 2),
			      .end = value(l, 3),
			      .prot = (uint32_t)value(l, 4),
			      .served = says(l, 5, "uffd"),
			      .shared = says(l, 5, "segment"),
			      .ino = says(l, 5, "segment") ? 5 : 0 });
}

static void add_file(const struct line *l, struct scr_task *t)
{
	static const struct {
		const char *name;
		mode_t type;
		int64_t fs;
	} kinds[] = { { "shmem", S_IFREG, TMPFS_MAGIC }, { "huge", S_IFREG, HUGETLBFS_MAGIC },
		{ "zero", S_IFCHR, TMPFS_MAGIC }, { "device", S_IFCHR, TMPFS_MAGIC },
		{ "secret", S_IFREG, SECRETMEM_MAGIC }, { "pipe", S_IFIFO, PIPEFS_MAGIC } };
	struct scr_file *f = scr_file(t->tgid, (int)value(l, 2));

	for (int i = 0; !f; i++)
		if (!scr.files[i].tgid)
			f = &scr.files[i];
	*f = (struct scr_file){ .tgid = t->tgid,
		.fd = (int)value(l, 2),
		.id = (int)value(l, 3),
		.ino = 100 + value(l, 3) / 10,
		.mode = S_IFREG | 0600,
		.type = EXT4_SUPER_MAGIC };
	snprintf(f->path, sizeof(f->path), "%s", l->word[4]);
	for (int i = 5; i < l->nr; i++) {
		if (says(l, i, "sealed"))
			f->sealed = 1;
		if (says(l, i, "readable"))
			f->mode = S_IFREG | 0400;
		if (says(l, i, "writable"))
			f->mode = S_IFREG | 0200;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (says(l, i, kinds[k].name)) {
				f->mode = kinds[k].type | (f->mode & 0700);
				f->type = kinds[k].fs;
				f->rdev_major = 1;
				f->rdev_minor = *l->word[i] == 'z' ? 5 : 9;
			}
	}
}

static void add_memory(const struct line *l)
{
	int width = says(l, 1, "bytes") ? 1 : says(l, 1, "words") ? 4 : 8, i = 0;

	while (scr.chunks[i].size && scr.chunks[i].at != value(l, 2))
		i++;
	scr.chunks[i].at = value(l, 2);
	scr.chunks[i].size = 0;
	if (says(l, 1, "text")) {
		scr.chunks[i].size = (size_t)sprintf((char *)scr.chunks[i].bytes, "%s", l->word[3]) + 1;
		return;
	}
	for (int k = 3; k < l->nr; k++, scr.chunks[i].size += (size_t)width) {
		uint64_t n = value(l, k);

		memcpy(scr.chunks[i].bytes + scr.chunks[i].size, &n, (size_t)width);
	}
}

static void grow(struct scr_space *mm, uint64_t at)
{
	struct scr_area *area = space_find(mm, at ? at : SCR_STACK);

	if (!area)
		return;
	area->start -= SCR_PAGE;
	space_touch(mm, area->start, WRITTEN);
}

/* What has to be so by now. */
static bool of_checks(const struct line *l, struct scr_task *t)
{
	if (says(l, 1, "is-refused")) {
		if (!t->refused || t->regs.rax != (l->nr > 2 ? value(l, 2) : (uint64_t)-ENOSYS))
			scr_complain("the call of %d was not refused so", (int)t->tid);
		return_from(t, (int64_t)t->regs.rax, true);
	} else if (says(l, 1, "argument")) {
		if (t->regs.rdi != value(l, 2))
			scr_complain("the argument of %d is %#llx", (int)t->tid, t->regs.rdi);
	} else if (says(l, 1, "nobody's")) {
		if (t->traced)
			scr_complain("%d is traced", (int)t->tid);
	} else if (says(l, 1, "was-given")) {
		if (scr.last_signal != (int)value(l, 2))
			scr_complain("%d was given %d", (int)t->tid, scr.last_signal);
	} else {
		return false;
	}
	return true;
}

bool of_facts(const struct line *l, struct scr_task *t)
{
	static const char *const pages[] = {
		[WRITTEN] = "write", [ZERO] = "zero", [SWAPPED] = "swap", [GUARD] = "guard", [HUGE] = "huge"
	};

	for (int i = 0; i <= HUGE; i++)
		if (pages[i] && says(l, 1, pages[i])) {
			space_touch(t->mm, value(l, 2), i);
			return true;
		}
	if (says(l, 1, "grow"))
		grow(t->mm, value(l, 2));
	else if (says(l, 1, "named") && space_find(t->mm, value(l, 2)))
		snprintf(space_find(t->mm, value(l, 2))->name, 64, "%s", l->word[3]);
	else if (says(l, 1, "area"))
		add_area(l, t->mm);
	else if (says(l, 1, "noarea"))
		space_cut(t->mm, value(l, 2), value(l, 3));
	else if (says(l, 1, "file"))
		add_file(l, t);
	else if (says(l, 1, "shut") && scr_file(t->tgid, (int)value(l, 2)))
		scr_file(t->tgid, (int)value(l, 2))->tgid = 0;
	else if (says(l, 1, "memory") || says(l, 1, "bytes") || says(l, 1, "words") || says(l, 1, "text"))
		add_memory(l);
	else if (says(l, 1, "abi"))
		t->abi = says(l, 2, "i386") ? TRACE_ABI_I386 : says(l, 2, "x32") ? TRACE_ABI_X32 : 0;
	else if (says(l, 1, "inside"))
		t->regs.orig_rax = value(l, 2), t->regs.rax = (uint64_t)-512;
	else if (says(l, 1, "mark"))
		t->mark = (uint32_t)value(l, 2);
	else
		return of_checks(l, t);
	return true;
}

/* --- the machine ------------------------------------------------------------------------------------------------ */

static void fail_member(const struct line *l)
{
	int i = 0;

	while (*scr.failing[i].member && strcmp(scr.failing[i].member, l->word[1]) != 0)
		i++;
	snprintf(scr.failing[i].member, sizeof(scr.failing[i].member), "%s", l->word[1]);
	scr.failing[i].error = (int)value(l, 2);
	scr.failing[i].after = says(l, 3, "after") ? (long)value(l, 4) : 0;
}

static void give_text(const struct line *l)
{
	int i = 0;
	size_t n = 0;

	while (*scr.texts[i].path && strcmp(scr.texts[i].path, l->word[1]) != 0)
		i++;
	snprintf(scr.texts[i].path, sizeof(scr.texts[i].path), "%s", l->word[1]);
	*scr.texts[i].text = '\0';
	for (int k = 2; k < l->nr; k++)
		n += (size_t)snprintf(scr.texts[i].text + n, sizeof(scr.texts[i].text) - n, "%s%s",
			k > 2 ? " " : "", l->word[k]);
	for (char *newline; (newline = strstr(scr.texts[i].text, "\\n")) != NULL;) {
		*newline = '\n';
		memmove(newline + 1, newline + 2, strlen(newline + 1));
	}
}

static void leave(const struct line *l)
{
	scr.leave = true;
	scr.leave_after = says(l, 1, "after") ? (long)value(l, 2) : 0;
}

bool of_machine(const struct line *l)
{
	if (says(l, 0, "fail"))
		fail_member(l);
	else if (says(l, 0, "works")) {
		for (int i = 0; i < MAX_FAILING; i++)
			if (says(l, 1, scr.failing[i].member))
				*scr.failing[i].member = '\0';
	} else if (says(l, 0, "text"))
		give_text(l);
	else if (says(l, 0, "descriptors"))
		scr.max_open = (int)value(l, 1);
	else if (says(l, 0, "leave"))
		leave(l);
	else if (says(l, 0, "sink-error"))
		scr.sink_error = (int)value(l, 1);
	else if (says(l, 0, "raise"))
		raise((int)value(l, 1));
	else if (says(l, 0, "launch-error"))
		scr.launch_error = (int)(int64_t)value(l, 1);
	else if (says(l, 0, "puppet-result"))
		scr.puppet_result = (long)(int64_t)value(l, 1);
	else if (says(l, 0, "killed")) {
		if (scr.killed != (pid_t)value(l, 1))
			scr_complain("%d was sent a signal", (int)scr.killed);
	} else
		return false;
	return true;
}
