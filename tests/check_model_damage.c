/* The model file: nothing that it may not say is accepted, and no damage does harm. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "cpu/cpu.h"
#include "ledger.h"
#include "model/model.h"
#include "model_files.h"
#include "nn/net.h"
#include "runner.h"
#include "toy_model.h"

/* The file with one 32-bit value changed, in the n-th record of a tag, must give `expected`. */
struct edit {
    const char *tag;
    int n;
    size_t offset;
    uint32_t value;
    ddz_status expected;
};

static const struct edit edits[] = {
    {"ARCH", 0, 0, 3, DDZ_OK}, /* levels: no change */
    {"ARCH", 0, 0, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 0, 6, DDZ_ERR_MODEL},
    {"ARCH", 0, 0, 0xFFFFFFFF, DDZ_ERR_MODEL},
    {"ARCH", 0, 4, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 4, 7, DDZ_ERR_MODEL},
    {"ARCH", 0, 4, 0x80000000, DDZ_ERR_MODEL},
    {"ARCH", 0, 8, 0, DDZ_ERR_MODEL}, /* networks, and the second's first level */
    {"ARCH", 0, 8, 1, DDZ_ERR_MODEL},
    {"ARCH", 0, 8, 5, DDZ_ERR_MODEL},
    {"ARCH", 0, 12, (uint32_t)-4095, DDZ_OK},
    {"ARCH", 0, 12, (uint32_t)-4096, DDZ_ERR_MODEL},
    {"ARCH", 0, 12, 4096, DDZ_OK},
    {"ARCH", 0, 12, 4097, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 17, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 32, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 1040, DDZ_ERR_MODEL},
    {"ARCH", 0, 28, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 28, 2, DDZ_ERR_MODEL},
    {"ARCH", 0, 28, 0x40000000, DDZ_ERR_MODEL},
    {"EMBT", 0, 0, 4097, DDZ_ERR_MODEL},
    {"EMBT", 0, 0, (uint32_t)-4096, DDZ_OK},
    {"EMBT", 0, 0, (uint32_t)-4097, DDZ_ERR_MODEL},
    {"EMBT", 0, 4, 0, DDZ_ERR_MODEL},
    {"EMBT", 0, 4, (uint32_t)-1, DDZ_ERR_MODEL},
    {"EMBT", 0, 4, 520, DDZ_OK},
    {"EMBT", 0, 4, 521, DDZ_ERR_MODEL},
    {"EMBT", 0, 8, 1, DDZ_ERR_MODEL},
    {"EMBT", 0, 8, 8, DDZ_ERR_MODEL},
    {"EMBT", 0, 8, 10, DDZ_ERR_MODEL},
    {"EMBT", 0, 12, 1, DDZ_ERR_MODEL},
    {"RATE", 0, 8, 20, DDZ_ERR_MODEL},
    {"RATE", 0, 8, 0x40000001, DDZ_ERR_MODEL},
    {"RATE", 0, 4, 0, DDZ_ERR_MODEL},
    {"RATE", 0, 12, 9, DDZ_ERR_MODEL},
    {"PLAN", 0, 0, 32641, DDZ_ERR_MODEL},
    {"PLAN", 0, 8, (uint32_t)-32640, DDZ_OK},
    {"PLAN", 0, 12, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 12, 3, DDZ_ERR_MODEL},
    {"PLAN", 0, 12, 33, DDZ_ERR_MODEL},
    {"PLAN", 0, 16, 1, DDZ_OK},
    {"PLAN", 0, 16, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 16, 32, DDZ_ERR_MODEL},
    {"PLAN", 0, 24, 31, DDZ_ERR_MODEL},
    {"PLAN", 0, 24, 33, DDZ_ERR_MODEL},
    {"PLAN", 0, 28, 1, DDZ_ERR_MODEL},
    {"PLAN", 0, 100, 0, DDZ_ERR_MODEL}, /* label 5 */
    {"PLAN", 0, 100, 0xFFFFFFFF, DDZ_OK},
    {"PLAN", 0, 136, (uint32_t)-256, DDZ_OK}, /* label 7 */
    {"PLAN", 0, 136, (uint32_t)-257, DDZ_ERR_MODEL},
    {"PLAN", 0, 140, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 160, 1, DDZ_ERR_MODEL}, /* lifts to labels 0, 5, 7 */
    {"PLAN", 0, 180, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 188, 0, DDZ_OK},
    {"PROV", 0, 0, 0x00414141, DDZ_ERR_MODEL},
    {"LAYR", 0, 0, 0x6C696171, DDZ_ERR_MODEL}, /* "tail" to "qail" */
    {"LAYR", 0, 20, 1, DDZ_OK},                /* after the name's end */
    {"LAYR", 0, 24, 1, DDZ_ERR_MODEL},
    {"LAYR", 0, 28, 32, DDZ_ERR_MODEL},
    {"LAYR", 0, 32, 16, DDZ_ERR_MODEL},
    {"LAYR", 0, 36, 7, DDZ_ERR_MODEL},
    {"LAYR", 0, 36, 8, DDZ_OK},
    {"LAYR", 0, 36, 40, DDZ_OK},
    {"LAYR", 0, 36, 41, DDZ_ERR_MODEL},
    {"LAYR", 0, 40, 0x03FFFFFF, DDZ_OK},
    {"LAYR", 0, 40, 0x04000000, DDZ_ERR_MODEL},
    {"LAYR", 0, 44 + 4 * 12, 0x80000000, DDZ_OK},
    {"LAYR", 16, 0, 0x6E696F6D, DDZ_ERR_MODEL}, /* "join" to "moin"; 12 outputs */
    {"LAYR", 16, 32, 16, DDZ_ERR_MODEL},
    {"LAYR", 17, 0, 0x65746168, DDZ_ERR_MODEL}, /* "gates" to "hates" */
    {"LAYR", 17, 28, 12, DDZ_ERR_MODEL},
    {"LAYR", 18, 0, 0x74666972, DDZ_ERR_MODEL}, /* "sift" to "rift"; 12 inputs */
    {"LAYR", 18, 28, 16, DDZ_ERR_MODEL},
};

