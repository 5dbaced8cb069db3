#include "format/alpha.h"

#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "format/range_coder.h"

enum {
    MAX_LEVELS = 33, /* two for each halving of a side, and the plane itself */
    OPAQUE = 255,
    ACTIVITIES = 8, /* how much the means around a pair differ */
    SIZES = 10,     /* of a difference: bits of its magnitude */
    FINE = 4        /* patterns of the bits below the magnitude's top one that have contexts */
};

struct level {
    uint32_t width, height;
    bool
        across; /* pairs of its samples, side by side, are the samples of the next level; else one above another */
};

/* What is known around a pair whose difference is coded */
struct pair {
    int predicted; /* difference, */
    int most;      /* its limit either way, */
    int activity;
    int near; /* and how its neighbours' differences were: 0 to 3 */
};

struct contexts {
    struct bit_context root[8];
    struct bit_context differs[ACTIVITIES][4][2];
    struct bit_context extreme[ACTIVITIES];
    struct bit_context sign_of_extreme[3], sign[3];
    struct bit_context size[ACTIVITIES][SIZES];
    struct bit_context fine[SIZES][FINE];
};

uint64_t ddz_alpha_max_size(uint32_t width, uint32_t height)
{
    return 64 + 4 * (uint64_t)width * height;
}

/* ---- Levels ------------------------------------------------------------------------------ */

/* All levels, the plane first and the single sample last; returns how many there are. */
static int levels_of(uint32_t width, uint32_t height, struct level levels[MAX_LEVELS])
{
    int n = 0;
    for (;; n++) {
        bool across = height == 1 || (n % 2 == 0 && width > 1);
        levels[n] = (struct level){width, height, across};
        if (width == 1 && height == 1)
            return n + 1;
        if (across)
            width = (width + 1) / 2;
        else
            height = (height + 1) / 2;
    }
}

static size_t samples_of(const struct level *l)
{
    return (size_t)l->width * l->height;
}

/* Means are rounded down and up in turn, so that those of many levels lean to neither side. */
static void halve(const struct level *l, int up, const uint8_t *from, uint8_t *to)
{
    size_t step = l->across ? 1 : l->width;
    for (uint32_t y = 0; y < l->height; y += l->across ? 1 : 2)
        for (uint32_t x = 0; x < l->width; x += l->across ? 2 : 1) {
            const uint8_t *p = from + (size_t)y * l->width + x;
            bool alone = l->across ? x + 1 == l->width : y + 1 == l->height;
            *to++ = alone ? *p : (uint8_t)((p[0] + p[step] + up) >> 1);
        }
}

/* ---- Differences ------------------------------------------------------------------------- */

/* Largest difference of two samples with a mean, of which 2 mean - up is the sum or one less than the sum */
static int largest_difference(int mean, int up)
{
    int most = 0;
    for (int sum = 2 * mean - up; sum <= 2 * mean - up + 1; sum++) {
        int room = sum < OPAQUE ? sum : 2 * OPAQUE - sum;
        most = room > most ? room : most;
    }
    return most;
}

static int limited(int value, int most)
{
    return value > most ? most : value < -most ? -most : value;
}

/* The magnitude less 1 of what a difference has beyond its prediction, 0 to 2^SIZES - 2: the number of its bits
 * in unary, then the bits below the top one. */
static int code_magnitude(struct range_coder *c, struct contexts *contexts, int activity, int value)
{
    int size = 0, bits = ddz_ilog2((uint64_t)value + 1);
    while (size < SIZES - 1 && ddz_code_bit(c, &contexts->size[activity][size], size < bits))
        size++;
    int low = value + 1, found = 1;
    for (int i = size - 1; i >= 0; i--) {
        struct bit_context fresh = {0}; /* bits further down have no pattern */
        struct bit_context *context = found < FINE ? &contexts->fine[size][found] : &fresh;
        found = 2 * found + ddz_code_bit(c, context, low >> i & 1);
    }
    return found - 1;
}

static int sign_class(int value)
{
    return value < 0 ? 0 : value == 0 ? 1 : 2;
}

