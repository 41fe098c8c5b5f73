/* SPDX-License-Identifier: MIT */
/* Columns of numbers, compressed (zlib) and written as base64: what the page's script makes typed arrays of. */
#ifndef REPORT_PACK_H
#define REPORT_PACK_H

#include <stdint.h>
#include <stdio.h>

struct pack {
	unsigned char *bytes;
	size_t len, size;
	int no_memory;
};

void pack_f64(struct pack *p, double value);
void pack_u32(struct pack *p, uint32_t value);
void pack_u8(struct pack *p, uint8_t value);
/* Compressed, as base64: *len characters, to be freed. NULL: no memory. */
char *pack_text(const struct pack *p, size_t *len);
void pack_free(struct pack *p);

#endif /* REPORT_PACK_H */
