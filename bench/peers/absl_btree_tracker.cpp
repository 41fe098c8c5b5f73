/* SPDX-License-Identifier: MIT */
/* Contender `absl-btree` of the question `range-map`. */
#include <absl/container/btree_map.h>

#include "map_tracker.hpp"

const tracker_ops absl_btree_tracker = map_tracker<absl::btree_map<unsigned long, rest>>::ops;
