/* Integer arithmetic of every width over many operands; one line of checksum an operation. */
#include <stdint.h>
#include <stdio.h>

static uint64_t seed = 88172645463325252u;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    /* Corners as often as anything: few bits, all bits but few. */
    switch (seed & 7) {
    case 0: return (uint64_t)1 << (seed >> 58);
    case 1: return ~((uint64_t)1 << (seed >> 58));
    case 2: return (uint64_t)((int64_t)seed >> 56);
    default: return seed;
    }
}

static uint64_t mix(uint64_t sum, uint64_t value)
{
    sum ^= value;
    sum *= 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

#define ROUNDS 20000
#define TEST(name, U, S, expression)                         \
    do {                                                     \
        uint64_t sum = 0;                                    \
        for (int round = 0; round < ROUNDS; round++) {       \
            U a = (U)next(), b = (U)next();                  \
            S x = (S)a, y = (S)b;                            \
            (void)a, (void)b, (void)x, (void)y;              \
            sum = mix(sum, (uint64_t)(expression));          \
        }                                                    \
        printf("%s %s %016llx\n", #U, name, (unsigned long long)sum); \
    } while (0)

#define WIDTH(U, S, BITS)                                                            \
    TEST("add", U, S, (U)(a + b));                                                   \
    TEST("sub", U, S, (U)(a - b));                                                   \
    TEST("mul", U, S, (U)((uint64_t)a * b));                                         \
    TEST("div", U, S, b ? a / b : 0);                                                \
    TEST("rem", U, S, b ? a % b : 0);                                                \
    TEST("idiv", U, S, y != 0 && y != -1 ? x / y : 0);                               \
    TEST("irem", U, S, y != 0 && y != -1 ? x % y : 0);                               \
    TEST("shl", U, S, (U)((uint64_t)a << (b % BITS)));                               \
    TEST("shr", U, S, a >> (b % BITS));                                              \
    TEST("sar", U, S, x >> (b % BITS));                                              \
    TEST("rol", U, S, (U)((uint64_t)a << (b % BITS) | a >> (BITS - 1 - b % BITS) >> 1)); \
    TEST("compare", U, S, (a < b) | (x < y) << 1 | (a == b) << 2 | (x <= y) << 3);   \
    TEST("overflow", U, S, ({ U r; S q; int o = __builtin_add_overflow(a, b, &r) |   \
        __builtin_sub_overflow(x, y, &q) << 1; (uint64_t)r ^ (uint64_t)q ^ o; }));   \
    TEST("imul overflow", U, S, ({ S q; int o = __builtin_mul_overflow(x, y, &q); (uint64_t)q + o; })); \
    TEST("bits", U, S, __builtin_popcountll(a) + (b ? __builtin_ctzll(b) * 64 + __builtin_clzll(b) * 4096 : 0)); \
    TEST("decimal", U, S, ({ char text[32]; snprintf(text, sizeof text, "%lld", (long long)x); \
        uint64_t h = 0; for (char *c = text; *c; c++) h = h * 31 + *c; h; }))

int main(void)
{
    WIDTH(uint8_t, int8_t, 8);
    WIDTH(uint16_t, int16_t, 16);
    WIDTH(uint32_t, int32_t, 32);
    WIDTH(uint64_t, int64_t, 64);
    TEST("bswap", uint64_t, int64_t, __builtin_bswap64(a) ^ __builtin_bswap32((uint32_t)b));
    TEST("blend", uint64_t, int64_t, (a & ~b) ^ (b & -b) ^ (a & (a - 1)));
    return 0;
}
