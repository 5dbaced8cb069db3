#include "exact/graphics.h"

#include <string.h>

#include "base/hash.h"
#include "exact/guess.h"
#include "exact/value.h"

enum {
    COPY_CONTEXTS =
        9, /* of a row's flags: what the last row had, and whether what followed is like the row above */
    ROW_LIMIT = 60
};

/* What is the next of a row to be coded */
enum part { PART_NEW, PART_ABOVE, PART_FOLLOWER, PART_PIXELS };

/* One side of the coder. Its place in the picture is in here, down to the bit, and nothing changes where the data ended:
 * so a decoder goes on once there are more of them. */
struct graphics {
    struct mem mem;
    struct graphics_size size;
    struct blocks *blocks; /* those that are coded; NULL: all; not owned */
    struct block_coder block_coder;
    struct bit_coder coder;
    const uint16_t *samples; /* all when writing, and what has been decoded when reading; not owned */
    uint16_t *decoded;       /* the same when reading, else NULL */
    struct mixing_tables *tables;
    struct guess guess;
    struct predict predict;
    struct value value;
    void *memory;

    uint64_t *rows[ROWS_KEPT]; /* of colours: this one and those above, with margins */
    uint8_t *guessed[2];       /* which pixels of this row and the one above were among the guesses */
    uint64_t *hashes;          /* of rows */
    uint64_t *states;          /* of rows: hashes, and how many alike there were in succession */
    uint32_t *seen;            /* by a state: the row after the last that had it; 0: none had */
    int seen_bits;
    uint32_t alike;    /* rows above the last one that are like it */
    uint32_t follower; /* the row that came when the state was as it is now; 0: it is new */
    counter again[COPY_CONTEXTS], follows[COPY_CONTEXTS];
    unsigned last_copy; /* 0: none, 1: the row above, 2: the follower */

    uint32_t x, y; /* rows above y are there, and of it the pixels left of x */
    enum part part;
};

/* ---- Memory ----------------------------------------------------------------------------------- */

static bool is_size(const struct graphics_size *size)
{
    return size->width >= 1 && size->width <= GRAPHICS_MAX_SIDE && size->height >= 1 &&
           size->height <= GRAPHICS_MAX_SIDE && size->channels >= 1 &&
           size->channels <= GRAPHICS_MAX_CHANNELS && size->depth >= 1 && size->depth <= GRAPHICS_MAX_DEPTH;
}

static void place(struct graphics *g, struct arena *arena)
{
    size_t stride = (size_t)g->size.width + 2 * ROWS_MARGIN;
    for (g->seen_bits = 4; g->seen_bits < 17 && UINT32_C(1) << g->seen_bits < 2 * g->size.height;
         g->seen_bits++)
        ;
    g->tables = arena_carve(arena, 1, sizeof *g->tables);
    for (int i = 0; i < ROWS_KEPT; i++)
        g->rows[i] = arena_carve(arena, stride, sizeof *g->rows[i]);
    for (int i = 0; i < 2; i++)
        g->guessed[i] = arena_carve(arena, stride, sizeof *g->guessed[i]);
    g->states = arena_carve(arena, g->size.height, sizeof *g->states);
    g->seen = arena_carve(arena, (size_t)1 << g->seen_bits, sizeof *g->seen);
    g->hashes = arena_carve(arena, g->size.height, sizeof *g->hashes);
    uint64_t pixels = (uint64_t)g->size.width * g->size.height;
    uint64_t channel_bits = (UINT64_C(1) << g->size.depth) - 1, colour_bits = 0;
    for (int k = 0; k < g->size.channels; k++)
        colour_bits |= channel_bits << 16 * k;
    ddz_guess_place(&g->guess, arena, pixels, colour_bits);
    ddz_value_place(&g->value, arena, pixels, g->size.depth);
    ddz_predict_place(&g->predict, arena, g->size.width, g->size.channels, g->size.depth);
}

