/* ddpmeval's table, or comma-separated values, on standard output. */
#ifndef DDZ_TOOLS_REPORT_H
#define DDZ_TOOLS_REPORT_H

#include <stddef.h>
#include <stdint.h>

enum { REPORT_MAX_POINTS = 64 };

struct result {
    double target;     /* what was asked for */
    double bits;       /* what was paid */
    double ideal_bits; /* sum of KL divergences */
    double psnr;
    double encode_seconds, decode_seconds;
};

struct report {
    const char *target; /* what `target` counts */
    int csv;
    /* sums over the pictures, per point */
    struct result sum[REPORT_MAX_POINTS];
    double pixels[REPORT_MAX_POINTS];
    size_t pictures[REPORT_MAX_POINTS];
};

/* Prints the heading. */
void report_begin(struct report *report, const char *target, int csv);

/* Prints a line, and adds it to the mean of `point` < REPORT_MAX_POINTS. */
void report_add(struct report *report, size_t point, const char *picture, uint32_t width, uint32_t height,
                const struct result *result);

/* Prints a field of text as RFC 4180 has it: in quotes, quotes doubled. */
void report_quoted(const char *text);

/* Prints the mean of each point. */
void report_means(const struct report *report);

#endif
