#include "model/topology.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int ddz_tensor_channels(const struct architecture *a, struct tensor tensor)
{
    switch (tensor.kind) {
    case TENSOR_INPUT:
    case TENSOR_OUTPUT:
        return TOPOLOGY_PATCH;
    case TENSOR_INNER:
        return a->channels[tensor.level] / 2;
    case TENSOR_STREAM:
    case TENSOR_GATES:
    case TENSOR_SIFTED:
        break;
    }
    return a->channels[tensor.level];
}

struct list {
    const struct architecture *a;
    int network;
    struct layer_shape *layer; /* NULL: only counted */
    int count;
};

/* The channels follow from what the layer reads and writes. */
static void add(struct list *list, struct layer_shape layer, const char *format, ...)
{
    if (list->layer) {
        char name[2 * TOPOLOGY_NAME_SIZE];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(name, sizeof name, format, arguments);
        va_end(arguments);
        if (list->network)
            snprintf(layer.name, sizeof layer.name, "%d:%.20s", list->network, name);
        else
            snprintf(layer.name, sizeof layer.name, "%.20s", name);
        layer.cin = ddz_tensor_channels(list->a, layer.reads);
        layer.cout = ddz_tensor_channels(list->a, layer.writes);
        layer.cout *= layer.taps == 1 ? 4 : layer.end == END_GATE ? 2 : 1;
        list->layer[list->count] = layer;
    }
    list->count++;
}

static void add_blocks(struct list *list, const char *side, int level)
{
    struct tensor stream = {TENSOR_STREAM, level}, inner = {TENSOR_INNER, level};
    for (int block = 0; block < list->a->blocks[level]; block++) {
        add(list, (struct layer_shape){"", STAGE_CALL, level, 9, 0, 0, stream, inner, END_GATE},
            "%s.%d.%d.conv1", side, level, block);
        add(list, (struct layer_shape){"", STAGE_CALL, level, 9, 0, 0, inner, stream, END_ADD},
            "%s.%d.%d.conv2", side, level, block);
    }
}

int ddz_topology_layers(const struct architecture *a, int network, struct layer_shape *layer)
{
    struct list list = {a, network, layer, 0};
    struct tensor input = {TENSOR_INPUT, 0}, output = {TENSOR_OUTPUT, 0}, gates = {TENSOR_GATES, 0},
                  sifted = {TENSOR_SIFTED, 0}, stream[TOPOLOGY_MAX_LEVELS];
    for (int i = 0; i < a->levels; i++)
        stream[i] = (struct tensor){TENSOR_STREAM, i};

    add(&list, (struct layer_shape){"", STAGE_CALL, 0, 9, 0, 0, input, stream[0], END_STORE}, "head");
    for (int i = 0; i < a->levels; i++) {
        if (i > 0)
            add(&list, (struct layer_shape){"", STAGE_CALL, i, 4, 0, 0, stream[i - 1], stream[i], END_STORE},
                "down.%d", i - 1);
        add_blocks(&list, "enter", i);
    }
    for (int i = a->levels - 1; i > 0; i--) {
        add(&list, (struct layer_shape){"", STAGE_CALL, i, 1, 0, 0, stream[i], stream[i - 1], END_ADD},
            "up.%d", i - 1);
        add_blocks(&list, "leave", i - 1);
    }
    add(&list, (struct layer_shape){"", STAGE_CALL, 0, 9, 0, 0, stream[0], output, END_STORE}, "tail");
    add(&list, (struct layer_shape){"", STAGE_GATES, 0, 9, 0, 0, stream[0], gates, END_STORE}, "gates");
    add(&list, (struct layer_shape){"", STAGE_UPDATE, 0, 9, 0, 0, input, sifted, END_GATE_BY}, "sift");
    add(&list, (struct layer_shape){"", STAGE_UPDATE, 0, 9, 0, 0, sifted, output, END_STORE}, "join");
    return list.count;
}
