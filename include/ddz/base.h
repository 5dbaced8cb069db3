/*
 * ddz: what is the same for every handle of the library: statuses, memory functions, instruction sets, threads.
 * <ddz.h>, which says more, includes it.
 */
#ifndef DDZ_BASE_H
#define DDZ_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DDZ_API __attribute__((visibility("default")))
#else
#define DDZ_API
#endif

#define DDZ_VERSION_MAJOR 0
#define DDZ_VERSION_MINOR 1
#define DDZ_VERSION_PATCH 0

/* Library version as "major.minor.patch"; static storage. */
DDZ_API const char *ddz_version(void);

typedef enum ddz_status {
    DDZ_OK = 0,

    /* The call */
    DDZ_ERR_ARGUMENT = 1,    /* an argument is out of its documented range */
    DDZ_ERR_UNSUPPORTED = 2, /* this library does not know the parameter, pixel format or kind of extra */
    DDZ_ERR_STATE = 3,       /* the call is not valid at this point */
    DDZ_ERR_CANCELLED = 4,   /* a callback asked to stop */

    /* Limits */
    DDZ_ERR_MEMORY = 5,       /* an allocation failed */
    DDZ_ERR_MEMORY_LIMIT = 6, /* the work would take more memory than DDZ_PARAM_MEMORY_LIMIT */
    DDZ_ERR_PIXEL_LIMIT = 7,  /* the picture has more pixels than DDZ_PARAM_MAX_PIXELS */

    /* The stream */
    DDZ_ERR_FORMAT = 8,    /* not a ddz stream, or of an unknown version */
    DDZ_ERR_TRUNCATED = 9, /* not even the header is there */
    DDZ_ERR_CORRUPT = 10,  /* the stream contradicts itself */
    DDZ_ERR_DIGEST = 12,   /* the stream is whole, but its digest does not match: bits were damaged */
    DDZ_ERR_FEATURE = 13,  /* the stream needs a feature that this library does not know */

    /* The model */
    DDZ_ERR_MODEL = 14,      /* not a model file, or a damaged one */
    DDZ_ERR_WRONG_MODEL = 15 /* the stream was made with another model */
} ddz_status;

/* One line of English for any value, known or not; static storage. */
DDZ_API const char *ddz_strerror(ddz_status status);

/*
 * Memory functions for a handle and all it owns. `allocate` returns at least `size` bytes aligned for any
 * type, or NULL. Both are called from the thread that calls the library only.
 */
typedef struct ddz_allocator {
    void *(*allocate)(void *cookie, size_t size);
    void (*release)(void *cookie, void *memory);
    void *cookie;
} ddz_allocator;

/* ---- Processor --------------------------------------------------------------------------- */

/* Instruction sets for which the library has kernels of their own: bits of a set. All kernels give the same
 * bytes. A feature includes those that it builds on. */
typedef enum ddz_cpu_feature {
    DDZ_CPU_SSE2 = 1 << 0,    /* what every x86-64 has */
    DDZ_CPU_AVX2 = 1 << 1,    /* x86-64; includes SSE2 */
    DDZ_CPU_AVX512 = 1 << 2,  /* x86-64: F, BW, VL, DQ, VBMI and VNNI; includes AVX2 */
    DDZ_CPU_NEON = 1 << 3,    /* what every AArch64 processor has */
    DDZ_CPU_DOTPROD = 1 << 4, /* AArch64: dot products of bytes; includes NEON */
    DDZ_CPU_I8MM = 1 << 5,    /* AArch64: matrix products of bytes; includes dot products */
    DDZ_CPU_SIMD128 = 1 << 6, /* WebAssembly, if it is compiled with -msimd128 */
    DDZ_CPU_AVXVNNI = 1 << 7, /* x86-64: AVX2's vectors with VNNI's dot products; includes AVX2 */
    DDZ_CPU_AMX = 1 << 8      /* x86-64: tiles and products of bytes, by leave of Linux; includes AVX512 */
} ddz_cpu_feature;

/* The features that this machine has, of those that this build of the library can use. */
DDZ_API uint64_t ddz_cpu_features(void);

/* The name of one feature, such as "avx2"; NULL if the library does not know it. Static storage. */
DDZ_API const char *ddz_cpu_feature_name(uint64_t feature);

/* ---- Threads ----------------------------------------------------------------------------- */

/* One item of a piece of work, for a runner to call. */
typedef void (*ddz_work_item)(void *argument, size_t index, int thread);

/*
 * Runs work on threads of the caller's: calls item(argument, i, thread) once for each i < count, in any order,
 * and returns when all calls have returned. `thread` is a number below the runner's number of threads; two
 * calls with the same number must not overlap.
 */
typedef void (*ddz_runner)(void *cookie, size_t count, ddz_work_item item, void *argument);

#ifdef __cplusplus
}
#endif

#endif