static size_t memory_of(const struct graphics_size *size)
{
    struct graphics g = {.size = *size};
    struct arena arena = {.used = 0};
    if (!is_size(size) || ddz_size_mul((size_t)size->width * (size_t)size->channels * sizeof *g.samples,
                                       size->height) == SIZE_MAX)
        return SIZE_MAX;
    place(&g, &arena);
    return arena.used;
}

size_t ddz_graphics_memory(const struct graphics_size *size)
{
    return ddz_size_add(memory_of(size), sizeof(struct graphics));
}

static ddz_status init(struct graphics *g, const struct mem *mem, const struct graphics_size *size,
                       struct blocks *blocks)
{
    struct arena arena = {.used = 0};
    size_t memory = memory_of(size);
    if (memory == SIZE_MAX)
        return DDZ_ERR_ARGUMENT;
    *g = (struct graphics){
        .mem = *mem, .size = *size, .blocks = blocks, .memory = ddz_mem_alloc(mem, memory, 1)};
    if (!g->memory)
        return DDZ_ERR_MEMORY;
    ddz_mem_scatter(mem, g->memory, memory);
    arena.base = g->memory;
    place(g, &arena);
    ddz_mixing_tables_init(g->tables);
    ddz_guess_init(&g->guess, g->tables);
    ddz_value_init(&g->value, g->tables);
    ddz_block_coder_init(&g->block_coder);
    for (int i = 0; i < COPY_CONTEXTS; i++)
        g->again[i] = g->follows[i] = counter_fresh;
    for (int i = 0; i < 2; i++)
        memset(g->guessed[i], 1, (size_t)size->width + 2 * ROWS_MARGIN);
    return DDZ_OK;
}

/* ---- Rows --------------------------------------------------------------------------------------- */

static uint64_t colour_of(const uint16_t *sample, int channels)
{
    uint64_t colour = 0;
    for (int k = 0; k < channels; k++)
        colour |= (uint64_t)sample[k] << 16 * k;
    return colour;
}

/* The rows move up; what is left of the new one repeats the edge above. */
static void begin_row(struct graphics *g)
{
    uint64_t *oldest = g->rows[ROWS_KEPT - 1];
    uint8_t *above = g->guessed[1];
    memmove(g->rows + 1, g->rows, (ROWS_KEPT - 1) * sizeof *g->rows);
    g->rows[0] = oldest;
    g->guessed[1] = g->guessed[0];
    g->guessed[0] = above;
    memset(above, 1, (size_t)g->size.width + 2 * ROWS_MARGIN);
    for (int i = 0; i < ROWS_MARGIN; i++)
        oldest[i] = g->rows[1][ROWS_MARGIN];
    ddz_predict_next_row(&g->predict);
}

static void end_row(struct graphics *g)
{
    const uint32_t y = g->y++;
    uint64_t *row = g->rows[0] + ROWS_MARGIN, hash = 0;
    for (uint32_t x = 0; x < g->size.width; x++)
        hash = hash64(hash ^ row[x]);
    for (uint32_t i = 0; i < ROWS_MARGIN; i++)
        row[g->size.width + i] = row[g->size.width - 1];
    g->alike = y > 0 && g->hashes[y - 1] == hash ? g->alike + 1 : 0;
    g->hashes[y] = hash;
    uint64_t state = hash64(hash + g->alike);
    uint32_t *seen = &g->seen[state >> (64 - g->seen_bits)];
    g->follower = *seen && g->states[*seen - 1] == state ? *seen : 0;
    g->states[y] = state;
    *seen = y + 1;
    g->part = PART_NEW;
    g->x = 0;
}

static bool is_coded(const struct graphics *g, uint32_t x)
{
    return !g->blocks || blocks_have(g->blocks, x, g->y);
}

