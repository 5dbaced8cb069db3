#include "tools/info.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/extras.h"
#include "tools/layer_words.h"

void info_print_header(const ddz_info *info)
{
    printf("picture        %u x %u\n", info->width, info->height);
    if (info->grey)
        printf("colours        none, grey\n");
    printf("made with      a model of identity %u mod 8\n", info->model_id & 7);
}

/* Where the stream ends: its own end, which may be where a target in bytes was reached, or another's. */
static const char *end_of(const ddz_decoder *decoder, const ddz_info *info, const ddz_step *last)
{
    ddz_extra_state alpha;
    bool short_of_it = last && (last->missing || last->sigma_to > info->sigma_end * (1 + 1e-9));
    if (!info->complete)
        return info->trellis_bits ? "cut" : "made so short, or cut";
    if (ddz_decoder_extra_state(decoder, DDZ_EXTRA_ALPHA, &alpha) == DDZ_OK && alpha == DDZ_EXTRA_APPROXIMATE)
        short_of_it = true;
    return short_of_it ? "complete, ends at its target" : "complete";
}

/* What the exact layer makes of the picture */
static void print_exact(const ddz_info *info)
{
    static const char *const channels[] = {"", "grey", "grey and alpha", "RGB", "RGBA"};
    printf("exact layer    %s%s, %d bits a sample", info->exact_blocks ? "of some blocks, " : "",
           channels[info->exact_channels], info->exact_depth);
    printf(info->exact_error ? ", off by %d at most\n" : "\n", info->exact_error);
}

static void print_stream(const ddz_info *info, const char *end)
{
    printf("stream         %llu bits, %.4f bits a pixel, %s\n", (unsigned long long)info->bits,
           (double)info->bits / info->width / info->height, end);
    printf("scales         %d below full size\n", info->scales);
    if (info->trellis_bits) {
        printf("trellis        %d bits\n", info->trellis_bits);
        printf("steps          %d in the last octave, a call of the network for %d of them\n",
               info->calls_per_octave * info->updates, info->updates);
        printf("last sigma     %.3f grey levels\n", info->sigma_end);
    }
}

static void print_extras(const ddz_decoder *decoder, const ddz_info *info)
{
    static const char *const states[] = {[DDZ_EXTRA_EXACT] = "exact",
                                         [DDZ_EXTRA_APPROXIMATE] =
                                             "approximated: as much as the target allowed",
                                         [DDZ_EXTRA_PARTIAL] = "not all there",
                                         [DDZ_EXTRA_DAMAGED] = "damaged"};
    for (int kind = DDZ_EXTRA_ALPHA; kind <= DDZ_EXTRA_ORIENTATION; kind++) {
        const uint8_t *data;
        size_t size;
        ddz_extra_state state;
        char words[LAYER_WORDS];
        if (ddz_decoder_extra(decoder, (ddz_extra)kind, &data, &size) != DDZ_OK ||
            ddz_decoder_extra_state(decoder, (ddz_extra)kind, &state) != DDZ_OK || state == DDZ_EXTRA_ABSENT)
            continue;
        printf("%-14s ", extras_name((ddz_extra)kind));
        layer_words((ddz_extra)kind, data, size, words);
        if (kind == DDZ_EXTRA_ORIENTATION && data)
            printf("%d\n", *data);
        else
            printf("%s%s%zu bytes, %s\n", words, *words ? "; " : "", size, states[state]);
    }
    if (info->damaged_extras & 1)
        printf("%-14s orientation, colour space or resolution\n", "damaged");
    if (info->exact_channels)
        print_exact(info);
    if (info->skipped_records)
        printf("skipped        %llu side layers of kinds unknown to this version\n",
               (unsigned long long)info->skipped_records);
    if (info->trailing_bytes)
        printf("behind the end %llu bytes, ignored\n", (unsigned long long)info->trailing_bytes);
}

/* The steps that have arrived, owned by the caller; NULL: out of memory */
static ddz_step *steps_of(ddz_decoder *decoder, size_t count)
{
    ddz_step *steps = calloc(count ? count : 1, sizeof *steps);
    for (size_t i = 0; steps && i < count; i++)
        (void)ddz_decoder_step(decoder, i, &steps[i], sizeof *steps);
    return steps;
}

static void print_scales(const ddz_step *steps, size_t count, int coarsest)
{
    printf("\nscale  steps      samples         bits\n");
    for (int scale = coarsest; scale >= 0; scale--) {
        unsigned long long bits = 0, samples = 0;
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            if (steps[i].scale == scale) {
                n++;
                bits += steps[i].bits;
                samples += steps[i].samples;
            }
        }
        printf("%5d %6zu %12llu %12llu\n", scale, n, samples, bits);
    }
}

static void print_steps(const ddz_step *steps, size_t count)
{
    printf("\nscale  step          sigma           samples     from bit         bits\n");
    for (size_t i = 0; i < count; i++) {
        const ddz_step *s = &steps[i];
        printf("%5d  %-7s", s->scale, s->lift ? "lift" : "reverse");
        if (isinf(s->sigma_from))
            printf("      inf");
        else
            printf(" %8.3f", s->sigma_from);
        printf(" -> %8.3f %9llu %12llu %12llu\n", s->sigma_to, (unsigned long long)s->samples,
               (unsigned long long)s->offset_bits, (unsigned long long)s->bits);
    }
}

/* How much of the stream small pictures need, where it is there */
static ddz_status print_small(const ddz_model *model, const ddz_info *info, const uint8_t *data)
{
    size_t size = (size_t)(info->bits / 8);
    ddz_status status = DDZ_OK;
    printf("\nsmaller        picture   first bytes\n");
    for (int scale = 1; scale <= info->scales; scale++) {
        size_t bytes;
        char text[24] = "-";
        status = ddz_scale_bytes(model, NULL, data, size, scale, &bytes);
        if (status == DDZ_ERR_MEMORY)
            return status;
        if (status == DDZ_OK)
            snprintf(text, sizeof text, "%zu", bytes);
        printf("1/%-5d %6u x %-6u %11s\n", 1 << scale, ((info->width - 1) >> scale) + 1,
               ((info->height - 1) >> scale) + 1, text);
    }
    return DDZ_OK;
}

ddz_status info_print(ddz_decoder *decoder, const ddz_model *model, const uint8_t *data)
{
    ddz_info info;
    size_t count;
    ddz_status status = ddz_decoder_info(decoder, &info, sizeof info);
    if (status == DDZ_OK)
        status = ddz_decoder_step_count(decoder, &count);
    if (status != DDZ_OK)
        return status;
    ddz_step *steps = steps_of(decoder, count);
    if (!steps)
        return DDZ_ERR_MEMORY;
    const char *provenance = ddz_model_provenance(model);
    printf("this model     %08x: %.*s\n", ddz_model_id(model), (int)strcspn(provenance, "\n"), provenance);
    print_stream(&info, end_of(decoder, &info, count ? &steps[count - 1] : NULL));
    print_extras(decoder, &info);
    print_scales(steps, count, info.scales);
    status = print_small(model, &info, data);
    print_steps(steps, count);
    free(steps);
    return status;
}
