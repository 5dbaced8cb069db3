/* Orientations of Exif blocks: found in both byte orders, turned once, and neutral afterwards */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/exif.h"
#include "guard.h"
#include "imgio/upright.h"
#include "inputs.h"
#include "runner.h"

/* A block with three entries, the second of which is the orientation */
enum { BLOCK = 8 + 2 + 3 * 12 + 4, VALUE = 8 + 2 + 12 + 8 };

static void put(uint8_t *at, int bytes, uint32_t value, bool high_first)
{
    for (int i = 0; i < bytes; i++)
        at[high_first ? bytes - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static void make_block(uint8_t block[BLOCK], uint32_t orientation, bool high_first)
{
    static const uint32_t tags[3] = {0x010F, 0x0112, 0x0128};
    memset(block, 0, BLOCK);
    memcpy(block, high_first ? "MM" : "II", 2);
    put(block + 2, 2, 42, high_first);
    put(block + 4, 4, 8, high_first);
    put(block + 8, 2, 3, high_first);
    for (int i = 0; i < 3; i++) {
        uint8_t *entry = block + 10 + 12 * i;
        put(entry, 2, tags[i], high_first);
        put(entry + 2, 2, 3, high_first);
        put(entry + 4, 4, 1, high_first);
        put(entry + 8, 2, i == 1 ? orientation : 7, high_first);
    }
}

/* What JPEG has before a block does not hide it. */
static void check_named(const uint8_t block[BLOCK], bool high_first)
{
    enum { NAME = 6 };
    uint8_t *named = guard_alloc(NAME + BLOCK);
    bool big = !high_first;
    memcpy(named, "Exif\0", NAME);
    memcpy(named + NAME, block, BLOCK);
    ck_assert_uint_eq(ddz_exif_find_orientation(block, BLOCK, &big), VALUE);
    ck_assert_int_eq(big, high_first);
    ck_assert_uint_eq(ddz_exif_find_orientation(named, NAME + BLOCK, &big), NAME + VALUE);
    for (size_t size = 0; size < NAME + BLOCK; size++) {
        uint8_t *cut = guard_copy(named, size);
        ck_assert_int_eq(ddz_exif_orientation(cut, size), size >= NAME + 10 + 2 * 12 ? 6 : 1);
        guard_free(cut, size);
    }
    guard_free(named, NAME + BLOCK);
}

/* An orientation that is no number of 16 bits, or more than one, is none. */
static void check_other_types(bool high_first)
{
    uint8_t block[BLOCK];
    for (uint32_t type = 0; type < 14; type++)
        for (uint32_t count = 0; count < 3; count++) {
            make_block(block, 6, high_first);
            put(block + VALUE - 6, 2, type, high_first);
            put(block + VALUE - 4, 4, count, high_first);
            ck_assert_int_eq(ddz_exif_orientation(block, BLOCK), type == 3 && count == 1 ? 6 : 1);
        }
}

START_TEST(orientations_are_found)
{
    uint8_t block[BLOCK];
    for (int high = 0; high <= 1; high++) {
        for (uint32_t value = 0; value < 300; value++) {
            make_block(block, value, high);
            ck_assert_int_eq(ddz_exif_orientation(block, BLOCK), value >= 1 && value <= 8 ? (int)value : 1);
        }
        make_block(block, 6, high);
        for (size_t size = 0; size < BLOCK; size++) {
            uint8_t *cut = guard_copy(block, size);
            ck_assert_int_eq(ddz_exif_orientation(cut, size), size >= 10 + 2 * 12 ? 6 : 1);
            guard_free(cut, size);
        }
        check_named(block, high);
        check_other_types(high);
    }
    ck_assert_int_eq(ddz_exif_orientation(NULL, 0), 1);
}
END_TEST

/* A block with quotients across and down, the latter twice, and a unit unless that is 0 */
enum { RESOLUTION = 8 + 2 + 4 * 12 + 16 };

static void make_resolution(uint8_t block[RESOLUTION], const uint32_t across[2], const uint32_t down[2],
                            uint32_t unit, bool high_first)
{
    static const uint32_t tags[4] = {0x011A, 0x011B, 0x011B, 0x0128};
    memset(block, 0, RESOLUTION);
    memcpy(block, high_first ? "MM" : "II", 2);
    put(block + 2, 2, 42, high_first);
    put(block + 4, 4, 8, high_first);
    put(block + 8, 2, unit ? 4 : 3, high_first);
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t *entry = block + 10 + 12 * i;
        put(entry, 2, tags[i], high_first);
        put(entry + 2, 2, i < 3 ? 5 : 3, high_first);
        put(entry + 4, 4, 1, high_first);
        put(entry + 8, i < 3 ? 4 : 2, i < 3 ? RESOLUTION - 16 + 8 * (i > 0) : unit, high_first);
    }
    for (int k = 0; k < 2; k++) {
        put(block + RESOLUTION - 16 + 4 * k, 4, across[k], high_first);
        put(block + RESOLUTION - 8 + 4 * k, 4, down[k], high_first);
    }
}

START_TEST(resolutions)
{
    static const struct {
        uint32_t across[2], down[2], unit, expected[2]; /* 0: none */
    } cases[] = {{{300, 1}, {240, 1}, 2, {11811, 9449}},
                 {{3000, 10}, {480, 2}, 0, {11811, 9449}},
                 {{118, 1}, {283465, 10000}, 3, {11800, 2835}},
                 {{72, 1}, {72, 1}, 2, {0, 0}},
                 {{72, 1}, {144, 1}, 2, {2835, 5669}},
                 {{300, 0}, {300, 1}, 2, {0, 0}},
                 {{300, 1}, {0, 1}, 2, {0, 0}},
                 {{300, 1}, {300, 1}, 1, {0, 0}},
                 {{4294967295, 1}, {300, 1}, 2, {0, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int high = 0; high <= 1; high++) {
            uint8_t block[RESOLUTION];
            uint32_t across = 0, down = 0;
            make_resolution(block, cases[i].across, cases[i].down, cases[i].unit, high);
            for (size_t size = 0; size <= RESOLUTION; size++) {
                uint8_t *cut = guard_copy(block, size);
                bool found = ddz_exif_resolution(cut, size, &across, &down);
                ck_assert_int_eq(found, size == RESOLUTION && cases[i].expected[0] > 0);
                guard_free(cut, size);
            }
            if (cases[i].expected[0] > 0) {
                ck_assert_uint_eq(across, cases[i].expected[0]);
                ck_assert_uint_eq(down, cases[i].expected[1]);
            }
        }
}
END_TEST

/* Any bytes: nothing outside of them is read, and a value comes out. */
START_TEST(damaged_blocks)
{
    for (int round = 0; round < 20000; round++) {
        uint8_t *block = guard_alloc(BLOCK);
        make_block(block, 1 + draw(8), round & 1);
        for (uint32_t n = 1 + draw(4); n > 0; n--)
            block[draw(BLOCK)] = (uint8_t)draw(256);
        int value = ddz_exif_orientation(block, BLOCK);
        ck_assert(value >= 1 && value <= 8);
        guard_free(block, BLOCK);
        uint32_t across, down;
        block = guard_alloc(RESOLUTION);
        make_resolution(block, (uint32_t[2]){300, 1}, (uint32_t[2]){draw(500), 1 + draw(9)}, 2, round & 1);
        for (uint32_t n = 1 + draw(4); n > 0; n--)
            block[draw(RESOLUTION)] = (uint8_t)draw(256);
        if (ddz_exif_resolution(block, RESOLUTION, &across, &down))
            ck_assert(across >= 1 && across <= INT32_MAX && down >= 1 && down <= INT32_MAX);
        guard_free(block, RESOLUTION);
    }
}
END_TEST

/* Where the stored row 0 and column 0 are in the upright picture, as the standard has it for each orientation: the
 * side of the first row and that of the first column. */
static const char sides[9][2] = {"", "tl", "tr", "br", "bl", "lt", "rt", "rb", "lb"};

/* The place along one axis of a stored coordinate that counts from this side */
static uint32_t place(char side, uint32_t coordinate, uint32_t size)
{
    return side == 't' || side == 'l' ? coordinate : size - 1 - coordinate;
}

static void check_turn(int orientation, int channels, int depth, bool high_first)
{
    enum { WIDTH = 5, HEIGHT = 3 };
    struct image image;
    ck_assert_int_eq(image_alloc(&image, WIDTH, HEIGHT, channels, depth), 0);
    size_t size = image_size(WIDTH, HEIGHT, channels, depth), pixel = image_size(1, 1, channels, depth);
    uint8_t *stored = random_bytes(size);
    memcpy(image.pixels, stored, size);
    image.exif = malloc(image.exif_size = BLOCK);
    make_block(image.exif, (uint32_t)orientation, high_first);
    ck_assert_int_eq(image_turn_upright(&image), 0);
    ck_assert_uint_eq(image.width, orientation >= 5 ? HEIGHT : WIDTH);
    ck_assert_uint_eq(image.height, orientation >= 5 ? WIDTH : HEIGHT);
    for (uint32_t row = 0; row < HEIGHT; row++)
        for (uint32_t column = 0; column < WIDTH; column++) {
            char of_row = sides[orientation][0], of_column = sides[orientation][1];
            uint32_t along_row = place(of_row, row, HEIGHT), along_column = place(of_column, column, WIDTH);
            bool rows_are_rows = of_row == 't' || of_row == 'b';
            uint32_t y = rows_are_rows ? along_row : along_column,
                     x = rows_are_rows ? along_column : along_row;
            ck_assert_mem_eq((uint8_t *)image.pixels + pixel * (y * image.width + x),
                             stored + pixel * (row * WIDTH + column), pixel);
        }
    uint8_t neutral[BLOCK];
    make_block(neutral, 1, high_first);
    ck_assert_mem_eq(image.exif, neutral, BLOCK);
    ck_assert_int_eq(image_turn_upright(&image), 0); /* only once */
    ck_assert_uint_eq(image.width, orientation >= 5 ? HEIGHT : WIDTH);
    free(stored);
    image_free(&image);
}

START_TEST(pictures_are_turned)
{
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int channels = 1; channels <= 4; channels++)
            for (int high = 0; high <= 1; high++) {
                check_turn(orientation, channels, 8, high);
                check_turn(orientation, channels, 16, high);
            }
}
END_TEST

int main(void)
{
    return RUN("exif", 20,
               CASE("exif", orientations_are_found, resolutions, damaged_blocks, pictures_are_turned));
}
