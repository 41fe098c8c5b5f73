/* SPDX-License-Identifier: MIT */
/* Contenders of the question `range-map` that are an ordered map from where ranges begin. */
#ifndef BENCH_MAP_TRACKER_HPP
#define BENCH_MAP_TRACKER_HPP

#include <iterator>

#include "../range-map.h"

/* What a map from where a range begins leads to. */
struct rest {
	unsigned long last, bits;
};

template <class tracker> struct map_tracker {
	/* The first range that ends at @at or later. */
	static typename tracker::iterator from(tracker &map, unsigned long at)
	{
		auto it = map.upper_bound(at);

		if (it != map.begin() && std::prev(it)->second.last >= at)
			--it;
		return it;
	}

	static void set_one(void *ranges, unsigned long first, unsigned long last, unsigned long bits)
	{
		auto &map = *static_cast<tracker *>(ranges);
		auto it = from(map, first - 1);

		if (it != map.end() && it->first < first) {
			rest old = it->second;

			if (old.bits == bits) {
				if (old.last >= last)
					return;
				first = it->first;
			} else if (old.last >= first) {
				it->second.last = first - 1;
				if (old.last > last)
					it = map.emplace_hint(std::next(it), last + 1, old);
				else
					++it;
			} else {
				++it;
			}
		}
		while (it != map.end() && it->first <= last + 1) {
			rest old = it->second;

			if (old.bits == bits && old.last > last) {
				last = old.last;
			} else if (it->first == last + 1 && old.bits != bits) {
				break;
			} else if (old.last > last) {
				it = map.erase(it);
				it = map.emplace_hint(it, last + 1, old);
				break;
			}
			if (it->first == first) {
				it->second = { last, bits };
				++it;
				continue;
			}
			it = map.erase(it);
		}
		map.insert_or_assign(it, first, rest{ last, bits });
	}

	static void erase_one(void *ranges, unsigned long first, unsigned long last)
	{
		auto &map = *static_cast<tracker *>(ranges);
		auto it = from(map, first);

		if (it != map.end() && it->first < first) {
			rest old = it->second;

			it->second.last = first - 1;
			if (old.last > last) {
				map.emplace_hint(std::next(it), last + 1, old);
				return;
			}
			++it;
		}
		while (it != map.end() && it->second.last <= last)
			it = map.erase(it);
		if (it != map.end() && it->first <= last) {
			rest old = it->second;

			it = map.erase(it);
			map.emplace_hint(it, last + 1, old);
		}
	}

	static void *create()
	{
		return new tracker;
	}
	static void destroy(void *map)
	{
		delete static_cast<tracker *>(map);
	}
	static void set_all(void *map, const tracker_set *set, size_t nr)
	{
		for (size_t i = 0; i < nr; i++)
			set_one(map, set[i].first, set[i].last, set[i].bits);
	}
	static void erase_all(void *map, const tracker_set *range, size_t nr)
	{
		for (size_t i = 0; i < nr; i++)
			erase_one(map, range[i].first, range[i].last);
	}
	static unsigned long find_one(void *map, unsigned long at)
	{
		const auto &ranges = *static_cast<const tracker *>(map);
		auto it = ranges.upper_bound(at);

		return it != ranges.begin() && (--it)->second.last >= at ? it->second.last + it->second.bits
									 : 0;
	}
	static unsigned long find(void *map, const unsigned long *at, size_t nr)
	{
		unsigned long sum = 0;

		for (size_t i = 0; i < nr; i++)
			sum += find_one(map, at[i]);
		return sum;
	}
	static unsigned long room(void *map, const tracker_set *query, size_t nr)
	{
		auto &ranges = *static_cast<tracker *>(map);
		unsigned long sum = 0;

		for (size_t i = 0; i < nr; i++) {
			unsigned long at = query[i].first;

			for (auto it = from(ranges, at); it != ranges.end() && it->first < at + query[i].last;
				++it)
				at = it->second.last + 1;
			sum += at;
		}
		return sum;
	}
	static constexpr tracker_ops ops = { create, destroy, set_one, erase_one, find_one, set_all,
		erase_all, find, room };
};

#endif // BENCH_MAP_TRACKER_HPP
