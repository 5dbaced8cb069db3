/* The reader of TIFF files on hostile files */
#include "imgio/tiff.h"
#include "picture_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= LARGEST_INPUT)
        read_input(tiff_read, data, size);
    return 0;
}
