/* SPDX-License-Identifier: MIT */
/* What the tests of the recorder on a scripted kernel share: table.c. */
#ifndef TESTS_SCENARIOS_H
#define TESTS_SCENARIOS_H

#include "scripted.h"

extern const struct scenario scenarios[];
extern const size_t nr_scenarios;

#endif /* TESTS_SCENARIOS_H */
