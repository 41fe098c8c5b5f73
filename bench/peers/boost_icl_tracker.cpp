/* SPDX-License-Identifier: MIT */
/* Contender `boost-icl` of the question `range-map`: Boost's interval map, which joins neighbours with equal bits itself. */
#include <boost/icl/interval_map.hpp>

#include "../range-map.h"

namespace
{
using interval = boost::icl::right_open_interval<unsigned long>;
using tracker = boost::icl::interval_map<unsigned long, unsigned long, boost::icl::partial_absorber, std::less,
	boost::icl::inplace_plus, boost::icl::inter_section, interval>;

void *create()
{
	return new tracker;
}
void destroy(void *map)
{
	delete static_cast<tracker *>(map);
}
void set_all(void *map, const tracker_set *set, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		static_cast<tracker *>(map)->set({ interval(set[i].first, set[i].last + 1), set[i].bits });
}
void erase_all(void *map, const tracker_set *range, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		static_cast<tracker *>(map)->erase(interval(range[i].first, range[i].last + 1));
}
unsigned long find(void *map, const unsigned long *at, size_t nr)
{
	const auto &ranges = *static_cast<const tracker *>(map);
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		auto it = ranges.find(at[i]);

		if (it != ranges.end())
			sum += it->first.upper() - 1 + it->second;
	}
	return sum;
}
unsigned long room(void *map, const tracker_set *query, size_t nr)
{
	auto &ranges = *static_cast<tracker *>(map);
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		unsigned long at = query[i].first;
		auto it = ranges.lower_bound(interval(at, at + 1));

		for (; it != ranges.end() && it->first.lower() < at + query[i].last; ++it)
			at = it->first.upper();
		sum += at;
	}
	return sum;
}
} // namespace

const tracker_ops boost_icl_tracker = { create, destroy, set_all, erase_all, find, room };
