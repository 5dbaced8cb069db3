#include "model_files.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "guard.h"
#include "toy_model.h"

static const struct toy_shape tiny_shape = {
    .levels = 2, .embedding = 3, .channels = {16, 16}, .blocks = {1, 0}};

struct bytes toy_bytes(void)
{
    struct bytes file;
    file.p = toy_model(5, &file.size);
    return file;
}

struct bytes tiny_bytes(void)
{
    struct bytes file;
    file.p = toy_model_shaped(5, &tiny_shape, &file.size);
    return file;
}

struct bytes body_of(struct bytes file)
{
    struct bytes body;
    body.p = toy_body(file.p, file.size, &body.size);
    free(file.p);
    return body;
}

/* Load from a buffer of exact size */
ddz_status load(const uint8_t *p, size_t size, ddz_model **model)
{
    uint8_t *copy = guard_copy(p, size);
    *model = NULL;
    ddz_status status = ddz_model_load(copy, size, NULL, model);
    guard_free(copy, size);
    ck_assert((status == DDZ_OK) == (*model != NULL));
    return status;
}

ddz_status load_body(const uint8_t *body, size_t size, ddz_model **model)
{
    size_t file_size;
    uint8_t *file = toy_file(body, size, &file_size);
    ddz_status status = load(file, file_size, model);
    free(file);
    return status;
}

/* Offset of the payload of the n-th record of a tag */
size_t record_at(struct bytes body, const char *tag, int n)
{
    for (size_t i = 0; i + 8 <= body.size;) {
        size_t size = get_le32(body.p + i + 4);
        if (memcmp(body.p + i, tag, 4) == 0 && n-- == 0)
            return i + 8;
        i += 8 + (size + 7) / 8 * 8;
    }
    ck_abort_msg("no record %s", tag);
    return 0;
}
