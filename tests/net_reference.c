#include "net_reference.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "exact.h"

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

static struct image image_new(int width, int height, int channels)
{
    struct image im = {width, height, channels, NULL};
    im.v = allocate((size_t)width * (size_t)height * (size_t)channels, 2);
    return im;
}

static int16_t *at(const struct image *im, int c, int y, int x)
{
    static int16_t outside;
    outside = 0;
    if (x < 0 || y < 0 || x >= im->width || y >= im->height)
        return &outside;
    return im->v + ((ptrdiff_t)c * im->height + y) * im->width + x;
}

/* Output o of a layer, before the residual and the clamp, for an input window at (y, x) */
static int64_t evaluate(const struct reference *r, const struct model_layer *l, int o, const struct image *in,
                        int y, int x)
{
    int side = l->shape.taps == 9   ? 3
               : l->shape.taps == 4 ? 2
                                    : 1,
        pad = side == 3, stride = side == 2 ? 2 : 1;
    int64_t acc = 0, gain = 0, bias = 0;
    for (int t = 0; t < l->shape.taps; t++)
        for (int c = 0; c < l->shape.cin; c++)
            acc += l->weight[(o * l->shape.taps + t) * l->shape.cin + c] *
                   *at(in, c, y * stride + t / side - pad, x * stride + t % side - pad);
    ck_assert(acc >= INT32_MIN && acc <= INT32_MAX);
    for (int j = 0; j < r->model->embedding; j++) {
        gain += (int64_t)l->gain_weight[o * r->model->embedding + j] * r->embedding[j];
        bias += (int64_t)l->bias_weight[o * r->model->embedding + j] * r->embedding[j];
    }
    gain = clamp(l->gain_base[o] + round_shift(gain, 14), -32768, 32767);
    bias = clamp(l->bias_base[o] + round_shift(bias, 14), -16777216, 16777215);
    int64_t mult = round_shift(gain * l->scale[o], 12);
    return round_shift(acc * mult + bias * ((int64_t)1 << (l->shift - 4)), l->shift);
}

static const struct model_layer *find(const struct reference *r, const char *name, int taps, int cin,
                                      int cout)
{
    char full[48];
    int length = r->network ? snprintf(full, sizeof full, "%d:", r->network) : 0;
    snprintf(full + length, sizeof full - (size_t)length, "%s", name);
    const struct model_layer *l = ddz_model_find(r->model, full, taps, cin, cout);
    ck_assert_msg(l != NULL, "no layer %s", full);
    return l;
}

static struct image convolve(const struct reference *r, const char *name, int taps, const struct image *in,
                             int cout, const struct image *residual)
{
    const struct model_layer *l = find(r, name, taps, in->channels, cout);
    int stride = taps == 4 ? 2 : 1;
    struct image out = image_new(in->width / stride, in->height / stride, cout);
    for (int o = 0; o < cout; o++)
        for (int y = 0; y < out.height; y++)
            for (int x = 0; x < out.width; x++) {
                int64_t v = evaluate(r, l, o, in, y, x) + (residual ? *at(residual, o, y, x) : 0);
                *at(&out, o, y, x) = (int16_t)clamp(v, -32768, 32767);
            }
    return out;
}

/* The planes, as far as as many others let them through */
static void gate(struct image *im, const int16_t *opening)
{
    ptrdiff_t count = (ptrdiff_t)im->channels * im->height * im->width;
    for (ptrdiff_t i = 0; i < count; i++)
        im->v[i] = (int16_t)round_shift((int64_t)im->v[i] * clamp(opening[i], 0, 32767), 15);
}

