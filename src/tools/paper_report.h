/* What ddpmeval --paper prints: the variational bound and the progressive curve of a model, beside the
 * figures of Ho et al. 2020. */
#ifndef DDZ_TOOLS_PAPER_REPORT_H
#define DDZ_TOOLS_PAPER_REPORT_H

#include <stddef.h>

/* Bits are a dimension's (a colour sample's), but for the BPP ones; SQUARES are mean squared errors in
 * grey levels, and printed as their root. */
enum quantity {
    STEPS,
    L_T,       /* the first step's KL */
    L_BETWEEN, /* the other steps' */
    RATE,      /* their sum; of a step: up to its end */
    BPP,       /* the rate, a pixel's */
    L_0,       /* the decoder's codelength for the fitted s, */
    L_0_SIGMA, /* and for s = sigma_1 */
    LOSSLESS,  /* RATE + L_0 */
    SQUARES,   /* of the estimate */
    SQUARES_8, /* of the 8-bit picture */
    PSNR_8,
    REAL_RATE, /* bits that a real stream conveys */
    REAL_BPP,
    REAL_SQUARES_8, /* of its 8-bit picture */
    REAL_PSNR_8,
    REAL_FILE,     /* all of the stream */
    REAL_LOSSLESS, /* of one with an exact layer */
    QUANTITIES
};

/* What a mean and its standard error need */
struct moments {
    double count, sum, squares;
};

void moments_add(struct moments *moments, double value);
double moments_mean(const struct moments *moments);

/* A line: the quantities that it has, over its pictures */
struct line {
    const char *row;     /* "end", "table", "picture", "step" or "paper" */
    const char *picture; /* or NULL */
    int scale, lift;     /* of a step; scale -1: of a whole chain */
    double sigma;        /* noise after the step or the chain */
    double s;            /* the fitted standard deviation; 0: none */
    struct moments quantity[QUANTITIES];
};

/* Places where the chain may end: a heading, and a line each. */
void report_ends(int csv);
void report_end(int csv, const struct line *line);

/* The table itself, beside the paper's figures. */
void report_table(int csv, const struct line *line);

/* A heading, and lines of pictures or of steps. */
void report_pictures(int csv);
void report_picture(int csv, const struct line *line);
void report_curve(int csv);
void report_point(int csv, const struct line *line);

#endif
