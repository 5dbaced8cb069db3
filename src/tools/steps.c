#include "tools/steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ddz/research.h"
#include "tools/message.h"

static void print_step(FILE *file, const ddz_step *s, const ddz_research_step *more)
{
    fprintf(file, "%5d  %-7s", s->scale, s->lift ? "lift" : "reverse");
    if (isinf(s->sigma_from))
        fprintf(file, "     inf");
    else
        fprintf(file, " %7.2f", s->sigma_from);
    fprintf(file, " -> %6.2f %11llu %11.1f %11llu   %6.3f  %8.2f dB\n", s->sigma_to,
            (unsigned long long)s->samples, more->kl_bits, (unsigned long long)s->bits,
            s->bits ? more->kl_bits / (double)s->bits : 0.0, more->psnr);
}

/* The whole table at once: those of files that are encoded beside each other do not mix. */
int steps_print(const ddz_encoder *encoder)
{
    ddz_step step;
    ddz_research_step more;
    char *text = NULL;
    size_t count = 0, length;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return cli_fail(CLI_LIMIT, "out of memory");
    (void)ddz_encoder_step_count(encoder, &count);
    fprintf(file,
            "scale  step         sigma         samples     KL bits        bits  KL/bits  PSNR before\n");
    for (size_t i = 0; i < count && ddz_encoder_step(encoder, i, &step, sizeof step) == DDZ_OK &&
                       ddz_research_encoder_step(encoder, i, &more, sizeof more) == DDZ_OK;
         i++)
        print_step(file, &step, &more);
    int failed = fclose(file) != 0;
    if (!failed)
        cli_print(text);
    free(text);
    return failed ? cli_fail(CLI_LIMIT, "out of memory") : CLI_OK;
}
