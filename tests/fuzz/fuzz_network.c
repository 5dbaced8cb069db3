/*
 * What loads as a model, of a hostile file, must also run: the network on a small picture, and schedules.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cpu/cpu.h"
#include "ddz.h"
#include "ddz/research.h"
#include "diffusion/schedule.h"
#include "model/model.h"
#include "model_input.h"
#include "nn/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_network(const struct ddz_model *model)
{
    enum { W = 5, H = 3 };
    const int32_t levels_q8[] = {-64 * 256, 32 * 256, 224 * 256};
    int16_t in[3 * W * H], out[3 * W * H];
    if (ddz_net_memory(model, NET_KEEPS, W, H, 1, ddz_cpu_allowed(-1)) > 64 << 20)
        return;
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, NET_KEEPS, W, H, NULL, ddz_cpu_allowed(-1));
    if (!net)
        abort();
    for (int i = 0; i < 3 * W * H; i++)
        in[i] = i % 2 ? INT16_MAX : INT16_MIN;
    for (int i = 0; i < 3; i++)
        ddz_net_forward(net, in, out, &(struct net_call){W, H, 3 * i, levels_q8[i], false});
    ddz_net_free(net);
}

static void build_schedules(const struct ddz_model *model)
{
    static struct schedule s;
    const uint32_t sizes[][2] = {{1, 1}, {65, 9}, {700, 500}, {65535, 4000}};
    for (int i = 0; i < 4; i++) {
        struct pyramid p = ddz_pyramid_of(sizes[i][0], sizes[i][1]);
        ddz_schedule_build(&s, model, &p, (struct walk){132, i, false, i});
        for (int k = 0; k < s.steps; k++)
            if (s.step[k].bits < 1 || ddz_step_bits(&s.step[k], 8 * k % 193 - 96) > s.step[k].samples)
                abort();
    }
}

static void run(const ddz_model *model)
{
    ddz_research_model_macs_per_pixel(model);
    build_schedules(model);
    run_network(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    load_input(data, size, run);
    return 0;
}
