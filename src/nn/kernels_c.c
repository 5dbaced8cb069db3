/* The portable kernels: these define what the others must compute. */
#include "base/fixed.h"
#include "nn/kernels.h"

static void accumulate(const struct conv_run *run, int block, ptrdiff_t pixel, int32_t *acc)
{
    for (int o = 0; o < KERNEL_BLOCK; o++)
        acc[o] = 0;
    for (int t = 0; t < run->taps; t++) {
        const int16_t *in = run->in[t] + pixel * run->in_step;
        ptrdiff_t tap = (ptrdiff_t)block * run->kernel_taps + run->tap[t];
        const int16_t *weight = run->weight + tap * run->pairs * KERNEL_BLOCK * 2;
        for (int c = 0; c < run->pairs; c++) {
            const int16_t *w = weight + (ptrdiff_t)c * KERNEL_BLOCK * 2;
            for (int o = 0; o < KERNEL_BLOCK; o++)
                acc[o] += w[2 * o] * in[2 * c] + w[2 * o + 1] * in[2 * c + 1];
        }
    }
}

static void rescale(const struct conv_run *run, int block, ptrdiff_t pixel, const int32_t *acc)
{
    const int32_t *mult = run->mult + block * KERNEL_BLOCK;
    const int64_t *bias = run->bias + block * KERNEL_BLOCK;
    ptrdiff_t at = pixel * run->out_step + (ptrdiff_t)block * KERNEL_BLOCK;
    for (int o = 0; o < KERNEL_BLOCK; o++) {
        int64_t v = asr64((int64_t)acc[o] * mult[o] + bias[o], run->shift);
        if (run->residual)
            v += run->residual[at + o];
        run->out[at + o] = (int16_t)clamp64(v, INT16_MIN, INT16_MAX);
    }
}

KERNEL_CONV(ddz_conv_c)
{
    int32_t acc[KERNEL_BLOCK];
    for (int block = 0; block < run->blocks; block++)
        for (ptrdiff_t i = 0; i < run->pixels; i++) {
            accumulate(run, block, i, acc);
            rescale(run, block, i, acc);
        }
}

KERNEL_GATE(ddz_gate_c)
{
    for (ptrdiff_t at = 0; at < pixels * step; at += step)
        for (ptrdiff_t i = at; i < at + channels; i++) {
            int32_t open = opening[i] < 0 ? 0 : opening[i];
            values[i] = (int16_t)asr32(values[i] * open + (1 << 14), 15);
        }
}
