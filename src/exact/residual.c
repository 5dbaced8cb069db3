#include "exact/residual.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "exact/levels.h"
#include "exact/regress.h"

enum {
    CHANNELS = LEVELS_CHANNELS,
    CORRECTION_LIMIT = 32 * GREY_LEVEL,
    MARGIN = 3, /* samples that stand beyond either end of a row */
    FINE = 4    /* log2 of the parts of a grey level, in rows of 16 bits: 1/16 */
};

/* The channels in the order of coding */
static const int channel_order[CHANNELS] = {1, 0, 2};

/* Rows that are looked at: the present one, that above, and of what is coded the one above that, of what is known the
 * one below. */
enum { NOW, ABOVE, OTHER, ROWS };

/* A channel's rows, each with its margins */
struct plane {
    int16_t *residual[ROWS]; /* of this row, and two above, in 1/16 of a grey level */
    int32_t *error[ROWS];    /* likewise, of what was predicted, as levels.h has them */
    int16_t *noise[ROWS];    /* y less the estimate, in 1/16: of this row, above, below */
    int16_t *estimate[ROWS]; /* in 1/16, less CENTRE: the same rows */
    struct regress regress;
};

/* Its place in the picture is in here, and nothing changes where the data ended: so a decoder goes on once there are
 * more of them. */
struct residual {
    struct mem mem;
    const struct residual_known *known;
    uint32_t width, height;
    struct residual_format format;
    struct bit_coder bits;
    struct level_coder levels;
    struct plane plane[CHANNELS]; /* in the order of coding */
    int16_t *halves;              /* what the planes' rows of 16 bits are in, */
    int32_t *words;               /* and those of 32 */
    uint16_t *row;                /* [width][channels], the present one */

    uint32_t x,
        y; /* rows above y are there, and of it channels before `channel` and of this what is left of x */
    int channel;
    bool begun; /* row y */
};

/* ---- Life -------------------------------------------------------------------------------- */

static size_t row_room(uint32_t width)
{
    return (size_t)width + 2 * MARGIN;
}

/* Numbers that look_around gives of a channel: its own, those of earlier and of later ones, and one that is always the
 * same */
static int inputs_of(int k, int channels)
{
    return 19 + (7 + 1) * k + (2 + 1) * (channels - 1 - k) + 1;
}

static void residual_free(struct residual *r)
{
    for (int k = 0; k < r->format.channels; k++)
        if (r->plane[k].regress.sums)
            ddz_regress_free(&r->plane[k].regress);
    ddz_level_coder_free(&r->levels);
    ddz_mem_free(&r->mem, r->halves);
    ddz_mem_free(&r->mem, r->words);
    ddz_mem_free(&r->mem, r->row);
}

static ddz_status residual_init(struct residual *r, const struct mem *mem, uint32_t width, uint32_t height,
                                const struct residual_format *format)
{
    size_t room = row_room(width);
    *r = (struct residual){.mem = *mem, .width = width, .height = height, .format = *format};
    ddz_status status =
        ddz_level_coder_init(&r->levels, mem, (1 << format->depth) - 1, 2 * format->error + 1);
    r->halves = ddz_mem_alloc(mem, ddz_size_mul(room, (size_t)3 * ROWS * CHANNELS), sizeof *r->halves);
    r->words = ddz_mem_alloc(mem, ddz_size_mul(room, (size_t)ROWS * CHANNELS), sizeof *r->words);
    r->row = ddz_mem_alloc(mem, ddz_size_mul(width, (size_t)format->channels), sizeof *r->row);
    if (!r->halves || !r->words || !r->row)
        status = DDZ_ERR_MEMORY;
    for (int k = 0; k < format->channels && status == DDZ_OK; k++)
        status = ddz_regress_init(&r->plane[k].regress, mem, width, inputs_of(k, format->channels));
    if (status != DDZ_OK) {
        residual_free(r);
        return status;
    }
    return DDZ_OK;
}

uint64_t ddz_residual_memory(uint32_t width)
{
    return sizeof(struct residual) +
           row_room(width) * ROWS * CHANNELS * (3 * sizeof(int16_t) + sizeof(int32_t)) +
           (uint64_t)width * CHANNELS * sizeof(uint16_t) + CHANNELS * ddz_regress_memory(width) +
           ddz_level_coder_memory();
}

