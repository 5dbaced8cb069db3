/* The portable kernel. */
#include "base/fixed.h"
#include "nn/conv/direct.h"

static void accumulate(const struct direct_run *run, int block, ptrdiff_t pixel, int32_t *acc)
{
    for (int o = 0; o < CONV_BLOCK; o++)
        acc[o] = 0;
    for (int t = 0; t < run->taps; t++) {
        const int16_t *in = run->in[t] + pixel * run->in_step;
        ptrdiff_t tap = (ptrdiff_t)block * run->kernel_taps + run->tap[t];
        const int16_t *weight = run->weight + tap * run->pairs * CONV_BLOCK * 2;
        for (int c = 0; c < run->pairs; c++) {
            const int16_t *w = weight + (ptrdiff_t)c * CONV_BLOCK * 2;
            for (int o = 0; o < CONV_BLOCK; o++)
                acc[o] += w[2 * o] * in[2 * c] + w[2 * o + 1] * in[2 * c + 1];
        }
    }
}

static void rescale(const struct direct_run *run, int block, const int32_t *acc, const int16_t *residual,
                    int16_t *v)
{
    const int32_t *mult = run->rescaling.mult + block * CONV_BLOCK;
    const int64_t *bias = run->rescaling.bias + block * CONV_BLOCK;
    for (int o = 0; o < CONV_BLOCK; o++) {
        int64_t sum = asr64((int64_t)acc[o] * mult[o] + bias[o], run->rescaling.shift);
        if (residual)
            sum += residual[o];
        v[o] = (int16_t)clamp64(sum, INT16_MIN, INT16_MAX);
    }
}

/* v * max(gate, 0) / 2^15, rounded */
static void gate(const int16_t *v, const int16_t *gates, int count, int16_t *out)
{
    for (int o = 0; o < count; o++) {
        int32_t open = gates[o] < 0 ? 0 : gates[o];
        out[o] = (int16_t)asr32(v[o] * open + (1 << 14), 15);
    }
}

static void compute(const struct direct_run *run, int block, ptrdiff_t pixel)
{
    enum { HALF = CONV_BLOCK / 2 };
    int32_t acc[CONV_BLOCK];
    int16_t v[CONV_BLOCK];
    int16_t *out = run->out + pixel * run->out_step + block * (run->end == END_GATE ? HALF : CONV_BLOCK);
    accumulate(run, block, pixel, acc);
    if (run->end == END_STORE || run->end == END_ADD) {
        rescale(run, block, acc, run->end == END_ADD ? out : NULL, out);
        return;
    }
    rescale(run, block, acc, NULL, v);
    if (run->end == END_GATE)
        gate(v, v + HALF, HALF, out);
    else
        gate(v, run->gates + pixel * run->gates_step + block * CONV_BLOCK, CONV_BLOCK, out);
}

static void blocks(const struct direct_run *run)
{
    for (int block = 0; block < run->blocks; block++)
        for (ptrdiff_t i = 0; i < run->pixels; i++)
            compute(run, block, i);
}

static void run_band(const struct conv *conv, const struct conv_band *band)
{
    ddz_direct_run(conv, band, blocks);
}

const struct conv_kernel ddz_conv_c = {{"portable", 0}, ddz_direct_supports,     ddz_direct_packed_size,
                                       ddz_direct_pack, ddz_direct_rescale_size, ddz_direct_rescale,
                                       run_band};
