#include "tools/paper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ddz/research.h"
#include "imgio/png.h"
#include "tools/codelength.h"
#include "tools/message.h"
#include "tools/metrics.h"
#include "tools/paper_report.h"
#include "tools/picture.h"

/* Half octaves around the end of the training (1.28), and the last level of the format */
static const double usual_ends[] = {2.56, 1.81, 1.28, 0.905, 0.7};

/* The estimate after a step of a picture's chain; the first point of all is before any step */
struct point {
    int scale, lift;
    double sigma;   /* infinite, and scale -1, before any step */
    double rate;    /* bits a dimension so far */
    double squares; /* mean squared error of the 8-bit picture */
};

/* One picture's chain */
struct outcome {
    double dimensions;
    double l_t, l_between; /* sums of KLs, bits a dimension */
    double file;           /* the whole stream's, */
    double lossless;       /* and of one with an exact layer behind the chain */
    double squares;        /* mean squared error of the estimate, */
    double squares_8;      /* and of the 8-bit picture */
    double sigma;          /* where the chain ended */
    struct point *point;
    size_t points;
};

/* All pictures' chains to one end */
struct run {
    struct outcome *outcome;
    struct residuals *residuals; /* of each picture's last estimate */
    size_t count;
    double s;             /* fitted to them */
    struct line *picture; /* the bound of each, */
    struct line all;      /* and of all */
};

struct work {
    const struct paper_task *task;
    const ddz_model *model;
    char **pictures;
    size_t count;
    struct cli_progress progress;
};

/* ---- One chain ------------------------------------------------------------------------------ */

static double squares_of(double psnr)
{
    return 255.0 * 255.0 * pow(10, -psnr / 10);
}

static double psnr_of(double squares)
{
    const double most = 99; /* as in ddz_research_step */
    return squares > 0 ? fmin(most, 10 * log10(255.0 * 255.0 / squares)) : most;
}

/* The chain's steps, as points: each step's estimate is what the next one starts from. */
static int take_steps(struct outcome *o, const ddz_encoder *encoder, int ideal)
{
    size_t count = 0;
    double bits = 0;
    if (ddz_encoder_step_count(encoder, &count) != DDZ_OK)
        return -1;
    o->point = calloc(count + 1, sizeof *o->point);
    if (!o->point)
        return -1;
    o->points = count + 1;
    o->point[0] = (struct point){.scale = -1, .sigma = INFINITY};
    for (size_t i = 0; i < count; i++) {
        ddz_step step;
        ddz_research_step more;
        if (ddz_encoder_step(encoder, i, &step, sizeof step) != DDZ_OK ||
            ddz_research_encoder_step(encoder, i, &more, sizeof more) != DDZ_OK)
            return -1;
        bits += ideal ? more.kl_bits : (double)step.bits;
        if (i == 0)
            o->l_t += more.kl_bits / o->dimensions;
        else
            o->l_between += more.kl_bits / o->dimensions;
        o->point[i].squares = squares_of(more.psnr);
        o->point[i + 1] = (struct point){
            .scale = step.scale, .lift = step.lift, .sigma = step.sigma_to, .rate = bits / o->dimensions};
    }
    o->point[count].squares = o->squares_8;
    o->sigma = o->point[count].sigma;
    return 0;
}

/* What is to be known of the chain that has just been walked; -1 if memory is short. */
static int take_chain(struct outcome *o, struct residuals *residuals, ddz_encoder *encoder,
                      const struct image_view *image, int ideal)
{
    size_t n = 3 * (size_t)image->width * image->height, size = 0;
    const uint8_t *data;
    int32_t *estimate = malloc(n * sizeof *estimate);
    uint8_t *shown = malloc(n);
    int failed = !estimate || !shown || ddz_research_encoder_estimate(encoder, estimate, n) != DDZ_OK ||
                 ddz_encoder_picture(encoder, DDZ_PIXELS_RGB8, shown, 0, n) != DDZ_OK ||
                 ddz_encoder_stream(encoder, &data, &size) != DDZ_OK ||
                 residuals_count(residuals, image->pixels, estimate, n) != 0;
    if (!failed) {
        o->dimensions = (double)n;
        o->file = 8 * (double)size / o->dimensions;
        o->squares = residuals_square(residuals);
        o->squares_8 = squares_of(psnr(image->pixels, shown, n));
        failed = take_steps(o, encoder, ideal);
    }
    free(estimate);
    free(shown);
    return failed ? -1 : 0;
}

static ddz_status encode(struct work *w, const struct encoding *encoding, const struct image_view *image,
                         ddz_encoder **encoder)
{
    cli_progress_begin(&w->progress, encoding->ideal ? "measuring" : "encoding", w->task->common->quiet);
    ddz_status status = encoder_open(w->model, w->task->common, encoding, &w->progress, encoder);
    if (status == DDZ_OK)
        status = encode_image(*encoder, image);
    cli_progress_end();
    return status;
}

