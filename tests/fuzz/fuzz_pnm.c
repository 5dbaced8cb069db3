/* The readers of PNM and PAM files on hostile files */
#include "imgio/pnm.h"
#include "picture_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > LARGEST_INPUT)
        return 0;
    if (pnm_is(data, size))
        read_input(pnm_read, data, size);
    if (pam_is(data, size))
        read_input(pam_read, data, size);
    return 0;
}
