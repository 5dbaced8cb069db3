/* The loop of the direct kernel, on which others fall back */
#ifndef DDZ_NN_CONV_X86_DIRECT_AVXVNNI_H
#define DDZ_NN_CONV_X86_DIRECT_AVXVNNI_H

#include "nn/conv/direct.h"

direct_fn ddz_direct_avxvnni;

#endif
