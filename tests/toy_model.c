#include "toy_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "base/hash.h"

struct writer {
    uint8_t *data;
    size_t size, capacity;
    size_t record; /* where the open record's size stands */
    uint64_t seed, counter;
    int network; /* that layers are of */
};

static void *check(void *p)
{
    if (!p)
        abort();
    return p;
}

static void put(struct writer *w, const void *data, size_t size)
{
    if (w->size + size > w->capacity) {
        w->capacity = 2 * (w->size + size);
        w->data = check(realloc(w->data, w->capacity));
    }
    memcpy(w->data + w->size, data, size);
    w->size += size;
}

static void put32(struct writer *w, int64_t v)
{
    uint8_t bytes[4];
    put_le32(bytes, (uint32_t)v);
    put(w, bytes, 4);
}

static void put16(struct writer *w, int v)
{
    uint8_t bytes[2] = {(uint8_t)v, (uint8_t)((unsigned)v >> 8)};
    put(w, bytes, 2);
}

/* Uniform from -limit to limit */
static int spread(struct writer *w, int64_t limit)
{
    return (int)((int64_t)(hash_pair(w->seed, w->counter++) % (uint64_t)(2 * limit + 1)) - limit);
}

static void begin(struct writer *w, const char *tag)
{
    put(w, tag, 4);
    w->record = w->size;
    put32(w, 0);
}

static void end(struct writer *w)
{
    put_le32(w->data + w->record, (uint32_t)(w->size - w->record - 4));
    while (w->size % 8)
        put(w, "", 1);
}

/* What the numbers of a layer are drawn from */
struct ranges {
    int shift, weight, gain, gain_spread, condition;
    int64_t scale, scale_spread, bias;
};

/* Weights are uniform to +-96, less in filters whose sum would be too large; the scale makes the
 * output's deviation `strength` / 64 of the input's. */
static struct ranges sane(int inputs, int strength)
{
    int weight = inputs > 1000 ? 100000 / inputs : 96;
    int64_t norm = (int64_t)ddz_isqrt64((uint64_t)(inputs * weight * weight / 3)) * 64;
    int64_t scale = ((int64_t)strength << 32) / norm;
    return (struct ranges){32, weight, 4096, 512, 1024, scale, scale / 8, 8000};
}

static struct ranges wild(struct writer *w, int inputs)
{
    int weight = inputs * 127 > 65535 ? 65535 / inputs : 127;
    int64_t half = 1 << 25;
    return (struct ranges){24 + spread(w, 16), weight, 0, 32767, 32767, half, half - 1, INT32_MAX};
}

static void layer(struct writer *w, const char *name, int taps, int cin, int cout, int strength,
                  const struct toy_shape *s)
{
    char padded[24] = {0};
    int inputs = taps * cin, length = w->network ? snprintf(padded, sizeof padded, "%d:", w->network) : 0;
    struct ranges r = s->wild ? wild(w, inputs) : sane(inputs, strength);
    snprintf(padded + length, sizeof padded - (size_t)length, "%s", name);
    begin(w, "LAYR");
    put(w, padded, sizeof padded);
    put32(w, taps);
    put32(w, cin);
    put32(w, cout);
    put32(w, r.shift);
    for (int i = 0; i < cout; i++)
        put32(w, r.scale + spread(w, r.scale_spread));
    for (int i = 0; i < cout; i++)
        put32(w, spread(w, r.bias));
    for (int i = 0; i < cout * s->embedding; i++)
        put32(w, spread(w, r.bias));
    for (int i = 0; i < cout; i++)
        put16(w, r.gain + spread(w, r.gain_spread));
    for (int i = 0; i < cout * s->embedding; i++)
        put16(w, spread(w, r.condition));
    for (int i = 0; i < cout * inputs; i++) {
        int8_t weight = (int8_t)spread(w, r.weight);
        put(w, &weight, 1);
    }
    end(w);
}

static void blocks(struct writer *w, const struct toy_shape *s, const char *side, int level)
{
    char name[48];
    for (int i = 0; i < s->blocks[level]; i++) {
        snprintf(name, sizeof name, "%s.%d.%d.conv1", side, level, i);
        layer(w, name, 9, s->channels[level], s->channels[level], 80, s);
        snprintf(name, sizeof name, "%s.%d.%d.conv2", side, level, i);
        layer(w, name, 9, s->channels[level] / 2, s->channels[level], 24, s);
    }
}

