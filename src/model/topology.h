/*
 * The layers of the network: one table, from which loading, validation, memory, packing of the weights and the
 * order of running follow.
 *
 * A U-Net: level i works on 1 / 4^(i + 1) of the picture's pixels. Each level has a residual stream. Going down,
 * blocks "enter" refine the stream and "down" begins the next level's; going up, "up" adds the deeper level's
 * stream to this one, and blocks "leave" refine it again. A block adds conv2(gate(conv1(stream))) to the stream.
 * The last three layers serve the updates of an estimate (HACKING.md).
 */
#ifndef DDZ_MODEL_TOPOLOGY_H
#define DDZ_MODEL_TOPOLOGY_H

enum {
    TOPOLOGY_MAX_LEVELS = 5,
    TOPOLOGY_PATCH = 12, /* channels of network input and output: 2x2 pixels of 3 colours */
    TOPOLOGY_NAME_SIZE = 24
};

struct architecture {
    int levels; /* of the U-Net, 1 to TOPOLOGY_MAX_LEVELS */
    int channels[TOPOLOGY_MAX_LEVELS], blocks[TOPOLOGY_MAX_LEVELS];
};

/* What layers read and write. */
enum tensor_kind {
    TENSOR_INPUT,  /* TOPOLOGY_PATCH channels: the noisy picture, or a step's noise */
    TENSOR_STREAM, /* residual stream of a level */
    TENSOR_INNER,  /* between the two convolutions of a block: half of the stream's channels */
    TENSOR_GATES,  /* of level 0: how far each update opens each channel at each place */
    TENSOR_SIFTED, /* of level 0: what the gates let through of a step's noise */
    TENSOR_OUTPUT  /* TOPOLOGY_PATCH channels */
};

struct tensor {
    enum tensor_kind kind;
    int level; /* whose size it has */
};

int ddz_tensor_channels(const struct architecture *a, struct tensor tensor);

/* When a layer runs. */
enum layer_stage {
    STAGE_CALL,  /* in every call */
    STAGE_GATES, /* once after a call that updates follow */
    STAGE_UPDATE /* in every update */
};

/* What happens to a layer's result v, already clamped to int16, for an output o. */
enum layer_end {
    END_STORE,  /* written */
    END_ADD,    /* added to what `writes` holds, before it is clamped */
    END_GATE,   /* the second half of the channels gates the first half, which alone is written */
    END_GATE_BY /* gated by the TENSOR_GATES of the call */
};

struct layer_shape {
    char name[TOPOLOGY_NAME_SIZE]; /* as in the model file; NUL-terminated */
    enum layer_stage stage;
    int level; /* at whose pixels each filter is evaluated once */
    int taps;  /* 9: 3x3, stride 1; 4: 2x2, stride 2; 1: 1x1, whose outputs become 2x2 pixels */
    int cin, cout;
    struct tensor reads, writes;
    enum layer_end end;
};

/* Fills `layer` with the layers of network number `network` in the order in which they run, and returns how
 * many there are; NULL: only counts. Names of network n > 0 begin with "n:". */
int ddz_topology_layers(const struct architecture *a, int network, struct layer_shape *layer);

#endif
