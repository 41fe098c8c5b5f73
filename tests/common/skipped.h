/* SPDX-License-Identifier: MIT */
/*
 * A case that this machine, or this build, cannot run.  cmocka's own skip() prints `not ok ... # SKIP`, which Meson takes
 * for a failure: here the case ends well, with a comment that tools/test-summary tells of and counts.
 */
#ifndef TESTS_SKIPPED_H
#define TESTS_SKIPPED_H

/* The case is over: who calls returns. */
#define skipped(why) print_message("# SKIP %s: %s\n", __func__, why)

#endif /* TESTS_SKIPPED_H */
