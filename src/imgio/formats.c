#include "imgio/formats.h"

#include "config.h"
#include "imgio/jpeg.h"
#include "imgio/png.h"
#include "imgio/pnm.h"
#include "imgio/tiff.h"
#include "imgio/webp.h"

const struct picture_format picture_formats[] = {{"PNG", "png", png_is, png_read, png_write},
#ifdef DDZ_JPEG
                                                 {"JPEG", "", jpeg_is, jpeg_read, NULL},
#endif
#ifdef DDZ_WEBP
                                                 {"WebP", "", webp_is, webp_read, NULL},
#endif
#ifdef DDZ_TIFF
                                                 {"TIFF", "", tiff_is, tiff_read, NULL},
#endif
                                                 {"PAM", "pam", pam_is, pam_read, pam_write},
                                                 {"PNM", "ppm pgm pnm", pnm_is, pnm_read, pnm_write},
                                                 {0}};

const struct picture_format *picture_format_of(const uint8_t *data, size_t size)
{
    for (const struct picture_format *format = picture_formats; format->name; format++)
        if (format->is(data, size))
            return format;
    return NULL;
}
