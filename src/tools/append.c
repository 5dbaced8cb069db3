#include "tools/append.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/coders.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/models.h"
#include "tools/output.h"
#include "tools/picture.h"
#include "tools/stream.h"

/* What is at hand */
struct job {
    const struct append *task;
    struct stream stream;
    ddz_decoder *decoder;
    struct image image;
    struct cli_progress progress;
};

static int load(struct job *job)
{
    const struct append *task = job->task;
    const ddz_info *info = &job->stream.info;
    int code = picture_load(task->picture, task->common, &job->image);
    if (code == CLI_OK && (job->image.width != info->width || job->image.height != info->height))
        code = cli_fail(CLI_INPUT, "%s is of %u x %u pixels, the picture in %s of %u x %u",
                        file_input_name(task->picture), job->image.width, job->image.height, job->stream.name,
                        info->width, info->height);
    return code;
}

/* The chain's picture, behind which the layer stands */
static int decode(struct job *job)
{
    struct image shown = {0};
    const ddz_info *info = &job->stream.info;
    int code = stream_feed(&job->stream, job->decoder, 0, job->stream.size);
    if (code == CLI_OK && image_alloc(&shown, info->width, info->height, 3, 8) != 0)
        code = cli_fail(CLI_LIMIT, "%s: out of memory", job->stream.name);
    if (code == CLI_OK) {
        cli_progress_begin(&job->progress, "decoding", job->task->common->quiet);
        ddz_status status = decode_image(job->decoder, DDZ_RECON_MEAN, &shown);
        cli_progress_end();
        code = status == DDZ_OK ? CLI_OK : cli_fail_status(job->stream.name, status);
    }
    image_free(&shown);
    return code;
}

static int extend(struct job *job, const uint8_t **tail, size_t *tail_size, uint64_t *kept)
{
    const struct image *image = &job->image;
    ddz_info info;
    cli_progress_begin(&job->progress, "encoding", job->task->common->quiet);
    ddz_status status =
        ddz_append_exact(job->decoder, pixel_format(image->channels, image->depth), image->pixels, 0,
                         image_size(image->width, image->height, image->channels, image->depth),
                         job->task->max_error, tail, tail_size, kept);
    cli_progress_end();
    if (status != DDZ_ERR_STATE)
        return status == DDZ_OK ? CLI_OK : cli_fail_status(job->stream.name, status);
    if (ddz_decoder_info(job->decoder, &info, sizeof info) != DDZ_OK)
        info = (ddz_info){0};
    return cli_fail(CLI_INPUT, "%s: %s", job->stream.name,
                    !info.complete ? "the stream is cut; only a whole one can be made exact"
                    : info.exact_blocks
                        ? "the stream has exact blocks; only one that was made with --chain can be made exact"
                        : "the stream is exact already");
}

static int write_stream(struct job *job)
{
    const struct output_guard guard = {.input = job->task->picture};
    struct output output;
    const uint8_t *tail;
    size_t tail_size;
    uint64_t kept;
    int code = extend(job, &tail, &tail_size, &kept);
    if (code == CLI_OK)
        code = output_begin(&output, job->task->stream, guard);
    if (code != CLI_OK)
        return code;
    output_write(&output, job->stream.data, (size_t)kept);
    output_write(&output, tail, tail_size);
    code = output_finish(&output);
    if (code == CLI_OK && !job->task->common->quiet)
        cli_note("%s: %llu bytes, %llu with the exact layer", job->stream.name,
                 (unsigned long long)job->stream.size, (unsigned long long)(kept + tail_size));
    return code;
}

int append_exact(const struct append *task)
{
    struct job job = {.task = task};
    const struct decoding decoding = decoding_usual();
    ddz_model *model = NULL;
    int code = stream_open(&job.stream, task->stream, task->common);
    if (code == CLI_OK)
        code = stream_read(&job.stream);
    if (code == CLI_OK)
        code = load(&job);
    if (code == CLI_OK)
        code = model_load(task->common->model, task->argv0, &job.stream.info, &model);
    if (code == CLI_OK) {
        ddz_status status = decoder_open(model, task->common, &decoding, &job.progress, &job.decoder);
        code = status == DDZ_OK ? CLI_OK : cli_fail_status(job.stream.name, status);
    }
    if (code == CLI_OK)
        code = decoder_check_memory(job.stream.name, task->common, job.decoder, &job.stream.info, &job.image);
    if (code == CLI_OK)
        code = decode(&job);
    if (code == CLI_OK)
        code = write_stream(&job);
    ddz_decoder_free(job.decoder);
    ddz_model_free(model);
    image_free(&job.image);
    stream_close(&job.stream);
    return code;
}
