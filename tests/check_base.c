/* base: fixed point, memory, bytes, hash. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "base/hash.h"
#include "base/mem.h"
#include "runner.h"

/* ---- Fixed point ------------------------------------------------------------------------- */

START_TEST(shifts_round_down)
{
    for (int n = 0; n < 63; n++)
        for (int64_t v = -300; v <= 300; v++)
            ck_assert_int_eq(asr64(v, n), (int64_t)floor((double)v / ldexp(1, n)));
    for (int n = 0; n < 32; n++)
        for (int32_t v = -300; v <= 300; v++)
            ck_assert_int_eq(asr32(v, n), (int32_t)floor((double)v / ldexp(1, n)));
    ck_assert_int_eq(asr64(INT64_MIN, 63), -1);
    ck_assert_int_eq(asr64(INT64_MAX, 62), 1);
    ck_assert_int_eq(asr32(INT32_MIN, 31), -1);
}
END_TEST

START_TEST(rounding)
{
    for (int n = 1; n < 50; n++)
        for (int64_t v = -3000; v <= 3000; v++)
            ck_assert_int_eq(rshift_round(v, n), (int64_t)floor((double)v / ldexp(1, n) + 0.5));
    /* halves go up, on both sides of zero */
    ck_assert_int_eq(rshift_round(-1, 1), 0);
    ck_assert_int_eq(rshift_round(-3, 1), -1);
    ck_assert_int_eq(rshift_round(3, 1), 2);
    ck_assert_int_eq(rshift_round(-5, 1), -2);
    ck_assert_int_eq(rshift_round(-((int64_t)1 << 62), 62), -1);
    ck_assert_int_eq(rshift_round(((int64_t)1 << 62) - 1, 62), 1);
}
END_TEST

START_TEST(clamping)
{
    ck_assert_int_eq(clamp64(-8, -7, 9), -7);
    ck_assert_int_eq(clamp64(10, -7, 9), 9);
    for (int64_t v = -7; v <= 9; v++)
        ck_assert_int_eq(clamp64(v, -7, 9), v);
    ck_assert_int_eq(clamp64(INT64_MIN, INT16_MIN, INT16_MAX), INT16_MIN);
    ck_assert_int_eq(clamp64(INT64_MAX, INT16_MIN, INT16_MAX), INT16_MAX);
}
END_TEST

static void check_root(uint64_t v)
{
    uint64_t root = ddz_isqrt64(v);
    ck_assert_uint_le(root * root, v);
    /* (root + 1)^2 > v, without overflow */
    ck_assert_uint_lt(v - root * root, 2 * root + 1);
}

START_TEST(square_root)
{
    for (uint64_t v = 0; v < 5000; v++)
        check_root(v);
    for (uint64_t root = 1; root <= UINT32_MAX; root = root * 3 / 2 + 1) {
        check_root(root * root - 1);
        check_root(root * root);
        check_root(root * root + 1);
        ck_assert_uint_eq(ddz_isqrt64(root * root), root);
        ck_assert_uint_eq(ddz_isqrt64(root * root - 1), root - 1);
    }
    for (uint64_t i = 0; i < 100000; i++)
        check_root(hash64(i) >> i % 64);
    ck_assert_uint_eq(ddz_isqrt64(UINT64_MAX), UINT32_MAX);
    ck_assert_uint_eq(ddz_isqrt64((uint64_t)UINT32_MAX * UINT32_MAX), UINT32_MAX);
    ck_assert_uint_eq(ddz_isqrt64((uint64_t)UINT32_MAX * UINT32_MAX - 1), UINT32_MAX - 1);
}
END_TEST

static void check_log(uint64_t v)
{
    int whole = ddz_ilog2(v);
    ck_assert_uint_ge(v >> whole, 1);
    ck_assert_uint_eq(whole == 63 ? 1 : v >> whole, 1);
    double exact = log2((double)v) * 65536;
    int64_t got = ddz_ilog2_q16(v);
    /* a floor, and its last bit but one is right */
    ck_assert_int_le(got, (int64_t)floor(exact + 1e-6));
    ck_assert_int_ge(got, (int64_t)floor(exact - 1e-6) - 1);
}

START_TEST(logarithm)
{
    for (int n = 0; n < 64; n++) {
        ck_assert_int_eq(ddz_ilog2((uint64_t)1 << n), n);
        ck_assert_uint_eq(ddz_ilog2_q16((uint64_t)1 << n), (uint32_t)n << 16);
    }
    for (uint64_t v = 1; v < 5000; v++)
        check_log(v);
    for (uint64_t i = 0; i < 100000; i++)
        check_log((hash64(i) >> i % 63) | 1);
    ck_assert_int_eq(ddz_ilog2(UINT64_MAX), 63);
    ck_assert_uint_eq(ddz_ilog2_q16(UINT64_MAX), (63u << 16) + 65535);
}
END_TEST

