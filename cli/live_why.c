/* SPDX-License-Identifier: MIT */
/*
 * vmaple why --pid PID: the reasons for every boundary of a running process.  A reason that depends on what the source
 * could not see is called uncertain, and so is the absence of one.
 *
 * Order: the map is read as a whole and the process goes on; the engine is asked about each pair
 * (boundaries.c) while answers are printed or collected; the tally comes last, for it is complete only
 * then. What is printed before a failure stays printed: the status tells.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "boundaries.h"
#include "cli.h"
#include "live_map.h"

/*
 * The flags that one has and the other has not, as "below wr, above ex". Not soft-dirty: it differs between
 * neighbours all the time and does not keep them apart.
 */
static void print_flags(const struct boundary *b)
{
	vm_flags_t differ = (b->left->vm_flags ^ b->right->vm_flags) & ~VM_SOFTDIRTY;
	char below[128], above[128];

	vm_flags_format(b->left->vm_flags & differ, below, sizeof(below));
	vm_flags_format(b->right->vm_flags & differ, above, sizeof(above));
	printf(": %s%s%s%s%s", *below ? "below " : "", below, *below && *above ? ", " : "",
		*above ? "above " : "", above);
}

/*
 * Equal ones, or one alone, keep two apart only by their chains: is_mergeable_anon_vma() of Linux takes an
 * area whose chain has one link, which the child of a fork has not.
 */
static void print_anon_vmas(const struct boundary *b)
{
	printf(": %u below, %u above", b->left->anon_vma, b->right->anon_vma);
	if (b->left->anon_vma == b->right->anon_vma || !b->left->anon_vma || !b->right->anon_vma)
		printf(", with pages of a parent process");
	else if (b->left->anon_root == b->right->anon_root)
		printf(", of one root");
}

/*
 * Numbers of anon_vmas are equal where the kernel's are and mean nothing else; from /proc there are none.
 */
static void print_reason(const struct live_map *map, const struct boundary *b, unsigned int reason)
{
	printf("    %s", vma_merge_blocker_name((enum vma_merge_blocker)reason));
	if (reason == VMA_BLOCK_FLAGS)
		print_flags(b);
	else if (reason == VMA_BLOCK_ANON_VMA && map->source == LIVE_MAP_BPF)
		print_anon_vmas(b);
	putchar('\n');
}

/*
 * Both areas as maps has them, then a line a reason. A doubt is printed only where no reason is certain:
 * with one it would change nothing.
 */
static void print_boundary(const struct live_map *map, const struct boundary *b)
{
	print_live_area(b->left);
	print_live_area(b->right);
	for (unsigned int i = 0; i < BOUNDARY_REASONS; i++)
		if (b->certain & 1u << i)
			print_reason(map, b, 1u << i);
	if (!b->certain && !b->perhaps)
		puts("    nothing: they join in the next call that changes one of them to what it is");
	for (unsigned int i = 0; !b->certain && i < BOUNDARY_REASONS; i++)
		if (b->perhaps & 1u << i)
			printf("    uncertain: %s\n",
				vma_merge_blocker_name((enum vma_merge_blocker)(1u << i)));
	putchar('\n');
}

/* By the names of vma_merge_blocker_name(); not those of the ledger (text.h), which tells flags apart. */
static json_t *reasons_json(unsigned int reasons)
{
	json_t *list = json_array();

	for (unsigned int i = 0; list && i < BOUNDARY_REASONS; i++)
		if (reasons & 1u << i)
			json_push(
				list, json_string(vma_merge_blocker_name((enum vma_merge_blocker)(1u << i))));
	return list;
}

/* at, in all of them, is the address of the boundary: where the upper area begins. */
static json_t *boundary_json(const struct boundary *b)
{
	return json_pack("{s:I, s:[I,I], s:[I,I], s:o, s:o}", "at", (json_int_t)b->right->start, "below",
		(json_int_t)b->left->start, (json_int_t)b->left->end, "above", (json_int_t)b->right->start,
		(json_int_t)b->right->end, "reasons", reasons_json(b->certain), "uncertain",
		reasons_json(b->certain ? 0 : b->perhaps));
}