/* Not in the order in which the network runs */
static void layers(struct writer *w, const struct toy_shape *s)
{
    char name[48];
    layer(w, "tail", 9, s->channels[0], 12, 32, s);
    layer(w, "head", 9, 12, s->channels[0], 64, s);
    for (int i = 0; i < s->levels; i++) {
        blocks(w, s, "enter", i);
        if (i == s->levels - 1)
            break;
        blocks(w, s, "leave", i);
        snprintf(name, sizeof name, "up.%d", i);
        layer(w, name, 1, s->channels[i + 1], 4 * s->channels[i], 40, s);
        snprintf(name, sizeof name, "down.%d", i);
        layer(w, name, 4, s->channels[i], s->channels[i + 1], 60, s);
    }
    /* gates as often open as closed, and an update about a fifth of the noise */
    layer(w, "join", 9, s->channels[0], 12, 32, s);
    layer(w, "gates", 9, s->channels[0], s->channels[0], 256, s);
    layer(w, "sift", 9, 12, s->channels[0], 48, s);
}

static int count_networks(const struct toy_shape *s)
{
    return s->networks ? s->networks : 1;
}

static void architecture(struct writer *w, const struct toy_shape *s)
{
    enum { NODES = 9 };
    begin(w, "ARCH");
    put32(w, s->levels);
    put32(w, s->embedding);
    put32(w, count_networks(s));
    for (int i = 1; i < count_networks(s); i++)
        put32(w, 32 + 32 * i);
    for (int i = 0; i < s->levels; i++)
        put32(w, s->channels[i]);
    for (int i = 0; i < s->levels; i++)
        put32(w, s->blocks[i]);
    end(w);
    begin(w, "EMBT");
    put32(w, -64);
    put32(w, 48);
    put32(w, NODES);
    put32(w, 0);
    for (int i = 0; i < count_networks(s) * 8 * NODES * s->embedding; i++)
        put16(w, spread(w, 16384));
    end(w);
}

/* A visit of the plan, q16 bits a coordinate */
static void visit(struct writer *w, int level, int rate_q16)
{
    put32(w, level);
    put32(w, rate_q16);
}

static void plan(struct writer *w)
{
    begin(w, "PLAN");
    put32(w, -900);
    put32(w, -2100);
    put32(w, -3600);
    for (int label = 1; label < 5; label++) {
        put32(w, 2);
        visit(w, 16, 0);
        visit(w, 32, 0);
    }
    put32(w, 2);
    visit(w, 16, 19661);
    visit(w, 32, 22938);
    put32(w, 2);
    visit(w, 16, 22938);
    visit(w, 32, 26214);
    put32(w, 3);
    visit(w, -32, 19661);
    visit(w, 0, 32768);
    visit(w, 32, 39322);
    for (int label = 0; label < 8; label++)
        put32(w, label < 5 ? 0 : 13107 + 1000 * label);
    end(w);
}

static void rates(struct writer *w)
{
    enum { NODES = 21 };
    begin(w, "RATE");
    put32(w, -64);
    put32(w, 16);
    put32(w, NODES);
    put32(w, 0);
    for (int label = 0; label < 8; label++)
        for (int i = 0; i < NODES; i++)
            put32(w, 9000 + 2000 * i + 1500 * label + spread(w, 400));
    for (int label = 0; label < 8; label++)
        put32(w, 14000 + 900 * label);
    end(w);
}

uint8_t *toy_file(const uint8_t *body, size_t body_size, size_t *size)
{
    size_t bound = ZSTD_compressBound(body_size);
    uint8_t *file = check(malloc(24 + bound));
    size_t frame = ZSTD_compress(file + 24, bound, body, body_size, 1);
    if (ZSTD_isError(frame))
        abort();
    memcpy(file, "DDZMODEL", 8);
    put_le32(file + 8, 4);
    put_le32(file + 12, (uint32_t)crc32(0, body, (uInt)body_size));
    put_le32(file + 16, (uint32_t)body_size);
    put_le32(file + 20, 0);
    *size = 24 + frame;
    return file;
}

uint8_t *toy_body(const uint8_t *file, size_t size, size_t *body_size)
{
    *body_size = (size_t)get_le64(file + 16);
    uint8_t *body = check(malloc(*body_size));
    if (ZSTD_decompress(body, *body_size, file + 24, size - 24) != *body_size)
        abort();
    return body;
}

uint8_t *toy_model_shaped(uint64_t seed, const struct toy_shape *shape, size_t *size)
{
    struct writer w = {.seed = seed};
    architecture(&w, shape);
    plan(&w);
    for (w.network = 0; w.network < count_networks(shape); w.network++)
        layers(&w, shape);
    rates(&w);
    begin(&w, "PROV");
    put(&w, "random weights", 14);
    end(&w);
    uint8_t *file = toy_file(w.data, w.size, size);
    free(w.data);
    return file;
}

uint8_t *toy_model(uint64_t seed, size_t *size)
{
    const struct toy_shape shape = {
        .levels = 3, .embedding = 8, .channels = {16, 32, 32}, .blocks = {1, 1, 1}, .networks = 2};
    return toy_model_shaped(seed, &shape, size);
}