/* ---- Memory ------------------------------------------------------------------------------ */

/* An allocator that counts, gives memory full of 0xA5 at an odd multiple of 16, and fails from the
 * `left`-th call on. */
struct dirty {
    int left, living;
    size_t largest;
};

static void *dirty_allocate(void *cookie, size_t size)
{
    struct dirty *d = cookie;
    if (size > d->largest)
        d->largest = size;
    if (d->left-- <= 0 || size > SIZE_MAX / 2)
        return NULL;
    char *raw = malloc(size + 16);
    if (!raw)
        return NULL;
    memset(raw, 0xA5, size + 16);
    d->living++;
    return raw + 16;
}

static void dirty_release(void *cookie, void *memory)
{
    struct dirty *d = cookie;
    d->living--;
    free((char *)memory - 16);
}

static void check_zeroed(const struct mem *mem, size_t count, size_t size)
{
    unsigned char *p = ddz_mem_alloc(mem, count, size);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq((uintptr_t)p % DDZ_ALIGN, 0);
    for (size_t i = 0; i < count * size; i++)
        ck_assert_uint_eq(p[i], 0);
    memset(p, 0xFF, count * size); /* all of it may be written */
    ddz_mem_free(mem, p);
}

static void check_sizes(const struct mem *mem)
{
    for (size_t count = 0; count < 70; count++)
        check_zeroed(mem, count, 1);
    check_zeroed(mem, 7, 13);
    check_zeroed(mem, 0, 13);
    check_zeroed(mem, 13, 0);
    check_zeroed(mem, 1 << 16, 8);
    ddz_mem_free(mem, NULL);
}

START_TEST(memory_is_aligned_and_zeroed)
{
    struct mem plain = ddz_mem_init(NULL);
    check_sizes(&plain);
    ddz_allocator none = {0};
    struct mem same = ddz_mem_init(&none);
    check_sizes(&same);
    struct dirty d = {.left = 1000};
    ddz_allocator custom = {dirty_allocate, dirty_release, &d};
    struct mem mem = ddz_mem_init(&custom);
    check_sizes(&mem);
    ck_assert_int_lt(d.left, 1000);
    ck_assert_int_eq(d.living, 0);
}
END_TEST

START_TEST(memory_fails)
{
    struct dirty d = {.left = 3};
    ddz_allocator custom = {dirty_allocate, dirty_release, &d};
    struct mem mem = ddz_mem_init(&custom);
    void *p[5];
    for (int i = 0; i < 5; i++)
        p[i] = ddz_mem_alloc(&mem, 100, 1);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(p[i] != NULL, i < 3);
        ddz_mem_free(&mem, p[i]);
    }
    ck_assert_int_eq(d.living, 0);
}
END_TEST

START_TEST(memory_overflows)
{
    const size_t half = (SIZE_MAX >> 1) + 1, root = (size_t)1 << (sizeof(size_t) * 4);
    ck_assert_uint_eq(ddz_size_mul(half, 2), SIZE_MAX);
    ck_assert_uint_eq(ddz_size_mul(2, half), SIZE_MAX);
    ck_assert_uint_eq(ddz_size_mul(root, root), SIZE_MAX);
    ck_assert_uint_eq(ddz_size_mul(root, root - 1), root * (root - 1));
    ck_assert_uint_eq(ddz_size_mul(SIZE_MAX, 1), SIZE_MAX);
    ck_assert_uint_eq(ddz_size_mul(SIZE_MAX, 0), 0);
    ck_assert_uint_eq(ddz_size_mul(0, SIZE_MAX), 0);
    ck_assert_uint_eq(ddz_size_mul(12, 34), 408);
    ck_assert_uint_eq(ddz_size_add(SIZE_MAX, 1), SIZE_MAX);
    ck_assert_uint_eq(ddz_size_add(half, half), SIZE_MAX);
    ck_assert_uint_eq(ddz_size_add(half, half - 2), SIZE_MAX - 1);
    ck_assert_uint_eq(ddz_size_add(12, 34), 46);
    struct dirty d = {.left = 1000};
    ddz_allocator custom = {dirty_allocate, dirty_release, &d};
    struct mem mem = ddz_mem_init(&custom);
    ck_assert_ptr_null(ddz_mem_alloc(&mem, half, 2));
    ck_assert_ptr_null(ddz_mem_alloc(&mem, root, root));
    ck_assert_ptr_null(ddz_mem_alloc(&mem, SIZE_MAX, 1));
    for (size_t i = 1; i < 80; i++)
        ck_assert_ptr_null(ddz_mem_alloc(&mem, SIZE_MAX - i, 1));
    /* a size that wrapped round would have been a small one, and granted */
    ck_assert_int_eq(d.living, 0);
}
END_TEST

/* ---- Bytes ------------------------------------------------------------------------------- */

