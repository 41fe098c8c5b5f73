/* SPDX-License-Identifier: MIT */
/* A table of boundaries by who made them: groups whose stacks blame one place are one. */
#ifndef CLI_CULPRITS_H
#define CLI_CULPRITS_H

#include "made_by.h"

struct culprit {
	struct explain_group group; /* its numbers are of all stacks; stack and example of the largest */
	char *made_by;
	uint32_t stacks; /* that blame this place */
};

/*
 * Boundaries with the same main reasons. bytes of the areas; young: born in the second half of the time
 * that the table covers.
 */
struct reason_sum {
	uint32_t main_reasons;
	uint64_t areas, bytes, young;
};

/* Both most areas first. sums[].main_reasons are all different, and each culprit's is among them. */
struct culprits {
	struct culprit *list;
	size_t count;
	struct reason_sum *sums;
	size_t nr_sums;
};

/* 0 or -ENOMEM. Their examples live as long as the table's. */
int culprits_of(const struct explain_table *t, const struct code *code, struct culprits *c) __must_check;
void culprits_free(struct culprits *c);

#endif /* CLI_CULPRITS_H */
