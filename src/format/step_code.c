#include "format/step_code.h"

#include "format/limits.h"

void ddz_step_code_write(struct bit_writer *w, int last, int offset)
{
    ddz_bit_write_se(w, offset - last);
}

int ddz_step_code_length(int last, int offset)
{
    return ddz_bit_length_se(offset - last);
}

ddz_status ddz_step_code_read(struct bit_reader *r, int *offset)
{
    struct bit_reader at = *r;
    int32_t change;
    ddz_status status = ddz_bit_read_se(&at, &change);
    if (status != DDZ_OK)
        return status;
    int64_t found = (int64_t)*offset + change;
    if (found < -RATE_OFFSET_LIMIT || found > RATE_OFFSET_LIMIT)
        return DDZ_ERR_CORRUPT;
    *offset = (int)found;
    *r = at;
    return DDZ_OK;
}
