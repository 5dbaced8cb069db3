/*
 * The model's loader on hostile files, without a network behind it, and what can be asked of what loads.
 */
#include <stddef.h>
#include <stdint.h>

#include "ddz/research.h"
#include "model_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const ddz_model *model)
{
    ddz_research_model_macs_per_pixel(model);
    if (!ddz_model_matches(model, ddz_model_id(model), 32))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    load_input(data, size, ask);
    return 0;
}
