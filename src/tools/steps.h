/* ddpmenc --verbose: the steps of a picture. */
#ifndef DDZ_TOOLS_STEPS_H
#define DDZ_TOOLS_STEPS_H

#include "ddz.h"

/* A table of the steps that the encoder has sent, on standard error. Returns an exit status. */
int steps_print(const ddz_encoder *encoder);

#endif
