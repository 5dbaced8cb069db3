/*
 * zstd frames (RFC 8878), the containers of a stream's layers. The frames made here have no
 * content size and no dictionary: 6 bytes before the first block; a checksum if they are compressed. (The window
 * descriptor takes the place that the content size would take, and is shorter.)
 *
 * Conveyed bits are uniform, so their frame is stored: raw blocks of 128 KiB, whose bytes a
 * streaming decompressor hands on as they arrive. Such a frame may be cut after any byte, and its
 * size is a function of its content's.
 */
#ifndef DDZ_FORMAT_FRAMES_H
#define DDZ_FORMAT_FRAMES_H

#include "base/mem.h"

/* A reader accepts windows up to 2^FRAME_WINDOW_LOG bytes, writers use no larger ones: no header
 * can make a reader allocate more than that plus a little. */
enum { FRAME_WINDOW_LOG = 23 };

/* Store `size` bytes as one frame of raw blocks. *out is freed with ddz_mem_free. */
ddz_status ddz_frame_store(const struct mem *mem, const uint8_t *data, size_t size, uint8_t **out,
                           size_t *out_size);

/* What ddz_frame_store adds to `size` bytes of content, exactly. */
uint64_t ddz_frame_overhead(uint64_t size);

/* Largest content whose stored frame is `total` bytes or less; 0 if there is none, too. */
uint64_t ddz_frame_content_for(uint64_t total);

/* Compress `size` bytes to one frame at a zstd level. Blocks that do not shrink come out raw; others
 * can be read only when all of the block is there. *out is freed with ddz_mem_free. */
ddz_status ddz_frame_compress(const struct mem *mem, const uint8_t *data, size_t size, int level,
                              uint8_t **out, size_t *out_size);

/*
 * Decompressor of one frame of either kind, fed in pieces of any size. It owns the content that has
 * arrived, in a buffer that grows with it and never beyond max_content.
 */
struct frame_reader;

/* NULL: out of memory. `mem` is copied. */
struct frame_reader *ddz_frame_reader_new(const struct mem *mem, uint64_t max_content);
void ddz_frame_reader_free(struct frame_reader *r);

/* Bytes that it takes for a frame of ddz_frame_store, but for the content. */
uint64_t ddz_frame_reader_memory(void);

/* Take bytes until the frame ends; *consumed is how many of them belong to it (all, unless it
 * ended; 0 on an error). CORRUPT: not a frame, a damaged one, a window that is too large, or more than
 * max_content bytes of content. An error stays; so does the content of the feeds before it. */
ddz_status ddz_frame_reader_feed(struct frame_reader *r, const uint8_t *data, size_t size, size_t *consumed);

/* Valid until the next feed. Never NULL. */
const uint8_t *ddz_frame_reader_content(const struct frame_reader *r, size_t *size);
int ddz_frame_reader_complete(const struct frame_reader *r);

#endif
