/* SPDX-License-Identifier: MIT */
/**
 * @file port.h
 * The one seam between vmaple's core and the system it runs on: memory, messages, and what to do when an
 * internal invariant is broken.
 *
 * The core (lib/base, lib/trees, lib/mm, lib/rmap, lib/paging) calls nothing else of its host.  A hosted build starts
 * with malloc(3) and stderr; an embedder replaces them before the first use of the library.  Built with -ffreestanding and
 * -DVMAPLE_RCU_NONE there is no C library behind it: the embedder must set a port, and has one thread in the library at
 * a time (docs/ports.md).
 */
#ifndef VMAPLE_PORT_H
#define VMAPLE_PORT_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the host provides. All members but refuse and relax must be set; all may be called from any thread. */
struct vmaple_port {
	void *ctx; /**< handed to every function below */
	/** @return @p size bytes aligned to @p align (a power of two), or NULL. Contents are undefined. */
	void *(*alloc)(void *ctx, size_t size, size_t align, gfp_t gfp);
	/** Take back what alloc() returned; @p size is what was asked for. Never NULL. */
	void (*free)(void *ctx, void *mem, size_t size);
	/**
	 * NULL, or, for tests: asked before each object that a cache (<vmaple/cache.h>) hands out, most of which
	 * need no alloc(). True makes that allocation fail.
	 */
	bool (*refuse)(void *ctx, size_t size);
	/** One line of text without a newline, for a person. */
	void (*log)(void *ctx, const char *line);
	/** An internal invariant is broken and the structure cannot be trusted: must not return. */
	void (*panic)(void *ctx, const char *line) __attribute__((noreturn));
	/** A thread that waits for a lock gives its processor to others; NULL: it goes on waiting. */
	void (*relax)(void *ctx);
};

/**
 * Replace the host functions.
 *
 * @p port is copied.  Call it before any other function of the library and never while another thread is
 * inside it: memory is given back through the port that is set then.
 */
VMAPLE_API void vmaple_set_port(const struct vmaple_port *port);

/** The port in use: for tests that wrap it, and for embedders that share it. Never NULL. */
VMAPLE_API const struct vmaple_port *vmaple_get_port(void);

/** Version of the library that was linked, "MAJOR.MINOR.PATCH". */
VMAPLE_API const char *vmaple_version(void);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_PORT_H */