/* Only reasons that occur. held_microseconds is 0 from /proc, and source tells the two apart. */
static json_t *tally_json(const struct live_map *map, const struct boundary_tally *t)
{
	json_t *reasons = json_array();

	for (unsigned int i = 0; reasons && i < BOUNDARY_REASONS; i++) {
		const struct reason_count *c = &t->reasons[i];

		if (c->alone + c->together + c->uncertain)
			json_push(reasons,
				json_pack("{s:s, s:I, s:I, s:I}", "reason",
					vma_merge_blocker_name((enum vma_merge_blocker)(1u << i)), "alone",
					(json_int_t)c->alone, "together", (json_int_t)c->together,
					"uncertain", (json_int_t)c->uncertain));
	}
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:o, s:s, s:f}", "areas", (int)map->nr, "limit",
		(json_int_t)map->max_map_count, "boundaries", (json_int_t)t->boundaries, "gaps",
		(json_int_t)t->gaps, "joinable", (json_int_t)t->joinable, "reasons", reasons, "source",
		map->source == LIVE_MAP_BPF ? "bpf" : "proc", "held_microseconds",
		(double)map->held_ns / 1e3);
}

/* The three columns as struct reason_count has them. */
static void print_tally(const struct live_map *map, const struct boundary_tally *t)
{
	printf("process %d: %u areas, %.1f%% of vm.max_map_count (%" PRIu64 ")\n", (int)map->pid, map->nr,
		100.0 * map->nr / (double)map->max_map_count, map->max_map_count);
	printf("  %" PRIu64 " boundaries between areas that touch, %" PRIu64 " gaps\n\n", t->boundaries,
		t->gaps);
	printf("  %9s %9s %9s  reason\n", "alone", "together", "uncertain");
	for (unsigned int i = 0; i < BOUNDARY_REASONS; i++) {
		const struct reason_count *c = &t->reasons[i];

		if (c->alone + c->together + c->uncertain)
			printf("  %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "  %s\n", c->alone, c->together,
				c->uncertain, vma_merge_blocker_name((enum vma_merge_blocker)(1u << i)));
	}
	if (t->joinable)
		printf("  %9" PRIu64 "                      nothing keeps them apart\n", t->joinable);
}

/* One answer as it is being given. list is the caller's; tally is valid behind each_boundary(). */
struct answer {
	const struct live_why_options *options;
	const struct live_map *map;
	json_t *list; /* NULL: as text */
	struct boundary_tally tally;
};

/*
 * All boundaries, or those of the area at the address. An address in the lower area or in the upper one:
 * both boundaries of its area are meant.
 */
static bool wanted(const struct live_why_options *o, const struct boundary *b)
{
	return !o->has_addr || (o->addr >= b->left->start && o->addr < b->right->end);
}

/* The callback of each_boundary(): the pair and its areas are valid during the call. */
static void tell_boundary(void *ctx, const struct boundary *b)
{
	struct answer *a = ctx;

	/* --top wants the tally alone. Areas with a hole between them have no boundary to explain. */
	if (a->options->top || b->certain & VMA_BLOCK_GAP || !wanted(a->options, b))
		return;
	if (a->list)
		json_push(a->list, boundary_json(b));
	else
		print_boundary(a->map, b);
}

/* O(areas), once. */
static bool is_mapped(const struct live_map *map, uint64_t addr)
{
	for (uint32_t i = 0; i < map->nr; i++)
		if (addr >= map->areas[i].start && addr < map->areas[i].end)
			return true;
	return false;
}

/*
 * 0 or a status. -EEXIST of live_map_build() is the one other error: areas that overlap were read at two
 * moments.
 */
static int tell(struct answer *a)
{
	json_t *all;
	int err = each_boundary(a->map, &a->tally, tell_boundary, a);

	if (err) {
		complain("why",
			err == -ENOMEM ? "out of memory"
				       : "the map of process %d changed while it was read; again, please",
			(int)a->map->pid);
		return STATUS_FAILED;
	}
	if (a->list) {
		all = tally_json(a->map, &a->tally);
		/* live_why() releases the other reference. */
		json_put(all, "list", json_incref(a->list));
		err = print_json(all);
	} else if (!a->options->has_addr) {
		print_tally(a->map, &a->tally);
	}
	tell_live_source("why", a->map);
	return err;
}

/* 1: nothing is mapped at the address, which is said; the map was read all the same. */
int live_why(const struct live_why_options *options)
{
	struct live_map *map = open_live_map("why", options->pid, options->no_bpf);
	struct answer a = { .options = options, .map = map };
	int status = 1;

	if (!map)
		return STATUS_FAILED;
	a.list = options->json ? json_array() : NULL;
	if (options->has_addr && !is_mapped(map, options->addr))
		complain("why", "process %d has nothing at %" PRIx64, (int)options->pid, options->addr);
	else
		status = tell(&a);
	json_decref(a.list);
	live_map_free(map);
	return status;
}
