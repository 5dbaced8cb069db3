/* The heads of records, and their kinds */
#include <check.h>

#include "format/records.h"
#include "guard.h"
#include "runner.h"

START_TEST(record_heads)
{
    static const struct {
        uint64_t length;
        size_t size;
        uint8_t bytes[RECORD_HEAD_SIZE];
    } cases[] = {
        {0, 2, {0x83, 0}},         {1, 2, {0x83, 1}},
        {127, 2, {0x83, 127}},     {128, 3, {0x83, 0x80, 1}},
        {300, 3, {0x83, 0xAC, 2}}, {((uint64_t)1 << 42) - 1, 7, {0x83, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}}};
    uint8_t bytes[RECORD_HEAD_SIZE];
    struct record_head head;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(ddz_record_write_head(bytes, RECORD_EXIF, cases[i].length), cases[i].size);
        ck_assert_mem_eq(bytes, cases[i].bytes, cases[i].size);
        for (size_t cut = 0; cut < cases[i].size; cut++) {
            uint8_t *exact = guard_copy(bytes, cut);
            ck_assert_int_eq(ddz_record_read_head(exact, cut, &head), DDZ_ERR_TRUNCATED);
            guard_free(exact, cut);
        }
        ck_assert_int_eq(ddz_record_read_head(bytes, cases[i].size, &head), DDZ_OK);
        ck_assert(head.kind == RECORD_EXIF && head.length == cases[i].length && head.size == cases[i].size);
    }
    ck_assert_uint_eq(ddz_record_write_head(bytes, RECORD_END, 0), 1);
    ck_assert_int_eq(ddz_record_read_head(bytes, 1, &head), DDZ_OK);
    ck_assert(head.kind == RECORD_END && head.size == 1);
    static const uint8_t corrupt[][8] = {
        {5, 0x80, 0}, {5, 0xFF, 0x80, 0}, {5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1}};
    for (size_t i = 0; i < sizeof corrupt / sizeof *corrupt; i++)
        ck_assert_int_eq(ddz_record_read_head(corrupt[i], 8, &head), DDZ_ERR_CORRUPT);
}
END_TEST

START_TEST(record_kinds)
{
    static const struct {
        int kind, extra;
        bool frame;
    } known[] = {{0x02, DDZ_EXTRA_ALPHA, true},      {0x82, DDZ_EXTRA_ICC, true},
                 {0x83, DDZ_EXTRA_EXIF, true},       {0x84, DDZ_EXTRA_XMP, true},
                 {0x85, DDZ_EXTRA_CICP, false},      {0x86, DDZ_EXTRA_CHROMATICITIES, false},
                 {0x87, DDZ_EXTRA_RESOLUTION, false}};
    for (int kind = 0; kind < 256; kind++) {
        int extra = 0;
        bool frame = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (known[i].kind == kind) {
                extra = known[i].extra;
                frame = known[i].frame;
            }
        ck_assert_int_eq(ddz_record_extra(kind), extra);
        ck_assert_int_eq(ddz_record_is_frame(kind), frame);
    }
}
END_TEST

int main(void)
{
    return RUN("records", 60, CASE("records", record_heads, record_kinds));
}
