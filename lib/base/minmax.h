/* SPDX-License-Identifier: MIT */
/* The lesser and the greater of two values of one type; arguments without side effects. */
#ifndef VMAPLE_MINMAX_H
#define VMAPLE_MINMAX_H

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))

#endif /* VMAPLE_MINMAX_H */
