/* SPDX-License-Identifier: MIT */
/*
 * vmaple why --pid PID: the reasons for every boundary of a running process.
 *
 * The engine decides about the kernel's own areas.  Where the map came from /proc, some of what decides is not known: a
 * reason that depends on it is called uncertain, and so is the absence of one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/merge.h>
#include <vmaple/rmap.h>

#include "cli.h"
#include "live_map.h"

#define REASONS 11

/* One boundary between areas that touch. */
struct boundary {
	const struct live_area *left, *right;
	unsigned int certain, perhaps; /* sums of enum vma_merge_blocker */
};

struct reason_count {
	uint64_t alone, together, uncertain; /* boundaries with this reason only, with others, and perhaps */
};

struct tally {
	struct reason_count reasons[REASONS];
	uint64_t boundaries, gaps, joinable, unknown;
};

/* What /proc leaves open about two areas. */
static unsigned int open_questions(const struct boundary *b, unsigned int certain)
{
	unsigned int open = VMA_BLOCK_CLOSE | VMA_BLOCK_POLICY;

	if (b->left->anon_vma && b->right->anon_vma)
		open |= VMA_BLOCK_ANON_VMA;
	if (b->left->file && b->right->file)
		open |= VMA_BLOCK_FILE;
	if ((b->left->vm_flags | b->right->vm_flags) & VM_UFFD_FLAGS)
		open |= VMA_BLOCK_UFFD;
	return open & ~certain;
}

static struct boundary decide(
	const struct live_map *map, const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	struct boundary b = { .left = left->vm_private_data, .right = right->vm_private_data };

	b.certain = vma_merge_blockers(left, right);
	/* To the engine a special area has a file; in the kernel neither has. */
	if (!b.left->file && !b.right->file)
		b.certain &= ~(unsigned int)VMA_BLOCK_FILE;
	if (map->source == LIVE_MAP_PROC) {
		b.certain &= ~(unsigned int)VMA_BLOCK_ANON_VMA;
		b.perhaps = open_questions(&b, b.certain);
	}
	return b;
}

static void count_boundary(struct tally *t, const struct boundary *b)
{
	if (b->certain & VMA_BLOCK_GAP) {
		t->gaps++;
		return;
	}
	t->boundaries++;
	t->joinable += !b->certain && !b->perhaps;
	t->unknown += !b->certain && b->perhaps;
	for (unsigned int i = 0; i < REASONS; i++) {
		if (b->certain == 1u << i)
			t->reasons[i].alone++;
		else if (b->certain & 1u << i)
			t->reasons[i].together++;
		if (!b->certain && b->perhaps & 1u << i)
			t->reasons[i].uncertain++;
	}
}

/* The flags that one has and the other has not, as "wr" or "ex, not wr". */
static void print_flags(const struct boundary *b)
{
	vm_flags_t differ = (b->left->vm_flags ^ b->right->vm_flags) & ~VM_SOFTDIRTY;
	char below[128], above[128];

	vm_flags_format(b->left->vm_flags & differ, below, sizeof(below));
	vm_flags_format(b->right->vm_flags & differ, above, sizeof(above));
	printf(": %s%s%s%s%s", *below ? "below " : "", below, *below && *above ? ", " : "",
		*above ? "above " : "", above);
}

static void print_anon_vmas(const struct boundary *b)
{
	printf(": %u below, %u above", b->left->anon_vma, b->right->anon_vma);
	if (b->left->anon_vma == b->right->anon_vma || !b->left->anon_vma || !b->right->anon_vma)
		printf(", with pages of a parent process");
	else if (b->left->anon_root == b->right->anon_root)
		printf(", of one root");
}

static void print_reason(const struct live_map *map, const struct boundary *b, unsigned int reason)
{
	printf("    %s", vma_merge_blocker_name((enum vma_merge_blocker)reason));
	if (reason == VMA_BLOCK_FLAGS)
		print_flags(b);
	else if (reason == VMA_BLOCK_ANON_VMA && map->source == LIVE_MAP_BPF)
		print_anon_vmas(b);
	putchar('\n');
}

static void print_boundary(const struct live_map *map, const struct boundary *b)
{
	print_live_area(b->left);
	print_live_area(b->right);
	for (unsigned int i = 0; i < REASONS; i++)
		if (b->certain & 1u << i)
			print_reason(map, b, 1u << i);
	if (!b->certain && !b->perhaps)
		puts("    nothing: they join in the next call that changes one of them to what it is");
	for (unsigned int i = 0; !b->certain && i < REASONS; i++)
		if (b->perhaps & 1u << i)
			printf("    uncertain: %s\n", vma_merge_blocker_name((enum vma_merge_blocker)(1u << i)));
	putchar('\n');
}

static json_t *reasons_json(unsigned int reasons)
{
	json_t *list = json_array();

	for (unsigned int i = 0; list && i < REASONS; i++)
		if (reasons & 1u << i)
			json_push(
				list, json_string(vma_merge_blocker_name((enum vma_merge_blocker)(1u << i))));
	return list;
}

