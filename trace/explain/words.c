/* SPDX-License-Identifier: MIT */
/*
 * Reasons, and what would have taken them away, in words for a person who does not know the kernel.
 *
 * Keys are part of what scripts read (--json): they stay when names and texts get better. The rows are in
 * the order of the bits of enum explain_reason, which index_of() relies on; so each text function takes one
 * bit, never a set.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static const struct {
	const char *key, *name;
	/* What differs, and what takes the difference away. */
	const char *text, *cure;
} words[EXPLAIN_REASONS] = {
	{ "gap", "not adjacent", "they do not touch: there is a hole between them", "map them side by side" },
	{ "prot", "access differs", "what may be done with them differs", "give both the same access" },
	{ "shared", "shared beside private", "one is shared (MAP_SHARED), the other private",
		"map both with MAP_PRIVATE, or both with MAP_SHARED" },
	{ "file", "different files", "they map different things",
		"nothing: two files never become one area; map less of them, or one behind the other" },
	{ "opened_twice", "one file, opened twice", "they map the same file through two open(2) of it",
		"map both through one open file" },
	{ "offset", "offsets do not adjoin",
		"they map parts of one file that do not follow each other as their addresses do",
		"map the parts in the order in which they are in the file" },
	{ "moved", "moved after being written",
		"mremap moved anonymous memory that had been written: it keeps the page numbers of its old "
		"place, "
		"which do not go on here",
		"move it before the first write to it, or copy it to a new mapping" },
	{ "written", "written apart",
		"each was first written by itself, so each has a record of its own of whose pages are whose "
		"(an anon_vma), and two of them never join",
		"" },
	{ "inherited", "written before a fork",
		"pages of it are shared with the parent since a fork, and such memory never joins another",
		"let the neighbours join before the fork: write first when they are alike and one behind the "
		"other" },
	{ "dontfork", "MADV_DONTFORK", "one is kept from children by MADV_DONTFORK, the other is not",
		"undo MADV_DONTFORK with MADV_DOFORK" },
	{ "wipeonfork", "MADV_WIPEONFORK", "one is empty in children by MADV_WIPEONFORK, the other is not",
		"undo MADV_WIPEONFORK with MADV_KEEPONFORK" },
	{ "dontdump", "MADV_DONTDUMP", "one is left out of core dumps by MADV_DONTDUMP, the other is not",
		"undo MADV_DONTDUMP with MADV_DODUMP, or give it to both" },
	{ "locked", "mlock", "one is locked in memory, the other is not, or not in the same way",
		"munlock the one, or lock both" },
	{ "hugepage", "huge page advice", "their advice about huge pages differs",
		"give both the same of MADV_HUGEPAGE and MADV_NOHUGEPAGE" },
	{ "mergeable", "MADV_MERGEABLE", "one's pages may be shared with equal ones by MADV_MERGEABLE",
		"undo MADV_MERGEABLE with MADV_UNMERGEABLE, or give it to both" },
	{ "readahead", "read-ahead advice", "their advice about reading ahead differs",
		"undo MADV_SEQUENTIAL or MADV_RANDOM with MADV_NORMAL" },
	{ "pkey", "protection keys", "their protection keys differ", "give both the same key" },
	{ "sealed", "mseal", "one is sealed by mseal, the other is not", "nothing: a seal stays; seal both" },
	{ "stack", "grows down", "one is a stack that grows down, the other is not",
		"map it without MAP_GROWSDOWN" },
	{ "reserve", "MAP_NORESERVE", "one was mapped with MAP_NORESERVE, the other without",
		"map both with MAP_NORESERVE, or both without" },
	{ "charged", "writable once",
		"one was writable once, and its memory is charged since; the other never was",
		"make both writable before writing to them, or neither" },
	{ "may", "what mprotect may allow", "what mprotect may allow on them differs",
		"open and map both alike" },
	{ "other_flags", "other flags", "other properties of them differ", "map both alike" },
	{ "uffd", "userfaultfd", "a userfaultfd serves one and not the other, or not in the same way",
		"register both, or neither" },
	{ "policy", "memory policy", "their memory policies differ (mbind)",
		"give both the same policy by one mbind" },
	{ "name", "names differ", "their names differ (PR_SET_VMA_ANON_NAME)",
		"give both the same name, or none" },
	{ "special", "a device's", "one is a device's or the kernel's, which never joins another",
		"nothing" },
	{ "close", "its file is told of the end", "one's driver is told when it ends, so it never vanishes",
		"nothing" },
	{ "embedder", "kept apart by their owner", "the owner of the address space keeps them apart",
		"nothing" },
	{ "nothing", "nothing in the way",
		"nothing is in the way: they became alike without a call that looked at both",
		"any call that changes and restores one of them joins them" },
};

