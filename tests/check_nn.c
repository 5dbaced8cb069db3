/* The network against a direct, scalar evaluation of the formulas in model.h; the kernels against those of
 * conv.h. Everything exact. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cpu/cpu.h"
#include "crew.h"
#include "guard.h"
#include "nn/conv/conv.h"
#include "nn/mirror.h"
#include "nn/net.h"
#include "runner.h"
#include "toy_model.h"

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* ---- Reference ------------------------------------------------------------------------------ */

/* Planes of 16-bit values, without any border; outside is 0. */
struct image {
    int width, height, channels;
    int16_t *v;
};

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

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* floor(v / 2^n + 1/2), by division */
static int64_t round_shift(int64_t v, int n)
{
    int64_t d = (int64_t)1 << n;
    v += d / 2;
    return v >= 0 ? v / d : -((d - 1 - v) / d);
}

struct reference {
    const ddz_model *model;
    int network;
    int16_t embedding[MODEL_MAX_EMBEDDING];
    struct image gates; /* of a call, for the updates after it */
};

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

/* Returns what reference_update takes and frees. */
static struct reference reference_forward(const ddz_model *model, const int16_t *in, int16_t *out, int width,
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

static void reference_update(const struct reference *r, const int16_t *in, int16_t *out, int width,
                             int height)
{
    struct image input = unshuffle(in, width, height, 1 << r->model->unet.levels);
    struct image sifted = convolve(r, "sift", 9, &input, r->model->unet.channels[0], NULL);
    gate(&sifted, r->gates.v);
    shuffle(convolve(r, "join", 9, &sifted, 12, NULL), out, width, height);
    free(input.v);
    free(sifted.v);
}

/* ---- The network ---------------------------------------------------------------------------- */

static ddz_model *load(uint64_t seed, const struct toy_shape *shape)
{
    size_t size;
    uint8_t *file = shape ? toy_model_shaped(seed, shape, &size) : toy_model(seed, &size);
    ddz_model *model = NULL;
    ck_assert_int_eq(ddz_model_load(file, size, NULL, &model), DDZ_OK);
    free(file);
    return model;
}

/* Kinds of input: noise of a picture's strength, anything, the extremes */
static void fill(int16_t *v, size_t count, int kind, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t h = hash_pair(seed, i);
        v[i] = (int16_t)(kind == 0   ? (int)(h % 16384) - 8192
                         : kind == 1 ? (int)(h % 65536) - 32768
                         : h % 2     ? 32767
                                     : -32767);
    }
}

struct size {
    int width, height;
};

static const struct size sizes[] = {{1, 1}, {3, 5}, {17, 9}, {64, 48}, {8, 8}, {2, 70}, {131, 4}, {1, 33}};

enum { SIZES = sizeof sizes / sizeof *sizes };

static const struct {
    uint64_t features;
    int threads;
} variants[] = {{0, 1}, {0, 2}, {DDZ_CPU_AVX2, 1}, {DDZ_CPU_AVX2, 2}, {UINT64_MAX, 1}, {UINT64_MAX, 2}};

enum { VARIANTS = sizeof variants / sizeof *variants };

/* Another call in between, of the other network if there is one, and back */
static void digress(const ddz_model *model, struct net *net, uint32_t width, uint32_t height, int label)
{
    static int16_t other[3 * 20 * 11];
    uint8_t *state = allocate(ddz_net_state_size(model, width, height), 1);
    ddz_net_save(net, state);
    fill(other, 3 * 20 * 11, 1, 7);
    ddz_net_forward(net, other, other, 20, 11, !label, 64 * 256);
    ddz_net_update(net, other, other);
    ddz_net_restore(net, state);
    free(state);
}

/* A call and a few updates after it, of other kinds of noise, and the last in place */
enum { RUNS = 4 };

