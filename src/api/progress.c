#include "api/progress.h"

#include <math.h>

static ddz_status tell(struct progress *p, double share)
{
    p->told = fmin(1, fmax(p->told, share));
    return p->callback && p->callback(p->cookie, p->told) ? DDZ_ERR_CANCELLED : DDZ_OK;
}

ddz_status ddz_progress_begin(struct progress *p)
{
    p->told = p->from = 0;
    p->until = 1;
    return tell(p, 0);
}

void ddz_progress_next(struct progress *p, int percent)
{
    p->from = p->until < 1 ? p->until : p->told;
    p->until = p->from + (1 - p->from) * percent / 100;
}

ddz_status ddz_progress_tell(struct progress *p, uint64_t done, uint64_t total)
{
    return tell(p, p->from + (p->until - p->from) * (double)done / (double)total);
}

ddz_status ddz_progress_again(struct progress *p)
{
    return tell(p, p->told);
}

ddz_status ddz_progress_end(struct progress *p)
{
    return tell(p, 1);
}
