/* Model files as bytes, to be changed and loaded. */
#ifndef DDZ_TESTS_MODEL_FILES_H
#define DDZ_TESTS_MODEL_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

struct bytes {
    uint8_t *p; /* to be released with free() */
    size_t size;
};

/* The toy model, and a smaller one: files */
struct bytes toy_bytes(void);
struct bytes tiny_bytes(void);

/* The records of a file, which is released */
struct bytes body_of(struct bytes file);

/* Load a file, or a body of which a file is made first, from a buffer that ends at a guard page. */
ddz_status load(const uint8_t *p, size_t size, ddz_model **model);
ddz_status load_body(const uint8_t *body, size_t size, ddz_model **model);

/* Offset of the payload of the n-th record of a tag, from 0; the running test fails if there is none. */
size_t record_at(struct bytes body, const char *tag, int n);

#endif
