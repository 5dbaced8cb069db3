#include "format/settings.h"

#include "base/bytes.h"
#include "format/header.h"
#include "format/limits.h"

enum { CRITICAL_FEATURES = 0x38, VIEWS_BITS = 3 };

static int settings_valid(const struct settings *s)
{
    return s->trellis_bits >= TRELLIS_MIN_BITS && s->trellis_bits <= TRELLIS_MAX_BITS && s->calls_log2 >= 0 &&
           s->calls_log2 <= MAX_CALLS_LOG2 && s->updates_log2 >= 0 && s->updates_log2 <= MAX_UPDATES_LOG2 &&
           s->views_log2 >= 0 && s->views_log2 <= MAX_VIEWS_LOG2 &&
           s->end_level >= LEVEL_MIN_END && s->end_level <= LEVEL_MAX_END;
}

size_t ddz_settings_write(const struct settings *settings, uint8_t out[SETTINGS_SIZE])
{
    if (!settings_valid(settings))
        return 0;
    out[0] = (uint8_t)((settings->trellis_bits - TRELLIS_MIN_BITS) << 4 | settings->calls_log2 << 1 |
                       (settings->uniform != 0));
    out[1] = (uint8_t)settings->end_level;
    out[2] = (uint8_t)(settings->updates_log2 << 6 | (MAX_VIEWS_LOG2 - settings->views_log2));
    put_le32(out + 3, settings->model_id);
    return SETTINGS_SIZE;
}

ddz_status ddz_settings_read(const uint8_t *data, size_t size, uint8_t model_low, struct settings *settings)
{
    if (size < SETTINGS_SIZE)
        return DDZ_ERR_TRUNCATED;
    struct settings s = {
        .trellis_bits = (data[0] >> 4) + TRELLIS_MIN_BITS,
        .calls_log2 = data[0] >> 1 & 7,
        .uniform = data[0] & 1,
        .end_level = data[1],
        .updates_log2 = data[2] >> 6,
        .views_log2 = MAX_VIEWS_LOG2 - (data[2] & VIEWS_BITS),
        .model_id = get_le32(data + 3),
    };
    if (data[2] & CRITICAL_FEATURES)
        return DDZ_ERR_FEATURE;
    if (!settings_valid(&s) || ddz_header_model_low(s.model_id) != model_low)
        return DDZ_ERR_CORRUPT;
    *settings = s;
    return DDZ_OK;
}
