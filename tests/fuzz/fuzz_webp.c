/* The reader of WebP files on hostile files */
#include "imgio/webp.h"
#include "picture_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= LARGEST_INPUT)
        read_input(webp_read, data, size);
    return 0;
}