START_TEST(little_endian)
{
    const uint8_t bytes[] = {0xFF, 0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88};
    ck_assert_uint_eq(get_le16(bytes), 0x01FF);
    ck_assert_uint_eq(get_le16(bytes + 1), 0x8201);
    ck_assert_uint_eq(get_le32(bytes + 1), 0x84038201u);
    ck_assert_uint_eq(get_le64(bytes + 1), 0x8807860584038201u);
    uint8_t out[6] = {1, 1, 1, 1, 1, 1};
    put_le32(out + 1, 0xFEDCBA98u);
    const uint8_t expected[6] = {1, 0x98, 0xBA, 0xDC, 0xFE, 1};
    ck_assert_mem_eq(out, expected, 6);
}
END_TEST

/* ---- Hash -------------------------------------------------------------------------------- */

/*
 * Recorded from the definition, in Python:
 *   M = 2**64 - 1
 *   def h(v):
 *       v = (v + 0x9E3779B97F4A7C15) & M
 *       v = ((v ^ (v >> 30)) * 0xBF58476D1CE4E5B9) & M
 *       v = ((v ^ (v >> 27)) * 0x94D049BB133111EB) & M
 *       return v ^ (v >> 31)
 *   def pair(k, c): return h(h(k) ^ ((c * 0xD1342543DE82EF95 + 1) & M))
 * The first value is also the first output of splitmix64 for seed 0.
 */
START_TEST(hash_values)
{
    ck_assert_uint_eq(hash64(0), 0xE220A8397B1DCDAFu);
    ck_assert_uint_eq(hash64(1), 0x910A2DEC89025CC1u);
    ck_assert_uint_eq(hash64(UINT64_MAX), 0xE4D971771B652C20u);
    ck_assert_uint_eq(hash64(0x123456789ABCDEF0u), 0x161922C645CE50E8u);
    ck_assert_uint_eq(hash_pair(0, 0), 0x08B4FDA8C892B50Eu);
    ck_assert_uint_eq(hash_pair(1, 0), 0xE9FD6049D65AF21Eu);
    ck_assert_uint_eq(hash_pair(0, 1), 0x6C3560462F0595EBu);
    ck_assert_uint_eq(hash_pair(0x64647A2D31u, 7), 0xF51F9899D1DF0293u);
    ck_assert_uint_eq(hash_pair(UINT64_MAX, UINT64_MAX), 0x281258DAEA25D355u);
}
END_TEST

static int ones(uint64_t v)
{
    int n = 0;
    for (; v; v &= v - 1)
        n++;
    return n;
}

/* Each bit of key or counter flips each bit of the value in half of the cases. */
START_TEST(hash_avalanche)
{
    enum { CASES = 4000 };
    for (int flipped = 0; flipped < 128; flipped++) {
        int changed[64] = {0}, sum = 0;
        for (uint64_t i = 0; i < CASES; i++) {
            uint64_t key = i * i, counter = 3 * i, flip = (uint64_t)1 << flipped % 64;
            uint64_t other = flipped < 64 ? hash_pair(key ^ flip, counter) : hash_pair(key, counter ^ flip);
            uint64_t difference = other ^ hash_pair(key, counter);
            sum += ones(difference);
            for (int bit = 0; bit < 64; bit++)
                changed[bit] += (int)(difference >> bit & 1);
        }
        /* six deviations of a binomial law */
        for (int bit = 0; bit < 64; bit++)
            ck_assert_int_le(abs(changed[bit] - CASES / 2), 190);
        ck_assert_int_le(abs(sum - 32 * CASES), 1518);
    }
}
END_TEST

/* Counters of one key never give the same value twice: both steps are bijections. */
START_TEST(hash_is_injective)
{
    enum { COUNT = 1 << 14 };
    static uint64_t seen[4 * COUNT];
    memset(seen, 0, sizeof seen);
    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t v = hash_pair(99, i);
        size_t at = v % (4 * COUNT);
        for (; seen[at]; at = (at + 1) % (4 * COUNT))
            ck_assert_uint_ne(seen[at], v);
        seen[at] = v;
    }
}
END_TEST

int main(void)
{
    TCase *fixed = tcase_create("fixed"), *mem = tcase_create("mem"), *bytes = tcase_create("bytes"),
          *hash = tcase_create("hash");
    tcase_add_test(fixed, shifts_round_down);
    tcase_add_test(fixed, rounding);
    tcase_add_test(fixed, clamping);
    tcase_add_test(fixed, square_root);
    tcase_add_test(fixed, logarithm);
    tcase_add_test(mem, memory_is_aligned_and_zeroed);
    tcase_add_test(mem, memory_fails);
    tcase_add_test(mem, memory_overflows);
    tcase_add_test(bytes, little_endian);
    tcase_add_test(hash, hash_values);
    tcase_add_test(hash, hash_avalanche);
    tcase_add_test(hash, hash_is_injective);
    TCase *all[] = {fixed, mem, bytes, hash};
    return run_cases("base", 120, all, sizeof all / sizeof *all);
}
