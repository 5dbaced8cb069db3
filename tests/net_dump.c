/*
 * Run the integer network on raw arrays, for tests/train.sh to compare with train/reference.py:
 *
 *   net_dump MODEL LABEL LEVEL_Q8 WIDTH HEIGHT FEATURES < input > output
 *
 * Input is a picture and a step's noise after it, output is what a call makes of the one, and then an update
 * of the other: each WIDTH * HEIGHT * 3 little-endian int16 in q12. FEATURES is a set of
 * ddz_cpu_feature, -1 for all.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cpu/cpu.h"
#include "ddz.h"
#include "nn/net.h"

static uint8_t *read_all(FILE *f, size_t *size)
{
    uint8_t *data = NULL;
    size_t capacity = 0;
    *size = 0;
    do {
        if (*size == capacity) {
            capacity = capacity ? capacity * 2 : 1 << 16;
            uint8_t *larger = realloc(data, capacity);
            if (!larger)
                break;
            data = larger;
        }
        *size += fread(data + *size, 1, capacity - *size, f);
    } while (!feof(f) && !ferror(f));
    if (feof(f) && !ferror(f))
        return data;
    free(data);
    return NULL;
}

static ddz_model *load(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return NULL;
    }
    size_t size;
    uint8_t *data = read_all(f, &size);
    fclose(f);
    ddz_model *model = NULL;
    ddz_status status = data ? ddz_model_load(data, size, NULL, &model) : DDZ_ERR_MEMORY;
    if (status != DDZ_OK)
        fprintf(stderr, "%s: %s\n", path, ddz_strerror(status));
    free(data);
    return status == DDZ_OK ? model : NULL;
}

/* Bytes of `data` hold the samples of picture and noise in both directions: 0 on success. */
static int run(const ddz_model *model, uint8_t *data, uint32_t width, uint32_t height, int label,
               int32_t level_q8, int64_t features)
{
    size_t samples = (size_t)width * height * 3;
    int16_t *values = malloc(2 * samples * sizeof *values);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, NET_KEEPS, width, height, NULL, ddz_cpu_allowed(features));
    int failed = !values || !net;
    if (!failed) {
        for (size_t i = 0; i < 2 * samples; i++)
            values[i] = (int16_t)(uint16_t)(data[2 * i] | data[2 * i + 1] << 8);
        ddz_net_forward(net, values, values, &(struct net_call){width, height, label, level_q8, false});
        ddz_net_update(net, values + samples, values + samples);
        for (size_t i = 0; i < 2 * samples; i++) {
            data[2 * i] = (uint8_t)((uint16_t)values[i] & 255);
            data[2 * i + 1] = (uint8_t)((uint16_t)values[i] >> 8);
        }
    }
    ddz_net_free(net);
    free(values);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: net_dump MODEL LABEL LEVEL_Q8 WIDTH HEIGHT FEATURES < input > output\n");
        return 2;
    }
    uint32_t width = (uint32_t)strtoul(argv[4], NULL, 10), height = (uint32_t)strtoul(argv[5], NULL, 10);
    ddz_model *model = load(argv[1]);
    size_t size;
    uint8_t *data = read_all(stdin, &size);
    int failed = !model || !data || size != (size_t)width * height * 12;
    if (failed)
        fprintf(stderr, "net_dump: no model, or input of another size\n");
    failed = failed || run(model, data, width, height, atoi(argv[2]), atoi(argv[3]), atoi(argv[6]));
    failed = failed || fwrite(data, 1, size, stdout) != size || fflush(stdout) != 0;
    free(data);
    ddz_model_free(model);
    return failed;
}