static void compare_size(const ddz_model *model, struct net **net, struct size size, int kind, int label,
                         int32_t level_q8)
{
    uint32_t width = (uint32_t)size.width, height = (uint32_t)size.height;
    size_t count = (size_t)width * height * 3;
    int16_t *in[RUNS], *expected[RUNS], *out = allocate(count, 2);
    for (int run = 0; run < RUNS; run++) {
        in[run] = allocate(count, 2);
        expected[run] = allocate(count, 2);
        fill(in[run], count, (kind + run) % 3, width + 1000 * (uint64_t)run);
    }
    struct reference r =
        reference_forward(model, in[0], expected[0], size.width, size.height, label, level_q8);
    for (int run = 1; run < RUNS; run++)
        reference_update(&r, in[run], expected[run], size.width, size.height);
    free(r.gates.v);
    for (int i = 0; i < VARIANTS; i++)
        for (int run = 0; run < RUNS; run++) {
            memset(out, 0, 2 * count);
            if (run == 2)
                digress(model, net[i], width, height, label);
            if (run == RUNS - 1)
                memcpy(out, in[run], 2 * count);
            if (run == 0)
                ddz_net_forward(net[i], in[run], out, width, height, label, level_q8);
            else
                ddz_net_update(net[i], run == RUNS - 1 ? out : in[run], out);
            ck_assert_msg(memcmp(out, expected[run], 2 * count) == 0,
                          "%ux%u, features %d, %d threads, kind %d, update %d", width, height,
                          (int)variants[i].features, variants[i].threads, kind, run);
        }
    for (int run = 0; run < RUNS; run++) {
        free(in[run]);
        free(expected[run]);
    }
    free(out);
}

/* Every picture size by one network of each variant, which is larger than any: what a call leaves
 * behind must not matter to the next. An instruction set that is not there falls back. */
static void compare_all(const ddz_model *model, int kind, int label, int32_t level_q8)
{
    struct mem mem = ddz_mem_init(NULL);
    struct net *net[VARIANTS];
    for (int i = 0; i < VARIANTS; i++) {
        net[i] = ddz_net_new(&mem, model, 135, 70, crew(variants[i].threads),
                             variants[i].features & ddz_cpu_features());
        ck_assert_ptr_nonnull(net[i]);
    }
    for (int i = 0; i < SIZES; i++)
        compare_size(model, net, sizes[i], kind, label, level_q8);
    for (int i = 0; i < VARIANTS; i++)
        ddz_net_free(net[i]);
}

START_TEST(sane_models)
{
    ddz_model *model = load(1, NULL);
    compare_all(model, 0, 1, 1234);
    compare_all(model, 0, 0, 64 * 256 - 1);
    compare_all(model, 0, 0, 64 * 256);
    compare_all(model, 2, 7, -40 * 256 + 17);
    ddz_model_free(model);
}
END_TEST

/* Every rounding, clamp and saturation, at 48 and 80 channels: tiles of 3 and of 2 vectors */
START_TEST(wild_models)
{
    const struct toy_shape shape = {
        .levels = 2, .embedding = 3, .channels = {48, 80}, .blocks = {1, 1}, .wild = 1};
    ddz_model *model = load((uint64_t)_i, &shape);
    compare_all(model, _i, 3, 30000);
    ddz_model_free(model);
}
END_TEST

START_TEST(architectures)
{
    static const struct toy_shape shapes[] = {
        {.levels = 1, .embedding = 1, .channels = {16}, .blocks = {0}},
        {.levels = 1, .embedding = 5, .channels = {64}, .blocks = {2}},
        {.levels = 5, .embedding = 2, .channels = {16, 16, 32, 16, 32}, .blocks = {0, 1, 0, 2, 1}},
    };
    ddz_model *model = load((uint64_t)_i + 9, &shapes[_i]);
    compare_all(model, 1, 0, 5000 * _i);
    ddz_model_free(model);
}
END_TEST

