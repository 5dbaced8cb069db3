/*
 * ddz for measurement. NOT STABLE: what is declared here may change or go away with any release. A program
 * that uses it should be built together with the library, and linked with it statically.
 */
#ifndef DDZ_RESEARCH_H
#define DDZ_RESEARCH_H

#include <ddz.h>

#ifdef __cplusplus
extern "C" {
#endif

/* More parameters for ddz_encoder_set */
typedef enum ddz_research_parameter {
    DDZ_RESEARCH_CALLS_PER_OCTAVE = 1000, /* calls of the network in every octave of the full size scale: a
                                             power of two, 2 to 32; 0: by effort (default) */
    DDZ_RESEARCH_UPDATES = 1001,          /* steps to a call: 1, 2, 4 or 8; 0: by effort, or 1 if the calls an
                                             octave are set (default) */
    DDZ_RESEARCH_IDEAL_CHANNEL = 1002, /* 1: exact draws from the posterior, whose KL divergences are counted;
                                          no stream is made: ddz_encoder_stream gives NULL, and the number of
                                          bytes that the KLs add up to. Default 0 */
    DDZ_RESEARCH_IDEAL_SEED = 1003,    /* of these draws: 0 to 2^32 - 1, default 1 */
    DDZ_RESEARCH_STEP_PSNR = 1004      /* 1: ddz_research_step has PSNRs, which take time. Default 0 */
} ddz_research_parameter;

/* What an encoder knows of a step beside ddz_step */
typedef struct ddz_research_step {
    double kl_bits; /* KL(q||p) of the step in bits, of a cut one in proportion */
    double psnr;    /* PSNR in dB over the three channels of the estimate before the step, at most 99; 0 unless
                       DDZ_RESEARCH_STEP_PSNR is set or the target is a PSNR */
} ddz_research_step;

/* Of step `index` of the picture encoded last; `step_size` is sizeof *step. */
DDZ_API ddz_status ddz_research_encoder_step(const ddz_encoder *encoder, size_t index,
                                             ddz_research_step *step, size_t step_size);

/* What ddz_encoder_picture shows, before any rounding: `count` = 3 * width * height values in 1/256 of a grey
 * level, 0 to 65280. DDZ_ERR_STATE before the first picture, ARGUMENT for another count. */
DDZ_API ddz_status ddz_research_encoder_estimate(ddz_encoder *encoder, int32_t *estimate, size_t count);

/* Threads that a value of DDZ_PARAM_THREADS stands for in this process: 0 becomes 1 to 256. */
DDZ_API int ddz_research_threads(int threads);

/* Multiply-adds per pixel of one call of the network at full size. */
DDZ_API uint32_t ddz_research_model_macs_per_pixel(const ddz_model *model);

#ifdef __cplusplus
}
#endif

#endif