/* Has the row at hand, in what is coded of it, the samples of another one? */
static bool is_like(const struct graphics *g, const uint16_t *row, const uint16_t *other)
{
    const size_t channels = (size_t)g->size.channels;
    bool same = true;
    for (uint32_t x = 0, end; x < g->size.width && same; x = end) {
        end = g->blocks ? ddz_blocks_end(g->blocks, x, g->y, g->size.width) : g->size.width;
        if (is_coded(g, x))
            same = memcmp(row + x * channels, other + x * channels, (end - x) * channels * sizeof *row) == 0;
    }
    return same;
}

/* A flag that a row is like another one; what it is when reading does not matter to the coder. */
static bool code_like(struct graphics *g, counter *context, const uint16_t *row, const uint16_t *other)
{
    int same = g->coder.writing && is_like(g, row, other);
    same = ddz_code(&g->coder, same, ddz_counter_p(*context));
    if (ddz_code_ended(&g->coder))
        return false;
    ddz_counter_learn(g->tables, context, same, ROW_LIMIT);
    return same;
}

/* The row becomes, in what is coded of it, a copy of another one. */
static void copy_row(struct graphics *g, const uint16_t *source)
{
    const size_t channels = (size_t)g->size.channels;
    uint16_t *decoded = g->decoded ? g->decoded + (size_t)g->y * g->size.width * channels : NULL;
    uint64_t *colours = g->rows[0] + ROWS_MARGIN;
    for (uint32_t x = 0; x < g->size.width; x++, source += channels) {
        colours[x] = is_coded(g, x) ? colour_of(source, g->size.channels) : *(colours + x - 1);
        for (size_t k = 0; decoded && k < channels; k++)
            *decoded++ = (uint16_t)colour_channel(colours[x], (int)k);
    }
}

/* The row that this one is a copy of, the one above or that which followed when rows like those above were there before;
 * NULL: none. */
static const uint16_t *code_source(struct graphics *g, const uint16_t *row, size_t row_samples)
{
    const uint16_t *above = g->y > 0 ? row - row_samples : row,
                   *follower = g->samples + g->follower * row_samples;
    bool agrees = g->follower && g->hashes[g->follower] == g->hashes[g->y - 1];
    unsigned context = g->last_copy + (!g->follower ? 0 : agrees ? 3 : 6);
    if (g->part == PART_ABOVE && g->y > 0 && code_like(g, &g->again[context], row, above))
        return above;
    if (ddz_code_ended(&g->coder))
        return NULL;
    g->part = PART_FOLLOWER;
    return g->follower && !agrees && code_like(g, &g->follows[context], row, follower) ? follower : NULL;
}

static bool code_copy(struct graphics *g)
{
    size_t row_samples = (size_t)g->size.width * (size_t)g->size.channels;
    const uint16_t *row = g->samples + g->y * row_samples, *source = code_source(g, row, row_samples);
    if (ddz_code_ended(&g->coder))
        return false;
    g->last_copy = !source ? 0 : g->part == PART_ABOVE ? 1 : 2;
    if (!source)
        return false;
    copy_row(g, source);
    return true;
}

/* The guesses' odds as neighbours predict them */
static void score_guesses(struct graphics *g)
{
    uint64_t left = UINT32_MAX;
    for (int i = 0; i < g->guess.colours; i++) {
        uint64_t score = ddz_predict_score(&g->predict, g->tables, g->guess.colour[i]);
        uint64_t p = (score << 16) / (left + 1);
        g->guess.odds[i] = ddz_stretch(g->tables, p < 1 ? 1 : p > 65535 ? 65535 : (uint32_t)p);
        left -= score < left ? score : left;
    }
}

/* Predictors look at the pixel; `value`: it is likely that its channels are to be coded. */
static void look(struct graphics *g, const struct neighbours *n, bool value, bool asked)
{
    ddz_predict_look(&g->predict, n, 0, 1);
    if (value)
        ddz_value_expect(&g->value, &g->predict, n, asked);
    ddz_predict_look(&g->predict, n, 1, g->size.channels);
}

