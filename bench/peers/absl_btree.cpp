/* SPDX-License-Identifier: MIT */
/* Contender `absl-btree`: Abseil's B-tree map. */
#include <absl/container/btree_map.h>

#include <functional>

#include "range.hpp"

using tree_t = absl::btree_map<unsigned long, range, std::less<unsigned long>,
	counting_allocator<std::pair<const unsigned long, range>>>;

#include "map.hpp"

const struct contender contender_absl_btree = {
	.name = "absl-btree",
	.package = "libabsl-dev",
	.select = nullptr,
	MAP_OPERATIONS,
};
