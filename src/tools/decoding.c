#include "tools/decoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/dither.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/output.h"
#include "tools/paths.h"
#include "tools/picture.h"

static const uint64_t first_frame_bits = 64;

/* The input's name with .png in place of .ddz, or after it; "-" for "-". NULL: no memory. */
static char *default_output(const char *input)
{
    return strcmp(input, "-") == 0 ? strdup(input) : path_with_extension(input, NULL, PATH_STREAMS, ".png");
}

/* ---- Output --------------------------------------------------------------------------------- */

/* Bits a sample of the picture as it is decoded; what is dithered is decoded with 16. */
static int depth_of(const struct decoding_task *task, const ddz_info *info)
{
    if (task->dither)
        return 16;
    return task->depth ? task->depth : info->exact_depth > 8 ? 16 : 8;
}

/* Room for the picture of what has been fed */
static int make_room(struct decoding_job *job)
{
    const struct decoding_task *task = job->task;
    ddz_info info;
    ddz_status status = ddz_decoder_info(job->decoder, &info, sizeof info);
    if (status != DDZ_OK)
        return cli_fail_status(job->stream.name, status);
    struct image image = {.width = info.picture_width,
                          .height = info.picture_height,
                          .channels = stream_channels(job->decoder),
                          .depth = depth_of(task, &info)};
    int code = decoder_check_memory(job->stream.name, &task->common, job->decoder, &info, &image);
    if (code != CLI_OK)
        return code;
    image_free(&job->image);
    if (image_alloc(&job->image, image.width, image.height, image.channels, image.depth) != 0)
        return cli_fail(CLI_LIMIT, "%s: out of memory", job->stream.name);
    return CLI_OK;
}

/* Decode what has been fed; the view is valid until more is. */
static int decode(struct decoding_job *job, struct image_view *view)
{
    const struct decoding_task *task = job->task;
    int code = make_room(job);
    if (code != CLI_OK)
        return code;
    cli_progress_begin(&job->progress, "decoding", task->common.quiet);
    ddz_status status = decode_image(job->decoder, task->recon, &job->image);
    cli_progress_end();
    char text[EXTRAS_TEXT];
    if (status == DDZ_ERR_DIGEST && task->ignore_digest)
        cli_note("%s: warning: %s", job->stream.name, extras_damage(job->decoder, text));
    else if (status == DDZ_ERR_DIGEST)
        return cli_fail(CLI_INPUT, "%s: %s", job->stream.name, extras_damage(job->decoder, text));
    else if (status != DDZ_OK)
        return cli_fail_status(job->stream.name, status);
    if (task->dither && image_dither(&job->image) != 0)
        return cli_fail(CLI_LIMIT, "%s: out of memory", job->stream.name);
    return stream_view(&job->stream, job->decoder, &job->image, view);
}

static int decode_to_file(struct decoding_job *job, const char *path, int keep)
{
    const struct output_guard guard = {.input = job->task->input, .keep = keep};
    struct output output;
    struct image_view view;
    int code = output_begin(&output, path, guard);
    if (code != CLI_OK)
        return code;
    code = decode(job, &view);
    return picture_finish(&output, path, &view, code);
}

/* ---- Frames --------------------------------------------------------------------------------- */

static int make_frame(struct decoding_job *job, uint64_t bits)
{
    char *path = path_make("%s/%010llu.png", job->task->frames, (unsigned long long)bits);
    if (!path)
        return cli_fail(CLI_LIMIT, "out of memory");
    int status = decode_to_file(job, path, 0);
    if (status == CLI_OK && job->task->verbose)
        stream_note_outcome(&job->stream, job->decoder, path);
    free(path);
    return status;
}

static int make_frames(struct decoding_job *job)
{
    ddz_info header;
    int made = folder_make(job->task->frames);
    if (made != CLI_OK)
        return made;
    uint64_t end = 8 * (uint64_t)job->stream.size;
    if (end > job->task->decoding.max_bits)
        end = job->task->decoding.max_bits;
    size_t fed = 0;
    for (uint64_t bits = first_frame_bits;; bits *= 2) {
        int last = bits >= end;
        size_t until = last ? job->stream.size : (size_t)(bits / 8);
        int code = stream_feed(&job->stream, job->decoder, fed, until);
        if (code != CLI_OK)
            return code;
        fed = until;
        /* The header of a large picture is longer than the first frame. */
        if (!last && ddz_decoder_info(job->decoder, &header, sizeof header) == DDZ_ERR_TRUNCATED)
            continue;
        code = make_frame(job, last ? end : bits);
        if (code != CLI_OK || last)
            return code;
    }
}

/* ---- Pictures ------------------------------------------------------------------------------- */

static int make_one(struct decoding_job *job)
{
    const struct decoding_task *task = job->task;
    int code = stream_feed(&job->stream, job->decoder, 0, job->stream.size);
    if (code != CLI_OK)
        return code;
    if (!task->common.quiet)
        stream_note_trailing(&job->stream, job->decoder);
    char *path = task->output ? strdup(task->output) : default_output(task->input);
    if (!path)
        return cli_fail(CLI_LIMIT, "%s: out of memory", job->stream.name);
    const int was_named = task->output && !task->many.folder;
    code = decode_to_file(job, path, !was_named && !task->force);
    if (code == CLI_OK && task->verbose)
        stream_note_outcome(&job->stream, job->decoder, path);
    free(path);
    return code;
}

int decoding_make_pictures(struct decoding_job *job)
{
    int code = job->task->frames ? make_frames(job) : make_one(job);
    image_free(&job->image);
    return code;
}