/* A network that ignored its conditioning, or its input, would agree with itself. */
START_TEST(output_depends)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, 16, 16, NULL, ddz_cpu_features());
    static int16_t in[768], a[768], b[768];
    fill(in, 768, 0, 1);
    ddz_net_forward(net, in, a, 16, 16, 2, 300);
    ddz_net_forward(net, in, b, 16, 16, 3, 300);
    ck_assert_mem_ne(a, b, sizeof a);
    ddz_net_forward(net, in, b, 16, 16, 2, 3000);
    ck_assert_mem_ne(a, b, sizeof a);
    in[700]++;
    in[0] += 999;
    ddz_net_forward(net, in, b, 16, 16, 2, 300);
    ck_assert_mem_ne(a, b, sizeof a);
    in[700]--;
    in[0] -= 999;
    ddz_net_forward(net, in, in, 16, 16, 2, 300);
    ck_assert_mem_eq(a, in, sizeof a);
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

/* The update is that of the last call: of its features, its conditioning and its network. */
START_TEST(update_depends)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, 16, 16, NULL, ddz_cpu_features());
    static const struct {
        int picture, label;
        int32_t level_q8;
    } calls[] = {{0, 0, 300}, {1, 0, 300}, {0, 3, 300}, {0, 0, 4000}, {0, 0, 64 * 256}};
    static int16_t in[2][768], noise[768], f[768], moved[6][768];
    fill(in[0], 768, 0, 1);
    fill(in[1], 768, 0, 2);
    fill(noise, 768, 0, 3);
    for (int i = 0; i < 6; i++) {
        ddz_net_forward(net, in[calls[i % 5].picture], f, 16, 16, calls[i % 5].label, calls[i % 5].level_q8);
        ddz_net_update(net, noise, moved[i]);
        for (int k = 0; k < i; k++)
            ck_assert_int_eq(memcmp(moved[i], moved[k], sizeof f) == 0, i == 5 && k == 0);
        ck_assert_mem_ne(moved[i], f, sizeof f);
    }
    noise[0] += 999;
    ddz_net_update(net, noise, moved[1]);
    ck_assert_mem_ne(moved[1], moved[0], sizeof f);
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

/* A network on the weights of another gives the same, and leaves it alone. */
START_TEST(networks_beside)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, 40, 24, crew(2), ddz_cpu_features()),
               *other = ddz_net_new_beside(net, 16, 16);
    ck_assert_ptr_nonnull(other);
    static int16_t in[768], f[768], moved[768], out[768];
    fill(in, 768, 0, 1);
    ddz_net_forward(net, in, f, 16, 16, 0, 300);
    ddz_net_forward(other, in, out, 16, 16, 5, 4000);
    ck_assert_mem_ne(f, out, sizeof f);
    ddz_net_update(net, in, moved);
    ddz_net_forward(other, in, out, 16, 16, 0, 300);
    ck_assert_mem_eq(f, out, sizeof f);
    ddz_net_update(other, in, out);
    ck_assert_mem_eq(moved, out, sizeof f);
    ddz_net_free(other);
    ddz_net_forward(net, in, out, 16, 16, 0, 300);
    ck_assert_mem_eq(f, out, sizeof f);
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

/* A state taken back makes the update's layers ready for its call, and only these. */
START_TEST(state_taken_back)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, 16, 16, NULL, ddz_cpu_features());
    uint8_t *state = malloc(ddz_net_state_size(model, 16, 16));
    static int16_t in[768], f[768], moved[768], out[768];
    fill(in, 768, 0, 1);
    ddz_net_forward(net, in, f, 16, 16, 0, 300);
    ddz_net_update(net, in, moved);
    for (int updated = 1; updated >= 0; updated--) {
        ddz_net_forward(net, in, out, 16, 16, 0, 300);
        if (updated)
            ddz_net_update(net, out, out);
        ddz_net_save(net, state);
        ddz_net_forward(net, in, out, 16, 16, 0, 4000);
        ddz_net_restore(net, state);
        ddz_net_update(net, in, out);
        ck_assert_mem_eq(moved, out, sizeof f);
    }
    ddz_net_forward(net, in, out, 16, 16, 0, 300);
    ck_assert_mem_eq(f, out, sizeof f);
    ddz_net_update(net, in, out);
    ck_assert_mem_eq(moved, out, sizeof f);
    free(state);
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

