#include "tools/report.h"

#include <stdio.h>
#include <string.h>

void report_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_line(const struct report *report, const char *name, double pixels, const struct result *r)
{
    double overhead = r->ideal_bits > 0 ? r->bits / r->ideal_bits : 0;
    if (report->csv) {
        report_quoted(name);
        printf(",%.0f,%g,%.0f,%.5f,%.1f,%.4f,%.4f,%.3f,%.3f\n", pixels, r->target, r->bits, r->bits / pixels,
               r->ideal_bits, overhead, r->psnr, r->encode_seconds, r->decode_seconds);
    } else {
        const char *base = strrchr(name, '/');
        printf("%-24.24s %10.6g %10.0f %8.4f %11.1f %10.4f %7.3f %9.2f %9.2f\n", base ? base + 1 : name,
               r->target, r->bits, r->bits / pixels, r->ideal_bits, overhead, r->psnr, r->encode_seconds,
               r->decode_seconds);
    }
    fflush(stdout);
}

void report_begin(struct report *report, const char *target, int csv)
{
    memset(report, 0, sizeof *report);
    report->target = target;
    report->csv = csv;
    if (csv)
        printf("picture,pixels,target_%s,bits,bpp,ideal_bits,real_over_ideal,psnr_db,encode_s,decode_s\n",
               target);
    else
        printf("%-24s %10s %10s %8s %11s %10s %7s %9s %9s\n", "picture", target, "bits", "bpp", "ideal bits",
               "real/ideal", "PSNR", "encode s", "decode s");
}

void report_add(struct report *report, size_t point, const char *picture, uint32_t width, uint32_t height,
                const struct result *result)
{
    double pixels = (double)width * height;
    struct result *sum = &report->sum[point];
    sum->target += result->target;
    sum->bits += result->bits;
    sum->ideal_bits += result->ideal_bits;
    sum->psnr += result->psnr;
    sum->encode_seconds += result->encode_seconds;
    sum->decode_seconds += result->decode_seconds;
    report->pixels[point] += pixels;
    report->pictures[point]++;
    print_line(report, picture, pixels, result);
}

void report_means(const struct report *report)
{
    for (size_t i = 0; i < REPORT_MAX_POINTS; i++) {
        double n = (double)report->pictures[i];
        struct result mean = report->sum[i];
        if (report->pictures[i] == 0)
            continue;
        mean.target /= n;
        mean.bits /= n;
        mean.ideal_bits /= n;
        mean.psnr /= n;
        mean.encode_seconds /= n;
        mean.decode_seconds /= n;
        print_line(report, "mean", report->pixels[i] / n, &mean);
    }
}