/* ---- Rows -------------------------------------------------------------------------------- */

static int16_t limited(int64_t v)
{
    return (int16_t)clamp64(v, -REGRESS_LIMIT, REGRESS_LIMIT);
}

static void extend16(int16_t *row, uint32_t width)
{
    for (int i = 1; i <= MARGIN; i++) {
        row[-i] = row[0];
        row[width - 1 + (uint32_t)i] = row[width - 1];
    }
}

static void extend32(int32_t *row, uint32_t width)
{
    for (int i = 1; i <= MARGIN; i++) {
        row[-i] = row[0];
        row[width - 1 + (uint32_t)i] = row[width - 1];
    }
}

/* The estimate of a channel, 1/256 of a grey level less CENTRE; of a grey picture, the channels' mean */
static int32_t estimate_at(const struct residual *r, size_t pixel, int k)
{
    const int16_t *e = r->known->estimate + 3 * pixel;
    return r->format.channels == 1 ? (e[0] + e[1] + e[2]) / 3 : e[channel_order[k]];
}

static int64_t noisy_at(const struct residual *r, size_t pixel, int k)
{
    const int32_t *y = r->known->noisy + 3 * pixel;
    return r->format.channels == 1 ? ((int64_t)y[0] + y[1] + y[2]) / 3 : y[channel_order[k]];
}

/* Row y of the estimate and of the noise, into a plane's rows `slot` */
static void load_row(const struct residual *r, int k, uint32_t y, int slot)
{
    const struct plane *p = &r->plane[k];
    uint32_t width = r->width;
    for (uint32_t x = 0; x < width; x++) {
        size_t pixel = (size_t)y * width + x;
        int32_t estimate = estimate_at(r, pixel, k);
        p->estimate[slot][x] = (int16_t)asr32(estimate, 8 - FINE);
        p->noise[slot][x] = r->known->noisy ? limited(asr64(noisy_at(r, pixel, k) - estimate, 8 - FINE)) : 0;
    }
    extend16(p->estimate[slot], width);
    extend16(p->noise[slot], width);
}

/* Rows take turns in their places: what was now is above. */
static void place_rows(struct residual *r, int k, uint32_t y)
{
    const uint32_t turn[ROWS] = {y % ROWS, (y + 2) % ROWS, (y + 1) % ROWS};
    size_t room = row_room(r->width);
    struct plane *p = &r->plane[k];
    for (int i = 0; i < ROWS; i++) {
        size_t at = room * ((size_t)ROWS * (size_t)k + turn[i]);
        p->residual[i] = r->halves + 3 * at + MARGIN;
        p->noise[i] = p->residual[i] + room;
        p->estimate[i] = p->noise[i] + room;
        p->error[i] = r->words + at + MARGIN;
    }
}

/* On to row r->y, of which nothing has been coded yet. */
static void begin_row(struct residual *r)
{
    const uint32_t y = r->y;
    for (int k = 0; k < r->format.channels; k++) {
        struct plane *p = &r->plane[k];
        place_rows(r, k, y);
        if (y == 0) {
            load_row(r, k, 0, NOW);
            load_row(r, k, 0, ABOVE);
        }
        load_row(r, k, y + 1 < r->height ? y + 1 : y, OTHER);
        for (int i = 1; i <= MARGIN; i++) {
            p->residual[NOW][-i] = p->residual[ABOVE][0];
            p->error[NOW][-i] = p->error[ABOVE][0];
        }
        ddz_regress_begin_row(&p->regress);
    }
}

/* ---- Samples ----------------------------------------------------------------------------- */

/* An earlier channel's residuals around x, and how its estimate changes */
static int16_t *look_at_earlier(const struct plane *p, uint32_t x, int16_t *v)
{
    const int16_t *now = p->residual[NOW] + x, *above = p->residual[ABOVE] + x, *e = p->estimate[NOW] + x;
    const int16_t seen[7] = {now[0],
                             now[-1],
                             now[1],
                             above[0],
                             above[1],
                             limited(e[-1] - e[0]),
                             limited(p->estimate[ABOVE][x] - e[0])};
    memcpy(v, seen, sizeof seen);
    return v + 7;
}

