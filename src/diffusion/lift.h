/*
 * The pyramid's step: box averages going down, an orthonormal Haar lift coming up.
 *
 * Pictures are [height][width][3]. A coarse picture has ceil(w/2) x ceil(h/2) pixels. Bands
 * are [3][coarse height][coarse width][3]: horizontal, vertical, diagonal detail. White noise of
 * the coarse picture, doubled, and white noise of the bands make white noise of the fine picture.
 * x_0 and estimates fit 16 bits; what has noise, and what is interpolated, does not.
 */
#ifndef DDZ_DIFFUSION_LIFT_H
#define DDZ_DIFFUSION_LIFT_H

#include <stdint.h>

/* coarse = box average of fine (w x h); an odd side repeats its last row or column. It may take the place of fine, from
 * the first sample on. */
void ddz_lift_average(const int16_t *fine, uint32_t w, uint32_t h, int16_t *coarse);

/* bands of fine (w x h), orthonormal */
void ddz_lift_split(const int16_t *fine, uint32_t w, uint32_t h, int32_t *bands);

/* fine (w x h) from coarse and bands, in place of nothing: the arrays do not overlap */
void ddz_lift_join(const int32_t *coarse, const int32_t *bands, int32_t *fine, uint32_t w, uint32_t h);

/* bands as a quadratic through neighbouring box averages has them (w x h is the coarse size) */
void ddz_lift_predict(const int16_t *coarse, uint32_t w, uint32_t h, int32_t *bands);

/* Row y of the fine picture (w x h) that has these bands: coarse, interpolated. fine[w][3] */
void ddz_lift_enlarge_row(const int32_t *coarse, uint32_t w, uint32_t h, uint32_t y, int32_t *fine);

#endif
