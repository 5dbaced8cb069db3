/*
 * The `output` of Winograd's kernels for x86, for both forms. The file that includes it defines
 *   end_tiles(o, m, columns, end, upper)
 * which is compiled for each way in which tiles end.
 */
#define END(end, upper) end_tiles(o, m, columns, end, upper)

INLINE void output(const struct wino_output *o, const int32_t *m, int columns)
{
    WITH_END(o->end, o->rescaling.shift, END)
}

#undef END

static void output_2(const struct wino_output *o, const int32_t *m)
{
    output(o, m, 2);
}

static void output_4(const struct wino_output *o, const int32_t *m)
{
    output(o, m, 4);
}
