/* Every limit of the format, ddz(5), in one table. Whoever codes or decodes anything may include it. */
#ifndef DDZ_FORMAT_LIMITS_H
#define DDZ_FORMAT_LIMITS_H

enum {
    /* Pictures */
    MAX_SIDE = 65535,
    MAX_PIXELS = 1 << 28, /* so that counts of samples fit 32 bits; not of the format, but of this library */
    PYRAMID_MAX_SCALES = 14, /* below full size: MAX_SIDE halved so often is within PYRAMID_COARSEST */
    MAX_SHOWN_SCALE = 16,    /* of the library: any picture is one pixel there */

    /* Steps */
    MAX_STEPS = 640,        /* of a stream */
    STEP_MAX_OWNED = 32768, /* coordinates to a bit of a step */
    RATE_OFFSET_LIMIT = 96, /* of a step, in eighths of an octave of its bits, either way */

    /* Settings */
    TRELLIS_MIN_BITS = 8, /* of the register */
    TRELLIS_MAX_BITS = 16,
    PREVIEW_TRELLIS_BITS = 14, /* that of the preview */
    LEVEL_MIN_END = 32,        /* level at which scale 0 ends */
    LEVEL_MAX_END = 224,
    MAX_CALLS_LOG2 = 5,   /* calls of the network in the last octave */
    MAX_UPDATES_LOG2 = 3, /* steps to a call */
    MAX_VIEWS_LOG2 = 2,   /* views of y that a picture's estimate is the mean of */

    /* Side layers */
    EXTRA_MAX_SIZE = 16 << 20 /* of an ICC profile, an Exif block and an XMP packet */
};

#endif
