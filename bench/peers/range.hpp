/* SPDX-License-Identifier: MIT */
/* What the maps of C++ hold, and an allocator that counts what they take. */
#ifndef BENCH_PEERS_RANGE_HPP
#define BENCH_PEERS_RANGE_HPP

#include <cstddef>
#include <memory>

struct range {
	unsigned long first;
	struct area *area;
};

/* Not atomic: one thread changes a map. */
static std::size_t counted_bytes;

template <typename T> struct counting_allocator {
	using value_type = T;

	counting_allocator() = default;
	template <typename U> counting_allocator(const counting_allocator<U> &)
	{
	}
	T *allocate(std::size_t n)
	{
		counted_bytes += n * sizeof(T);
		return std::allocator<T>().allocate(n);
	}
	void deallocate(T *memory, std::size_t n)
	{
		counted_bytes -= n * sizeof(T);
		std::allocator<T>().deallocate(memory, n);
	}
	template <typename U> bool operator==(const counting_allocator<U> &) const
	{
		return true;
	}
	template <typename U> bool operator!=(const counting_allocator<U> &) const
	{
		return false;
	}
};

#endif /* BENCH_PEERS_RANGE_HPP */
