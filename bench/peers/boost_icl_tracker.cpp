/* SPDX-License-Identifier: MIT */
/* Contender `boost-icl` of the question `range-map`: Boost's interval map, which joins neighbours with equal bits itself. */
#include <boost/icl/interval_map.hpp>

#include "../range-map.h"

namespace
{
using interval = boost::icl::right_open_interval<unsigned long>;
using tracker = boost::icl::interval_map<unsigned long, unsigned long, boost::icl::partial_absorber,
	std::less, boost::icl::inplace_plus, boost::icl::inter_section, interval>;

void *create()
{
	return new tracker;
}
void destroy(void *map)
{
	delete static_cast<tracker *>(map);
}
void set_one(void *map, unsigned long first, unsigned long last, unsigned long bits)
{
	static_cast<tracker *>(map)->set({ interval(first, last + 1), bits });
}
void set_all(void *map, const tracker_set *set, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		set_one(map, set[i].first, set[i].last, set[i].bits);
}
void erase_one(void *map, unsigned long first, unsigned long last)
{
	static_cast<tracker *>(map)->erase(interval(first, last + 1));
}
void erase_all(void *map, const tracker_set *range, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		erase_one(map, range[i].first, range[i].last);
}
unsigned long find_one(void *map, unsigned long at)
{
	const auto &ranges = *static_cast<const tracker *>(map);
	auto it = ranges.find(at);

	return it != ranges.end() ? it->first.upper() - 1 + it->second : 0;
}
unsigned long find(void *map, const unsigned long *at, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += find_one(map, at[i]);
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

const tracker_ops boost_icl_tracker = { create, destroy, set_one, erase_one, find_one, set_all, erase_all,
	find, room };
