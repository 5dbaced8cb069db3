#include "tools/paper_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/report.h"

void moments_add(struct moments *m, double value)
{
    m->count++;
    m->sum += value;
    m->squares += value * value;
}

double moments_mean(const struct moments *m)
{
    return m->sum / m->count;
}

/* Of the mean, as if the pictures were independent draws; not a number for one picture. */
static double standard_error(const struct moments *m)
{
    double n = m->count;
    return n > 1 ? sqrt(fmax(0, m->squares - m->sum * m->sum / n) / (n - 1) / n) : (double)NAN;
}

static int is_squares(enum quantity q)
{
    return q == SQUARES || q == SQUARES_8 || q == REAL_SQUARES_8;
}

/* The figure to print, and its standard error: for a root that of the mean square over twice the root. */
static double figure(const struct line *line, enum quantity q)
{
    double mean = moments_mean(&line->quantity[q]);
    return is_squares(q) ? sqrt(mean) : mean;
}

static double figure_error(const struct line *line, enum quantity q)
{
    double error = standard_error(&line->quantity[q]);
    double root = is_squares(q) ? figure(line, q) : 0;
    return root > 0 ? error / (2 * root) : error;
}

/* ---- Comma-separated values ----------------------------------------------------------------- */

static void csv_heading(void)
{
    static const char *const names[QUANTITIES] = {
        "steps",          "l_T",       "l_1_to_T_1",   "rate",      "bpp",       "l_0",      "l_0_sigma",
        "lossless",       "rmse",      "rmse_8bit",    "psnr_8bit", "real_rate", "real_bpp", "real_rmse_8bit",
        "real_psnr_8bit", "real_file", "real_lossless"};
    printf("row,picture,pictures,scale,lift,sigma,s");
    for (int q = 0; q < QUANTITIES; q++)
        printf(",%s,%s_se", names[q], names[q]);
    putchar('\n');
}

static void csv_number(double value)
{
    putchar(',');
    if (!isnan(value))
        printf("%.9g", value);
}

/* Fields that the line does not have stay empty. */
static void csv_line(const struct line *line)
{
    double pictures = 0;
    for (int q = 0; q < QUANTITIES; q++)
        pictures = fmax(pictures, line->quantity[q].count);
    printf("%s,", line->row);
    if (line->picture)
        report_quoted(line->picture);
    csv_number(strcmp(line->row, "paper") == 0 ? (double)NAN : pictures);
    csv_number(line->scale < 0 ? (double)NAN : line->scale);
    csv_number(line->scale < 0 ? (double)NAN : line->lift);
    csv_number(line->sigma > 0 ? line->sigma : (double)NAN);
    csv_number(line->s > 0 ? line->s : (double)NAN);
    for (int q = 0; q < QUANTITIES; q++) {
        int there = line->quantity[q].count > 0;
        csv_number(there ? figure(line, (enum quantity)q) : (double)NAN);
        csv_number(there ? figure_error(line, (enum quantity)q) : (double)NAN);
    }
    putchar('\n');
}

/* ---- For people ----------------------------------------------------------------------------- */

/* A standard error, a dash if there is none */
static void print_error(double error, int width, int digits)
{
    if (isnan(error))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, digits, error);
}

static void print_bound(const struct line *line)
{
    printf(" %9.7f %9.4f %8.4f %9.4f %8.4f %8.4f", figure(line, L_T), figure(line, L_BETWEEN),
           figure(line, RATE), figure(line, L_0_SIGMA), figure(line, L_0), figure(line, LOSSLESS));
    print_error(figure_error(line, LOSSLESS), 8, 4);
    printf(" %8.4f", figure(line, SQUARES));
    print_error(figure_error(line, SQUARES), 8, 4);
    putchar('\n');
}

static void bound_heading(const char *first, const char *second)
{
    printf("%-8s %8s %9s %9s %8s %9s %8s %8s %8s %8s %8s\n", first, second, "L_T", "L_1..T-1", "rate",
           "L_0 sigma", "L_0 s", "lossless", "s.e.", "RMSE", "s.e.");
}

void report_ends(int csv)
{
    if (csv) {
        csv_heading();
        return;
    }
    puts("Where the chain ends: noise sigma_1 in grey levels, bits a dimension, RMSE of the estimate.\n"
         "L_0 with s = sigma_1, as in the paper, and with the s that is best for these pictures. Training\n"
         "of the model that comes with ddz ended at sigma 1.28; below that it extrapolates.\n");
    bound_heading("sigma_1", "s");
}

void report_end(int csv, const struct line *line)
{
    if (csv) {
        csv_line(line);
    } else {
        printf("%8.3f %8.4f", line->sigma, line->s);
        print_bound(line);
    }
    fflush(stdout);
}

static void table_row(const struct line *line, const char *name, enum quantity q, int digits,
                      const char *paper)
{
    printf("%-45s %11.*f", name, digits, figure(line, q));
    print_error(figure_error(line, q), 10, digits);
    printf("  %s\n", paper);
}

