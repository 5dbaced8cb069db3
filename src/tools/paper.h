/* ddpmeval --paper: the variational bound of Ho et al. 2020 and its progressive curve, for this model
 * and the pictures given. */
#ifndef DDZ_TOOLS_PAPER_H
#define DDZ_TOOLS_PAPER_H

#include "ddz.h"
#include "tools/coders.h"

struct paper_task {
    const struct common *common;
    const struct encoding *encoding; /* target, steering and channel are set here */
    double sigma_end;                /* noise at which the chain ends; 0: the best of a few */
    int csv;
};

/* Measures and prints; returns an exit status, and has said what went wrong. Each picture is read more
 * than once: none can be "-". */
int paper_measure(const struct paper_task *task, const ddz_model *model, char **pictures, size_t count);

#endif
