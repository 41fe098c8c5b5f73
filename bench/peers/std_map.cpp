/* SPDX-License-Identifier: MIT */
/* Contender `std-map`: the C++ library's red-black tree. */
#include <functional>
#include <map>

#include "range.hpp"

using tree_t = std::map<unsigned long, range, std::less<unsigned long>,
	counting_allocator<std::pair<const unsigned long, range>>>;

#include "map.hpp"

const struct contender contender_std_map = {
	.name = "std-map",
	.package = "g++",
	.select = nullptr,
	MAP_OPERATIONS,
};