/* Sigma and s belong to the name of a row. */
static void table_row_for(const struct line *line, const char *format, double value, enum quantity q,
                          const char *paper)
{
    char name[80];
    snprintf(name, sizeof name, format, value);
    table_row(line, name, q, 4, paper);
}

static void print_table(const struct line *line)
{
    double pictures = line->quantity[RATE].count;
    printf(
        "\nThe bound of Ho et al. 2020 for this model and %.0f picture%s, the chain ending at sigma_1 = "
        "%.3f,\n"
        "beside what the paper reports for its own model on CIFAR-10. The data differ (theirs are 32x32\n"
        "pixels), and so do the chains: the columns show what kind of figure each is, not who is better.\n\n",
        pictures, pictures > 1 ? "s" : "", line->sigma);
    printf("%-45s %11s %10s  %s\n", "bits a dimension", "this model", "s.e.", "paper, CIFAR-10");
    table_row(line, "L_T", L_T, 7, "about 0.00001");
    table_row(line, "L_1..T-1", L_BETWEEN, 4, "1.78, with L_T");
    table_row(line, "rate: L_T + L_1..T-1", RATE, 4, "1.78");
    table_row_for(line, "distortion: L_0 with the fitted s = %.4f", line->s, L_0, "-");
    table_row_for(line, "            L_0 with s = sigma_1 = %.4f", line->sigma, L_0_SIGMA, "1.97");
    table_row(line, "lossless codelength: rate + L_0 (fitted s)", LOSSLESS, 4, "3.75, with s = sigma_1");
    table_row(line, "RMSE of the estimate, on 0 to 255", SQUARES, 4, "0.95");
    table_row(line, "RMSE of the 8-bit picture", SQUARES_8, 4, "-");
    table_row(line, "real rate: bits conveyed", REAL_RATE, 4, "- (no code was built)");
    table_row(line, "real file: all of the stream", REAL_FILE, 4, "- (no code was built)");
    table_row(line, "real lossless file: with an exact layer", REAL_LOSSLESS, 4, "- (no code was built)");
    table_row(line, "RMSE of the 8-bit picture of the real file", REAL_SQUARES_8, 4, "-");
    table_row(line, "steps of the chain: T", STEPS, 1, "1000");
}

void report_table(int csv, const struct line *line)
{
    if (!csv) {
        print_table(line);
        return;
    }
    struct line paper = {.row = "paper", .scale = -1};
    moments_add(&paper.quantity[STEPS], 1000);
    moments_add(&paper.quantity[L_T], 1e-5);
    moments_add(&paper.quantity[RATE], 1.78);
    moments_add(&paper.quantity[L_0_SIGMA], 1.97);
    moments_add(&paper.quantity[LOSSLESS], 3.75);
    moments_add(&paper.quantity[SQUARES], 0.95 * 0.95);
    csv_line(line);
    csv_line(&paper);
}

void report_pictures(int csv)
{
    if (csv)
        return;
    putchar('\n');
    bound_heading("picture", "");
}

void report_picture(int csv, const struct line *line)
{
    const char *base = strrchr(line->picture, '/');
    if (csv) {
        csv_line(line);
    } else {
        printf("%-17.17s", base ? base + 1 : line->picture);
        print_bound(line);
    }
}

void report_curve(int csv)
{
    if (csv)
        return;
    puts("\nProgressive curve, as the paper's figure 5 and table 4, whose last point is 1.78 bits a "
         "dimension\n"
         "and RMSE 0.95 on CIFAR-10 (the data differ): after each step the bits so far, and the 8-bit "
         "picture\n"
         "of the estimate; means over the pictures that have the step.\n");
    printf("%78s | %s\n", "ideal channel", "real stream");
    printf("%-7s %8s %8s %9s %8s %9s %8s %7s %6s | %9s %9s %8s %6s\n", "scale", "sigma", "pictures",
           "bits/dim", "s.e.", "bits/px", "RMSE", "s.e.", "PSNR", "bits/dim", "bits/px", "RMSE", "PSNR");
}

void report_point(int csv, const struct line *line)
{
    if (csv) {
        csv_line(line);
        return;
    }
    char place[16] = "start";
    if (line->scale >= 0)
        snprintf(place, sizeof place, "%d%s", line->scale, line->lift ? " lift" : "");
    printf("%-7s %8.3f %8.0f %9.5f", place, line->sigma, line->quantity[RATE].count, figure(line, RATE));
    print_error(figure_error(line, RATE), 8, 5);
    printf(" %9.5f %8.4f", figure(line, BPP), figure(line, SQUARES_8));
    print_error(figure_error(line, SQUARES_8), 7, 4);
    printf(" %6.2f | %9.5f %9.5f %8.4f %6.2f\n", figure(line, PSNR_8), figure(line, REAL_RATE),
           figure(line, REAL_BPP), figure(line, REAL_SQUARES_8), figure(line, REAL_PSNR_8));
}
