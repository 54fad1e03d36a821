#include <stdio.h>
#include "utils.h"
int main(void) { printf("%d %d\n", twice(21), LEVEL); return 0; }