/* What is known around x of channel k, as a vector of inputs_of(k) numbers */
static void look_around(const struct residual *r, int k, uint32_t x, int16_t *v)
{
    const struct plane *p = &r->plane[k];
    const int16_t *now = p->residual[NOW] + x, *above = p->residual[ABOVE] + x,
                  *second = p->residual[OTHER] + x;
    const int16_t *e = p->estimate[NOW] + x, *noise = p->noise[NOW] + x;
    const int16_t own[19] = {now[-1],
                             now[-2],
                             above[0],
                             above[1],
                             above[-1],
                             above[2],
                             above[-2],
                             second[0],
                             second[1],
                             second[-1],
                             limited(e[-1] - e[0]),
                             limited(e[1] - e[0]),
                             limited(p->estimate[ABOVE][x] - e[0]),
                             limited(p->estimate[OTHER][x] - e[0]),
                             noise[0],
                             noise[-1],
                             noise[1],
                             p->noise[ABOVE][x],
                             p->noise[OTHER][x]};
    memcpy(v, own, sizeof own);
    v += 19;
    for (int j = 0; j < r->format.channels; j++) {
        const struct plane *other = &r->plane[j];
        if (j < k) {
            v = look_at_earlier(other, x, v);
        } else if (j > k) {
            *v++ = other->residual[ABOVE][x];
            *v++ = other->residual[ABOVE][x + 1];
        }
        if (j != k)
            *v++ = other->noise[NOW][x];
    }
    *v = 1 << FINE;
}

/* What is known of the error to be expected */
static struct level_site describe(const struct residual *r, int k, uint32_t x, int32_t mean_q16)
{
    const struct plane *p = &r->plane[k];
    const int32_t *now = p->error[NOW] + x, *above = p->error[ABOVE] + x;
    const int16_t *e = p->estimate[NOW] + x;
    struct level_site s = {.channel = k, .mean_q16 = mean_q16, .west = now[-1], .north = above[0]};
    int64_t near = 10 * ((int64_t)now[-1] + above[0]) + 7 * ((int64_t)above[1] + above[-1]) +
                   5 * ((int64_t)now[-2] + p->error[OTHER][x]);
    s.near = (int32_t)(near / 44);
    int64_t others = 0, weight = 0;
    for (int j = 0; j < r->format.channels; j++) {
        const int32_t *of = r->plane[j].error[j < k ? NOW : ABOVE] + x;
        if (j == k || (k > 0 && j > k))
            continue;
        others += 2 * (int64_t)of[0] + of[-1] + of[1];
        weight += 4;
    }
    s.others = weight ? (int32_t)(others / weight) : s.near;
    int activity = abs(e[1] - e[-1]) + abs(p->estimate[OTHER][x] - p->estimate[ABOVE][x]);
    s.activity = activity << (8 - FINE);
    return s;
}

/* Sample r->x of channel k; `i` is its place in its block. Whether it could be told. */
static bool code_sample(struct residual *r, int k, int i)
{
    const uint32_t x = r->x;
    struct plane *p = &r->plane[k];
    int16_t *v = p->regress.vectors[i];
    look_around(r, k, x, v);
    int64_t estimate = (int64_t)estimate_at(r, (size_t)r->y * r->width + x, k) + CENTRE; /* 1/256 */
    int64_t correction =
        clamp64(ddz_regress_predict(&p->regress, i, 8 - FINE), -CORRECTION_LIMIT, CORRECTION_LIMIT);
    int64_t mean_q16 = clamp64((estimate + correction) * 256, 0, MAX_SAMPLE * 256);
    struct level_site site = describe(r, k, x, (int32_t)mean_q16);
    size_t place = r->format.channels == 1 ? 0 : (size_t)channel_order[k];
    uint16_t *sample = &r->row[(size_t)x * (size_t)r->format.channels + place];
    int level = ddz_level_code(&r->levels, &r->bits, &site, *sample, &p->error[NOW][x]);
    if (ddz_code_ended(&r->bits))
        return false;
    *sample = (uint16_t)level;
    int64_t value = asr64(level * r->levels.unit_q32, 24); /* 1/256 */
    p->residual[NOW][x] = limited(asr64(value - estimate, 8 - FINE));
    v[p->regress.inputs] = p->residual[NOW][x];
    r->x++;
    return true;
}