/* pixel_shuffle(conv1x1(in), 2) + skip; both are freed */
static struct image climb(const struct reference *r, int level, struct image in, struct image skip)
{
    char name[32];
    snprintf(name, sizeof name, "up.%d", level);
    const struct model_layer *l = find(r, name, 1, in.channels, 4 * skip.channels);
    struct image out = image_new(skip.width, skip.height, skip.channels);
    for (int c = 0; c < out.channels; c++)
        for (int y = 0; y < out.height; y++)
            for (int x = 0; x < out.width; x++) {
                int64_t v = evaluate(r, l, c * 4 + y % 2 * 2 + x % 2, &in, y / 2, x / 2);
                *at(&out, c, y, x) = (int16_t)clamp(v + *at(&skip, c, y, x), -32768, 32767);
            }
    free(in.v);
    free(skip.v);
    return out;
}

/* Frees `x` */
static struct image blocks(const struct reference *r, const char *side, int level, struct image x)
{
    for (int i = 0; i < r->model->unet.blocks[level]; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.%d.%d.conv1", side, level, i);
        struct image inner = convolve(r, name, 9, &x, x.channels, NULL);
        inner.channels /= 2;
        gate(&inner, inner.v + (ptrdiff_t)inner.channels * inner.height * inner.width);
        snprintf(name, sizeof name, "%s.%d.%d.conv2", side, level, i);
        struct image next = convolve(r, name, 9, &inner, x.channels, &x);
        free(inner.v);
        free(x.v);
        x = next;
    }
    return x;
}

static struct image descend(const struct reference *r, int level, const struct image *x)
{
    char name[32];
    snprintf(name, sizeof name, "down.%d", level);
    return convolve(r, name, 4, x, r->model->unet.channels[level + 1], NULL);
}

static struct image unshuffle(const int16_t *in, int width, int height, int multiple)
{
    struct image im = image_new((width + multiple - 1) / multiple * multiple / 2,
                                (height + multiple - 1) / multiple * multiple / 2, 12);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                *at(&im, c * 4 + y % 2 * 2 + x % 2, y / 2, x / 2) = in[(y * width + x) * 3 + c];
    return im;
}

/* Frees `im` */
static void shuffle(struct image im, int16_t *out, int width, int height)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                out[(y * width + x) * 3 + c] = *at(&im, c * 4 + y % 2 * 2 + x % 2, y / 2, x / 2);
    free(im.v);
}

struct reference reference_forward(const ddz_model *model, const int16_t *in, int16_t *out, int width,
                                   int height, int label, int32_t level_q8)
{
    struct reference r = {.model = model};
    struct image skip[TOPOLOGY_MAX_LEVELS];
    int deepest = model->unet.levels - 1;
    for (int n = 1; label == 0 && n < model->networks; n++)
        r.network += level_q8 >= 256 * (32 + 32 * n);
    ddz_model_embedding(model, label, level_q8, r.embedding);
    struct image input = unshuffle(in, width, height, 1 << model->unet.levels);
    struct image x = convolve(&r, "head", 9, &input, model->unet.channels[0], NULL);
    free(input.v);
    for (int i = 0; i < deepest; i++) {
        skip[i] = blocks(&r, "enter", i, x);
        x = descend(&r, i, &skip[i]);
    }
    x = blocks(&r, "enter", deepest, x);
    for (int i = deepest - 1; i >= 0; i--)
        x = blocks(&r, "leave", i, climb(&r, i, x, skip[i]));
    shuffle(convolve(&r, "tail", 9, &x, 12, NULL), out, width, height);
    r.gates = convolve(&r, "gates", 9, &x, x.channels, NULL);
    free(x.v);
    return r;
}

void reference_update(const struct reference *r, const int16_t *in, int16_t *out, int width, int height)
{
    struct image input = unshuffle(in, width, height, 1 << r->model->unet.levels);
    struct image sifted = convolve(r, "sift", 9, &input, r->model->unet.channels[0], NULL);
    gate(&sifted, r->gates.v);
    shuffle(convolve(r, "join", 9, &sifted, 12, NULL), out, width, height);
    free(input.v);
    free(sifted.v);
}