START_TEST(fields)
{
    const struct edit *e = &edits[_i];
    struct bytes body = body_of(toy_bytes());
    put_le32(body.p + record_at(body, e->tag, e->n) + e->offset, e->value);
    ddz_model *m;
    ck_assert_msg(load_body(body.p, body.size, &m) == e->expected, "%s at %zu: %u", e->tag, e->offset,
                  (unsigned)e->value);
    ddz_model_free(m);
    free(body.p);
}
END_TEST

/* sum |weight| of a filter: 65535 is the most */
START_TEST(filter_sums)
{
    static const struct toy_shape shape = {.levels = 1, .embedding = 1, .channels = {64}, .blocks = {1}};
    struct bytes file;
    file.p = toy_model_shaped(3, &shape, &file.size);
    struct bytes body = body_of(file);
    uint8_t *weight = body.p + record_at(body, "LAYR", 2) + 40 + 64 * (4 + 4 + 4 + 2 + 2);
    ck_assert_str_eq((const char *)body.p + record_at(body, "LAYR", 2), "enter.0.0.conv1");
    memset(weight + 576, 0x80, 511); /* the second filter: 511 * 128 + 127 = 65535 */
    weight[576 + 511] = 127;
    memset(weight + 576 + 512, 0, 64);
    ddz_model *m;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_OK);
    ddz_model_free(m);
    weight[576 + 575] = 0xFF;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    free(body.p);
}
END_TEST

/* A record moved, missing, twice, unknown; padding that is not zero */
START_TEST(records)
{
    static const char *const tags[] = {"ARCH", "EMBT", "PLAN", "RATE", "PROV", "LAYR"};
    struct bytes body = body_of(tiny_bytes());
    uint8_t *other = malloc(2 * body.size);
    ck_assert_ptr_nonnull(other);
    for (int i = 0; i < 6; i++) {
        size_t start = record_at(body, tags[i], 0) - 8;
        size_t length = 8 + (get_le32(body.p + start + 4) + 7) / 8 * 8;
        ddz_model *m;
        memcpy(other, body.p, start); /* taken out ... */
        memcpy(other + start, body.p + start + length, body.size - start - length);
        ck_assert_int_eq(load_body(other, body.size - length, &m), DDZ_ERR_MODEL);
        memcpy(other + body.size - length, body.p + start, length); /* put back last ... */
        ck_assert_int_eq(load_body(other, body.size, &m), DDZ_OK);
        ddz_model_free(m);
        memcpy(other + body.size, body.p + start, length); /* and once more */
        ck_assert_int_eq(load_body(other, body.size + length, &m), DDZ_ERR_MODEL);
        other[body.size] ^= 32;
        ck_assert_int_eq(load_body(other, body.size + length, &m), DDZ_ERR_MODEL);
    }
    size_t last = record_at(body, "PROV", 0) + 14; /* 14 bytes of text, 2 of padding */
    ddz_model *m;
    ck_assert_uint_eq(last + 2, body.size);
    body.p[last + 1] = 1;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    free(other);
    free(body.p);
}
END_TEST

