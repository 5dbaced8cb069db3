#include "format/frames.h"

#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* for contexts that use the caller's allocator */
#include <zstd.h>
#include <zstd_errors.h>

#include "base/bytes.h"

enum {
    PREFIX_SIZE = 6, /* magic, frame descriptor, window descriptor */
    BLOCK_HEADER_SIZE = 3,
    BLOCK_SIZE = 128 << 10,
    BLOCK_IS_LAST = 1,      /* bit 0; type in bits 1-2, raw is 0; size from bit 3 on */
    STORED_WINDOW_LOG = 17, /* the smallest that allows blocks of BLOCK_SIZE */
    FIRST_CAPACITY = 4096
};

static void *zstd_allocate(void *opaque, size_t size)
{
    return ddz_mem_alloc(opaque, size, 1);
}

static void zstd_release(void *opaque, void *address)
{
    ddz_mem_free(opaque, address);
}

static ddz_status status_of(size_t code)
{
    if (!ZSTD_isError(code))
        return DDZ_OK;
    return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? DDZ_ERR_MEMORY : DDZ_ERR_CORRUPT;
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* An empty content takes one empty block. */
static uint64_t block_count(uint64_t size)
{
    return size == 0 ? 1 : (size - 1) / BLOCK_SIZE + 1;
}

uint64_t ddz_frame_overhead(uint64_t size)
{
    return PREFIX_SIZE + BLOCK_HEADER_SIZE * block_count(size);
}

uint64_t ddz_frame_content_for(uint64_t total)
{
    if (total < PREFIX_SIZE)
        return 0;
    uint64_t body = total - PREFIX_SIZE, full = body / (BLOCK_HEADER_SIZE + BLOCK_SIZE);
    uint64_t rest = body % (BLOCK_HEADER_SIZE + BLOCK_SIZE);
    return full * BLOCK_SIZE + (rest > BLOCK_HEADER_SIZE ? rest - BLOCK_HEADER_SIZE : 0);
}

ddz_status ddz_frame_store(const struct mem *mem, const uint8_t *data, size_t size, uint8_t **out,
                           size_t *out_size)
{
    size_t total = ddz_size_add(size, (size_t)ddz_frame_overhead(size));
    uint8_t *frame = ddz_mem_alloc(mem, total, 1);
    if (!frame)
        return DDZ_ERR_MEMORY;
    uint8_t *p = frame;
    put_le32(p, ZSTD_MAGICNUMBER);
    p[4] = 0; /* no content size, a window, no checksum, no dictionary */
    p[5] = (STORED_WINDOW_LOG - 10) << 3;
    p += PREFIX_SIZE;
    size_t left = size;
    do {
        size_t n = left < BLOCK_SIZE ? left : BLOCK_SIZE;
        uint32_t block = (uint32_t)n << 3 | (n == left ? BLOCK_IS_LAST : 0);
        p[0] = (uint8_t)block;
        p[1] = (uint8_t)(block >> 8);
        p[2] = (uint8_t)(block >> 16);
        p += BLOCK_HEADER_SIZE;
        if (n > 0)
            memcpy(p, data + (size - left), n);
        p += n;
        left -= n;
    } while (left > 0);
    *out = frame;
    *out_size = total;
    return DDZ_OK;
}

static size_t compress(ZSTD_CCtx *context, int level, uint8_t *out, size_t capacity, const uint8_t *data,
                       size_t size)
{
    const struct {
        ZSTD_cParameter name;
        int value;
    } parameters[] = {
        {ZSTD_c_compressionLevel, level}, {ZSTD_c_windowLog, FRAME_WINDOW_LOG},
        {ZSTD_c_contentSizeFlag, 0},      {ZSTD_c_checksumFlag, 1},
        {ZSTD_c_dictIDFlag, 0},
    };
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        size_t code = ZSTD_CCtx_setParameter(context, parameters[i].name, parameters[i].value);
        if (ZSTD_isError(code))
            return code;
    }
    return ZSTD_compress2(context, out, capacity, data, size);
}

ddz_status ddz_frame_compress(const struct mem *mem, const uint8_t *data, size_t size, int level,
                              uint8_t **out, size_t *out_size)
{
    struct mem local = *mem; /* zstd's opaque pointer is not const */
    ZSTD_customMem custom = {zstd_allocate, zstd_release, &local};
    ZSTD_CCtx *context = ZSTD_createCCtx_advanced(custom);
    size_t capacity = ZSTD_compressBound(size);
    uint8_t *frame = ddz_mem_alloc(mem, capacity, 1);
    size_t made = 0;
    if (context && frame)
        made = compress(context, level, frame, capacity, data, size);
    ZSTD_freeCCtx(context);
    /* nothing but memory can be short: data and capacity are right by construction */
    if (made == 0 || ZSTD_isError(made)) {
        ddz_mem_free(mem, frame);
        return DDZ_ERR_MEMORY;
    }
    *out = frame;
    *out_size = made;
    return DDZ_OK;
}

