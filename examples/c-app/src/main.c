#include <stdio.h>

#include "utils.h"

int main(void) {
    struct counts counts = count(stdin);
    if (ferror(stdin)) {
        perror("app");
        return 1;
    }
    printf("%lu lines, %lu words, %lu bytes\n", counts.lines, counts.words, counts.bytes);
    return 0;
}