/* Tag of one name twice and another missing: the count is right, the layers are not. */
START_TEST(layer_twice)
{
    struct bytes body = body_of(tiny_bytes());
    uint8_t *second = body.p + record_at(body, "LAYR", 3);
    ck_assert_str_eq((char *)second, "enter.0.0.conv2");
    second[14] = '1';
    ddz_model *m;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    free(body.p);
}
END_TEST

/* Three networks: the levels from which each is used ascend. */
START_TEST(network_choice)
{
    static const struct toy_shape shape = {
        .levels = 1, .embedding = 1, .channels = {16}, .blocks = {0}, .networks = 3};
    struct bytes file;
    file.p = toy_model_shaped(3, &shape, &file.size);
    ddz_model *m;
    ck_assert_int_eq(load(file.p, file.size, &m), DDZ_OK);
    static const int32_t levels[] = {-9999, 16383, 16384, 24575, 24576, 99999};
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(ddz_model_network(m, 0, levels[i]), i / 2);
        for (int label = 1; label < 8; label++)
            ck_assert_int_eq(ddz_model_network(m, label, levels[i]), 0);
    }
    ddz_model_free(m);
    struct bytes body = body_of(file);
    put_le32(body.p + record_at(body, "ARCH", 0) + 16, 64);
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    put_le32(body.p + record_at(body, "ARCH", 0) + 16, 65);
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_OK);
    ddz_model_free(m);
    free(body.p);
}
END_TEST

START_TEST(header)
{
    struct bytes file = tiny_bytes();
    ddz_model *m;
    uint8_t *longer = malloc(2 * file.size);
    ck_assert_ptr_nonnull(longer);
    memcpy(longer, file.p, file.size);
    memcpy(longer + file.size, file.p + 24, file.size - 24); /* a second frame */
    ck_assert_int_eq(load(longer, 2 * file.size - 24, &m), DDZ_ERR_MODEL);
    ck_assert_int_eq(load(longer, file.size + 1, &m), DDZ_ERR_MODEL);
    put_le32(longer + file.size, 0x184D2A50); /* a frame that zstd skips */
    put_le32(longer + file.size + 4, 0);
    ck_assert_int_eq(load(longer, file.size + 8, &m), DDZ_ERR_MODEL);
    ck_assert_int_eq(load(longer, file.size, &m), DDZ_OK);
    ddz_model_free(m);
    for (int i = 0; i < 24; i++) { /* magic, version, identity, size: nothing may differ */
        longer[i] ^= (uint8_t)(1 << i % 8);
        ck_assert_int_eq(load(longer, file.size, &m), DDZ_ERR_MODEL);
        longer[i] = file.p[i];
    }
    put_le32(longer + 16, (64u << 20) + 1);
    ck_assert_int_eq(load(longer, file.size, &m), DDZ_ERR_MODEL);
    memset(longer + 16, 0xFF, 8);
    ck_assert_int_eq(load(longer, file.size, &m), DDZ_ERR_MODEL);
    free(longer);
    free(file.p);
}
END_TEST

START_TEST(arguments)
{
    struct bytes file = tiny_bytes();
    ddz_model *m;
    ck_assert_int_eq(ddz_model_load(NULL, 10, NULL, &m), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_model_load(file.p, file.size, NULL, NULL), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_model_load(file.p, 0, NULL, &m), DDZ_ERR_MODEL);
    ddz_model_free(NULL);
    free(file.p);
}
END_TEST

