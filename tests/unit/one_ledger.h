/* SPDX-License-Identifier: MIT */
/* A ledger for each test, of a recording that has begun; what is observed is not compared. Behind cmocka.h. */
#ifndef TESTS_ONE_LEDGER_H
#define TESTS_ONE_LEDGER_H

#include <vmaple/explain.h>

#include "recording.h"

static struct recording r;
static struct explain *ledger;

static int begin(void **state)
{
	struct replay_options options = { .unchecked = true };

	(void)state;
	r = (struct recording){ 0 };
	ledger = explain_new(&rec_header, &options);
	assert_non_null(ledger);
	r.sink = explain_sink(ledger);
	rec_begin(&r);
	return 0;
}

static int end(void **state)
{
	(void)state;
	explain_free(ledger);
	return 0;
}

#endif /* TESTS_ONE_LEDGER_H */
