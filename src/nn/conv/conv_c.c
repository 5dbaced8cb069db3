/*
 * The portable kernel. Its inner loop is a sum of products of 16-bit values, which compilers make instructions for
 * just that from where the machine has them.
 */
#include "nn/conv/gather.h"

#include <assert.h>
#include <string.h>

/* Clang by itself would take vectors of 4 products, which is half of what the instructions can do. */
#ifdef __clang__
#define VECTORS _Pragma("clang loop vectorize_width(8) interleave_count(1)")
#else
#define VECTORS
#endif

/* Of a tile's pixels and two output channels; `b` are the second one's. */
static void two_channels(const int16_t *in, ptrdiff_t in_step, const int16_t *weight, ptrdiff_t weight_step,
                         ptrdiff_t chunks, int32_t *sums)
{
    static_assert(GATHER_TILE == 4, "the pixels are written out");
    const int16_t *in1 = in + in_step, *in2 = in1 + in_step, *in3 = in2 + in_step;
    const int16_t *weight_b = weight + weight_step;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    const ptrdiff_t inputs = GATHER_CHUNK * chunks; /* GCC sees that it is whole vectors: needed with -O2 */
    VECTORS for (ptrdiff_t i = 0; i < inputs; i++)
    {
        a0 += in[i] * weight[i];
        a1 += in1[i] * weight[i];
        a2 += in2[i] * weight[i];
        a3 += in3[i] * weight[i];
        b0 += in[i] * weight_b[i];
        b1 += in1[i] * weight_b[i];
        b2 += in2[i] * weight_b[i];
        b3 += in3[i] * weight_b[i];
    }
    const int32_t sum[GATHER_TILE][2] = {{a0, b0}, {a1, b1}, {a2, b2}, {a3, b3}};
    for (int p = 0; p < GATHER_TILE; p++)
        memcpy(sums + p * CONV_BLOCK, sum[p], sizeof sum[p]);
}

static void sums_of_block(const struct gather_tile *tile, int32_t *sums)
{
    for (int o = 0; o < CONV_BLOCK; o += 2)
        two_channels(tile->in, tile->in_step, tile->weight + o * tile->inputs + tile->first, tile->inputs,
                     tile->chunks, sums + o);
}

static void inner(const struct direct_run *run)
{
    ddz_gather_run(run, &(const struct gather_kernel){NULL, sums_of_block});
}

DIRECT_CONV_KERNEL(ddz_conv_c, "portable", 0, ddz_direct_supports, ddz_gather_packed_size, ddz_gather_pack,
                   inner);
