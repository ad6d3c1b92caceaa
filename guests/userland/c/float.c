/* Floating point of three widths in every rounding mode, corners among the operands. A line holds the
   checksum of all results' bits and of the exceptions raised. */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#pragma STDC FENV_ACCESS ON

static uint64_t seed = 1181783497276652981u;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static const uint64_t corners[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
    0xfff0000000000000, 0x7ff8000000000000, 0x0000000000000001, 0x800fffffffffffff, 0x0010000000000000,
    0x7fefffffffffffff, 0x3fefffffffffffff, 0x43e0000000000000, 0xc3e0000000000000, 0x41dfffffffc00000,
    0x36a0000000000000, 0x380fffffffffffff, 0x47efffffe0000000, 0x47efffffffffffff, 0x4330000000000001,
};

static double operand(void)
{
    uint64_t bits = next();
    double value;
    if ((bits & 3) == 0)
        bits = corners[bits >> 32 & 15];
    else if ((bits & 3) == 1)
        bits = (bits & 0x800fffffffffffff) | (uint64_t)(1008 + (bits >> 53 & 31)) << 52;
    memcpy(&value, &bits, 8);
    return value;
}

static uint64_t mix(uint64_t sum, uint64_t value)
{
    sum ^= value;
    sum *= 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/* A NaN's sign and payload are the compiler's choice of operand order: all NaNs count as one. */
static uint64_t bits_of(long double value)
{
    unsigned char bytes[16] = {0};
    uint64_t low, high = 0;
    if (value != value)
        return 0x7fc0;
    memcpy(bytes, &value, 10);
    memcpy(&low, bytes, 8);
    memcpy(&high, bytes + 8, 2);
    return low ^ high << 17;
}

#define ROUNDS 4000
#define OP(T, name, expression)                                                      \
    do {                                                                             \
        uint64_t sum = 0;                                                            \
        for (int round = 0; round < ROUNDS; round++) {                               \
            volatile T a = (T)operand(), b = (T)operand(), c = (T)operand();         \
            volatile T result;                                                       \
            (void)a, (void)b, (void)c;                                               \
            feclearexcept(FE_ALL_EXCEPT);                                            \
            result = (T)(expression);                                                \
            sum = mix(sum, bits_of(result));                                         \
            sum = mix(sum, fetestexcept(FE_ALL_EXCEPT));                             \
        }                                                                            \
        printf(#T " " name " %s %016llx\n", mode_name, (unsigned long long)sum);     \
    } while (0)

#define TYPE(T, SQRT)                                                        \
    OP(T, "add", a + b);                                                     \
    OP(T, "sub", a - b);                                                     \
    OP(T, "mul", a * b);                                                     \
    OP(T, "div", a / b);                                                     \
    OP(T, "sqrt", SQRT(a));                                                  \
    OP(T, "chain", (a * b + c) / (a - c));                                   \
    OP(T, "compare", (a < b) + 2 * (a == b) + 4 * (a > c) + 8 * !!isunordered(b, c)); \
    OP(T, "to int", fabsl(a) < 1e9L ? (T)(int)a + (T)lrintl(b < 1e9L && b > -1e9L ? b : 1) : 0); \
    OP(T, "to long", fabsl(a) < 9e18L ? (T)(int64_t)a : 0);                  \
    OP(T, "from int", ({ int32_t i = next(); int64_t l = next(); uint32_t u = next(); (T)i + (T)l + (T)u; })); \
    OP(T, "through float", (T)(float)a);                                     \
    OP(T, "through double", (T)(double)a)

static const char *mode_name;

int main(void)
{
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    static const char *const names[] = {"nearest", "down", "up", "zero"};
    for (int i = 0; i < 4; i++) {
        fesetround(modes[i]);
        mode_name = names[i];
        TYPE(float, sqrtf);
        TYPE(double, sqrt);
        TYPE(long double, sqrtl);
        OP(long double, "round", rintl(a) + truncl(b) - floorl(c));
        OP(long double, "remainder", fmodl(a, b));
    }
    return 0;
}