static unsigned int index_of(uint32_t reason)
{
	return (unsigned int)__builtin_ctz(reason);
}

const char *explain_reason_name(enum explain_reason reason)
{
	return words[index_of(reason)].name;
}

const char *explain_reason_key(enum explain_reason reason)
{
	return words[index_of(reason)].key;
}

__attribute__((format(printf, 3, 4))) static void add(char *buf, size_t size, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
}

const char *explain_reason_names(uint32_t reasons, char *buf, size_t size)
{
	const char *sep = "";

	*buf = '\0';
	for (int i = 0; i < EXPLAIN_REASONS; i++)
		if (reasons >> i & 1) {
			add(buf, size, "%s%s", sep, words[i].name);
			sep = " + ";
		}
	return buf;
}

const char *explain_event_text(const struct explain_event *e, char *buf, size_t size)
{
	char call[256];

	if (!e) {
		snprintf(buf, size, "an event that was not recorded");
		return buf;
	}
	switch (e->type) {
	case TRACE_EVENT_CALL:
		snprintf(buf, size, "step %" PRIu64 ", %s", e->step,
			trace_call_text(&e->call, call, sizeof(call)));
		break;
	case TRACE_EVENT_FAULT:
		snprintf(buf, size, "step %" PRIu64 ", a first write, seen at %#" PRIx64, e->step, e->addr);
		break;
	case TRACE_EVENT_FORK:
		snprintf(buf, size, "step %" PRIu64 ", fork of process %u", e->step, e->other_pid);
		break;
	default:
		snprintf(buf, size, "step %" PRIu64 ", the map as it was read", e->step);
	}
	return buf;
}

/* NULL is earlier than all; of equal steps the first. */
static const struct explain_event *later(const struct explain_event *a, const struct explain_event *b)
{
	return !a || (b && b->step > a->step) ? b : a;
}

/* What gave an area the property in question. */
static const struct explain_event *giver(const struct vm_area_struct *vma, uint32_t reason)
{
	const struct explain_life *l = explain_life(vma);
	const struct explain_event *e;

	switch (reason) {
	case EXPLAIN_PROT:
		e = l->prot;
		break;
	case EXPLAIN_WRITTEN:
	case EXPLAIN_CHARGED:
		return reason == EXPLAIN_WRITTEN ? l->written : later(l->made, l->prot);
	case EXPLAIN_INHERITED:
		return l->inherited ? l->inherited : l->written;
	case EXPLAIN_MOVED:
		return l->moved;
	case EXPLAIN_NAME:
		e = l->named;
		break;
	case EXPLAIN_POLICY:
		e = l->policy;
		break;
	case EXPLAIN_UFFD:
		e = l->uffd;
		break;
	case EXPLAIN_GAP:
	case EXPLAIN_SHARED:
	case EXPLAIN_FILE:
	case EXPLAIN_OPENED_TWICE:
	case EXPLAIN_OFFSET:
	case EXPLAIN_RESERVE:
	case EXPLAIN_MAY:
	case EXPLAIN_STACK:
	case EXPLAIN_SPECIAL:
	case EXPLAIN_CLOSE:
		return l->made;
	default:
		e = l->flags;
	}
	return e ? e : l->made;
}

/* "rw-p": as maps shows it. */
static const char *access_text(const struct vm_area_struct *vma, char buf[5])
{
	snprintf(buf, 5, "%c%c%c%c", vma->vm_flags & VM_READ ? 'r' : '-',
		vma->vm_flags & VM_WRITE ? 'w' : '-', vma->vm_flags & VM_EXEC ? 'x' : '-',
		vma->vm_flags & VM_MAYSHARE ? 's' : 'p');
	return buf;
}