/* The size of the stream that is exact: once more, since the size of its layer alone is not to be had. */
static ddz_status take_lossless(struct work *w, const struct encoding *encoding,
                                const struct image_view *image, struct outcome *o)
{
    struct encoding exact = *encoding;
    ddz_encoder *encoder = NULL;
    const uint8_t *data;
    size_t size = 0;
    exact.exact = 2; /* this end of the chain, whatever is smaller */
    ddz_status status = encode(w, &exact, image, &encoder);
    if (status == DDZ_OK)
        status = ddz_encoder_stream(encoder, &data, &size);
    o->lossless = 8 * (double)size / o->dimensions;
    ddz_encoder_free(encoder);
    return status;
}

static int walk(struct work *w, const char *name, int ideal, double sigma, struct outcome *o,
                struct residuals *residuals)
{
    struct image image = {0};
    struct encoding encoding = *w->task->encoding;
    encoding.steering = 0; /* the KLs are those of the paper: towards the picture itself */
    ddz_encoder *encoder = NULL;
    int code = picture_load_rgb8(name, w->task->common, &image);
    if (code != CLI_OK)
        return code;
    encoding.target = DDZ_TARGET_SIGMA;
    encoding.target_value = sigma;
    encoding.ideal = ideal;
    encoding.step_psnr = 1;
    const struct image_view view = image_view(&image);
    ddz_status status = encode(w, &encoding, &view, &encoder);
    if (status == DDZ_OK && take_chain(o, residuals, encoder, &view, ideal) != 0)
        status = DDZ_ERR_MEMORY;
    if (status == DDZ_OK && !ideal)
        status = take_lossless(w, &encoding, &view, o);
    if (status != DDZ_OK)
        code = cli_fail_status(name, status);
    ddz_encoder_free(encoder);
    image_free(&image);
    return code;
}

/* ---- All pictures, one end ------------------------------------------------------------------ */

static void run_free(struct run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->outcome[i].point);
        residuals_free(&r->residuals[i]);
    }
    free(r->outcome);
    free(r->residuals);
    free(r->picture);
    memset(r, 0, sizeof *r);
}

static int run_init(struct run *r, size_t count)
{
    *r = (struct run){.outcome = calloc(count, sizeof *r->outcome),
                      .residuals = calloc(count, sizeof *r->residuals),
                      .picture = calloc(count, sizeof *r->picture)};
    r->count = r->outcome && r->residuals && r->picture ? count : 0;
    if (r->count)
        return CLI_OK;
    run_free(r);
    return cli_fail(CLI_LIMIT, "out of memory");
}

/* The bound of each picture and of all, for the s that fits all. */
static void bound(struct run *r, char **names)
{
    r->s = decoder_fit(r->residuals, r->count);
    r->all = (struct line){.scale = -1, .sigma = r->outcome[0].sigma, .s = r->s};
    for (size_t i = 0; i < r->count; i++) {
        const struct outcome *o = &r->outcome[i];
        double rate = o->l_t + o->l_between, l_0 = decoder_bits(&r->residuals[i], r->s);
        const double value[QUANTITIES] = {[STEPS] = (double)o->points - 1,
                                          [L_T] = o->l_t,
                                          [L_BETWEEN] = o->l_between,
                                          [RATE] = rate,
                                          [BPP] = 3 * rate,
                                          [L_0] = l_0,
                                          [L_0_SIGMA] = decoder_bits(&r->residuals[i], o->sigma),
                                          [LOSSLESS] = rate + l_0,
                                          [SQUARES] = o->squares,
                                          [SQUARES_8] = o->squares_8,
                                          [PSNR_8] = psnr_of(o->squares_8)};
        struct line *line = &r->picture[i];
        *line =
            (struct line){.row = "picture", .picture = names[i], .scale = -1, .sigma = o->sigma, .s = r->s};
        for (int q = 0; q < REAL_RATE; q++) {
            moments_add(&line->quantity[q], value[q]);
            moments_add(&r->all.quantity[q], value[q]);
        }
    }
}

static int run(struct work *w, int ideal, double sigma, struct run *r)
{
    int code = run_init(r, w->count);
    for (size_t i = 0; i < w->count && code == CLI_OK; i++)
        code = walk(w, w->pictures[i], ideal, sigma, &r->outcome[i], &r->residuals[i]);
    if (code == CLI_OK)
        bound(r, w->pictures);
    else
        run_free(r);
    return code;
}

/* The end with the shortest lossless codelength, its line printed with all others'. */
static int find_end(struct work *w, struct run *best)
{
    const double *ends = w->task->sigma_end > 0 ? &w->task->sigma_end : usual_ends;
    size_t count = w->task->sigma_end > 0 ? 1 : sizeof usual_ends / sizeof *usual_ends;
    report_ends(w->task->csv);
    for (size_t i = 0; i < count; i++) {
        struct run other;
        int code = run(w, 1, ends[i], &other);
        if (code != CLI_OK)
            return code;
        other.all.row = "end";
        report_end(w->task->csv, &other.all);
        if (i == 0 ||
            moments_mean(&other.all.quantity[LOSSLESS]) < moments_mean(&best->all.quantity[LOSSLESS])) {
            struct run worse = *best;
            *best = other;
            other = worse;
        }
        run_free(&other);
    }
    return CLI_OK;
}

