#ifndef UTILS_H
#define UTILS_H

#include <stdio.h>

/* What a text holds. */
struct counts {
    unsigned long lines;
    unsigned long words;
    unsigned long bytes;
};

/* Reads a stream to its end. */
struct counts count(FILE *stream);

#endif
