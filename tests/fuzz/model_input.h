/* What the fuzz targets of models read: the input as a file, and as the body of a file whose size and sum are right. */
#ifndef DDZ_TESTS_FUZZ_MODEL_INPUT_H
#define DDZ_TESTS_FUZZ_MODEL_INPUT_H

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "ddz.h"
#include "format/frames.h"

/* Stored, not compressed, which would take most of the time; to be released with free() */
static inline uint8_t *file_of_body(const uint8_t *body, size_t body_size, size_t *size)
{
    const struct mem mem = ddz_mem_init(NULL);
    uint8_t *frame, *file;
    size_t frame_size;
    if (ddz_frame_store(&mem, body, body_size, &frame, &frame_size) != DDZ_OK ||
        !(file = malloc(24 + frame_size)))
        abort();
    memcpy(file, "DDZMODEL", 8);
    put_le32(file + 8, 4);
    put_le32(file + 12, (uint32_t)crc32(0, body, (uInt)body_size));
    put_le32(file + 16, (uint32_t)body_size);
    put_le32(file + 20, 0);
    memcpy(file + 24, frame, frame_size);
    ddz_mem_free(&mem, frame);
    *size = 24 + frame_size;
    return file;
}

/* Load both and show `use` what loads. */
static inline void load_input(const uint8_t *data, size_t size, void (*use)(const ddz_model *model))
{
    size_t file_size;
    uint8_t *file = file_of_body(data, size, &file_size);
    const uint8_t *inputs[] = {data, file};
    const size_t sizes[] = {size, file_size};
    for (int i = 0; i < 2; i++) {
        ddz_model *model;
        if (ddz_model_load(inputs[i], sizes[i], NULL, &model) == DDZ_OK) {
            use(model);
            ddz_model_free(model);
        }
    }
    free(file);
}

#endif
