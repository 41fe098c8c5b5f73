/* SPDX-License-Identifier: MIT */
/*
 * The kernels that are known, each with its ways.  A series has those of the one before and what came with it;
 * members are in the order of the versions, not of the structure.
 */
#include <vmaple/kernel_profile.h>

#define CAME_WITH_5_15 .populates = true, .uffd_minor = true, .dontunmap_files = true, .special_whole = true
#define CAME_WITH_6_1                                                                            \
	CAME_WITH_5_15, .dontneed_locked = true, .collapses = true, .uffd_protects_files = true, \
			.full_map_is_eagain = true, .mremap_looks = true, .growth_joins = true,  \
			.brk_minds_heap = true, .onfault_unasked = true
#define CAME_WITH_6_6                                                                       \
	CAME_WITH_6_1, .close_may_merge = true, .above4g = true, .served_part_joins = true, \
		       .shows_onfault = true, .memory_merge = true
#define CAME_WITH_6_12                                                                                 \
	CAME_WITH_6_6, .mmap_gathers = true, .mmap_joins_before = true, .close_takes_below = true,     \
		       .uncharges_untouched = true, .stack_not_huge = true, .anon_huge_aligned = true, \
		       .populate_ends_at_hole = true, .key_before_place = true, .seals_first = true,   \
		       .mseal = true, .droppable = true
#define CAME_WITH_6_16                                                                                       \
	CAME_WITH_6_12, .untouched_takes_touched = true, .mremap_aligns_first = true, .guard_regions = true, \
			.huge_as_files = true
#define CAME_WITH_6_17                                                                            \
	CAME_WITH_6_16, .mremap_several = true, .mremap_checks_first = true, .zero_sealed = true, \
			.droppable_not_served = true, .mergeable_joins = true
#define CAME_WITH_6_18 CAME_WITH_6_17, .zero_huge_aligned = true, .marks_guards = true
#define CAME_WITH_7_0  CAME_WITH_6_18, .droppable_unlocked = true, .special_stays_unforked = true
#define CAME_WITH_7_1  CAME_WITH_7_0, .mremap_counts_cuts = true
#define CAME_WITH_7_2  CAME_WITH_7_1, .dontunmap_cuts = true, .dontunmap_joins_other = true
#define CAME_WITH_7_3  CAME_WITH_7_2, .wp_stays = true, .served_moves_alone = true, .own_pages_adjoin = true

/*
 * Oldest first.  A series that is kept up takes over fixes of later ones: 6.1 and 6.12 have MREMAP_DONTUNMAP as 7.2, and
 * 6.12 and 6.18 lock no droppable memory, as 7.0.  5.15 and 6.6 are as the sources of 5.15.100 and 6.6.87 are.
 */
static const struct kernel_profile profiles[] = {
	{ .name = "5.10",
		.major = 5,
		.minor = 10,
		.asked = "5.10.262",
		.mmap_joins_before = true,
		.dontunmap_uncounted = true,
		.dontunmap_keeps_anon = true,
		.dontunmap_marks_next = true },
	{ .name = "5.15",
		.major = 5,
		.minor = 15,
		CAME_WITH_5_15,
		.mmap_joins_before = true,
		.dontunmap_uncounted = true },
	{ .name = "6.1", .major = 6, .minor = 1, .asked = "6.1.192", CAME_WITH_6_1, .dontunmap_cuts = true },
	{ .name = "6.6", .major = 6, .minor = 6, CAME_WITH_6_6, .dontunmap_uncounted = true },
	{ .name = "6.12",
		.major = 6,
		.minor = 12,
		.asked = "6.12.118",
		CAME_WITH_6_12,
		.droppable_unlocked = true,
		.dontunmap_cuts = true,
		.dontunmap_joins_other = true,
		.served_moves_alone = true },
	{ .name = "6.16",
		.major = 6,
		.minor = 16,
		.asked = "6.16.12",
		CAME_WITH_6_16,
		.dontunmap_unaccounts = true,
		.unmergeable_clears_high = true },
	{ .name = "6.17",
		.major = 6,
		.minor = 17,
		.asked = "6.17.13",
		CAME_WITH_6_17,
		.seals_piecewise = true },
	{ .name = "6.18",
		.major = 6,
		.minor = 18,
		.asked = "6.18.44",
		CAME_WITH_6_18,
		.droppable_unlocked = true },
	{ .name = "6.19", .major = 6, .minor = 19, .asked = "6.19.14", CAME_WITH_6_18 },
	{ .name = "7.0", .major = 7, .minor = 0, .asked = "7.0.13", CAME_WITH_7_0 },
	{ .name = "7.1", .major = 7, .minor = 1, .asked = "7.1.13", CAME_WITH_7_1 },
	{ .name = "7.2", .major = 7, .minor = 2, .asked = "7.2.12", CAME_WITH_7_2 },
	{ .name = "7.3", .major = 7, .minor = 3, .asked = "7.3.4", CAME_WITH_7_3 },
};
#define NR_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

const struct kernel_profile *const kernel_profile_default = &profiles[NR_PROFILES - 1];

const struct kernel_profile *kernel_profile_at(unsigned int index)
{
	return index < NR_PROFILES ? &profiles[index] : NULL;
}

/* The number at *@at, which goes beyond it. -1: there is none. */
static long parse_number(const char **at)
{
	long n = **at >= '0' && **at <= '9' ? 0 : -1;

	for (; **at >= '0' && **at <= '9' && n < 1000000; (*at)++)
		n = n * 10 + (**at - '0');
	return n;
}

const struct kernel_profile *kernel_profile_for(const char *release)
{
	long major = parse_number(&release), minor = -1;
	size_t i = NR_PROFILES - 1;

	if (major >= 0 && *release == '.') {
		release++;
		minor = parse_number(&release);
	}
	if (minor < 0)
		return NULL;
	while (i > 0 &&
		(profiles[i].major > major || (profiles[i].major == major && profiles[i].minor > minor)))
		i--;
	return &profiles[i];
}
