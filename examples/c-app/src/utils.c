#include "utils.h"

#include <ctype.h>

struct counts count(FILE *stream) {
    struct counts counts = {0, 0, 0};
    int in_word = 0;
    for (int c; (c = getc(stream)) != EOF;) {
        counts.bytes++;
        counts.lines += c == '\n';
        if (isspace(c)) {
            in_word = 0;
        } else if (!in_word) {
            in_word = 1;
            counts.words++;
        }
    }
    return counts;
}
