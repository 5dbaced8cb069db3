#include "ddz.h"

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *ddz_version(void)
{
    return VERSION(DDZ_VERSION_MAJOR, DDZ_VERSION_MINOR, DDZ_VERSION_PATCH);
}

const char *ddz_strerror(ddz_status status)
{
    switch (status) {
    case DDZ_OK:
        return "no error";
    case DDZ_ERR_ARGUMENT:
        return "argument out of range";
    case DDZ_ERR_UNSUPPORTED:
        return "unknown to this version of the library";
    case DDZ_ERR_MEMORY:
        return "out of memory";
    case DDZ_ERR_MEMORY_LIMIT:
        return "more memory would be needed than is allowed";
    case DDZ_ERR_PIXEL_LIMIT:
        return "picture has more pixels than allowed";
    case DDZ_ERR_FORMAT:
        return "not a ddz stream, or of an unknown version";
    case DDZ_ERR_TRUNCATED:
        return "stream ends before its header does";
    case DDZ_ERR_CORRUPT:
        return "stream is damaged";
    case DDZ_ERR_DIGEST:
        return "digest does not match: the stream is damaged";
    case DDZ_ERR_FEATURE:
        return "stream needs a newer version of the library";
    case DDZ_ERR_MODEL:
        return "not a model file, or a damaged one";
    case DDZ_ERR_WRONG_MODEL:
        return "stream was made with another model";
    case DDZ_ERR_STATE:
        return "call is not valid at this point";
    case DDZ_ERR_CANCELLED:
        return "cancelled";
    }
    return "unknown error";
}
