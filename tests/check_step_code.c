/* The side information of a step */
#include <check.h>

#include "assertions.h"
#include "format/bits.h"
#include "format/step_code.h"
#include "runner.h"

static struct mem mem;

/* All offsets after all others come back, in the bits that are announced; no code leads beyond the limit. */
START_TEST(rate_offsets)
{
    for (int last = -96; last <= 96; last++)
        for (int offset = -96; offset <= 96; offset++) {
            struct bit_writer w;
            struct bit_reader r;
            int found = last;
            ddz_bit_writer_init(&w, &mem);
            ddz_step_code_write(&w, last, offset);
            must_equal(w.position, ddz_step_code_length(last, offset));
            ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
            must_equal(ddz_step_code_read(&r, &found), DDZ_OK);
            must_equal(found, offset);
            must_equal(r.position, w.position);
            for (uint64_t cut = 0; cut < w.position; cut++) {
                ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
                r.size_bits = cut;
                found = last;
                must_equal(ddz_step_code_read(&r, &found), DDZ_ERR_TRUNCATED);
                must_equal(found, last);
                must_equal(r.position, 0);
            }
            ddz_bit_writer_free(&w);
        }
    for (int beyond = 97; beyond < 300; beyond++)
        for (int last = -96; last <= 96; last += 96)
            for (int sign = -1; sign <= 1; sign += 2) {
                struct bit_writer w;
                struct bit_reader r;
                int found = last;
                ddz_bit_writer_init(&w, &mem);
                ddz_bit_write_se(&w, sign * beyond - last);
                ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
                must_equal(ddz_step_code_read(&r, &found), DDZ_ERR_CORRUPT);
                must_equal(found, last);
                ddz_bit_writer_free(&w);
            }
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("step_code", 60, CASE("steps", rate_offsets));
}
