/* SPDX-License-Identifier: MIT */
/**
 * @file forecast.h
 * When will a count reach its limit, if it goes on as it has?
 *
 * A count is looked at now and then.  Growth is told from noise by rank: of all pairs of looks, how many went up and how
 * many down (Mann 1945, Kendall 1975); its rate is the median of the slopes of all pairs (Theil 1950, Sen 1968), which
 * a few wild values do not move.  Two windows are asked: the last looks, for what has begun just now, and looks spread
 * over the whole time, for what is slow.
 */
#ifndef VMAPLE_FORECAST_H
#define VMAPLE_FORECAST_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FORECAST_LOOKS 32

/** Looks in the order of time. Private. */
struct forecast_window {
	double seconds[FORECAST_LOOKS], counts[FORECAST_LOOKS];
	unsigned int nr;
	unsigned int stride, skipped; /**< every stride-th look is kept */
};

/** The caller's memory; zeroed, it has seen nothing. */
struct forecast {
	struct forecast_window recent, whole;
};

/** The count was @p count at @p seconds, later than the look before. Cost: O(FORECAST_LOOKS). */
VMAPLE_API void forecast_look(struct forecast *f, double seconds, double count);
/**
 * Growth in a second, negative where it shrinks; 0 where what was seen may be noise, or is too little.
 * Cost: O(FORECAST_LOOKS^2) where it has changed often, else O(FORECAST_LOOKS).
 */
VMAPLE_API double forecast_growth(const struct forecast *f);
/** Seconds until it is @p limit, growing by @p growth a second from @p count; a negative number: never. */
VMAPLE_API double forecast_seconds(double count, double growth, double limit);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_FORECAST_H */
