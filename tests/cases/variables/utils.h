int twice(int n);
#ifndef LEVEL
#define LEVEL 0
#endif