/* ---- The curve ------------------------------------------------------------------------------ */

struct curve {
    struct line *line; /* in the order of the chain */
    size_t count, capacity;
};

/* Does a come before b in a chain? Positive if after; 0: they are the same step. */
static int order(const struct line *a, const struct point *b)
{
    if (a->scale != b->scale)
        return a->scale < 0 || (b->scale >= 0 && a->scale > b->scale) ? -1 : 1;
    if (a->lift != b->lift)
        return a->lift ? -1 : 1;
    return (a->sigma < b->sigma) - (a->sigma > b->sigma);
}

/* The curve's line of the step, a new one if need be; NULL if memory is short. */
static struct line *line_of(struct curve *c, const struct point *p)
{
    size_t at = 0;
    while (at < c->count && order(&c->line[at], p) < 0)
        at++;
    if (at < c->count && order(&c->line[at], p) == 0)
        return &c->line[at];
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 128;
        struct line *larger = realloc(c->line, capacity * sizeof *larger);
        if (!larger)
            return NULL;
        c->line = larger;
        c->capacity = capacity;
    }
    memmove(&c->line[at + 1], &c->line[at], (c->count - at) * sizeof *c->line);
    c->line[at] = (struct line){.row = "step", .scale = p->scale, .lift = p->lift, .sigma = p->sigma};
    c->count++;
    return &c->line[at];
}

static int add_picture(struct curve *c, const struct outcome *ideal, const struct outcome *real)
{
    for (size_t i = 0; i < ideal->points && i < real->points; i++) {
        const struct point *p = &ideal->point[i], *q = &real->point[i];
        struct line *line = line_of(c, p);
        if (!line)
            return cli_fail(CLI_LIMIT, "out of memory");
        moments_add(&line->quantity[RATE], p->rate);
        moments_add(&line->quantity[BPP], 3 * p->rate);
        moments_add(&line->quantity[SQUARES_8], p->squares);
        moments_add(&line->quantity[PSNR_8], psnr_of(p->squares));
        moments_add(&line->quantity[REAL_RATE], q->rate);
        moments_add(&line->quantity[REAL_BPP], 3 * q->rate);
        moments_add(&line->quantity[REAL_SQUARES_8], q->squares);
        moments_add(&line->quantity[REAL_PSNR_8], psnr_of(q->squares));
    }
    return CLI_OK;
}

/* What the real streams cost beside the bound. */
static void add_real(struct line *line, const struct outcome *real)
{
    double rate = real->point[real->points - 1].rate;
    moments_add(&line->quantity[REAL_RATE], rate);
    moments_add(&line->quantity[REAL_BPP], 3 * rate);
    moments_add(&line->quantity[REAL_SQUARES_8], real->squares_8);
    moments_add(&line->quantity[REAL_PSNR_8], psnr_of(real->squares_8));
    moments_add(&line->quantity[REAL_FILE], real->file);
    moments_add(&line->quantity[REAL_LOSSLESS], real->lossless);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static int report_all(struct work *w, struct run *ideal, const struct run *real)
{
    int csv = w->task->csv, code = CLI_OK;
    struct curve curve = {0};
    for (size_t i = 0; i < w->count && code == CLI_OK; i++) {
        add_real(&ideal->all, &real->outcome[i]);
        add_real(&ideal->picture[i], &real->outcome[i]);
        code = add_picture(&curve, &ideal->outcome[i], &real->outcome[i]);
    }
    if (code == CLI_OK) {
        ideal->all.row = "table";
        report_table(csv, &ideal->all);
        report_pictures(csv);
        for (size_t i = 0; i < w->count; i++)
            report_picture(csv, &ideal->picture[i]);
        report_curve(csv);
        for (size_t i = 0; i < curve.count; i++)
            report_point(csv, &curve.line[i]);
        code = cli_flush();
    }
    free(curve.line);
    return code;
}

int paper_measure(const struct paper_task *task, const ddz_model *model, char **pictures, size_t count)
{
    struct work w = {.task = task, .model = model, .pictures = pictures, .count = count};
    struct run ideal = {0}, real = {0};
    for (size_t i = 0; i < count; i++)
        if (strcmp(pictures[i], "-") == 0)
            return cli_fail(CLI_USAGE,
                            "--paper reads each picture more than once: standard input cannot be one");
    int code = find_end(&w, &ideal);
    if (code == CLI_OK)
        code = run(&w, 0, ideal.all.sigma, &real);
    if (code == CLI_OK)
        code = report_all(&w, &ideal, &real);
    run_free(&ideal);
    run_free(&real);
    return code;
}
