/* Write a small model with random weights: make_toy_model SEED FILE */
#include <stdio.h>
#include <stdlib.h>

#include "toy_model.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make_toy_model SEED FILE\n");
        return 2;
    }
    size_t size;
    uint8_t *data = toy_model(strtoull(argv[1], NULL, 10), &size);
    FILE *file = fopen(argv[2], "wb");
    int failed = !file || fwrite(data, 1, size, file) != size;
    failed = (file && fclose(file) != 0) || failed;
    if (failed)
        perror(argv[2]);
    free(data);
    return failed;
}
