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
		       .shows_onfault = true, .memory_merge = true, .heap_overlaps = true
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
#define CAME_WITH_6_18 CAME_WITH_6_17, .zero_huge_aligned = true
#define CAME_WITH_6_19 CAME_WITH_6_18, .marks_guards = true
#define CAME_WITH_7_0  CAME_WITH_6_19, .droppable_unlocked = true, .special_stays_unforked = true
#define CAME_WITH_7_1  CAME_WITH_7_0, .mremap_counts_cuts = true
#define CAME_WITH_7_2  CAME_WITH_7_1, .dontunmap_cuts = true, .dontunmap_joins_other = true
#define CAME_WITH_7_3  CAME_WITH_7_2, .wp_stays = true, .own_pages_adjoin = true

/* The series, and the first of its releases that has these ways. */
#define SERIES(series_major, series_minor, first) \
	.major = (series_major), .minor = (series_minor), .patch = (first)

/*
 * Oldest first.  A series that is kept up takes over fixes of later ones: MREMAP_DONTUNMAP as since 7.2.11 (6.1 and 6.12),
 * droppable memory that is not locked as in 7.0 (6.12 and 6.18), guards that are marked as in 6.19 (6.18), what a userfaultfd
 * serves and is moved as since 7.3.4 (6.12).  It is here once for each release that changed its ways; the last has the
 * series' name, the others that of their first release.  5.15 and 6.6 are as the sources of 5.15.100 and 6.6.87 are.
 */
static const struct kernel_profile profiles[] = {
	{ .name = "5.10",
		SERIES(5, 10, 0),
		.asked = "5.10.262",
		.mmap_joins_before = true,
		.dontunmap_uncounted = true,
		.dontunmap_keeps_anon = true,
		.dontunmap_marks_next = true },
	{ .name = "5.15",
		SERIES(5, 15, 0),
		CAME_WITH_5_15,
		.mmap_joins_before = true,
		.dontunmap_uncounted = true },
	{ .name = "6.1.0", SERIES(6, 1, 0), .asked = "6.1.190", CAME_WITH_6_1, .dontunmap_uncounted = true },
	{ .name = "6.1", SERIES(6, 1, 191), .asked = "6.1.192", CAME_WITH_6_1, .dontunmap_cuts = true },
	{ .name = "6.6", SERIES(6, 6, 0), CAME_WITH_6_6, .dontunmap_uncounted = true },
	{ .name = "6.12.0", SERIES(6, 12, 0), CAME_WITH_6_12, .dontunmap_uncounted = true },
	{ .name = "6.12.86",
		SERIES(6, 12, 86),
		.asked = "6.12.111",
		CAME_WITH_6_12,
		.droppable_unlocked = true,
		.dontunmap_uncounted = true },
	{ .name = "6.12.114",
		SERIES(6, 12, 114),
		.asked = "6.12.117",
		CAME_WITH_6_12,
		.droppable_unlocked = true,
		.dontunmap_cuts = true,
		.dontunmap_joins_other = true },
	{ .name = "6.12",
		SERIES(6, 12, 118),
		.asked = "6.12.118",
		CAME_WITH_6_12,
		.droppable_unlocked = true,
		.dontunmap_cuts = true,
		.dontunmap_joins_other = true,
		.served_moves_alone = true },
	{ .name = "6.16",
		SERIES(6, 16, 0),
		.asked = "6.16.12",
		CAME_WITH_6_16,
		.dontunmap_unaccounts = true,
		.unmergeable_clears_high = true },
	{ .name = "6.17", SERIES(6, 17, 0), .asked = "6.17.13", CAME_WITH_6_17, .seals_piecewise = true },
	{ .name = "6.18.0", SERIES(6, 18, 0), .asked = "6.18.15", CAME_WITH_6_18 },
	{ .name = "6.18.27", SERIES(6, 18, 27), CAME_WITH_6_18, .droppable_unlocked = true },
	{ .name = "6.18",
		SERIES(6, 18, 37),
		.asked = "6.18.44",
		CAME_WITH_6_18,
		.droppable_unlocked = true,
		.marks_guards = true },
	{ .name = "6.19", SERIES(6, 19, 0), .asked = "6.19.14", CAME_WITH_6_19 },
	{ .name = "7.0", SERIES(7, 0, 0), .asked = "7.0.13", CAME_WITH_7_0 },
	{ .name = "7.1", SERIES(7, 1, 0), .asked = "7.1.13", CAME_WITH_7_1 },
	{ .name = "7.2.0", SERIES(7, 2, 0), .asked = "7.2.6", CAME_WITH_7_1 },
	{ .name = "7.2", SERIES(7, 2, 11), .asked = "7.2.12", CAME_WITH_7_2 },
	{ .name = "7.3.0", SERIES(7, 3, 0), CAME_WITH_7_3 },
	{ .name = "7.3", SERIES(7, 3, 4), .asked = "7.3.4", CAME_WITH_7_3, .served_moves_alone = true },
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

/* What a release says of itself. */
struct release {
	long major, minor, patch; /* patch -1: it does not say */
};

/* "6.1.0-57-cloud-amd64" is a distribution's count, of whatever patch level; "7.4.0-rc1" is the beginning of its series. */
static bool parse_release(const char *text, struct release *r)
{
	*r = (struct release){ .major = parse_number(&text), .minor = -1, .patch = -1 };
	if (r->major >= 0 && *text == '.') {
		text++;
		r->minor = parse_number(&text);
	}
	if (r->minor >= 0 && *text == '.') {
		text++;
		r->patch = parse_number(&text);
	}
	if (r->patch == 0 && *text == '-' && !(text[1] == 'r' && text[2] == 'c'))
		r->patch = -1;
	return r->minor >= 0;
}

static bool same_series(const struct kernel_profile *p, const struct release *r)
{
	return p->major == r->major && p->minor == r->minor;
}

static bool is_later(const struct kernel_profile *p, const struct release *r)
{
	if (same_series(p, r))
		return r->patch >= 0 && p->patch > r->patch;
	return p->major > r->major || (p->major == r->major && p->minor > r->minor);
}

const struct kernel_profile *kernel_profile_for(const char *release)
{
	size_t i = NR_PROFILES - 1;
	struct release r;

	if (!parse_release(release, &r))
		return NULL;
	while (i > 0 && is_later(&profiles[i], &r))
		i--;
	/* One between two series was made when the older had taken over nothing yet. */
	while (i > 0 && i < NR_PROFILES - 1 && !same_series(&profiles[i], &r) && profiles[i].patch > 0)
		i--;
	return &profiles[i];
}
