/* SPDX-License-Identifier: MIT */
/*
 * Contender `boost-icl`: Boost's interval map, from each piece between two bounds to the set of the intervals that
 * cover it.  A point is found in one search; an interval is split over all pieces that it covers.
 */
#include <boost/icl/interval_map.hpp>
#include <cstdlib>
#include <set>
#include <vector>

#include "trees.h"

using numbers = std::set<unsigned int>;
using map_t = boost::icl::interval_map<unsigned long, numbers>;

struct icl {
	map_t map;
	std::vector<span> spans;
};

static auto interval_of(const span &s)
{
	return boost::icl::interval<unsigned long>::closed(s.start, s.last);
}

static void icl_insert(void *tree, const unsigned int *which, size_t nr)
{
	auto *t = static_cast<icl *>(tree);

	for (size_t i = 0; i < nr; i++)
		t->map.add({ interval_of(t->spans[which[i]]), numbers{ which[i] } });
}

static void icl_erase(void *tree, const unsigned int *which, size_t nr)
{
	auto *t = static_cast<icl *>(tree);

	for (size_t i = 0; i < nr; i++)
		t->map.subtract({ interval_of(t->spans[which[i]]), numbers{ which[i] } });
}

static void *icl_create(const span *spans, size_t nr)
{
	auto *t = new icl{ {}, { spans, spans + nr } };

	for (unsigned int i = 0; i < nr; i++)
		icl_insert(t, &i, 1);
	return t;
}

static void icl_destroy(void *tree)
{
	delete static_cast<icl *>(tree);
}

static unsigned long icl_stab(void *tree, const unsigned long *point, size_t nr)
{
	auto *t = static_cast<icl *>(tree);
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		auto it = t->map.find(point[i]);

		if (it == t->map.end())
			continue;
		for (unsigned int number : it->second)
			sum += STAB_HIT(number);
	}
	return sum;
}

const struct interval_ops icl_interval_ops = { { icl_destroy, icl_insert, icl_erase }, icl_create, icl_stab };
