/*
 * Counter-based generators: a value is a function of its key and its counter, so that any part
 * of a sequence can be made by any thread.
 */
#ifndef DDZ_BASE_HASH_H
#define DDZ_BASE_HASH_H

#include <stdint.h>

/* Finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection that mixes all 64 bits. */
static inline uint64_t hash64(uint64_t v)
{
    v += 0x9E3779B97F4A7C15u;
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9u;
    v = (v ^ (v >> 27)) * 0x94D049BB133111EBu;
    return v ^ (v >> 31);
}

/* Value number `number` of the sequence named by `key`. */
static inline uint64_t hash_pair(uint64_t key, uint64_t number)
{
    return hash64(hash64(key) ^ (number * 0xD1342543DE82EF95u + 1));
}

#endif