/* What one side has of what differs: " rw-p", " named heap", " with file x"; may be nothing. */
static void add_property(char *buf, size_t size, const struct vm_area_struct *vma, uint32_t reason)
{
	char access[5], own[256];
	const char *name;

	switch (reason) {
	case EXPLAIN_PROT:
	case EXPLAIN_SHARED:
		add(buf, size, " is %s", access_text(vma, access));
		break;
	case EXPLAIN_FILE:
		name = vma_name(vma, own, sizeof(own));
		add(buf, size, " is %s", *name ? name : "anonymous memory");
		break;
	case EXPLAIN_OFFSET:
		add(buf, size, " begins at %#lx", vma->vm_pgoff << vma->vm_mm->sys->page_shift);
		break;
	case EXPLAIN_NAME:
		add(buf, size, vma->anon_name ? " is named %s" : " has no name",
			vma->anon_name ? vma->anon_name->name : "");
		break;
	case EXPLAIN_DONTFORK:
		add(buf, size, vma->vm_flags & VM_DONTCOPY ? " has MADV_DONTFORK" : " has not");
		break;
	case EXPLAIN_WRITTEN:
	case EXPLAIN_INHERITED:
		add(buf, size, vma->anon_vma ? "" : " was not written");
		break;
	default:
		break;
	}
}

static void add_side(
	char *buf, size_t size, const char *side, const struct vm_area_struct *vma, uint32_t reason)
{
	const struct explain_event *e = giver(vma, reason);
	char event[320];

	add(buf, size, "%s", side);
	add_property(buf, size, vma, reason);
	if (e)
		add(buf, size, "%s %s",
			reason == EXPLAIN_WRITTEN || reason == EXPLAIN_INHERITED || reason == EXPLAIN_MOVED
				? ":"
				: ", since",
			explain_event_text(e, event, sizeof(event)));
}

/* What made two areas neighbours that are alike. */
static const struct explain_event *made_alike(const struct explain_boundary *b)
{
	return later(
		later(explain_life(b->left)->high_changed, explain_life(b->right)->low_changed), b->birth);
}

/*
 * Was one of them written before that? One is enough: had both been written later, the second first write
 * would have taken the neighbour's anon_vma (find_mergeable_anon_vma()).
 */
static bool written_before(const struct explain_boundary *b, const struct explain_event *alike)
{
	const struct explain_event *l = explain_life(b->left)->written, *r = explain_life(b->right)->written;

	return l && r && alike && (l->step < alike->step || r->step < alike->step);
}

const char *explain_reason_text(
	const struct explain_boundary *b, enum explain_reason reason, char *buf, size_t size)
{
	const struct explain_event *alike = NULL;
	char event[320];

	snprintf(buf, size, "%s", words[index_of(reason)].text);
	if (!b->left || reason == EXPLAIN_NOTHING)
		return buf;
	add_side(buf, size, ". Left", b->left, reason);
	add_side(buf, size, "; right", b->right, reason);
	if (reason == EXPLAIN_WRITTEN)
		alike = made_alike(b);
	if (written_before(b, alike))
		add(buf, size, "; alike and side by side only since %s",
			explain_event_text(alike, event, sizeof(event)));
	add(buf, size, ".");
	return buf;
}

/*
 * Guard pages: a little memory that nobody may touch, beside memory of the same mapping. At most 1 MiB, as
 * whatif's GUARD_MAX: what is larger is taken for memory that is reserved.
 */
static bool is_guard(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_ACCESS_FLAGS) && !vma->vm_file && vma->vm_end - vma->vm_start <= 1 << 20;
}

static bool by_mprotect(const struct explain_event *e)
{
	return e && e->type == TRACE_EVENT_CALL && trace_call_name(e->call.nr) &&
	       strstr(trace_call_name(e->call.nr), "mprotect");
}

const char *explain_cure_text(
	const struct explain_boundary *b, enum explain_reason reason, char *buf, size_t size)
{
	const struct explain_event *alike;

	if (reason == EXPLAIN_PROT && b->left && (is_guard(b->left) || is_guard(b->right))) {
		snprintf(buf, size,
			"guard pages by madvise(MADV_GUARD_INSTALL), which cuts nothing: needs Linux 6.13");
		return buf;
	}
	if (reason != EXPLAIN_WRITTEN) {
		snprintf(buf, size, "%s", words[index_of(reason)].cure);
		return buf;
	}
	alike = b->left ? made_alike(b) : NULL;
	if (by_mprotect(alike))
		snprintf(buf, size,
			"commit in ascending order, each part beside the last one written; or write after "
			"the last mprotect");
	else if (b->left && written_before(b, alike))
		snprintf(buf, size,
			"make them alike and neighbours (step %" PRIu64 ") before writing to both",
			alike->step);
	else
		snprintf(buf, size, "write to the one only when it is beside the other and alike");
	return buf;
}
