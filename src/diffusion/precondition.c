#include "diffusion/precondition.h"

#include "base/fixed.h"
#include "base/units.h"

enum { SIGMA_DATA_Q8 = CENTRE / 2 * 256 };

struct precondition ddz_precondition_of(int64_t sigma_q8)
{
    uint64_t data = SIGMA_DATA_Q8, sigma = (uint64_t)sigma_q8;
    uint64_t norm_q8 = ddz_isqrt64(sigma * sigma + data * data);
    uint64_t share_q30 = (data << 30) / norm_q8; /* sigma_data / norm */
    return (struct precondition){
        .in_q36 = (int64_t)(((uint64_t)1 << 44) / norm_q8),
        .skip_q30 = (int64_t)((share_q30 * share_q30) >> 30),
        .out_q8 = (int64_t)((sigma * share_q30) >> 30),
    };
}

void ddz_precondition_input(const struct precondition *p, const int32_t *y, int16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        in[i] = (int16_t)clamp64(rshift_round(y[i] * p->in_q36, 24), INT16_MIN, INT16_MAX);
}

void ddz_precondition_output(const struct precondition *p, const int32_t *y, const int16_t *f,
                             int16_t *estimate, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t value = rshift_round(p->skip_q30 * y[i], 30) + rshift_round(p->out_q8 * f[i], 20);
        estimate[i] = (int16_t)clamp64(value, -CENTRE, CENTRE);
    }
}