/* ---- Reading ----------------------------------------------------------------------------- */

struct frame_reader {
    struct mem mem;
    ZSTD_DCtx *context;
    uint8_t *content;
    size_t size, capacity, limit;
    int magic_seen; /* bytes of the magic number */
    int complete;
    ddz_status status;
};

struct frame_reader *ddz_frame_reader_new(const struct mem *mem, uint64_t max_content)
{
    struct frame_reader *r = ddz_mem_alloc(mem, 1, sizeof *r);
    if (!r)
        return NULL;
    r->mem = *mem;
    r->limit = max_content < SIZE_MAX / 4 ? (size_t)max_content : SIZE_MAX / 4;
    r->capacity = r->limit < FIRST_CAPACITY ? r->limit : FIRST_CAPACITY;
    r->content = ddz_mem_alloc(&r->mem, r->capacity, 1);
    ZSTD_customMem custom = {zstd_allocate, zstd_release, &r->mem};
    r->context = ZSTD_createDCtx_advanced(custom);
    if (!r->content || !r->context ||
        ZSTD_isError(ZSTD_DCtx_setParameter(r->context, ZSTD_d_windowLogMax, FRAME_WINDOW_LOG))) {
        ddz_frame_reader_free(r);
        return NULL;
    }
    return r;
}

void ddz_frame_reader_free(struct frame_reader *r)
{
    if (!r)
        return;
    struct mem mem = r->mem;
    ZSTD_freeDCtx(r->context);
    ddz_mem_free(&mem, r->content);
    ddz_mem_free(&mem, r);
}

uint64_t ddz_frame_reader_memory(void)
{
    return sizeof(struct frame_reader) + ZSTD_estimateDStreamSize((size_t)1 << STORED_WINDOW_LOG);
}

/* libzstd would take skippable frames and those of its old versions, too. */
static int magic_fits(struct frame_reader *r, const uint8_t *data, size_t size)
{
    for (; r->magic_seen < 4 && size > 0; r->magic_seen++, data++, size--)
        if (*data != (uint8_t)(ZSTD_MAGICNUMBER >> (8 * r->magic_seen)))
            return 0;
    return 1;
}

static int make_room(struct frame_reader *r)
{
    if (r->size < r->capacity || r->capacity == r->limit)
        return 1;
    size_t capacity = r->capacity > r->limit / 2 ? r->limit : 2 * r->capacity;
    uint8_t *content = ddz_mem_alloc(&r->mem, capacity, 1);
    if (!content)
        return 0;
    memcpy(content, r->content, r->size);
    ddz_mem_free(&r->mem, r->content);
    r->content = content;
    r->capacity = capacity;
    return 1;
}

/* One call of the decompressor. At the limit it gets a byte of room, which must stay unused.
 * *more: there may be output left. */
static ddz_status decompress(struct frame_reader *r, ZSTD_inBuffer *in, int *more)
{
    if (!make_room(r))
        return DDZ_ERR_MEMORY;
    uint8_t spare;
    int at_limit = r->size == r->limit;
    ZSTD_outBuffer out = {r->content + r->size, r->capacity - r->size, 0};
    if (at_limit)
        out = (ZSTD_outBuffer){&spare, 1, 0};
    size_t code = ZSTD_decompressStream(r->context, &out, in);
    ddz_status status = status_of(code);
    if (status != DDZ_OK)
        return status;
    if (at_limit && out.pos > 0)
        return DDZ_ERR_CORRUPT;
    r->size += out.pos;
    r->complete = code == 0;
    *more = out.pos == out.size;
    return DDZ_OK;
}

ddz_status ddz_frame_reader_feed(struct frame_reader *r, const uint8_t *data, size_t size, size_t *consumed)
{
    *consumed = 0;
    if (r->status != DDZ_OK || r->complete || size == 0)
        return r->status;
    if (!magic_fits(r, data, size)) {
        r->status = DDZ_ERR_CORRUPT;
        return r->status;
    }
    ZSTD_inBuffer in = {data, size, 0};
    int more = 1;
    while (r->status == DDZ_OK && !r->complete && (in.pos < in.size || more))
        r->status = decompress(r, &in, &more);
    if (r->status == DDZ_OK)
        *consumed = in.pos;
    return r->status;
}

const uint8_t *ddz_frame_reader_content(const struct frame_reader *r, size_t *size)
{
    *size = r->size;
    return r->content;
}

int ddz_frame_reader_complete(const struct frame_reader *r)
{
    return r->complete;
}
