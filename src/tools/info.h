/* What ddpmdec --info prints on standard output. */
#ifndef DDZ_TOOLS_INFO_H
#define DDZ_TOOLS_INFO_H

#include "ddz.h"

/* What the header alone says. */
void info_print_header(const ddz_info *info);

/* And the rest, of what the decoder was fed, which `data` begins with. */
ddz_status info_print(ddz_decoder *decoder, const ddz_model *model, const uint8_t *data);

#endif
