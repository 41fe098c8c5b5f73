// SPDX-License-Identifier: MIT
// <vmaple/range_map.hpp> in C++17, with payloads that are counted: none is lost, doubled or used after its end.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <vmaple/range_map.hpp>

static int alive, throw_at = -1;

struct payload {
	std::string name;

	explicit payload(std::string n) : name(std::move(n))
	{
		alive++;
	}
	payload(const payload &other) : name(other.name)
	{
		if (throw_at >= 0 && throw_at-- == 0)
			throw std::runtime_error("no copy");
		alive++;
	}
	payload(payload &&other) noexcept : name(std::move(other.name))
	{
		alive++;
	}
	payload &operator=(const payload &) = default;
	~payload()
	{
		alive--;
	}
	bool operator==(const payload &other) const
	{
		return name == other.name;
	}
};

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what)) {                                                 \
			std::printf("not ok: line %d: %s\n", __LINE__, #what); \
			std::exit(1);                                          \
		}                                                              \
	} while (0)

static void cuts_copy_and_a_copy_that_throws_changes_nothing()
{
	vmaple::range_map<payload> map;

	CHECK(map.set(0, 99, payload("a"), 1) == 0);
	CHECK(alive == 1);
	CHECK(map.set(40, 59, payload("b")) == 0);
	CHECK(map.size() == 3 && alive == 3);
	CHECK(map.find(60)->value.name == "a" && map.find(60)->first == 60 && map.find(60)->bits == 1);
	CHECK(!map.find(100));
	throw_at = 0;
	CHECK(map.split(10) == -ENOMEM);
	throw_at = -1;
	CHECK(map.size() == 3 && alive == 3 && map.find(10)->first == 0);
	CHECK(map.set_empty(50, 120, payload("c")) == -EEXIST);
	CHECK(alive == 3);
	CHECK(map.previous(50)->value.name == "a" && map.first(50)->value.name == "b");
	CHECK(map.room(10) == 100 && map.room(10, 64) == 128 && !map.room(10, 1, 0, 99));
}

static void equal_neighbours_merge()
{
	vmaple::range_map<payload> map(vmaple::merge::equal);

	CHECK(map.set(0, 9, payload("a")) == 0);
	CHECK(map.set(20, 29, payload("a")) == 0);
	CHECK(map.set(10, 19, payload("a")) == 0);
	CHECK(map.size() == 1 && alive == 1 && map.covered(0, 29));
	CHECK(map.update(5, 6, 1, 0) == 0);
	CHECK(map.size() == 3 && alive == 3);
	CHECK(map.update(5, 6, 0, 1) == 0);
	CHECK(map.size() == 1 && alive == 1);
}

static void maps_are_values()
{
	vmaple::range_map<payload> map;

	for (unsigned i = 0; i < 200; i++)
		CHECK(map.set(i * 10, i * 10 + 4, payload(std::to_string(i))) == 0);
	vmaple::range_map<payload> copy(map), moved(std::move(map));
	CHECK(map.empty() && alive == 400);
	CHECK(copy.erase(0, 999) == 0);
	CHECK(copy.size() == 100 && moved.size() == 200 && alive == 300);
	unsigned i = 0;
	for (auto range : moved) {
		CHECK(range.value.name == std::to_string(i) && range.first == i * 10);
		range.value.name = "seen";
		i++;
	}
	CHECK(i == 200 && moved.find(12)->value.name == "seen" && copy.find(1002)->value.name == "100");
	copy = moved;
	CHECK(copy.size() == 200 && alive == 400);
	throw_at = 150;
	try {
		vmaple::range_map<payload> third(moved);
		CHECK(!"a copy that cannot be made");
	} catch (const std::bad_alloc &) {
	}
	throw_at = -1;
	CHECK(alive == 400);
}

int main()
{
	cuts_copy_and_a_copy_that_throws_changes_nothing();
	CHECK(alive == 0);
	equal_neighbours_merge();
	CHECK(alive == 0);
	maps_are_values();
	CHECK(alive == 0);
	return 0;
}