/* The rest of channel k's row, in blocks; whether all of it could be told. The block at hand has its weights anew: they
 * are the same, as nothing of it has been added up. */
static bool code_channel(struct residual *r, int k)
{
    struct regress *regress = &r->plane[k].regress;
    while (r->x < r->width) {
        const uint32_t block = r->x / REGRESS_BLOCK, begin = block * REGRESS_BLOCK, left = r->width - begin;
        const uint32_t count = left < REGRESS_BLOCK ? left : REGRESS_BLOCK;
        ddz_regress_begin_block(regress, block);
        while (r->x < begin + count)
            if (!code_sample(r, k, (int)(r->x - begin)))
                return false;
        ddz_regress_end_block(regress, block, (int)count);
    }
    return true;
}

/* The rest of row r->y; whether all of it could be told. */
static bool code_row(struct residual *r)
{
    if (!r->begun)
        begin_row(r);
    r->begun = true;
    for (; r->channel < r->format.channels; r->channel++) {
        const struct plane *p = &r->plane[r->channel];
        if (!code_channel(r, r->channel))
            return false;
        extend16(p->residual[NOW], r->width);
        extend32(p->error[NOW], r->width);
        r->x = 0;
    }
    r->channel = 0;
    r->begun = false;
    r->y++;
    return true;
}

/* ---- Pictures ---------------------------------------------------------------------------- */

ddz_status ddz_residual_encode(const struct mem *mem, const struct residual_known *known,
                               const struct residual_format *format, const uint16_t *samples,
                               residual_row *show, void *cookie, uint8_t **coded, size_t *size)
{
    struct residual r;
    struct binary_encoder *encoder = &r.bits.encoder;
    size_t row = (size_t)known->width * (size_t)format->channels;
    ddz_status status = residual_init(&r, mem, known->width, known->height, format);
    if (status != DDZ_OK)
        return status;
    r.known = known;
    r.bits.writing = true;
    ddz_binary_encoder_init(encoder, mem);
    while (r.y < r.height && status == DDZ_OK) {
        memcpy(r.row, samples + row * r.y, row * sizeof *samples);
        code_row(&r);
        status = encoder->failed ? DDZ_ERR_MEMORY : show(cookie, r.y - 1, r.row);
    }
    ddz_binary_finish(encoder);
    residual_free(&r);
    if (status == DDZ_OK && encoder->failed)
        status = DDZ_ERR_MEMORY;
    if (status != DDZ_OK) {
        ddz_binary_encoder_free(encoder);
        return status;
    }
    *coded = encoder->data;
    *size = encoder->size;
    return DDZ_OK;
}

ddz_status ddz_residual_decoder_new(const struct mem *mem, uint32_t width, uint32_t height,
                                    const struct residual_format *format, struct residual **decoder)
{
    struct residual *r = ddz_mem_alloc(mem, 1, sizeof *r);
    if (!r)
        return DDZ_ERR_MEMORY;
    ddz_status status = residual_init(r, mem, width, height, format);
    if (status != DDZ_OK) {
        ddz_mem_free(mem, r);
        return status;
    }
    ddz_binary_decoder_init(&r->bits.decoder, NULL, 0, false);
    *decoder = r;
    return DDZ_OK;
}

void ddz_residual_decoder_free(struct residual *r)
{
    if (!r)
        return;
    struct mem mem = r->mem;
    residual_free(r);
    ddz_mem_free(&mem, r);
}

ddz_status ddz_residual_decode(struct residual *r, const struct residual_known *known, const uint8_t *coded,
                               size_t size, bool whole, residual_row *show, void *cookie)
{
    ddz_status status = DDZ_OK;
    r->known = known;
    ddz_binary_decoder_extend(&r->bits.decoder, coded, size, whole);
    while (r->y < r->height && status == DDZ_OK && code_row(r))
        status = show(cookie, r->y - 1, r->row);
    return status;
}
