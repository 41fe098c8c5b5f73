// SPDX-License-Identifier: MIT
// As known_stacks.c, in C++: constructors, virtual functions, a handler of an exception, a lambda.  Names are those of the sources.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <sys/mman.h>

namespace
{
unsigned long next_length = 3000;
volatile int sink;

void say(const char *functions)
{
	next_length++;
	std::printf("%lx %s\n", next_length * 4096, functions);
	std::fflush(stdout);
}
} // namespace

__attribute__((noinline)) void leaf()
{
	void *p = mmap(nullptr, next_length * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		std::exit(1);
	munmap(p, next_length * 4096);
	sink = sink + 1;
}

struct Base {
	virtual ~Base() = default;
	virtual void run() = 0;
};

struct Derived : Base {
	__attribute__((noinline)) Derived()
	{
		leaf();
		sink = sink + 1;
	}
	__attribute__((noinline)) void run() override
	{
		leaf();
		sink = sink + 1;
	}
};

__attribute__((noinline)) void handles()
{
	try {
		throw std::runtime_error("known");
	} catch (const std::exception &) {
		leaf();
	}
	sink = sink + 1;
}

int main()
{
	say("leaf ... main");
	Base *base = new Derived;
	say("leaf Derived::run main");
	base->run();
	delete base;
	say("leaf handles main");
	handles();
	say("leaf ... main");
	const std::function<void()> f = [] {
		leaf();
		sink = sink + 1;
	};
	f();
	return 0;
}
