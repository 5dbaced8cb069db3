/* The library in programs that have threads, or processes, of their own. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crew.h"
#include "ddz.h"
#include "runner.h"
#include "streams.h"

enum { WIDTH = 60, HEIGHT = 44, BYTES = 3 * WIDTH * HEIGHT, PROGRAM_THREADS = 4 };

static struct encoder_settings small_settings(int threads)
{
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
    s.threads = threads;
    return s;
}

#ifndef __SANITIZE_THREAD__ /* which takes the child's threads for its parent's */
/* Whether an encoder with `threads` threads makes the stream */
static int encodes_to(const struct buffer *rgb, int threads, const struct buffer *expected)
{
    struct encoder_settings s = small_settings(threads);
    struct buffer stream = encode(rgb, WIDTH, HEIGHT, &s);
    int same = stream.size == expected->size && memcmp(stream.data, expected->data, stream.size) == 0;
    free(stream.data);
    return same;
}

/* A program that has used the library forks, and the child uses it, too: new handles, and one that it inherits. */
START_TEST(fork_after_use)
{
    struct buffer rgb = picture(WIDTH, HEIGHT);
    struct encoder_settings s = small_settings(3);
    ddz_encoder *inherited = encoder_new(&s);
    ck_assert_int_eq(encode_rgb(inherited, rgb.data, WIDTH, HEIGHT), DDZ_OK);
    struct buffer stream = stream_of(inherited);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        alarm(60); /* a child that hangs is killed */
        int well = encode_rgb(inherited, rgb.data, WIDTH, HEIGHT) == DDZ_OK;
        struct buffer again = stream_of(inherited);
        well = well && again.size == stream.size && memcmp(again.data, stream.data, stream.size) == 0;
        ddz_encoder_free(inherited);
        for (int threads = 1; threads <= 3; threads++)
            well = well && encodes_to(&rgb, threads, &stream);
        _exit(well ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_eq(encode_rgb(inherited, rgb.data, WIDTH, HEIGHT), DDZ_OK);
    ddz_encoder_free(inherited);
    free(stream.data);
    free(rgb.data);
}
END_TEST
#endif

struct user {
    const struct buffer *stream;
    int threads;
    ddz_status status;
    uint8_t rgb[BYTES];
};

static void *decode_alone(void *argument)
{
    struct user *u = argument;
    ddz_decoder *d = NULL;
    u->status = ddz_decoder_new(model(), NULL, &d);
    if (u->status == DDZ_OK)
        u->status = ddz_decoder_set(d, DDZ_PARAM_THREADS, u->threads);
    if (u->status == DDZ_OK)
        u->status = feed(d, u->stream->data, u->stream->size);
    if (u->status == DDZ_OK)
        u->status = decode_rgb(d, DDZ_RECON_MEAN, u->rgb);
    ddz_decoder_free(d);
    return NULL;
}

/* Several decoders at a time, each in a thread of the program and with threads of its own, by one model */
START_TEST(decoders_in_the_callers_threads)
{
    struct buffer rgb = picture(WIDTH, HEIGHT);
    struct encoder_settings s = small_settings(1);
    struct buffer stream = encode(&rgb, WIDTH, HEIGHT, &s);
    uint8_t expected[BYTES];
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    static struct user user[PROGRAM_THREADS];
    pthread_t thread[PROGRAM_THREADS];
    for (int i = 0; i < PROGRAM_THREADS; i++) {
        user[i] = (struct user){.stream = &stream, .threads = i};
        ck_assert_int_eq(pthread_create(&thread[i], NULL, decode_alone, &user[i]), 0);
    }
    for (int i = 0; i < PROGRAM_THREADS; i++) {
        ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
        ck_assert_int_eq(user[i].status, DDZ_OK);
        ck_assert_mem_eq(user[i].rgb, expected, BYTES);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* ---- A runner of the program's own ---------------------------------------------------------- */

START_TEST(runner_of_the_caller)
{
    struct buffer rgb = picture(WIDTH, HEIGHT);
    struct encoder_settings s = small_settings(1);
    struct buffer expected = encode(&rgb, WIDTH, HEIGHT, &s);
    uint8_t sent[BYTES], received[BYTES];
    int pieces = 0;
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_set_runner(e, run_with_threads, &pieces, RUNNER_THREADS), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, WIDTH, HEIGHT), DDZ_OK);
    ck_assert_int_gt(pieces, 10);
    struct buffer stream = stream_of(e);
    ck_assert_uint_eq(stream.size, expected.size);
    ck_assert_mem_eq(stream.data, expected.data, stream.size);
    ck_assert_int_eq(sent_rgb(e, sent, rgb.size), DDZ_OK);

    pieces = 0;
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_set_runner(d, run_with_threads, &pieces, RUNNER_THREADS), DDZ_OK);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, received), DDZ_OK);
    ck_assert_int_gt(pieces, 10);
    ck_assert_mem_eq(sent, received, BYTES);
    ck_assert_int_eq(ddz_decoder_set_runner(d, NULL, NULL, 0), DDZ_ERR_STATE);
    ddz_decoder_free(d);

    /* and back to its own threads */
    pieces = 0;
    ck_assert_int_eq(ddz_encoder_set_runner(e, NULL, NULL, 0), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, WIDTH, HEIGHT), DDZ_OK);
    ck_assert_int_eq(pieces, 0);
    ck_assert_int_eq(ddz_encoder_set_runner(NULL, NULL, NULL, 0), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_runner(e, run_with_threads, NULL, 0), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_runner(e, run_with_threads, NULL, 257), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_set_runner(NULL, NULL, NULL, 0), DDZ_ERR_ARGUMENT);
    ddz_encoder_free(e);
    free(stream.data);
    free(expected.data);
    free(rgb.data);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("threads");
#ifndef __SANITIZE_THREAD__
    tcase_add_test(tc, fork_after_use);
#endif
    tcase_add_test(tc, decoders_in_the_callers_threads);
    tcase_add_test(tc, runner_of_the_caller);
    return run_cases("threads", 120, &tc, 1);
}