/* The pixel was guessed, and predictors learn from it. */
static void learn_prediction(struct graphics *g, const struct neighbours *n, uint64_t colour)
{
    for (int place = 0; place < g->size.channels; place++) {
        int channel = ddz_channel_order(g->size.channels, place);
        ddz_predict_channel(&g->predict, n, place, colour);
        ddz_predict_note(&g->predict, n, channel, (int32_t)colour_channel(colour, channel));
        ddz_predict_adapt(&g->predict, n, channel);
    }
}

static uint64_t code_colour(struct graphics *g, const struct neighbours *n, uint64_t colour)
{
    const uint8_t *here = g->guessed[0] + ROWS_MARGIN + n->x, *above = g->guessed[1] + ROWS_MARGIN + n->x;
    const uint64_t *left = n->row[0] + n->x - 1, *up = n->row[1] + n->x;
    int guessed = here[-1] + here[-2] + above[0] + above[-1] + above[1];
    bool ask = guessed > 0;
    bool flat = left[0] == up[0] && up[0] == up[-1] && up[0] == up[1];
    memset(g->guess.odds, 0, sizeof g->guess.odds);
    if (ask)
        ddz_guess_expect(&g->guess);
    if (!ask || !flat)
        look(g, n, guessed < 3, ask);
    if (ask && !flat)
        score_guesses(g);
    if (!ask || !ddz_guess_code(&g->guess, &g->coder, n, &colour)) {
        if (ddz_code_ended(&g->coder))
            return 0;
        if (ask && flat)
            look(g, n, true, true);
        return ddz_value_code(&g->value, &g->predict, &g->coder, n, colour, ask);
    }
    if (flat)
        ddz_predict_skip(&g->predict, n);
    else
        learn_prediction(g, n, colour);
    return colour;
}

/* The colour is known. */
static void put_pixel(struct graphics *g, const struct neighbours *n, uint64_t colour)
{
    size_t at = ((size_t)n->y * g->size.width + n->x) * (size_t)g->size.channels;
    g->rows[0][ROWS_MARGIN + n->x] = colour;
    for (int k = 0; g->decoded && k < g->size.channels; k++)
        g->decoded[at + (size_t)k] = (uint16_t)colour_channel(colour, k);
}

/* Whether all of the pixel could be told. One that is not coded goes on with what is on its left. */
static bool code_pixel(struct graphics *g, const struct neighbours *n)
{
    size_t at = ((size_t)n->y * g->size.width + n->x) * (size_t)g->size.channels;
    uint64_t colour = g->coder.writing ? colour_of(g->samples + at, g->size.channels) : 0;
    if (!is_coded(g, n->x)) {
        ddz_predict_skip(&g->predict, n);
        put_pixel(g, n, *(n->row[0] + n->x - 1));
        return true;
    }
    ddz_guess_look(&g->guess, n);
    ddz_value_begin(&g->value);
    colour = code_colour(g, n, colour);
    if (ddz_code_ended(&g->coder))
        return false;
    g->guess.asked = 0;
    g->guessed[0][ROWS_MARGIN + n->x] = ddz_guess_has(&g->guess, colour);
    ddz_guess_learn(&g->guess, colour);
    put_pixel(g, n, colour);
    return true;
}

/* The rest of row g->y; whether all of it could be told. */
static bool code_row(struct graphics *g)
{
    if (g->part == PART_NEW) {
        begin_row(g);
        g->part = PART_ABOVE;
    }
    if (g->part == PART_PIXELS || !code_copy(g)) {
        struct neighbours n = {.x = g->x, .y = g->y};
        for (int i = 0; i < ROWS_KEPT; i++)
            n.row[i] = g->rows[i] + ROWS_MARGIN;
        if (!ddz_code_ended(&g->coder))
            g->part = PART_PIXELS;
        while (g->part == PART_PIXELS && n.x < g->size.width && code_pixel(g, &n))
            n.x++;
        g->x = n.x;
    }
    if (ddz_code_ended(&g->coder))
        return false;
    end_row(g);
    return true;
}

