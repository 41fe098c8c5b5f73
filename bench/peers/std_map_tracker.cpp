/* SPDX-License-Identifier: MIT */
/* Contender `std-map` of the question `range-map`. */
#include <map>

#include "map_tracker.hpp"

const tracker_ops std_map_tracker = map_tracker<std::map<unsigned long, rest>>::ops;