struct ledger {
    size_t bytes;
    int calls, allowed;
};

static void *ledger_allocate(void *cookie, size_t size)
{
    struct ledger *l = cookie;
    if (l->calls++ >= l->allowed)
        return NULL;
    l->bytes += size;
    return malloc(size);
}

static void ledger_release(void *cookie, void *memory)
{
    (void)cookie;
    free(memory);
}

START_TEST(mirrored)
{
    static const uint32_t shapes[][2] = {{1, 1}, {5, 4}, {4, 7}, {6, 1}, {1, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        uint32_t width = shapes[i][0], height = shapes[i][1];
        int16_t picture[5 * 7 * 3];
        for (uint32_t k = 0; k < 3 * width * height; k++)
            picture[k] = (int16_t)k;
        ddz_mirror(picture, width, height, _i);
        for (uint32_t k = 0; k < 3 * width * height; k++) {
            uint32_t x = k / 3 % width, y = k / 3 / width;
            x = _i & MIRROR_ACROSS ? width - 1 - x : x;
            y = _i & MIRROR_DOWN ? height - 1 - y : y;
            ck_assert_int_eq(picture[k], 3 * (y * width + x) + k % 3);
        }
    }
}
END_TEST

START_TEST(memory)
{
    ddz_model *model = load(1, NULL);
    for (int allowed = 0; allowed < 2; allowed++) {
        struct ledger ledger = {0, 0, allowed};
        ddz_allocator functions = {ledger_allocate, ledger_release, &ledger};
        struct mem mem = ddz_mem_init(&functions);
        struct net *net = ddz_net_new(&mem, model, 100, 70, NULL, ddz_cpu_features());
        ck_assert_int_eq(net != NULL, allowed);
        if (net) {
            static int16_t picture[21000];
            ddz_net_forward(net, picture, picture, 100, 70, 1, 0);
            ddz_net_update(net, picture, picture);
            size_t stated = ddz_net_memory(model, 100, 70, ddz_cpu_features());
            ck_assert(ledger.bytes >= stated && ledger.bytes < stated + 256);
        }
        ddz_net_free(net);
        ck_assert_int_eq(ledger.calls, 1);
    }
    /* 2^31 x 2^31 pixels: more than any size_t holds bytes, or at least refused */
    ck_assert(ddz_net_memory(model, 1u << 31, 1u << 31, 0) > ((size_t)1 << (sizeof(size_t) * 8 - 2)));
    struct mem mem = ddz_mem_init(NULL);
    ck_assert_ptr_null(ddz_net_new(&mem, model, UINT32_MAX, UINT32_MAX, NULL, ddz_cpu_features()));
    ck_assert_uint_eq(ddz_net_memory(model, UINT32_MAX, UINT32_MAX, 0), SIZE_MAX);
    ddz_net_free(NULL);
    ddz_model_free(model);
}
END_TEST

/* ---- Kernels -------------------------------------------------------------------------------- */

/* Numbers drawn one after the other */
struct draw {
    uint64_t seed, count;
};

static uint64_t draw64(struct draw *d)
{
    return hash_pair(d->seed, d->count++);
}

static int draw(struct draw *d, int count)
{
    return (int)(draw64(d) % (uint64_t)count);
}

/* A map in memory of exact size between guard pages: what a kernel may touch, and nothing else */
struct guarded {
    struct map map;
    int16_t *memory;
    size_t values;
};

/* Pixels (-edge, -edge) to (rows - 1 + edge, width - 1 + edge), the last one of `channels` values */
static struct guarded guarded_map(struct draw *d, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t channels,
                                  int edge)
{
    struct guarded g = {.map = {.width = width, .step = channels + 2 * draw(d, 2) * draw(d, 9)}};
    g.map.row = (width + 1) * g.map.step + 2 * (draw(d, 3) == 0) * draw(d, 30);
    ptrdiff_t last = (rows - 1 + edge) * g.map.row + (width - 1 + edge) * g.map.step + channels;
    ptrdiff_t before = edge * (g.map.row + g.map.step);
    g.values = (size_t)(before + last);
    g.memory = guard_alloc(2 * g.values);
    g.map.data = g.memory + before;
    return g;
}

static void guarded_free(struct guarded *g)
{
    guard_free(g->memory, 2 * g->values);
}

/* A layer and its band */
struct trial {
    struct layer_shape shape;
    struct conv conv;
    struct conv_band band;
    struct guarded in, out, gates;
    ptrdiff_t out_rows, channels; /* of out */
    int8_t *weight;
    size_t weights;
    int32_t mult[4 * 8 * CONV_BLOCK];
    int64_t bias[4 * 8 * CONV_BLOCK];
};

static void draw_shape(struct draw *d, struct layer_shape *shape)
{
    static const int taps[] = {9, 9, 9, 4, 1};
    *shape = (struct layer_shape){.taps = taps[draw(d, 5)], .cin = 2 * (1 + draw(d, 12)), .end = END_STORE};
    shape->end = shape->taps == 9 ? (enum layer_end)draw(d, 4) : draw(d, 2) ? END_STORE : END_ADD;
    int channels = 1 + draw(d, 8 * CONV_BLOCK);
    if (shape->end == END_GATE)
        channels = (channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
    shape->cout = shape->taps == 1 ? 4 * channels : channels;
}

static void draw_numbers(struct draw *d, struct trial *t)
{
    int quiet = draw(d, 30), limit = draw(d, 3) ? 40 : 61;
    t->weights = (size_t)(t->shape.cout * t->shape.taps * t->shape.cin);
    t->weight = guard_alloc(t->weights);
    for (size_t i = 0; i < t->weights; i++)
        t->weight[i] = (int8_t)draw(d, 256);
    for (int o = 0; o < t->shape.cout; o++) {
        t->mult[o] = (int32_t)((int64_t)(draw64(d) % ((1u << 30) + 1)) - (1 << 29)) >> quiet;
        t->bias[o] = (int64_t)(draw64(d) % ((uint64_t)1 << limit)) - ((int64_t)1 << (limit - 1));
    }
}

static void draw_maps(struct draw *d, struct trial *t)
{
    const struct layer_shape *shape = &t->shape;
    struct conv_band *band = &t->band;
    ptrdiff_t width = 1 + draw(d, 20), rows = 1 + draw(d, 6);
    int kind = 1 + draw(d, 2), edge = shape->taps == 9, down = shape->taps == 4 ? 2 : 1,
        up = shape->taps == 1 ? 2 : 1;
    t->channels =
        shape->end == END_GATE || shape->taps == 1 ? shape->cout / (shape->taps == 1 ? 4 : 2) : shape->cout;
    ptrdiff_t room = (t->channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
    t->in = guarded_map(d, down * rows, down * width, shape->cin, edge);
    t->out_rows = up * rows;
    t->out = guarded_map(d, t->out_rows, up * width, shape->end == END_GATE ? t->channels : room, 0);
    t->gates = guarded_map(d, rows, width, room, 0);
    *band = (struct conv_band){.in = t->in.map, .out = t->out.map, .gates = t->gates.map, .rows = rows};
    band->above = edge && draw(d, 2);
    band->below = edge && draw(d, 2);
    for (ptrdiff_t y = band->above ? -1 : 0; y < down * rows + band->below; y++)
        for (ptrdiff_t x = 0; x < down * width; x++)
            fill(map_pixel(&band->in, y, x), (size_t)shape->cin, kind, draw64(d));
    for (ptrdiff_t y = 0; y < t->out_rows; y++)
        for (ptrdiff_t x = 0; x < up * width; x++)
            fill(map_pixel(&band->out, y, x), (size_t)t->channels, kind, draw64(d));
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x++)
            fill(map_pixel(&band->gates, y, x), (size_t)t->channels, kind, draw64(d));
}

/* A filter's value at a pixel of the band's rows, before the residual and the clamp */
static int64_t filtered(const struct trial *t, int o, ptrdiff_t y, ptrdiff_t x)
{
    const struct layer_shape *shape = &t->shape;
    int side = shape->taps == 9 ? 3 : shape->taps == 4 ? 2 : 1, pad = side == 3, stride = side == 2 ? 2 : 1;
    int64_t acc = 0;
    for (int tap = 0; tap < shape->taps; tap++) {
        const int16_t *in =
            map_pixel(&t->band.in, y * stride + tap / side - pad, x * stride + tap % side - pad);
        for (int c = 0; c < shape->cin; c++)
            acc += t->weight[(o * shape->taps + tap) * shape->cin + c] * in[c];
    }
    int64_t v = acc * t->mult[o] + t->bias[o], d = (int64_t)1 << t->conv.layer.shift;
    return v >= 0 ? v / d : -((d - 1 - v) / d);
}

/* What a channel of an output pixel must become; `before`: what it was */
static int16_t expected_value(const struct trial *t, int channel, ptrdiff_t y, ptrdiff_t x, int16_t before)
{
    int up = t->shape.taps == 1;
    int o = up ? 4 * channel + (int)(y % 2 * 2 + x % 2) : channel;
    int64_t v = filtered(t, o, up ? y / 2 : y, up ? x / 2 : x);
    v = clamp(t->shape.end == END_ADD ? v + before : v, -32768, 32767);
    int64_t gate = t->shape.end == END_GATE      ? filtered(t, o + (int)t->channels, y, x)
                   : t->shape.end == END_GATE_BY ? map_pixel(&t->gates.map, y, x)[channel]
                                                 : 0;
    if (t->shape.end == END_GATE || t->shape.end == END_GATE_BY)
        v = round_shift(v * clamp(gate, 0, 32767), 15);
    return (int16_t)v;
}

static void check_result(const struct trial *t, const int16_t *before, const char *name, uint64_t seed)
{
    const struct map *out = &t->out.map;
    for (ptrdiff_t y = 0; y < t->out_rows; y++) {
        for (ptrdiff_t x = 0; x < out->width; x++)
            for (int c = 0; c < t->channels; c++) {
                const int16_t *v = map_pixel(out, y, x) + c;
                if (*v != expected_value(t, c, y, x, before[v - t->out.memory]))
                    ck_abort_msg("%s, seed %d: pixel %d, %d, channel %d", name, (int)seed, (int)y, (int)x, c);
            }
        for (ptrdiff_t c = 0; y + 1 < t->out_rows && c < out->step; c++)
            ck_assert_int_eq(map_pixel(out, y, out->width)[c], 0);
    }
}

static void try_kernel(const struct conv_kernel *kernel, uint64_t seed)
{
    static struct trial t;
    struct draw d = {seed, 0};
    draw_shape(&d, &t.shape);
    draw_numbers(&d, &t);
    draw_maps(&d, &t);
    t.conv = (struct conv){.layer = {&t.shape, t.weight, 8 + draw(&d, 33)}, .kernel = kernel};
    if (kernel->supports(&t.conv.layer)) {
        size_t packed = kernel->packed_size(&t.shape), rescale = kernel->rescale_size(&t.shape);
        t.conv.packed = guard_alloc((packed + 63) & ~(size_t)63);
        t.conv.rescale = guard_alloc((rescale + 63) & ~(size_t)63);
        kernel->pack(&t.conv.layer, t.conv.packed);
        kernel->rescale(&t.conv.layer, t.mult, t.bias, t.conv.rescale);
        int16_t *before = guard_copy(t.out.memory, 2 * t.out.values);
        kernel->run(&t.conv, &t.band);
        check_result(&t, before, kernel->kernel.name, seed);
        guard_free(before, 2 * t.out.values);
        guard_free(t.conv.packed, (packed + 63) & ~(size_t)63);
        guard_free(t.conv.rescale, (rescale + 63) & ~(size_t)63);
    }
    guarded_free(&t.in);
    guarded_free(&t.out);
    guarded_free(&t.gates);
    guard_free(t.weight, t.weights);
}

/* Every kernel on layers and bands of random shape, against the formulas of conv.h */
START_TEST(kernels_equal_the_formula)
{
    const struct conv_kernel *kernel = ddz_conv_kernels[_i];
    for (uint64_t seed = 0; kernel_runs(&kernel->kernel, ddz_cpu_features()) && seed < 600; seed++)
        try_kernel(kernel, seed);
}
END_TEST

/* The portable kernel takes what no other does; a feature that is not allowed is not used. */
START_TEST(choice_of_kernels)
{
    const struct layer_shape shape = {.taps = 9, .cin = 16, .cout = 32, .end = END_GATE};
    const struct conv_layer layer = {&shape, NULL, 30};
    ck_assert_ptr_eq(ddz_conv_choose(&layer, 0), &ddz_conv_c);
    ck_assert_int_eq(ddz_conv_c.kernel.needs, 0);
    for (int i = 0; ddz_conv_kernels[i]; i++) {
        uint64_t needs = ddz_conv_kernels[i]->kernel.needs;
        ck_assert_uint_eq(ddz_conv_choose(&layer, needs)->kernel.needs & ~needs, 0);
        ck_assert(ddz_conv_kernels[i + 1] || ddz_conv_kernels[i] == &ddz_conv_c);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(ddz_conv_kernels[i]->kernel.name, ddz_conv_kernels[k]->kernel.name);
    }
}
END_TEST

/* A set allows what its features build on; nothing that the machine lacks is allowed. */
START_TEST(cpu_features)
{
    uint64_t here = ddz_cpu_features();
    ck_assert_uint_eq(ddz_cpu_allowed(0), 0);
    ck_assert_uint_eq(ddz_cpu_allowed(-1), here);
    ck_assert_uint_eq(ddz_cpu_allowed(DDZ_CPU_AVX2), here & DDZ_CPU_AVX2);
    ck_assert_uint_eq(ddz_cpu_allowed(DDZ_CPU_AVX512), here & (DDZ_CPU_AVX2 | DDZ_CPU_AVX512));
    ck_assert(!(here & DDZ_CPU_AVX512) || here & DDZ_CPU_AVX2);
}
END_TEST

static int kernels(void)
{
    int count = 0;
    while (ddz_conv_kernels[count])
        count++;
    return count;
}

int main(void)
{
    TCase *tc = tcase_create("nn");
    tcase_add_test(tc, cpu_features);
    tcase_add_loop_test(tc, kernels_equal_the_formula, 0, kernels());
    tcase_add_test(tc, choice_of_kernels);
    tcase_add_test(tc, sane_models);
    tcase_add_loop_test(tc, wild_models, 1, 3);
    tcase_add_loop_test(tc, architectures, 0, 3);
    tcase_add_test(tc, output_depends);
    tcase_add_test(tc, update_depends);
    tcase_add_test(tc, networks_beside);
    tcase_add_test(tc, state_taken_back);
    tcase_add_loop_test(tc, mirrored, 0, 4);
    tcase_add_test(tc, memory);
    return run_cases("nn", 300, &tc, 1);
}