static json_t *boundary_json(const struct boundary *b)
{
	return json_pack("{s:I, s:[I,I], s:[I,I], s:o, s:o}", "at", (json_int_t)b->right->start, "below",
		(json_int_t)b->left->start, (json_int_t)b->left->end, "above", (json_int_t)b->right->start,
		(json_int_t)b->right->end, "reasons", reasons_json(b->certain), "uncertain",
		reasons_json(b->certain ? 0 : b->perhaps));
}

static json_t *tally_json(const struct live_map *map, const struct tally *t)
{
	json_t *reasons = json_array();

	for (unsigned int i = 0; reasons && i < REASONS; i++) {
		const struct reason_count *c = &t->reasons[i];

		if (c->alone + c->together + c->uncertain)
			json_push(reasons,
				json_pack("{s:s, s:I, s:I, s:I}", "reason",
					vma_merge_blocker_name((enum vma_merge_blocker)(1u << i)), "alone",
					(json_int_t)c->alone, "together", (json_int_t)c->together,
					"uncertain", (json_int_t)c->uncertain));
	}
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:f}", "areas", (int)map->nr, "limit",
		(json_int_t)map->max_map_count, "boundaries", (json_int_t)t->boundaries, "gaps",
		(json_int_t)t->gaps, "joinable", (json_int_t)t->joinable, "unknown", (json_int_t)t->unknown,
		"reasons", reasons, "source", map->source == LIVE_MAP_BPF ? "bpf" : "proc", "held_microseconds",
		(double)map->held_ns / 1e3);
}

static void print_tally(const struct live_map *map, const struct tally *t)
{
	printf("process %d: %u areas, %.1f%% of vm.max_map_count (%" PRIu64 ")\n", (int)map->pid, map->nr,
		100.0 * map->nr / (double)map->max_map_count, map->max_map_count);
	printf("  %" PRIu64 " boundaries between areas that touch, %" PRIu64 " gaps\n\n", t->boundaries, t->gaps);
	printf("  %9s %9s %9s  reason\n", "alone", "together", "uncertain");
	for (unsigned int i = 0; i < REASONS; i++) {
		const struct reason_count *c = &t->reasons[i];

		if (c->alone + c->together + c->uncertain)
			printf("  %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "  %s\n", c->alone, c->together,
				c->uncertain, vma_merge_blocker_name((enum vma_merge_blocker)(1u << i)));
	}
	if (t->joinable)
		printf("  %9" PRIu64 "                      nothing keeps them apart\n", t->joinable);
}

/* All boundaries, or those of the area at the address. */
static bool wanted(const struct live_why_options *o, const struct boundary *b)
{
	return !o->has_addr || (o->addr >= b->left->start && o->addr < b->right->end);
}

static void tell_boundary(
	const struct live_why_options *o, const struct live_map *map, const struct boundary *b, json_t *list)
{
	if (o->top || b->certain & VMA_BLOCK_GAP || !wanted(o, b))
		return;
	if (list)
		json_push(list, boundary_json(b));
	else
		print_boundary(map, b);
}

static void each_boundary(
	const struct live_why_options *o, const struct live_map *map, struct mm_struct *mm, json_t *list, struct tally *t)
{
	struct vm_area_struct *vma, *prev = NULL;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma) {
		struct boundary b;

		if (prev) {
			b = decide(map, prev, vma);
			count_boundary(t, &b);
			tell_boundary(o, map, &b, list);
		}
		prev = vma;
	}
}

static int answer(const struct live_why_options *o, const struct live_map *map, struct mm_struct *mm)
{
	json_t *list = o->json ? json_array() : NULL, *all;
	struct tally t = { .boundaries = 0 };

	if (o->has_addr && !vma_lookup(mm, o->addr)) {
		complain("why", "process %d has nothing at %" PRIx64, (int)o->pid, o->addr);
		json_decref(list);
		return 1;
	}
	each_boundary(o, map, mm, list, &t);
	if (!list) {
		if (!o->has_addr)
			print_tally(map, &t);
		return 0;
	}
	all = tally_json(map, &t);
	json_put(all, "list", list);
	return print_json(all);
}

int live_why(const struct live_why_options *options)
{
	struct live_map *map = open_live_map("why", options->pid, options->no_bpf);
	struct mm_system sys;
	struct mm_struct mm;
	int err;

	if (!map)
		return STATUS_FAILED;
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	mm.task_size = ~0ul << 12;
	err = live_map_build(map, &mm);
	if (err) {
		complain("why", err == -ENOMEM ? "out of memory" : "the map of process %d changed while it was read; again, please",
			(int)options->pid);
		err = STATUS_FAILED;
	} else {
		err = answer(options, map, &mm);
		tell_live_source("why", map);
	}
	mm_exit(&mm);
	live_map_free(map);
	return err;
}
