/* The reader of JPEG files on hostile files */
#include "imgio/jpeg.h"
#include "picture_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= LARGEST_INPUT)
        read_input(jpeg_read, data, size);
    return 0;
}
