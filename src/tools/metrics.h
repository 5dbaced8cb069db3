/* How far two pictures are apart. */
#ifndef DDZ_TOOLS_METRICS_H
#define DDZ_TOOLS_METRICS_H

#include <stddef.h>
#include <stdint.h>

/* Peak signal-to-noise ratio in dB of `count` 8-bit samples, count >= 1; infinite if all agree. */
double psnr(const uint8_t *a, const uint8_t *b, size_t count);

#endif
