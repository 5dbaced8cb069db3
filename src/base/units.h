/* Samples of pictures in fixed point: x = GREY_LEVEL p - CENTRE for a grey level p of 0 to 255, so that
 * CENTRE stands for x_0 = 1. */
#ifndef DDZ_BASE_UNITS_H
#define DDZ_BASE_UNITS_H

enum {
    GREY_LEVEL = 256,
    MAX_SAMPLE = 255 * GREY_LEVEL,
    CENTRE = MAX_SAMPLE / 2 /* 32640 */
};

#endif
