/* Small models with random weights, written by the format's description and not by the loader's
 * code. */
#ifndef DDZ_TESTS_TOY_MODEL_H
#define DDZ_TESTS_TOY_MODEL_H

#include <stddef.h>
#include <stdint.h>

struct toy_shape {
    int levels, embedding;
    int channels[5], blocks[5];
    int networks; /* 0: 1. Number n > 0 is for label 0 from noise level 32 + 32 n on */
    int wild;     /* 1: every number anywhere in its range, so that everything saturates */
};

/* A model file of two networks of 16, 32 and 32 channels and a block per level, whose activations stay in
 * range for inputs that do; to be released with free(). Aborts when memory is short. */
uint8_t *toy_model(uint64_t seed, size_t *size);

/* The same of any shape */
uint8_t *toy_model_shaped(uint64_t seed, const struct toy_shape *shape, size_t *size);

/* The decompressed body of a model file, and a file of a body: identity and size are right, whatever
 * the body. */
uint8_t *toy_body(const uint8_t *file, size_t size, size_t *body_size);
uint8_t *toy_file(const uint8_t *body, size_t body_size, size_t *size);

#endif