/* The difference of a pair */
static int code_difference(struct range_coder *c, struct contexts *contexts, const struct pair *pair,
                           int value)
{
    int predicted = pair->predicted, most = pair->most;
    if (most == 0)
        return 0;
    if (!ddz_code_bit(c, &contexts->differs[pair->activity][pair->near][most < 8], value != predicted))
        return predicted;
    int beyond = value - predicted;
    if (ddz_code_bit(c, &contexts->extreme[pair->activity], abs(value) == most)) {
        value = ddz_code_bit(c, &contexts->sign_of_extreme[sign_class(predicted)], value < 0) ? -most : most;
    } else {
        int negative = ddz_code_bit(c, &contexts->sign[sign_class(predicted)], beyond < 0);
        int magnitude = 1 + code_magnitude(c, contexts, pair->activity, abs(beyond) - 1);
        value = limited(predicted + (negative ? -magnitude : magnitude), most);
    }
    return c->ended ? predicted : value;
}

/* ---- From level to level ----------------------------------------------------------------- */

/* Level `fine` in the making: its samples before the present pair are known, and all of the level above it. */
struct climb {
    const struct level *fine, *coarse;
    int up; /* how means were rounded */
    const uint8_t *means;
    uint8_t *samples;
};

/* The mean dx, dy away from one at x, y, or that one where there is none. */
static int mean_near(const struct climb *b, uint32_t x, uint32_t y, int dx, int dy)
{
    const uint8_t *p = b->means + (size_t)y * b->coarse->width + x;
    bool there = (dx >= 0 || x > 0) && (dy >= 0 || y > 0) && (dx <= 0 || x + 1 < b->coarse->width) &&
                 (dy <= 0 || y + 1 < b->coarse->height);
    return there ? p[dx + dy * (ptrdiff_t)b->coarse->width] : *p;
}

/* Prediction and contexts of the pair whose mean is at x, y */
static struct pair look_around(const struct climb *b, uint32_t x, uint32_t y, const uint8_t *first)
{
    int along = b->fine->across, mean = mean_near(b, x, y, 0, 0);
    int before = mean_near(b, x, y, -along, along - 1), after = mean_near(b, x, y, along, 1 - along);
    int beside = mean_near(b, x, y, along - 1, -along), beyond = mean_near(b, x, y, 1 - along, along);
    ptrdiff_t step = along ? 1 : (ptrdiff_t)b->fine->width, other = along ? (ptrdiff_t)b->fine->width : 1;
    int last = (along ? x : y) > 0 ? first[-step] : mean;
    bool has_beside = (along ? y : x) > 0;
    int difference_beside = has_beside ? first[-other] - first[step - other] : 0;
    int sum = abs(before - mean) + abs(after - mean) + abs(beside - mean) + abs(beyond - mean);
    int activity = ddz_ilog2((uint64_t)sum + 1);
    struct pair pair = {.most = largest_difference(mean, b->up),
                        .activity = activity < ACTIVITIES ? activity : ACTIVITIES - 1,
                        .near = (last != mean) + 2 * (difference_beside != 0)};
    /* the slope from the sample before, and that to the mean behind */
    int slope = (int)rshift_round(85 * (last - mean) + 64 * (mean - after), 8);
    pair.predicted = limited(slope, pair.most);
    return pair;
}

/* Code the differences of a level. When writing, `samples` has it already. */
static void code_level(struct range_coder *c, struct contexts *contexts, const struct climb *b)
{
    size_t step = b->fine->across ? 1 : b->fine->width;
    const uint8_t *mean = b->means;
    for (uint32_t y = 0; y < b->coarse->height; y++)
        for (uint32_t x = 0; x < b->coarse->width; x++, mean++) {
            uint32_t left = b->fine->across ? 2 * x : x, top = b->fine->across ? y : 2 * y;
            uint8_t *first = b->samples + (size_t)top * b->fine->width + left;
            bool alone = b->fine->across ? left + 1 == b->fine->width : top + 1 == b->fine->height;
            if (alone) {
                *first = *mean;
                continue;
            }
            struct pair pair = look_around(b, x, y, first);
            int known = c->writing ? first[0] - first[step] : 0;
            int difference = code_difference(c, contexts, &pair, known);
            int sum = 2 * *mean - b->up;
            sum += (sum ^ difference) & 1; /* sum and difference are both even or both odd */
            first[0] = (uint8_t)((sum + difference) / 2);
            first[step] = (uint8_t)((sum - difference) / 2);
        }
}

