/* SPDX-License-Identifier: MIT */
/**
 * @file range_map.hpp
 * <vmaple/range_map.h> for C++17: a map of ranges whose payloads are values of a type T.
 *
 * Each range has a T of its own, made by new. A cut copies it, as does range_map(const range_map &); equal neighbours
 * (bits, and T by operator==) become one where the map was made with merge::equal. Nothing is thrown but by T and by
 * new; calls return 0 or -errno as those of C do. An exception of T's copy constructor becomes -ENOMEM, since it may
 * not pass through C.
 *
 * Locks, errors, cost: as in range_map.h; c() is the C map, for what has no name here.
 * docs/range-map.md
 */
#ifndef VMAPLE_RANGE_MAP_HPP
#define VMAPLE_RANGE_MAP_HPP

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <vmaple/range_map.h>

namespace vmaple
{

enum class merge { never, equal };

template <typename T> class range_map
{
      public:
	/** What a look gives. The reference is good until the map changes. */
	struct entry {
		std::uint64_t first, last;
		T &value;
		std::uint64_t bits;
	};

	explicit range_map(merge how = merge::never)
	{
		range_map_init(&map, how == merge::equal ? &merging : &separate, nullptr);
	}
	range_map(const range_map &other)
	{
		range_map_init(&map, other.map.ops, nullptr);
		if (range_map_copy(&map, &other.map) != 0)
			throw std::bad_alloc();
	}
	range_map(range_map &&other) noexcept : map(other.map)
	{
		range_map_init(&other.map, map.ops, nullptr);
	}
	range_map &operator=(range_map other) noexcept
	{
		std::swap(map, other.map);
		return *this;
	}
	~range_map()
	{
		range_map_destroy(&map);
	}

	[[nodiscard]] int set(std::uint64_t first, std::uint64_t last, T value, std::uint64_t bits = 0)
	{
		return put(range_map_set, first, last, std::move(value), bits);
	}
	[[nodiscard]] int set_empty(std::uint64_t first, std::uint64_t last, T value, std::uint64_t bits = 0)
	{
		return put(range_map_set_empty, first, last, std::move(value), bits);
	}
	[[nodiscard]] int erase(std::uint64_t first, std::uint64_t last)
	{
		return range_map_erase(&map, first, last);
	}
	[[nodiscard]] int update(
		std::uint64_t first, std::uint64_t last, std::uint64_t set, std::uint64_t clear)
	{
		return range_map_update(&map, first, last, set, clear);
	}
	[[nodiscard]] int split(std::uint64_t at)
	{
		return range_map_split(&map, at);
	}
	[[nodiscard]] int isolate(std::uint64_t first, std::uint64_t last)
	{
		return range_map_isolate(&map, first, last);
	}

	std::optional<entry> find(std::uint64_t at) const
	{
		return look(range_map_find, at);
	}
	std::optional<entry> first(std::uint64_t at = 0) const
	{
		return look(range_map_first, at);
	}
	std::optional<entry> previous(std::uint64_t at) const
	{
		return look(range_map_previous, at);
	}
	bool covered(std::uint64_t first, std::uint64_t last, std::uint64_t bits = 0) const
	{
		return range_map_covered(&map, first, last, bits, nullptr);
	}
	/** Room of @p size within [min, max]; the lowest. */
	std::optional<std::uint64_t> room(std::uint64_t size, std::uint64_t align = 1, std::uint64_t min = 0,
		std::uint64_t max = UINT64_MAX)
	{
		range_map_room wanted = { size, align, min, max };
		std::uint64_t at = 0;

		if (range_map_lowest(&map, &wanted, &at) != 0)
			return std::nullopt;
		return at;
	}
	std::uint64_t size() const
	{
		return range_map_count(&map).ranges;
	}
	bool empty() const
	{
		return size() == 0;
	}

	/** Ascending; the map may change in any way between two steps. */
	class iterator
	{
	      public:
		iterator() : of(nullptr), cursor(range_map_from(0)), range()
		{
		}
		explicit iterator(const ::range_map *map) : of(map), cursor(range_map_from(0)), range()
		{
			++*this;
		}
		entry operator*() const
		{
			return entry{ range.first, range.last, *static_cast<T *>(range.value), range.bits };
		}
		iterator &operator++()
		{
			if (!range_map_next(of, &cursor, &range))
				of = nullptr;
			return *this;
		}
		bool operator!=(const iterator &other) const
		{
			return of != other.of;
		}

	      private:
		const ::range_map *of; /* nullptr: the end */
		range_map_cursor cursor;
		range_map_range range;
	};
	iterator begin() const
	{
		return iterator(&map);
	}
	iterator end() const
	{
		return iterator();
	}

	::range_map *c()
	{
		return &map;
	}

      private:
	using put_fn = int(::range_map *, std::uint64_t, std::uint64_t, void *, std::uint64_t);
	using look_fn = bool(const ::range_map *, std::uint64_t, range_map_range *);

	int put(put_fn *fn, std::uint64_t first, std::uint64_t last, T &&value, std::uint64_t bits)
	{
		auto own = std::make_unique<T>(std::move(value));
		int err = fn(&map, first, last, own.get(), bits);

		if (err == 0)
			own.release(); /* the map's now, or ended in a merge */
		return err;
	}
	std::optional<entry> look(look_fn *fn, std::uint64_t at) const
	{
		range_map_range range;

		if (!fn(&map, at, &range))
			return std::nullopt;
		return entry{ range.first, range.last, *static_cast<T *>(range.value), range.bits };
	}
	static int duplicate(const void *value, void **copy) noexcept
	{
		try {
			*copy = new T(*static_cast<const T *>(value));
		} catch (...) {
			return -ENOMEM;
		}
		return 0;
	}
	static int on_split(void *, const range_map_range *whole, std::uint64_t, void **right)
	{
		return duplicate(whole->value, right);
	}
	static int on_copy(void *, const range_map_range *range, void **copy)
	{
		return duplicate(range->value, copy);
	}
	static void on_free(void *, const range_map_range *range)
	{
		delete static_cast<T *>(range->value);
	}
	static void on_merge(void *, const range_map_range *, const range_map_range *right)
	{
		delete static_cast<T *>(right->value);
	}
	static bool equal(void *, const range_map_range *left, const range_map_range *right)
	{
		return left->bits == right->bits &&
		       *static_cast<const T *>(left->value) == *static_cast<const T *>(right->value);
	}

	static constexpr range_map_ops separate = { on_split, nullptr, nullptr, on_copy, on_free, nullptr };
	static constexpr range_map_ops merging = { on_split, equal, on_merge, on_copy, on_free, nullptr };
	::range_map map;
};

} // namespace vmaple
#endif /* VMAPLE_RANGE_MAP_HPP */