START_TEST(allocation_failures)
{
    struct bytes file = tiny_bytes();
    ddz_status status = DDZ_ERR_MEMORY;
    int allowed = 0;
    for (; status != DDZ_OK; allowed++) {
        struct ledger ledger = {.fails_at = allowed + 1};
        ddz_allocator functions = ledger_allocator(&ledger);
        ddz_model *m = NULL;
        status = ddz_model_load(file.p, file.size, &functions, &m);
        ck_assert(status == DDZ_OK || (status == DDZ_ERR_MEMORY && ledger.alive == 0));
        ddz_model_free(m);
        ck_assert_int_eq(ledger.alive, 0);
    }
    ck_assert_int_ge(allowed, 4);
    free(file.p);
}
END_TEST

START_TEST(truncated_files)
{
    struct bytes file = tiny_bytes();
    ddz_model *m;
    for (size_t size = 0; size < file.size; size++)
        ck_assert_int_eq(load(file.p, size, &m), DDZ_ERR_MODEL);
    free(file.p);
}
END_TEST

START_TEST(truncated_bodies)
{
    struct bytes body = body_of(tiny_bytes());
    ddz_model *m;
    for (size_t size = 0; size < body.size; size += size % 512 == 100 ? 401 : 1)
        ck_assert_int_eq(load_body(body.p, size, &m), DDZ_ERR_MODEL);
    ck_assert_int_eq(load_body(body.p, body.size - 1, &m), DDZ_ERR_MODEL);
    free(body.p);
}
END_TEST

/* Bytes of the file: the identity catches what zstd does not. */
START_TEST(damaged_files)
{
    struct bytes file = tiny_bytes();
    for (uint64_t i = 0; i < 6000; i++) {
        uint64_t h = hash_pair(1, i);
        size_t at = (h >> 8) % file.size;
        uint8_t old = file.p[at];
        file.p[at] ^= (uint8_t)((h & 255) ? h & 255 : 1);
        ddz_model *m;
        if (load(file.p, file.size, &m) == DDZ_OK) {
            /* zstd has bits that mean nothing; then the contents are the same */
            ck_assert_uint_eq(ddz_model_id(m), get_le32(file.p + 12));
            ddz_model_free(m);
        }
        file.p[at] = old;
    }
    free(file.p);
}
END_TEST

/* Bytes of the body under a right identity: an error, or a model that can be used. Half of them
 * fall into the first bytes of a record, where its shape stands. */
START_TEST(damaged_bodies)
{
    struct bytes body = body_of(tiny_bytes());
    int accepted = 0, refused = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        static const char *const tags[] = {"ARCH", "EMBT", "PLAN", "RATE", "PROV", "LAYR", "LAYR", "LAYR"};
        uint64_t h = hash_pair(2, i);
        int kind = (int)(h >> 40) % 8;
        size_t start = record_at(body, tags[kind], kind > 5 ? (int)(h >> 48) % 6 : 0);
        size_t at = i % 2 ? (h >> 8) % body.size : start - 8 + (h >> 8) % 56;
        at = at < body.size ? at : body.size - 1;
        uint8_t old = body.p[at];
        body.p[at] ^= (uint8_t)((h & 255) ? h & 255 : 1);
        ddz_model *m;
        ddz_status status = load_body(body.p, body.size, &m);
        if (status == DDZ_OK) {
            static int16_t picture[5 * 3 * 3];
            struct mem mem = ddz_mem_init(NULL);
            struct net *net = ddz_net_new(&mem, m, NET_KEEPS, 5, 3, NULL, ddz_cpu_allowed(-1));
            ck_assert_ptr_nonnull(net);
            ddz_net_forward(net, picture, picture,
                            &(struct net_call){5, 3, (int)(h >> 60) & 7, (int32_t)(h >> 32), false});
            ddz_net_free(net);
            ddz_model_free(m);
            accepted++;
        } else {
            ck_assert_int_eq(status, DDZ_ERR_MODEL);
            refused++;
        }
        body.p[at] = old;
    }
    ck_assert_int_gt(accepted, 500);
    ck_assert_int_gt(refused, 500);
    free(body.p);
}
END_TEST

int main(void)
{
    TCase *refused = CASE("refused", filter_sums, records, layer_twice, network_choice, header, arguments);
    tcase_add_loop_test(refused, fields, 0, (int)(sizeof edits / sizeof *edits));
    return RUN("model_damage", 300, refused,
               CASE("damage", allocation_failures, truncated_files, truncated_bodies, damaged_files,
                    damaged_bodies));
}