static void code_root(struct range_coder *c, struct contexts *contexts, uint8_t *sample)
{
    int value = c->writing ? 0 : OPAQUE; /* what is not known is opaque */
    for (int i = 7; i >= 0; i--) {
        int bit = ddz_code_bit(c, &contexts->root[i], *sample >> i & 1);
        if (!c->ended)
            value = (value & ~(1 << i)) | bit << i;
    }
    *sample = (uint8_t)value;
}

/* ---- Strings ----------------------------------------------------------------------------- */

ddz_status ddz_alpha_write(const struct mem *mem, const uint8_t *plane, uint32_t width, uint32_t height,
                           uint8_t **out, size_t *size)
{
    struct level levels[MAX_LEVELS];
    uint8_t *planes[MAX_LEVELS];
    int count = levels_of(width, height, levels);
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total = ddz_size_add(total, samples_of(&levels[i]));
    struct contexts *contexts = ddz_mem_alloc(mem, 1, sizeof *contexts);
    planes[0] = ddz_mem_alloc(mem, total, 1);
    struct bit_writer string;
    ddz_bit_writer_init(&string, mem);
    if (contexts && planes[0]) {
        memcpy(planes[0], plane, samples_of(&levels[0]));
        for (int i = 1; i < count; i++) {
            planes[i] = planes[i - 1] + samples_of(&levels[i - 1]);
            halve(&levels[i - 1], (i - 1) % 2, planes[i - 1], planes[i]);
        }
        struct range_coder c;
        ddz_range_coder_write(&c, &string);
        code_root(&c, contexts, planes[count - 1]);
        for (int i = count - 2; i >= 0; i--) {
            struct climb climb = {&levels[i], &levels[i + 1], i % 2, planes[i + 1], planes[i]};
            code_level(&c, contexts, &climb);
        }
        ddz_range_coder_flush(&c);
        if (string.position == 0)
            ddz_bit_write(&string, 0, 8);
    }
    bool failed = !contexts || !planes[0] || string.failed;
    ddz_mem_free(mem, contexts);
    ddz_mem_free(mem, planes[0]);
    if (failed) {
        ddz_bit_writer_free(&string);
        return DDZ_ERR_MEMORY;
    }
    *size = ddz_bit_writer_bytes(&string);
    *out = string.data;
    return DDZ_OK;
}

ddz_status ddz_alpha_read(const struct mem *mem, const uint8_t *data, size_t size, bool whole, uint32_t width,
                          uint32_t height, uint8_t *plane)
{
    struct level levels[MAX_LEVELS];
    int count = levels_of(width, height, levels);
    struct contexts *contexts = ddz_mem_alloc(mem, 1, sizeof *contexts);
    uint8_t *other = ddz_mem_alloc(mem, samples_of(&levels[0]), 1);
    if (contexts && other) {
        /* in turn, so that the plane comes last */
        uint8_t *from = count % 2 ? plane : other, *to = count % 2 ? other : plane;
        struct range_coder c;
        ddz_range_coder_read(&c, data, size, whole);
        *from = 0;
        code_root(&c, contexts, from);
        for (int i = count - 2; i >= 0; i--) {
            struct climb climb = {&levels[i], &levels[i + 1], i % 2, from, to};
            code_level(&c, contexts, &climb);
            uint8_t *swapped = from;
            from = to;
            to = swapped;
        }
    }
    ddz_status status = contexts && other ? DDZ_OK : DDZ_ERR_MEMORY;
    ddz_mem_free(mem, contexts);
    ddz_mem_free(mem, other);
    return status;
}
