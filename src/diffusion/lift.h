/*
 * The pyramid's step: box averages going down, an orthonormal Haar lift coming up.
 *
 * Pictures are [height][width][3] int32. A coarse picture has ceil(w/2) x ceil(h/2) pixels. Bands
 * are [3][coarse height][coarse width][3]: horizontal, vertical, diagonal detail. White noise of
 * the coarse picture, doubled, and white noise of the bands make white noise of the fine picture.
 */
#ifndef DDZ_DIFFUSION_LIFT_H
#define DDZ_DIFFUSION_LIFT_H

#include <stdint.h>

/* coarse = box average of fine (w x h); an odd side repeats its last row or column */
void ddz_lift_average(const int32_t *fine, uint32_t w, uint32_t h, int32_t *coarse);

/* bands of fine (w x h), orthonormal */
void ddz_lift_split(const int32_t *fine, uint32_t w, uint32_t h, int32_t *bands);

/* fine (w x h) from coarse and bands, in place of nothing: the arrays do not overlap */
void ddz_lift_join(const int32_t *coarse, const int32_t *bands, int32_t *fine, uint32_t w, uint32_t h);

/* bands as a quadratic through neighbouring box averages has them (w x h is the coarse size) */
void ddz_lift_predict(const int32_t *coarse, uint32_t w, uint32_t h, int32_t *bands);

#endif