/* ---- Both sides ---------------------------------------------------------------------------------- */

static bool samples_fit(const struct graphics_size *size, const uint16_t *samples)
{
    size_t count = (size_t)size->width * size->height * (size_t)size->channels;
    uint32_t all = 0;
    for (size_t i = 0; i < count; i++)
        all |= samples[i];
    return all >> size->depth == 0;
}

ddz_status ddz_graphics_encode(const struct mem *mem, const struct graphics_size *size,
                               const uint16_t *samples, graphics_told *told, void *cookie, uint8_t **data,
                               size_t *bytes)
{
    return ddz_graphics_encode_blocks(mem, size, NULL, samples, told, cookie, data, bytes);
}

ddz_status ddz_graphics_encode_blocks(const struct mem *mem, const struct graphics_size *size,
                                      struct blocks *blocks, const uint16_t *samples, graphics_told *told,
                                      void *cookie, uint8_t **data, size_t *bytes)
{
    struct graphics g;
    if (is_size(size) && !samples_fit(size, samples))
        return DDZ_ERR_ARGUMENT;
    ddz_status status = init(&g, mem, size, blocks);
    if (status != DDZ_OK)
        return status;
    struct binary_encoder *encoder = &g.coder.encoder;
    g.coder.writing = true;
    g.samples = samples;
    ddz_binary_encoder_init(encoder, mem);
    if (blocks)
        ddz_blocks_code(blocks, &g.block_coder, g.tables, &g.coder);
    while (g.y < size->height && status == DDZ_OK) {
        code_row(&g);
        status = told ? told(cookie, g.y) : DDZ_OK;
    }
    ddz_binary_finish(encoder);
    ddz_mem_free(mem, g.memory);
    if (status == DDZ_OK && encoder->failed)
        status = DDZ_ERR_MEMORY;
    if (status != DDZ_OK) {
        ddz_binary_encoder_free(encoder);
        return status;
    }
    *data = encoder->data;
    *bytes = encoder->size;
    return DDZ_OK;
}

ddz_status ddz_graphics_decoder_new(const struct mem *mem, const struct graphics_size *size,
                                    uint16_t *samples, struct graphics **decoder)
{
    return ddz_graphics_decoder_new_blocks(mem, size, NULL, samples, decoder);
}

ddz_status ddz_graphics_decoder_new_blocks(const struct mem *mem, const struct graphics_size *size,
                                           struct blocks *blocks, uint16_t *samples,
                                           struct graphics **decoder)
{
    struct graphics *g = ddz_mem_alloc(mem, 1, sizeof *g);
    if (!g)
        return DDZ_ERR_MEMORY;
    ddz_status status = init(g, mem, size, blocks);
    if (status != DDZ_OK) {
        ddz_mem_free(mem, g);
        return status;
    }
    g->samples = g->decoded = samples;
    ddz_binary_decoder_init(&g->coder.decoder, NULL, 0, false);
    *decoder = g;
    return DDZ_OK;
}

void ddz_graphics_decoder_free(struct graphics *g)
{
    if (!g)
        return;
    struct mem mem = g->mem;
    ddz_mem_free(&mem, g->memory);
    ddz_mem_free(&mem, g);
}

uint32_t ddz_graphics_rows(const struct graphics *g)
{
    return g->y;
}

ddz_status ddz_graphics_decode(struct graphics *g, const uint8_t *data, size_t bytes, bool whole,
                               graphics_told *told, void *cookie)
{
    ddz_status status = DDZ_OK;
    ddz_binary_decoder_extend(&g->coder.decoder, data, bytes, whole);
    if (g->blocks && !ddz_blocks_code(g->blocks, &g->block_coder, g->tables, &g->coder))
        return DDZ_OK;
    while (g->y < g->size.height && status == DDZ_OK && code_row(g))
        status = told ? told(cookie, g->y) : DDZ_OK;
    return status;
}
