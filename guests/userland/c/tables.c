/* Memory and libraries: sorting, searching, hashing, strings, text of numbers and back, libm. */
#define _GNU_SOURCE
#include <math.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 5000 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static double values[COUNT];
    static char text[COUNT * 64], again[COUNT * 64];
    char *at = text;
    uint32_t state = 12345;
    uint64_t hash = 1469598103934665603u;

    for (int i = 0; i < COUNT; i++) {
        state = state * 1103515245 + 12345;
        values[i] = ldexp((double)state, (int)(state >> 8 & 63) - 32);
    }
    qsort(values, COUNT, sizeof *values, by_value);
    for (int i = 0; i < COUNT; i++)
        at += sprintf(at, "%.17g %a\n", values[i], values[i]);
    for (char *line = text, *end; line < at; line = end + 1) {
        double first, second;
        char *rest;
        end = strchr(line, '\n');
        first = strtod(line, &rest);
        second = strtod(rest, NULL);
        if (first != second)
            printf("%.40s\n", line);
    }
    for (char *c = text; c < at; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    printf("text %ld %016llx\n", (long)(at - text), (unsigned long long)hash);
    for (size_t shift = 1; shift < 70; shift++) {
        memcpy(again + shift, text + shift / 3, COUNT * 16);
        memmove(again + 100 + shift, again + shift, COUNT * 8);
        memset(again + shift * 37, (int)shift, shift);
        if (memcmp(again, again + shift, 64) == 0 || !memmem(again, COUNT * 20, "0x1.", 4))
            printf("shift %zu\n", shift);
    }
    for (char *c = again; c < again + COUNT * 16; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    printf("moved %016llx\n", (unsigned long long)hash);
    /* libm within what every processor's variant of it agrees on. */
    for (double x = 0.1; x < 20; x *= 1.7)
        printf("%.11g %.11g %.11g %.11g %.11g %.11Lg %.11Lg\n", sin(x), cos(x), exp(x), log(x), pow(x, 1.37),
               sinl(x), expl(-x));
    return 0;
}
